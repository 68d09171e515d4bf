//! The messages of the sync protocol: reading what clients send and writing what they get.
//!
//! Reading is one pass of serde over a flat shape (unknown fields are ignored, newer clients may send more);
//! arguments stay text until they are read as encoded values. Writing concatenates text: results arrive as
//! shared JSON that was serialized once for everybody who sees it, so nothing is serialized twice here.
//!
//! A message that is not of the protocol is a [`ParseError`]; wrong *arguments* of a call are not: they fail
//! that call alone and are carried as `Err` in [`Request::args`].

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fusion_schema::json::{self, encode_string};
use fusion_schema::{Object, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A message from a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage {
    /// Opens the session; the first message of every connection, at most once.
    Connect(Connect),
    /// Adds queries to the set of subscribed ones and removes some.
    ModifyQuerySet {
        /// The version of the query set the client builds on.
        base_version: u32,
        /// The version the query set has afterwards.
        new_version: u32,
        /// The changes, in order.
        modifications: Vec<QuerySetModification>,
    },
    /// Calls a mutation.
    Mutation(Request),
    /// Calls an action.
    Action(Request),
    /// Changes the identity of everything that follows.
    Authenticate {
        /// The number of identity changes the client counted so far.
        base_version: u32,
        /// The new credentials.
        credentials: Credentials,
    },
    /// Telemetry of the client.
    Event,
}

/// The content of [`ClientMessage::Connect`].
#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    /// Constant over the reconnects of one client; mutations are idempotent by it and their request id.
    pub session_id: u128,
    /// The newest database timestamp the client has seen.
    pub max_observed_ts: Option<u64>,
    /// The client's clock in milliseconds since the Unix epoch.
    pub client_ts: Option<f64>,
}

/// A change of the query set.
#[derive(Clone, Debug, PartialEq)]
pub enum QuerySetModification {
    /// Subscribes a query.
    Add(AddQuery),
    /// Ends a subscription.
    Remove {
        /// The query's id on this connection.
        query_id: u32,
    },
}

/// A query to subscribe.
#[derive(Clone, Debug, PartialEq)]
pub struct AddQuery {
    /// The query's id on this connection.
    pub query_id: u32,
    /// The function.
    pub target: Target,
    /// The arguments, or why they are none.
    pub args: Result<Object, String>,
    /// The journal of an earlier connection.
    pub journal: Option<String>,
}

/// A mutation or action to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Unique in the session, shared by mutations and actions.
    pub request_id: u32,
    /// The function.
    pub target: Target,
    /// The arguments, or why they are none.
    pub args: Result<Object, String>,
}

/// The function a message names, as the client spelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path, e.g. `messages:list`.
    pub path: String,
    /// The path of the component; absent and empty mean the root.
    pub component: Option<String>,
}

/// What an Authenticate message presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing: the client is anonymous from now on.
    None,
    /// A JWT.
    User {
        /// The token.
        token: String,
    },
    /// An admin key.
    Admin {
        /// The key.
        key: String,
        /// JSON of the user attributes to act as.
        acting_as: Option<String>,
    },
}

/// Why a text is not a client message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("The message is not a JSON object of the sync protocol: {error}."))
    }
}

/// All fields of all client messages. A flat shape is read in one pass and keeps arguments as borrowed text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    udf_path: Cow<'a, str>,
    request_id: Option<u32>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    component_path: Option<String>,
    base_version: Option<u32>,
    new_version: Option<u32>,
    #[serde(borrow)]
    modifications: Option<Vec<WireModification<'a>>>,
    #[serde(borrow)]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    max_observed_timestamp: Option<Cow<'a, str>>,
    client_ts: Option<f64>,
    #[serde(borrow)]
    token_type: Option<Cow<'a, str>>,
    value: Option<String>,
    #[serde(borrow, alias = "acting_as", alias = "actingAs")]
    impersonating: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireModification<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    query_id: Option<u32>,
    #[serde(default)]
    udf_path: String,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    journal: Option<String>,
    component_path: Option<String>,
}

