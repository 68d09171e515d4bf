//! What is built on hash functions: digests, HMAC, HKDF and PBKDF2.

use std::num::NonZeroU32;

use ::hkdf::Hkdf as HkdfOf;
use ::hmac::{Hmac, Mac};
use ring::pbkdf2;
use sha2::digest::Digest as _;

use super::job::{Job, Work};
use super::key::KeySlot;
use super::operation_failed;
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;
use crate::limits::{PBKDF2_ROUNDS_MAX, PBKDF2_TRANSACTION_ROUNDS_MAX};

/// An expression with `D` standing for the type of a hash function.
macro_rules! with_hash {
    ($hash:expr, $D:ident => $body:expr) => {
        match $hash {
            $crate::js::web::crypto::hash::Hash::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            $crate::js::web::crypto::hash::Hash::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            $crate::js::web::crypto::hash::Hash::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            $crate::js::web::crypto::hash::Hash::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
        }
    };
}
pub(super) use with_hash;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The hash function that the next argument names.
    pub(super) fn find(arguments: &mut Arguments) -> Result<Self, OpError> {
        match arguments.text()?.as_str() {
            "SHA-1" => Ok(Self::Sha1),
            "SHA-256" => Ok(Self::Sha256),
            "SHA-384" => Ok(Self::Sha384),
            "SHA-512" => Ok(Self::Sha512),
            _ => Err(OpError::new("NotSupportedError", "Unrecognized algorithm name")),
        }
    }

    /// Its length in bytes.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of some bytes.
    pub(super) fn of(self, data: &[u8]) -> Vec<u8> {
        with_hash!(self, D => D::digest(data).to_vec())
    }
}

/// A digest: `(hash, data) -> bytes`.
pub(super) struct Digest;

impl Job for Digest {
    fn prepare(_: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let (hash, data) = (Hash::find(&mut arguments)?, arguments.bytes()?);
        Ok(Box::new(move || Ok(OpValue::Bytes(hash.of(&data)))))
    }
}

/// An HMAC: `(key, hash, data) -> bytes`.
pub(super) struct HmacSign;

impl Job for HmacSign {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (hash, data) = (Hash::find(&mut arguments)?, arguments.bytes()?);
        Ok(Box::new(move || {
            let key = slot.key()?.secret()?;
            let tag = with_hash!(hash, D => {
                let mut mac = Hmac::<D>::new_from_slice(key).map_err(|_| operation_failed())?;
                mac.update(&data);
                mac.finalize().into_bytes().to_vec()
            });
            Ok(OpValue::Bytes(tag))
        }))
    }
}

/// Checks an HMAC in constant time: `(key, hash, signature, data) -> boolean`.
pub(super) struct HmacVerify;

impl Job for HmacVerify {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (hash, signature, data) = (Hash::find(&mut arguments)?, arguments.bytes()?, arguments.bytes()?);
        Ok(Box::new(move || {
            let key = slot.key()?.secret()?;
            let valid = with_hash!(hash, D => {
                let mut mac = Hmac::<D>::new_from_slice(key).map_err(|_| operation_failed())?;
                mac.update(&data);
                mac.verify_slice(&signature).is_ok()
            });
            Ok(OpValue::Bool(valid))
        }))
    }
}

/// HKDF: `(key, hash, salt, info, length in bytes) -> bytes`.
pub(super) struct Hkdf;

impl Job for Hkdf {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let hash = Hash::find(&mut arguments)?;
        let (salt, info, length) = (arguments.bytes()?, arguments.bytes()?, arguments.whole()? as usize);
        if length > 255 * hash.length() {
            return Err(operation_failed());
        }
        Ok(Box::new(move || {
            let key = slot.key()?.secret()?;
            let mut output = vec![0; length];
            with_hash!(hash, D => {
                HkdfOf::<D>::new(Some(&salt), key).expand(&info, &mut output).map_err(|_| operation_failed())?;
            });
            Ok(OpValue::Bytes(output))
        }))
    }
}

/// PBKDF2: `(key, hash, salt, iterations, length in bytes) -> bytes`.
pub(super) struct Pbkdf2;

impl Job for Pbkdf2 {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let hash = Hash::find(&mut arguments)?;
        let (salt, iterations, length) =
            (arguments.bytes()?, arguments.whole()?, arguments.whole()? as usize);
        let iterations = NonZeroU32::new(iterations).ok_or_else(operation_failed)?;
        let rounds = u64::from(iterations.get()) * length.div_ceil(hash.length()) as u64;
        let (rounds_max, place) = match state.phase.is_action() {
            true => (PBKDF2_ROUNDS_MAX, "an action"),
            false => (PBKDF2_TRANSACTION_ROUNDS_MAX, "a query or mutation; actions may do more"),
        };
        if rounds > rounds_max {
            return Err(OpError::new(
                "OperationError",
                format!(
                    "PBKDF2 with {rounds} rounds is more than the {rounds_max} that are possible in {place}"
                ),
            ));
        }
        Ok(Box::new(move || {
            let key = slot.key()?.secret()?;
            let mut output = vec![0; length];
            let algorithm = match hash {
                Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                Hash::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
                Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
            };
            pbkdf2::derive(algorithm, iterations, &salt, key, &mut output);
            Ok(OpValue::Bytes(output))
        }))
    }
}
