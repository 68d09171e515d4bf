//! Reading and checking one JSON web token, given the keys of its issuer.
//!
//! Deliberately absent: where keys come from (`key_set`), and HMAC: a shared secret cannot be published, so no
//! provider uses one, and accepting it would let a public key pass as the secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value as Json};

use super::identity::check_expiry;
use super::provider::{CustomAlgorithm, Provider};
use crate::error::{Error, Result};

/// How far in the future a token may start to be valid, for clocks that differ, in seconds.
const CLOCK_SKEW: f64 = 5.0;
/// The longest token that is looked at, in bytes.
const TOKEN_LENGTH_MAX: usize = 64 << 10;
/// The shortest RSA modulus accepted, in bytes.
const RSA_MODULUS_LENGTH_MIN: usize = 256;

/// A token that was taken apart. Nothing in it is verified.
#[derive(Debug)]
pub(super) struct Token<'a> {
    text: &'a str,
    header: Map<String, Json>,
    claims: Map<String, Json>,
}

/// The error of a token that cannot be accepted.
pub(super) fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::unauthenticated("InvalidAuthHeader", format!("Could not verify token: {reason}"))
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let malformed = || {
            Error::unauthenticated(
                "InvalidAuthHeader",
                "Could not read token: it must be a JWT, three base64-encoded parts separated by dots. Check that \
                 the client sends the token itself.",
            )
        };
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        if text.len() > TOKEN_LENGTH_MAX {
            return Err(invalid(format!("it is longer than {TOKEN_LENGTH_MAX} bytes.")));
        }
        let part = |text: &str| -> Option<Map<String, Json>> {
            serde_json::from_slice(&BASE64URL.decode(text.trim_end_matches('=')).ok()?).ok()
        };
        let (Some(header), Some(claims)) = (part(header), part(claims)) else {
            return Err(malformed());
        };
        Ok(Self { text, header, claims })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Json::as_str)
    }

    fn number(&self, claim: &str) -> Option<f64> {
        self.claims.get(claim).and_then(Json::as_f64)
    }

    /// Who claims to have made the token.
    pub(super) fn issuer(&self) -> Result<&str> {
        self.claims
            .get("iss")
            .and_then(Json::as_str)
            .ok_or_else(|| invalid("its claim 'iss' is missing or not a string."))
    }

    /// Whom it claims to be for.
    pub(super) fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Json::String(audience)) => vec![audience],
            Some(Json::Array(audiences)) => audiences.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The algorithm it claims to be signed with, if `provider` accepts it.
    pub(super) fn algorithm(&self, provider: &Provider) -> Result<Algorithm> {
        let name = self.header("alg").unwrap_or("none");
        let algorithm = match (provider, name) {
            (Provider::Oidc { .. }, "RS256") => Algorithm::RS256,
            (Provider::Oidc { .. }, "EdDSA") => Algorithm::EdDSA,
            (Provider::CustomJwt { algorithm: CustomAlgorithm::Rs256, .. }, "RS256") => Algorithm::RS256,
            (Provider::CustomJwt { algorithm: CustomAlgorithm::Es256, .. }, "ES256") => Algorithm::ES256,
            _ => {
                let wanted = match provider {
                    Provider::Oidc { .. } => "RS256 or EdDSA",
                    Provider::CustomJwt { algorithm, .. } => algorithm.name(),
                };
                return Err(invalid(format!(
                    "its algorithm is {name:?}, but {provider} takes {wanted} only."
                )));
            }
        };
        Ok(algorithm)
    }

    /// Which key it claims to be signed with. A token of an OpenID provider need not say so, if there is only one.
    pub(super) fn key_id(&self, provider: &Provider) -> Result<Option<&str>> {
        match (self.header("kid"), provider) {
            (Some(key_id), _) => Ok(Some(key_id)),
            (None, Provider::Oidc { .. }) => Ok(None),
            (None, Provider::CustomJwt { .. }) => Err(no_key_id()),
        }
    }

    /// Checks the signature with the right key of `keys`, and the claims. The result is the verified claims and
    /// when they expire, in seconds since the Unix epoch.
    pub(super) fn verify(
        self,
        provider: &Provider,
        keys: &JwkSet,
        now_ms: f64,
    ) -> Result<(Map<String, Json>, u64)> {
        let algorithm = self.algorithm(provider)?;
        let key = match self.key_id(provider)? {
            Some(key_id) => find_key(keys, key_id, algorithm)?,
            None => only_key(keys, algorithm)?,
        };
        let key = DecodingKey::from_jwk(key)
            .map_err(|error| invalid(format!("the key of the provider is unusable: {error}.")))?;
        // Only the signature: the claims are checked below, with the engine's clock.
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode::<serde::de::IgnoredAny>(self.text, &key, &validation)
            .map_err(|_| invalid("its signature is wrong."))?;
        let expires_at = self.check_claims(provider, now_ms)?;
        Ok((self.claims, expires_at))
    }

    fn check_claims(&self, provider: &Provider, now_ms: f64) -> Result<u64> {
        if !provider.is_issuer(self.issuer()?) {
            return Err(invalid("it is from another issuer."));
        }
        if self.claims.get("sub").and_then(Json::as_str).is_none() {
            return Err(invalid("its claim 'sub' is missing or not a string."));
        }
        let audiences = self.audiences();
        let audience_is_right = match provider {
            // A token that is meant for others too could be replayed by them.
            Provider::Oidc { application_id, .. } => audiences == [application_id],
            Provider::CustomJwt { application_id: Some(id), .. } => audiences.contains(&id.as_str()),
            Provider::CustomJwt { application_id: None, .. } => true,
        };
        if !audience_is_right {
            return Err(invalid("its claim 'aud' must be the provider's applicationID."));
        }
        let expires_at = match self.number("exp") {
            // Fractions are cut off: at most a second too early. The cast saturates.
            Some(seconds) if seconds >= 0.0 => seconds as u64,
            _ => return Err(invalid("its claim 'exp' is missing or not a number.")),
        };
        check_expiry(expires_at, now_ms)?;
        let is_oidc = matches!(provider, Provider::Oidc { .. });
        if is_oidc && self.number("iat").is_none() {
            return Err(invalid("its claim 'iat' is missing or not a number."));
        }
        for (claim, checked) in [("nbf", true), ("iat", !is_oidc)] {
            let Some(start) = self.number(claim).filter(|_| checked) else { continue };
            let wait = start - now_ms / 1_000.0;
            if wait > CLOCK_SKEW {
                return Err(invalid(format!(
                    "Token is not valid yet, it will be valid in {} seconds. Check the clocks of both machines.",
                    wait.ceil()
                )));
            }
        }
        Ok(expires_at)
    }
}

