//! [`Checked`]: a session whose every transition is checked against fresh runs of its queries at the same timestamp.
//!
//! It also checks what the protocol promises about order: versions join up, timestamps never go back, a mutation's
//! response comes before any transition that contains it, and such a transition does come.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fusion_schema::{Value, json};
use fusion_tests::http;
use fusion_tests::process::Server;
use fusion_tests::sync::{
    ServerMessage, Socket, add_query, connect_message, decode_ts, encode_ts, modify_query_set_message,
    mutation_message, remove_query,
};
use serde_json::json as serde;
use tokio::time::{Instant, timeout_at};

/// How long the server may take to say what is expected next.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a query gave: a value, or the text of its error without the request id.
type Outcome = Result<Value, String>;

/// A query of the session.
#[derive(Clone, Debug)]
struct Watched {
    path: String,
    args: String,
    since_version: u32,
}

/// See the module's documentation.
pub(crate) struct Checked<'a> {
    server: &'a Server,
    socket: Socket,
    /// Whom the session acts as, by version of the identity.
    identities: Vec<Option<&'static str>>,
    watched: BTreeMap<u32, Watched>,
    /// Queries that have been removed, until the server says so.
    leaving: BTreeMap<u32, u32>,
    shown: BTreeMap<u32, Outcome>,
    query_set_sent: u32,
    version: (u32, u32, u64),
    next_query: u32,
    next_request: u32,
    /// The timestamps of answered mutations that no transition has reached yet.
    unreached: Vec<u64>,
    unanswered: u32,
    /// Transitions that were checked.
    pub(crate) transitions: usize,
    /// Results that were compared.
    pub(crate) comparisons: usize,
}

fn wrong<T>(text: String) -> io::Result<T> {
    Err(io::Error::other(text))
}

impl<'a> Checked<'a> {
    /// Connects.
    pub(crate) async fn open(server: &'a Server, session: &str) -> io::Result<Self> {
        let mut socket = Socket::open(server.address()).await?;
        socket.send(connect_message(session, 0, None)).await?;
        // As the official clients do: before the first of these, the server tells of mutations only.
        socket.send(modify_query_set_message(0, 1, &[])).await?;
        Ok(Self {
            server,
            socket,
            identities: vec![None],
            watched: BTreeMap::new(),
            leaving: BTreeMap::new(),
            shown: BTreeMap::new(),
            query_set_sent: 1,
            version: (0, 0, 0),
            next_query: 0,
            next_request: 0,
            unreached: Vec::new(),
            unanswered: 0,
            transitions: 0,
            comparisons: 0,
        })
    }

    /// Adds a query and returns its number.
    pub(crate) async fn add(&mut self, path: &str, args: &str) -> io::Result<u32> {
        let id = self.next_query;
        self.next_query += 1;
        let (base, new) = (self.query_set_sent, self.query_set_sent + 1);
        self.query_set_sent = new;
        self.watched.insert(id, Watched { path: path.to_owned(), args: args.to_owned(), since_version: new });
        self.socket.send(modify_query_set_message(base, new, &[add_query(id, path, args, None)])).await?;
        Ok(id)
    }

    /// Removes a query.
    pub(crate) async fn remove(&mut self, id: u32) -> io::Result<()> {
        let (base, new) = (self.query_set_sent, self.query_set_sent + 1);
        self.query_set_sent = new;
        self.watched.remove(&id);
        self.leaving.insert(id, new);
        self.socket.send(modify_query_set_message(base, new, &[remove_query(id)])).await
    }

    /// The queries that are watched.
    pub(crate) fn queries(&self) -> Vec<u32> {
        self.watched.keys().copied().collect()
    }

    /// What a query shows now.
    pub(crate) fn shown(&self, id: u32) -> Option<&Outcome> {
        self.shown.get(&id)
    }

    /// Acts as another user from now on, or as nobody.
    pub(crate) async fn act_as(&mut self, user: Option<&'static str>) -> io::Result<()> {
        let base = self.identities.len() - 1;
        self.identities.push(user);
        let message = match user {
            Some(user) => serde!({
                "type": "Authenticate", "baseVersion": base, "tokenType": "Admin",
                "value": self.server.admin_key, "impersonating": impersonation(user),
            }),
            None => serde!({"type": "Authenticate", "baseVersion": base, "tokenType": "None"}),
        };
        self.socket.send(message.to_string()).await
    }

    /// Calls a mutation without waiting for it.
    pub(crate) async fn call(&mut self, path: &str, args: &str) -> io::Result<()> {
        let request = self.next_request;
        self.next_request += 1;
        self.unanswered += 1;
        self.socket.send(mutation_message(request, path, args)).await
    }

    /// Whether everything sent so far is answered and shown.
    pub(crate) fn is_settled(&self) -> bool {
        self.unanswered == 0
            && self.unreached.is_empty()
            && self.version.0 == self.query_set_sent
            && self.version.1 as usize == self.identities.len() - 1
    }

