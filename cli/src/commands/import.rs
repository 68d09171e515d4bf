//! `fusion import`.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use crate::client::{Deployment, Target};
use crate::failure::{Failure, Result};
use crate::output;
use crate::progress::Progress;
use crate::watch::{Watched, watch};

/// Bytes sent at once.
const PART_SIZE: u64 = 8 << 20;
/// Most parts the server takes.
const PARTS_MAX: u64 = 9_999;

/// Import documents from a CSV, JSON or JSONL file into a table, or a snapshot from a ZIP file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion import --table messages messages.jsonl
  fusion import --table messages --replace messages.csv
  fusion import --replace-all snapshot.zip    what `fusion export` wrote")]
pub(crate) struct Import {
    /// File to import.
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Table to import into; not for ZIP files, which say it themselves.
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,

    /// Replace all documents of the imported tables.
    #[arg(long, conflicts_with_all = ["append", "replace_all"])]
    replace: bool,

    /// Add to the documents of the imported tables.
    #[arg(long, conflicts_with = "replace_all")]
    append: bool,

    /// Replace all documents of the deployment: tables that are not in the file are emptied, or removed if they are not
    /// in the schema.
    #[arg(long)]
    replace_all: bool,

    /// Do not ask before documents are deleted.
    #[arg(short, long)]
    yes: bool,

    /// Form of the file, if its name does not tell.
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Component to import into.
    #[arg(long, value_name = "PATH")]
    component: Option<String>,

    #[command(flatten)]
    target: Target,
}

impl Import {
    /// The same command with one more flag.
    fn again(&self, flag: &str) -> String {
        let mut words = vec!["fusion import".to_owned()];
        words.extend(self.table.iter().map(|table| format!("--table {table}")));
        let modes =
            [(self.replace, "--replace"), (self.append, "--append"), (self.replace_all, "--replace-all")];
        words.extend(modes.iter().filter(|(is_on, _)| *is_on).map(|(_, mode)| (*mode).to_owned()));
        words.extend(self.format.map(|format| format!("--format {}", format.name())));
        words.extend([flag.to_owned(), self.path.display().to_string()]);
        words.join(" ")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A header row, then a document in each row.
    Csv,
    /// A JSON object in each line.
    #[value(name = "jsonLines", alias = "jsonl")]
    JsonLines,
    /// A JSON array of objects.
    #[value(name = "jsonArray", alias = "json")]
    JsonArray,
    /// What `fusion export` writes.
    Zip,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonLines",
            Self::JsonArray => "jsonArray",
            Self::Zip => "zip",
        }
    }

    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            "json" => Some(Self::JsonArray),
            "zip" => Some(Self::Zip),
            _ => None,
        }
    }
}

pub(super) async fn run(command: Import) -> Result {
    let format = command.format.or_else(|| Format::of(&command.path)).ok_or_else(|| {
        Failure::usage(format!("the name of {} does not tell its form", command.path.display()))
            .hint("add --format csv, jsonLines, jsonArray or zip")
    })?;
    match (&command.table, format) {
        (None, Format::Csv | Format::JsonLines | Format::JsonArray) => {
            return Err(Failure::usage(format!("a file in the format {} needs a table", format.name()))
                .hint(format!("fusion import --table TABLE {}", command.path.display())));
        }
        (Some(_), Format::Zip) => {
            return Err(Failure::usage("a ZIP file says itself which tables it holds")
                .hint(format!("fusion import {}", command.path.display())));
        }
        _ => {}
    }
    let file = std::fs::File::open(&command.path).map_err(|error| Failure::file(&command.path, &error))?;
    let deployment = command.target.deployment()?;
    let mut progress = Progress::begin(&format!("Uploading {}", command.path.display()));
    let id = upload(&command, format, file, &deployment, &progress).await?;
    progress.spin();
    progress.say("Reading the file");
    let mut shown = 0;
    loop {
        match next_state(&deployment, &id, &command, &mut progress, &mut shown).await? {
            State::Waiting { message, needs_person } => {
                progress.done(&message);
                if needs_person && !command.yes {
                    let wanted = is_wanted(&command);
                    if !matches!(wanted, Ok(true)) {
                        deployment.post("/api/cancel_import", &json!({"importId": id}), None).await?;
                    }
                    if !wanted? {
                        return Err(Failure::new("the import was canceled; nothing was changed"));
                    }
                }
                progress.say("Importing");
                deployment.post("/api/perform_import", &json!({"importId": id}), None).await?;
            }
            State::Completed(documents) => {
                progress.end();
                output::talk(format_args!("Added {documents} documents."));
                return Ok(());
            }
        }
    }
}

