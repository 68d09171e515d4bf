//! The published keys of one provider: where they are, and the copy kept of them.
//!
//! Readers never wait while the copy is good. A fetch is made by one task at a time, and whoever waited for it
//! shares its outcome, good or bad. A key the copy does not have makes a new fetch, but not more often than
//! [`REFETCH_INTERVAL_MS`], so that invented key ids cannot be used to flood a provider.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use parking_lot::RwLock;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use serde_json::{Value as Json, json};

use super::provider::Provider;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// How long a copy is used without asking again, in milliseconds.
const FRESH_MS: f64 = 10.0 * 60.0 * 1_000.0;
/// How long a copy is used if the provider cannot be reached, in milliseconds.
const STALE_MS: f64 = 60.0 * 60.0 * 1_000.0;
/// The shortest time between two fetches while there is a usable copy, in milliseconds.
pub(super) const REFETCH_INTERVAL_MS: f64 = 10_000.0;
/// How long a failure is remembered while there is no usable copy, in milliseconds.
const FAILURE_MS: f64 = 1_000.0;
/// The longest a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer read, in bytes.
const RESPONSE_LENGTH_MAX: usize = 1 << 20;
/// The most redirects followed.
const REDIRECTS_MAX: usize = 3;
/// The most of an unreadable answer that an error quotes, in characters.
const QUOTE_LENGTH_MAX: usize = 200;

/// The HTTP client keys are fetched with.
///
/// # Errors
/// If the client cannot be set up.
pub(super) fn http_client() -> Result<reqwest::Client> {
    let policy = || {
        Policy::custom(|attempt| {
            let is_downgrade = attempt.url().scheme() != "https"
                && attempt.previous().iter().any(|url| url.scheme() == "https");
            if is_downgrade {
                attempt.error("a redirect from https to http")
            } else if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error("too many redirects")
            } else {
                attempt.follow()
            }
        })
    };
    crate::http_client::build(|builder| builder.timeout(REQUEST_TIMEOUT).redirect(policy()))
}

struct Copy {
    keys: Arc<JwkSet>,
    fetched_at_ms: f64,
}

#[derive(Default)]
struct State {
    copy: Option<Copy>,
    /// Counts finished fetches.
    fetches: u64,
    last_fetch_ms: f64,
    last_error: Option<Error>,
}

/// The keys of one provider.
pub(super) struct KeySet {
    provider: Provider,
    state: RwLock<State>,
    fetching: tokio::sync::Mutex<()>,
    /// Keys that never change are not fetched.
    fixed: bool,
}

impl KeySet {
    /// Keys to be fetched from where the provider publishes them.
    pub(super) fn new(provider: Provider) -> Self {
        Self { provider, state: RwLock::default(), fetching: tokio::sync::Mutex::default(), fixed: false }
    }

    /// Keys known from the start.
    pub(super) fn fixed(provider: Provider, keys: &Json) -> Result<Self> {
        let copy = Copy { keys: Arc::new(parse_keys(&keys.to_string())?), fetched_at_ms: 0.0 };
        let state = RwLock::new(State { copy: Some(copy), ..State::default() });
        Ok(Self { provider, state, fetching: tokio::sync::Mutex::default(), fixed: true })
    }

    /// Whose keys these are.
    pub(super) const fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The keys, fetched if there is no good copy or if it lacks `key_id`, if that is known. A key that does not exist is not an
    /// error here.
    pub(super) async fn keys(
        &self,
        key_id: Option<&str>,
        http: &reqwest::Client,
        clock: &dyn Clock,
    ) -> Result<Arc<JwkSet>> {
        let seen = match self.known(key_id, clock.unix_ms()) {
            Ok(outcome) => return outcome,
            Err(fetches) => fetches,
        };
        let _turn = self.fetching.lock().await;
        let fetched_meanwhile = self.state.read().fetches != seen;
        if !fetched_meanwhile {
            let outcome = fetch(&self.provider, http).await;
            self.store(outcome, clock.unix_ms());
        }
        self.latest(clock.unix_ms())
    }

