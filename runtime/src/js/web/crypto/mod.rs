//! WebCrypto: the operations behind `crypto.subtle`.
//!
//! JavaScript (`subtle.js` and what it loads) converts arguments, checks usages and builds `CryptoKey` objects; the key material and
//! the mathematics are here. A script holds a key by number: the bytes of a key that is not extractable never
//! enter the isolate.
//!
//! - [`key`]: what a number stands for; [`import`] and [`export`]: its outside forms.
//! - [`hash`]: digests, HMAC, HKDF, PBKDF2; [`aes`]; [`rsa`]; [`ec`]: ECDSA and ECDH; [`okp`]: Ed25519 and X25519.
//! - [`job`]: how an op runs, at once or on a thread for slow work.
//!
//! Randomness that is not of the execution's seeded stream is refused in queries and mutations ([`random`]).
//! Signatures are deterministic where the standard allows it (RFC 6979), so signing works there. Deliberately
//! absent: `getRandomValues` and `randomUUID`, which need no key.

mod aes;
mod ec;
mod export;
mod hash;
mod import;
mod job;
mod key;
mod okp;
mod random;
mod rsa;
#[cfg(test)]
mod tests;

use self::job::{later, now};
use super::lazy;
use crate::js::op::{Op, OpError, OpTable};
use crate::js::prelude::PreludeModule;

/// The ops of `crypto.subtle`.
pub const OPS: OpTable = &[
    ("crypto_may_wait", Op::Sync(job::may_wait)),
    ("crypto_digest", Op::Sync(now::<hash::Digest>)),
    ("crypto_digest_later", Op::Async(later::<hash::Digest>)),
    ("crypto_hmac_sign", Op::Sync(now::<hash::HmacSign>)),
    ("crypto_hmac_verify", Op::Sync(now::<hash::HmacVerify>)),
    ("crypto_hkdf", Op::Sync(now::<hash::Hkdf>)),
    ("crypto_pbkdf2", Op::Sync(now::<hash::Pbkdf2>)),
    ("crypto_pbkdf2_later", Op::Async(later::<hash::Pbkdf2>)),
    ("crypto_aes", Op::Sync(now::<aes::Cipher>)),
    ("crypto_rsa_sign", Op::Sync(now::<rsa::Sign>)),
    ("crypto_rsa_verify", Op::Sync(now::<rsa::Verify>)),
    ("crypto_rsa_encrypt", Op::Sync(now::<rsa::Encrypt>)),
    ("crypto_rsa_decrypt", Op::Sync(now::<rsa::Decrypt>)),
    ("crypto_rsa_generate_later", Op::Async(later::<rsa::Generate>)),
    ("crypto_ecdsa_sign", Op::Sync(now::<ec::Sign>)),
    ("crypto_ecdsa_verify", Op::Sync(now::<ec::Verify>)),
    ("crypto_ec_generate", Op::Sync(now::<ec::Generate>)),
    ("crypto_ed25519_sign", Op::Sync(now::<okp::Sign>)),
    ("crypto_ed25519_verify", Op::Sync(now::<okp::Verify>)),
    ("crypto_okp_generate", Op::Sync(now::<okp::Generate>)),
    ("crypto_agree", Op::Sync(now::<ec::Agree>)),
    ("crypto_secret_generate", Op::Sync(now::<key::GenerateSecret>)),
    ("crypto_import", Op::Sync(now::<import::Import>)),
    ("crypto_export", Op::Sync(now::<export::Export>)),
];

/// `crypto.subtle` and its classes. The object itself is in
/// `internals.crypto_subtle`, where `crypto` finds it.
pub const PRELUDE: &[PreludeModule] = &[
    lazy("crypto_key", include_str!("key.js"), &[]),
    lazy("crypto_arguments", include_str!("arguments.js"), &[]),
    lazy("crypto_forms", include_str!("forms.js"), &[]),
    lazy("crypto_operations", include_str!("operations.js"), &[]),
    lazy("crypto_subtle", include_str!("subtle.js"), &["CryptoKey", "SubtleCrypto"]),
];

/// What went wrong without saying more: an attacker learns nothing from it.
fn operation_failed() -> OpError {
    OpError::new("OperationError", "The operation failed for an operation-specific reason")
}

/// A key in a form that cannot be read.
fn invalid_key_data() -> OpError {
    OpError::new("DataError", "Invalid keyData")
}

/// An operation on a key of another kind.
fn wrong_key() -> OpError {
    OpError::new("InvalidAccessError", "The requested operation is not valid for the provided key")
}