impl ClientMessage {
    /// Reads a text frame.
    ///
    /// # Errors
    /// When the text is not JSON, not of a known type, or lacks a field its type needs.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let wire: Wire<'_> = serde_json::from_str(text)?;
        let kind = &*wire.kind;
        match kind {
            "Mutation" => Ok(Self::Mutation(wire.into_request()?)),
            "Action" => Ok(Self::Action(wire.into_request()?)),
            "ModifyQuerySet" => Ok(Self::ModifyQuerySet {
                base_version: required(kind, "baseVersion", wire.base_version)?,
                new_version: required(kind, "newVersion", wire.new_version)?,
                modifications: required(kind, "modifications", wire.modifications)?
                    .into_iter()
                    .map(WireModification::into_modification)
                    .collect::<Result<_, _>>()?,
            }),
            "Connect" => {
                let session_id = required(kind, "sessionId", wire.session_id)?;
                let session_id = uuid::Uuid::try_parse(&session_id)
                    .map_err(|_| ParseError(format!("The sessionId '{session_id}' is not a UUID.")))?;
                let max_observed_ts = wire.max_observed_timestamp.as_deref().map(parse_ts).transpose()?;
                Ok(Self::Connect(Connect {
                    session_id: session_id.as_u128(),
                    max_observed_ts,
                    client_ts: wire.client_ts,
                }))
            }
            "Authenticate" => Ok(Self::Authenticate {
                base_version: required(kind, "baseVersion", wire.base_version)?,
                credentials: wire.into_credentials()?,
            }),
            "Event" => Ok(Self::Event),
            kind => Err(ParseError(format!("The message type '{kind}' is not one of the sync protocol."))),
        }
    }
}

impl Wire<'_> {
    fn into_request(self) -> Result<Request, ParseError> {
        let kind = &*self.kind;
        let path =
            required(kind, "udfPath", Some(self.udf_path.into_owned()).filter(|path| !path.is_empty()))?;
        Ok(Request {
            request_id: required(kind, "requestId", self.request_id)?,
            target: Target { path, component: self.component_path },
            args: parse_args(self.args),
        })
    }

    fn into_credentials(self) -> Result<Credentials, ParseError> {
        let kind = &*self.kind;
        match &*required(kind, "tokenType", self.token_type)? {
            "None" => Ok(Credentials::None),
            "User" => Ok(Credentials::User { token: required(kind, "value", self.value)? }),
            "Admin" => Ok(Credentials::Admin {
                key: required(kind, "value", self.value)?,
                acting_as: self.impersonating.map(|json| json.get().to_owned()).filter(|json| json != "null"),
            }),
            other => Err(ParseError(format!("The tokenType '{other}' is not one of User, Admin and None."))),
        }
    }
}

impl WireModification<'_> {
    fn into_modification(self) -> Result<QuerySetModification, ParseError> {
        let kind = &*self.kind;
        let query_id = required(kind, "queryId", self.query_id)?;
        match kind {
            "Add" => Ok(QuerySetModification::Add(AddQuery {
                query_id,
                target: Target {
                    path: required(kind, "udfPath", Some(self.udf_path).filter(|path| !path.is_empty()))?,
                    component: self.component_path,
                },
                args: parse_args(self.args),
                journal: self.journal,
            })),
            "Remove" => Ok(QuerySetModification::Remove { query_id }),
            other => {
                Err(ParseError(format!("The modification type '{other}' is not one of Add and Remove.")))
            }
        }
    }
}

fn required<T>(kind: &str, name: &str, field: Option<T>) -> Result<T, ParseError> {
    field.ok_or_else(|| ParseError(format!("The {kind} message lacks its field '{name}'.")))
}

/// Reads the arguments of a call: an array with one object, or the object itself; absent ones are empty.
///
/// # Errors
/// The text for the caller when they are something else or not encoded values.
pub fn parse_args(args: Option<&RawValue>) -> Result<Object, String> {
    let Some(args) = args else { return Ok(Object::new()) };
    let value = json::decode(args.get())
        .map_err(|error| format!("The arguments are not valid encoded JSON values: {error}."))?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Object::new()),
        Value::Array(values) if values.len() <= 1 => match values.into_iter().next() {
            None => Ok(Object::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(other) => Err(not_an_object(&other)),
        },
        Value::Array(values) => Err(format!(
            "A function takes one object of named arguments, but {} values were sent.",
            values.len()
        )),
        other => Err(not_an_object(&other)),
    }
}

fn not_an_object(value: &Value) -> String {
    format!(
        "A function takes one object of named arguments, but a value of type {} was sent.",
        value.type_name()
    )
}

/// Reads a timestamp of the wire: base64 of 8 little-endian bytes.
///
/// # Errors
/// When it is something else.
pub fn parse_ts(text: &str) -> Result<u64, ParseError> {
    let mut bytes = [0; 9];
    match BASE64.decode_slice(text, &mut bytes) {
        Ok(8) => Ok(u64::from_le_bytes([
            bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
        ])),
        _ => Err(ParseError(format!("The timestamp '{text}' is not the base64 of 8 bytes."))),
    }
}

