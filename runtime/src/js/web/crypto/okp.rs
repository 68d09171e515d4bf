//! Ed25519 and X25519.

use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{Signature, Signer, SigningKey};
use zeroize::Zeroizing;

use super::job::{Job, Work};
use super::key::{Key, KeySlot};
use super::random::require_randomness;
use super::{operation_failed, wrong_key};
use crate::clock;
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// The public half of an X25519 key.
pub(super) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    MontgomeryPoint::mul_base_clamped(*private).to_bytes()
}

/// The secret that two X25519 keys share; fails for the points that would give zero whatever the private key.
pub(super) fn agree(private: &[u8; 32], public: &[u8; 32]) -> Result<Vec<u8>, OpError> {
    let shared = MontgomeryPoint(*public).mul_clamped(*private).to_bytes();
    if shared == [0; 32] {
        return Err(operation_failed());
    }
    Ok(shared.to_vec())
}

/// Signs: `(key, data) -> bytes`.
pub(super) struct Sign;

impl Job for Sign {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let data = arguments.bytes()?;
        Ok(Box::new(move || match slot.key()? {
            Key::Ed25519Private(key) => Ok(OpValue::Bytes(key.sign(&data).to_bytes().to_vec())),
            _ => Err(wrong_key()),
        }))
    }
}

/// Checks a signature: `(key, signature, data) -> boolean`.
pub(super) struct Verify;

impl Job for Verify {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (signature, data) = (arguments.bytes()?, arguments.bytes()?);
        Ok(Box::new(move || match slot.key()? {
            Key::Ed25519Public(key) => Ok(OpValue::Bool(
                Signature::from_slice(&signature)
                    .is_ok_and(|signature| key.verify_strict(&data, &signature).is_ok()),
            )),
            _ => Err(wrong_key()),
        }))
    }
}

/// Makes a key: `(name) -> [number of the public key, number of the private key]`.
pub(super) struct Generate;

impl Job for Generate {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let name = arguments.text()?;
        require_randomness(state)?;
        let (public, public_number) = KeySlot::reserve(state)?;
        let (private, private_number) = KeySlot::reserve(state)?;
        Ok(Box::new(move || {
            let mut bytes = Zeroizing::new([0; 32]);
            clock::fill_random(bytes.as_mut());
            match name.as_str() {
                "Ed25519" => {
                    let key = SigningKey::from_bytes(&bytes);
                    public.fill(Key::Ed25519Public(key.verifying_key()))?;
                    private.fill(Key::Ed25519Private(Box::new(key)))?;
                }
                "X25519" => {
                    public.fill(Key::X25519Public(x25519_public(&bytes)))?;
                    private.fill(Key::X25519Private(bytes))?;
                }
                _ => return Err(operation_failed()),
            }
            Ok(OpValue::List(vec![public_number, private_number]))
        }))
    }
}
