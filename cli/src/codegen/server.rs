//! `server`: what functions are defined with, bound to the types of the app's documents.

use std::fmt::Write as _;

use super::{Analysis, header};
use crate::failure::{Failure, Result};
use crate::typescript::type_of;

const ABOUT: &str = "What the functions of this app are defined with.";
/// What every deployment sets.
const PLATFORM_VARIABLES: [&str; 2] = ["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"];

/// What defines a function: its name, what it makes, for whom, and a word about it.
const BUILDERS: [(&str, &str, &str, &str); 6] = [
    ("query", "QueryBuilder", "public", "A query that clients may call: it reads the database."),
    ("internalQuery", "QueryBuilder", "internal", "A query that only other functions may call."),
    (
        "mutation",
        "MutationBuilder",
        "public",
        "A mutation that clients may call: it reads and writes the database, all of it or nothing.",
    ),
    ("internalMutation", "MutationBuilder", "internal", "A mutation that only other functions may call."),
    (
        "action",
        "ActionBuilder",
        "public",
        "An action that clients may call: it talks to the world outside, and calls queries and mutations.",
    ),
    ("internalAction", "ActionBuilder", "internal", "An action that only other functions may call."),
];
const HTTP_ACTION_COMMENT: &str = "An HTTP action: it answers requests that `convex/http.ts` routes to it.";
const ENV_COMMENT: &str = "The environment variables: those that every deployment sets, and those that `convex.config.ts` declares.";

const TYPES: &str = r#"/** What a query gets as its first argument. */
export type QueryCtx = GenericQueryCtx<DataModel>;

/** What a mutation gets as its first argument. */
export type MutationCtx = GenericMutationCtx<DataModel>;

/** What an action gets as its first argument. */
export type ActionCtx = GenericActionCtx<DataModel>;

/** The database as a query has it: `get` and `query`. */
export type DatabaseReader = GenericDatabaseReader<DataModel>;

/** The database as a mutation has it: with writes, of which all happen or none. */
export type DatabaseWriter = GenericDatabaseWriter<DataModel>;
"#;

const TYPE_NAMES: &str = "  ActionBuilder,
  HttpActionBuilder,
  MutationBuilder,
  QueryBuilder,
  GenericActionCtx,
  GenericMutationCtx,
  GenericQueryCtx,
  GenericDatabaseReader,
  GenericDatabaseWriter,
} from \"convex/server\";
";
const VALUE_IMPORTS: &str = "import {
  actionGeneric,
  httpActionGeneric,
  queryGeneric,
  mutationGeneric,
  internalActionGeneric,
  internalMutationGeneric,
  internalQueryGeneric,
} from \"convex/server\";
";
const DATA_MODEL_IMPORT: &str = "import type { DataModel } from \"./dataModel.js\";\n\n";

/// `server.d.ts`.
pub(super) fn declarations(analysis: &Analysis) -> Result<String> {
    let mut out = header(ABOUT);
    let _ = write!(out, "import {{\n{TYPE_NAMES}{DATA_MODEL_IMPORT}");
    write_environment(&mut out, analysis)?;
    for (name, builder, visibility, comment) in BUILDERS {
        let _ = writeln!(
            out,
            "/** {comment} */\nexport declare const {name}: {builder}<DataModel, \"{visibility}\">;\n"
        );
    }
    let _ =
        writeln!(out, "/** {HTTP_ACTION_COMMENT} */\nexport declare const httpAction: HttpActionBuilder;\n");
    let _ = writeln!(out, "/** {ENV_COMMENT} */\nexport declare const env: Env;\n");
    out.push_str(TYPES);
    Ok(out)
}

/// `server.ts`.
pub(super) fn typescript(analysis: &Analysis) -> Result<String> {
    let mut out = header(ABOUT);
    let _ = write!(out, "{VALUE_IMPORTS}import type {{\n{TYPE_NAMES}{DATA_MODEL_IMPORT}");
    write_environment(&mut out, analysis)?;
    for (name, builder, visibility, comment) in BUILDERS {
        let _ = writeln!(
            out,
            "/** {comment} */\nexport const {name}: {builder}<DataModel, \"{visibility}\"> = {name}Generic;\n"
        );
    }
    let _ = writeln!(
        out,
        "/** {HTTP_ACTION_COMMENT} */\nexport const httpAction: HttpActionBuilder = httpActionGeneric;\n"
    );
    // Not the bare `process`, which only projects with Node's types know.
    let _ = writeln!(
        out,
        "/** {ENV_COMMENT} */\nexport const env: Env = (globalThis as unknown as {{ process: {{ env: Env }} }})\n  .process.env;\n"
    );
    out.push_str(TYPES);
    Ok(out)
}

/// `server.js`.
pub(super) fn javascript() -> String {
    let mut out = header(ABOUT);
    let _ = writeln!(out, "{VALUE_IMPORTS}");
    for (name, _, _, comment) in BUILDERS {
        let _ = writeln!(out, "/** {comment} */\nexport const {name} = {name}Generic;\n");
    }
    let _ = writeln!(out, "/** {HTTP_ACTION_COMMENT} */\nexport const httpAction = httpActionGeneric;\n");
    let _ = writeln!(out, "/** {ENV_COMMENT} */\nexport const env = process.env;");
    out
}

/// The type of the environment variables.
fn write_environment(out: &mut String, analysis: &Analysis) -> Result {
    let _ = writeln!(out, "/** {ENV_COMMENT} */\ntype Env = {{");
    for name in PLATFORM_VARIABLES {
        let _ = writeln!(out, "  readonly {name}: string;");
    }
    for (name, variable) in &analysis.environment {
        let kind = type_of(&variable.validator).ok_or_else(|| {
            Failure::new(format!("the server described the variable {name} with no validator"))
        })?;
        let missing = if variable.is_optional { " | undefined" } else { "" };
        let _ = writeln!(out, "  readonly {name}: {kind}{missing};");
    }
    out.push_str("};\n\n");
    Ok(())
}
