//! The operations by themselves. How they look from JavaScript is compared with Node by the checks in
//! `tests/js/web`.

use std::task::{Context, Poll, Waker};

use super::OPS;
use crate::js::op::{Op, OpError, OpResult, OpValue};
use crate::js::state::{OpState, Phase};
use crate::js::testing;
use crate::limits::{CRYPTO_KEYS_MAX, PBKDF2_TRANSACTION_ROUNDS_MAX};

fn state(phase: Phase) -> OpState {
    testing::op_state(phase).unwrap()
}

fn call(state: &mut OpState, name: &str, arguments: Vec<OpValue>) -> OpResult {
    let (_, op) = OPS.iter().find(|(op, _)| *op == name).unwrap();
    match op {
        Op::Sync(run) => run(state, arguments),
        Op::Async(run) => {
            match run(state, arguments).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => result,
                Poll::Pending => panic!("{name} waits"),
            }
        }
        Op::System(_) | Op::Deferred(_) => panic!("{name} is no such op"),
    }
}

fn text(value: &str) -> OpValue {
    OpValue::String(value.to_owned())
}

fn bytes(hex: &str) -> OpValue {
    OpValue::Bytes(unhex(hex))
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn secret(state: &mut OpState, key: Vec<u8>) -> OpValue {
    let key = call(state, "crypto_import", vec![text("raw"), text("secret"), text(""), OpValue::Bytes(key)]);
    match key.unwrap() {
        OpValue::Record(fields) => fields.into_iter().find(|(name, _)| name == "key").unwrap().1,
        other => panic!("{other:?}"),
    }
}

fn code(result: OpResult) -> &'static str {
    result.unwrap_err().class
}

/// Test cases 5 and 6 of the specification of GCM: nonces of 8 and of 60 bytes.
#[test]
fn gcm_takes_nonces_of_other_lengths() {
    let data = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
                b16aedf5aa0de657ba637b39";
    let additional = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    for (nonce, sealed) in [
        (
            "cafebabefacedbad",
            "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b42\
             4989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb",
        ),
        (
            "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b5254\
             16aedbf5a0de6a57a637b39b",
            "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281d48c7c6f\
             d62875d2aca417034c34aee5619cc5aefffe0bfa462af43c1699d050",
        ),
    ] {
        let mut state = state(Phase::Query);
        let key = secret(&mut state, unhex("feffe9928665731c6d6a8f9467308308"));
        let parameters = OpValue::Record(vec![
            ("iv".to_owned(), bytes(nonce)),
            ("additionalData".to_owned(), bytes(additional)),
        ]);
        let arguments = |encrypt, data| {
            vec![key.clone(), text("AES-GCM"), OpValue::Bool(encrypt), parameters.clone(), data]
        };
        assert_eq!(call(&mut state, "crypto_aes", arguments(true, bytes(data))), Ok(bytes(sealed)));
        assert_eq!(call(&mut state, "crypto_aes", arguments(false, bytes(sealed))), Ok(bytes(data)));
    }
}

#[test]
fn a_changed_tag_or_nonce_does_not_open() {
    let mut state = state(Phase::Query);
    let key = secret(&mut state, vec![7; 32]);
    let mut run = |encrypt: bool, nonce: u8, data: Vec<u8>| {
        let parameters = OpValue::Record(vec![("iv".to_owned(), OpValue::Bytes(vec![nonce; 12]))]);
        let arguments =
            vec![key.clone(), text("AES-GCM"), OpValue::Bool(encrypt), parameters, OpValue::Bytes(data)];
        call(&mut state, "crypto_aes", arguments)
    };
    let Ok(OpValue::Bytes(sealed)) = run(true, 1, vec![5; 40]) else { panic!() };
    assert_eq!(run(false, 1, sealed.clone()), Ok(OpValue::Bytes(vec![5; 40])));
    assert_eq!(code(run(false, 2, sealed.clone())), "OperationError");
    for at in [0, 39, 40, 55] {
        let mut changed = sealed.clone();
        changed[at] ^= 0x10;
        assert_eq!(code(run(false, 1, changed)), "OperationError", "byte {at}");
    }
}

