//! A backend of one's own: a table, a query and a mutation, served with the options of `fusion serve`.

use std::process::ExitCode;

use fusion_runtime::Result;
use fusion_runtime::function::{Application, MutationCtx, QueryCtx, Visibility};
use fusion_schema::{Doc, Id, Schema, Table, Typed};

/// A table: documents that do not look like this are refused.
#[derive(Debug, Table)]
#[table(name = "notes")]
struct Note {
    text: String,
}

#[derive(Debug, Typed)]
struct Add {
    text: String,
}

/// Clients that watch it hear of every change.
fn list(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Vec<Doc<Note>>> {
    ctx.db().query::<Note>().collect()
}

fn add(ctx: &mut MutationCtx<'_>, args: Add) -> Result<Id<Note>> {
    ctx.db().insert(Note { text: args.text })
}

fn main() -> ExitCode {
    let mut app = Application::new("notes").schema(Schema::new(vec![Note::definition()]));
    app.module("notes", Visibility::Public, (), |notes| {
        notes.query("list", list).mutation("add", add);
    });
    fusion_cli::serve_application(app)
}
