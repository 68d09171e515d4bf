//! [`SigningKey`]: the deployment's own key, with which mutations sign tokens (`ctx.auth.signJwt`) that others verify by
//! the public half at `/.well-known/jwks.json`.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::secrets::{Purpose, Secrets, encode_hex};
use crate::error::{Error, Result};

/// The longest that a token may be valid, in seconds.
const LIFETIME_MAX: f64 = 3_600.0;
/// Claims that the server sets, or that nobody may set.
const RESERVED: [&str; 4] = ["iss", "iat", "exp", "nbf"];
/// What names of claims may not begin with, in any case.
const RESERVED_PREFIXES: [&str; 2] = ["convex", "cvx"];

/// See the module's documentation.
pub struct SigningKey {
    key: EncodingKey,
    key_id: String,
    public_key: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The key that follows from the instance secret, so that tokens survive a restart.
    ///
    /// # Errors
    /// If the key pair cannot be made.
    pub fn new(secrets: &Secrets) -> Result<Self> {
        let failed =
            |what: &str| Error::internal(format!("the deployment has no key to sign tokens: {what}"));
        // Nearly every number is a key; the first one that is.
        let secret = (0..=u8::MAX)
            .find_map(|n| p256::SecretKey::from_slice(&secrets.tag(Purpose::TokenSigning, &[&[n]])).ok())
            .ok_or_else(|| failed("no number is one"))?;
        let der = secret.to_pkcs8_der().map_err(|error| failed(&error.to_string()))?;
        // Despite its name it takes PKCS#8, too.
        let key = EncodingKey::from_ec_der(der.as_bytes());
        let mut public_key =
            Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|error| failed(&error.to_string()))?;
        let AlgorithmParameters::EllipticCurve(parameters) = &public_key.algorithm else {
            return Err(failed("it is of the wrong kind"));
        };
        let key_id = encode_hex(&Sha256::digest(&parameters.x)[..8]);
        public_key.common.key_id = Some(key_id.clone());
        public_key.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, key_id, public_key })
    }

    /// The key set at `/.well-known/jwks.json`.
    pub fn jwks(&self) -> Json {
        json!({"keys": [self.public_key]})
    }

    /// A token with these claims, issued now by `issuer`.
    ///
    /// # Errors
    /// `InvalidJwtOptions` for a claim that may not be set, or a lifetime of less than a second or more than an hour.
    pub fn sign(
        &self,
        issuer: &str,
        claims: Map<String, Json>,
        expires_in_seconds: f64,
        now_ms: f64,
    ) -> Result<String> {
        let invalid = |message: String| Error::bad_request("InvalidJwtOptions", message);
        if !(1.0..=LIFETIME_MAX).contains(&expires_in_seconds) {
            return Err(invalid(format!(
                "`expiresInSeconds` must be at least 1 and at most {LIFETIME_MAX}, not {expires_in_seconds}."
            )));
        }
        for name in claims.keys() {
            let lower = name.to_ascii_lowercase();
            if RESERVED.contains(&name.as_str())
                || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
            {
                return Err(invalid(format!("The claim `{name}` is reserved. Use another name.")));
            }
        }
        let issued = (now_ms / 1_000.0).floor() as u64;
        let mut all = claims;
        all.insert("iss".to_owned(), json!(issuer));
        all.insert("iat".to_owned(), json!(issued));
        all.insert("exp".to_owned(), json!(issued + expires_in_seconds.floor() as u64));
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &all, &self.key)
            .map_err(|error| Error::internal("a token could not be signed").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;
    use crate::auth::InstanceSecret;

    #[test]
    fn tokens_are_verified_by_the_public_key() {
        let secrets = Secrets::new(InstanceSecret::generate());
        let key = SigningKey::new(&secrets).unwrap();
        // The same after a restart.
        assert_eq!(SigningKey::new(&secrets).unwrap().jwks(), key.jwks());
        let now_ms = 1_800_000_000_500.0;
        let claims = |json: Json| json.as_object().unwrap().clone();
        let sign = |json: Json, seconds: f64| key.sign("http://cloud", claims(json), seconds, now_ms);
        let token = sign(json!({"sub": "ada", "roles": ["a", 1]}), 60.0).unwrap();
        let jwk: Jwk = serde_json::from_value(key.jwks()["keys"][0].clone()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_issuer(&["http://cloud"]);
        let found =
            jsonwebtoken::decode::<Json>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
        assert_eq!(found.header.kid, jwk.common.key_id);
        assert_eq!(
            found.claims,
            json!({"sub": "ada", "roles": ["a", 1], "iss": "http://cloud", "iat": 1_800_000_000, "exp": 1_800_000_060})
        );
        for (claims, seconds) in [
            (json!({}), 0.5),
            (json!({}), 3_601.0),
            (json!({}), f64::NAN),
            (json!({"iss": "x"}), 1.0),
            (json!({"nbf": 1}), 1.0),
            (json!({"ConvexRole": 1}), 1.0),
            (json!({"cvx": 1}), 1.0),
        ] {
            assert_eq!(sign(claims.clone(), seconds).unwrap_err().code(), "InvalidJwtOptions", "{claims}");
        }
    }
}
