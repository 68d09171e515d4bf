//! Runs the golden scripts in `scripts/`: one session, with its client, the live queries, the runner and the
//! verifier as actors, and a clock that moves by command. Output lines are the session's effects; messages are
//! shortened, with timestamps as `t<number>`.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p fusion-runtime scripts` writes what a changed script gives.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use goldenscript::{ArgumentConsumer, Command, Context};
use serde_json::Value as Json;

use super::protocol;
use super::state::{Effect, Event, Now, Options, Session, Verified};
use crate::error::Error;
use crate::function::live::{LiveUpdate, QueryResult};
use crate::function::log_line::LogLines;
use crate::function::pausing;
use crate::function::{LogLevel, Outcome, RequestId, Returned};

test_each_file::test_each_path! { in "./runtime/src/session/scripts" => script }

fn script(path: &Path) {
    goldenscript::run(&mut Script::new(), path).expect("golden script");
}

struct Script {
    session: Session,
    elapsed: Duration,
    /// Whether what is sent stays with the socket until `flushed`.
    is_slow: bool,
}

type Ran<T> = Result<T, Box<dyn StdError>>;

impl Script {
    fn new() -> Self {
        Self { session: Session::new(Options::default()), elapsed: Duration::ZERO, is_slow: false }
    }

    fn now(&self) -> Now {
        const START_NS: u64 = 1_000_000_000_000;
        Now { elapsed: self.elapsed, unix_ns: START_NS + self.elapsed.as_nanos() as u64 }
    }

    fn step(&mut self, event: Event<'_>) -> String {
        let mut effects = Vec::new();
        self.session.step(self.now(), event, &mut effects);
        if !self.is_slow {
            self.session.step(self.now(), Event::Flushed, &mut effects);
        }
        show(effects)
    }

    fn send(&mut self, message: &Json) -> String {
        self.step(Event::Text(&message.to_string()))
    }

    fn modify(&mut self, args: &mut ArgumentConsumer<'_>) -> Ran<String> {
        let mut modifications = Vec::new();
        let (base, new): (u32, u32) = (number(args, "base")?, number(args, "new")?);
        while let Some((key, value)) = args.next_key() {
            let query_id: u32 = value.parse()?;
            modifications.push(match key {
                "add" => {
                    serde_json::json!({"type": "Add", "queryId": query_id, "udfPath": "m:q", "args": [{}]})
                }
                "remove" => serde_json::json!({"type": "Remove", "queryId": query_id}),
                other => return Err(format!("unknown modification {other}").into()),
            });
        }
        Ok(self.send(&serde_json::json!({
            "type": "ModifyQuerySet", "baseVersion": base, "newVersion": new, "modifications": modifications,
        })))
    }

    fn authenticate(&mut self, args: &mut ArgumentConsumer<'_>) -> Ran<String> {
        let base: u32 = number(args, "base")?;
        let mut message =
            serde_json::json!({"type": "Authenticate", "baseVersion": base, "tokenType": "None"});
        if let Some((key, value)) = args.next_key() {
            message["tokenType"] = key.into();
            message["value"] = value.into();
        }
        Ok(self.send(&message))
    }

    fn live(&mut self, args: &mut ArgumentConsumer<'_>) -> Ran<String> {
        if !self.session.can_update() {
            while args.next_key().is_some() {}
            return Ok("not taken: too many transitions wait\n".into());
        }
        let mut update = LiveUpdate { ts: number(args, "ts")?, is_settled: true, changes: Vec::new() };
        while let Some((key, value)) = args.next_key() {
            if key == "settled" {
                update.is_settled = value.parse()?;
                continue;
            }
            let outcome = match value.strip_prefix("error:") {
                Some(message) => failure(message),
                None => success(value, 0),
            };
            update.changes.push((key.parse()?, result(outcome)));
        }
        Ok(self.step(Event::Live(update)))
    }
}

fn number<T: std::str::FromStr<Err: StdError + 'static>>(
    args: &mut ArgumentConsumer<'_>,
    name: &str,
) -> Ran<T> {
    Ok(args.take_key(name).ok_or_else(|| format!("needs {name}="))?.parse()?)
}

fn success(json: &str, ts: u64) -> Outcome {
    Outcome { result: Ok(Returned::from_json(json)), log_lines: Vec::new(), journal: None, ts }
}