fn no_key_id() -> Error {
    invalid("JWT may be missing a 'kid': its header must name the key of the provider it is signed with.")
}

/// The key a token names, if it is one for the algorithm.
fn find_key<'k>(keys: &'k JwkSet, key_id: &str, algorithm: Algorithm) -> Result<&'k Jwk> {
    let key = keys.find(key_id).ok_or_else(|| {
        invalid(format!("it is signed with the key {key_id:?}, which is not in the provider's key set."))
    })?;
    if is_for(key, algorithm) {
        return Ok(key);
    }
    Err(invalid(format!("the provider's key {key_id:?} is not one for {algorithm:?} signatures.")))
}

/// The one key for such signatures.
fn only_key(keys: &JwkSet, algorithm: Algorithm) -> Result<&Jwk> {
    let mut fitting = keys.keys.iter().filter(|key| is_for(key, algorithm));
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(no_key_id()),
    }
}

/// Whether a key is good for such signatures.
fn is_for(key: &Jwk, algorithm: Algorithm) -> bool {
    let fits = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256) => BASE64URL
            .decode(rsa.n.trim_end_matches('='))
            .is_ok_and(|modulus| modulus.len() >= RSA_MODULUS_LENGTH_MIN),
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(okp), Algorithm::EdDSA) => okp.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let algorithm_agrees =
        key.common.key_algorithm.is_none_or(|declared| declared == KeyAlgorithm::from(algorithm));
    fits && algorithm_agrees && !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
}
