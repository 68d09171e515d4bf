//! `fusion codegen`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};

use crate::client::Target;
use crate::failure::{Failure, Result};
use crate::{output, typescript};

/// Write the typed `api` (api.d.ts, api.js) of a deployment's functions for TypeScript clients.
#[derive(Args, Debug)]
pub(crate) struct Codegen {
    /// Folder to write to.
    #[arg(long, value_name = "FOLDER", default_value = "convex/_generated")]
    out: PathBuf,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Codegen) -> Result {
    let spec = command.target.deployment()?.system_query("_system/cli/modules:apiSpec", json!({})).await?;
    let Json::Array(functions) = spec else {
        return Err(Failure::new("the server's list of functions is none"));
    };
    let declarations = typescript::api_d_ts(&functions)?;
    std::fs::create_dir_all(&command.out).map_err(|error| Failure::file(&command.out, &error))?;
    for (name, content) in [("api.d.ts", declarations.as_str()), ("api.js", typescript::API_JS)] {
        let path = command.out.join(name);
        // A file that stays the same keeps its time, so that watchers do not wake up.
        if std::fs::read_to_string(&path).is_ok_and(|former| former == content) {
            continue;
        }
        std::fs::write(&path, content).map_err(|error| Failure::file(&path, &error))?;
        output::talk(format_args!("Wrote {}", path.display()));
    }
    Ok(())
}
