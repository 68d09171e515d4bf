//! What commits and finished runs do to live queries.
//!
//! A commit makes the queries it touches dirty. As soon as no wave is under way, all dirty ones form the next:
//! each is run again, once, at one timestamp. Their results are held back until the last one is there and
//! then take effect together, because a session must be told about all its queries at one timestamp. Commits
//! of the meantime make the next wave; sessions that show nothing dirty are not held up by any of this.
//!
//! A slow query must not hold up everybody: it is run beside the waves, and only the sessions that show it wait.
//! If commits keep touching it while it runs, its sessions would wait forever, so it then is part of a wave again.
//!
//! After a push every result is outdated but still true of the data, so these are run again in small batches,
//! each part of a wave.

use std::sync::Arc;
use std::time::Duration;

use super::query::{Current, LiveQuery, Part, QueryKey, QueryRef, Scope};
use super::result::QueryResult;
use super::state::State;
use crate::auth::Identity;
use crate::database::interval_index::Interval;
use crate::database::{LogEntry, Timestamp, Token};

/// Outdated queries run again in one wave.
const OUTDATED_BATCH: usize = 64;
/// Runs in a row that may fail because of the system before its error is shown.
const FAILURES_MAX: u8 = 3;
/// A query whose last run took longer is slow.
pub(super) const SLOW: Duration = Duration::from_millis(50);
/// Commits remembered for the runs under way; when there are more, what the oldest runs give counts as touched.
const RECENT_MAX: usize = if cfg!(test) { 8 } else { 100_000 };

/// The runs at one timestamp.
pub(super) struct Wave<S> {
    pub(super) ts: Timestamp,
    pub(super) snapshot: S,
    /// How many results are not there yet.
    pub(super) awaited: usize,
    arrived: Vec<(QueryRef, Arrived)>,
    /// Queries that read the identity for the first time.
    splits: Vec<QueryRef>,
}

/// A result that is about to become current.
struct Arrived {
    current: Current,
    read_identity: bool,
}

/// A run to start.
pub(super) struct Run<S> {
    pub(super) ticket: Ticket,
    pub(super) key: Arc<QueryKey>,
    pub(super) identity: Identity,
    pub(super) traps_identity: bool,
    pub(super) journal: Option<Arc<str>>,
    pub(super) snapshot: S,
    /// Whether a commit touched what the last run gave.
    pub(super) is_invalidated: bool,
}

/// What a run is known by when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    query: QueryRef,
    ts: Timestamp,
    started: Started,
}

/// What a result remembers of the beginning of its run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub(super) at: Duration,
    /// [`State::version`] then.
    pub(super) version: u64,
}

/// How a run ended.
pub(super) enum End {
    Trapped,
    Finished { result: Arc<QueryResult>, token: Token, read_identity: bool, read_clock: bool },
}

impl<S: Clone> State<S> {
    /// Takes note of the commits between `published` and `ts`, oldest first.
    pub(super) fn advance(
        &mut self,
        entries: &[Arc<LogEntry>],
        ts: Timestamp,
        push_version: u64,
        snapshot: S,
    ) {
        let mut found = Vec::new();
        for entry in entries {
            if entry.ts <= self.published {
                continue;
            }
            if !self.reading.is_empty() {
                self.remember(entry);
            }
            for write in &entry.writes {
                for (index, key) in write.touched_keys() {
                    self.index.stab(index, key, |slot| found.push(slot));
                    // A touched query leaves the index at once, so that no further key finds it.
                    for slot in found.drain(..) {
                        self.touch(slot as usize, entry.ts);
                    }
                }
                for (index, term) in write.touched_terms() {
                    self.index.stab(index, term, |slot| found.push(slot));
                    for slot in found.drain(..) {
                        // It has the term; whether it passes the filters is another question.
                        let is_touched = |query: &LiveQuery| query.searches.is_touched_by(write);
                        if self.queries.get(slot as usize).is_some_and(is_touched) {
                            self.touch(slot as usize, entry.ts);
                        }
                    }
                }
            }
        }
        self.published = self.published.max(ts);
        self.latest = snapshot;
        if push_version != self.push_version {
            self.push_version = push_version;
            self.outdate();
        }
        self.forget();
        self.settle();
    }