    /// What is known already, if no fetch is wanted; else how many fetches there were.
    fn known(&self, key_id: Option<&str>, now_ms: f64) -> Result<Result<Arc<JwkSet>>, u64> {
        let state = self.state.read();
        // A clock that was set back makes ages negative.
        let age = |since: f64| (now_ms - since).abs();
        let usable = |copy: &&Copy| self.fixed || age(copy.fetched_at_ms) < STALE_MS;
        match (state.copy.as_ref().filter(usable), &state.last_error) {
            (Some(copy), _) => {
                let fresh = age(copy.fetched_at_ms) < FRESH_MS
                    && key_id.is_none_or(|key_id| copy.keys.find(key_id).is_some());
                let too_soon = age(state.last_fetch_ms) < REFETCH_INTERVAL_MS;
                if self.fixed || fresh || too_soon { Ok(Ok(copy.keys.clone())) } else { Err(state.fetches) }
            }
            (None, Some(error)) if age(state.last_fetch_ms) < FAILURE_MS => Ok(Err(error.clone())),
            (None, _) => Err(state.fetches),
        }
    }

    fn store(&self, outcome: Result<JwkSet>, now_ms: f64) {
        let mut state = self.state.write();
        state.fetches += 1;
        state.last_fetch_ms = now_ms;
        match outcome {
            Ok(keys) => {
                state.copy = Some(Copy { keys: Arc::new(keys), fetched_at_ms: now_ms });
                state.last_error = None;
            }
            Err(error) => {
                tracing::warn!(provider = %self.provider, %error, "the keys of an auth provider could not be fetched");
                state.last_error = Some(error);
            }
        }
    }

    /// The outcome of the last fetch; if it failed, the former copy while that is not too old.
    fn latest(&self, now_ms: f64) -> Result<Arc<JwkSet>> {
        let state = self.state.read();
        match (&state.copy, &state.last_error) {
            (Some(copy), None) => Ok(copy.keys.clone()),
            (Some(copy), Some(_)) if (now_ms - copy.fetched_at_ms).abs() < STALE_MS => Ok(copy.keys.clone()),
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::internal("keys were asked for before they were fetched")),
        }
    }
}

async fn fetch(provider: &Provider, http: &reqwest::Client) -> Result<JwkSet> {
    match provider {
        Provider::Oidc { domain, .. } => {
            let url = format!("{domain}/.well-known/openid-configuration");
            let jwks_uri = discover(provider, &get(&url, http).await?.body)?;
            parse_keys(&get(&jwks_uri, http).await?.body)
        }
        Provider::CustomJwt { jwks, .. } => match jwks.strip_prefix("data:") {
            Some(data) => parse_keys(&decode_data_uri(data)?),
            None => {
                let Answer { content_type, body } = get(jwks, http).await?;
                if !matches!(content_type.as_str(), "application/json" | "application/jwk-set+json") {
                    return Err(failed(
                        ErrorKind::Unauthenticated,
                        format!(
                            "{jwks} answered with content type {content_type:?}; a key set must be \
                             application/json or application/jwk-set+json"
                        ),
                    ));
                }
                parse_keys(&body)
            }
        },
    }
}

fn failed(kind: ErrorKind, reason: impl std::fmt::Display) -> Error {
    Error::new(kind, "AuthProviderDiscoveryFailed", format!("Auth provider discovery failed: {reason}."))
}

/// The address of the keys in a discovery document, which must be the provider's own.
fn discover(provider: &Provider, body: &str) -> Result<String> {
    let unauthenticated = |reason: String| failed(ErrorKind::Unauthenticated, reason);
    let document: Json = serde_json::from_str(body)
        .map_err(|_| unauthenticated(format!("the discovery document of {provider} is not valid JSON")))?;
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Json::as_str)
            .ok_or_else(|| unauthenticated(format!("the discovery document of {provider} has no \"{name}\"")))
    };
    let issuer = text("issuer")?;
    if !provider.is_issuer(issuer) {
        return Err(unauthenticated(format!(
            "the discovery document of {provider} is for the issuer {issuer:?}"
        )));
    }
    let jwks_uri = text("jwks_uri")?;
    // Keys that anybody on the way could replace are worth nothing.
    if provider.issuer().starts_with("https://") && !jwks_uri.starts_with("https://") {
        return Err(unauthenticated(format!(
            "the keys of {provider} are not at an https URL but at {jwks_uri:?}"
        )));
    }
    Ok(jwks_uri.to_owned())
}

struct Answer {
    /// Without parameters, in lower case.
    content_type: String,
    body: String,
}

