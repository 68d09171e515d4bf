//! [`ExecutionLog`]: the latest executions and what they printed, for log streams.
//!
//! A bounded buffer: readers that fall behind miss the oldest entries. Nothing here is stored.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use super::call::{FunctionCall, FunctionKind};
use super::log_line::LogLine;
use super::mutations::SessionRequest;
use super::outcome::{ExecutionId, RequestId};
use crate::limits::EXECUTION_LOG_ENTRIES_MAX;

/// One entry.
#[derive(Debug)]
pub struct LogEntry {
    /// Its number; the next entry has the next one. Starts at 1.
    pub number: u64,
    /// When it was made, in milliseconds since the epoch; grows with the number.
    pub timestamp_ms: f64,
    /// What happened.
    pub event: LogEvent,
}

/// What an entry tells.
#[derive(Debug)]
pub enum LogEvent {
    /// A function ended.
    Completion(Box<Completion>),
    /// A running action printed a line.
    Progress {
        /// Whether it is an action or an HTTP action.
        kind: FunctionKind,
        /// The path of its component; empty for the app.
        component: String,
        /// The function.
        identifier: String,
        /// Its request.
        request_id: RequestId,
        /// The run.
        execution: ExecutionId,
        /// The line.
        line: LogLine,
    },
    /// A function made an entry of the application's own audit log. Only log streams tell of it.
    Audit {
        /// Its request.
        request_id: RequestId,
        /// What it says.
        body: Json,
    },
}

/// The end of an execution.
#[derive(Debug)]
pub struct Completion {
    /// What kind of function it was.
    pub kind: FunctionKind,
    /// The path of its component; empty for the app.
    pub component: String,
    /// Its path, or method and path of an HTTP action.
    pub identifier: String,
    /// Its request.
    pub request_id: RequestId,
    /// The run.
    pub execution: ExecutionId,
    /// The run of the action that called it.
    pub parent: Option<ExecutionId>,
    /// What caused it.
    pub caller: &'static str,
    /// The kind of identity it ran as.
    pub identity: &'static str,
    /// How long it took.
    pub duration: Duration,
    /// Whether it was answered without a run.
    pub cached: bool,
    /// The text of its error.
    pub error: Option<String>,
    /// The status of an HTTP action's response.
    pub status: Option<u16>,
    /// Whether it lost and will be repeated.
    pub will_retry: bool,
    /// Bytes of the returned value.
    pub return_bytes: usize,
    /// Documents and bytes read and written.
    pub usage: Usage,
    /// What it printed; an action's lines came as progress before.
    pub log_lines: Vec<LogLine>,
}

/// What an execution read and wrote.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Bytes of documents read.
    pub read_bytes: usize,
    /// Bytes of documents written.
    pub write_bytes: usize,
    /// Documents read.
    pub read_documents: usize,
}

impl Completion {
    /// The end of a call that took no time, read and wrote nothing and printed nothing.
    pub(super) fn of(kind: FunctionKind, call: &FunctionCall, execution: ExecutionId) -> Self {
        Self {
            kind,
            component: call.path.component().to_owned(),
            identifier: call.path.as_str().to_owned(),
            request_id: call.request_id,
            execution,
            parent: call.parent,
            caller: call.caller.name(),
            identity: call.identity.kind(),
            duration: Duration::ZERO,
            cached: false,
            error: None,
            status: None,
            will_retry: false,
            return_bytes: 0,
            usage: Usage::default(),
            log_lines: Vec::new(),
        }
    }
}

/// The path of a component as log streams carry it.
fn component_json(component: &str) -> Json {
    if component.is_empty() { Json::Null } else { Json::from(component) }
}

impl LogEvent {
    /// The request it belongs to.
    pub const fn request_id(&self) -> RequestId {
        match self {
            Self::Completion(completion) => completion.request_id,
            Self::Progress { request_id, .. } | Self::Audit { request_id, .. } => *request_id,
        }
    }
}

impl LogEntry {
    /// The entry as log streams carry it. `structured` lines are for the command line and dashboards, the others
    /// are texts.
    pub fn to_json(&self, structured: bool) -> Json {
        let timestamp = self.timestamp_ms / 1_000.0;
        let line = |line: &LogLine| if structured { line.to_json() } else { Json::String(line.to_string()) };
        match &self.event {
            LogEvent::Progress { kind, component, identifier, request_id, execution, line: printed } => {
                json!({
                    "kind": "Progress",
                    "udfType": kind.name(),
                    "componentPath": component_json(component),
                    "identifier": identifier,
                    "timestamp": timestamp,
                    "logLines": [line(printed)],
                    "requestId": request_id.to_string(),
                    "executionId": execution.to_string(),
                })
            }
            LogEvent::Completion(completion) => completion.to_json(timestamp, line),
            LogEvent::Audit { request_id, body } => json!({
                "kind": "Audit", "timestamp": timestamp, "requestId": request_id.to_string(), "body": body,
            }),
        }
    }
}

