//! Reading the `Authorization` header (and `?adminKey=`) into [`Credentials`]. Nothing is verified here.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::identity::UserIdentity;
use crate::error::{Error, Result};

/// What a caller presents.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A JSON web token.
    Bearer(String),
    /// An admin key, possibly to act as a user.
    Admin {
        /// The key, with its prefix if it has one.
        key: String,
        /// The user to act as.
        acting_as: Option<Arc<UserIdentity>>,
    },
}

impl Credentials {
    /// Reads the value of an `Authorization` header, or the `adminKey` query parameter where there is no header.
    ///
    /// # Errors
    /// `InvalidAuthHeader` (bad request) if the header is shorter than any valid one, has an unknown scheme, or the
    /// identity to act as cannot be read.
    pub fn parse(header: Option<&str>, admin_key: Option<&str>) -> Result<Self> {
        let Some(header) = header else {
            return admin_key.map_or(Ok(Self::None), Self::admin);
        };
        let header = header.trim();
        let scheme_and_value = if header.len() < 7 { None } else { header.split_once(' ') };
        match scheme_and_value {
            Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Self::Bearer(value.trim().to_owned()))
            }
            Some((scheme, value)) if scheme.eq_ignore_ascii_case("convex") => Self::admin(value.trim()),
            _ => Err(invalid("Authorization header must be 'Bearer <token>' or 'Convex <admin key>'.")),
        }
    }

    /// Reads `<key>` or `<key>:<base64 of an identity's JSON>`, where the key may have a prefix that itself ends in a
    /// colon.
    ///
    /// # Errors
    /// `InvalidAuthHeader` or `InvalidIdentity` if the identity to act as cannot be read.
    pub fn admin(text: &str) -> Result<Self> {
        // Only after the bar does a colon separate the identity.
        let name_length = text.find('|').unwrap_or(0);
        let (key, identity) = match text[name_length..].split_once(':') {
            Some((opaque, identity)) => (&text[..name_length + opaque.len()], Some(identity)),
            None => (text, None),
        };
        let acting_as = identity.map(decode_identity).transpose()?.map(Arc::new);
        Ok(Self::Admin { key: key.to_owned(), acting_as })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer",
            Self::Admin { acting_as: None, .. } => "Admin",
            Self::Admin { acting_as: Some(_), .. } => "AdminActingAs",
        })
    }
}

fn decode_identity(text: &str) -> Result<UserIdentity> {
    let json = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
        .into_iter()
        .find_map(|engine| engine.decode(text).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| invalid("The identity to act as must be the base64 of a JSON object."))?;
    UserIdentity::from_impersonation_json(&json)
}

fn invalid(message: &str) -> Error {
    Error::bad_request("InvalidAuthHeader", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(key: &str) -> Credentials {
        Credentials::Admin { key: key.to_owned(), acting_as: None }
    }

    #[test]
    fn headers_and_the_query_parameter_are_read() -> Result<()> {
        let parse = |header| Credentials::parse(Some(header), Some("query|key"));
        assert_eq!(parse("Bearer a.b.c")?, Credentials::Bearer("a.b.c".to_owned()));
        assert_eq!(parse("bearer  a.b.c ")?, Credentials::Bearer("a.b.c".to_owned()));
        assert_eq!(parse("Convex name|01ab")?, admin("name|01ab"));
        assert_eq!(parse("Convex prod:name|01ab")?, admin("prod:name|01ab"));
        assert_eq!(parse("Convex gibberish")?, admin("gibberish"));
        assert_eq!(Credentials::parse(None, Some("query|key"))?, admin("query|key"));
        assert_eq!(Credentials::parse(None, None)?, Credentials::None);
        Ok(())
    }

    #[test]
    fn unusable_headers_are_a_bad_request() {
        for header in ["", "a", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token-without-scheme"] {
            let error = Credentials::parse(Some(header), None).expect_err("must be refused");
            assert_eq!(error.code(), "InvalidAuthHeader", "{header}");
        }
    }

    #[test]
    fn an_admin_may_act_as_a_user() -> Result<()> {
        let json = br#"{"issuer":"https://i","subject":"u?>"}"#;
        for text in [STANDARD.encode(json), URL_SAFE_NO_PAD.encode(json)] {
            for prefix in ["", "dev:", "preview:team:project:"] {
                let parsed = Credentials::parse(Some(&format!("Convex {prefix}name|01ab:{text}")), None)?;
                let Credentials::Admin { key, acting_as: Some(user) } = parsed else {
                    return Err(Error::internal("nobody to act as"));
                };
                assert_eq!(key, format!("{prefix}name|01ab"));
                assert_eq!(user.token_identifier(), "https://i|u?>");
            }
        }
        for bad in ["name|01ab:%%", "name|01ab:", "name|01ab:bm8="] {
            let error = Credentials::admin(bad).expect_err("must be refused");
            assert_eq!(error.code(), "InvalidAuthHeader", "{bad}");
        }
        Ok(())
    }
}
