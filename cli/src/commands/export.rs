//! `fusion export`.

use std::fs::File;
use std::io::{self, Write as _};
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

/// Export all tables, as they are at one moment, to a ZIP file, or one table as JSON lines.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion export --path snapshot.zip
  fusion export --path backups/ --include-file-storage
  fusion export --table users > users.jsonl")]
pub(crate) struct Export {
    /// ZIP file to write, or the folder to write it into; for one table a JSONL file [default for one table: stdout].
    #[arg(long, value_name = "PATH", required_unless_present = "table")]
    path: Option<PathBuf>,

    /// Export only this table, each document in a line, as `fusion import --table` takes it.
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,

    /// Include stored files.
    #[arg(long, conflicts_with = "table")]
    include_file_storage: bool,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Export) -> Result {
    if let Some(path) = &command.path {
        check_path(path)?;
    }
    let deployment = command.target.deployment()?;
    match (command.table, command.path) {
        (Some(table), path) => export_table(&deployment, &table, path).await,
        (None, Some(path)) => export_all(&deployment, path, command.include_file_storage).await,
        (None, None) => Err(Failure::usage("--path or --table is missing")),
    }
}

/// Fails unless a file can be written there.
fn check_path(path: &Path) -> Result {
    if path.is_file() {
        return Err(Failure::new(format!("{} is there already", path.display()))
            .hint("pass the path of a new file, or a folder"));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(Failure::new(format!("the folder {} is not there", folder.display()))
            .hint(format!("mkdir -p {}", folder.display())));
    }
    Ok(())
}

async fn export_table(deployment: &Deployment, table: &str, path: Option<PathBuf>) -> Result {
    const HINT: &str = "`fusion data` lists the tables; `fusion export --path FILE` exports them all";
    if !table.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Failure::usage(format!("{table:?} is no name of a table")).hint(HINT));
    }
    let download = deployment.download(&format!("/api/export/table/{table}")).await;
    let mut download = download.map_err(|failure| failure.hint(HINT))?;
    let path = path.map(|path| if path.is_dir() { path.join(format!("{table}.jsonl")) } else { path });
    let mut output: Box<dyn io::Write> = match &path {
        Some(path) => Box::new(File::create_new(path).map_err(|error| Failure::file(path, &error))?),
        None => Box::new(io::stdout().lock()),
    };
    let mut documents = 0;
    let written = loop {
        match download.chunk().await {
            Ok(Some(piece)) => {
                documents += piece.iter().filter(|byte| **byte == b'\n').count();
                match output.write_all(&piece) {
                    // A reader that went away (`| head`) has what it wanted.
                    Err(error) if path.is_none() && error.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(());
                    }
                    Err(error) => {
                        break Err(Failure::new(format!("the documents could not be written: {error}")));
                    }
                    Ok(()) => {}
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(deployment.unreachable(&error)),
        }
    };
    if let (Err(_), Some(path)) = (&written, &path) {
        // Half a table would be in the way of the next try. If it cannot be removed, it stays.
        let _ = std::fs::remove_file(path);
    }
    written?;
    output::talk(format_args!("Exported {documents} documents of {table}."));
    path.map_or(Ok(()), |path| output::data(path.display()))
}

async fn export_all(deployment: &Deployment, path: PathBuf, include_file_storage: bool) -> Result {
    let mut progress = Progress::begin("Writing the snapshot");
    let request = format!("/api/export/request/zip?includeStorage={include_file_storage}");
    deployment.post(&request, &json!({}), None).await?;
    let args = json!({});
    let query =
        Watched { path: "_system/cli/exports:getLatest", args: &args, component: None, identity: None };
    let ts = watch(deployment, &query, |export| {
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
    let path = if path.is_dir() { path.join(format!("snapshot_{ts}.zip")) } else { path };
    progress.say(&format!("Downloading {}", path.display()));
    let file = File::create_new(&path).map_err(|error| Failure::file(&path, &error))?;
    let written = download(deployment, ts, file, &path, &progress).await;
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
