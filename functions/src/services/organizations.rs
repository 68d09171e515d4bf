//! [`Organizations`]: which organisations exist, by Clerk's word where the deployment has its key.
//!
//! Settings: `CLERK_SECRET_KEY`, and `CLERK_API_URL` for another address. What Clerk says is remembered for some minutes,
//! and for some hours in case that Clerk cannot be asked. Without a key the demo organisation exists, and whatever
//! organisation has set up its widget here.

use std::collections::HashMap;
use std::time::Duration;

use fusion_runtime::Result;
use fusion_runtime::auth::dev_issuer::DEMO_ORGANIZATION;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::http::Request;
use super::{FailureKind, ServiceFailure, ServiceStatus, Services, Settings};

const SERVICE: &str = "Clerk";
const API_URL: &str = "https://api.clerk.com";
/// The version of Clerk's API that answers are read as.
const API_VERSION: &str = "2025-11-10";
/// The longest wait for an answer; a visitor's widget waits, too.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// How long it is believed that an organisation exists, in milliseconds.
const KNOWN_MS: f64 = 5.0 * 60_000.0;
/// How long it is believed that an organisation does not exist, in milliseconds: somebody may just be making it.
const UNKNOWN_MS: f64 = 30_000.0;
/// How long an organisation is still taken to exist while Clerk cannot be asked, in milliseconds.
const STALE_MS: f64 = 24.0 * 3_600_000.0;
/// How many organisations are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Longest id that Clerk is asked about, in bytes.
const ID_LENGTH_MAX: usize = 128;

/// What is known about an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It exists.
    Known,
    /// It does not.
    Unknown,
    /// There is no Clerk to ask: the deployment's own data decides.
    Local,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Organizations {
    /// By id: whether it exists, and when Clerk said so, in milliseconds since the epoch.
    remembered: Mutex<HashMap<String, (bool, f64)>>,
}

/// Clerk's backend API.
#[derive(Clone)]
pub struct Clerk {
    services: Services,
    url: String,
    secret_key: String,
}

impl std::fmt::Debug for Clerk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clerk").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Whether the organisation is built in.
pub fn is_built_in(organization_id: &str) -> bool {
    organization_id == DEMO_ORGANIZATION
}

/// What can be an id at Clerk; everything else would be another path of its API.
fn is_id(text: &str) -> bool {
    (1..=ID_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl Organizations {
    /// Whether an organisation exists, as of `now_ms` (milliseconds since the epoch).
    ///
    /// # Errors
    /// `SERVICE_FAILED` if Clerk cannot be asked and did not say so lately.
    pub async fn existence(&self, clerk: Option<&Clerk>, id: &str, now_ms: f64) -> Result<Existence> {
        let Some(clerk) = clerk else {
            return Ok(if is_built_in(id) { Existence::Known } else { Existence::Local });
        };
        let existence = |exists| if exists { Existence::Known } else { Existence::Unknown };
        if !is_id(id) {
            return Ok(Existence::Unknown);
        }
        let remembered = self.remembered.lock().get(id).copied();
        if let Some((exists, at)) = remembered
            && (0.0..if exists { KNOWN_MS } else { UNKNOWN_MS }).contains(&(now_ms - at))
        {
            return Ok(existence(exists));
        }
        match clerk.has_organization(id).await {
            Ok(exists) => {
                self.remember(id, exists, now_ms);
                Ok(existence(exists))
            }
            Err(failure) => match remembered {
                Some((true, at)) if now_ms - at < STALE_MS => {
                    drop(failure.into_error());
                    Ok(Existence::Known)
                }
                _ => Err(failure.into_error()),
            },
        }
    }

    fn remember(&self, id: &str, exists: bool, now_ms: f64) {
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX && !remembered.contains_key(id) {
            remembered.retain(|_, (exists, at)| *exists && now_ms - *at < KNOWN_MS);
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
        }
        remembered.insert(id.to_owned(), (exists, now_ms));
    }
}

impl Clerk {
    /// Clerk as the settings have it; `None` without a key.
    ///
    /// # Errors
    /// If a setting cannot be read.
    pub fn of(services: &Services, settings: &mut Settings<'_>) -> Result<Option<Self>> {
        let Some(secret_key) = settings.get("CLERK_SECRET_KEY")? else { return Ok(None) };
        let url = settings.get("CLERK_API_URL")?.unwrap_or_else(|| API_URL.to_owned());
        Ok(Some(Self { services: services.clone(), url, secret_key }))
    }

    fn request(&self, method: Method, id: &str) -> Result<Request<'_>, ServiceFailure> {
        let url = format!("{}/v1/organizations/{id}", self.url.trim_end_matches('/'));
        let request = Request::new(&self.services, SERVICE, method, &url);
        let request = request
            .map_err(|error| ServiceFailure::new(SERVICE, FailureKind::Unreachable, error.message()))?;
        Ok(request.bearer(&self.secret_key).header("clerk-api-version", API_VERSION).within(ANSWER_TIMEOUT))
    }

    async fn has_organization(&self, id: &str) -> Result<bool, ServiceFailure> {
        match self.request(Method::GET, id)?.fetch_json().await {
            Ok(answer) => match answer.get("id").and_then(Json::as_str) {
                // Clerk also finds organisations by their slugs, which are not their ids.
                Some(found) => Ok(found == id),
                None => Err(ServiceFailure::new(SERVICE, FailureKind::Unusable, "it is no organization")),
            },
            Err(failure) if failure.kind == FailureKind::Refused(404) => Ok(false),
            Err(mut failure) => {
                failure.detail = failure.detail.replace(&self.secret_key, "[secret]");
                Err(failure)
            }
        }
    }

    /// Sets how many members an organisation may have.
    ///
    /// # Errors
    /// `SERVICE_FAILED`.
    pub async fn allow_members(&self, id: &str, count: u32) -> Result<()> {
        let change = async {
            if !is_id(id) {
                return Err(ServiceFailure::new(SERVICE, FailureKind::Refused(404), "no such organization"));
            }
            let request = self.request(Method::PATCH, id)?.json(&json!({"max_allowed_memberships": count}));
            request.send().await.map(drop)
        };
        change.await.map_err(ServiceFailure::into_error)
    }
}

pub(crate) fn status(settings: &mut Settings<'_>) -> Result<ServiceStatus> {
    let has_key = settings.get("CLERK_SECRET_KEY")?.is_some();
    let url = settings.get("CLERK_API_URL")?.unwrap_or_else(|| API_URL.to_owned());
    Ok(if has_key {
        ServiceStatus::real("organizations", format!("Clerk at {url}"))
    } else {
        ServiceStatus::embedded("organizations", "the demo organization, and those that set up their widget")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_not_asked_about() {
        for id in ["org_2abcDEF", "a", "my-org", &"a".repeat(128)] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "..", "../users", "a/b", "a?b", "a b", "ä", "a%2e", &"a".repeat(129)] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let organizations = Organizations::default();
        for number in 0..REMEMBERED_MAX + 10 {
            organizations.remember(&number.to_string(), number % 2 == 0, 0.0);
        }
        let count = organizations.remembered.lock().len();
        assert!(count <= REMEMBERED_MAX, "{count}");
        for number in 0..2 * REMEMBERED_MAX {
            organizations.remember(&format!("more {number}"), true, 1.0);
        }
        assert!(organizations.remembered.lock().len() <= REMEMBERED_MAX);
    }
}