    /// As [`Self::advance`], when the commits in between are not known: everything may have changed.
    pub(super) fn advance_blindly(&mut self, ts: Timestamp, push_version: u64, snapshot: S) {
        let first = self.published + 1;
        let slots: Vec<usize> = self.queries.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let has_result = |query: &LiveQuery| query.current.is_some() || query.part == Part::Arrived;
            if self.queries.get(slot).is_some_and(has_result) {
                self.touch(slot, first);
            }
        }
        self.recent.clear();
        self.recent_floor = ts;
        self.advance(&[], ts, push_version, snapshot);
    }

    /// A commit changed what a query read.
    fn touch(&mut self, slot: usize, ts: Timestamp) {
        let Some(query) = self.queries.get_mut(slot) else { return };
        if query.part == Part::Arrived {
            // The result that is held back was touched; the one shown has been touched before.
            query.touched_again.get_or_insert(ts);
            self.index.remove(slot as u32);
        } else if query.subscribers.is_empty() {
            self.drop_query(slot);
        } else {
            self.mark_dirty(slot, Some(ts));
        }
    }

    /// Puts a query on the list for the next wave; `touched` is the commit its result does not survive.
    pub(super) fn mark_dirty(&mut self, slot: usize, touched: Option<Timestamp>) {
        let query = &mut self.queries[slot];
        if std::mem::replace(&mut query.is_dirty, true) {
            return;
        }
        query.touched = touched;
        let reference = QueryRef { slot, serial: query.serial };
        match &mut self.wave {
            // A first result that does not hold at the end of the wave: the wave has to wait for a better one.
            Some(wave) if touched.is_some_and(|touched| touched <= wave.ts) => {
                query.part = Part::Awaited;
                wave.awaited += 1;
                self.wave_runs.push_back(reference);
            }
            _ => self.touched.push(reference),
        }
        self.index.remove(slot as u32);
        self.count_dirty(slot);
        if touched.is_some_and(|touched| touched <= self.floor) {
            self.set_lagging(slot, true);
        }
    }

    /// Functions or schema changed: all results are to be computed again, little by little.
    pub(super) fn outdate(&mut self) {
        self.version += 1;
        self.outdated.clear();
        let mut unused = Vec::new();
        for (slot, query) in &self.queries {
            if query.cached_size > 0 {
                unused.push(slot);
            } else if query.current.is_some() {
                self.outdated.push_back(QueryRef { slot, serial: query.serial });
            }
        }
        for slot in unused {
            self.drop_query(slot);
        }
    }

    /// Ends the wave if it is complete and begins the next if there is something to run.
    pub(super) fn settle(&mut self) {
        loop {
            match self.wave.as_ref().map(|wave| wave.awaited) {
                Some(0) => self.end_wave(),
                Some(_) => break,
                None if self.begin_wave() => {}
                None => break,
            }
        }
        self.wake_wanting();
    }

    /// Begins a wave; `false` if nothing is dirty.
    fn begin_wave(&mut self) -> bool {
        let is_dirty = |state: &Self, reference: &QueryRef| {
            state.find(*reference).is_some_and(|query| query.is_dirty && query.part == Part::Absent)
        };
        let mut members = std::mem::take(&mut self.touched);
        members.retain(|reference| is_dirty(self, reference));
        if members.is_empty() {
            self.floor = self.published;
        }
        while members.len() < OUTDATED_BATCH
            && let Some(reference) = self.outdated.pop_front()
        {
            let Some(query) = self.find(reference) else { continue };
            let version = query.current.as_ref().map(|current| current.version);
            if version.is_some_and(|version| version != self.version)
                && !query.is_dirty
                && query.cached_size == 0
            {
                self.mark_dirty(reference.slot, None);
                members.push(reference);
            }
        }
        self.touched.clear();
        members.retain(|reference| !self.set_aside(*reference));
        if members.is_empty() {
            self.floor = self.published;
            return false;
        }
        for reference in &members {
            self.queries[reference.slot].part = Part::Awaited;
        }
        let (ts, snapshot) = (self.published, self.latest.clone());
        self.begin_reading(ts);
        self.wave =
            Some(Wave { ts, snapshot, awaited: members.len(), arrived: Vec::new(), splits: Vec::new() });
        self.wave_runs.extend(members);
        true
    }

    /// Has a query run beside the waves if it is one that waves should not wait for.
    fn set_aside(&mut self, reference: QueryRef) -> bool {
        let query = &mut self.queries[reference.slot];
        let goes_aside = query.is_slow && !query.is_hot;
        if goes_aside {
            query.part = Part::Aside;
            self.first_runs.push_back(reference);
            self.set_lagging(reference.slot, true);
        }
        goes_aside
    }

    /// Makes a query that was run beside the waves part of the next one.
    fn take_back(&mut self, reference: QueryRef) {
        let query = &mut self.queries[reference.slot];
        query.part = Part::Absent;
        query.is_hot = true;
        self.touched.push(reference);
    }

    /// Makes the wave's results current.
    fn end_wave(&mut self) {
        let Some(wave) = self.wave.take() else { return };
        self.floor = wave.ts;
        let references: Vec<QueryRef> = wave.arrived.iter().map(|(reference, _)| *reference).collect();
        for (reference, arrived) in wave.arrived {
            if let Some(query) = self.find(reference) {
                let touched = query.touched_again;
                self.apply(reference.slot, arrived, touched);
            }
        }
        for reference in wave.splits {
            if self.find(reference).is_some() {
                self.end_split(reference.slot);
            }
        }
        for reference in references {
            if self.find(reference).is_some_and(|query| query.subscribers.is_empty()) {
                self.enter_cache(reference.slot);
            }
        }
        self.end_reading(wave.ts);
    }

    /// What a run that begins now will be known to have begun with.
    pub(super) const fn started(&self) -> Started {
        Started { at: self.now, version: self.version }
    }

    /// The next run to start, if one may start now.
    pub(super) fn next_run(&mut self) -> Option<Run<S>> {
        while self.running < self.config.runs_max {
            self.is_wave_turn = !self.is_wave_turn;
            let reference = if self.is_wave_turn {
                self.wave_runs.pop_front().or_else(|| self.first_runs.pop_front())
            } else {
                self.first_runs.pop_front().or_else(|| self.wave_runs.pop_front())
            }?;
            let Some(query) = self.find(reference) else { continue };
            let is_wanted = matches!(query.part, Part::Awaited | Part::Aside) || query.current.is_none();
            if query.is_running || !is_wanted {
                continue;
            }
            let (ts, snapshot) = match &self.wave {
                Some(wave) => (wave.ts, wave.snapshot.clone()),
                None => (self.published, self.latest.clone()),
            };
            let run = Run {
                ticket: Ticket { query: reference, ts, started: self.started() },
                key: query.names[0].clone(),
                identity: query.identity.clone(),
                traps_identity: query.scope == Scope::Shared,
                journal: query.journal.clone(),
                snapshot,
                is_invalidated: query.touched.is_some(),
            };
            self.queries[reference.slot].is_running = true;
            self.running += 1;
            self.runs += 1;
            self.begin_reading(ts);
            return Some(run);
        }
        None
    }

    /// Takes the end of a run.
    pub(super) fn finish(&mut self, ticket: Ticket, end: End) {
        self.running -= 1;
        let Ticket { query: reference, ts, started } = ticket;
        if self.find(reference).is_some() {
            let query = &mut self.queries[reference.slot];
            query.is_running = false;
            query.is_slow = self.now.saturating_sub(started.at) > SLOW;
            match end {
                End::Trapped if query.part == Part::Aside => self.take_back(reference),
                End::Trapped => self.split(reference),
                End::Finished { result, token, read_identity, read_clock } => {
                    let current = Current::new(result, ts, started, read_clock);
                    self.arrive(reference, Arrived { current, read_identity }, &token);
                }
            }
        }
        self.end_reading(ts);
        self.settle();
    }

    fn arrive(&mut self, reference: QueryRef, arrived: Arrived, token: &Token) {
        let slot = reference.slot;
        let touched = self.first_touch(token);
        let query = &mut self.queries[slot];
        let fails = arrived.current.result.is_system_failure();
        query.failures = if fails { query.failures + 1 } else { 0 };
        let is_awaited = query.part == Part::Awaited;
        let is_too_old = match &self.wave {
            Some(wave) if is_awaited => touched.is_some_and(|touched| touched <= wave.ts),
            _ => false,
        };
        if is_too_old || (fails && query.failures < FAILURES_MAX) {
            let queue = if is_awaited { &mut self.wave_runs } else { &mut self.first_runs };
            queue.push_back(reference);
            return;
        }
        query.failures = 0;
        if query.part == Part::Aside && touched.is_some() {
            return self.take_back(reference);
        }
        query.touched_again = touched;
        // Sessions that are told about `floor` must not find a newer result in place of what they know.
        let is_ahead = query.part == Part::Aside && arrived.current.from > self.floor;
        if touched.is_none() {
            self.watch(slot, token);
        }
        match &mut self.wave {
            Some(wave) if is_awaited || is_ahead => {
                self.queries[slot].part = Part::Arrived;
                wave.awaited -= usize::from(is_awaited);
                wave.arrived.push((reference, arrived));
            }
            _ => self.apply(slot, arrived, touched),
        }
    }

    /// Makes a result current and tells the sessions that show it.
    fn apply(&mut self, slot: usize, arrived: Arrived, touched: Option<Timestamp>) {
        let Arrived { current, read_identity } = arrived;
        if current.version != self.version {
            let serial = self.queries[slot].serial;
            self.outdated.push_back(QueryRef { slot, serial });
        }
        let journal = current.result.journal.clone();
        let query = &mut self.queries[slot];
        query.part = Part::Absent;
        query.touched = None;
        query.touched_again = None;
        query.generation += 1;
        query.is_hot = touched.is_some();
        let was_dirty = std::mem::replace(&mut query.is_dirty, false);
        let was_missing = query.current.replace(current).is_none();
        let was_probing = query.scope == Scope::Probing;
        if was_missing {
            self.count_found(slot);
        }
        if was_dirty {
            self.count_clean(slot);
            self.set_lagging(slot, false);
        }
        if was_probing {
            self.set_scope(slot, if read_identity { Scope::Own } else { Scope::Shared });
        }
        self.set_journal(slot, journal);
        if touched.is_some() {
            self.mark_dirty(slot, touched);
        }
        self.announce(slot);
        if was_probing && read_identity {
            self.send_away_others(slot);
        }
    }

    /// A first run read the identity: subscribers with another one cannot share its result.
    fn send_away_others(&mut self, slot: usize) {
        let query = &self.queries[slot];
        let (identity, key) = (query.identity.clone(), query.names[0].clone());
        let others: Vec<usize> = query
            .subscribers
            .iter()
            .copied()
            .filter(|subscription| *self.identity_of(*subscription) != identity)
            .collect();
        for subscription in others {
            self.replace(subscription, &key);
        }
    }

    /// A shared query asked for the identity: from here on each identity among its subscribers has its own,
    /// run in this very wave. Its subscribers stay where they are until the wave ends, because what they have
    /// not been told yet of its last result is true until then.
    fn split(&mut self, reference: QueryRef) {
        let query = &mut self.queries[reference.slot];
        let Some(key) = query.names.last().cloned() else { return };
        query.part = Part::Arrived;
        query.scope = Scope::Probing;
        let subscribers = query.subscribers.clone();
        // Nobody finds it any more; it keeps its names to know what it was.
        self.queries[reference.slot].names = self.unregister(reference.slot);
        let mut awaited = Vec::new();
        for subscription in subscribers {
            let identity = self.identity_of(subscription).clone();
            let own = self.families.get(&key).and_then(|family| family.find_own(&identity));
            let own = own.unwrap_or_else(|| self.make_query(&key, Scope::Own, &identity));
            let query = &mut self.queries[own];
            if query.current.is_none() && query.part == Part::Absent {
                query.part = Part::Awaited;
                awaited.push(QueryRef { slot: own, serial: query.serial });
            }
        }
        if let Some(wave) = &mut self.wave {
            wave.awaited += awaited.len();
            wave.awaited -= 1;
            wave.splits.push(reference);
        }
        // One that is running already is run again if its snapshot turns out to be too old.
        awaited.retain(|reference| !self.queries[reference.slot].is_running);
        self.wave_runs.extend(awaited);
    }

    /// Moves the subscribers of a split query to the queries of their identities.
    fn end_split(&mut self, slot: usize) {
        let Some(key) = self.queries[slot].names.last().cloned() else { return };
        for subscription in self.queries[slot].subscribers.clone() {
            let family = self.families.get(&key);
            let own = family.and_then(|family| family.find_own(self.identity_of(subscription)));
            match own.filter(|own| self.queries[*own].current.is_some()) {
                Some(own) => {
                    self.detach(subscription);
                    self.require_generation(subscription, 0);
                    self.attach(subscription, own);
                    self.show(subscription);
                }
                // It was dropped meanwhile because its run failed.
                None => self.restart(subscription, &key),
            }
        }
    }

    fn set_scope(&mut self, slot: usize, scope: Scope) {
        let names = self.unregister(slot);
        let query = &mut self.queries[slot];
        query.scope = scope;
        if scope == Scope::Shared {
            query.identity = match query.identity.is_admin() {
                true => Identity::Admin { acting_as: None },
                false => Identity::Anonymous,
            };
        }
        self.register(slot, names);
    }

    /// Sets the journal for the next run; the query is found under it and under the one it was run with.
    pub(super) fn set_journal(&mut self, slot: usize, journal: Option<Arc<str>>) {
        let query = &mut self.queries[slot];
        let input = std::mem::replace(&mut query.journal, journal.clone());
        let is_named = |journal: &Option<Arc<str>>| query.names.iter().any(|name| name.journal == *journal);
        let count = 1 + usize::from(input != journal);
        if query.names.len() == count && is_named(&input) && is_named(&journal) {
            return;
        }
        let old = self.unregister(slot);
        let name = |journal| Arc::new(QueryKey { journal, ..(*old[0]).clone() });
        let mut names = vec![name(input.clone())];
        if input != journal {
            names.push(name(journal));
        }
        self.register(slot, names);
    }

    fn unregister(&mut self, slot: usize) -> Vec<Arc<QueryKey>> {
        let query = &mut self.queries[slot];
        let names = std::mem::take(&mut query.names);
        for name in &names {
            if let Some(family) = self.families.get_mut(name)
                && family.unregister(slot, &query.identity)
            {
                self.families.remove(name);
            }
        }
        names
    }

    /// Makes a query be found under these names, where no other is.
    fn register(&mut self, slot: usize, names: Vec<Arc<QueryKey>>) {
        let query = &mut self.queries[slot];
        for name in &names {
            self.families.entry(name.clone()).or_default().register(slot, query.scope, &query.identity);
        }
        query.names = names;
    }

    /// Makes the query be found by the keys its token holds.
    pub(super) fn watch(&mut self, slot: usize, token: &Token) {
        let intervals = token.reads.intervals();
        let interval = |interval: &'_ crate::database::Interval| {
            interval.start.len() + interval.end.as_ref().map_or(0, Vec::len) + 128
        };
        self.queries[slot].token_size = intervals.iter().map(interval).sum();
        self.queries[slot].searches = token.reads.searches().clone();
        let intervals = intervals
            .iter()
            .map(|interval| (interval.index, Interval::range(&interval.start, interval.end.as_deref())));
        self.index.insert(slot as u32, intervals);
    }

    /// The first commit since its snapshot that touches a token, as far as commits have been looked at.
    pub(super) fn first_touch(&self, token: &Token) -> Option<Timestamp> {
        if token.ts < self.recent_floor {
            return Some(token.ts + 1);
        }
        let mut first: Option<Timestamp> = None;
        let intervals = token.reads.intervals();
        for group in intervals.chunk_by(|a, b| a.index.table == b.index.table) {
            let Some(writes) = self.recent.get(&group[0].index.table) else { continue };
            let start = writes.partition_point(|(ts, _)| *ts <= token.ts);
            let touching = writes.range(start..).find(|(_, write)| token.reads.is_touched_by_write(write));
            if let Some((ts, _)) = touching {
                first = Some(first.map_or(*ts, |first| first.min(*ts)));
            }
        }
        first
    }

    /// Keeps a commit for the runs under way.
    fn remember(&mut self, entry: &Arc<LogEntry>) {
        for write in &entry.writes {
            let writes = self.recent.entry(write.table).or_default();
            writes.push_back((entry.ts, write.clone()));
            if writes.len() > RECENT_MAX
                && let Some((ts, _)) = writes.pop_front()
            {
                self.recent_floor = self.recent_floor.max(ts);
            }
        }
    }

    /// Drops the commits no run under way can depend on.
    fn forget(&mut self) {
        let Some(oldest) = self.reading.keys().next().copied() else {
            self.recent.clear();
            self.recent_floor = self.published;
            return;
        };
        self.recent_floor = self.recent_floor.max(oldest);
        self.recent.retain(|_, writes| {
            while writes.front().is_some_and(|(ts, _)| *ts <= oldest) {
                writes.pop_front();
            }
            !writes.is_empty()
        });
    }

    /// Says that somebody reads the snapshot at `ts`: until [`Self::end_reading`] the commits after it are kept.
    pub(super) fn begin_reading(&mut self, ts: Timestamp) {
        *self.reading.entry(ts).or_default() += 1;
    }

    /// The reverse of [`Self::begin_reading`].
    pub(super) fn end_reading(&mut self, ts: Timestamp) {
        if let Some(readers) = self.reading.get_mut(&ts) {
            *readers -= 1;
            if *readers == 0 {
                self.reading.remove(&ts);
            }
        }
        if self.reading.is_empty() {
            self.forget();
        }
    }
}
