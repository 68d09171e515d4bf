//! What live queries hand out: [`QueryResult`] and [`LiveUpdate`].

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use crate::database::Timestamp;
use crate::function::{LogLine, Outcome, UdfError};

/// The result of a query, serialized once for everybody who shows it.
#[derive(Debug)]
pub struct QueryResult {
    /// The value as canonical JSON, or the error.
    pub json: Result<Arc<str>, UdfError>,
    /// What the function printed.
    pub log_lines: Vec<LogLine>,
    /// Where a paginated query ended its page.
    pub journal: Option<Arc<str>>,
    /// Equal for results that look the same to a client: value or error, and log lines.
    pub hash: u64,
}

impl QueryResult {
    pub(super) fn new(outcome: Outcome, keys: &RandomState) -> Self {
        let Outcome { result, log_lines, journal, .. } = outcome;
        let json = result.map(|returned| returned.json().clone());
        let mut hasher = keys.build_hasher();
        match &json {
            Ok(json) => (true, json).hash(&mut hasher),
            // The first line names the run, not what happened.
            Err(error) => (false, error.detail()).hash(&mut hasher),
        }
        for line in &log_lines {
            (line.level, &line.messages).hash(&mut hasher);
        }
        Self { json, log_lines, journal: journal.map(Into::into), hash: hasher.finish() }
    }

    /// The result as the outcome of a call that read at `ts`.
    pub fn to_outcome(&self, ts: Timestamp) -> Outcome {
        Outcome {
            result: self.json.clone().map(crate::function::Returned::from_json),
            log_lines: self.log_lines.clone(),
            journal: self.journal.as_deref().map(str::to_owned),
            ts,
        }
    }

    /// Whether the system around the function failed: running it again might give something else.
    pub(super) fn is_system_failure(&self) -> bool {
        self.json.as_ref().is_err_and(UdfError::is_system)
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let body = self.json.as_ref().map_or_else(|error| error.message.len(), |json| json.len());
        let lines = self.log_lines.iter().flat_map(|line| &line.messages);
        body + lines.map(|text| text.len() + 64).sum::<usize>() + size_of::<Self>()
    }
}

/// What changed for a session since it asked last.
#[derive(Clone, Debug, Default)]
pub struct LiveUpdate {
    /// Every result the session has been given and that was not replaced holds at this timestamp.
    pub ts: Timestamp,
    /// Whether every query that was added, and every one whose result depends on a new identity, has a
    /// result. Until then `changes` has nothing of the new ones.
    pub is_settled: bool,
    /// Results that are new or look different, by query id.
    pub changes: Vec<(u32, Arc<QueryResult>)>,
}
