//! A bare client of the sync protocol: messages as text out, the few fields that matter in.
//!
//! It neither keeps query results nor reconnects: tests and load clients do what they need on top.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The client version announced in the path, the newest one the protocol description covers.
pub const CLIENT_VERSION: &str = "1.48.0";

/// A message of the server. Fields that a type does not have are `None`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerMessage<'a> {
    /// `Transition`, `MutationResponse`, ...
    #[serde(rename = "type", borrow)]
    pub kind: &'a str,
    /// Of a response.
    pub request_id: Option<u32>,
    /// Of a response.
    pub success: Option<bool>,
    /// Of a response: value or error text.
    #[serde(borrow)]
    pub result: Option<&'a RawValue>,
    /// Of a successful mutation.
    #[serde(borrow)]
    pub ts: Option<&'a str>,
    /// Of a transition.
    #[serde(borrow)]
    pub start_version: Option<Version<'a>>,
    /// Of a transition.
    #[serde(borrow)]
    pub end_version: Option<Version<'a>>,
    /// Of a transition.
    #[serde(borrow, default)]
    pub modifications: Vec<Modification<'a>>,
    /// Of `FatalError` and `AuthError`.
    pub error: Option<String>,
}

/// The state version of a session.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Version<'a> {
    /// Of the query set.
    pub query_set: u32,
    /// Of the identity.
    pub identity: u32,
    /// The timestamp as it is on the wire.
    #[serde(borrow)]
    pub ts: &'a str,
}

/// A changed query in a transition.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Modification<'a> {
    /// `QueryUpdated`, `QueryFailed` or `QueryRemoved`.
    #[serde(rename = "type", borrow)]
    pub kind: &'a str,
    /// The client's number of the query.
    pub query_id: u32,
    /// The result of `QueryUpdated`.
    #[serde(borrow)]
    pub value: Option<&'a RawValue>,
    /// The text of `QueryFailed`.
    pub error_message: Option<String>,
    /// The journal, to be handed back on a reconnect.
    pub journal: Option<String>,
}

impl<'a> ServerMessage<'a> {
    /// Parses a message.
    ///
    /// # Errors
    /// If the text is not of the protocol; the error quotes it.
    pub fn parse(text: &'a str) -> io::Result<Self> {
        serde_json::from_str(text).map_err(|error| io::Error::other(format!("{error} in {text:.500}")))
    }
}

/// A timestamp as it is on the wire: base64 of 8 bytes, least significant first.
pub fn encode_ts(ts: u64) -> String {
    STANDARD.encode(ts.to_le_bytes())
}

/// The timestamp in its wire form.
///
/// # Errors
/// If the text is no timestamp.
pub fn decode_ts(text: &str) -> io::Result<u64> {
    let mut bytes = [0; 9];
    match STANDARD.decode_slice(text, &mut bytes) {
        Ok(8) => Ok(u64::from_le_bytes(std::array::from_fn(|i| bytes[i]))),
        _ => Err(io::Error::other(format!("{text:?} is no timestamp"))),
    }
}

