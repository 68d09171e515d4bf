//! Who calls: [`Identity`], and the verified user behind it, [`UserIdentity`].
//!
//! Deliberately absent: how tokens are verified (`authenticator`) and how admin keys are checked
//! (`admin_key`). Nothing here prints a name, an address or a token: [`std::fmt::Debug`] shows the issuer only.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fusion_schema::names::check_field_name;
use fusion_schema::{Object, Value, json};
use serde_json::{Map, Value as Json};

use super::timestamp;
use crate::error::{Error, Result};

/// A standard attribute of an identity: its name, the OIDC claim it comes from, and its type.
struct Attribute {
    name: &'static str,
    claim: &'static str,
    kind: AttributeKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AttributeKind {
    Text,
    Flag,
    Time,
}

const fn attribute(name: &'static str, claim: &'static str, kind: AttributeKind) -> Attribute {
    Attribute { name, claim, kind }
}

/// The standard attributes beside `tokenIdentifier`, `subject` and `issuer`.
const ATTRIBUTES: [Attribute; 18] = [
    attribute("name", "name", AttributeKind::Text),
    attribute("givenName", "given_name", AttributeKind::Text),
    attribute("familyName", "family_name", AttributeKind::Text),
    attribute("nickname", "nickname", AttributeKind::Text),
    attribute("preferredUsername", "preferred_username", AttributeKind::Text),
    attribute("profileUrl", "profile", AttributeKind::Text),
    attribute("pictureUrl", "picture", AttributeKind::Text),
    attribute("websiteUrl", "website", AttributeKind::Text),
    attribute("email", "email", AttributeKind::Text),
    attribute("emailVerified", "email_verified", AttributeKind::Flag),
    attribute("gender", "gender", AttributeKind::Text),
    attribute("birthday", "birthdate", AttributeKind::Text),
    attribute("timezone", "zoneinfo", AttributeKind::Text),
    attribute("language", "locale", AttributeKind::Text),
    attribute("phoneNumber", "phone_number", AttributeKind::Text),
    attribute("phoneNumberVerified", "phone_number_verified", AttributeKind::Flag),
    attribute("address", "address", AttributeKind::Text),
    attribute("updatedAt", "updated_at", AttributeKind::Time),
];

/// Claims about the token, not about the user. They change on every refresh, so results keyed by the identity
/// would never be shared if they were part of it.
const TOKEN_CLAIMS: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "fva",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
];

/// A verified user: what `ctx.auth.getUserIdentity()` returns. Two are equal (and hash alike) if all their
/// attributes are; when the token expires is not an attribute.
#[derive(Clone)]
pub struct UserIdentity {
    attributes: Object,
    /// The canonical JSON of `attributes`: what equality and hashing look at.
    canonical: Box<str>,
    expires_at: Option<u64>,
}

impl UserIdentity {
    fn new(attributes: Object, expires_at: Option<u64>) -> Self {
        let canonical = json::encode(&Value::Object(attributes.clone())).into_boxed_str();
        Self { attributes, canonical, expires_at }
    }

    /// The identity an OpenID Connect token stands for. `claims` must have been verified, with `iss` and `sub`.
    ///
    /// # Errors
    /// `InvalidAuthHeader` if `iss` or `sub` is not a string.
    pub fn from_oidc(claims: &Map<String, Json>, expires_at: Option<u64>) -> Result<Self> {
        let mut attributes = subject_attributes(claims)?;
        for Attribute { name, claim, kind } in &ATTRIBUTES {
            if let Some(value) = claims.get(*claim).and_then(|value| standard_value(value, *kind)) {
                attributes.insert(*name, value);
            }
        }
        for (claim, value) in claims {
            let standard = ATTRIBUTES.iter().any(|attribute| attribute.claim == claim);
            if !standard && !TOKEN_CLAIMS.contains(&claim.as_str()) {
                insert_extra(&mut attributes, claim, value);
            }
        }
        Ok(Self::new(attributes, expires_at))
    }

