//! Pushing a project again and again while somebody works on it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::Deployment;
use crate::failure::{Failure, Result};
use crate::file_watcher::Watcher;
use crate::function_name::canonical_path;
use crate::log_tail::{self, TailLogs};
use crate::output;
use crate::project::Project;
use crate::push::{Push, PushError, PushOptions, Remedy};
use crate::spinner::Spinner;
use crate::watch::{Watched, watch};

/// The longest time between two attempts when only time can help.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How long to wait after the deployment could not be watched.
const WATCH_RETRY: Duration = Duration::from_secs(1);

/// What to do with the functions of a folder.
#[derive(Args, Debug)]
#[command(next_help_heading = "Functions")]
pub(crate) struct DevelopOptions {
    /// Push once and end; fail if the push fails.
    #[arg(long, conflicts_with = "until_success")]
    once: bool,

    /// Push whenever files change until it succeeds, and end.
    #[arg(long)]
    until_success: bool,

    /// Function to run after the first push that succeeds, such as `init:seed`.
    #[arg(long, value_name = "FUNCTION")]
    run: Option<String>,

    /// Command to run beside this one once the functions are there, such as the server of the pages.
    #[arg(long, value_name = "COMMAND")]
    start: Option<String>,

    /// Show what functions log.
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        num_args = 0..=1,
        default_value_t = TailLogs::PauseOnDeploy,
        default_missing_value = "always"
    )]
    tail_logs: TailLogs,

    #[command(flatten)]
    push: PushOptions,
}

impl DevelopOptions {
    /// Whether it makes no sense without functions.
    pub(crate) fn needs_functions(&self) -> bool {
        self.once || self.until_success || self.run.is_some() || self.start.is_some()
    }
}

/// Pushes the project to a deployment now and whenever it changes.
///
/// # Errors
/// When it makes no sense to go on, and with `--once` when the push fails.
pub(crate) async fn develop(project: Project, deployment: &Deployment, options: &DevelopOptions) -> Result {
    let spinner = Spinner::new();
    let (pause, paused) = watch::channel(false);
    let pushing = push_on_change(project, deployment, options, &spinner, &pause);
    let ends = options.once || options.until_success;
    if ends || options.tail_logs == TailLogs::Disable {
        return pushing.await;
    }
    tokio::select! {
        result = pushing => result,
        () = log_tail::tail(deployment, &spinner, paused) => Ok(()),
    }
}

async fn push_on_change(
    mut project: Project,
    deployment: &Deployment,
    options: &DevelopOptions,
    spinner: &Spinner,
    pause: &watch::Sender<bool>,
) -> Result {
    let root = project.root.clone();
    let mut watcher = if options.once { None } else { Some(Watcher::new(&project)?) };
    let mut beside: Option<Beside> = None;
    let mut succeeded = false;
    let mut failures = 0;
    loop {
        let mut hope = None;
        let _ = pause.send(options.tail_logs == TailLogs::PauseOnDeploy);
        match push_once(&project, deployment, options, spinner).await {
            Ok(inputs) => {
                failures = 0;
                // After a failure the log waits, so that the error stays in sight.
                let _ = pause.send(false);
                if !succeeded {
                    succeeded = true;
                    if let Some(function) = &options.run {
                        let ran = run_function(deployment, function).await;
                        if options.once || options.until_success {
                            ran?;
                        } else if let Err(failure) = ran {
                            output::talk(failure);
                        }
                    }
                    if options.once || options.until_success {
                        return Ok(());
                    }
                    if let Some(command) = &options.start {
                        beside = Some(Beside::start(command, &project)?);
                    }
                }
                if let Some(watcher) = &mut watcher {
                    watcher.also(&inputs)?;
                }
            }
            Err(error) if options.once || error.remedy == Remedy::None => return Err(error.failure),
            Err(PushError { failure, remedy }) => {
                hope = Hope::of(&remedy, deployment).await;
                output::talk(&failure);
                if succeeded {
                    output::talk("The functions pushed before go on serving.");
                }
                if remedy == Remedy::Time {
                    let pause = Duration::from_millis(500 << failures.min(6)).min(RETRY_MAX);
                    failures += 1;
                    output::talk(format_args!("Trying again in {:.1} s.", pause.as_secs_f64()));
                    tokio::time::sleep(pause).await;
                    continue;
                }
                output::talk(match &remedy {
                    Remedy::Environment => "Waiting for the variable, or a change.".to_owned(),
                    Remedy::Documents(table) => {
                        format!("Waiting for a change, of the files or of table {table}.")
                    }
                    _ => "Waiting for a change.".to_owned(),
                });
            }
        }
        let Some(watcher) = &mut watcher else { return Ok(()) };
        tokio::select! {
            () = watcher.changed() => {}
            () = fulfilled(hope.as_ref(), deployment) => {}
            ended = ended(&mut beside) => return ended,
        }
        // The settings may have changed. If they are broken, the next push says so.
        match Project::open(&root) {
            Ok(changed) => project = changed,
            Err(failure) => output::talk(failure),
        }
    }
}

