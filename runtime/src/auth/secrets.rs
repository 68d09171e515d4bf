//! Keys of the instance: everything secret that the server makes itself is derived from the 32-byte instance
//! secret, with one key for each [`Purpose`], so that a text made for one purpose is worthless for another.
//!
//! Encryption is AES-256-GCM-SIV throughout: with a random nonce where the same content must not be
//! recognisable ([`Secrets::encrypt`]), with a fixed one where the same content must give the same text
//! ([`Secrets::seal`]); this cipher stays safe when a nonce repeats.
//!
//! Deliberately absent: key rotation. A new instance secret voids admin keys, upload tokens and cursors, and makes
//! encrypted environment values unreadable.

use std::fmt;
use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clock::random_bytes;
use crate::error::{Error, Result};

const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

/// The secret all keys are derived from: 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct InstanceSecret([u8; 32]);

impl InstanceSecret {
    /// A new random secret.
    pub fn generate() -> Self {
        Self(random_bytes())
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// `InvalidInstanceSecret`; the text does not repeat the secret.
    pub fn parse(text: &str) -> Result<Self> {
        decode_hex(text.trim()).map(Self).ok_or_else(|| {
            Error::bad_request(
                "InvalidInstanceSecret",
                "The instance secret must be 64 hexadecimal digits (32 bytes). Make one with: openssl rand -hex 32",
            )
        })
    }

    /// The secret as 64 hexadecimal digits, to be stored.
    pub fn to_hex(&self) -> String {
        encode_hex(&self.0)
    }
}

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceSecret")
    }
}

/// What a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The opaque part of admin keys.
    AdminKey,
    /// Values of environment variables at rest.
    EnvironmentValue,
    /// Pagination cursors.
    Cursor,
    /// URLs that allow one upload.
    UploadToken,
    /// Uploads of `import`.
    ImportToken,
    /// Secrets kept in the local vault.
    Vault,
    /// The key pair of the development issuer.
    DevelopmentIssuer,
    /// The key pair with which functions sign tokens.
    TokenSigning,
    /// Keys of log streams at rest.
    LogStreamSecret,
}

impl Purpose {
    /// The label in the derivation. Changing one voids everything made with it.
    const fn label(self) -> &'static str {
        match self {
            Self::AdminKey => "fusion admin key v1",
            Self::EnvironmentValue => "fusion environment value v1",
            Self::Cursor => "fusion cursor v1",
            Self::UploadToken => "fusion upload token v1",
            Self::ImportToken => "fusion import token v1",
            Self::Vault => "fusion vault v1",
            Self::DevelopmentIssuer => "fusion development issuer v1",
            Self::TokenSigning => "fusion token signing v1",
            Self::LogStreamSecret => "fusion log stream secret v1",
        }
    }
}

/// Derives keys from the instance secret and uses them.
#[derive(Clone)]
pub struct Secrets {
    secret: Arc<InstanceSecret>,
}

impl Secrets {
    /// Keys of this secret.
    pub fn new(secret: InstanceSecret) -> Self {
        Self { secret: Arc::new(secret) }
    }

    /// The key for a purpose: HMAC-SHA256 of its label under the secret.
    pub fn derive(&self, purpose: Purpose) -> [u8; 32] {
        mac(&self.secret.0, &[purpose.label().as_bytes()]).finalize().into_bytes().into()
    }

    /// The keyed digest of `parts` for a purpose. Parts are length-prefixed, so they cannot run into each other.
    pub(super) fn tag(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.derive(purpose), parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the keyed digest of `parts`, in constant time.
    pub(super) fn verify_tag(&self, purpose: Purpose, parts: &[&[u8]], tag: &[u8]) -> bool {
        mac(&self.derive(purpose), parts).verify_slice(tag).is_ok()
    }

    /// Encrypts with a random nonce: encrypting the same content twice gives different bytes. `context` (e.g. the
    /// name of the variable) is not stored, but decryption needs the same one.
    ///
    /// # Errors
    /// Only for content near the cipher's limit of 64 GiB.
    pub fn encrypt(&self, purpose: Purpose, context: &str, content: &[u8]) -> Result<Vec<u8>> {
        self.encrypt_with(purpose, random_bytes(), context, content)
    }

    /// Reverses [`Self::encrypt`]; `None` if the bytes were made with another secret, for another purpose or
    /// context, or were changed.
    pub fn decrypt(&self, purpose: Purpose, context: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        if bytes.len() < NONCE_LENGTH + TAG_LENGTH {
            return None;
        }
        let (nonce, ciphertext) = bytes.split_at(NONCE_LENGTH);
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        self.cipher(purpose).decrypt(&Nonce::from(nonce), payload).ok()
    }

    /// Encrypts to a URL-safe text that is always the same for the same content: for cursors and tokens.
    ///
    /// # Errors
    /// See [`Self::encrypt`].
    pub fn seal(&self, purpose: Purpose, content: &[u8]) -> Result<String> {
        let sealed = self.encrypt_with(purpose, [0; NONCE_LENGTH], "", content)?;
        Ok(BASE64URL.encode(&sealed[NONCE_LENGTH..]))
    }

    /// Reverses [`Self::seal`]; `None` if the text was made with another secret, for another purpose, or was
    /// changed.
    pub fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        let ciphertext = BASE64URL.decode(text).ok()?;
        let payload = Payload { msg: &ciphertext, aad: b"" };
        self.cipher(purpose).decrypt(&Nonce::from([0; NONCE_LENGTH]), payload).ok()
    }

