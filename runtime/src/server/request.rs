//! What handlers read from a request: who calls, with which client, and the body.

use axum::body::Body;
use axum::http::{HeaderMap, Uri, header};
use serde::de::DeserializeOwned;

use super::state::ServerState;
use crate::auth::{Credentials, Identity};
use crate::database::ComponentId;
use crate::error::{Error, Result};
use crate::function::execution::component_not_found;
pub(super) use crate::function::http::read_body;
use crate::session::ClientVersion;

/// The largest body of a request to the API, in bytes: the arguments of a call and some room.
pub(super) const BODY_SIZE_MAX: usize = (16 << 20) + 2000;

/// Who sends a request.
#[derive(Debug)]
pub(super) struct Sender {
    /// The client library, if it says.
    pub(super) client: Option<ClientVersion>,
    /// On whose behalf.
    pub(super) identity: Identity,
}

impl Sender {
    /// Reads the headers and verifies credentials.
    ///
    /// # Errors
    /// `InvalidVersion`, `ClientVersionUnsupported`, and those of [`Credentials::parse`] and
    /// [`crate::auth::Authenticator::identify`].
    pub(super) async fn of(state: &ServerState, headers: &HeaderMap, uri: &Uri) -> Result<Self> {
        let client = client_version(headers)?;
        if let Some(client) = &client {
            client.check()?;
        }
        let credentials = credentials(headers, uri)?;
        let identity = state.authenticator.identify(&credentials).await?;
        Ok(Self { client, identity })
    }

    /// As [`Sender::of`], for what only administrators may do.
    ///
    /// # Errors
    /// Also `BadDeployKey` for everybody else.
    pub(super) async fn admin(state: &ServerState, headers: &HeaderMap, uri: &Uri) -> Result<Self> {
        Self::admin_with_key(state, headers, uri, None).await
    }

    /// As [`Sender::admin`], for requests that may have the key in their body, where it counts without a header.
    ///
    /// # Errors
    /// As [`Sender::admin`].
    pub(super) async fn admin_with_key(
        state: &ServerState,
        headers: &HeaderMap,
        uri: &Uri,
        key: Option<&str>,
    ) -> Result<Self> {
        let sender = match key.filter(|_| !headers.contains_key(header::AUTHORIZATION)) {
            None => Self::of(state, headers, uri).await?,
            Some(key) => {
                let identity = state.authenticator.identify(&Credentials::parse(None, Some(key))?).await?;
                Self { client: client_version(headers)?, identity }
            }
        };
        if sender.identity.is_admin() {
            return Ok(sender);
        }
        Err(Error::forbidden(
            "BadDeployKey",
            format!(
                "This needs an admin key for deployment '{}'. Send it as `Authorization: Convex <key>`.",
                state.authenticator.admin_keys().instance_name()
            ),
        ))
    }
}

/// The client library that the `Convex-Client` header names.
///
/// # Errors
/// `InvalidVersion`.
pub(super) fn client_version(headers: &HeaderMap) -> Result<Option<ClientVersion>> {
    let Some(value) = headers.get("convex-client") else { return Ok(None) };
    ClientVersion::parse(&String::from_utf8_lossy(value.as_bytes())).map(Some)
}

/// What the `Authorization` header, or without one the `adminKey` parameter, presents.
///
/// # Errors
/// See [`Credentials::parse`].
pub(super) fn credentials(headers: &HeaderMap, uri: &Uri) -> Result<Credentials> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Credentials::parse(None, parameter(uri, "adminKey").as_deref());
    };
    Credentials::parse(Some(&String::from_utf8_lossy(value.as_bytes())), None)
}

/// The JSON body of a request to the API.
///
/// # Errors
/// `BadJsonBody`, and those of [`read_body`].
pub(super) async fn json_body<T: DeserializeOwned>(body: Body) -> Result<T> {
    let body = read_body(body, BODY_SIZE_MAX).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::bad_request("BadJsonBody", format!("The body of the request cannot be read: {error}."))
    })
}

/// What a request names as its component, if not the app: nothing, the empty text and the text `null` mean that.
fn named_component(component: Option<&str>) -> Option<&str> {
    component.filter(|component| !component.is_empty() && *component != "null")
}

/// The component that a request names by its row or its path.
///
/// # Errors
/// `ComponentNotFound`.
pub(super) fn component_of(state: &ServerState, component: Option<&str>) -> Result<ComponentId> {
    let Some(named) = named_component(component) else { return Ok(ComponentId::ROOT) };
    let now = state.database().published();
    let by_row = now.catalog().component_with_id(named).map(|meta| meta.id);
    by_row.or_else(|| now.catalog().component_at(named)).ok_or_else(|| component_not_found(named))
}

/// A parameter of the query string, decoded.
pub(super) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query()?;
    // Most requests have no query string at all, and none a long one.
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode(key) == name).then(|| percent_decode(value))
    })
}

/// Decodes `%xx` and `+`. What is not valid stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let pair = bytes.get(index + 1).zip(bytes.get(index + 2));
        let value = pair.and_then(|(high, low)| Some(digit(*high)? << 4 | digit(*low)?));
        match (byte, value) {
            (b'%', Some(value)) => {
                decoded.push(value);
                index += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::super::errors::TOO_LARGE;
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let uri: Uri =
            "/x?path=a%2Fb%3Ac&args=%7B%7D&empty=&flag&sp=a+b%20c&bad=%zz%4".parse().expect("a URI");
        for (name, value) in [
            ("path", "a/b:c"),
            ("args", "{}"),
            ("empty", ""),
            ("flag", ""),
            ("sp", "a b c"),
            ("bad", "%zz%4"),
        ] {
            assert_eq!(parameter(&uri, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(parameter(&uri, "nothing"), None);
        assert_eq!(parameter(&Uri::from_static("/x"), "path"), None);
    }

    #[tokio::test]
    async fn bodies_over_the_limit_are_refused() {
        let error = read_body(Body::from(vec![0; 11]), 10).await.expect_err("too large");
        assert_eq!(error.code(), TOO_LARGE);
        assert_eq!(read_body(Body::from(vec![0; 10]), 10).await.expect("fits").len(), 10);
    }
}