/// Appends a timestamp as [`parse_ts`] reads it, without quotes.
pub fn push_ts(ts: u64, out: &mut String) {
    BASE64.encode_string(ts.to_le_bytes(), out);
}

/// The versions a Transition leads from and to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateVersion {
    /// The newest version of the query set.
    pub query_set: u32,
    /// The number of identity changes.
    pub identity: u32,
    /// The timestamp at which all results hold.
    pub ts: u64,
}

/// What a function call ended with, as the wire carries it.
#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    /// The result's canonical encoded JSON.
    Success(&'a str),
    /// The function failed.
    Failure {
        /// The text for people.
        message: &'a str,
        /// The data of a `ConvexError`, if it was one.
        data: Option<&'a Value>,
    },
}

fn push_number(number: impl fmt::Display, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{number}");
}

fn push_log_lines<L: AsRef<str>>(lines: &[L], out: &mut String) {
    out.push_str(",\"logLines\":[");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        encode_string(line.as_ref(), out);
    }
    out.push(']');
}

fn push_error_data(data: Option<&Value>, out: &mut String) {
    if let Some(data) = data {
        out.push_str(",\"errorData\":");
        json::encode_to(data, json::Format::Encoded, out);
    }
}

/// Writes a MutationResponse. `ts` is the commit timestamp of a success and ignored for a failure.
pub fn mutation_response<L: AsRef<str>>(
    request_id: u32,
    ending: Ending<'_>,
    ts: u64,
    log_lines: &[L],
) -> String {
    response("{\"type\":\"MutationResponse\",\"requestId\":", request_id, ending, Some(ts), log_lines)
}

/// Writes an ActionResponse.
pub fn action_response<L: AsRef<str>>(request_id: u32, ending: Ending<'_>, log_lines: &[L]) -> String {
    response("{\"type\":\"ActionResponse\",\"requestId\":", request_id, ending, None, log_lines)
}

fn response<L: AsRef<str>>(
    head: &str,
    request_id: u32,
    ending: Ending<'_>,
    ts: Option<u64>,
    log_lines: &[L],
) -> String {
    let size = match ending {
        Ending::Success(json) => json.len(),
        Ending::Failure { message, .. } => message.len(),
    };
    let mut out = String::with_capacity(size + 128);
    out.push_str(head);
    push_number(request_id, &mut out);
    match ending {
        Ending::Success(json) => {
            out.push_str(",\"success\":true,\"result\":");
            out.push_str(json);
            if let Some(ts) = ts {
                out.push_str(",\"ts\":\"");
                push_ts(ts, &mut out);
                out.push('"');
            }
            push_log_lines(log_lines, &mut out);
        }
        Ending::Failure { message, data } => {
            out.push_str(",\"success\":false,\"result\":");
            encode_string(message, &mut out);
            if ts.is_some() {
                out.push_str(",\"ts\":null");
            }
            push_log_lines(log_lines, &mut out);
            push_error_data(data, &mut out);
        }
    }
    out.push('}');
    out
}

/// Writes a Transition piece by piece: [`TransitionWriter::new`], one call per modification, `finish`.
#[derive(Debug)]
pub struct TransitionWriter {
    out: String,
    is_first: bool,
}

impl TransitionWriter {
    /// Begins a Transition; `size` is an estimate of its modifications in bytes.
    pub fn new(start: StateVersion, end: StateVersion, size: usize) -> Self {
        let mut out = String::with_capacity(size + 320);
        out.push_str("{\"type\":\"Transition\",\"startVersion\":");
        Self::push_version(start, &mut out);
        out.push_str(",\"endVersion\":");
        Self::push_version(end, &mut out);
        out.push_str(",\"modifications\":[");
        Self { out, is_first: true }
    }

    fn push_version(version: StateVersion, out: &mut String) {
        out.push_str("{\"querySet\":");
        push_number(version.query_set, out);
        out.push_str(",\"identity\":");
        push_number(version.identity, out);
        out.push_str(",\"ts\":\"");
        push_ts(version.ts, out);
        out.push_str("\"}");
    }

