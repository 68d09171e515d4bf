//! [`Voice`]: the assistants and telephone numbers an organisation has at Vapi.
//!
//! Every organisation has keys of its own, so there is no setting that switches Vapi on: it is asked with whatever
//! keys the organisation connected. Keys that begin with `demo` are of the directory that is built in.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use fusion_runtime::Result;
use fusion_schema::names::check_field_name;
use fusion_schema::{Object, Typed, Value, object};
use reqwest::Method;
use serde_json::Value as Json;

use super::http::Request;
use super::{FailureKind, ServiceFailure, ServiceStatus, Services, Settings};

const SERVICE: &str = "Vapi";
/// Where Vapi is, unless the environment variable `VAPI_API_URL` says otherwise.
const API_URL: &str = "https://api.vapi.ai";
/// The longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// What the keys of the built-in directory begin with.
const DEMO_PREFIX: &str = "demo";
/// How deep the objects of an answer may nest; values of functions may not nest deeper than 64.
const NESTING_MAX: usize = 32;

/// An organisation's keys for Vapi, as they are kept in secret. Clients give them in this form.
#[derive(Clone, PartialEq, Eq, Typed)]
pub struct VapiKeys {
    /// May be known to everybody: the widget calls with it.
    pub public_api_key: String,
    /// Must never leave the server.
    pub private_api_key: String,
}

impl std::fmt::Debug for VapiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VapiKeys")
    }
}

impl VapiKeys {
    /// The keys as the text that is kept in secret.
    pub fn to_secret(&self) -> String {
        serde_json::json!({"publicApiKey": self.public_api_key, "privateApiKey": self.private_api_key})
            .to_string()
    }

    /// Reads a secret; `None` if it is no JSON. What it lacks is empty.
    pub fn from_secret(secret: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(secret).ok()?;
        let key = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        Some(Self { public_api_key: key("publicApiKey"), private_api_key: key("privateApiKey") })
    }

    /// Whether both keys are there.
    pub const fn are_complete(&self) -> bool {
        !self.public_api_key.is_empty() && !self.private_api_key.is_empty()
    }
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceResource {
    /// Assistants that take calls.
    Assistants,
    /// Telephone numbers.
    PhoneNumbers,
}

impl VoiceResource {
    const fn path(self) -> &'static str {
        match self {
            Self::Assistants => "assistant",
            Self::PhoneNumbers => "phone-number",
        }
    }
}

/// Lists what an organisation has for voice calls.
pub trait Voice: Send + Sync {
    /// The objects as the service gives them.
    fn list(&self, resource: VoiceResource) -> Pin<Box<dyn Future<Output = Result<Vec<Value>>> + Send + '_>>;
}

/// The directory that these keys are for.
///
/// # Errors
/// If a setting cannot be read.
pub fn voice(services: &Services, settings: &mut Settings<'_>, keys: VapiKeys) -> Result<Box<dyn Voice>> {
    if keys.private_api_key.starts_with(DEMO_PREFIX) {
        return Ok(Box::new(DemoVoice));
    }
    let url = settings.get("VAPI_API_URL")?.unwrap_or_else(|| API_URL.to_owned());
    Ok(Box::new(Vapi { services: services.clone(), url, keys }))
}

pub(crate) fn status(settings: &mut Settings<'_>) -> Result<ServiceStatus> {
    let url = settings.get("VAPI_API_URL")?.unwrap_or_else(|| API_URL.to_owned());
    Ok(ServiceStatus::real("voice", format!("Vapi at {url}, with the keys each organization connects")))
}

/// Vapi itself.
struct Vapi {
    services: Services,
    url: String,
    keys: VapiKeys,
}

impl Vapi {
    async fn list(&self, resource: VoiceResource) -> Result<Vec<Value>> {
        let url = format!("{}/{}", self.url.trim_end_matches('/'), resource.path());
        let request = Request::new(&self.services, SERVICE, Method::GET, &url)?
            .bearer(&self.keys.private_api_key)
            .within(ANSWER_TIMEOUT);
        let answer = request.fetch_json().await.map_err(|failure| self.without_key(failure).into_error())?;
        let Json::Array(items) = answer else {
            return Err(ServiceFailure::new(SERVICE, FailureKind::Unusable, "it is no list").into_error());
        };
        Ok(items.iter().map(|item| with_documented_name(self.plain(item, 0), resource)).collect())
    }