    /// The identity a token of a custom JWT provider stands for: only the issuer and the subject are standard
    /// attributes, every other claim keeps its name, nested objects become dotted names. `claims` must have been
    /// verified, with `iss` and `sub`.
    ///
    /// # Errors
    /// `InvalidAuthHeader` if `iss` or `sub` is not a string.
    pub fn from_custom_jwt(claims: &Map<String, Json>, expires_at: Option<u64>) -> Result<Self> {
        const REGISTERED: [&str; 8] = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "fva"];
        let mut attributes = subject_attributes(claims)?;
        for (claim, value) in claims {
            if !REGISTERED.contains(&claim.as_str()) {
                insert_flattened(&mut attributes, claim, value);
            }
        }
        Ok(Self::new(attributes, expires_at))
    }

    /// The identity an administrator acts as: JSON with the keys of an identity. `tokenIdentifier` may be left
    /// out if `issuer` and `subject` are there.
    ///
    /// # Errors
    /// `InvalidIdentity` with a text that says which attribute is wrong or missing.
    pub fn from_impersonation_json(json: &Json) -> Result<Self> {
        let invalid = |message: String| Error::bad_request("InvalidIdentity", message);
        let Json::Object(fields) = json else {
            return Err(invalid("The identity to act as must be a JSON object.".to_owned()));
        };
        let mut attributes = Object::new();
        for (name, value) in fields {
            let kind = match name.as_str() {
                "tokenIdentifier" | "issuer" | "subject" => Some(AttributeKind::Text),
                name => {
                    ATTRIBUTES.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.kind)
                }
            };
            check_field_name(name)
                .map_err(|message| invalid(format!("The identity to act as: {message}")))?;
            let right = match kind {
                Some(AttributeKind::Text | AttributeKind::Time) => value.is_string(),
                Some(AttributeKind::Flag) => value.is_boolean(),
                None => true,
            };
            if !right {
                let wanted = if kind == Some(AttributeKind::Flag) { "a boolean" } else { "a string" };
                return Err(invalid(format!(
                    "Attribute \"{name}\" of the identity to act as must be {wanted}."
                )));
            }
            attributes.insert(name.as_str(), plain_value(value));
        }
        let text = |name: &str| attributes.get(name).and_then(Value::as_str);
        if text("tokenIdentifier").is_none() {
            let (Some(issuer), Some(subject)) = (text("issuer"), text("subject")) else {
                return Err(invalid(
                    "The identity to act as needs \"tokenIdentifier\", or \"issuer\" and \"subject\"."
                        .to_owned(),
                ));
            };
            let identifier = format!("{issuer}|{subject}");
            attributes.insert("tokenIdentifier", identifier);
        }
        Ok(Self::new(attributes, None))
    }

    /// The object `getUserIdentity()` returns.
    pub fn to_value(&self) -> Value {
        Value::Object(self.attributes.clone())
    }

    /// The attributes, by the names of [`Self::to_value`].
    pub const fn attributes(&self) -> &Object {
        &self.attributes
    }

    /// One attribute, by its name in [`Self::to_value`]: `email`, `orgId`, `address.city`.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name)
    }

    /// The identifier that is unique over all providers: `<issuer>|<subject>`.
    pub fn token_identifier(&self) -> &str {
        self.claim("tokenIdentifier").and_then(Value::as_str).unwrap_or_default()
    }

    /// The identifier of the user at the provider; empty if an impersonation left it out.
    pub fn subject(&self) -> &str {
        self.claim("subject").and_then(Value::as_str).unwrap_or_default()
    }

    /// Who vouches for the user; empty if an impersonation left it out.
    pub fn issuer(&self) -> &str {
        self.claim("issuer").and_then(Value::as_str).unwrap_or_default()
    }

    /// The canonical JSON of the attributes: equal texts are equal identities.
    pub fn canonical_json(&self) -> &str {
        &self.canonical
    }

    /// When the token stops to be valid, in seconds since the Unix epoch; `None` for an impersonation.
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// Fails once the token has expired; to be asked again wherever an identity is kept for a while.
    ///
    /// # Errors
    /// `InvalidAuthHeader` with "Token expired N seconds ago".
    pub fn check_expiry(&self, now_ms: f64) -> Result<()> {
        self.expires_at.map_or(Ok(()), |expires_at| check_expiry(expires_at, now_ms))
    }
}

/// Fails if a token with this `exp` (seconds since the Unix epoch) has expired.
pub(super) fn check_expiry(expires_at: u64, now_ms: f64) -> Result<()> {
    let late = now_ms / 1_000.0 - expires_at as f64;
    if late < 0.0 {
        return Ok(());
    }
    Err(Error::unauthenticated(
        "InvalidAuthHeader",
        format!(
            "Could not verify token: Token expired {} seconds ago. Fetch a new one and try again.",
            late.floor()
        ),
    ))
}

impl PartialEq for UserIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for UserIdentity {}

impl Hash for UserIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

impl fmt::Debug for UserIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserIdentity").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}

/// Who calls a function.
#[derive(Clone, Debug, Default)]
pub enum Identity {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user whose token was verified.
    User(Arc<UserIdentity>),
    /// The holder of the admin key, possibly acting as a user.
    Admin {
        /// The user that functions see.
        acting_as: Option<Arc<UserIdentity>>,
    },
    /// The server itself: scheduled functions, crons.
    System,
    /// A caller whose credentials could not be used. The function runs; asking for the identity fails.
    Invalid(Error),
}