/// The first message of a connection.
pub fn connect_message(session: &str, connection_count: u32, max_observed: Option<u64>) -> String {
    let observed = max_observed.map(|ts| format!(r#","maxObservedTimestamp":"{}""#, encode_ts(ts)));
    let observed = observed.unwrap_or_default();
    format!(
        r#"{{"type":"Connect","sessionId":"{session}","connectionCount":{connection_count},"lastCloseReason":"InitialConnect"{observed},"clientTs":0}}"#
    )
}

/// Changes the query set; `modifications` are whole JSON objects.
pub fn modify_query_set_message(base: u32, new: u32, modifications: &[String]) -> String {
    let modifications = modifications.join(",");
    format!(
        r#"{{"type":"ModifyQuerySet","baseVersion":{base},"newVersion":{new},"modifications":[{modifications}]}}"#
    )
}

/// An `Add` for [`modify_query_set_message`]; `args` is a JSON object.
pub fn add_query(query_id: u32, path: &str, args: &str, journal: Option<&str>) -> String {
    let journal = journal.map(|journal| format!(r#","journal":{}"#, serde_json::Value::from(journal)));
    let journal = journal.unwrap_or_default();
    format!(r#"{{"type":"Add","queryId":{query_id},"udfPath":"{path}","args":[{args}]{journal}}}"#)
}

/// A `Remove` for [`modify_query_set_message`].
pub fn remove_query(query_id: u32) -> String {
    format!(r#"{{"type":"Remove","queryId":{query_id}}}"#)
}

/// A call of a mutation; `args` is a JSON object.
pub fn mutation_message(request_id: u32, path: &str, args: &str) -> String {
    format!(r#"{{"type":"Mutation","requestId":{request_id},"udfPath":"{path}","args":[{args}]}}"#)
}

/// An `Action` message.
pub fn action_message(request_id: u32, path: &str, args: &str) -> String {
    format!(r#"{{"type":"Action","requestId":{request_id},"udfPath":"{path}","args":[{args}]}}"#)
}

/// A socket that speaks the protocol.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Opens `/api/<version>/sync` of the server at `address` (`host:port`).
    ///
    /// # Errors
    /// If there is no server or it refuses.
    pub async fn open(address: &str) -> io::Result<Self> {
        Self::open_path(address, &format!("/api/{CLIENT_VERSION}/sync")).await
    }

    /// Opens any path.
    ///
    /// # Errors
    /// If there is no server or it refuses.
    pub async fn open_path(address: &str, path: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{address}{path}");
        let (stream, _) = tokio_tungstenite::client_async(url, stream).await.map_err(io::Error::other)?;
        Ok(Self { stream })
    }

    /// Queues a message; [`Self::flush`] sends what is queued.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn queue(&mut self, text: String) -> io::Result<()> {
        self.stream.feed(Message::text(text)).await.map_err(io::Error::other)
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await.map_err(io::Error::other)
    }

    /// Sends a message at once.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&mut self, text: String) -> io::Result<()> {
        self.queue(text).await?;
        self.flush().await
    }

    /// The next text message; `None` when the server closed.
    ///
    /// # Errors
    /// If the connection broke or a frame is of another kind.
    pub async fn next(&mut self) -> io::Result<Option<Utf8Bytes>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(text)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(other)) => return Err(io::Error::other(format!("unexpected frame {other:?}"))),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }

    /// The next message if one has arrived already.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn try_next(&mut self) -> io::Result<Option<Utf8Bytes>> {
        self.next().now_or_never().unwrap_or(Ok(None))
    }

    /// Sends a close frame.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn close(mut self) -> io::Result<()> {
        self.stream.close(None).await.map_err(io::Error::other)
    }

    /// Sends a binary frame, which the protocol does not have.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.stream.send(Message::binary(bytes)).await.map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_survive_the_wire() {
        assert_eq!(encode_ts(0), "AAAAAAAAAAA=");
        for ts in [0, 1, 1_763_700_000_123_456_789, u64::MAX] {
            assert_eq!(decode_ts(&encode_ts(ts)).ok(), Some(ts));
        }
        assert!(decode_ts("AAAA").is_err());
    }

    #[test]
    fn messages_of_the_server_are_read_whatever_the_order_of_their_fields() -> io::Result<()> {
        let text = r#"{"logLines":[],"success":true,"ts":"AQAAAAAAAAA=","result":{"a":1},"requestId":3,"type":"MutationResponse"}"#;
        let message = ServerMessage::parse(text)?;
        assert_eq!(
            (message.kind, message.request_id, message.success),
            ("MutationResponse", Some(3), Some(true))
        );
        assert_eq!(message.result.map(RawValue::get), Some(r#"{"a":1}"#));
        Ok(())
    }
}
