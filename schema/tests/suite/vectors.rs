//! The vector file `vectors/values.json`, which `tests/js/values.test.js` goes through with the npm package.

use fusion_schema::json::{Format, decode, encode, encode_to, from_serde, to_serde};
use fusion_schema::{DocumentId, TableNumber, Value, key};
use serde_json::Value as Json;

fn vectors() -> Json {
    serde_json::from_str(include_str!("../vectors/values.json")).unwrap()
}

fn cases<'a>(vectors: &'a Json, pointer: &str) -> &'a [Json] {
    let cases = vectors.pointer(pointer).and_then(Json::as_array).unwrap();
    assert!(cases.len() > 5, "{pointer} has lost its cases");
    cases
}

fn text<'a>(case: &'a Json, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{case} lacks {name}"))
}

fn format(value: &Value, format: Format) -> String {
    let mut out = String::new();
    encode_to(value, format, &mut out);
    out
}

#[test]
fn every_value_has_its_three_forms_size_and_nesting() {
    for case in cases(&vectors(), "/values") {
        let name = text(case, "name");
        let encoded = text(case, "encoded");
        let value = decode(encoded).unwrap();
        assert_eq!(decode(&encode(&value)).unwrap(), value, "{name}");
        assert_eq!(from_serde(&to_serde(&value, Format::Encoded)).unwrap(), value, "{name}");
        assert_eq!(value.size() as u64, case["size"], "size of {name}");
        assert_eq!(value.nesting() as u64, case["nesting"], "nesting of {name}");
        if case.get("clean").is_some() {
            assert_eq!(format(&value, Format::Encoded), encoded, "{name}");
            assert_eq!(format(&value, Format::Clean), text(case, "clean"), "clean form of {name}");
            assert_eq!(format(&value, Format::Export), text(case, "export"), "export form of {name}");
        }
    }
}

#[test]
fn other_spellings_are_read_as_the_same_value() {
    for case in cases(&vectors(), "/reads") {
        assert_eq!(decode(text(case, "text")).unwrap(), decode(text(case, "encoded")).unwrap(), "{case}");
    }
}

#[test]
fn what_is_invalid_is_refused_with_the_reason() {
    for case in cases(&vectors(), "/invalid") {
        let error = decode(text(case, "text")).expect_err(text(case, "name")).to_string();
        assert!(error.contains(text(case, "fragment")), "{}: {error}", case["name"]);
    }
}

#[test]
fn values_and_their_keys_ascend() {
    let vectors = vectors();
    let values: Vec<Value> =
        cases(&vectors, "/order").iter().map(|case| decode(case.as_str().unwrap()).unwrap()).collect();
    let keys: Vec<Vec<u8>> = values
        .iter()
        .map(|value| {
            let mut out = Vec::new();
            key::encode(value, &mut out);
            out
        })
        .collect();
    for (left, (value, key)) in values.iter().zip(&keys).enumerate() {
        for (right, (other, other_key)) in values.iter().zip(&keys).enumerate() {
            assert_eq!(value.cmp(other), left.cmp(&right), "{value:?} against {other:?}");
            assert_eq!(key.cmp(other_key), left.cmp(&right), "keys of {value:?} and {other:?}");
        }
    }
}

#[test]
fn ids_are_read_and_written_one_to_one() {
    for case in cases(&vectors(), "/ids/valid") {
        let id = DocumentId::decode(text(case, "text")).unwrap();
        assert_eq!(id.table, TableNumber(case["table"].as_u64().unwrap() as u32));
        let internal: String = id.internal.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(internal, text(case, "internal"));
        assert_eq!(id.to_string(), text(case, "text"));
    }
    for case in cases(&vectors(), "/ids/invalid") {
        assert!(DocumentId::decode(text(case, "text")).is_err(), "{case}");
    }
}
