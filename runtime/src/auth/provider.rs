//! Who may vouch for users: the providers of `auth.config.ts`, as JSON (`{"domain","applicationID"}` for OpenID
//! Connect, `{"type":"customJwt","issuer","jwks","algorithm","applicationID"}` otherwise).
//!
//! Deliberately absent: evaluating `auth.config.ts` itself; this module is handed its result.

use std::fmt;

use reqwest::Url;
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};

/// The signature algorithms a custom JWT provider can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CustomAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl CustomAlgorithm {
    /// The name in configurations and token headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// An OpenID Connect provider: its keys are found by discovery.
    Oidc {
        /// The issuer's URL, without a trailing slash.
        domain: String,
        /// The audience its tokens must have.
        application_id: String,
    },
    /// Any issuer of JSON web tokens with a key set.
    CustomJwt {
        /// The issuer's URL, without a trailing slash.
        issuer: String,
        /// Where the key set is: an http(s) or `data:` URI.
        jwks: String,
        /// The only algorithm accepted.
        algorithm: CustomAlgorithm,
        /// The audience its tokens must have; any if absent.
        application_id: Option<String>,
    },
}

impl Provider {
    /// Reads one provider.
    ///
    /// # Errors
    /// `InvalidProviderDomainUrl` for a URL that is none, `InvalidAuthConfig` for everything else.
    pub fn from_json(json: &Json) -> Result<Self> {
        let Json::Object(fields) = json else {
            return Err(invalid("Every auth provider must be an object."));
        };
        match fields.get("type").and_then(Json::as_str) {
            Some("customJwt") => Ok(Self::CustomJwt {
                issuer: issuer_url(text(fields, "issuer")?)?,
                jwks: jwks_url(text(fields, "jwks")?)?,
                algorithm: match text(fields, "algorithm")? {
                    "RS256" => CustomAlgorithm::Rs256,
                    "ES256" => CustomAlgorithm::Es256,
                    other => {
                        return Err(invalid(&format!(
                            "Auth provider algorithm \"{other}\" is not supported. Use \"RS256\" or \"ES256\"."
                        )));
                    }
                },
                application_id: match fields.get("applicationID") {
                    None | Some(Json::Null) => None,
                    Some(_) => Some(text(fields, "applicationID")?.to_owned()),
                },
            }),
            None | Some("oidc") => Ok(Self::Oidc {
                domain: issuer_url(text(fields, "domain")?)?,
                application_id: text(fields, "applicationID")?.to_owned(),
            }),
            Some(other) => Err(invalid(&format!(
                "Auth provider type \"{other}\" is unknown. Use \"customJwt\", or leave it out for OpenID Connect."
            ))),
        }
    }

    /// Reads a list of providers; the same one twice is refused.
    ///
    /// # Errors
    /// See [`Self::from_json`].
    pub fn list_from_json(json: &[Json]) -> Result<Vec<Self>> {
        let providers = json.iter().map(Self::from_json).collect::<Result<Vec<_>>>()?;
        for (index, provider) in providers.iter().enumerate() {
            if providers[..index].contains(provider) {
                return Err(invalid(&format!(
                    "Auth provider {provider} is configured twice. Remove one of them."
                )));
            }
        }
        Ok(providers)
    }

    /// The provider as [`Self::from_json`] reads it.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Oidc { domain, application_id } => {
                json!({"domain": domain, "applicationID": application_id})
            }
            Self::CustomJwt { issuer, jwks, algorithm, application_id } => json!({
                "type": "customJwt",
                "issuer": issuer,
                "jwks": jwks,
                "algorithm": algorithm.name(),
                "applicationID": application_id,
            }),
        }
    }

    /// The issuer's URL, without a trailing slash.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Oidc { domain, .. } => domain,
            Self::CustomJwt { issuer, .. } => issuer,
        }
    }

    /// The audience tokens must have.
    pub fn application_id(&self) -> Option<&str> {
        match self {
            Self::Oidc { application_id, .. } => Some(application_id),
            Self::CustomJwt { application_id, .. } => application_id.as_deref(),
        }
    }

    /// Whether a token with this issuer and these audiences is this provider's to vouch for.
    pub(super) fn matches(&self, issuer: &str, audiences: &[&str]) -> bool {
        self.is_issuer(issuer) && self.application_id().is_none_or(|id| audiences.contains(&id))
    }

    /// Whether the `iss` of a token names this provider: a missing scheme is https, a trailing slash is ignored.
    pub(super) fn is_issuer(&self, issuer: &str) -> bool {
        let trimmed = issuer.strip_suffix('/').unwrap_or(issuer);
        if issuer.contains("://") {
            trimmed == self.issuer()
        } else {
            self.issuer().strip_prefix("https://") == Some(trimmed)
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oidc { domain, application_id } => {
                write!(f, "OIDC(domain={domain}, app_id={application_id})")
            }
            Self::CustomJwt { issuer, application_id, .. } => {
                write!(
                    f,
                    "CustomJWT(issuer={issuer}, app_id={})",
                    application_id.as_deref().unwrap_or("none")
                )
            }
        }
    }
}

fn invalid(message: &str) -> Error {
    Error::bad_request("InvalidAuthConfig", message)
}

fn text<'a>(fields: &'a Map<String, Json>, name: &str) -> Result<&'a str> {
    fields
        .get(name)
        .and_then(Json::as_str)
        .ok_or_else(|| invalid(&format!("Auth provider field \"{name}\" is missing or not a string.")))
}

