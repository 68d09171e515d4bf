//! [`Request`]: one call of an outside service over HTTP, repeated where that can help.
//!
//! Repeated are calls without any answer, and answers with the statuses 429 and 5xx: after the time the server
//! asks for (`retry-after`, in seconds or as a date), or else after a delay that doubles, with some randomness so
//! that many callers do not come back at once. An answer that has begun is never asked for again.

use std::time::Duration;

use fusion_runtime::clock::{Clock as _, SystemClock, random_bytes};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value as Json;

use super::{FailureKind, Patience, ServiceFailure, Services};
use fusion_runtime::Result;

/// The largest answer that is read, in bytes.
const ANSWER_SIZE_MAX: usize = 64 << 20;
/// How much of an error's answer is read, in bytes.
const ERROR_SIZE_MAX: usize = 64 << 10;

/// A call that can be sent several times.
#[derive(Debug)]
pub struct Request<'a> {
    service: &'static str,
    patience: &'a Patience,
    /// The longest wait for an answer, if it is to be shorter than usual.
    limit: Option<Duration>,
    builder: RequestBuilder,
}

impl<'a> Request<'a> {
    /// A call of `service`, named as in a sentence: `the language model`.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub fn new(services: &'a Services, service: &'static str, method: Method, url: &str) -> Result<Self> {
        let builder = services.http()?.request(method, url);
        Ok(Self { service, patience: services.patience(), limit: None, builder })
    }

    /// Waits no longer than this for an answer: for calls that are quick where all is well.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    fn limited(&self, usual: Duration) -> Duration {
        self.limit.map_or(usual, |limit| limit.min(usual))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Proves who calls by a key.
    #[must_use]
    pub fn bearer(mut self, key: &str) -> Self {
        self.builder = self.builder.bearer_auth(key);
        self
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(mut self, body: &Json) -> Self {
        self.builder = self.builder.json(body);
        self
    }

    fn failure(&self, kind: FailureKind, detail: &str) -> ServiceFailure {
        ServiceFailure::new(self.service, kind, detail)
    }

    fn transport_failure(&self, error: &reqwest::Error) -> ServiceFailure {
        if error.is_timeout() {
            return self.failure(FailureKind::TimedOut, "");
        }
        if error.is_builder() {
            return self
                .failure(FailureKind::Unreachable, "its URL or key cannot be used; check the settings");
        }
        self.failure(FailureKind::Unreachable, "")
    }

    /// Sends it until it is answered with success.
    ///
    /// # Errors
    /// How the last attempt failed.
    pub async fn send(&self) -> Result<Response, ServiceFailure> {
        let mut attempt = 0;
        loop {
            let (failure, wanted) = match self.send_once().await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let passes = match failure.kind {
                FailureKind::Unreachable => true,
                FailureKind::Refused(status) => status == 429 || status >= 500,
                // The same question would take as long again.
                FailureKind::TimedOut | FailureKind::Unusable => false,
            };
            let delay = wanted.unwrap_or_else(|| self.backoff(attempt));
            if !passes || attempt == self.patience.retries || delay > self.patience.retry_delay_max {
                return Err(failure);
            }
            attempt += 1;
            tokio::time::sleep(delay).await;
        }
    }

    /// The failure, and after which time the server wants to be asked again.
    async fn send_once(&self) -> Result<Response, (ServiceFailure, Option<Duration>)> {
        let Some(builder) = self.builder.try_clone() else {
            return Err((self.failure(FailureKind::Unreachable, "the request cannot be sent"), None));
        };
        let sending = tokio::time::timeout(self.limited(self.patience.silence), builder.send());
        let response = match sending.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err((self.transport_failure(&error), None)),
            Err(_) => return Err((self.failure(FailureKind::TimedOut, ""), None)),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let wanted = retry_after(response.headers());
        let body = self.read(response, ERROR_SIZE_MAX).await.unwrap_or_default();
        Err((self.failure(FailureKind::Refused(status.as_u16()), &error_text(&body, status)), wanted))
    }

    fn backoff(&self, attempt: u32) -> Duration {
        let [random] = random_bytes::<1>();
        let delay = self.patience.retry_delay.saturating_mul(2_u32.saturating_pow(attempt));
        // Between 75 and 125 per cent.
        delay.min(self.patience.retry_delay_max / 2).mul_f64(0.75 + f64::from(random) / 512.0)
    }

    /// The next part of an answer; `None` at its end.
    ///
    /// # Errors
    /// If the server falls silent or the connection breaks.
    pub async fn next_part(&self, response: &mut Response) -> Result<Option<bytes::Bytes>, ServiceFailure> {
        match tokio::time::timeout(self.limited(self.patience.silence), response.chunk()).await {
            Ok(Ok(part)) => Ok(part),
            Ok(Err(error)) => Err(self.transport_failure(&error)),
            Err(_) => Err(self.failure(FailureKind::TimedOut, "")),
        }
    }

    async fn read(&self, mut response: Response, size_max: usize) -> Result<Vec<u8>, ServiceFailure> {
        let mut body = Vec::new();
        while let Some(part) = self.next_part(&mut response).await? {
            if body.len() + part.len() > size_max {
                return Err(self.failure(FailureKind::Unusable, "it is too long"));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// Sends it and reads the answer as JSON.
    ///
    /// # Errors
    /// How the last attempt failed; `Unusable` if the answer is no JSON.
    pub async fn fetch_json(&self) -> Result<Json, ServiceFailure> {
        let fetching = async {
            let response = self.send().await?;
            let body = self.read(response, ANSWER_SIZE_MAX).await?;
            serde_json::from_slice(&body).map_err(|_| self.failure(FailureKind::Unusable, "it is no JSON"))
        };
        match tokio::time::timeout(self.limited(self.patience.answer), fetching).await {
            Ok(result) => result,
            Err(_) => Err(self.failure(FailureKind::TimedOut, "")),
        }
    }
}

/// What an error's answer says: the usual places for a message, else nothing; whole pages are for nobody.
fn error_text(body: &[u8], status: StatusCode) -> String {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let places = [
        json.pointer("/error/message"),
        json.pointer("/errors/0/long_message"),
        json.pointer("/errors/0/message"),
        json.pointer("/message"),
        json.pointer("/error"),
    ];
    let text = places.into_iter().flatten().find_map(Json::as_str);
    text.or(status.canonical_reason()).unwrap_or_default().to_owned()
}

/// After which time a server wants to be asked again.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let due = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(due.saturating_sub(Duration::from_nanos(SystemClock.unix_ns())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_when_to_come_back() {
        let after = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(after("2"), Some(Duration::from_secs(2)));
        assert_eq!(after("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(after("Wed, 21 Oct 2099 07:28:00 GMT").unwrap() > Duration::from_secs(1 << 30));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-1"), None);
    }

    #[test]
    fn the_message_of_an_error_is_found() {
        let text = |body: &str| error_text(body.as_bytes(), StatusCode::BAD_GATEWAY);
        assert_eq!(text(r#"{"error":{"message":"No such model","code":404}}"#), "No such model");
        assert_eq!(text(r#"{"error":"model not found"}"#), "model not found");
        assert_eq!(text(r#"{"errors":[{"message":"gone"}]}"#), "gone");
        assert_eq!(text("<html>long page</html>"), "Bad Gateway");
    }
}
