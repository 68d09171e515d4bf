//! RSA: PKCS#1 v1.5 and PSS signatures, OAEP.
//!
//! Signing goes through `ring`, whose private operation takes the same time whatever the key; what `ring` lacks
//! (SHA-1, keys under 2048 bits, other lengths of salt, decryption) goes through `rsa` with blinding, which takes most of the
//! edge off RUSTSEC-2023-0071 (timing of the private operation; no release fixes it yet).

use std::sync::OnceLock;

use ::rsa::pkcs1::EncodeRsaPrivateKey;
use ::rsa::{BigUint, Oaep, Pkcs1v15Sign, Pss, RsaPrivateKey, RsaPublicKey};
use ring::rand::SystemRandom as RingRandom;
use ring::rsa::KeyPair;
use ring::signature::{self, RsaEncoding};

use super::hash::{Hash, with_hash};
use super::job::{Job, Work};
use super::key::{Key, KeySlot};
use super::random::{SystemRandom, require_randomness};
use super::{operation_failed, wrong_key};
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;
use crate::limits::RSA_GENERATED_BITS_MAX;

/// An RSA key with what `ring` makes of it.
pub(super) struct RsaPair {
    pub(super) key: RsaPrivateKey,
    ring: OnceLock<Option<KeyPair>>,
}

impl RsaPair {
    pub(super) fn new(key: RsaPrivateKey) -> Self {
        Self { key, ring: OnceLock::new() }
    }

    /// The key as `ring` knows it, if it takes keys of that size.
    fn ring(&self) -> Option<&KeyPair> {
        let pair = self.ring.get_or_init(|| {
            let der = self.key.to_pkcs1_der().ok()?;
            KeyPair::from_der(der.as_bytes()).ok()
        });
        pair.as_ref()
    }

    fn sign(&self, scheme: Scheme, data: &[u8]) -> Result<Vec<u8>, OpError> {
        if let (Some(encoding), Some(pair)) = (scheme.ring(), self.ring()) {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(encoding, &RingRandom::new(), data, &mut signature).map_err(|_| operation_failed())?;
            return Ok(signature);
        }
        let signed = match scheme {
            Scheme::Pkcs1(hash) => with_hash!(hash, D => {
                self.key.sign_with_rng(&mut SystemRandom, Pkcs1v15Sign::new::<D>(), &hash.of(data))
            }),
            Scheme::Pss(hash, salt) => with_hash!(hash, D => {
                self.key.sign_with_rng(&mut SystemRandom, Pss::new_blinded_with_salt::<D>(salt), &hash.of(data))
            }),
        };
        signed.map_err(|_| operation_failed())
    }
}

/// How a signature is padded.
#[derive(Clone, Copy)]
enum Scheme {
    Pkcs1(Hash),
    /// With a salt of so many bytes.
    Pss(Hash, usize),
}

impl Scheme {
    /// `name, hash, salt length`.
    fn read(arguments: &mut Arguments) -> Result<Self, OpError> {
        let (name, hash, salt) = (arguments.text()?, Hash::find(arguments)?, arguments.whole()? as usize);
        match name.as_str() {
            "RSASSA-PKCS1-v1_5" => Ok(Self::Pkcs1(hash)),
            "RSA-PSS" => Ok(Self::Pss(hash, salt)),
            _ => Err(wrong_key()),
        }
    }

    fn ring(self) -> Option<&'static dyn RsaEncoding> {
        match self {
            Self::Pkcs1(Hash::Sha256) => Some(&signature::RSA_PKCS1_SHA256),
            Self::Pkcs1(Hash::Sha384) => Some(&signature::RSA_PKCS1_SHA384),
            Self::Pkcs1(Hash::Sha512) => Some(&signature::RSA_PKCS1_SHA512),
            Self::Pss(Hash::Sha256, 32) => Some(&signature::RSA_PSS_SHA256),
            Self::Pss(Hash::Sha384, 48) => Some(&signature::RSA_PSS_SHA384),
            Self::Pss(Hash::Sha512, 64) => Some(&signature::RSA_PSS_SHA512),
            _ => None,
        }
    }
}

/// Signs: `(key, scheme, hash, salt length, data) -> bytes`.
pub(super) struct Sign;