impl Completion {
    fn to_json(&self, timestamp: f64, line: impl Fn(&LogLine) -> Json) -> Json {
        let seconds = self.duration.as_secs_f64();
        let success = match (&self.error, self.status) {
            (None, Some(status)) => json!({ "status": status.to_string() }),
            _ => Json::Null,
        };
        json!({
            "kind": "Completion",
            "udfType": self.kind.name(),
            "componentPath": component_json(&self.component),
            "identifier": self.identifier,
            "logLines": self.log_lines.iter().map(line).collect::<Vec<_>>(),
            "timestamp": timestamp,
            "cachedResult": self.cached,
            "executionTime": seconds,
            "userExecutionTime": seconds,
            "success": success,
            "error": self.error,
            "requestId": self.request_id.to_string(),
            "caller": self.caller,
            "parentExecutionId": self.parent.map(|parent| parent.to_string()),
            "executionId": self.execution.to_string(),
            "usageStats": {
                "databaseReadBytes": self.usage.read_bytes,
                "databaseWriteBytes": self.usage.write_bytes,
                "databaseReadDocuments": self.usage.read_documents,
                "storageReadBytes": 0,
                "storageWriteBytes": 0,
                "vectorIndexReadBytes": 0,
                "vectorIndexWriteBytes": 0,
                "memoryUsedMb": 0,
            },
            "returnBytes": self.return_bytes,
            "occInfo": null,
            "willRetry": self.will_retry,
            "executionTimestamp": timestamp - seconds,
            "identityType": self.identity,
            "environment": "isolate",
        })
    }
}

#[derive(Default)]
struct State {
    entries: VecDeque<Arc<LogEntry>>,
    last_number: u64,
    last_timestamp_ms: f64,
}

/// See the module's documentation.
#[derive(Default)]
pub struct ExecutionLog {
    state: Mutex<State>,
    /// The latest requests of clients' sessions.
    client_requests: Mutex<VecDeque<(SessionRequest, RequestId)>>,
    added: Notify,
}

impl std::fmt::Debug for ExecutionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutionLog").finish_non_exhaustive()
    }
}

impl ExecutionLog {
    /// Adds an entry made at `now_ms`.
    pub fn push(&self, now_ms: f64, event: LogEvent) {
        let mut state = self.state.lock();
        state.last_number += 1;
        // Streams continue after a timestamp, so no two entries may share one.
        state.last_timestamp_ms = now_ms.max(state.last_timestamp_ms.next_up());
        let entry = LogEntry { number: state.last_number, timestamp_ms: state.last_timestamp_ms, event };
        if state.entries.len() == EXECUTION_LOG_ENTRIES_MAX {
            state.entries.pop_front();
        }
        state.entries.push_back(Arc::new(entry));
        drop(state);
        self.added.notify_waiters();
    }

    /// Notes under which request a session's mutation or action runs.
    pub fn note_client_request(&self, of: SessionRequest, request_id: RequestId) {
        let mut requests = self.client_requests.lock();
        if requests.len() == EXECUTION_LOG_ENTRIES_MAX {
            requests.pop_front();
        }
        requests.push_back((of, request_id));
    }

    /// Whether a request is a session's.
    pub fn is_of_client_request(&self, of: SessionRequest, request_id: RequestId) -> bool {
        self.client_requests.lock().contains(&(of, request_id))
    }

    /// The entries made after `cursor_ms` (milliseconds since the epoch), and the cursor after them. 0 gives
    /// everything that is kept.
    pub fn since(&self, cursor_ms: f64) -> (Vec<Arc<LogEntry>>, f64) {
        let state = self.state.lock();
        let start = state.entries.partition_point(|entry| entry.timestamp_ms <= cursor_ms);
        let entries: Vec<_> = state.entries.range(start..).cloned().collect();
        let cursor = entries.last().map_or(cursor_ms, |entry| entry.timestamp_ms);
        (entries, cursor)
    }

    /// As [`ExecutionLog::since`], but waits up to `patience` for the first entry.
    pub async fn wait_since(&self, cursor_ms: f64, patience: Duration) -> (Vec<Arc<LogEntry>>, f64) {
        let wait = async {
            loop {
                let added = self.added.notified();
                tokio::pin!(added);
                // From here on no entry is missed.
                added.as_mut().enable();
                let found = self.since(cursor_ms);
                if !found.0.is_empty() {
                    return found;
                }
                added.await;
            }
        };
        tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| self.since(cursor_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::log_line::LogLevel;

    fn add(log: &ExecutionLog, now_ms: f64) {
        let line = LogLine {
            level: LogLevel::Log,
            messages: vec!["'x'".to_owned()],
            timestamp: now_ms,
            is_truncated: false,
        };
        let (kind, identifier) = (FunctionKind::Action, "a:b".to_owned());
        let request_id = RequestId::from_number(1);
        let execution = ExecutionId::new(request_id);
        log.push(
            now_ms,
            LogEvent::Progress { kind, component: String::new(), identifier, request_id, execution, line },
        );
    }

    #[test]
    fn a_cursor_sees_each_entry_once() {
        let log = ExecutionLog::default();
        add(&log, 1_000.0);
        add(&log, 1_000.0);
        let (entries, cursor) = log.since(0.0);
        assert_eq!(entries.len(), 2);
        assert!(log.since(cursor).0.is_empty());
        assert_eq!(log.since(entries[0].timestamp_ms).0.len(), 1);
        assert_eq!(entries[0].to_json(false)["logLines"][0], "[LOG] 'x'");
        assert_eq!(entries[0].to_json(true)["logLines"][0]["level"], "LOG");
    }

    #[test]
    fn the_oldest_entries_go_first() {
        let log = ExecutionLog::default();
        for number in 0..EXECUTION_LOG_ENTRIES_MAX + 5 {
            add(&log, number as f64);
        }
        let (entries, _) = log.since(0.0);
        assert_eq!((entries.len(), entries[0].number), (EXECUTION_LOG_ENTRIES_MAX, 6));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let log = Arc::new(ExecutionLog::default());
        let reader = tokio::spawn({
            let log = log.clone();
            async move { log.wait_since(0.0, Duration::from_secs(10)).await.0.len() }
        });
        tokio::task::yield_now().await;
        add(&log, 1.0);
        assert_eq!(reader.await.unwrap(), 1);
        assert_eq!(log.wait_since(1e12, Duration::from_millis(5)).await.0.len(), 0);
    }
}
