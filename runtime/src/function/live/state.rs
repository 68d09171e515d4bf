//! [`State`]: everything live queries know, as plain data: no threads, no clock, no I/O.
//!
//! This file has what sessions do; [`super::wave`] has what commits and finished runs do, [`super::cache`]
//! what becomes of results nobody shows.
//!
//! **Time.** `published` is how far commits have been looked at. A live query's result holds from the
//! snapshot it was run at until the first commit that touches its token, so one that is not dirty holds at
//! `published`. Dirty ones are run again in waves, all at one timestamp; `floor` is the end of the last wave,
//! or `published` if nothing is dirty: every result that is not newer holds there. So a session can always be
//! told something: with no dirty query, everything at `published`; with one, everything at `floor`, or still
//! at the timestamp it was told before if that is later. Initial runs read the wave's snapshot while there is
//! a wave, so their results never are newer than what the wave will make of `floor`. Waves do not wait for slow
//! queries; a session that shows one which lags behind is told nothing until it has caught up.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use super::LiveCounts;
use super::cache::Cache;
use super::query::{Current, Family, LiveQuery, Part, QueryKey, QueryRef, Scope};
use super::result::LiveUpdate;
use super::result::QueryResult;
use super::wave::Wave;
use crate::auth::Identity;
use crate::database::interval_index::IntervalIndex;
use crate::database::{IndexId, LogWrite, TableId, Timestamp};

/// Called when [`State::poll`] may have something new; must not block.
pub(super) type Waker = Arc<dyn Fn() + Send + Sync>;

/// What can be set from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// Runs under way at once.
    pub(super) runs_max: usize,
    /// How long an unused result is kept.
    pub(super) cache_ttl: Duration,
    /// Bytes of all unused results.
    pub(super) cache_bytes_max: usize,
    /// How old a result that read the clock may be for a newcomer.
    pub(super) clock_age_max: Duration,
}

/// A session: one socket.
pub(super) struct Session {
    identity: Identity,
    /// Subscriptions by query id.
    queries: HashMap<u32, usize>,
    /// Query ids whose result may differ from what was reported; each once.
    changed: Vec<u32>,
    /// Query ids that have not been reported since they were added or since the identity changed.
    fresh: Vec<u32>,
    /// How many subscriptions are to dirty queries.
    dirty: usize,
    /// How many of these are to queries that the waves do not wait for.
    lagging: usize,
    /// How many subscriptions are to queries without a result.
    missing: usize,
    /// The timestamp of the last update.
    reported: Timestamp,
    /// What was published when it asked for what is fresh: it may know of commits up to there already.
    fresh_since: Timestamp,
    /// Results of two identities must not be mixed: nothing is reported until all of the new one are there.
    is_switching: bool,
    /// Wants to be woken once it can be told about this timestamp.
    wanted: Option<Timestamp>,
    /// Whether it stands on the list of those that wait for their timestamp.
    is_wanting: bool,
    waker: Waker,
    /// Was woken and has not asked since.
    is_woken: bool,
}

/// A query on a session's list.
#[derive(Debug)]
pub(super) struct Subscription {
    session: usize,
    query_id: u32,
    query: usize,
    /// Where it stands in the query's list of subscribers.
    position: usize,
    /// The least generation of the result that may be reported.
    generation_min: u32,
    is_fresh: bool,
    /// Whether it stands in the session's list of changes.
    is_listed: bool,
    /// Hash of the result that was reported last.
    reported: Option<u64>,
}

