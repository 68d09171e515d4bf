//! `fusion export`.

use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use fusion_schema::Value;
use serde_json::{Value as Json, json};

use crate::client::{Deployment, Target};
use crate::failure::{Failure, Result};
use crate::output;
use crate::progress::Progress;
use crate::watch::{Watched, watch};

/// Export all tables, as they are at one moment, to a ZIP file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion export --path snapshot.zip
  fusion export --path backups/ --include-file-storage")]
pub(crate) struct Export {
    /// ZIP file to write, or the folder to write it into.
    #[arg(long, value_name = "PATH")]
    path: PathBuf,

    /// Include stored files.
    #[arg(long)]
    include_file_storage: bool,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Export) -> Result {
    if command.path.is_file() {
        return Err(Failure::new(format!("{} is there already", command.path.display()))
            .hint("pass the path of a new file, or a folder"));
    }
    if let Some(folder) = command.path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(Failure::new(format!("the folder {} is not there", folder.display()))
            .hint(format!("mkdir -p {}", folder.display())));
    }
    let deployment = command.target.deployment()?;
    let mut progress = Progress::begin("Writing the snapshot");
    let request = format!("/api/export/request/zip?includeStorage={}", command.include_file_storage);
    deployment.post(&request, &json!({}), None).await?;
    let args = json!({});
    let query =
        Watched { path: "_system/cli/exports:getLatest", args: &args, component: None, identity: None };
    let ts = watch(&deployment, &query, |export| {
        Ok(match export["state"].as_str() {
            Some("completed") => ControlFlow::Break(timestamp(&export["start_ts"])?),
            Some("requested" | "in_progress") => ControlFlow::Continue(()),
            _ => {
                return Err(Failure::new("the export failed")
                    .hint("look at the server's log, then run fusion export again"));
            }
        })
    })
    .await?;
    let path = if command.path.is_dir() {
        command.path.join(format!("snapshot_{ts}.zip"))
    } else {
        command.path.clone()
    };
    progress.say(&format!("Downloading {}", path.display()));
    let file = File::create_new(&path).map_err(|error| Failure::file(&path, &error))?;
    let written = download(&deployment, ts, file, &path, &progress).await;
    if written.is_err() {
        // Half a snapshot is of no use, and would be in the way of the next one. If it cannot be removed, it stays.
        let _ = std::fs::remove_file(&path);
    }
    written?;
    progress.end();
    output::talk(format_args!("Exported the snapshot of timestamp {ts}."));
    output::data(path.display())
}

async fn download(
    deployment: &Deployment,
    ts: i64,
    mut file: File,
    path: &Path,
    progress: &Progress,
) -> Result {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut download = deployment.download(&format!("/api/export/zip/{ts}")).await?;
    let total = download.content_length().unwrap_or(0);
    let mut received = 0;
    while let Some(piece) = download.chunk().await.map_err(|error| deployment.unreachable(&error))? {
        file.write_all(&piece).map_err(failed)?;
        received += piece.len() as u64;
        progress.bytes(received, total);
    }
    file.sync_all().map_err(failed)
}

fn timestamp(value: &Json) -> Result<i64> {
    match fusion_schema::json::from_serde(value) {
        Ok(Value::Int64(ts)) => Ok(ts),
        _ => Err(Failure::new("the server's export has no timestamp")),
    }
}