    fn begin(&mut self, kind: &str, query_id: u32) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        self.out.push_str("{\"type\":\"");
        self.out.push_str(kind);
        self.out.push_str("\",\"queryId\":");
        push_number(query_id, &mut self.out);
    }

    /// A query ended.
    pub fn removed(&mut self, query_id: u32) {
        self.begin("QueryRemoved", query_id);
        self.out.push('}');
    }

    /// A query has a new result.
    pub fn result<L: AsRef<str>>(
        &mut self,
        query_id: u32,
        ending: Ending<'_>,
        log_lines: &[L],
        journal: Option<&str>,
    ) {
        match ending {
            Ending::Success(json) => {
                self.begin("QueryUpdated", query_id);
                self.out.push_str(",\"value\":");
                self.out.push_str(json);
            }
            Ending::Failure { message, .. } => {
                self.begin("QueryFailed", query_id);
                self.out.push_str(",\"errorMessage\":");
                encode_string(message, &mut self.out);
            }
        }
        push_log_lines(log_lines, &mut self.out);
        self.out.push_str(",\"journal\":");
        match journal {
            Some(journal) => encode_string(journal, &mut self.out),
            None => self.out.push_str("null"),
        }
        if let Ending::Failure { data, .. } = ending {
            push_error_data(data, &mut self.out);
        }
        self.out.push('}');
    }

    /// The message's text. `clock_skew` is the client's clock minus the server's in milliseconds, `server_ts`
    /// the server's clock in nanoseconds.
    pub fn finish(mut self, clock_skew: Option<f64>, server_ts: u64) -> String {
        self.out.push_str("],\"clientClockSkew\":");
        match clock_skew.filter(|skew| skew.is_finite()) {
            Some(skew) => push_number(skew, &mut self.out),
            None => self.out.push_str("null"),
        }
        self.out.push_str(",\"serverTs\":");
        push_number(server_ts, &mut self.out);
        self.out.push('}');
        self.out
    }
}

/// Splits the text of a Transition into TransitionChunk messages of at most `chunk_size` bytes of it each.
pub fn transition_chunks(text: &str, chunk_size: usize, transition_id: &str) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A chunk holds at least one character, so that every round makes progress.
        let mut end = chunk_size.max(char::MAX.len_utf8()).min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (chunk, tail) = rest.split_at(end);
        chunks.push(chunk);
        rest = tail;
    }
    let parts = chunks.len();
    let write = |(index, chunk): (usize, &&str)| {
        let mut out = String::with_capacity(chunk.len() + chunk.len() / 8 + 128);
        out.push_str("{\"type\":\"TransitionChunk\",\"chunk\":");
        encode_string(chunk, &mut out);
        let _ = write!(out, ",\"partNumber\":{index},\"totalParts\":{parts},\"transitionId\":");
        encode_string(transition_id, &mut out);
        out.push('}');
        out
    };
    chunks.iter().enumerate().map(write).collect()
}

/// Writes an AuthError.
pub fn auth_error(error: &str, base_version: u32, update_attempted: bool) -> String {
    let mut out = String::from("{\"type\":\"AuthError\",\"error\":");
    encode_string(error, &mut out);
    let _ = write!(out, ",\"baseVersion\":{base_version},\"authUpdateAttempted\":{update_attempted}}}");
    out
}

/// Writes a FatalError, after which a client never comes back.
pub fn fatal_error(error: &str) -> String {
    let mut out = String::from("{\"type\":\"FatalError\",\"error\":");
    encode_string(error, &mut out);
    out.push('}');
    out
}

/// The Ping message.
pub const PING: &str = "{\"type\":\"Ping\"}";

#[cfg(test)]
mod tests {
    use fusion_schema::object;
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> ClientMessage {
        ClientMessage::parse(text).expect(text)
    }

    #[test]
    fn a_mutation_as_the_npm_client_writes_it() {
        let message = parse(
            r#"{"type":"Mutation","requestId":7,"udfPath":"messages:send","args":[{"body":"hi","n":1}]}"#,
        );
        let target = Target { path: "messages:send".into(), component: None };
        let args = Ok(object! { "body" => "hi", "n" => 1.0 });
        assert_eq!(message, ClientMessage::Mutation(Request { request_id: 7, target, args }));
    }