fn failure(message: &str) -> Outcome {
    Outcome::failed(&Error::function(message), RequestId::from_number(1))
}

fn result(outcome: Outcome) -> Arc<QueryResult> {
    let json = outcome.result.map(|returned| returned.json().clone());
    Arc::new(QueryResult { json, log_lines: outcome.log_lines, journal: None, hash: 0 })
}

fn repeat(times: u32, mut run: impl FnMut(u32) -> String) -> String {
    let outputs: Vec<String> = (0..times).map(&mut run).collect();
    let last = outputs.last().cloned().unwrap_or_default();
    format!("... {times} times, the last one:\n{last}")
}

impl goldenscript::Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Ran<String> {
        let mut args = command.consume_args();
        let output = match command.name.as_str() {
            // The client.
            "connect" => {
                let observed = args.take_key("observed").map(str::parse::<u64>).transpose()?;
                let published = args.take_key("published").unwrap_or("0").parse()?;
                self.session.set_published_ts(published);
                let mut message = serde_json::json!({
                    "type": "Connect", "sessionId": "6f1c2b60-7a53-4b7e-9d6e-0d5a2f0b7f11",
                    "connectionCount": 0, "lastCloseReason": "InitialConnect", "clientTs": 1_000_003,
                });
                if let Some(observed) = observed {
                    let mut text = String::new();
                    protocol::push_ts(observed, &mut text);
                    message["maxObservedTimestamp"] = text.into();
                }
                self.send(&message)
            }
            "modify" => self.modify(&mut args)?,
            "authenticate" => self.authenticate(&mut args)?,
            kind @ ("mutation" | "action") => {
                let kind = if kind == "mutation" { "Mutation" } else { "Action" };
                let times = args.take_key("times").map(str::parse).transpose()?;
                let first: u32 = args.next_pos().ok_or("needs a request id")?.parse()?;
                let mut send = |id: u32| {
                    self.send(&serde_json::json!({
                        "type": kind, "requestId": first + id, "udfPath": "m:f", "args": [{}],
                    }))
                };
                match times {
                    Some(times) => repeat(times, send),
                    None => send(0),
                }
            }
            "text" => self.step(Event::Text(args.next_pos().ok_or("needs a text")?)),
            "binary" => self.step(Event::Binary),
            "toolarge" => self.step(Event::TooLarge),
            "pong" => self.step(Event::Heard),
            // The verifier.
            "verified" => {
                let seconds: Option<u64> = args.take_key("expires").map(str::parse).transpose()?;
                let expires_ns = seconds.map(|seconds| self.now().unix_ns + seconds * 1_000_000_000);
                self.step(Event::Verified(Ok(Verified { expires_ns })))
            }
            "refused" => {
                let error =
                    Error::unauthenticated("InvalidAuthHeader", args.next_pos().unwrap_or("bad token"));
                self.step(Event::Verified(Err(error)))
            }
            "unreachable" => {
                let error = Error::overloaded("AuthProviderDiscoveryFailed", "no answer");
                self.step(Event::Verified(Err(error)))
            }
            // The live queries.
            "update" => self.live(&mut args)?,
            "rejected" => {
                let query_id = args.next_pos().ok_or("needs a query id")?.parse()?;
                self.step(Event::QueryRejected(query_id, result(failure("bad path"))))
            }
            // The runner.
            "done" => {
                let ts = args.take_key("ts").unwrap_or("0").parse()?;
                let id = args.next_pos().ok_or("needs a request id")?.parse()?;
                self.step(Event::MutationDone(id, success("null", ts)))
            }
            "failed" => {
                let id = args.next_pos().ok_or("needs a request id")?.parse()?;
                let error = match args.next_pos() {
                    None => Error::function("no"),
                    Some("internal") => Error::internal("details"),
                    Some("paused") => pausing::paused(),
                    Some(code) => Error::overloaded("Overloaded", code),
                };
                let mut outcome = Outcome::failed(&error, RequestId::from_number(1));
                let mut lines = LogLines::default();
                lines.push(LogLevel::Log, vec!["'x'".to_owned()], 0.0);
                outcome.log_lines = lines.into_lines();
                self.step(Event::MutationDone(id, outcome))
            }
            "acted" => {
                let id = args.next_pos().ok_or("needs a request id")?.parse()?;
                self.step(Event::ActionDone(id, success("7", 0)))
            }
            "broken" => self.step(Event::Failed(Error::internal("disk"))),
            "busy" => self.step(Event::Failed(Error::overloaded("CommitterFullError", "full"))),
            // The socket.
            "redact" => {
                self.session = Session::new(Options { redact: true, ..Options::default() });
                String::new()
            }
            "slow" => {
                self.is_slow = true;
                String::new()
            }
            "flushed" => self.step(Event::Flushed),
            // The clock: moves and ticks at each deadline on the way.
            "advance" => {
                let seconds: u64 = args.next_pos().ok_or("needs seconds")?.parse()?;
                let end = self.elapsed + Duration::from_secs(seconds);
                let mut output = String::new();
                while self.session.deadline() <= end && !self.session.is_closed() {
                    self.elapsed = self.session.deadline().max(self.elapsed);
                    let effects = self.step(Event::Tick);
                    for line in effects.lines() {
                        let _ = writeln!(output, "{:>3} s {line}", self.elapsed.as_secs());
                    }
                }
                self.elapsed = end;
                output
            }
            other => return Err(format!("unknown command {other}").into()),
        };
        args.reject_next()?;
        Ok(output)
    }

    fn end_block(&mut self, _: &goldenscript::Block) -> Ran<String> {
        let session = &self.session;
        let flags = [
            (session.is_closed(), "closed"),
            (!session.wants_input() && !session.is_closed(), "not reading"),
            (session.wants_update() && !session.is_closed(), "transition due"),
        ];
        let flags: Vec<&str> = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| *flag).collect();
        Ok(if flags.is_empty() { String::new() } else { format!("({})\n", flags.join(", ")) })
    }
}

