//! [`DevIssuer`]: an OpenID Connect issuer inside the server, for development: signed tokens for a demo operator, so
//! that functions which need a signed-in member of an organisation work without an outside account.
//!
//! Deliberately absent: anything for production. Whoever reaches it gets a token, so the composition root mounts it
//! in `dev` alone.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::key_set::discovery_document;
use super::provider::Provider;
use super::secrets::{Purpose, Secrets, encode_hex};
use crate::error::{Error, Result};

/// The audience of its tokens.
pub const DEV_AUDIENCE: &str = "convex";
/// The subject of the demo operator.
pub const DEMO_USER: &str = "user_demo";
/// The organisation of the demo operator.
pub const DEMO_ORGANIZATION: &str = "org_demo";
/// How long its tokens are valid, in seconds.
pub const DEV_TOKEN_LIFETIME: u64 = 3_600;

/// What comes before the 32-byte seed in the PKCS#8 form (RFC 8410) of an Ed25519 key.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The development issuer: see the module's documentation.
#[derive(Clone)]
pub struct DevIssuer {
    issuer: String,
    key: EncodingKey,
    key_id: String,
    public_key: Jwk,
}

impl DevIssuer {
    /// The issuer at the URL `issuer` (no trailing slash). Its key pair follows from the instance secret, so tokens
    /// survive a restart.
    ///
    /// # Errors
    /// If the key pair cannot be made.
    pub fn new(issuer: impl Into<String>, secrets: &Secrets) -> Result<Self> {
        let seed = secrets.derive(Purpose::DevelopmentIssuer);
        let key = EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &seed].concat());
        let mut public_key = Jwk::from_encoding_key(&key, Algorithm::EdDSA)
            .map_err(|error| Error::internal("the development issuer has no key pair").with_source(error))?;
        let AlgorithmParameters::OctetKeyPair(parameters) = &public_key.algorithm else {
            return Err(Error::internal("the development issuer's key is of the wrong kind"));
        };
        let key_id = encode_hex(&Sha256::digest(&parameters.x)[..8]);
        public_key.common.key_id = Some(key_id.clone());
        public_key.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { issuer: issuer.into(), key, key_id, public_key })
    }

    /// The issuer's URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The issuer as a provider, for [`super::Authenticator::with_built_in`].
    pub fn provider(&self) -> Provider {
        Provider::Oidc { domain: self.issuer.clone(), application_id: DEV_AUDIENCE.to_owned() }
    }

    /// The document at `/.well-known/openid-configuration`.
    pub fn discovery(&self) -> Json {
        discovery_document(&self.issuer, &format!("{}/.well-known/jwks.json", self.issuer), "EdDSA")
    }

    /// The key set at `/.well-known/jwks.json`.
    pub fn jwks(&self) -> Json {
        json!({"keys": [self.public_key]})
    }

    /// A token with these claims; `iss`, `aud`, `iat` and `exp` are added where they are missing.
    ///
    /// # Errors
    /// If signing fails.
    pub fn token(&self, claims: &Map<String, Json>, now_ms: f64) -> Result<String> {
        let now = (now_ms / 1_000.0) as u64;
        let mut all = claims.clone();
        for (claim, value) in [
            ("iss", json!(self.issuer)),
            ("aud", json!(DEV_AUDIENCE)),
            ("iat", json!(now)),
            ("exp", json!(now + DEV_TOKEN_LIFETIME)),
        ] {
            all.entry(claim).or_insert(value);
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &all, &self.key)
            .map_err(|error| Error::internal("a development token could not be signed").with_source(error))
    }

    /// A token for the demo operator, a member of the demo organisation.
    ///
    /// # Errors
    /// See [`Self::token`].
    pub fn demo_token(&self, now_ms: f64) -> Result<String> {
        let claims = [
            ("sub", json!(DEMO_USER)),
            ("orgId", json!(DEMO_ORGANIZATION)),
            ("name", json!("Demo Operator")),
            ("given_name", json!("Demo")),
            ("family_name", json!("Operator")),
            ("email", json!("operator@example.com")),
            ("email_verified", json!(true)),
        ];
        self.token(&claims.into_iter().map(|(claim, value)| (claim.to_owned(), value)).collect(), now_ms)
    }
}

impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
