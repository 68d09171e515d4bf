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
        let path = required(kind, "udfPath", Some(self.udf_path.into_owned()).filter(|path| !path.is_empty()))?;
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
            other => Err(ParseError(format!("The modification type '{other}' is not one of Add and Remove."))),
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
        Value::Array(values) => {
            Err(format!("A function takes one object of named arguments, but {} values were sent.", values.len()))
        }
        other => Err(not_an_object(&other)),
    }
}

fn not_an_object(value: &Value) -> String {
    format!("A function takes one object of named arguments, but a value of type {} was sent.", value.type_name())
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
pub fn mutation_response<L: AsRef<str>>(request_id: u32, ending: Ending<'_>, ts: u64, log_lines: &[L]) -> String {
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
