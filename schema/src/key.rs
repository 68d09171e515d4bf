//! Byte-sortable keys: `encode(a) < encode(b)` exactly when `a < b`.
//!
//! An index key is the concatenation of its fields' encodings, so every encoding is self-delimiting. Tags
//! leave gaps so that a type can be added in its place. An object's fields are written in order of their
//! names, each name before its value, which gives the order of the sorted list of pairs.

use crate::value::{Object, Value};

const UNDEFINED: u8 = 0x01;
const NULL: u8 = 0x03;
const INT_ZERO: u8 = 0x08;
const FLOAT: u8 = 0x0D;
const FALSE: u8 = 0x0E;
const TRUE: u8 = 0x0F;
const STRING: u8 = 0x10;
const BYTES: u8 = 0x11;
const ARRAY: u8 = 0x12;
const OBJECT: u8 = 0x15;
const TERMINATOR: u8 = 0x00;
const ESCAPE: u8 = 0xFF;

/// Appends the key of a field; `None` is a missing field, which sorts before every value.
pub fn encode_field(value: Option<&Value>, out: &mut Vec<u8>) {
    match value {
        None => out.push(UNDEFINED),
        Some(value) => encode(value, out),
    }
}

/// Appends the key of a value.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Int64(value) => encode_int(*value, out),
        Value::CommitTs => encode_int(i64::MAX, out),
        Value::Float64(value) => encode_float(*value, out),
        Value::Boolean(false) => out.push(FALSE),
        Value::Boolean(true) => out.push(TRUE),
        Value::String(value) => {
            out.push(STRING);
            encode_escaped(value.as_bytes(), out);
        }
        Value::Bytes(value) => {
            out.push(BYTES);
            encode_escaped(value, out);
        }
        Value::Array(values) => {
            out.push(ARRAY);
            for value in values {
                encode(value, out);
            }
            out.push(TERMINATOR);
        }
        Value::Object(object) => encode_object(object, out),
    }
}

/// Appends the key of a float.
pub fn encode_float(value: f64, out: &mut Vec<u8>) {
    let bits = value.to_bits();
    let sortable = if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits };
    out.push(FLOAT);
    out.extend_from_slice(&sortable.to_be_bytes());
}

/// Integers take the least width of 1, 2, 4 or 8 bytes; the tag grows with the width for positive numbers
/// and falls with it for negative ones.
fn encode_int(value: i64, out: &mut Vec<u8>) {
    if value == 0 {
        out.push(INT_ZERO);
        return;
    }
    let magnitude = if value > 0 { value as u64 } else { !(value as u64) };
    let (steps, width) = match magnitude {
        0..=0xFF => (1, 1),
        0x100..=0xFFFF => (2, 2),
        0x1_0000..=0xFFFF_FFFF => (3, 4),
        _ => (4, 8),
    };
    out.push(if value > 0 { INT_ZERO + steps } else { INT_ZERO - steps });
    out.extend_from_slice(&(value as u64).to_be_bytes()[8 - width..]);
}

fn encode_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 1);
    let mut rest = bytes;
    while let Some(position) = rest.iter().position(|byte| *byte == TERMINATOR) {
        out.extend_from_slice(&rest[..=position]);
        out.push(ESCAPE);
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
    out.push(TERMINATOR);
}

fn encode_object(object: &Object, out: &mut Vec<u8>) {
    out.push(OBJECT);
    for (name, value) in object.iter() {
        // A marker before each pair keeps the end of an object below any further field, the empty name included.
        out.push(STRING);
        encode_escaped(name.as_bytes(), out);
        encode(value, out);
    }
    out.push(TERMINATOR);
}

/// The least key greater than every key that starts with `prefix`; `None` if there is none.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xFF {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any value, with the corners that orders get wrong.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int64),
            prop_oneof![
                Just(0),
                Just(-1),
                Just(1),
                Just(255),
                Just(256),
                Just(-256),
                Just(-257),
                Just(i64::MIN)
            ]
            .prop_map(Value::Int64),
            any::<u64>().prop_map(|bits| Value::Float64(f64::from_bits(bits))),
            prop_oneof![Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1.5)]
                .prop_map(Value::Float64),
            any::<bool>().prop_map(Value::Boolean),
            "[\\x00a\u{10000}\u{ffff}]{0,4}".prop_map(Value::String),
            proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(255)], 0..5)
                .prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::vec(("[ab]{0,2}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn key_order_is_value_order(a in any_value(), b in any_value()) {
            let (mut key_a, mut key_b) = (Vec::new(), Vec::new());
            encode(&a, &mut key_a);
            encode(&b, &mut key_b);
            prop_assert_eq!(key_a.cmp(&key_b), a.cmp(&b));
        }

        #[test]
        fn keys_are_prefix_free(a in any_value(), b in any_value()) {
            let (mut key_a, mut key_b) = (Vec::new(), Vec::new());
            encode(&a, &mut key_a);
            encode(&b, &mut key_b);
            prop_assert!(a == b || !key_b.starts_with(&key_a));
        }
    }

    #[test]
    fn a_missing_field_sorts_first() {
        let (mut missing, mut null) = (Vec::new(), Vec::new());
        encode_field(None, &mut missing);
        encode_field(Some(&Value::Null), &mut null);
        assert!(missing < null);
    }

    #[test]
    fn prefix_end_skips_full_bytes() {
        assert_eq!(prefix_end(&[1, 0xFF]), Some(vec![2]));
        assert_eq!(prefix_end(&[0xFF, 0xFF]), None);
    }
}
