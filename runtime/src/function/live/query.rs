//! [`LiveQuery`], and how it is found: by [`QueryKey`] and, if the identity matters, by identity.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::result::QueryResult;
use super::wave::Started;
use crate::auth::Identity;
use crate::database::{SearchReads, Timestamp};
use crate::function::FunctionPath;

/// What two subscriptions must have in common to share a result, beside the identity if it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct QueryKey {
    pub(super) path: FunctionPath,
    /// Canonical JSON.
    pub(super) args: Arc<str>,
    /// What the run is handed as its predecessor's journal.
    pub(super) journal: Option<Arc<str>>,
    /// Whether the caller may call internal functions: it decides about "not found" without being read.
    pub(super) is_privileged: bool,
}

/// A live query's place; the number is never reused, so that news about a dropped one is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueryRef {
    pub(super) slot: usize,
    pub(super) serial: u64,
}

/// Who sees the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Not known before the first run ends; meanwhile subscribers of all identities wait for it.
    Probing,
    /// Everybody: the last run did not read the identity. Runs with the trap.
    Shared,
    /// Subscribers of one identity.
    Own,
}

/// A live query's part in the wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// None.
    Absent,
    /// The wave waits for its result.
    Awaited,
    /// The wave has its result.
    Arrived,
    /// It is run beside the waves, because it is slow.
    Aside,
}

/// The result of a live query's last run.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) result: Arc<QueryResult>,
    /// It holds from here until [`LiveQuery::touched`].
    pub(super) from: Timestamp,
    /// The version of functions and schema its run began with.
    pub(super) version: u64,
    /// When its run began, if it read the clock.
    pub(super) clock: Option<Duration>,
}

impl Current {
    pub(super) fn new(result: Arc<QueryResult>, from: Timestamp, started: Started, read_clock: bool) -> Self {
        Self { result, from, version: started.version, clock: read_clock.then_some(started.at) }
    }
}

/// A query whose result somebody shows, or that is kept for the next one to ask.
#[derive(Debug)]
pub(super) struct LiveQuery {
    pub(super) serial: u64,
    /// The keys it is found under: the journal its last run began with, and the one it left.
    pub(super) names: Vec<Arc<QueryKey>>,
    pub(super) scope: Scope,
    /// Whose eyes it sees with; for a shared one only whether they are privileged.
    pub(super) identity: Identity,
    /// The journal for the next run.
    pub(super) journal: Option<Arc<str>>,
    pub(super) current: Option<Current>,
    /// The first commit after which `current` does not hold any more.
    pub(super) touched: Option<Timestamp>,
    /// Waits for a wave or is in one; counted in the sessions of its subscribers.
    pub(super) is_dirty: bool,
    pub(super) part: Part,
    /// The first commit that touched the result the wave holds back.
    pub(super) touched_again: Option<Timestamp>,
    pub(super) is_running: bool,
    /// Its last run took long.
    pub(super) is_slow: bool,
    /// Its last result was touched before it was there.
    pub(super) is_hot: bool,
    /// Waves have gone on without it; counted in the sessions of its subscribers.
    pub(super) is_lagging: bool,
    /// Grows with every result.
    pub(super) generation: u32,
    /// Runs in a row that failed because of the system around the function.
    pub(super) failures: u8,
    /// Places in the table of subscriptions.
    pub(super) subscribers: Vec<usize>,
    /// Bytes it is counted with in the cache; 0 while it is used.
    pub(super) cached_size: usize,
    /// Bytes of the keys its token holds.
    pub(super) token_size: usize,
    /// The full-text searches of its token.
    pub(super) searches: SearchReads,
    /// When it was handed out last, while nobody subscribes.
    pub(super) used_at: Duration,
    /// Whether the cache's queue knows it.
    pub(super) is_queued_for_expiry: bool,
}

impl LiveQuery {
    pub(super) fn new(serial: u64, name: Arc<QueryKey>, scope: Scope, identity: Identity) -> Self {
        Self {
            serial,
            scope,
            identity,
            journal: name.journal.clone(),
            names: vec![name],
            current: None,
            touched: None,
            is_dirty: false,
            part: Part::Absent,
            touched_again: None,
            is_running: false,
            is_slow: false,
            is_hot: false,
            is_lagging: false,
            generation: 0,
            failures: 0,
            subscribers: Vec::new(),
            cached_size: 0,
            token_size: 0,
            searches: SearchReads::default(),
            used_at: Duration::ZERO,
            is_queued_for_expiry: false,
        }
    }

    /// Whether the result is there and holds at `ts`.
    pub(super) fn holds_at(&self, ts: Timestamp) -> bool {
        self.current.as_ref().is_some_and(|current| current.from <= ts)
            && self.touched.is_none_or(|touched| touched > ts)
    }

    /// About how many bytes it takes, its token included.
    pub(super) fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.args.len() + size_of::<QueryKey>()).sum();
        let result = self.current.as_ref().map_or(0, |current| current.result.size());
        names + result + self.token_size + size_of::<Self>()
    }
}

/// The live queries of one key.
#[derive(Debug, Default)]
pub(super) struct Family {
    shared: Option<usize>,
    probing: Option<usize>,
    /// Boxed because most families have none.
    #[expect(clippy::box_collection, reason = "one word instead of six in nearly every family")]
    own: Option<Box<HashMap<Identity, usize>>>,
}

impl Family {
    /// The live query whose result somebody with this identity sees, or would see once it is there.
    pub(super) fn find(&self, identity: &Identity) -> Option<usize> {
        let own = self.own.as_ref().and_then(|own| own.get(identity)).copied();
        own.or(self.shared).or(if self.own.is_none() { self.probing } else { None })
    }

    /// The live query of this identity alone.
    pub(super) fn find_own(&self, identity: &Identity) -> Option<usize> {
        self.own.as_ref()?.get(identity).copied()
    }

    /// Whether the function is known to read the identity.
    pub(super) const fn is_private(&self) -> bool {
        self.own.is_some()
    }

    /// Adds a live query unless its place is taken; whether it was added.
    pub(super) fn register(&mut self, slot: usize, scope: Scope, identity: &Identity) -> bool {
        let place = match scope {
            Scope::Shared => &mut self.shared,
            Scope::Probing => &mut self.probing,
            Scope::Own => {
                let own = self.own.get_or_insert_default();
                if own.contains_key(identity) {
                    return false;
                }
                own.insert(identity.clone(), slot);
                return true;
            }
        };
        if place.is_some() {
            return false;
        }
        *place = Some(slot);
        true
    }

    /// Takes a live query out, if it is the one in its place; whether the family is empty now.
    pub(super) fn unregister(&mut self, slot: usize, identity: &Identity) -> bool {
        self.shared.take_if(|found| *found == slot);
        self.probing.take_if(|found| *found == slot);
        if let Some(own) = &mut self.own
            && own.get(identity) == Some(&slot)
        {
            own.remove(identity);
            if own.is_empty() {
                self.own = None;
            }
        }
        self.shared.is_none() && self.probing.is_none() && self.own.is_none()
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> Vec<usize> {
        let own = self.own.iter().flat_map(|own| own.values());
        self.shared.iter().chain(&self.probing).chain(own).copied().collect()
    }
}
