//! What holds for a session whatever happens to it, in whatever order.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::protocol::parse_ts;
use super::state::{Effect, Event, Now, Options, Session, TRANSITIONS_UNSENT_MAX, Verified};
use crate::error::Error;
use crate::function::live::{LiveUpdate, QueryResult};
use crate::function::{Outcome, RequestId, Returned};

/// One thing that happens. Times and timestamps only grow, as the driver and the database guarantee.
#[derive(Clone, Debug)]
enum Happening {
    Add(u32),
    Remove(u32),
    WrongVersion,
    Mutation,
    Action,
    Authenticate {
        anonymous: bool,
    },
    Garbage(String),
    Verified {
        expires: Option<u64>,
    },
    Refused,
    /// Commits happen, and the oldest running mutation among them is answered.
    MutationDone {
        ok: bool,
        commits: u64,
    },
    ActionDone,
    Live {
        lag: u64,
        settled: bool,
        changed: Vec<u32>,
    },
    Flushed,
    Time(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (0_u32..6).prop_map(Happening::Add),
        4 => (0_u32..6).prop_map(Happening::Remove),
        1 => Just(Happening::WrongVersion),
        8 => Just(Happening::Mutation),
        2 => Just(Happening::Action),
        3 => any::<bool>().prop_map(|anonymous| Happening::Authenticate { anonymous }),
        1 => "\\PC{0,20}".prop_map(Happening::Garbage),
        6 => prop::option::of(1_u64..200).prop_map(|expires| Happening::Verified { expires }),
        1 => Just(Happening::Refused),
        8 => (any::<bool>(), 0_u64..4).prop_map(|(ok, commits)| Happening::MutationDone { ok, commits }),
        2 => Just(Happening::ActionDone),
        12 => (0_u64..4, prop::bool::weighted(0.8), prop::collection::vec(0_u32..6, 0..3))
            .prop_map(|(lag, settled, changed)| Happening::Live { lag, settled, changed }),
        6 => Just(Happening::Flushed),
        4 => (0_u64..30).prop_map(Happening::Time),
    ]
}

/// The client's and the server's side around a session, and what a client checks.
struct World {
    session: Session,
    elapsed: Duration,
    query_set: u32,
    identity: u32,
    queries: HashSet<u32>,
    is_verifying: bool,
    running: Vec<u32>,
    actions: Vec<u32>,
    next_request: u32,
    ts: u64,
    live_ts: u64,
    version: Json,
    unsent: u32,
    owed: Option<u64>,
    last_sent: Duration,
    is_closed: bool,
}