/// See the module's documentation.
pub(super) struct State<S> {
    pub(super) config: Config,
    pub(super) now: Duration,
    pub(super) published: Timestamp,
    pub(super) floor: Timestamp,
    pub(super) push_version: u64,
    /// Grows with every change of functions or schema.
    pub(super) version: u64,
    /// The snapshot at `published`.
    pub(super) latest: S,
    pub(super) wave: Option<Wave<S>>,
    pub(super) queries: Slab<LiveQuery>,
    pub(super) families: HashMap<Arc<QueryKey>, Family>,
    pub(super) index: IntervalIndex<IndexId>,
    /// Dirty queries for the next wave.
    pub(super) touched: Vec<QueryRef>,
    /// Queries that were last run before a push, to be run again little by little.
    pub(super) outdated: VecDeque<QueryRef>,
    /// Queries the wave waits for that have not been started.
    pub(super) wave_runs: VecDeque<QueryRef>,
    /// Queries without a result that have not been started.
    pub(super) first_runs: VecDeque<QueryRef>,
    /// Whose turn it is among the two.
    pub(super) is_wave_turn: bool,
    pub(super) running: usize,
    /// How many were started so far.
    pub(super) runs: u64,
    /// The snapshots being read, with the number of their readers.
    pub(super) reading: BTreeMap<Timestamp, usize>,
    /// What was written after the oldest snapshot being read, by table, and where these lists begin.
    pub(super) recent: HashMap<TableId, VecDeque<(Timestamp, Arc<LogWrite>)>>,
    pub(super) recent_floor: Timestamp,
    pub(super) cache: Cache,
    pub(super) serial: u64,
    subscriptions: Slab<Subscription>,
    sessions: Slab<Session>,
    wanting: Vec<usize>,
    wakes: Vec<Waker>,
}

impl<S: Clone> State<S> {
    pub(super) fn new(config: Config, ts: Timestamp, push_version: u64, snapshot: S) -> Self {
        Self {
            config,
            now: Duration::ZERO,
            published: ts,
            floor: ts,
            push_version,
            version: 0,
            latest: snapshot,
            wave: None,
            queries: Slab::new(),
            families: HashMap::new(),
            index: IntervalIndex::default(),
            touched: Vec::new(),
            outdated: VecDeque::new(),
            wave_runs: VecDeque::new(),
            first_runs: VecDeque::new(),
            is_wave_turn: true,
            running: 0,
            runs: 0,
            reading: BTreeMap::new(),
            recent: HashMap::new(),
            recent_floor: ts,
            cache: Cache::default(),
            serial: 0,
            subscriptions: Slab::new(),
            sessions: Slab::new(),
            wanting: Vec::new(),
            wakes: Vec::new(),
        }
    }

    pub(super) fn counts(&self) -> LiveCounts {
        LiveCounts {
            queries: self.queries.len(),
            subscriptions: self.subscriptions.len(),
            sessions: self.sessions.len(),
            cached_bytes: self.cache.bytes,
            runs: self.runs,
        }
    }

