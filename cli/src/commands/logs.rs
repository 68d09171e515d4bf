//! `fusion logs`.

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use serde_json::Value as Json;

use crate::client::Target;
use crate::failure::Result;
use crate::output;

/// Follow what functions print and how they end.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion logs                                 what is logged from now on
  fusion logs --history 20 --success          the last 20 entries first, and calls that went well
  fusion logs --component rateLimiter         what functions of one component print
  fusion logs --jsonl | jq .identifier")]
pub(crate) struct Logs {
    /// Show so many of the latest entries first; without a number all that are kept.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1000")]
    history: Option<usize>,

    /// Show only functions of this component; '' is the app.
    #[arg(long, value_name = "PATH")]
    component: Option<String>,

    /// Show every call that succeeded, too.
    #[arg(long)]
    success: bool,

    /// Print the entries as JSON, one in each line.
    #[arg(long)]
    jsonl: bool,

    /// Print the history and end.
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Logs) -> Result {
    let deployment = command.target.deployment()?;
    output::talk("Watching logs...");
    let mut cursor = 0.0;
    let mut is_first = true;
    let is_wanted =
        |entry: &&Json| command.component.as_deref().is_none_or(|wanted| component_of(entry) == wanted);
    loop {
        let answer = deployment.get(&format!("/api/stream_function_logs?cursor={cursor}")).await?;
        cursor = answer["newCursor"].as_f64().unwrap_or(cursor);
        let entries = answer["entries"].as_array().map_or(&[][..], Vec::as_slice);
        let shown = if std::mem::take(&mut is_first) {
            let history = command.history.unwrap_or(if command.once { usize::MAX } else { 0 });
            let wanted: Vec<_> = entries.iter().filter(is_wanted).collect();
            wanted[wanted.len().saturating_sub(history)..].to_vec()
        } else {
            entries.iter().filter(is_wanted).collect()
        };
        for entry in shown {
            show(&command, entry)?;
        }
        if command.once {
            return Ok(());
        }
    }
}

/// The path of the component that a function is in; empty for the app.
fn component_of(entry: &Json) -> &str {
    entry["componentPath"].as_str().unwrap_or_default()
}

/// The function of an entry, with the component that it is in.
pub(crate) fn function_of(entry: &Json) -> String {
    let function = entry["identifier"].as_str().unwrap_or_default();
    match component_of(entry) {
        "" => function.to_owned(),
        component => format!("{function} in {component}"),
    }
}

fn show(command: &Logs, entry: &Json) -> Result {
    if command.jsonl {
        return output::data(entry);
    }
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    // What commands like this one ask by themselves is nobody's news, unless it fails.
    if text("identifier").starts_with("_system/") && entry["error"].is_null() {
        return Ok(());
    }
    let (kind, function) = (text("udfType").chars().next().unwrap_or('?'), function_of(entry));
    let head = |seconds: f64| format!("{} [{kind}({function})]", time(seconds));
    let at = entry["timestamp"].as_f64().unwrap_or_default();
    for line in entry["logLines"].as_array().into_iter().flatten() {
        let messages = line["messages"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let messages = messages.collect::<Vec<_>>().join(" ");
        let at = line["timestamp"].as_f64().map_or(at, |ms| ms / 1_000.0);
        let level = line["level"].as_str().unwrap_or("LOG");
        let truncated = if line["isTruncated"] == true { " (truncated due to length)" } else { "" };
        output::data(format_args!("{} [{level}] {messages}{truncated}", head(at)))?;
    }
    match entry["error"].as_str() {
        Some(error) => output::data(format_args!("{} {error}", head(at))),
        None if command.success && text("kind") == "Completion" => {
            let ms = entry["executionTime"].as_f64().unwrap_or_default() * 1_000.0;
            output::data(format_args!("{} Function executed in {} ms", head(at), ms.ceil()))
        }
        None => Ok(()),
    }
}

/// Seconds since the epoch as a date and a time of day, in UTC.
fn time(seconds: f64) -> String {
    let time = DateTime::from_timestamp_millis((seconds * 1_000.0).floor() as i64).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_400.25, "2000-02-29T00:00:00.250Z"),
            (1_763_700_000.5, "2025-11-21T04:40:00.500Z"),
            (4_107_542_399.0, "2100-02-28T23:59:59.000Z"),
        ] {
            assert_eq!(super::time(seconds), expected);
        }
    }
}
