//! Live queries against a model: random commits, subscriptions, identities and orders of events; whatever a
//! session is told at a timestamp must be what a run at that very timestamp gives.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::cache::Offer;
use super::query::QueryKey;
use super::result::QueryResult;
use super::state::{Config, State};
use super::wave::{End, Run, SLOW};
use crate::Error;
use crate::auth::{Identity, UserIdentity};
use crate::database::{IndexId, Interval, KeyChange, LogEntry, LogWrite, ReadSet, TableId, Timestamp, Token};
use crate::function::{FunctionPath, Outcome, RequestId, Returned, UdfError};

/// The data at one timestamp: numbers by a byte.
#[derive(Clone, Debug)]
struct World {
    ts: Timestamp,
    push_version: u64,
    cells: BTreeMap<u8, u8>,
}

const CELLS: u8 = 12;
/// While this cell is odd, `secret` reads the identity.
const SWITCH: u8 = 0;
const INDEX: IndexId = IndexId { table: TableId(1), slot: 2 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Query {
    Cell(u8),
    Sum(u8, u8),
    /// A page of so many cells from here on.
    Page(u8, u8),
    Secret(u8),
    Fails(u8),
    /// As `Cell`, but it also asks for the time.
    Clock(u8),
}

impl Query {
    fn key(self, journal: Option<&str>) -> QueryKey {
        let (path, args) = match self {
            Self::Cell(at) => ("cell", vec![at]),
            Self::Sum(start, end) => ("sum", vec![start, end]),
            Self::Page(start, count) => ("page", vec![start, count]),
            Self::Secret(at) => ("secret", vec![at]),
            Self::Fails(at) => ("fails", vec![at]),
            Self::Clock(at) => ("clock", vec![at]),
        };
        QueryKey {
            path: FunctionPath::parse(path).unwrap(),
            args: serde_json::to_string(&args).unwrap().into(),
            journal: journal.map(Into::into),
            is_privileged: false,
        }
    }

    fn of(key: &QueryKey) -> Self {
        let args: Vec<u8> = serde_json::from_str(&key.args).unwrap();
        match key.path.module() {
            "cell" => Self::Cell(args[0]),
            "sum" => Self::Sum(args[0], args[1]),
            "page" => Self::Page(args[0], args[1]),
            "secret" => Self::Secret(args[0]),
            "clock" => Self::Clock(args[0]),
            _ => Self::Fails(args[0]),
        }
    }
}

/// What a run gives; the result as text.
struct Ran {
    text: Result<String, String>,
    journal: Option<String>,
    reads: ReadSet,
    read_identity: bool,
    read_clock: bool,
}

fn run(world: &World, query: Query, identity: &Identity, journal: Option<&str>) -> Ran {
    let mut reads = ReadSet::default();
    let mut range = |start: u8, end: u8| {
        reads.add(Interval { index: INDEX, start: vec![start], end: Some(vec![end]) });
        world.cells.range(start..end.max(start)).map(|(at, value)| (*at, *value)).collect::<Vec<_>>()
    };
    let mut read_identity = false;
    let mut end = None;
    let text = match query {
        Query::Cell(at) | Query::Clock(at) => Ok(format!("{:?}", range(at, at + 1))),
        Query::Sum(start, end) => {
            Ok(range(start, end).iter().map(|(_, value)| u32::from(*value)).sum::<u32>().to_string())
        }
        Query::Page(start, count) => {
            let pinned = journal.map(|journal| journal.parse().unwrap());
            let next = world.cells.range(start..).nth(usize::from(count)).map_or(CELLS, |(at, _)| *at);
            let stop = pinned.unwrap_or(next);
            end = Some(stop.to_string());
            // It looked one further to see whether there is more.
            range(start, stop.saturating_add(1));
            Ok(format!("{:?}", world.cells.range(start..stop.max(start)).collect::<Vec<_>>()))
        }
        Query::Secret(at) => {
            let is_private = range(SWITCH, SWITCH + 1).first().is_some_and(|(_, value)| value % 2 == 1);
            let cell = range(at, at + 1);
            read_identity = is_private;
            Ok(if is_private { format!("{cell:?} for {identity:?}") } else { format!("{cell:?}") })
        }
        Query::Fails(at) => match range(at, at + 1).first() {
            Some((_, value)) if value % 2 == 1 => Err(format!("odd: {value}")),
            cell => Ok(format!("{cell:?}")),
        },
    };
    reads.normalize();
    Ran { text, journal: end, reads, read_identity, read_clock: matches!(query, Query::Clock(_)) }
}

fn end(ran: Ran, world: &World, keys: &RandomState) -> End {
    let result = ran
        .text
        .map(|text| Returned::from_json(text.as_str()))
        .map_err(|text| UdfError::new(&Error::function(text), RequestId::new()));
    let outcome = Outcome { result, log_lines: Vec::new(), journal: ran.journal, ts: world.ts };
    End::Finished {
        result: Arc::new(QueryResult::new(outcome, keys)),
        token: Token { reads: ran.reads, ts: world.ts, push_version: world.push_version },
        read_identity: ran.read_identity,
        read_clock: ran.read_clock,
    }
}

fn identity(number: u8) -> Identity {
    let user = |org: u8| {
        let claims =
            serde_json::json!({ "issuer": "https://i", "subject": "s", "orgId": format!("org{org}") });
        Arc::new(UserIdentity::from_impersonation_json(&claims).unwrap())
    };
    match number {
        0 => Identity::Anonymous,
        3 => Identity::Admin { acting_as: None },
        org => Identity::User(user(org)),
    }
}

/// What a client has been told.
struct Client {
    session: usize,
    identity: Identity,
    queries: HashMap<u32, Query>,
    known: HashMap<u32, Arc<QueryResult>>,
    ts: Timestamp,
    was_settled: bool,
    is_switching: bool,
    wanted: Timestamp,
    is_woken: Arc<AtomicBool>,
}

struct Harness {
    state: State<Arc<World>>,
    history: BTreeMap<Timestamp, Arc<World>>,
    world: World,
    log: VecDeque<Arc<LogEntry>>,
    running: Vec<Run<Arc<World>>>,
    clients: Vec<Client>,
    keys: RandomState,
    runs: usize,
}

impl Harness {
    fn new(config: Config) -> Self {
        let world = World { ts: 100, push_version: 1, cells: (0..CELLS).map(|at| (at, 0)).collect() };
        let first = Arc::new(world.clone());
        Self {
            state: State::new(config, world.ts, world.push_version, first.clone()),
            history: BTreeMap::from([(world.ts, first)]),
            world,
            log: VecDeque::new(),
            running: Vec::new(),
            clients: Vec::new(),
            keys: RandomState::new(),
            runs: 0,
        }
    }

    fn connect(&mut self) {
        let is_woken = Arc::new(AtomicBool::new(false));
        let flag = is_woken.clone();
        let session = self.state.open_session(Arc::new(move || flag.store(true, Ordering::Relaxed)));
        self.clients.push(Client {
            session,
            identity: Identity::Anonymous,
            queries: HashMap::new(),
            known: HashMap::new(),
            ts: 0,
            was_settled: true,
            is_switching: false,
            wanted: 0,
            is_woken,
        });
    }

    fn commit(&mut self, writes: &[(u8, Option<u8>)], is_push: bool) {
        self.world.ts += 10;
        self.world.push_version += u64::from(is_push);
        let mut log = Vec::new();
        for (at, value) in writes {
            match value {
                Some(value) => self.world.cells.insert(*at, *value),
                None => self.world.cells.remove(at),
            };
            let key = crate::database::Key::new(&[*at]);
            let keys = vec![(INDEX.slot, KeyChange::Removed(key))];
            log.push(Arc::new(LogWrite { table: INDEX.table, id: [0; 16], keys, attached: Vec::new() }));
        }
        let (ts, push_version) = (self.world.ts, self.world.push_version);
        self.log.push_back(Arc::new(LogEntry { ts, push_version, writes: log }));
        self.history.insert(self.world.ts, Arc::new(self.world.clone()));
    }

    fn advance(&mut self, is_blind: bool) {
        let snapshot = Arc::new(self.world.clone());
        let entries: Vec<_> = self.log.drain(..).collect();
        let World { ts, push_version, .. } = self.world;
        if is_blind {
            self.state.advance_blindly(ts, push_version, snapshot);
        } else {
            self.state.advance(&entries, ts, push_version, snapshot);
        }
        self.after();
    }

    fn after(&mut self) {
        self.state.take_wakes().iter().for_each(|waker| waker());
        self.state.check();
    }

    fn start(&mut self) {
        while let Some(run) = self.state.next_run() {
            self.runs += 1;
            self.running.push(run);
        }
    }

    fn finish(&mut self, which: usize) {
        if self.running.is_empty() {
            return;
        }
        let Run { ticket, key, identity, traps_identity, journal, snapshot, .. } =
            self.running.swap_remove(which % self.running.len());
        let ran = run(&snapshot, Query::of(&key), &identity, journal.as_deref());
        let end =
            if traps_identity && ran.read_identity { End::Trapped } else { end(ran, &snapshot, &self.keys) };
        self.state.finish(ticket, end);
        self.after();
    }

    fn poll(&mut self, which: usize) {
        let client = &mut self.clients[which];
        client.is_woken.store(false, Ordering::Relaxed);
        let update = self.state.poll(client.session);
        assert!(update.ts >= client.ts, "time went back from {} to {}", client.ts, update.ts);
        assert!(update.ts <= self.state.published);
        client.was_settled = update.is_settled;
        if client.is_switching && !update.is_settled && update.changes.is_empty() && update.ts == client.ts {
            // Still as the old identity sees it.
            return;
        }
        client.is_switching &= !update.is_settled;
        client.ts = update.ts;
        for (query_id, result) in update.changes {
            let before = client.known.insert(query_id, result.clone());
            assert!(client.queries.contains_key(&query_id), "a removed query is reported");
            assert_ne!(before.map(|before| before.hash), Some(result.hash), "nothing changed");
        }
        if update.is_settled {
            assert_eq!(client.known.len(), client.queries.len(), "settled without all results");
        }
        let world = &self.history.range(..=client.ts).next_back().map(|(_, world)| world.clone());
        for (query_id, result) in &client.known {
            let query = client.queries[query_id];
            let world = world.as_ref().unwrap();
            let expected = run(world, query, &client.identity, result.journal.as_deref());
            let told = match &result.json {
                Ok(json) => Ok(json.to_string()),
                Err(error) => Err(error.detail().replace("Uncaught Error: ", "")),
            };
            assert_eq!(told, expected.text, "query {query_id} {query:?} at {}", client.ts);
        }
    }

    /// Lets everything come to rest; then every session must know the present.
    fn rest(&mut self) {
        self.advance(false);
        loop {
            self.start();
            if self.running.is_empty() {
                break;
            }
            self.finish(0);
        }
        assert!(self.state.wave.is_none());
        assert!(self.state.outdated.is_empty());
        for which in 0..self.clients.len() {
            let client = &self.clients[which];
            let was_woken = client.is_woken.load(Ordering::Relaxed);
            let (known, was_settled) = (client.known.clone(), client.was_settled);
            let is_owed = client.wanted > client.ts;
            self.poll(which);
            let client = &self.clients[which];
            assert!(client.was_settled, "not settled at rest");
            assert_eq!(client.ts, self.world.ts, "behind at rest");
            let is_news = known.len() != client.known.len()
                || known.iter().any(|(query_id, result)| client.known[query_id].hash != result.hash);
            assert!(was_woken || !(is_news || !was_settled || is_owed), "session {which} was not woken");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Connect,
    Close(usize),
    Commit(Vec<(u8, Option<u8>)>),
    Push,
    Advance,
    Lose,
    Start,
    Finish(usize),
    Add(usize, u32, Query, bool),
    Remove(usize, u32),
    Identity(usize, u8),
    Want(usize),
    Poll(usize),
    Ask(Query, u8),
    Time(u64),
    /// What is running takes long.
    Slow,
    Rest,
}

fn query() -> impl Strategy<Value = Query> {
    let cell = 0..CELLS;
    prop_oneof![
        cell.clone().prop_map(Query::Cell),
        (cell.clone(), cell.clone()).prop_map(|(a, b)| Query::Sum(a.min(b), a.max(b))),
        (cell.clone(), 1_u8..4).prop_map(|(start, count)| Query::Page(start, count)),
        (0_u8..3).prop_map(Query::Secret),
        (0_u8..3).prop_map(Query::Secret),
        cell.clone().prop_map(Query::Fails),
        cell.prop_map(Query::Clock),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let write = (0..CELLS, prop_oneof![1 => Just(None), 5 => (0_u8..4).prop_map(Some)]);
    let switch = (0_u8..2).prop_map(|value| vec![(SWITCH, Some(value))]);
    let session = 0_usize..4;
    prop_oneof![
        1 => Just(Step::Connect),
        1 => session.clone().prop_map(Step::Close),
        8 => prop::collection::vec(write, 1..4).prop_map(Step::Commit),
        3 => switch.prop_map(Step::Commit),
        1 => Just(Step::Push),
        8 => Just(Step::Advance),
        1 => Just(Step::Lose),
        8 => Just(Step::Start),
        16 => (0_usize..8).prop_map(Step::Finish),
        10 => (session.clone(), 0_u32..6, query(), any::<bool>()).prop_map(|(s, q, query, j)| Step::Add(s, q, query, j)),
        3 => (session.clone(), 0_u32..6).prop_map(|(s, q)| Step::Remove(s, q)),
        3 => (session.clone(), 0_u8..4).prop_map(|(s, i)| Step::Identity(s, i)),
        3 => session.clone().prop_map(Step::Want),
        12 => session.prop_map(Step::Poll),
        3 => (query(), 0_u8..4).prop_map(|(query, i)| Step::Ask(query, i)),
        1 => (0_u64..400).prop_map(Step::Time),
        3 => Just(Step::Slow),
        1 => Just(Step::Rest),
    ]
}

fn play(steps: Vec<Step>, config: Config) {
    let mut harness = Harness::new(config);
    (0..3).for_each(|_| harness.connect());
    for step in steps {
        let count = harness.clients.len().max(1);
        let of = |which: usize| which % count;
        match step {
            Step::Connect if count < 6 => harness.connect(),
            Step::Connect => {}
            Step::Commit(writes) => harness.commit(&writes, false),
            Step::Push => harness.commit(&[], true),
            Step::Advance => harness.advance(false),
            Step::Lose => harness.advance(true),
            Step::Start => harness.start(),
            Step::Finish(which) => harness.finish(which),
            Step::Time(seconds) => {
                harness.state.now += Duration::from_secs(seconds);
                harness.state.expire();
            }
            Step::Slow => harness.state.now += Duration::from_millis(60),
            Step::Rest => harness.rest(),
            Step::Ask(query, number) => ask(&mut harness, query, identity(number)),
            _ if harness.clients.is_empty() => {}
            Step::Close(which) => {
                let client = harness.clients.swap_remove(of(which));
                harness.state.close_session(client.session);
            }
            Step::Add(which, query_id, query, brings_journal) => {
                let client = &mut harness.clients[of(which)];
                let old = client.known.remove(&query_id);
                let is_same = client.queries.insert(query_id, query) == Some(query);
                let journal = old.filter(|_| is_same && brings_journal).and_then(|old| old.journal.clone());
                client.was_settled = false;
                harness.state.add(client.session, query_id, query.key(journal.as_deref()));
            }
            Step::Remove(which, query_id) => {
                let client = &mut harness.clients[of(which)];
                client.known.remove(&query_id);
                client.queries.remove(&query_id);
                harness.state.remove(client.session, query_id);
            }
            Step::Identity(which, number) => {
                let client = &mut harness.clients[of(which)];
                client.identity = identity(number);
                client.is_switching = true;
                client.was_settled = false;
                harness.state.set_identity(client.session, identity(number));
            }
            Step::Want(which) => {
                let client = &mut harness.clients[of(which)];
                client.wanted = harness.world.ts;
                harness.state.want_ts(client.session, harness.world.ts);
            }
            Step::Poll(which) => harness.poll(of(which)),
        }
        harness.after();
    }
    harness.rest();
    for client in std::mem::take(&mut harness.clients) {
        harness.state.close_session(client.session);
    }
    harness.after();
    harness.state.now += Duration::from_secs(100_000);
    harness.state.expire();
    harness.state.expire();
    harness.after();
    assert!(harness.state.queries.is_empty() && harness.state.index.is_empty(), "something stayed behind");
    assert!(harness.state.families.is_empty() && harness.state.reading.is_empty());
}

/// One call outside of any session, as the HTTP API makes it: it sees commits that sessions do not know yet.
fn ask(harness: &mut Harness, query: Query, identity: Identity) {
    let key = QueryKey { is_privileged: identity.is_admin(), ..query.key(None) };
    let world = harness.world.clone();
    let ran = run(&world, query, &identity, None);
    let entries: Vec<_> = harness.log.iter().cloned().collect();
    match harness.state.look_up(&key, &identity, &entries) {
        Some(result) => {
            assert_eq!(result.json.as_ref().ok().map(|json| json.to_string()), ran.text.ok());
        }
        None => {
            let started = harness.state.started();
            let End::Finished { result, token, read_identity, read_clock } = end(ran, &world, &harness.keys)
            else {
                return;
            };
            let offer = Offer { key, identity, read_identity, result, token, started, read_clock };
            harness.state.offer(offer);
        }
    }
}

const CONFIG: Config = Config {
    runs_max: 3,
    cache_ttl: Duration::from_secs(300),
    cache_bytes_max: 4_000,
    clock_age_max: Duration::from_secs(17),
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn sessions_are_told_what_a_run_at_that_timestamp_gives(steps in prop::collection::vec(step(), 1..200)) {
        play(steps, CONFIG);
    }

    #[test]
    fn the_cache_can_be_switched_off(steps in prop::collection::vec(step(), 1..60)) {
        play(steps, Config { cache_ttl: Duration::ZERO, ..CONFIG });
    }
}

#[test]
fn a_result_that_read_the_clock_is_run_again_for_a_newcomer_only() {
    let mut harness = Harness::new(CONFIG);
    (0..3).for_each(|_| harness.connect());
    let add = |harness: &mut Harness, which: usize| {
        harness.clients[which].queries.insert(0, Query::Clock(3));
        harness.state.add(harness.clients[which].session, 0, Query::Clock(3).key(None));
        harness.rest();
    };
    add(&mut harness, 0);
    assert_eq!(harness.runs, 1);
    harness.state.now += Duration::from_secs(16);
    add(&mut harness, 1);
    assert_eq!(harness.runs, 1, "still young");
    harness.state.now += Duration::from_secs(1_000);
    harness.state.expire();
    harness.rest();
    assert_eq!(harness.runs, 1, "time alone runs nothing");
    add(&mut harness, 2);
    assert_eq!(harness.runs, 2, "too old for a newcomer");
}

#[test]
fn a_failure_of_the_system_is_tried_again_and_not_handed_on() {
    let mut harness = Harness::new(CONFIG);
    (0..2).for_each(|_| harness.connect());
    let fail = |harness: &mut Harness| {
        let Some(Run { ticket, snapshot, .. }) = harness.state.next_run() else { return false };
        let error = UdfError::new(&Error::overloaded("Full", "full"), RequestId::new());
        let outcome = Outcome { result: Err(error), log_lines: Vec::new(), journal: None, ts: 0 };
        let end = End::Finished {
            result: Arc::new(QueryResult::new(outcome, &harness.keys)),
            token: Token { reads: ReadSet::default(), ts: snapshot.ts, push_version: 1 },
            read_identity: false,
            read_clock: false,
        };
        harness.state.finish(ticket, end);
        true
    };
    let session = harness.clients[0].session;
    harness.state.add(session, 0, Query::Cell(1).key(None));
    let mut runs = 0;
    while fail(&mut harness) {
        runs += 1;
    }
    assert_eq!(runs, 3);
    assert_eq!(harness.state.poll(session).changes.len(), 1, "in the end the failure is shown");
    harness.clients[1].queries.insert(0, Query::Cell(1));
    harness.state.add(harness.clients[1].session, 0, Query::Cell(1).key(None));
    harness.clients[0].queries.insert(0, Query::Cell(1));
    harness.clients[0].was_settled = false;
    harness.rest();
    assert_eq!(harness.clients[1].known.len(), 1);
}

/// A harness in which session 0 shows a slow query of cell 1 and one of cell 2, session 1 only that of cell 2.
fn with_a_slow_query() -> Harness {
    let mut harness = Harness::new(CONFIG);
    (0..2).for_each(|_| harness.connect());
    for (which, query_id, query) in [(0, 0, Query::Sum(1, 2)), (0, 1, Query::Cell(2)), (1, 0, Query::Cell(2))]
    {
        harness.clients[which].queries.insert(query_id, query);
        harness.state.add(harness.clients[which].session, query_id, query.key(None));
    }
    harness.rest();
    harness.commit(&[(1, Some(1))], false);
    harness.advance(false);
    harness.start();
    harness.state.now += SLOW * 2;
    harness.rest();
    harness
}

#[test]
fn a_slow_query_holds_up_only_the_sessions_that_show_it() {
    let mut harness = with_a_slow_query();
    let before = harness.clients[0].ts;
    harness.commit(&[(1, Some(2)), (2, Some(2))], false);
    harness.advance(false);
    harness.start();
    assert_eq!(harness.running.len(), 2);
    let slow = harness.running.iter().position(|run| Query::of(&run.key) == Query::Sum(1, 2)).unwrap();
    harness.finish(1 - slow);
    harness.poll(0);
    harness.poll(1);
    assert_eq!(harness.clients[0].ts, before, "its own session waits for it");
    assert_eq!(harness.clients[1].ts, harness.world.ts, "others do not");
    harness.finish(0);
    harness.poll(0);
    assert_eq!(harness.clients[0].ts, harness.world.ts);
}

#[test]
fn a_session_gets_on_though_its_slow_query_is_touched_all_the_time() {
    let mut harness = with_a_slow_query();
    for _ in 0..10 {
        let before = harness.clients[0].ts;
        // Beside a wave, at the beginning of the next, and at its end.
        for _ in 0..3 {
            let value = (harness.world.ts / 10 % 200) as u8;
            harness.commit(&[(1, Some(value)), (2, Some(value))], false);
            harness.advance(false);
            harness.start();
            harness.commit(&[(1, Some(value + 1)), (2, Some(value + 1))], false);
            harness.advance(false);
            harness.state.now += SLOW * 2;
            for _ in 0..harness.running.len() {
                harness.finish(0);
            }
            harness.poll(0);
        }
        assert!(harness.clients[0].ts > before, "nothing new for three rounds");
    }
}