    /// Whatever Vapi says, the private key is not repeated.
    fn without_key(&self, mut failure: ServiceFailure) -> ServiceFailure {
        failure.detail = failure.detail.replace(&self.keys.private_api_key, "[secret]");
        failure
    }

    /// JSON as a value of a function. Fields whose names no value can have are left out.
    fn plain(&self, json: &Json, depth: usize) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Boolean(*flag),
            Json::Number(number) => Value::Float64(number.as_f64().unwrap_or_default()),
            Json::String(text) => Value::String(text.replace(&self.keys.private_api_key, "[secret]")),
            Json::Array(_) | Json::Object(_) if depth == NESTING_MAX => Value::Null,
            Json::Array(items) => {
                items.iter().map(|item| self.plain(item, depth + 1)).collect::<Vec<_>>().into()
            }
            Json::Object(fields) => {
                let usable =
                    |name: &str| check_field_name(name).is_ok() && !name.contains(&self.keys.private_api_key);
                let fields = fields.iter().filter(|(name, _)| usable(name));
                let object: Object =
                    fields.map(|(name, value)| (name.clone(), self.plain(value, depth + 1))).collect();
                object.into()
            }
        }
    }
}

/// The documented shape of a telephone number has `phoneNumber`, which Vapi calls `number`.
fn with_documented_name(mut item: Value, resource: VoiceResource) -> Value {
    if let Value::Object(fields) = &mut item
        && resource == VoiceResource::PhoneNumbers
        && !fields.contains("phoneNumber")
        && let Some(number) = fields.get("number").cloned()
    {
        fields.insert("phoneNumber", number);
    }
    item
}

impl Voice for Vapi {
    fn list(&self, resource: VoiceResource) -> Pin<Box<dyn Future<Output = Result<Vec<Value>>> + Send + '_>> {
        Box::pin(self.list(resource))
    }
}

/// The built-in directory: one assistant and one number.
struct DemoVoice;

impl Voice for DemoVoice {
    fn list(&self, resource: VoiceResource) -> Pin<Box<dyn Future<Output = Result<Vec<Value>>> + Send + '_>> {
        let item = match resource {
            VoiceResource::Assistants => object! {
                "id" => "demo-assistant",
                "name" => "Demo assistant",
                "firstMessage" => "Hello, how can I help you?",
                "model" => object! { "provider" => "fusion", "model" => "scripted" },
            },
            VoiceResource::PhoneNumbers => object! {
                "id" => "demo-number",
                "name" => "Demo number",
                "number" => "+15550100",
                "status" => "active",
            },
        };
        Box::pin(async move { Ok(vec![with_documented_name(item.into(), resource)]) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_being_kept_and_a_secret_may_be_damaged() {
        let keys = VapiKeys { public_api_key: "pub".to_owned(), private_api_key: "pri\"v".to_owned() };
        assert_eq!(VapiKeys::from_secret(&keys.to_secret()), Some(keys));
        assert_eq!(VapiKeys::from_secret("no json"), None);
        for secret in
            ["{}", "[]", "7", r#"{"publicApiKey":7,"privateApiKey":"x"}"#, r#"{"publicApiKey":"x"}"#]
        {
            assert!(!VapiKeys::from_secret(secret).unwrap().are_complete(), "{secret}");
        }
    }

    #[test]
    fn an_answer_becomes_a_value_without_the_key() {
        let keys = VapiKeys { public_api_key: "pub".to_owned(), private_api_key: "pri".to_owned() };
        let vapi = Vapi { services: Services::default(), url: String::new(), keys };
        let mut deep =
            serde_json::json!({"a": [1, null, true, "x pri x"], "$b": 1, "ü": 2, "_c": 3, "pri": 4});
        assert_eq!(
            vapi.plain(&deep, 0),
            object! { "_c" => 3.0, "a" => vec![Value::from(1.0), Value::Null, true.into(), "x [secret] x".into()] }.into()
        );
        for _ in 0..100 {
            deep = serde_json::json!([deep]);
        }
        assert!(vapi.plain(&deep, 0).nesting() <= NESTING_MAX + 1);
    }
}