#[test]
fn real_randomness_is_for_actions() {
    let make = |phase| {
        let mut state = state(phase);
        let results: Vec<OpResult> = vec![
            call(&mut state, "crypto_secret_generate", vec![OpValue::Number(16.0)]),
            call(&mut state, "crypto_ec_generate", vec![text("P-256")]),
            call(&mut state, "crypto_okp_generate", vec![text("X25519")]),
            call(
                &mut state,
                "crypto_rsa_generate_later",
                vec![OpValue::Number(512.0), OpValue::Bytes(vec![1, 0, 1])],
            ),
        ];
        results
    };
    assert!(make(Phase::Action).iter().all(Result::is_ok));
    assert!(make(Phase::HttpAction).iter().all(Result::is_ok));
    for (phase, beginning) in [
        (Phase::Query, "Can't use cryptographic randomness in queries and mutations. Please consider"),
        (Phase::Mutation, "Can't use cryptographic randomness in queries and mutations. Please consider"),
        (Phase::Import, "Can't use cryptographic randomness at import time."),
    ] {
        for result in make(phase) {
            let OpError { class, message } = result.unwrap_err();
            assert!(class == "Error" && message.starts_with(beginning), "{class}: {message}");
        }
    }
}

#[test]
fn slow_work_has_bounds() {
    let mut state = state(Phase::Mutation);
    let key = secret(&mut state, b"password".to_vec());
    let mut derive = |iterations: u64| {
        let numbers = [OpValue::Number(iterations as f64), OpValue::Number(32.0)];
        let mut arguments = vec![key.clone(), text("SHA-256"), bytes("00")];
        arguments.extend(numbers);
        call(&mut state, "crypto_pbkdf2", arguments)
    };
    assert!(derive(1_000).is_ok());
    let refused = derive(PBKDF2_TRANSACTION_ROUNDS_MAX + 1).unwrap_err();
    assert!(refused.message.contains("actions may do more"), "{}", refused.message);

    let mut state = testing::op_state(Phase::Action).unwrap();
    let arguments = vec![OpValue::Number(16_384.0), OpValue::Bytes(vec![1, 0, 1])];
    let refused = call(&mut state, "crypto_rsa_generate_later", arguments).unwrap_err();
    assert!(refused.message.contains("use at most 4096 bits"), "{}", refused.message);
    // With an exponent that no key can have the search would never end.
    for exponent in [vec![0], vec![1], vec![2], vec![1; 600]] {
        let arguments = vec![OpValue::Number(2_048.0), OpValue::Bytes(exponent)];
        assert_eq!(code(call(&mut state, "crypto_rsa_generate_later", arguments)), "OperationError");
    }
}

#[test]
fn keys_have_a_number_and_a_bound() {
    let mut state = state(Phase::Query);
    let sign = |state: &mut OpState, key: OpValue| {
        call(state, "crypto_hmac_sign", vec![key, text("SHA-256"), bytes("00")])
    };
    assert_eq!(code(sign(&mut state, OpValue::Number(0.0))), "InvalidAccessError");
    for _ in 0..CRYPTO_KEYS_MAX {
        secret(&mut state, vec![1; 16]);
    }
    assert!(sign(&mut state, OpValue::Number(9.0)).is_ok());
    let arguments = vec![text("raw"), text("secret"), text(""), bytes("00")];
    let refused = call(&mut state, "crypto_import", arguments).unwrap_err();
    assert!(refused.message.contains("import a key once"), "{}", refused.message);
}

#[test]
fn ecdsa_is_deterministic() {
    let mut state = state(Phase::Query);
    for (curve, size) in [("P-256", 32), ("P-384", 48), ("P-521", 66)] {
        let mut scalar = vec![0; size];
        scalar[size - 3..].copy_from_slice(&[1, 2, 3]);
        let point = match super::ec::Curve::named(curve).unwrap().private(&scalar).unwrap() {
            super::key::Key::EcPrivate(_, _, point) => point,
            _ => panic!(),
        };
        let coordinate = |at: usize| {
            use base64::Engine;
            let bytes = if at == 2 { scalar.as_slice() } else { &point[1 + at * size..1 + (at + 1) * size] };
            OpValue::String(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
        };
        let members = ["x", "y", "d"].into_iter().enumerate();
        let jwk = OpValue::Record(members.map(|(at, name)| (name.to_owned(), coordinate(at))).collect());
        let imported =
            call(&mut state, "crypto_import", vec![text("jwk"), text("EC"), text(curve), jwk]).unwrap();
        let OpValue::Record(fields) = imported else { panic!() };
        let key = fields[0].1.clone();
        let mut sign = |data: &str| {
            call(&mut state, "crypto_ecdsa_sign", vec![key.clone(), text("SHA-1"), bytes(data)]).unwrap()
        };
        assert_eq!(sign("00"), sign("00"), "{curve}");
        assert_ne!(sign("00"), sign("01"), "{curve}");
    }
}
