//! [`Key`]: the material of a `CryptoKey`, and how scripts hold it by number.

use std::sync::{Arc, OnceLock};

use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::ec::Curve;
use super::job::{Job, Work};
use super::random::require_randomness;
use super::rsa::RsaPair;
use super::{operation_failed, wrong_key};
use crate::clock;
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;
use crate::limits::CRYPTO_KEYS_MAX;

/// Key material.
pub(super) enum Key {
    /// Bytes for AES, HMAC, HKDF and PBKDF2.
    Secret(Zeroizing<Vec<u8>>),
    /// The public half of an RSA key.
    RsaPublic(rsa::RsaPublicKey),
    /// An RSA key.
    RsaPrivate(Box<RsaPair>),
    /// A point, uncompressed and known to lie on its curve.
    EcPublic(Curve, Vec<u8>),
    /// A scalar, known to be valid, and its point.
    EcPrivate(Curve, Zeroizing<Vec<u8>>, Vec<u8>),
    /// The public half of an Ed25519 key.
    Ed25519Public(VerifyingKey),
    /// An Ed25519 key.
    Ed25519Private(Box<SigningKey>),
    /// The public half of an X25519 key.
    X25519Public([u8; 32]),
    /// An X25519 key.
    X25519Private(Zeroizing<[u8; 32]>),
}

impl Key {
    /// The bytes of a secret key.
    pub(super) fn secret(&self) -> Result<&[u8], OpError> {
        match self {
            Self::Secret(bytes) => Ok(bytes),
            _ => Err(wrong_key()),
        }
    }
}

/// A place for a key, filled at once or when a slow job is done.
#[derive(Clone)]
pub(super) struct KeySlot(Arc<OnceLock<Key>>);

impl KeySlot {
    /// A new place and its number.
    pub(super) fn reserve(state: &mut OpState) -> Result<(Self, OpValue), OpError> {
        if state.resources.len() >= CRYPTO_KEYS_MAX {
            return Err(OpError::new(
                "OperationError",
                format!(
                    "One function call can make at most {CRYPTO_KEYS_MAX} CryptoKeys: import a key once and use it again"
                ),
            ));
        }
        let slot = Self(Arc::new(OnceLock::new()));
        let number = state.resources.add(slot.clone());
        Ok((slot, OpValue::Number(f64::from(number))))
    }

    /// Fills the place.
    pub(super) fn fill(&self, key: Key) -> Result<(), OpError> {
        self.0.set(key).map_err(|_| operation_failed())
    }

    /// The place that the next argument names.
    pub(super) fn find(state: &mut OpState, arguments: &mut Arguments) -> Result<Self, OpError> {
        let number = arguments.whole()?;
        state.resources.get_mut::<Self>(number).cloned().ok_or_else(wrong_key)
    }

    /// The key, if it is there.
    pub(super) fn key(&self) -> Result<&Key, OpError> {
        self.0.get().ok_or_else(wrong_key)
    }
}

/// Makes a secret key: `(length in bytes) -> number`.
pub(super) struct GenerateSecret;

impl Job for GenerateSecret {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        require_randomness(state)?;
        let length = arguments.whole()? as usize;
        if length > 1 << 16 {
            return Err(operation_failed());
        }
        let (slot, number) = KeySlot::reserve(state)?;
        Ok(Box::new(move || {
            let mut bytes = Zeroizing::new(vec![0; length]);
            clock::fill_random(&mut bytes);
            slot.fill(Key::Secret(bytes))?;
            Ok(number)
        }))
    }
}
