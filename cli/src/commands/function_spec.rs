//! `fusion function-spec`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::client::Target;
use crate::failure::{Failure, Result};
use crate::output;

/// Print all functions with their arguments and results, as JSON.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion function-spec > functions.json
  fusion function-spec --component rateLimiter")]
pub(crate) struct FunctionSpec {
    /// File to write to instead of stdout.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Component whose functions are printed.
    #[arg(long, value_name = "PATH", default_value = "")]
    component: String,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: FunctionSpec) -> Result {
    let deployment = command.target.deployment()?;
    let functions =
        deployment.system_query_in(&command.component, "_system/cli/modules:apiSpec", json!({})).await?;
    let url = deployment.system_query("_system/cli/convexUrl:cloudUrl", json!({})).await?;
    let spec = format!("{:#}", json!({"url": url, "functions": functions}));
    let Some(file) = command.file else { return output::data(spec) };
    std::fs::write(&file, spec + "\n").map_err(|error| Failure::file(&file, &error))?;
    output::talk(format_args!("Wrote the functions to {}", file.display()));
    Ok(())
}
