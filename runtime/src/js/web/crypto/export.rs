//! Keys in their outside forms. Whether a key may leave is decided before (`subtle.js` knows what is extractable).

use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use ::rsa::{BigUint, RsaPrivateKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};

use super::ec::with_curve;
use super::job::{Job, Work};
use super::key::{Key, KeySlot};
use super::{okp, operation_failed, wrong_key};
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// Exports a key: `(key, format) -> bytes`, or for `jwk` the members that hold the material.
pub(super) struct Export;

impl Job for Export {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let format = arguments.text()?;
        Ok(Box::new(move || {
            let key = slot.key()?;
            match format.as_str() {
                "raw" => raw(key),
                "spki" => spki(key),
                "pkcs8" => pkcs8(key),
                "jwk" => jwk(key),
                _ => Err(operation_failed()),
            }
        }))
    }
}

fn raw(key: &Key) -> OpResult {
    let bytes = match key {
        Key::Secret(bytes) => bytes.to_vec(),
        Key::EcPublic(_, point) => point.clone(),
        Key::Ed25519Public(key) => key.to_bytes().to_vec(),
        Key::X25519Public(bytes) => bytes.to_vec(),
        _ => return Err(wrong_key()),
    };
    Ok(OpValue::Bytes(bytes))
}

/// The containers of the 25519 curves up to the key itself: `SEQUENCE { SEQUENCE { OID 1.3.101.x } … }`.
fn okp_container(private: bool, oid_end: u8, key: &[u8]) -> Vec<u8> {
    let mut der = match private {
        false => vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, oid_end, 0x03, 0x21, 0x00],
        true => {
            vec![0x30, 0x2e, 2, 1, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, oid_end, 0x04, 0x22, 0x04, 0x20]
        }
    };
    der.extend_from_slice(key);
    der
}

const ED25519: u8 = 0x70;
const X25519: u8 = 0x6e;

fn spki(key: &Key) -> OpResult {
    let der = match key {
        Key::RsaPublic(key) => key.to_public_key_der().map_err(|_| operation_failed())?.into_vec(),
        Key::EcPublic(curve, point) => with_curve!(curve, curve => {
            let key = curve::PublicKey::from_sec1_bytes(point).map_err(|_| operation_failed())?;
            key.to_public_key_der().map_err(|_| operation_failed())?.into_vec()
        }),
        Key::Ed25519Public(key) => okp_container(false, ED25519, key.as_bytes()),
        Key::X25519Public(bytes) => okp_container(false, X25519, bytes),
        _ => return Err(wrong_key()),
    };
    Ok(OpValue::Bytes(der))
}

fn pkcs8(key: &Key) -> OpResult {
    let der = match key {
        Key::RsaPrivate(pair) => pair.key.to_pkcs8_der().map_err(|_| operation_failed())?.as_bytes().to_vec(),
        Key::EcPrivate(curve, scalar, _) => with_curve!(curve, curve => {
            let key = curve::SecretKey::from_slice(scalar).map_err(|_| operation_failed())?;
            key.to_pkcs8_der().map_err(|_| operation_failed())?.as_bytes().to_vec()
        }),
        Key::Ed25519Private(key) => okp_container(true, ED25519, key.as_bytes()),
        Key::X25519Private(bytes) => okp_container(true, X25519, bytes.as_ref()),
        _ => return Err(wrong_key()),
    };
    Ok(OpValue::Bytes(der))
}

fn jwk(key: &Key) -> OpResult {
    let members: Vec<(&str, Vec<u8>)> = match key {
        Key::Secret(bytes) => vec![("k", bytes.to_vec())],
        Key::RsaPublic(key) => vec![("n", key.n().to_bytes_be()), ("e", key.e().to_bytes_be())],
        Key::RsaPrivate(pair) => rsa_members(&pair.key)?,
        Key::EcPublic(_, point) => point_members(point),
        Key::EcPrivate(_, scalar, point) => {
            let mut members = point_members(point);
            members.push(("d", scalar.to_vec()));
            members
        }
        Key::Ed25519Public(key) => vec![("x", key.to_bytes().to_vec())],
        Key::Ed25519Private(key) => {
            vec![("d", key.to_bytes().to_vec()), ("x", key.verifying_key().to_bytes().to_vec())]
        }
        Key::X25519Public(bytes) => vec![("x", bytes.to_vec())],
        Key::X25519Private(bytes) => vec![("d", bytes.to_vec()), ("x", okp::x25519_public(bytes).to_vec())],
    };
    let text = |bytes: Vec<u8>| OpValue::String(URL_SAFE_NO_PAD.encode(bytes));
    Ok(OpValue::Record(members.into_iter().map(|(name, bytes)| (name.to_owned(), text(bytes))).collect()))
}

/// The coordinates of an uncompressed point.
fn point_members(point: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    vec![("x", x.to_vec()), ("y", y.to_vec())]
}

fn rsa_members(key: &RsaPrivateKey) -> Result<Vec<(&'static str, Vec<u8>)>, OpError> {
    let [p, q] = key.primes() else { return Err(operation_failed()) };
    let (dp, dq, qi) = (key.dp(), key.dq(), key.crt_coefficient());
    let (Some(dp), Some(dq), Some(qi)) = (dp, dq, qi) else { return Err(operation_failed()) };
    let bytes = BigUint::to_bytes_be;
    Ok(vec![
        ("n", bytes(key.n())),
        ("e", bytes(key.e())),
        ("d", bytes(key.d())),
        ("p", bytes(p)),
        ("q", bytes(q)),
        ("dp", bytes(dp)),
        ("dq", bytes(dq)),
        ("qi", bytes(&qi)),
    ])
}
