//! Keys from their outside forms: raw bytes, SPKI, PKCS#8 and the members of a JWK.

use ::rsa::pkcs1;
use ::rsa::traits::PublicKeyParts;
use ::rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::{SigningKey, VerifyingKey};
use p256::pkcs8::der::Decode;
use p256::pkcs8::der::asn1::ObjectIdentifier;
use p256::pkcs8::spki::AlgorithmIdentifierRef;
use p256::pkcs8::{PrivateKeyInfo, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::ec::{Curve, with_curve};
use super::job::{Job, Work};
use super::key::{Key, KeySlot};
use super::rsa::RsaPair;
use super::{invalid_key_data, okp};
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::{Arguments, Fields};
use crate::limits::RSA_IMPORTED_BITS_MAX;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Base64 for URLs as JWKs have it; padding is tolerated.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The kinds of keys that an import can ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Secret,
    Rsa,
    Ec(Curve),
    Ed25519,
    X25519,
}

/// Imports a key: `(format, family, curve, data) -> { key, type, length?, publicExponent? }`, where the family is
/// `secret`, `RSA`, `EC`, `Ed25519` or `X25519`, the curve is `""` but for `EC`, and the data are bytes or, for `jwk`, the members as text.
pub(super) struct Import;

impl Job for Import {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let (format, family, curve) = (arguments.text()?, arguments.text()?, arguments.text()?);
        let family = match family.as_str() {
            "secret" => Family::Secret,
            "RSA" => Family::Rsa,
            "EC" => Family::Ec(Curve::named(&curve)?),
            "Ed25519" => Family::Ed25519,
            "X25519" => Family::X25519,
            _ => return Err(OpError::new("NotSupportedError", "Unrecognized algorithm name")),
        };
        let key = match format.as_str() {
            "raw" => raw(family, arguments.bytes()?)?,
            "spki" => spki(family, &arguments.bytes()?)?,
            "pkcs8" => pkcs8(family, &Zeroizing::new(arguments.bytes()?))?,
            "jwk" => jwk(family, &mut arguments.record()?)?,
            _ => return Err(invalid_key_data()),
        };
        let description = describe(&key);
        let (slot, number) = KeySlot::reserve(state)?;
        slot.fill(key)?;
        Ok(Box::new(move || {
            let mut fields = vec![("key".to_owned(), number)];
            fields.extend(description);
            Ok(OpValue::Record(fields))
        }))
    }
}

/// What JavaScript must know of a key.
fn describe(key: &Key) -> Vec<(String, OpValue)> {
    let (kind, length, exponent) = match key {
        Key::Secret(bytes) => ("secret", Some(bytes.len() * 8), None),
        Key::RsaPublic(key) => ("public", Some(key.n().bits()), Some(key.e().to_bytes_be())),
        Key::RsaPrivate(pair) => ("private", Some(pair.key.n().bits()), Some(pair.key.e().to_bytes_be())),
        Key::EcPublic(..) | Key::Ed25519Public(_) | Key::X25519Public(_) => ("public", None, None),
        Key::EcPrivate(..) | Key::Ed25519Private(_) | Key::X25519Private(_) => ("private", None, None),
    };
    let mut fields = vec![("type".to_owned(), OpValue::String(kind.to_owned()))];
    fields.extend(length.map(|length| ("length".to_owned(), OpValue::Number(length as f64))));
    fields.extend(exponent.map(|exponent| ("publicExponent".to_owned(), OpValue::Bytes(exponent))));
    fields
}

fn raw(family: Family, data: Vec<u8>) -> Result<Key, OpError> {
    match family {
        Family::Secret => Ok(Key::Secret(Zeroizing::new(data))),
        Family::Rsa => Err(OpError::new("NotSupportedError", "Unable to import RSA key with format raw")),
        Family::Ec(curve) => Ok(Key::EcPublic(curve, curve.point(&data)?)),
        Family::Ed25519 => ed25519_public(&data),
        Family::X25519 => x25519_public(&data),
    }
}