    /// The wakers to call, after the lock is released.
    pub(super) fn take_wakes(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakes)
    }

    pub(super) fn open_session(&mut self, waker: Waker) -> usize {
        self.sessions.insert(Session {
            identity: Identity::Anonymous,
            queries: HashMap::new(),
            changed: Vec::new(),
            fresh: Vec::new(),
            dirty: 0,
            lagging: 0,
            missing: 0,
            reported: 0,
            fresh_since: 0,
            is_switching: false,
            wanted: None,
            is_wanting: false,
            waker,
            is_woken: false,
        })
    }

    pub(super) fn close_session(&mut self, session: usize) {
        let ids: Vec<u32> = self.sessions[session].queries.keys().copied().collect();
        for query_id in ids {
            self.unsubscribe(session, query_id);
        }
        self.wanting.retain(|wanting| *wanting != session);
        self.sessions.remove(session);
        self.settle();
    }

    /// Has the session's fresh results wait for everything published so far, which may be ahead of what was
    /// looked at: its client may know of it through another channel, the answer of an action for one.
    pub(super) fn refresh_since(&mut self, session: usize, published: Timestamp) {
        self.sessions[session].fresh_since = published;
        if self.tellable(&self.sessions[session]) < published {
            self.want_ts(session, published);
        }
    }

    /// Adds a query to a session, in place of what had this id before.
    ///
    /// Gives the result that is there already, with the identity that sees it.
    pub(super) fn add(
        &mut self,
        session: usize,
        query_id: u32,
        mut key: QueryKey,
    ) -> Option<(Arc<QueryResult>, Identity)> {
        self.unsubscribe(session, query_id);
        let identity = self.sessions[session].identity.clone();
        key.is_privileged = identity.is_admin();
        let (query, generation_min) = self.place(&Arc::new(key), &identity);
        let subscription = self.subscriptions.insert(Subscription {
            session,
            query_id,
            query,
            position: 0,
            generation_min,
            is_fresh: true,
            is_listed: false,
            reported: None,
        });
        self.sessions[session].queries.insert(query_id, subscription);
        self.sessions[session].fresh.push(query_id);
        self.attach(subscription, query);
        let found = &self.queries[query];
        let is_good = !found.is_dirty && !found.is_lagging;
        let found = found.current.as_ref().filter(|_| is_good).map(|current| current.result.clone());
        if self.sessions[session].missing == 0 {
            self.wake(session);
        }
        self.settle();
        found.map(|result| (result, identity))
    }

    /// Takes a query off a session.
    pub(super) fn remove(&mut self, session: usize, query_id: u32) {
        self.unsubscribe(session, query_id);
        self.wake(session);
        self.settle();
    }

    /// From here on the session sees what this identity sees.
    pub(super) fn set_identity(&mut self, session: usize, identity: Identity) {
        let old = std::mem::replace(&mut self.sessions[session].identity, identity.clone());
        if old != identity {
            let is_same_class = old.is_admin() == identity.is_admin();
            let subscriptions: Vec<usize> = self.sessions[session].queries.values().copied().collect();
            for subscription in subscriptions {
                let query = &self.queries[self.subscriptions[subscription].query];
                if query.scope == Scope::Shared && is_same_class {
                    continue;
                }
                let Some(key) = query.names.last().cloned() else { continue };
                self.restart(subscription, &key);
            }
        }
        self.wake(session);
        self.settle();
    }

    /// Whether the session can be told about `ts`, changed or not.
    pub(super) fn can_tell(&self, session: usize, ts: Timestamp) -> bool {
        let session = &self.sessions[session];
        ts <= self.tellable(session) && !(session.missing > 0 && session.is_switching)
    }

    /// Asks to wake the session once it can be told about `ts`, changed or not.
    pub(super) fn want_ts(&mut self, session: usize, ts: Timestamp) {
        let wanted = &mut self.sessions[session].wanted;
        *wanted = (*wanted).max(Some(ts));
        self.keep_wanting(session, None);
        self.wake_wanting();
    }

    /// Sees to it that the session is woken for the timestamp it wants, unless it has just been told about it.
    fn keep_wanting(&mut self, slot: usize, told: Option<Timestamp>) {
        let session = &mut self.sessions[slot];
        session.wanted.take_if(|wanted| told.is_some_and(|told| *wanted <= told));
        if session.wanted.is_some() && !std::mem::replace(&mut session.is_wanting, true) {
            self.wanting.push(slot);
        }
    }

    /// The latest timestamp at which everything the session shows is known.
    fn tellable(&self, session: &Session) -> Timestamp {
        match session {
            Session { lagging: 1.., reported, .. } => *reported,
            Session { dirty: 1.., reported, .. } => self.floor.max(*reported),
            _ => self.published,
        }
    }

    /// Whether a subscription has a result that may be reported at `ts`.
    fn is_tellable(&self, subscription: &Subscription, ts: Timestamp) -> bool {
        let query = &self.queries[subscription.query];
        query.holds_at(ts) && query.generation >= subscription.generation_min
    }

    /// What changed since the last time.
    pub(super) fn poll(&mut self, slot: usize) -> LiveUpdate {
        self.sessions[slot].is_woken = false;
        let session = &self.sessions[slot];
        let ts = self.tellable(session);
        let is_settled = session.missing == 0
            && session.fresh_since <= ts
            && session
                .fresh
                .iter()
                .filter_map(|query_id| session.queries.get(query_id))
                .all(|subscription| self.is_tellable(&self.subscriptions[*subscription], ts));
        if session.is_switching && !is_settled {
            let ts = session.reported;
            self.keep_wanting(slot, Some(ts));
            return LiveUpdate { ts, is_settled, changes: Vec::new() };
        }
        self.keep_wanting(slot, Some(ts));
        let session = &mut self.sessions[slot];
        session.reported = ts;
        session.is_switching = false;
        let changed = std::mem::take(&mut session.changed);
        let fresh = if is_settled { std::mem::take(&mut session.fresh) } else { Vec::new() };
        for query_id in &fresh {
            if let Some(subscription) = session.queries.get(query_id) {
                let subscription = &mut self.subscriptions[*subscription];
                subscription.is_fresh = false;
                subscription.is_listed = true;
            }
        }
        let mut update =
            LiveUpdate { ts, is_settled, changes: Vec::with_capacity(changed.len() + fresh.len()) };
        for query_id in changed.into_iter().chain(fresh) {
            self.report(slot, query_id, &mut update);
        }
        update
    }

    /// Adds a query's result to the update, if it is listed and looks different from what was reported.
    fn report(&mut self, slot: usize, query_id: u32, update: &mut LiveUpdate) {
        let Some(place) = self.sessions[slot].queries.get(&query_id).copied() else { return };
        let subscription = &self.subscriptions[place];
        if !subscription.is_listed || subscription.is_fresh {
            return;
        }
        if !self.is_tellable(subscription, update.ts) {
            // It belongs to a wave that has not ended; its end makes the session look again.
            self.sessions[slot].changed.push(query_id);
            return;
        }
        let Some(Current { result, .. }) = &self.queries[subscription.query].current else { return };
        let result = result.clone();
        let subscription = &mut self.subscriptions[place];
        subscription.is_listed = false;
        if subscription.reported.replace(result.hash) != Some(result.hash) {
            update.changes.push((query_id, result));
        }
    }

    /// Finds the live query that shows `key` to `identity`, or makes it; also the least generation of its
    /// result that a newcomer may be given.
    fn place(&mut self, key: &Arc<QueryKey>, identity: &Identity) -> (usize, u32) {
        let family = self.families.get(key);
        if let Some(slot) = family.and_then(|family| family.find(identity)) {
            let query = &self.queries[slot];
            if query.current.as_ref().is_none_or(|current| self.is_presentable(current)) {
                return (slot, 0);
            }
            if !query.subscribers.is_empty() {
                let generation = query.generation + 1;
                self.mark_dirty(slot, None);
                return (slot, generation);
            }
            self.drop_query(slot);
        }
        let is_private = self.families.get(key).is_some_and(Family::is_private);
        let scope = if is_private { Scope::Own } else { Scope::Probing };
        let slot = self.make_query(key, scope, identity);
        let serial = self.queries[slot].serial;
        self.first_runs.push_back(QueryRef { slot, serial });
        (slot, 0)
    }

    /// Connects a subscription with the live query that shows `key` to its session's identity.
    pub(super) fn replace(&mut self, subscription: usize, key: &QueryKey) {
        let identity = self.identity_of(subscription).clone();
        let key = QueryKey { is_privileged: identity.is_admin(), ..key.clone() };
        self.detach(subscription);
        let (query, generation_min) = self.place(&Arc::new(key), &identity);
        self.require_generation(subscription, generation_min);
        self.attach(subscription, query);
    }

    /// As [`Self::replace`], for a subscription that has been reported perhaps: until the new result is there,
    /// its session is told nothing.
    pub(super) fn restart(&mut self, subscription: usize, key: &QueryKey) {
        let Subscription { session, query_id, is_fresh, .. } = &mut self.subscriptions[subscription];
        let session = &mut self.sessions[*session];
        session.is_switching = true;
        if !std::mem::replace(is_fresh, true) {
            session.fresh.push(*query_id);
        }
        self.replace(subscription, key);
    }

    /// Sets the least generation of its query's result that a subscription may be given.
    pub(super) fn require_generation(&mut self, subscription: usize, generation: u32) {
        self.subscriptions[subscription].generation_min = generation;
    }

    /// Makes a live query without a result.
    pub(super) fn make_query(&mut self, key: &Arc<QueryKey>, scope: Scope, identity: &Identity) -> usize {
        self.serial += 1;
        let query = LiveQuery::new(self.serial, key.clone(), scope, identity.clone());
        let slot = self.queries.insert(query);
        self.families.entry(key.clone()).or_default().register(slot, scope, identity);
        slot
    }

    /// Whether a newcomer may be given a result that holds.
    pub(super) fn is_presentable(&self, current: &Current) -> bool {
        current.version == self.version
            && !current.result.is_system_failure()
            && current.clock.is_none_or(|at| at + self.config.clock_age_max >= self.now)
    }

    pub(super) fn find(&self, reference: QueryRef) -> Option<&LiveQuery> {
        self.queries.get(reference.slot).filter(|query| query.serial == reference.serial)
    }

    /// Forgets a live query, which nobody may show.
    pub(super) fn drop_query(&mut self, slot: usize) {
        let query = self.queries.remove(slot);
        debug_assert!(query.subscribers.is_empty(), "somebody shows a query that is dropped");
        self.cache.bytes -= query.cached_size;
        self.index.remove(slot as u32);
        for name in &query.names {
            if let Some(family) = self.families.get_mut(name)
                && family.unregister(slot, &query.identity)
            {
                self.families.remove(name);
            }
        }
        if let (Part::Awaited, Some(wave)) = (query.part, &mut self.wave) {
            wave.awaited -= 1;
        }
    }

    /// Connects a subscription with a live query and counts it.
    pub(super) fn attach(&mut self, subscription: usize, slot: usize) {
        self.leave_cache(slot);
        let query = &mut self.queries[slot];
        let entry = &mut self.subscriptions[subscription];
        entry.query = slot;
        entry.position = query.subscribers.len();
        query.subscribers.push(subscription);
        let session = &mut self.sessions[entry.session];
        session.missing += usize::from(query.current.is_none());
        session.dirty += usize::from(query.is_dirty);
        session.lagging += usize::from(query.is_lagging);
    }

    /// The reverse of [`Self::attach`]; what nobody shows any more goes to the cache or away.
    pub(super) fn detach(&mut self, subscription: usize) {
        let Subscription { session, query: slot, position, .. } = self.subscriptions[subscription];
        let query = &mut self.queries[slot];
        query.subscribers.swap_remove(position);
        if let Some(moved) = query.subscribers.get(position) {
            self.subscriptions[*moved].position = position;
        }
        let session = &mut self.sessions[session];
        session.missing -= usize::from(query.current.is_none());
        session.dirty -= usize::from(query.is_dirty);
        session.lagging -= usize::from(query.is_lagging);
        if query.subscribers.is_empty() {
            self.enter_cache(slot);
        }
    }

    fn unsubscribe(&mut self, session: usize, query_id: u32) {
        if let Some(subscription) = self.sessions[session].queries.remove(&query_id) {
            self.detach(subscription);
            self.subscriptions.remove(subscription);
        }
    }

    /// The identity behind a subscription.
    pub(super) fn identity_of(&self, subscription: usize) -> &Identity {
        &self.sessions[self.subscriptions[subscription].session].identity
    }

    /// Counts a query as dirty in the sessions that show it.
    pub(super) fn count_dirty(&mut self, slot: usize) {
        for subscription in &self.queries[slot].subscribers {
            self.sessions[self.subscriptions[*subscription].session].dirty += 1;
        }
    }

    /// Counts a query as clean again in the sessions that show it.
    pub(super) fn count_clean(&mut self, slot: usize) {
        for subscription in &self.queries[slot].subscribers {
            self.sessions[self.subscriptions[*subscription].session].dirty -= 1;
        }
    }

    /// Counts a query as lagging behind in the sessions that show it, or not any more.
    pub(super) fn set_lagging(&mut self, slot: usize, is_lagging: bool) {
        let query = &mut self.queries[slot];
        if std::mem::replace(&mut query.is_lagging, is_lagging) == is_lagging {
            return;
        }
        for subscription in &query.subscribers {
            let session = &mut self.sessions[self.subscriptions[*subscription].session];
            if is_lagging {
                session.lagging += 1;
            } else {
                session.lagging -= 1;
            }
        }
    }

    /// Counts a query as having its first result.
    pub(super) fn count_found(&mut self, slot: usize) {
        for subscription in &self.queries[slot].subscribers {
            self.sessions[self.subscriptions[*subscription].session].missing -= 1;
        }
    }

    /// Tells the sessions that show a query that it has a new result.
    pub(super) fn announce(&mut self, slot: usize) {
        let hash = self.queries[slot].current.as_ref().map(|current| current.result.hash);
        for position in 0..self.queries[slot].subscribers.len() {
            let subscription = self.queries[slot].subscribers[position];
            let Subscription { session: of, reported, is_fresh, .. } = self.subscriptions[subscription];
            let is_news = !is_fresh && reported != hash;
            if is_news {
                self.list(subscription);
            }
            let session = &self.sessions[of];
            // What was held back because of this query can be told now, even if itself it looks the same.
            if is_news || !session.changed.is_empty() || (session.missing == 0 && !session.fresh.is_empty()) {
                self.wake(of);
            }
        }
    }

    /// Tells a subscription's session that it shows another query now.
    pub(super) fn show(&mut self, subscription: usize) {
        self.list(subscription);
        self.wake(self.subscriptions[subscription].session);
    }

    /// Puts a subscription on its session's list of changes.
    fn list(&mut self, subscription: usize) {
        let Subscription { session, query_id, is_listed, is_fresh, .. } =
            &mut self.subscriptions[subscription];
        if !*is_fresh && !std::mem::replace(is_listed, true) {
            self.sessions[*session].changed.push(*query_id);
        }
    }

    pub(super) fn wake(&mut self, session: usize) {
        let session = &mut self.sessions[session];
        if session.missing > 0 && session.is_switching {
            return;
        }
        if !std::mem::replace(&mut session.is_woken, true) {
            self.wakes.push(session.waker.clone());
        }
    }

    /// Wakes the sessions that asked for a timestamp which is reached.
    pub(super) fn wake_wanting(&mut self) {
        let mut wanting = std::mem::take(&mut self.wanting);
        wanting.retain(|slot| {
            let session = &self.sessions[*slot];
            let is_reached = session.wanted.is_none_or(|wanted| wanted <= self.tellable(session));
            if is_reached {
                self.sessions[*slot].is_wanting = false;
                self.wake(*slot);
            }
            !is_reached
        });
        self.wanting = wanting;
    }

    /// Counts everything again and compares.
    #[cfg(test)]
    pub(super) fn check(&self) {
        for (slot, session) in &self.sessions {
            let query = |subscription: &usize| &self.queries[self.subscriptions[*subscription].query];
            let count =
                |is: fn(&LiveQuery) -> bool| session.queries.values().filter(|s| is(query(s))).count();
            assert_eq!(session.dirty, count(|query| query.is_dirty), "dirty queries of session {slot}");
            assert_eq!(session.lagging, count(|query| query.is_lagging), "lagging queries of {slot}");
            assert_eq!(session.missing, count(|query| query.current.is_none()), "missing results of {slot}");
        }
        let mut bytes = 0;
        let mut awaited = 0;
        for (slot, query) in &self.queries {
            for (position, subscription) in query.subscribers.iter().enumerate() {
                let entry = &self.subscriptions[*subscription];
                assert_eq!((entry.query, entry.position), (slot, position));
            }
            let is_unused = query.subscribers.is_empty() && query.part == Part::Absent;
            assert_eq!(query.cached_size > 0, is_unused, "unused is cached");
            assert!(!query.names.is_empty());
            bytes += query.cached_size;
            awaited += usize::from(query.part == Part::Awaited);
            let is_settled = self.wave.is_none() && self.touched.is_empty();
            let is_attended = !query.is_dirty || query.part == Part::Aside;
            assert!(!is_settled || is_attended, "a dirty query is forgotten");
        }
        assert_eq!(self.cache.bytes, bytes);
        assert_eq!(self.wave.as_ref().map_or(0, |wave| wave.awaited), awaited);
        for (name, family) in &self.families {
            for slot in family.slots() {
                assert!(self.queries[slot].names.contains(name), "a family knows a query of another name");
            }
        }
    }
}