async fn get(url: &str, http: &reqwest::Client) -> Result<Answer> {
    let unreachable = |error: reqwest::Error| {
        // The cause is only in the chain of sources.
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        failed(ErrorKind::Overloaded, reason)
    };
    let mut response = http.get(url).header(ACCEPT, "application/json").send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        let kind = match status.as_u16() {
            429 => ErrorKind::RateLimited,
            500.. => ErrorKind::Overloaded,
            _ => ErrorKind::BadRequest,
        };
        return Err(failed(kind, format!("{url} answered {status}")));
    }
    let content_type =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > RESPONSE_LENGTH_MAX {
            let reason = format!("the answer of {url} is longer than {RESPONSE_LENGTH_MAX} bytes");
            return Err(failed(ErrorKind::Unauthenticated, reason));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { content_type, body: String::from_utf8_lossy(&body).into_owned() })
}

/// The content of a `data:` URI, given what follows `data:`.
fn decode_data_uri(data: &str) -> Result<String> {
    let bad = || failed(ErrorKind::Unauthenticated, "the data URI of the key set cannot be read");
    let (media_type, content) = data.split_once(',').ok_or_else(bad)?;
    let content: Vec<u8> = percent_encoding::percent_decode_str(content).collect();
    let content = if media_type.trim_end().ends_with(";base64") {
        [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
            .into_iter()
            .find_map(|engine| engine.decode(&content).ok())
            .ok_or_else(bad)?
    } else {
        content
    };
    String::from_utf8(content).map_err(|_| bad())
}

/// Reads a key set. Keys of kinds nobody here knows are left out.
fn parse_keys(body: &str) -> Result<JwkSet> {
    let quoted = || {
        let quote: String = body.chars().take(QUOTE_LENGTH_MAX).collect();
        if quote.len() < body.len() { format!("{quote:?}…") } else { format!("{quote:?}") }
    };
    let set: Json = serde_json::from_str(body).map_err(|_| {
        failed(
            ErrorKind::Unauthenticated,
            format!("Invalid JWKS response body {} is not valid JSON", quoted()),
        )
    })?;
    let Some(keys) = set.get("keys").and_then(Json::as_array) else {
        let reason = format!("Invalid JWKS response body {} has no list \"keys\"", quoted());
        return Err(failed(ErrorKind::Unauthenticated, reason));
    };
    let keys = keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect();
    Ok(JwkSet { keys })
}

/// The discovery document of an issuer whose keys are at `jwks_uri`.
pub(super) fn discovery_document(issuer: &str, jwks_uri: &str, algorithm: &str) -> Json {
    json!({
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"a"},{"kty":"new"},7]}"#;

    #[test]
    fn data_uris_are_read_in_every_spelling() -> Result<()> {
        let standard = STANDARD.encode(KEYS);
        for data in [
            format!("application/json;base64,{standard}"),
            format!("text/plain;charset=utf-8;base64,{}", URL_SAFE_NO_PAD.encode(KEYS)),
            format!("text/plain;charset=utf-8;base64,{}", standard.replace('=', "%3D")),
            format!("application/json,{}", KEYS.replace('"', "%22")),
            format!(",{KEYS}"),
        ] {
            assert_eq!(decode_data_uri(&data)?, KEYS, "{data}");
        }
        for bad in ["", "application/json", ";base64,%%%", ",%ff"] {
            assert!(decode_data_uri(bad).is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn unknown_kinds_of_keys_are_left_out() -> Result<()> {
        let keys = parse_keys(KEYS)?;
        assert!(keys.find("a").is_some());
        for (body, fragment) in [("<html>", "not valid JSON"), ("{}", "no list"), ("", "not valid JSON")] {
            let error = parse_keys(body).expect_err("must be refused");
            assert!(error.message().contains("Invalid JWKS response body"), "{error}");
            assert!(error.message().contains(fragment), "{error}");
        }
        Ok(())
    }

    #[test]
    fn a_discovery_document_must_be_the_providers_own() -> Result<()> {
        let provider = Provider::from_json(&json!({"domain": "https://i.example", "applicationID": "a"}))?;
        let document =
            |issuer: &str| discovery_document(issuer, "https://i.example/keys", "RS256").to_string();
        assert_eq!(discover(&provider, &document("https://i.example/"))?, "https://i.example/keys");
        let insecure = discovery_document("https://i.example", "http://i.example/keys", "RS256").to_string();
        for bad in [document("https://evil.example"), insecure, "{}".to_owned(), "x".to_owned()] {
            let error = discover(&provider, &bad).expect_err("must be refused");
            assert_eq!(error.code(), "AuthProviderDiscoveryFailed");
        }
        Ok(())
    }
}