impl Identity {
    /// The user that functions see, if there is one.
    ///
    /// # Errors
    /// The error of [`Identity::Invalid`].
    pub fn user(&self) -> Result<Option<&Arc<UserIdentity>>> {
        match self {
            Self::User(user) => Ok(Some(user)),
            Self::Admin { acting_as } => Ok(acting_as.as_ref()),
            Self::Anonymous | Self::System => Ok(None),
            Self::Invalid(error) => Err(error.clone()),
        }
    }

    /// Whether internal and system functions may be called.
    pub const fn is_admin(&self) -> bool {
        matches!(self, Self::Admin { .. } | Self::System)
    }

    /// Fails once the user's token has expired.
    ///
    /// # Errors
    /// See [`UserIdentity::check_expiry`].
    pub fn check_expiry(&self, now_ms: f64) -> Result<()> {
        match self {
            Self::User(user) => user.check_expiry(now_ms),
            _ => Ok(()),
        }
    }

    /// The kind of identity as the function log spells it (`identityType`).
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous | Self::Invalid(_) => "unknown",
            Self::User(_) => "user",
            Self::Admin { acting_as: None } => "instance_admin",
            Self::Admin { acting_as: Some(_) } => "member_acting_user",
            Self::System => "system",
        }
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anonymous, Self::Anonymous) | (Self::System, Self::System) => true,
            (Self::User(a), Self::User(b)) => a == b,
            (Self::Admin { acting_as: a }, Self::Admin { acting_as: b }) => a == b,
            (Self::Invalid(a), Self::Invalid(b)) => a.code() == b.code() && a.message() == b.message(),
            _ => false,
        }
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Anonymous | Self::System => {}
            Self::User(user) => user.hash(state),
            Self::Admin { acting_as } => acting_as.hash(state),
            Self::Invalid(error) => (error.code(), error.message()).hash(state),
        }
    }
}

/// `tokenIdentifier`, `subject` and `issuer` of verified claims.
fn subject_attributes(claims: &Map<String, Json>) -> Result<Object> {
    let text = |claim: &str| {
        claims.get(claim).and_then(Json::as_str).ok_or_else(|| {
            Error::unauthenticated(
                "InvalidAuthHeader",
                format!("Could not verify token: claim '{claim}' is missing or not a string."),
            )
        })
    };
    let (issuer, subject) = (text("iss")?, text("sub")?);
    let mut attributes = Object::new();
    attributes.insert("tokenIdentifier", format!("{issuer}|{subject}"));
    attributes.insert("subject", subject);
    attributes.insert("issuer", issuer);
    Ok(attributes)
}

/// The value of a standard claim; `None` if it has the wrong type. Some providers write flags as strings, and
/// OIDC has an object for the address.
fn standard_value(value: &Json, kind: AttributeKind) -> Option<Value> {
    match (kind, value) {
        (AttributeKind::Text | AttributeKind::Time, Json::String(text)) => Some(Value::from(text.as_str())),
        (AttributeKind::Text, Json::Object(address)) => {
            address.get("formatted").and_then(Json::as_str).map(Value::from)
        }
        (AttributeKind::Flag, Json::Bool(flag)) => Some(Value::from(*flag)),
        (AttributeKind::Flag, Json::String(text)) => text.parse().ok().map(Value::Boolean),
        (AttributeKind::Time, Json::Number(seconds)) => {
            seconds.as_f64().and_then(timestamp::rfc3339).map(Value::String)
        }
        _ => None,
    }
}

/// Adds a claim under its own name, unless a standard attribute has it or no object could hold it.
fn insert_extra(attributes: &mut Object, name: &str, value: &Json) {
    if check_field_name(name).is_ok() && !attributes.contains(name) {
        attributes.insert(name, plain_value(value));
    }
}

/// Adds a claim, objects as dotted names.
fn insert_flattened(attributes: &mut Object, name: &str, value: &Json) {
    match value {
        Json::Object(fields) => {
            for (field, value) in fields {
                insert_flattened(attributes, &format!("{name}.{field}"), value);
            }
        }
        value => insert_extra(attributes, name, value),
    }
}