    /// Reads until all is settled.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        // For all of it, because pings go on coming when nothing else does.
        let deadline = Instant::now() + PATIENCE;
        while !self.is_settled() {
            self.step(deadline).await?;
        }
        Ok(())
    }

    /// Reads one message and checks it.
    async fn step(&mut self, deadline: Instant) -> io::Result<()> {
        let Ok(message) = timeout_at(deadline, self.socket.next()).await else {
            return wrong(format!(
                "at {:?} no more comes, but query set {} and identity {} were sent, {} mutations have no answer and {:?} no transition",
                self.version,
                self.query_set_sent,
                self.identities.len() - 1,
                self.unanswered,
                self.unreached
            ));
        };
        let Some(text) = message? else { return wrong("the server closed the connection".to_owned()) };
        self.read(&text).await
    }

    /// Reads and checks what has arrived already.
    pub(crate) async fn read_arrived(&mut self) -> io::Result<()> {
        while let Some(text) = self.socket.try_next()? {
            self.read(&text).await?;
        }
        Ok(())
    }

    async fn read(&mut self, text: &str) -> io::Result<()> {
        let message = ServerMessage::parse(text)?;
        match message.kind {
            "Ping" => Ok(()),
            "MutationResponse" => {
                self.unanswered -= 1;
                let Some(ts) = message.ts else { return Ok(()) };
                let ts = decode_ts(ts)?;
                if ts <= self.version.2 {
                    return wrong(format!(
                        "a transition to {} overtook the response of ts {ts}",
                        self.version.2
                    ));
                }
                self.unreached.push(ts);
                Ok(())
            }
            "Transition" => self.transition(message).await,
            _ => wrong(format!("unexpected message {text}")),
        }
    }

    async fn transition(&mut self, message: ServerMessage<'_>) -> io::Result<()> {
        let (Some(start), Some(end)) = (message.start_version, message.end_version) else {
            return wrong("a transition without versions".to_owned());
        };
        let start = (start.query_set, start.identity, decode_ts(start.ts)?);
        let end = (end.query_set, end.identity, decode_ts(end.ts)?);
        if start != self.version {
            return wrong(format!(
                "a transition starts at {start:?}, the last one ended at {:?}",
                self.version
            ));
        }
        if end.0 < start.0 || end.1 < start.1 || end.2 < start.2 {
            return wrong(format!("a transition goes back from {start:?} to {end:?}"));
        }
        if end.0 > self.query_set_sent || end.1 as usize >= self.identities.len() {
            return wrong(format!("a transition to {end:?} knows more than was sent"));
        }
        for change in message.modifications {
            let id = change.query_id;
            match change.kind {
                "QueryUpdated" => {
                    let value = change.value.map_or("null", |value| value.get());
                    self.shown.insert(id, Ok(json::decode(value).map_err(io::Error::other)?));
                }
                "QueryFailed" => {
                    let text = change.error_message.unwrap_or_default();
                    self.shown.insert(id, Err(without_request_id(&text)));
                }
                "QueryRemoved" => drop(self.shown.remove(&id)),
                kind => return wrong(format!("a modification of kind {kind}")),
            }
        }
        self.version = end;
        self.unreached.retain(|&ts| ts > end.2);
        self.leaving.retain(|_, since| *since > end.0);
        self.transitions += 1;
        self.compare().await
    }

    /// Runs every query of the session again, at the session's timestamp and as its user.
    async fn compare(&mut self) -> io::Result<()> {
        let (query_set, identity, ts) = self.version;
        for id in self.shown.keys() {
            if !self.watched.contains_key(id) && !self.leaving.contains_key(id) {
                return wrong(format!("query {id} is shown, but it has been removed"));
            }
        }
        let user = self.identities[identity as usize];
        for (id, query) in &self.watched {
            if query.since_version > query_set {
                continue;
            }
            let Some(shown) = self.shown.get(id) else {
                return wrong(format!("query {id} has no result at version {:?}", self.version));
            };
            let fresh = query_at(self.server, query, ts, user).await?;
            if *shown != fresh {
                let Watched { path, args, .. } = query;
                return wrong(format!(
                    "{path}({args}) as {user:?} at {ts}: the session shows {shown:?}, a fresh run gives {fresh:?}"
                ));
            }
            self.comparisons += 1;
        }
        Ok(())
    }
}

fn impersonation(user: &str) -> serde_json::Value {
    serde!({"subject": user, "issuer": "https://issuer.example", "tokenIdentifier": format!("https://issuer.example|{user}")})
}

fn without_request_id(text: &str) -> String {
    match text.strip_prefix("[Request ID: ") {
        Some(rest) => rest.split_once(']').map_or(rest, |(_, rest)| rest).trim().to_owned(),
        None => text.to_owned(),
    }
}

async fn query_at(server: &Server, query: &Watched, ts: u64, user: Option<&str>) -> io::Result<Outcome> {
    let args: serde_json::Value = serde_json::from_str(&query.args)?;
    let body =
        serde!({"path": query.path, "args": args, "ts": encode_ts(ts), "format": "convex_encoded_json"});
    let authorization = user.map(|user| {
        let identity = STANDARD.encode(impersonation(user).to_string());
        format!("Authorization: Convex {}:{identity}\r\n", server.admin_key)
    });
    let headers = format!("Content-Type: application/json\r\n{}", authorization.unwrap_or_default());
    let body = body.to_string();
    let response =
        http::request(server.address(), "POST", "/api/query_at_ts", &headers, body.as_bytes()).await?;
    let answer = response.json()?;
    if answer["status"] == "success" {
        // Through text, because the two JSON readers spell numbers differently.
        Ok(Ok(json::decode(&answer["value"].to_string()).map_err(io::Error::other)?))
    } else if let Some(text) = answer["errorMessage"].as_str() {
        Ok(Err(without_request_id(text)))
    } else {
        wrong(format!("query_at_ts answered {answer}"))
    }
}
