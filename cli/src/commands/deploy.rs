//! `fusion deploy`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::Stdio;

use clap::Args;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::client::{Deployment, Target};
use crate::failure::{Failure, Result};
use crate::output;
use crate::project::Project;
use crate::push::{Push, PushOptions};
use crate::spinner::Spinner;

/// Push the functions and the schema of this folder to a deployment.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion deploy                                   to the server that runs here, or the one in .env.local
  fusion deploy --dry-run                         say what would change
  fusion deploy --url https://api.example.com --admin-key KEY
  fusion deploy --cmd 'npm run build'             build the pages first, with CONVEX_URL set")]
pub(crate) struct Deploy {
    /// Say what would change, but change nothing.
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before indexes of large tables are removed or filled.
    #[arg(long, short, visible_alias = "skip-large-indexes-check")]
    yes: bool,

    /// Command to run first, such as the build of the pages; the deployment's URLs are in its environment.
    #[arg(long, value_name = "COMMAND")]
    cmd: Option<String>,

    /// Name of the variable with the URL for that command [default: what the project's framework passes on].
    #[arg(long, value_name = "NAME", requires = "cmd")]
    cmd_url_env_var_name: Option<String>,

    /// What this push is for, for the record.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,

    #[command(flatten)]
    push: PushOptions,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Deploy) -> Result {
    let project = Project::here()?;
    let deployment = command.target.deployment()?;
    if let Some(build) = &command.cmd {
        run_build(&project, &deployment, build, &command).await?;
    }
    let begin = Instant::now();
    let push = Push {
        project: &project,
        deployment: &deployment,
        options: &command.push,
        dry_run: command.dry_run,
        confirm: if command.yes { None } else { Some(&confirm) },
        message: command.message.as_deref(),
        spinner: &Spinner::new(),
    };
    push.run().await.map_err(|error| error.failure)?;
    output::talk(format_args!(
        "{} {} ({:.1} s).",
        if command.dry_run { "Nothing was changed on" } else { "Deployed to" },
        deployment.url().as_str().trim_end_matches('/'),
        begin.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Asks whether to go on.
fn confirm(question: &str) -> Result {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("{question}\nthere is nobody to ask")).hint("add --yes to go on"));
    }
    output::talk(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::new(format!("the answer could not be read: {error}")))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::new("not pushed, as you said"))
    }
}

/// Runs a command of the project with the deployment's URLs in its environment.
async fn run_build(project: &Project, deployment: &Deployment, build: &str, command: &Deploy) -> Result {
    let names = project.url_names();
    let url_name = command.cmd_url_env_var_name.as_ref().unwrap_or(&names.url);
    if command.dry_run {
        output::talk(format_args!("Would run {build:?} with {url_name} and {} set.", names.site_url));
        return Ok(());
    }
    let urls = deployment.get("/api/v1/get_canonical_urls").await?;
    let url = |name: &str| urls.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    output::talk(format_args!("Running {build:?} with {url_name} and {} set.", names.site_url));
    let status = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(build)
        .env(url_name, url("convexCloudUrl"))
        .env(&names.site_url, url("convexSiteUrl"))
        .current_dir(&project.root)
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| Failure::new(format!("{build:?} could not be run: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{build:?} failed ({status}); nothing was pushed")))
    }
}