/// Pushes and says so; the files it was made of.
async fn push_once(
    project: &Project,
    deployment: &Deployment,
    options: &DevelopOptions,
    spinner: &Spinner,
) -> Result<Vec<PathBuf>, PushError> {
    let begin = Instant::now();
    let push = Push {
        project,
        deployment,
        options: &options.push,
        dry_run: false,
        confirm: None,
        message: None,
        spinner,
    };
    let pushed = push.run().await?;
    output::talk(format_args!("Functions are ready ({:.2} s).", begin.elapsed().as_secs_f64()));
    Ok(pushed.inputs)
}

/// Runs a function without arguments and shows what it returns.
async fn run_function(deployment: &Deployment, function: &str) -> Result {
    let path = canonical_path(function).ok_or_else(|| {
        Failure::usage(format!("{function:?} has too few parts")).hint("--run module:function")
    })?;
    let (lines, result) = deployment.call(&path, &json!({}), None, None).await?;
    lines.iter().for_each(output::talk);
    match result? {
        Json::Null => output::talk(format_args!("Ran {path}.")),
        value => {
            output::talk(format_args!("Ran {path}:"));
            output::data(format_args!("{value:#}"))?;
        }
    }
    Ok(())
}

/// What may help a push to succeed: a query of the deployment, and its value when the push failed.
struct Hope {
    path: &'static str,
    args: Json,
    former: Option<Json>,
}

impl Hope {
    /// What there is to hope for; nothing on the deployment if `None`. To be asked before the failure is shown: whoever
    /// sees it may act at once.
    async fn of(remedy: &Remedy, deployment: &Deployment) -> Option<Self> {
        let (path, args) = match remedy {
            Remedy::Environment => ("_system/cli/queryEnvironmentVariables", json!({})),
            Remedy::Documents(table) => ("_system/cli/queryTable", json!({"tableName": table})),
            Remedy::Edit | Remedy::Time | Remedy::None => return None,
        };
        let former = deployment.system_query(path, args.clone()).await.ok();
        Some(Self { path, args, former })
    }

    /// Waits until it is another value.
    async fn fulfilled(&self, deployment: &Deployment) {
        let query = Watched { path: self.path, args: &self.args, component: None, identity: None };
        loop {
            let watching = watch(deployment, &query, |value| {
                let changed = self.former.as_ref() != Some(&value);
                Ok(if changed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
            if watching.await.is_ok() {
                return;
            }
            tokio::time::sleep(WATCH_RETRY).await;
        }
    }
}

/// Waits until a hope is fulfilled, if there is one.
async fn fulfilled(hope: Option<&Hope>, deployment: &Deployment) {
    match hope {
        Some(hope) => hope.fulfilled(deployment).await,
        None => std::future::pending().await,
    }
}

/// Waits until the command beside has ended, if there is one.
async fn ended(beside: &mut Option<Beside>) -> Result {
    match beside {
        Some(running) => running.ended().await,
        None => std::future::pending().await,
    }
}

/// A command that runs as long as this one, with all that it starts.
struct Beside {
    command: String,
    child: tokio::process::Child,
}

impl Beside {
    fn start(command: &str, project: &Project) -> Result<Self> {
        let child = tokio::process::Command::new("sh")
            .arg("-c")
            .arg(command)
            .current_dir(&project.root)
            // Its own group, so that all of it can be told to end; such a group cannot read the terminal.
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| Failure::new(format!("{command:?} could not be started: {error}")))?;
        Ok(Self { command: command.to_owned(), child })
    }

    async fn ended(&mut self) -> Result {
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!("{:?} failed: {status}", self.command))),
            Err(error) => Err(Failure::new(format!("{:?}: {error}", self.command))),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        let group = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(group) = group {
            // It may have ended already.
            let _ = kill_process_group(group, Signal::TERM);
        }
    }
}