    #[test]
    fn an_opening_burst() {
        assert_eq!(
            parse(
                r#"{"type":"Connect","sessionId":"6f1c2b60-7a53-4b7e-9d6e-0d5a2f0b7f11","connectionCount":1,
                "lastCloseReason":null,"maxObservedTimestamp":"AQAAAAAAAAA=","clientTs":1763700000123}"#
            ),
            ClientMessage::Connect(Connect {
                session_id: 0x6f1c2b60_7a53_4b7e_9d6e_0d5a2f0b7f11,
                max_observed_ts: Some(1),
                client_ts: Some(1_763_700_000_123.0),
            })
        );
        let ClientMessage::ModifyQuerySet { base_version: 0, new_version: 1, modifications } = parse(
            r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[
            {"type":"Add","queryId":0,"udfPath":"m:q","args":[{}],"journal":"j","componentPath":""},
            {"type":"Add","queryId":1,"udfPath":"m:q","args":[{}],"journal":null},{"type":"Remove","queryId":0}]}"#,
        ) else {
            panic!("a ModifyQuerySet");
        };
        let [QuerySetModification::Add(first), QuerySetModification::Add(second), removal] =
            &modifications[..]
        else {
            panic!("two additions and a removal");
        };
        assert_eq!((first.journal.as_deref(), first.target.component.as_deref()), (Some("j"), Some("")));
        assert_eq!((second.journal.as_deref(), second.target.component.as_deref()), (None, None));
        assert_eq!(removal, &QuerySetModification::Remove { query_id: 0 });
    }

    #[test]
    fn credentials_of_every_kind() {
        let credentials = |text: &str| match parse(text) {
            ClientMessage::Authenticate { base_version: 2, credentials } => credentials,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            credentials(r#"{"type":"Authenticate","tokenType":"User","value":"eyJ","baseVersion":2}"#),
            Credentials::User { token: "eyJ".into() }
        );
        assert_eq!(
            credentials(r#"{"type":"Authenticate","baseVersion":2,"tokenType":"None"}"#),
            Credentials::None
        );
        for name in ["impersonating", "acting_as"] {
            assert_eq!(
                credentials(&format!(
                    r#"{{"type":"Authenticate","baseVersion":2,"tokenType":"Admin","value":"k","{name}":{{"subject":"s"}}}}"#
                )),
                Credentials::Admin { key: "k".into(), acting_as: Some(r#"{"subject":"s"}"#.into()) }
            );
        }
    }

    #[test]
    fn wrong_arguments_fail_the_call_not_the_connection() {
        for (args, text) in [
            ("[1]", "of type"),
            ("[{},{}]", "2 values"),
            (r#"[{"$x":1}]"#, "not valid encoded JSON"),
            ("7", "of type"),
        ] {
            let message = format!(r#"{{"type":"Mutation","requestId":0,"udfPath":"m:f","args":{args}}}"#);
            let ClientMessage::Mutation(request) = parse(&message) else { panic!("a mutation") };
            let error = request.args.expect_err(args);
            assert!(error.contains(text), "{error}");
        }
        for args in ["[]", "[{}]", "{}"] {
            let message = format!(r#"{{"type":"Action","requestId":0,"udfPath":"m:f","args":{args}}}"#);
            let ClientMessage::Action(request) = parse(&message) else { panic!("an action") };
            assert_eq!(request.args, Ok(Object::new()));
        }
    }

    #[test]
    fn timestamps_round_trip() {
        for ts in [0, 1, 1_763_700_000_126_000_000, u64::MAX] {
            let mut text = String::new();
            push_ts(ts, &mut text);
            assert_eq!(parse_ts(&text), Ok(ts));
        }
        for text in ["", "AAAA", "AAAAAAAAAAAA", "AAAAAAAAAAAAAAAA", "????????????"] {
            assert!(parse_ts(text).is_err(), "{text}");
        }
    }

    #[test]
    fn responses_have_the_exact_fields_clients_read() {
        let none: [&str; 0] = [];
        assert_eq!(
            mutation_response(3, Ending::Success("{\"a\":1}"), 1, &["[LOG] 'x\"y'"]),
            r#"{"type":"MutationResponse","requestId":3,"success":true,"result":{"a":1},"ts":"AQAAAAAAAAA=","logLines":["[LOG] 'x\"y'"]}"#
        );
        let failure = Ending::Failure { message: "a\nb", data: None };
        assert_eq!(
            mutation_response(3, failure, 9, &none),
            r#"{"type":"MutationResponse","requestId":3,"success":false,"result":"a\nb","ts":null,"logLines":[]}"#
        );
        assert_eq!(
            action_response(4, Ending::Success("null"), &none),
            r#"{"type":"ActionResponse","requestId":4,"success":true,"result":null,"logLines":[]}"#
        );
        // A ConvexError with data null is told from an error without data.
        let failure = Ending::Failure { message: "m", data: Some(&Value::Null) };
        assert_eq!(
            action_response(4, failure, &none),
            r#"{"type":"ActionResponse","requestId":4,"success":false,"result":"m","logLines":[],"errorData":null}"#
        );
    }

    #[test]
    fn a_transition_has_the_exact_fields_clients_read() {
        let none: [&str; 0] = [];
        let start = StateVersion::default();
        let end = StateVersion { query_set: 1, identity: 0, ts: 1 };
        let mut writer = TransitionWriter::new(start, end, 0);
        writer.removed(5);
        writer.result(0, Ending::Success("[]"), &["[INFO] 1"], Some("j"));
        let data = Value::from(7.0);
        writer.result(1, Ending::Failure { message: "no", data: Some(&data) }, &none, None);
        assert_eq!(
            writer.finish(Some(3.0), 1_763_700_000_126_000_000),
            concat!(
                r#"{"type":"Transition","startVersion":{"querySet":0,"identity":0,"ts":"AAAAAAAAAAA="},"#,
                r#""endVersion":{"querySet":1,"identity":0,"ts":"AQAAAAAAAAA="},"modifications":["#,
                r#"{"type":"QueryRemoved","queryId":5},"#,
                r#"{"type":"QueryUpdated","queryId":0,"value":[],"logLines":["[INFO] 1"],"journal":"j"},"#,
                r#"{"type":"QueryFailed","queryId":1,"errorMessage":"no","logLines":[],"journal":null,"errorData":7}"#,
                r#"],"clientClockSkew":3,"serverTs":1763700000126000000}"#
            )
        );
        assert!(TransitionWriter::new(start, end, 0).finish(None, 1).contains("\"clientClockSkew\":null"));
    }

    #[test]
    fn errors_have_the_exact_fields_clients_read() {
        assert_eq!(
            auth_error("no \"x\"", 2, true),
            r#"{"type":"AuthError","error":"no \"x\"","baseVersion":2,"authUpdateAttempted":true}"#
        );
        assert_eq!(fatal_error("x"), r#"{"type":"FatalError","error":"x"}"#);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = ClientMessage::parse(&text);
        }

        /// Almost-messages: the right names with values of any type.
        #[test]
        fn reading_near_misses_never_panics(
            kind in "Connect|ModifyQuerySet|Mutation|Action|Authenticate|Event|X",
            names in prop::collection::vec("sessionId|maxObservedTimestamp|clientTs|baseVersion|newVersion|modifications|requestId|udfPath|args|tokenType|value|impersonating|componentPath|queryId|journal", 0..8),
            values in prop::collection::vec(
                prop_oneof![
                    Just("null".to_owned()), Just("-1".to_owned()), Just("1e999".to_owned()), Just("[{}]".to_owned()),
                    Just("\"AAAAAAAAAAA=\"".to_owned()), Just("\"User\"".to_owned()), Just("4294967296".to_owned()),
                    Just("[{\"type\":\"Add\",\"queryId\":0,\"udfPath\":\"\",\"args\":[{\"$integer\":\"x\"}]}]".to_owned()),
                    "[0-9]{1,12}", "\"\\\\u[0-9a-f]{4}\"", "\\[{0,300}",
                ],
                8,
            ),
        ) {
            let mut text = format!("{{\"type\":\"{kind}\"");
            for (name, value) in names.iter().zip(&values) {
                text.push_str(&format!(",\"{name}\":{value}"));
            }
            text.push('}');
            let _ = ClientMessage::parse(&text);
        }

        /// Whatever the size, the chunks' texts put together are the Transition, and each is a valid message.
        #[test]
        fn chunks_put_together_are_the_text(text in "[a\"\\\\é𝄞\n]{1,60}", size in 0_usize..12) {
            let chunks = transition_chunks(&text, size, "1");
            let mut whole = String::new();
            for (index, chunk) in chunks.iter().enumerate() {
                let message: serde_json::Value = serde_json::from_str(chunk).expect("JSON");
                prop_assert_eq!(&message["partNumber"], &serde_json::json!(index));
                prop_assert_eq!(&message["totalParts"], &serde_json::json!(chunks.len()));
                prop_assert_eq!(&message["transitionId"], "1");
                let part = message["chunk"].as_str().expect("text");
                prop_assert!(part.len() <= size.max(4));
                whole.push_str(part);
            }
            prop_assert_eq!(whole, text);
        }
    }
}