impl Job for Sign {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let scheme = Scheme::read(&mut arguments)?;
        if let Scheme::Pss(_, 1..) = scheme {
            require_randomness(state)?;
        }
        let data = arguments.bytes()?;
        Ok(Box::new(move || match slot.key()? {
            Key::RsaPrivate(pair) => pair.sign(scheme, &data).map(OpValue::Bytes),
            _ => Err(wrong_key()),
        }))
    }
}

/// Checks a signature: `(key, scheme, hash, salt length, signature, data) -> boolean`.
pub(super) struct Verify;

impl Job for Verify {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let scheme = Scheme::read(&mut arguments)?;
        let (signature, data) = (arguments.bytes()?, arguments.bytes()?);
        Ok(Box::new(move || {
            let Key::RsaPublic(key) = slot.key()? else { return Err(wrong_key()) };
            let verified = match scheme {
                Scheme::Pkcs1(hash) => with_hash!(hash, D => {
                    key.verify(Pkcs1v15Sign::new::<D>(), &hash.of(&data), &signature)
                }),
                Scheme::Pss(hash, salt) => with_hash!(hash, D => {
                    key.verify(Pss::new_with_salt::<D>(salt), &hash.of(&data), &signature)
                }),
            };
            Ok(OpValue::Bool(verified.is_ok()))
        }))
    }
}

/// `hash, label`.
fn oaep(arguments: &mut Arguments) -> Result<Oaep, OpError> {
    let hash = Hash::find(arguments)?;
    let label = String::from_utf8(arguments.bytes()?)
        .map_err(|_| OpError::new("NotSupportedError", "RSA-OAEP labels must be UTF-8"))?;
    let mut padding = with_hash!(hash, D => Oaep::new::<D>());
    padding.label = Some(label);
    Ok(padding)
}

/// Encrypts with OAEP: `(key, hash, label, data) -> bytes`.
pub(super) struct Encrypt;

impl Job for Encrypt {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        require_randomness(state)?;
        let slot = KeySlot::find(state, &mut arguments)?;
        let (padding, data) = (oaep(&mut arguments)?, arguments.bytes()?);
        Ok(Box::new(move || match slot.key()? {
            Key::RsaPublic(key) => key
                .encrypt(&mut SystemRandom, padding, &data)
                .map(OpValue::Bytes)
                .map_err(|_| operation_failed()),
            _ => Err(wrong_key()),
        }))
    }
}

/// Decrypts with OAEP: `(key, hash, label, data) -> bytes`.
pub(super) struct Decrypt;

impl Job for Decrypt {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (padding, data) = (oaep(&mut arguments)?, arguments.bytes()?);
        Ok(Box::new(move || match slot.key()? {
            Key::RsaPrivate(pair) => pair
                .key
                .decrypt_blinded(&mut SystemRandom, padding, &data)
                .map(OpValue::Bytes)
                .map_err(|_| operation_failed()),
            _ => Err(wrong_key()),
        }))
    }
}

/// Makes a key: `(bits, public exponent) -> [number of the public key, number of the private key]`.
pub(super) struct Generate;

impl Job for Generate {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        require_randomness(state)?;
        let (bits, exponent) = (arguments.whole()?, BigUint::from_bytes_be(&arguments.bytes()?));
        if bits > RSA_GENERATED_BITS_MAX {
            return Err(OpError::new(
                "OperationError",
                format!(
                    "RSA keys of {bits} bits take too long to make: use at most {RSA_GENERATED_BITS_MAX} bits"
                ),
            ));
        }
        // The library tries for ever if no key can have the exponent.
        if bits < 512 || (exponent != BigUint::from(65_537u32) && exponent != BigUint::from(3u32)) {
            return Err(operation_failed());
        }
        let (public, public_number) = KeySlot::reserve(state)?;
        let (private, private_number) = KeySlot::reserve(state)?;
        Ok(Box::new(move || {
            let key = RsaPrivateKey::new_with_exp(&mut SystemRandom, bits as usize, &exponent)
                .map_err(|_| operation_failed())?;
            public.fill(Key::RsaPublic(RsaPublicKey::from(&key)))?;
            private.fill(Key::RsaPrivate(Box::new(RsaPair::new(key))))?;
            Ok(OpValue::List(vec![public_number, private_number]))
        }))
    }
}
