//! The tail of a deployment's function logs in the terminal of `fusion dev`.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::client::Deployment;
use crate::commands::logs::function_of;
use crate::spinner::Spinner;

/// How long to wait after the deployment could not be asked.
const RETRY: Duration = Duration::from_secs(2);

/// When to show the logs of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailLogs {
    /// All the time.
    Always,
    /// But not while functions are pushed, so that errors are seen.
    PauseOnDeploy,
    /// Never.
    Disable,
}

/// Shows what functions log from now on, while `paused` is false. Never ends.
pub(crate) async fn tail(deployment: &Deployment, spinner: &Spinner, mut paused: watch::Receiver<bool>) {
    // The first answer is what was logged before.
    let mut cursor: Option<f64> = None;
    loop {
        let endpoint = format!("/api/stream_function_logs?cursor={}", cursor.unwrap_or_default());
        let Ok(answer) = deployment.get(&endpoint).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        // An error means that nobody pauses any more.
        let _ = paused.wait_for(|paused| !paused).await;
        if cursor.is_some() {
            let entries = answer.get("entries").and_then(Json::as_array).into_iter().flatten();
            entries.flat_map(lines).for_each(|line| spinner.talk(line));
        }
        let next = answer.get("newCursor").and_then(Json::as_f64);
        if next.is_none() || next == cursor {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        cursor = next.or(cursor);
    }
}

/// What is shown of one execution: its log lines and its error.
fn lines(entry: &Json) -> Vec<String> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str);
    let kind = text("udfType").and_then(|kind| kind.chars().next()).unwrap_or('?');
    let prefix = format!("[CONVEX {kind}({})]", function_of(entry));
    let mut lines: Vec<_> = entry
        .get("logLines")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .map(|line| match line.as_str() {
            Some(line) => format!("{prefix} {line}"),
            None => {
                let messages = line.get("messages").and_then(Json::as_array).into_iter().flatten();
                let messages: Vec<_> = messages.filter_map(Json::as_str).collect();
                let level = line.get("level").and_then(Json::as_str).unwrap_or("LOG");
                let cut = if line.get("isTruncated") == Some(&Json::Bool(true)) { " (cut off)" } else { "" };
                format!("{prefix} [{level}] {}{cut}", messages.join(" "))
            }
        })
        .collect();
    if let Some(error) = text("error") {
        lines.push(format!("{prefix} {error}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn executions_are_shown_as_browsers_show_them() {
        let entry = json!({"kind": "Completion", "udfType": "Mutation", "identifier": "messages:send",
            "logLines": [{"messages": ["'hi'", "42"], "isTruncated": false, "level": "WARN"}, "[LOG] 'old'"],
            "error": "Uncaught Error: no"});
        assert_eq!(
            lines(&entry),
            [
                "[CONVEX M(messages:send)] [WARN] 'hi' 42",
                "[CONVEX M(messages:send)] [LOG] 'old'",
                "[CONVEX M(messages:send)] Uncaught Error: no"
            ]
        );
        let inside = json!({"kind": "Completion", "udfType": "Query", "identifier": "a:b", "componentPath": "main/inner",
            "logLines": ["[LOG] 'x'"], "error": null});
        assert_eq!(lines(&inside), ["[CONVEX Q(a:b in main/inner)] [LOG] 'x'"]);
        assert!(lines(&json!({"kind": "Completion", "udfType": "Query", "identifier": "a:b", "logLines": [], "error": null})).is_empty());
    }
}