fn show(effects: Vec<Effect>) -> String {
    let mut output = String::new();
    for effect in effects {
        let _ = match effect {
            Effect::Send(text) => writeln!(output, "send {}", show_message(&text)),
            Effect::SocketPing => writeln!(output, "socket ping"),
            Effect::Connected(_) => writeln!(output, "connected"),
            Effect::Verify(credentials) => writeln!(output, "verify {credentials:?}"),
            Effect::UseVerified => writeln!(output, "use the verified identity"),
            Effect::UseAnonymous => writeln!(output, "use no identity"),
            Effect::Add(add) => writeln!(output, "add query {}", add.query_id),
            Effect::Remove(query_id) => writeln!(output, "remove query {query_id}"),
            Effect::Mutation(request) => writeln!(output, "run mutation {}", request.request_id),
            Effect::Action(request) => writeln!(output, "run action {}", request.request_id),
            Effect::Close(code, reason) => writeln!(output, "close {code:?} {reason:?}"),
            Effect::Drop => writeln!(output, "drop"),
        };
    }
    output
}

fn show_message(text: &str) -> String {
    let message: Json = serde_json::from_str(text).expect("the session writes JSON");
    let ts = |json: &Json| match json.as_str() {
        Some(text) => format!("t{}", protocol::parse_ts(text).expect("a timestamp")),
        None => "no ts".to_owned(),
    };
    let version = |json: &Json| format!("{}/{}/{}", json["querySet"], json["identity"], ts(&json["ts"]));
    match message["type"].as_str() {
        Some("Transition") => {
            let modification = |json: &Json| match json["type"].as_str() {
                Some("QueryUpdated") => format!("{} = {}", json["queryId"], json["value"]),
                Some("QueryFailed") => format!("{} fails {}", json["queryId"], json["errorMessage"]),
                _ => format!("{} removed", json["queryId"]),
            };
            let modifications: Vec<String> =
                message["modifications"].as_array().into_iter().flatten().map(modification).collect();
            format!(
                "Transition {} → {} [{}] skew {}",
                version(&message["startVersion"]),
                version(&message["endVersion"]),
                modifications.join(", "),
                message["clientClockSkew"],
            )
        }
        Some("MutationResponse") => format!(
            "MutationResponse {} {} {} {} {}",
            message["requestId"],
            if message["success"] == true { "ok" } else { "failed" },
            message["result"],
            ts(&message["ts"]),
            message["logLines"],
        ),
        _ => text.to_owned(),
    }
}