fn spki(family: Family, der: &[u8]) -> Result<Key, OpError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| invalid_key_data())?;
    let bits = info.subject_public_key.as_bytes().ok_or_else(invalid_key_data)?;
    check_algorithm(family, &info.algorithm)?;
    match family {
        Family::Secret => Err(invalid_key_data()),
        Family::Rsa => {
            let key = pkcs1::RsaPublicKey::from_der(bits).map_err(|_| invalid_key_data())?;
            rsa_public(key.modulus.as_bytes(), key.public_exponent.as_bytes())
        }
        Family::Ec(_) | Family::Ed25519 | Family::X25519 => raw(family, bits.to_vec()),
    }
}

fn pkcs8(family: Family, der: &[u8]) -> Result<Key, OpError> {
    let info = PrivateKeyInfo::from_der(der).map_err(|_| invalid_key_data())?;
    check_algorithm(family, &info.algorithm)?;
    let inner = info.private_key;
    match family {
        Family::Secret => Err(invalid_key_data()),
        Family::Rsa => {
            let key = pkcs1::RsaPrivateKey::from_der(inner).map_err(|_| invalid_key_data())?;
            rsa_private([
                key.modulus.as_bytes(),
                key.public_exponent.as_bytes(),
                key.private_exponent.as_bytes(),
                key.prime1.as_bytes(),
                key.prime2.as_bytes(),
            ])
        }
        Family::Ec(curve) => {
            let scalar = with_curve!(curve, curve => {
                let key = curve::SecretKey::from_sec1_der(inner).map_err(|_| invalid_key_data())?;
                Zeroizing::new(key.to_bytes().to_vec())
            });
            curve.private(&scalar)
        }
        // An octet string inside the octet string.
        Family::Ed25519 | Family::X25519 => match inner {
            [4, 32, seed @ ..] if family == Family::Ed25519 => ed25519_private(seed),
            [4, 32, seed @ ..] => x25519_private(seed),
            _ => Err(invalid_key_data()),
        },
    }
}

/// Whether the algorithm that a container names is the one that was asked for.
fn check_algorithm(family: Family, algorithm: &AlgorithmIdentifierRef<'_>) -> Result<(), OpError> {
    let wanted = match family {
        Family::Secret => return Err(invalid_key_data()),
        Family::Rsa => RSA,
        Family::Ec(_) => EC,
        Family::Ed25519 => ED25519,
        Family::X25519 => X25519,
    };
    if algorithm.oid != wanted {
        return Err(OpError::new("DataError", "Invalid key type"));
    }
    if let Family::Ec(curve) = family {
        let wanted = match curve {
            Curve::P256 => P256,
            Curve::P384 => P384,
            Curve::P521 => P521,
        };
        if algorithm.parameters_oid().map_err(|_| invalid_key_data())? != wanted {
            return Err(OpError::new("DataError", "Named curve mismatch"));
        }
    }
    Ok(())
}