/// An issuer's URL in the one form it is kept and compared in: with a scheme, without a trailing slash.
fn issuer_url(text: &str) -> Result<String> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else if looks_like_a_host(text) {
        format!("https://{text}")
    } else {
        return Err(invalid_url(text, "it must be a URL or the name of a host"));
    };
    check_web_url(&with_scheme).map_err(|reason| invalid_url(text, reason))?;
    Ok(with_scheme.strip_suffix('/').map_or_else(|| with_scheme.clone(), str::to_owned))
}

fn jwks_url(text: &str) -> Result<String> {
    if !text.starts_with("data:") {
        check_web_url(text).map_err(|reason| invalid_url(text, reason))?;
    }
    Ok(text.to_owned())
}

fn invalid_url(text: &str, reason: &str) -> Error {
    Error::bad_request("InvalidProviderDomainUrl", format!("Invalid auth provider URL {text:?}: {reason}."))
}

fn check_web_url(text: &str) -> Result<(), &'static str> {
    if text.starts_with(['"', '\'']) {
        return Err("it must not be in quotes");
    }
    let url = Url::parse(text).map_err(|_| "it cannot be read as a URL")?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("it must start with https:// or http://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it has no host");
    }
    Ok(())
}

/// Whether a text without a scheme starts like `auth.example.com` or `localhost:3000`.
fn looks_like_a_host(text: &str) -> bool {
    let host = text.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let top = host.rsplit_once('.').map(|(_, top)| top);
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && (host == "localhost"
            || top.is_some_and(|top| top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_read_and_written() -> Result<()> {
        for (given, kept) in [
            (
                json!({"domain": "https://i.example", "applicationID": "a"}),
                json!({"domain": "https://i.example", "applicationID": "a"}),
            ),
            (
                json!({"domain": "i.example.com/tenant/", "applicationID": "a"}),
                json!({"domain": "https://i.example.com/tenant", "applicationID": "a"}),
            ),
            (
                json!({"domain": "http://127.0.0.1:9000", "applicationID": "a"}),
                json!({"domain": "http://127.0.0.1:9000", "applicationID": "a"}),
            ),
            (
                json!({"domain": "localhost:3000", "applicationID": "a"}),
                json!({"domain": "https://localhost:3000", "applicationID": "a"}),
            ),
            (
                json!({"type": "customJwt", "issuer": "https://i.example/", "jwks": "https://i.example/k",
                       "algorithm": "ES256"}),
                json!({"type": "customJwt", "issuer": "https://i.example", "jwks": "https://i.example/k",
                       "algorithm": "ES256", "applicationID": null}),
            ),
            (
                json!({"type": "customJwt", "issuer": "https://i.example", "jwks": "data:,x", "algorithm": "RS256",
                       "applicationID": "a"}),
                json!({"type": "customJwt", "issuer": "https://i.example", "jwks": "data:,x", "algorithm": "RS256",
                       "applicationID": "a"}),
            ),
        ] {
            let provider = Provider::from_json(&given)?;
            assert_eq!(provider.to_json(), kept);
            assert_eq!(Provider::from_json(&kept)?, provider);
        }
        Ok(())
    }

    #[test]
    fn urls_must_be_web_urls() {
        for domain in [
            "\"https://i.example\"",
            "\"i.example",
            "ftp://i.example",
            "https://",
            "nonsense",
            "",
            "1.2.3.4",
            "undefined",
            "mailto:a@b.example",
            "a b.example",
        ] {
            let error = Provider::from_json(&json!({"domain": domain, "applicationID": "a"}))
                .expect_err("must be refused");
            assert_eq!(error.code(), "InvalidProviderDomainUrl", "{domain}");
        }
    }

    #[test]
    fn other_mistakes_are_named() {
        for (provider, fragment) in [
            (json!("x"), "must be an object"),
            (json!({"applicationID": "a"}), "\"domain\" is missing"),
            (json!({"domain": "https://i.example"}), "\"applicationID\" is missing"),
            (json!({"type": "saml"}), "\"saml\" is unknown"),
            (
                json!({"type": "customJwt", "issuer": "https://i.example", "jwks": "data:,", "algorithm": "HS256"}),
                "\"HS256\" is not supported",
            ),
            (
                json!({"type": "customJwt", "issuer": "https://i.example", "jwks": "data:,", "algorithm": "none"}),
                "\"none\" is not supported",
            ),
        ] {
            let error = Provider::from_json(&provider).expect_err("must be refused");
            assert_eq!(error.code(), "InvalidAuthConfig");
            assert!(error.message().contains(fragment), "{error}");
        }
        let twice = [
            json!({"domain": "https://i.example", "applicationID": "a"}),
            json!({"domain": "i.example/", "applicationID": "a"}),
        ];
        let error = Provider::list_from_json(&twice).expect_err("must be refused");
        assert!(error.message().contains("configured twice"), "{error}");
    }

    #[test]
    fn issuer_and_audience_decide_whose_a_token_is() -> Result<()> {
        let oidc = Provider::from_json(&json!({"domain": "https://i.example/", "applicationID": "a"}))?;
        assert!(oidc.matches("https://i.example", &["a"]));
        assert!(oidc.matches("https://i.example/", &["b", "a"]));
        assert!(oidc.matches("i.example", &["a"]));
        assert!(!oidc.matches("http://i.example", &["a"]));
        assert!(!oidc.matches("https://i.example", &["b"]));
        assert!(!oidc.matches("https://i.example", &[]));
        assert!(!oidc.matches("https://i.example.evil", &["a"]));
        let custom = Provider::from_json(
            &json!({"type": "customJwt", "issuer": "http://i.example", "jwks": "data:,", "algorithm": "RS256"}),
        )?;
        assert!(custom.matches("http://i.example", &[]));
        assert!(!custom.matches("i.example", &[]));
        Ok(())
    }
}
