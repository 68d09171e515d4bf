//! The ops by themselves. How `Intl` looks from JavaScript is compared with Node by the checks in `tests/js/web`.

use super::OPS;
use crate::js::op::{Op, OpResult, OpValue};
use crate::js::state::Phase;
use crate::js::testing;

fn call(name: &str, arguments: Vec<OpValue>) -> OpResult {
    let (_, op) = OPS.iter().find(|(op, _)| *op == name).unwrap();
    match op {
        Op::Sync(run) => run(&mut testing::op_state(Phase::Query).unwrap(), arguments),
        _ => panic!("{name} is not at once"),
    }
}

fn text(value: &str) -> OpValue {
    OpValue::String(value.to_owned())
}

/// The text of parts.
fn join(result: OpResult) -> String {
    let OpValue::List(flat) = result.unwrap() else { panic!() };
    flat.into_iter()
        .skip(1)
        .step_by(2)
        .map(|piece| match piece {
            OpValue::String(piece) => piece,
            other => panic!("{other:?}"),
        })
        .collect()
}

const PLAIN: &str = r#""notation":"standard","signDisplay":"auto","useGrouping":"auto","minimumIntegerDigits":1,
    "minimumFractionDigits":0,"maximumFractionDigits":3"#;

#[test]
fn numbers_keep_all_their_digits() {
    let format = |locale: &str, number: &str| {
        let spec = format!(r#"{{"locale":"{locale}","style":"decimal",{PLAIN}}}"#);
        join(call("intl_number", vec![text(&spec), text(number)]))
    };
    assert_eq!(format("en-US", "123456789012345678901234567890"), "123,456,789,012,345,678,901,234,567,890");
    assert_eq!(format("de-DE", "-1234.5"), "-1.234,5");
    assert_eq!(format("hi-IN", "1234567"), "12,34,567");
    assert_eq!(format("en-US", "-0"), "-0");
    assert_eq!(format("en-US", "NaN"), "NaN");
    assert_eq!(format("en-US", "-Infinity"), "-∞");
}

#[test]
fn what_is_not_carried_is_named() {
    let spec =
        format!(r#"{{"locale":"en-US","style":"unit","unit":"celsius","unitDisplay":"short",{PLAIN}}}"#);
    let error = call("intl_number", vec![text(&spec), text("1")]).unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        ("RangeError", "Intl does not carry the unit celsius here")
    );
    let spec = r#"{"locale":"en-US","timeZone":"UTC","weekday":"long","year":"numeric"}"#;
    let error = call("intl_date", vec![text(spec), OpValue::Number(0.0)]).unwrap_err();
    assert_eq!(error.message, "Intl does not carry this combination of the components of a date here");
}

#[test]
fn zones_and_offsets() {
    let find = |name: &str| call("intl_zone", vec![text(name)]);
    assert_eq!(find("europe/berlin"), Ok(text("Europe/Berlin")));
    assert_eq!(find("etc/utc"), Ok(text("UTC")));
    assert_eq!(find("-0530"), Ok(text("-05:30")));
    assert_eq!(find("-00:00"), Ok(text("+00:00")));
    for wrong in ["Mars/Olympus", "", "+24:00", "+5", "+05:60", "+05:3x", "+é"] {
        assert_eq!(find(wrong).unwrap_err().class, "RangeError", "{wrong}");
    }

    let at = |zone: &str, milliseconds: f64| {
        let spec = format!(r#"{{"locale":"en-GB","timeZone":"{zone}","hour":"2-digit","minute":"2-digit"}}"#);
        join(call("intl_date", vec![text(&spec), OpValue::Number(milliseconds)]))
    };
    // The hour that does not exist in New York in March 2024, and the one that is there twice in November.
    assert_eq!(at("America/New_York", 1_710_053_999_000.0), "01:59");
    assert_eq!(at("America/New_York", 1_710_054_000_000.0), "03:00");
    assert_eq!(at("America/New_York", 1_730_610_000_000.0), "01:00");
    assert_eq!(at("America/New_York", 1_730_613_600_000.0), "01:00");
    assert_eq!(at("+05:45", 0.0), "05:45");
}

#[test]
fn dates_out_of_range_are_refused() {
    let spec = r#"{"locale":"en-US","timeZone":"UTC","year":"numeric"}"#;
    for milliseconds in [8.64e15, -8.64e15, f64::NAN] {
        let result = call("intl_date", vec![text(spec), OpValue::Number(milliseconds)]);
        assert!(milliseconds.is_nan() || result.unwrap_err().message.contains("years beyond 9999"));
    }
}

#[test]
fn a_spec_is_built_once() {
    use std::rc::Rc;
    let get = |text: &str| super::cache::built("test", text.to_owned(), |value: Vec<u32>| Ok(value)).unwrap();
    assert!(Rc::ptr_eq(&get("[1]"), &get("[1]")));
    assert!(!Rc::ptr_eq(&get("[1]"), &get("[2]")));
    // Many specs push the old ones out.
    let first = get("[1]");
    for number in 10..400 {
        get(&format!("[{number}]"));
    }
    assert!(!Rc::ptr_eq(&first, &get("[1]")));
}

#[test]
fn segments_count_in_utf_16() {
    let segments = call("intl_segments", vec![text("grapheme"), text("a👍🏽é")]).unwrap();
    let OpValue::List(flat) = segments else { panic!() };
    let ends: Vec<&OpValue> = flat.iter().step_by(2).collect();
    assert_eq!(ends, [&OpValue::Number(1.0), &OpValue::Number(5.0), &OpValue::Number(6.0)]);
}
