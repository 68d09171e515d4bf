//! Admin keys: `<instance name>|<opaque>`, where the opaque part is a version and a keyed digest of the name, so
//! that nothing about keys has to be stored.
//!
//! Deliberately absent: revoking one key. A new instance secret revokes all of them.

use super::secrets::{Purpose, Secrets, decode_hex, encode_hex};
use crate::error::{Error, Result};

/// The version byte at the start of the opaque part.
const VERSION: u8 = 1;

/// Makes and checks the admin keys of an instance.
#[derive(Clone, Debug)]
pub struct AdminKeys {
    instance_name: String,
    secrets: Secrets,
}

impl AdminKeys {
    /// Keys of the instance `instance_name`.
    pub fn new(instance_name: impl Into<String>, secrets: Secrets) -> Self {
        Self { instance_name: instance_name.into(), secrets }
    }

    /// The instance's name.
    pub fn instance_name(&self) -> &str {
        &self.instance_name
    }

    /// An admin key: the same one every time.
    pub fn issue(&self) -> String {
        let tag = self.secrets.tag(Purpose::AdminKey, &[&[VERSION], self.instance_name.as_bytes()]);
        format!("{}|{VERSION:02x}{}", self.instance_name, encode_hex(&tag))
    }

    /// Checks a key. A `prod:`, `dev:` or `preview:…:` prefix is ignored.
    ///
    /// # Errors
    /// `BadDeployKey`.
    pub fn check(&self, key: &str) -> Result<()> {
        let valid = key.rsplit_once('|').is_some_and(|(name, opaque)| {
            let name = name.rsplit(':').next().unwrap_or_default();
            name == self.instance_name
                && decode_hex::<33>(opaque).is_some_and(|[version, tag @ ..]| {
                    version == VERSION
                        && self.secrets.verify_tag(Purpose::AdminKey, &[&[version], name.as_bytes()], &tag)
                })
        });
        if valid {
            return Ok(());
        }
        Err(Error::forbidden(
            "BadDeployKey",
            format!(
                "The provided deploy key was invalid for deployment '{}'. Double check that the environment this key \
                 was generated for matches the desired deployment.",
                self.instance_name
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::secrets::InstanceSecret;
    use super::*;

    fn keys(name: &str, secret: char) -> Result<AdminKeys> {
        let secret = InstanceSecret::parse(&secret.to_string().repeat(64))?;
        Ok(AdminKeys::new(name, Secrets::new(secret)))
    }

    #[test]
    fn an_issued_key_is_accepted_with_any_prefix() -> Result<()> {
        let keys = keys("carnitas", 'a')?;
        let key = keys.issue();
        assert!(key.starts_with("carnitas|01"), "{key}");
        assert_eq!(key.matches(['|', ':']).count(), 1);
        for prefix in ["", "prod:", "dev:", "preview:team:project:"] {
            keys.check(&format!("{prefix}{key}"))?;
        }
        Ok(())
    }

    #[test]
    fn other_keys_are_refused() -> Result<()> {
        let ours = keys("carnitas", 'a')?;
        let key = ours.issue();
        let (name, opaque) = key.split_once('|').ok_or_else(|| Error::internal("no separator"))?;
        let bad = [
            String::new(),
            opaque.to_owned(),
            format!("{name}|"),
            format!("other|{opaque}"),
            format!("{name}|{}", &opaque[2..]),
            format!("{name}|02{}", &opaque[2..]),
            format!("{name}|{}0", &opaque[..65]),
            keys("carnitas", 'b')?.issue(),
            keys("tacos", 'a')?.issue(),
        ];
        for bad in bad.iter().filter(|bad| **bad != key) {
            let error = ours.check(bad).expect_err("must be refused");
            assert_eq!(error.code(), "BadDeployKey", "{bad}");
            assert!(error.message().contains("invalid for deployment 'carnitas'"), "{error}");
        }
        Ok(())
    }
}