impl World {
    fn new() -> Self {
        Self {
            session: Session::new(Options::default()),
            elapsed: Duration::ZERO,
            query_set: 0,
            identity: 0,
            queries: HashSet::new(),
            is_verifying: false,
            running: Vec::new(),
            actions: Vec::new(),
            next_request: 0,
            ts: 10,
            live_ts: 10,
            version: serde_json::json!({"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}),
            unsent: 0,
            owed: None,
            last_sent: Duration::ZERO,
            is_closed: false,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Add(query_id) => {
                // Held while a verification runs, in order: the client counts on at once.
                if self.queries.insert(query_id) {
                    self.modify(&serde_json::json!({"type": "Add", "queryId": query_id, "udfPath": "m:q", "args": [{}]}));
                }
            }
            Happening::Remove(query_id) => {
                if self.queries.remove(&query_id) {
                    self.modify(&serde_json::json!({"type": "Remove", "queryId": query_id}));
                }
            }
            Happening::WrongVersion => {
                let base = self.query_set + 7;
                self.text(&serde_json::json!({"type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": []}));
            }
            Happening::Mutation => self.request("Mutation"),
            Happening::Action => self.request("Action"),
            Happening::Authenticate { anonymous } => {
                let mut message = serde_json::json!({"type": "Authenticate", "baseVersion": self.identity, "tokenType": "User", "value": "t"});
                if anonymous {
                    message["tokenType"] = "None".into();
                }
                self.identity += 1;
                self.text(&message);
            }
            Happening::Garbage(text) => self.step(Event::Text(&text)),
            Happening::Verified { expires } if self.is_verifying => {
                self.is_verifying = false;
                let expires_ns = expires.map(|seconds| (self.elapsed.as_secs() + seconds) * 1_000_000_000);
                self.step(Event::Verified(Ok(Verified { expires_ns })));
            }
            Happening::Refused if self.is_verifying => {
                self.is_verifying = false;
                self.step(Event::Verified(Err(Error::unauthenticated("InvalidAuthHeader", "no"))));
            }
            Happening::Verified { .. } | Happening::Refused => {}
            Happening::MutationDone { ok, commits } => {
                self.ts += commits;
                if !self.running.is_empty() {
                    let request_id = self.running.remove(0);
                    let outcome = if ok { success(self.ts) } else { failure() };
                    self.step(Event::MutationDone(request_id, outcome));
                }
            }
            Happening::ActionDone => {
                if let Some(request_id) = self.actions.pop() {
                    self.step(Event::ActionDone(request_id, success(0)));
                }
            }
            Happening::Live { lag, settled, changed } => {
                if !self.session.can_update() {
                    return;
                }
                self.live_ts = self.live_ts.max(self.ts.saturating_sub(lag));
                let changes = changed.into_iter().map(|query_id| (query_id, result())).collect();
                self.step(Event::Live(LiveUpdate { ts: self.live_ts, is_settled: settled, changes }));
            }
            Happening::Flushed => {
                self.unsent = 0;
                self.step(Event::Flushed);
            }
            Happening::Time(seconds) => {
                let end = self.elapsed + Duration::from_secs(seconds);
                while self.session.deadline() <= end && !self.is_closed {
                    let deadline = self.session.deadline();
                    assert!(deadline >= self.elapsed, "a deadline lies in the past");
                    self.elapsed = deadline;
                    self.step(Event::Tick);
                    assert!(
                        self.is_closed || self.session.deadline() > self.elapsed,
                        "a tick settles its deadline"
                    );
                    let silence = self.elapsed - self.last_sent;
                    assert!(
                        self.is_closed || silence <= Duration::from_secs(15),
                        "the client hears nothing for long"
                    );
                }
                self.elapsed = end;
            }
        }
    }

    fn modify(&mut self, modification: &Json) {
        let base = self.query_set;
        self.query_set += 1;
        self.text(&serde_json::json!({
            "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": [modification],
        }));
    }

    fn request(&mut self, kind: &str) {
        let request_id = self.next_request;
        self.next_request += 1;
        self.text(
            &serde_json::json!({"type": kind, "requestId": request_id, "udfPath": "m:f", "args": [{}]}),
        );
    }

    fn text(&mut self, message: &Json) {
        self.step(Event::Text(&message.to_string()));
    }

    fn step(&mut self, event: Event<'_>) {
        let mut effects = Vec::new();
        let now = Now { elapsed: self.elapsed, unix_ns: self.elapsed.as_nanos() as u64 };
        self.session.step(now, event, &mut effects);
        for effect in effects {
            assert!(!self.is_closed, "something happens after the close: {effect:?}");
            match effect {
                Effect::Send(text) => self.sent(&text),
                Effect::Mutation(request) => {
                    assert!(!self.is_verifying, "a mutation runs before the identity is known");
                    self.running.push(request.request_id);
                    assert!(self.running.is_sorted(), "mutations keep their order");
                }
                Effect::Action(request) => self.actions.push(request.request_id),
                Effect::Verify(_) => self.is_verifying = true,
                Effect::Close(..) | Effect::Drop => self.is_closed = true,
                _ => {}
            }
        }
        assert_eq!(self.session.is_closed(), self.is_closed);
    }

    /// A message arrives at the client.
    fn sent(&mut self, text: &str) {
        self.last_sent = self.elapsed;
        let message: Json = serde_json::from_str(text).expect("JSON");
        match message["type"].as_str() {
            Some("Transition") => {
                assert_eq!(
                    message["startVersion"], self.version,
                    "a Transition starts where the last one ended"
                );
                let (start, end) = (&message["startVersion"], &message["endVersion"]);
                let ts =
                    |version: &Json| parse_ts(version["ts"].as_str().expect("text")).expect("a timestamp");
                assert!(ts(end) >= ts(start), "time never falls");
                assert!(end["querySet"].as_u64() >= start["querySet"].as_u64());
                assert!(end["identity"].as_u64() >= start["identity"].as_u64());
                self.version = end.clone();
                self.owed = self.owed.filter(|owed| *owed > ts(end));
                self.unsent += 1;
                assert!(self.unsent <= TRANSITIONS_UNSENT_MAX, "transitions pile up");
            }
            Some("MutationResponse") if message["success"] == true => {
                let ts = parse_ts(message["ts"].as_str().expect("text")).expect("a timestamp");
                self.owed = self.owed.max(Some(ts));
            }
            _ => {}
        }
    }

    /// Everything comes to rest: the client must have been told all it waits for.
    fn settle(&mut self) {
        while self.is_verifying && !self.is_closed {
            self.happen(Happening::Verified { expires: None });
        }
        self.happen(Happening::Flushed);
        self.happen(Happening::Live { lag: 0, settled: true, changed: Vec::new() });
        if self.is_closed {
            return;
        }
        assert_eq!(self.owed, None, "a successful mutation is followed by a Transition at its timestamp");
        assert_eq!(self.version["querySet"], self.query_set, "the newest query set is reached");
        if self.query_set > 0 {
            assert_eq!(self.version["identity"], self.identity, "the newest identity is reached");
            assert!(!self.session.wants_update());
        }
    }
}

fn success(ts: u64) -> Outcome {
    Outcome { result: Ok(Returned::from_json("1")), log_lines: Vec::new(), journal: None, ts }
}

fn result() -> Arc<QueryResult> {
    Arc::new(QueryResult { json: Ok("1".into()), log_lines: Vec::new(), journal: None, hash: 0 })
}

fn failure() -> Outcome {
    Outcome::failed(&Error::function("no"), RequestId::from_number(1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_a_client_relies_on_always_holds(happenings in prop::collection::vec(happening(), 0..80)) {
        let mut world = World::new();
        for happening in happenings {
            world.happen(happening);
        }
        world.settle();
    }
}
