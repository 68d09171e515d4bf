//! Watching a query: its value now and after every change, over the sync protocol.

use std::ops::ControlFlow;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::Deployment;
use crate::failure::{Failure, Result};
use crate::output;

/// The version of the protocol that is spoken, by the client it belongs to.
const PROTOCOL: &str = "1.48.0";

/// A query to watch.
pub(crate) struct Watched<'a> {
    pub(crate) path: &'a str,
    pub(crate) args: &'a Json,
    pub(crate) component: Option<&'a str>,
    pub(crate) identity: Option<&'a Json>,
}

/// Calls `each` with every value of a query until it breaks.
pub(crate) async fn watch<T>(
    deployment: &Deployment,
    query: &Watched<'_>,
    mut each: impl FnMut(Json) -> Result<ControlFlow<T>>,
) -> Result<T> {
    let url = deployment.socket_url(&format!("/api/{PROTOCOL}/sync"))?;
    let lost = |error: &dyn std::fmt::Display| {
        Failure::new(format!("the connection to {} was lost: {error}", deployment.url()))
            .hint("start the server with `fusion dev`, or pass the right --url")
    };
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.map_err(|error| lost(&error))?;
    let mut authenticate = json!({
        "type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": deployment.admin_key(),
    });
    if let Some(identity) = query.identity {
        authenticate["impersonating"] = identity.clone();
    }
    let mut add = json!({"type": "Add", "queryId": 0, "udfPath": query.path, "args": [query.args]});
    if let Some(component) = query.component {
        add["componentPath"] = json!(component);
    }
    for message in [
        json!({
            "type": "Connect", "sessionId": session_id(), "connectionCount": 0,
            "lastCloseReason": "InitialConnect", "clientTs": 0,
        }),
        authenticate,
        json!({"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [add]}),
    ] {
        socket.send(Message::text(message.to_string())).await.map_err(|error| lost(&error))?;
    }
    while let Some(message) = socket.next().await {
        let text = match message.map_err(|error| lost(&error))? {
            Message::Text(text) => text,
            Message::Close(frame) => {
                let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                return Err(lost(&reason));
            }
            _ => continue,
        };
        let message: Json = serde_json::from_str(&text).map_err(|error| lost(&error))?;
        match message["type"].as_str() {
            Some("Transition") => {}
            Some("FatalError" | "AuthError") => {
                let error = message["error"].as_str().unwrap_or("the server ended the connection");
                return Err(Failure::new(error));
            }
            _ => continue,
        }
        for modification in message["modifications"].as_array().into_iter().flatten() {
            for line in modification["logLines"].as_array().into_iter().flatten() {
                output::talk(line.as_str().unwrap_or_default());
            }
            match modification["type"].as_str() {
                Some("QueryUpdated") => {
                    if let ControlFlow::Break(value) = each(modification["value"].clone())? {
                        // The server notices by itself that nobody listens any more.
                        let _ = socket.close(None).await;
                        return Ok(value);
                    }
                }
                Some("QueryFailed") => {
                    let error = modification["errorMessage"].as_str().unwrap_or("the query failed");
                    return Err(Failure::new(error));
                }
                _ => {}
            }
        }
    }
    Err(lost(&"the server closed it"))
}

/// A random UUID.
fn session_id() -> String {
    let mut bytes: [u8; 16] = fusion_runtime::clock::random_bytes();
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_session_is_a_random_uuid() {
        let id = super::session_id();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert_ne!(id, super::session_id());
    }
}