    fn cipher(&self, purpose: Purpose) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&self.derive(purpose).into())
    }

    fn encrypt_with(
        &self,
        purpose: Purpose,
        nonce: [u8; NONCE_LENGTH],
        context: &str,
        content: &[u8],
    ) -> Result<Vec<u8>> {
        let payload = Payload { msg: content, aad: context.as_bytes() };
        let ciphertext = self
            .cipher(purpose)
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::internal("content is too long to be encrypted"))?;
        Ok([nonce.as_slice(), &ciphertext].concat())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

/// Bytes as hexadecimal digits.
pub(crate) fn encode_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(first: u8) -> Secrets {
        let mut bytes = [7; 32];
        bytes[0] = first;
        Secrets::new(InstanceSecret(bytes))
    }

    #[test]
    fn an_instance_secret_is_64_hexadecimal_digits() -> Result<()> {
        let secret = InstanceSecret::generate();
        assert_eq!(InstanceSecret::parse(&secret.to_hex())?, secret);
        assert_eq!(InstanceSecret::parse(&secret.to_hex().to_uppercase())?, secret);
        for bad in
            ["", "abc", &"g".repeat(64), &"é".repeat(32), &"a".repeat(66), &format!("+{}", "a".repeat(63))]
        {
            let error = InstanceSecret::parse(bad).expect_err("must be refused");
            assert_eq!(error.code(), "InvalidInstanceSecret", "{bad}");
        }
        assert_eq!(format!("{secret:?} {:?}", Secrets::new(secret.clone())), "InstanceSecret Secrets");
        Ok(())
    }

    #[test]
    fn encrypted_content_needs_the_same_secret_purpose_and_context() -> Result<()> {
        let secrets = secrets(1);
        let bytes = secrets.encrypt(Purpose::EnvironmentValue, "KEY", b"value")?;
        assert_ne!(bytes, secrets.encrypt(Purpose::EnvironmentValue, "KEY", b"value")?);
        let open = |secrets: &Secrets, purpose, context| secrets.decrypt(purpose, context, &bytes);
        assert_eq!(open(&secrets, Purpose::EnvironmentValue, "KEY").as_deref(), Some(b"value".as_slice()));
        assert_eq!(open(&secrets, Purpose::EnvironmentValue, "OTHER"), None);
        assert_eq!(open(&secrets, Purpose::Vault, "KEY"), None);
        assert_eq!(open(&self::secrets(2), Purpose::EnvironmentValue, "KEY"), None);
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(secrets.decrypt(Purpose::EnvironmentValue, "KEY", &changed), None, "byte {index}");
            assert_eq!(secrets.decrypt(Purpose::EnvironmentValue, "KEY", &bytes[..index]), None);
        }
        Ok(())
    }

    #[test]
    fn sealed_text_is_deterministic_and_cannot_be_forged() -> Result<()> {
        let secrets = secrets(1);
        let text = secrets.seal(Purpose::Cursor, b"position")?;
        assert_eq!(text, secrets.seal(Purpose::Cursor, b"position")?);
        assert_ne!(text, secrets.seal(Purpose::Cursor, b"positioo")?);
        assert_eq!(secrets.open(Purpose::Cursor, &text).as_deref(), Some(b"position".as_slice()));
        assert_eq!(secrets.open(Purpose::UploadToken, &text), None);
        assert_eq!(self::secrets(2).open(Purpose::Cursor, &text), None);
        for bad in ["", "a", "!!!", &text[1..], &format!("{text}A")] {
            assert_eq!(secrets.open(Purpose::Cursor, bad), None, "{bad}");
        }
        Ok(())
    }

    #[test]
    fn parts_of_a_tag_do_not_run_into_each_other() {
        let secrets = secrets(1);
        let tag = secrets.tag(Purpose::AdminKey, &[b"ab", b"c"]);
        assert!(secrets.verify_tag(Purpose::AdminKey, &[b"ab", b"c"], &tag));
        assert!(!secrets.verify_tag(Purpose::AdminKey, &[b"a", b"bc"], &tag));
        assert!(!secrets.verify_tag(Purpose::AdminKey, &[b"ab", b"c"], &tag[..16]));
    }
}