fn jwk(family: Family, members: &mut Fields) -> Result<Key, OpError> {
    let mut member = |name: &str| -> Result<Option<Zeroizing<Vec<u8>>>, OpError> {
        let Some(text) = members.text(name)? else { return Ok(None) };
        BASE64
            .decode(Zeroizing::new(text).as_bytes())
            .map(|bytes| Some(Zeroizing::new(bytes)))
            .map_err(|_| invalid_key_data())
    };
    let missing = invalid_key_data;
    match family {
        Family::Secret => Ok(Key::Secret(member("k")?.ok_or_else(missing)?)),
        Family::Rsa => {
            let (n, e) = (member("n")?.ok_or_else(missing)?, member("e")?.ok_or_else(missing)?);
            match member("d")? {
                None => rsa_public(&n, &e),
                Some(d) => {
                    let (p, q) = (member("p")?.ok_or_else(missing)?, member("q")?.ok_or_else(missing)?);
                    rsa_private([&n, &e, &d, &p, &q])
                }
            }
        }
        Family::Ec(curve) => {
            let (x, y) = (member("x")?.ok_or_else(missing)?, member("y")?.ok_or_else(missing)?);
            let mut encoded = vec![4];
            for coordinate in [&x, &y] {
                let padding = curve.size().checked_sub(coordinate.len()).ok_or_else(missing)?;
                encoded.resize(encoded.len() + padding, 0);
                encoded.extend_from_slice(coordinate);
            }
            let point = curve.point(&encoded)?;
            let Some(scalar) = member("d")? else { return Ok(Key::EcPublic(curve, point)) };
            let key = curve.private(&scalar)?;
            match &key {
                Key::EcPrivate(_, _, own) if *own == point => Ok(key),
                _ => Err(invalid_key_data()),
            }
        }
        Family::Ed25519 => {
            let public = ed25519_public(&member("x")?.ok_or_else(missing)?)?;
            let Some(seed) = member("d")? else { return Ok(public) };
            let private = ed25519_private(&seed)?;
            match (&public, &private) {
                (Key::Ed25519Public(x), Key::Ed25519Private(d)) if d.verifying_key() == *x => Ok(private),
                _ => Err(invalid_key_data()),
            }
        }
        Family::X25519 => {
            let public = x25519_public(&member("x")?.ok_or_else(missing)?)?;
            let Some(scalar) = member("d")? else { return Ok(public) };
            let private = x25519_private(&scalar)?;
            match (&public, &private) {
                (Key::X25519Public(x), Key::X25519Private(d)) if okp::x25519_public(d) == *x => Ok(private),
                _ => Err(invalid_key_data()),
            }
        }
    }
}

fn rsa_public(n: &[u8], e: &[u8]) -> Result<Key, OpError> {
    let (n, e) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
    RsaPublicKey::new_with_max_size(n, e, RSA_IMPORTED_BITS_MAX)
        .map(Key::RsaPublic)
        .map_err(|_| invalid_key_data())
}

/// From n, e, d, p and q.
fn rsa_private(numbers: [&[u8]; 5]) -> Result<Key, OpError> {
    if numbers.iter().any(|number| number.len() * 8 > RSA_IMPORTED_BITS_MAX + 8) {
        return Err(OpError::new(
            "DataError",
            format!("RSA keys of more than {RSA_IMPORTED_BITS_MAX} bits are not supported"),
        ));
    }
    let [n, e, d, p, q] = numbers.map(BigUint::from_bytes_be);
    let key = RsaPrivateKey::from_components(n, e, d, vec![p, q]).map_err(|_| invalid_key_data())?;
    key.validate().map_err(|_| invalid_key_data())?;
    Ok(Key::RsaPrivate(Box::new(RsaPair::new(key))))
}

fn ed25519_public(bytes: &[u8]) -> Result<Key, OpError> {
    let bytes = bytes.try_into().map_err(|_| invalid_key_data())?;
    VerifyingKey::from_bytes(&bytes).map(Key::Ed25519Public).map_err(|_| invalid_key_data())
}

fn ed25519_private(seed: &[u8]) -> Result<Key, OpError> {
    let seed = Zeroizing::new(seed.try_into().map_err(|_| invalid_key_data())?);
    Ok(Key::Ed25519Private(Box::new(SigningKey::from_bytes(&seed))))
}

fn x25519_public(bytes: &[u8]) -> Result<Key, OpError> {
    bytes.try_into().map(Key::X25519Public).map_err(|_| invalid_key_data())
}

fn x25519_private(bytes: &[u8]) -> Result<Key, OpError> {
    let bytes = bytes.try_into().map_err(|_| invalid_key_data())?;
    Ok(Key::X25519Private(Zeroizing::new(bytes)))
}
