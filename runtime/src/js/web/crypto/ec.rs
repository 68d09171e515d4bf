//! Elliptic curves P-256, P-384 and P-521: ECDSA and ECDH (which X25519 joins in [`Agree`]).

use ::rsa::rand_core::{CryptoRng, Error, RngCore};
use rfc6979::HmacDrbg;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::hash::Hash;
use super::job::{Job, Work};
use super::key::{Key, KeySlot};
use super::random::{SystemRandom, require_randomness};
use super::{invalid_key_data, okp, operation_failed, wrong_key};
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// An expression with `curve` standing for the crate of a curve.
macro_rules! with_curve {
    ($curve:expr, $krate:ident => $body:expr) => {
        match $curve {
            $crate::js::web::crypto::ec::Curve::P256 => {
                use p256 as $krate;
                $body
            }
            $crate::js::web::crypto::ec::Curve::P384 => {
                use p384 as $krate;
                $body
            }
            $crate::js::web::crypto::ec::Curve::P521 => {
                use p521 as $krate;
                $body
            }
        }
    };
}
pub(super) use with_curve;

impl Curve {
    /// The curve of a name such as `P-256`.
    pub(super) fn named(name: &str) -> Result<Self, OpError> {
        match name {
            "P-256" => Ok(Self::P256),
            "P-384" => Ok(Self::P384),
            "P-521" => Ok(Self::P521),
            _ => Err(OpError::new("NotSupportedError", "Unrecognized namedCurve")),
        }
    }

    /// Bytes of a coordinate and of a scalar.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// A point in its uncompressed form, if it is one of the curve.
    pub(super) fn point(self, encoded: &[u8]) -> Result<Vec<u8>, OpError> {
        use p256::elliptic_curve::sec1::ToEncodedPoint;
        with_curve!(self, curve => {
            let key = curve::PublicKey::from_sec1_bytes(encoded).map_err(|_| invalid_key_data())?;
            Ok(key.to_encoded_point(false).as_bytes().to_vec())
        })
    }

    /// A private key from its scalar.
    pub(super) fn private(self, scalar: &[u8]) -> Result<Key, OpError> {
        use p256::elliptic_curve::sec1::ToEncodedPoint;
        with_curve!(self, curve => {
            let key = curve::SecretKey::from_slice(scalar).map_err(|_| invalid_key_data())?;
            let point = key.public_key().to_encoded_point(false).as_bytes().to_vec();
            Ok(Key::EcPrivate(self, Zeroizing::new(key.to_bytes().to_vec()), point))
        })
    }

    /// A digest as ECDSA takes it: padded where the library finds it short, which leaves its value as it is.
    fn prehash(self, hash: Hash, data: &[u8]) -> Vec<u8> {
        let digest = hash.of(data);
        let mut padded = vec![0; self.size().saturating_sub(digest.len())];
        padded.extend_from_slice(&digest);
        padded
    }
}

/// Randomness for signatures that comes from the key and what is signed, through the generator of RFC 6979: signing needs no
/// other randomness and gives the same result again.
struct Nonces(HmacDrbg<Sha512>);

impl Nonces {
    fn new(scalar: &[u8], prehash: &[u8]) -> Self {
        Self(HmacDrbg::new(scalar, prehash, b""))
    }
}

impl RngCore for Nonces {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Nonces {}

/// Signs, deterministically (see [`Nonces`]): `(key, hash, data) -> bytes`.
pub(super) struct Sign;

impl Job for Sign {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (hash, data) = (Hash::find(&mut arguments)?, arguments.bytes()?);
        Ok(Box::new(move || {
            let Key::EcPrivate(curve, scalar, _) = slot.key()? else { return Err(wrong_key()) };
            let prehash = curve.prehash(hash, &data);
            let mut nonces = Nonces::new(scalar, &prehash);
            let signature = with_curve!(curve, curve => {
                use curve::ecdsa::signature::hazmat::RandomizedPrehashSigner;
                let key = curve::ecdsa::SigningKey::from_slice(scalar).map_err(|_| operation_failed())?;
                let signature: curve::ecdsa::Signature =
                    key.sign_prehash_with_rng(&mut nonces, &prehash).map_err(|_| operation_failed())?;
                signature.to_bytes().to_vec()
            });
            Ok(OpValue::Bytes(signature))
        }))
    }
}

/// Checks a signature: `(key, hash, signature, data) -> boolean`.
pub(super) struct Verify;

impl Job for Verify {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (hash, signature, data) = (Hash::find(&mut arguments)?, arguments.bytes()?, arguments.bytes()?);
        Ok(Box::new(move || {
            let Key::EcPublic(curve, point) = slot.key()? else { return Err(wrong_key()) };
            let prehash = curve.prehash(hash, &data);
            let valid = with_curve!(curve, curve => {
                use curve::ecdsa::signature::hazmat::PrehashVerifier;
                let key = curve::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| operation_failed())?;
                curve::ecdsa::Signature::from_slice(&signature)
                    .is_ok_and(|signature| key.verify_prehash(&prehash, &signature).is_ok())
            });
            Ok(OpValue::Bool(valid))
        }))
    }
}

/// Makes a key: `(curve) -> [number of the public key, number of the private key]`.
pub(super) struct Generate;

impl Job for Generate {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let curve = Curve::named(&arguments.text()?)?;
        require_randomness(state)?;
        let (public, public_number) = KeySlot::reserve(state)?;
        let (private, private_number) = KeySlot::reserve(state)?;
        Ok(Box::new(move || {
            let scalar = with_curve!(curve, krate => {
                Zeroizing::new(krate::SecretKey::random(&mut SystemRandom).to_bytes().to_vec())
            });
            let key = curve.private(&scalar)?;
            if let Key::EcPrivate(_, _, point) = &key {
                public.fill(Key::EcPublic(curve, point.clone()))?;
            }
            private.fill(key)?;
            Ok(OpValue::List(vec![public_number, private_number]))
        }))
    }
}

/// The secret that two keys share: `(private key, public key) -> bytes`.
pub(super) struct Agree;

impl Job for Agree {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let private = KeySlot::find(state, &mut arguments)?;
        let public = KeySlot::find(state, &mut arguments)?;
        Ok(Box::new(move || match (private.key()?, public.key()?) {
            (Key::EcPrivate(curve, scalar, _), Key::EcPublic(other, point)) if curve == other => {
                let secret = with_curve!(curve, curve => {
                    let scalar = curve::SecretKey::from_slice(scalar).map_err(|_| operation_failed())?;
                    let point = curve::PublicKey::from_sec1_bytes(point).map_err(|_| operation_failed())?;
                    curve::ecdh::diffie_hellman(scalar.to_nonzero_scalar(), point.as_affine())
                        .raw_secret_bytes()
                        .to_vec()
                });
                Ok(OpValue::Bytes(secret))
            }
            (Key::X25519Private(private), Key::X25519Public(public)) => {
                okp::agree(private, public).map(OpValue::Bytes)
            }
            _ => Err(wrong_key()),
        }))
    }
}