/// Sends the file in parts; the id of the import.
async fn upload(
    command: &Import,
    format: Format,
    mut file: std::fs::File,
    deployment: &Deployment,
    progress: &Progress,
) -> Result<String> {
    let unreadable = |error: std::io::Error| Failure::file(&command.path, &error);
    let total = file.metadata().map_err(unreadable)?.len();
    let part_size = PART_SIZE.max(total.div_ceil(PARTS_MAX));
    let started = deployment.post("/api/import/start_upload", &json!({}), None).await?;
    let token = started["uploadToken"].as_str().unwrap_or_default().to_owned();
    let mut parts: Vec<Json> = Vec::new();
    let mut sent = 0;
    loop {
        let mut part = Vec::new();
        (&mut file).take(part_size).read_to_end(&mut part).map_err(unreadable)?;
        if part.is_empty() {
            break;
        }
        sent += part.len() as u64;
        let number = (parts.len() + 1).to_string();
        let query = [("uploadToken", token.as_str()), ("partNumber", number.as_str())];
        parts.push(deployment.upload("/api/import/upload_part", &query, part).await?);
        progress.bytes(sent, total);
    }
    let mode = match command {
        Import { append: true, .. } => "append",
        Import { replace: true, .. } => "replace",
        Import { replace_all: true, .. } => "replaceAll",
        _ => "requireEmpty",
    };
    let mut import = json!({"mode": mode, "format": format.name()});
    if let Some(table) = &command.table {
        import["tableName"] = json!(table);
    }
    if let Some(component) = &command.component {
        import["componentPath"] = json!(component);
    }
    let body = json!({"import": import, "uploadToken": token, "partTokens": parts});
    let finished = deployment.post("/api/import/finish_upload", &body, None).await?;
    let id = finished["importId"].as_str();
    Ok(id.ok_or_else(|| Failure::new("the server gave the import no id"))?.to_owned())
}

/// What an import waits for.
enum State {
    Waiting { message: String, needs_person: bool },
    Completed(i64),
}

async fn next_state(
    deployment: &Deployment,
    id: &str,
    command: &Import,
    progress: &mut Progress,
    shown: &mut usize,
) -> Result<State> {
    let args = json!({"importId": id});
    let query = Watched { path: "_system/cli/queryImport", args: &args, component: None, identity: None };
    watch(deployment, &query, |import| {
        let state = &import["state"];
        let text = |name: &str| state[name].as_str().unwrap_or_default().to_owned();
        Ok(match state["state"].as_str() {
            Some("waiting_for_confirmation") => ControlFlow::Break(State::Waiting {
                message: text("message_to_confirm"),
                needs_person: state["require_manual_confirmation"].as_bool().unwrap_or(true),
            }),
            Some("completed") => {
                let documents = fusion_schema::json::from_serde(&state["num_rows_written"]);
                ControlFlow::Break(State::Completed(match documents {
                    Ok(fusion_schema::Value::Int64(documents)) => documents,
                    _ => 0,
                }))
            }
            Some("failed") => {
                let message = text("error_message");
                let failure = Failure::new(format!("{}: {message}", command.path.display()));
                let adds = message.contains("already exists");
                return Err(if adds { failure.hint(command.again("--append")) } else { failure });
            }
            Some("in_progress") => {
                let checkpoints = state["checkpoint_messages"].as_array().map_or(&[][..], Vec::as_slice);
                for checkpoint in checkpoints.iter().skip(*shown) {
                    progress.done(checkpoint.as_str().unwrap_or_default());
                }
                *shown = checkpoints.len().max(*shown);
                if let Some(message) = state["progress_message"].as_str() {
                    progress.say(message);
                }
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        })
    })
    .await
}

/// Asks the person at the terminal.
fn is_wanted(command: &Import) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("the import deletes documents, and nobody is there to be asked")
            .hint(command.again("--yes")));
    }
    let mut stderr = std::io::stderr().lock();
    let mut answer = String::new();
    let asked = write!(stderr, "Perform import? (Y/n) ").and_then(|()| stderr.flush());
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    read.map_err(|error| Failure::new(format!("the answer could not be read: {error}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}