/// A JSON value as a function sees it: numbers are doubles, and fields no object could hold are left out.
fn plain_value(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => Value::Float64(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(values) => Value::Array(values.iter().map(plain_value).collect()),
        Json::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| check_field_name(name).is_ok())
                .map(|(name, value)| (name.as_str(), plain_value(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(json: Json) -> Map<String, Json> {
        match json {
            Json::Object(claims) => claims,
            _ => Map::new(),
        }
    }

    fn to_json(identity: &UserIdentity) -> Json {
        json::to_serde(&identity.to_value(), json::Format::Encoded)
    }

    #[test]
    fn oidc_claims_become_attributes() -> Result<()> {
        let identity = UserIdentity::from_oidc(
            &claims(json!({
                "iss": "https://issuer.example/", "sub": "u1", "aud": "app", "exp": 1, "iat": 0, "nbf": 0,
                "jti": "x", "fva": [1, 2], "given_name": "Amy", "email_verified": true, "birthdate": "2000-01-01",
                "zoneinfo": "Europe/Berlin", "locale": "de", "updated_at": 1_700_000_000, "picture": "p",
                "address": {"formatted": "Street 1"}, "phone_number_verified": "false", "name": 7,
                "orgId": "org_1", "https://example.com/roles": ["a", 1], "nested": {"x": {"y": null}, "$bad": 1},
            })),
            Some(1),
        )?;
        assert_eq!(
            to_json(&identity),
            json!({
                "tokenIdentifier": "https://issuer.example/|u1", "issuer": "https://issuer.example/",
                "subject": "u1", "givenName": "Amy", "emailVerified": true, "birthday": "2000-01-01",
                "timezone": "Europe/Berlin", "language": "de", "updatedAt": "2023-11-14T22:13:20+00:00",
                "pictureUrl": "p", "address": "Street 1", "phoneNumberVerified": false, "orgId": "org_1",
                "https://example.com/roles": ["a", 1], "nested": {"x": {"y": null}},
            })
        );
        Ok(())
    }

    #[test]
    fn custom_jwt_claims_are_flattened() -> Result<()> {
        let identity = UserIdentity::from_custom_jwt(
            &claims(json!({
                "iss": "https://i", "sub": "u", "exp": 9, "fva": 1, "email": "a@b.c", "given_name": "Amy",
                "address": {"city": "Ulm", "geo": {"lat": 1.5}}, "roles": [{"a": 1}], "subject": "other",
            })),
            Some(9),
        )?;
        assert_eq!(
            to_json(&identity),
            json!({
                "tokenIdentifier": "https://i|u", "issuer": "https://i", "subject": "u", "email": "a@b.c",
                "given_name": "Amy", "address.city": "Ulm", "address.geo.lat": 1.5, "roles": [{"a": 1}],
            })
        );
        Ok(())
    }

    #[test]
    fn impersonation_needs_an_identifier_and_right_types() -> Result<()> {
        let identity = UserIdentity::from_impersonation_json(
            &json!({"issuer": "https://i", "subject": "u", "emailVerified": true, "orgId": "o"}),
        )?;
        assert_eq!(identity.token_identifier(), "https://i|u");
        assert_eq!(identity.claim("orgId"), Some(&Value::from("o")));
        assert!(UserIdentity::from_impersonation_json(&json!({"tokenIdentifier": "x"})).is_ok());
        for bad in [json!({"subject": "u"}), json!({"tokenIdentifier": 7}), json!([]), json!("u")] {
            let error = UserIdentity::from_impersonation_json(&bad).expect_err("must be refused");
            assert_eq!(error.code(), "InvalidIdentity", "{bad}");
        }
        Ok(())
    }

    #[test]
    fn equality_is_by_attributes_not_by_expiry() -> Result<()> {
        let user = |exp: u64, name: &str| {
            let claims = claims(json!({"iss": "i", "sub": "u", "exp": exp, "name": name}));
            UserIdentity::from_oidc(&claims, Some(exp)).map(Arc::new)
        };
        let (a, b, c) = (user(1, "Amy")?, user(2, "Amy")?, user(1, "Bob")?);
        assert_eq!(Identity::User(a.clone()), Identity::User(b));
        assert_ne!(Identity::User(a.clone()), Identity::User(c));
        assert_ne!(Identity::User(a.clone()), Identity::Admin { acting_as: Some(a) });
        Ok(())
    }

    #[test]
    fn expiry_is_checked_again() -> Result<()> {
        let claims = claims(json!({"iss": "i", "sub": "u"}));
        let identity = Identity::User(Arc::new(UserIdentity::from_oidc(&claims, Some(100))?));
        identity.check_expiry(99_999.0)?;
        let error = identity.check_expiry(103_500.0).expect_err("expired");
        assert!(error.message().contains("Token expired 3 seconds ago"), "{error}");
        Ok(())
    }

    #[test]
    fn debug_output_has_no_personal_data() -> Result<()> {
        let claims = claims(json!({"iss": "i", "sub": "u", "email": "amy@example.com"}));
        let text = format!("{:?}", Identity::User(Arc::new(UserIdentity::from_oidc(&claims, None)?)));
        assert!(!text.contains("amy") && text.contains("issuer"), "{text}");
        Ok(())
    }
}
