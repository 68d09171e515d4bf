//! Validators: their JSON, what they accept, and the texts people read when they do not.

use fusion_schema::json::decode;
use fusion_schema::{DocumentId, FieldValidator, TableNumber, Validator, Value, object};
use proptest::prelude::*;
use serde_json::json;

fn tables(number: TableNumber) -> Option<String> {
    match number.0 {
        540 => Some("_storage".into()),
        520 => Some("_modules".into()),
        10001 => Some("users".into()),
        10002 => Some("messages".into()),
        _ => None,
    }
}

fn id(table: u32) -> String {
    DocumentId::new(TableNumber(table), [7; 16]).to_string()
}

fn validator(json: serde_json::Value) -> Validator {
    Validator::from_json(&json).unwrap()
}

/// The error's text for a value given as encoded JSON.
fn refusal(validator: &Validator, value: &str) -> String {
    validator.check(&decode(value).unwrap(), &tables).unwrap_err().to_string()
}

#[test]
fn json_goes_both_ways() {
    for json in [
        json!({"type": "null"}),
        json!({"type": "boolean"}),
        json!({"type": "string"}),
        json!({"type": "bytes"}),
        json!({"type": "number"}),
        json!({"type": "bigint"}),
        json!({"type": "commitTs"}),
        json!({"type": "any"}),
        json!({"type": "id", "tableName": "users"}),
        json!({"type": "literal", "value": "on"}),
        json!({"type": "literal", "value": true}),
        json!({"type": "literal", "value": 7}),
        json!({"type": "literal", "value": {"$integer": "AQAAAAAAAAA="}}),
        json!({"type": "array", "value": {"type": "null"}}),
        json!({"type": "object", "value": {
            "a": {"fieldType": {"type": "string"}, "optional": true},
            "b": {"fieldType": {"type": "object", "value": {}}, "optional": false},
        }}),
        json!({"type": "record", "keys": {"type": "id", "tableName": "users"},
               "values": {"fieldType": {"type": "any"}, "optional": false}}),
        json!({"type": "union", "value": [{"type": "null"}, {"type": "number"}]}),
        json!({"type": "union", "value": []}),
    ] {
        assert_eq!(validator(json.clone()).to_json(), json);
    }
}

#[test]
fn older_names_are_read() {
    for (old, new) in [("float64", "number"), ("int64", "bigint"), ("map", "any"), ("set", "any")] {
        assert_eq!(validator(json!({ "type": old })).to_json(), json!({ "type": new }));
    }
}

#[test]
fn a_wrong_validator_is_refused_with_a_code_and_the_reason() {
    let string = json!({"type": "string"});
    for (json, code, fragment) in [
        (json!({}), "InvalidValidator", "needs a \"type\""),
        (json!({"type": "date"}), "InvalidValidator", "\"date\""),
        (json!({"type": "array"}), "InvalidValidator", "lacks \"value\""),
        (json!({"type": "union", "value": {}}), "InvalidValidator", "array of validators"),
        (json!({"type": "object", "value": []}), "InvalidValidator", "object of fields"),
        (json!({"type": "object", "value": {"a": {}}}), "InvalidValidator", "lacks \"fieldType\""),
        (
            json!({"type": "object", "value": {"a b": {"fieldType": {"type": "any"}}}}),
            "InvalidFieldName",
            "\"a b\"",
        ),
        (json!({"type": "id", "tableName": "1st"}), "InvalidTableName", "\"1st\""),
        (json!({"type": "literal", "value": null}), "InvalidValidator", "not null"),
        (
            json!({"type": "record", "keys": {"type": "literal", "value": "a"}, "values": {"fieldType": string}}),
            "InvalidRecordType",
            "v.literal(\"a\")",
        ),
        (
            json!({"type": "record", "keys": {"type": "union", "value": [string, {"type": "number"}]},
                   "values": {"fieldType": string}}),
            "InvalidRecordType",
            "must be strings",
        ),
        (
            json!({"type": "record", "keys": string, "values": {"fieldType": string, "optional": true}}),
            "InvalidRecordType",
            "cannot be optional",
        ),
    ] {
        let error = Validator::from_json(&json).unwrap_err();
        assert_eq!(error.code, code, "{json}");
        assert!(error.message.contains(fragment), "{json}: {error}");
    }
}

#[test]
fn prints_as_people_write_it() {
    let all = validator(json!({"type": "object", "value": {
        "list": {"fieldType": {"type": "array", "value": {"type": "number"}}, "optional": true},
        "owner": {"fieldType": {"type": "id", "tableName": "users"}, "optional": false},
        "state": {"fieldType": {"type": "union", "value": [
            {"type": "literal", "value": "on"}, {"type": "literal", "value": 2},
            {"type": "literal", "value": {"$integer": "AwAAAAAAAAA="}}, {"type": "literal", "value": false},
        ]}},
        "map": {"fieldType": {"type": "record", "keys": {"type": "string"}, "values": {"fieldType": {"type": "bigint"}}}},
    }}));
    assert_eq!(
        all.to_string(),
        "v.object({list: v.optional(v.array(v.float64())), map: v.record(v.string(), v.int64()), owner: \
         v.id(\"users\"), state: v.union(v.literal(\"on\"), v.literal(2.0), v.literal(3n), v.literal(false))})"
    );
}

#[test]
fn a_missing_field_names_itself_and_shows_the_object() {
    let validator = Validator::object([("body", FieldValidator::required(Validator::String))]);
    assert_eq!(
        refusal(&validator, "{}"),
        "Object is missing the required field `body`. Consider wrapping the field validator in \
         `v.optional(...)` if this is expected.\n\nObject: {}\nValidator: v.object({body: v.string()})"
    );
    let error = validator.check(&object! {}.into(), &tables).unwrap_err();
    assert!(error.for_arguments().starts_with("ArgumentValidationError: Object is missing"));
    assert!(error.for_returns().starts_with("ReturnsValidationError: Object is missing"));
}

#[test]
fn objects_are_closed() {
    let validator = Validator::object([("a", FieldValidator::optional(Validator::Float64))]);
    assert!(validator.check(&object! {}.into(), &tables).is_ok());
    assert_eq!(
        refusal(&validator, r#"{"a":1,"b c":[1.5,null,true,"x",{"$integer":"AQAAAAAAAAA="}]}"#),
        "Object contains extra field `b c` that is not in the validator.\n\nObject: {a: 1.0, \"b c\": [1.5, null, \
         true, \"x\", 1n]}\nValidator: v.object({a: v.optional(v.float64())})"
    );
}

#[test]
fn the_path_leads_to_what_is_wrong() {
    let validator = validator(json!({"type": "object", "value": {"a": {"fieldType": {"type": "record",
    "keys": {"type": "string"}, "values": {"fieldType": {"type": "array", "value": {"type": "object", "value": {
        "n": {"fieldType": {"type": "number"}},
    }}}}}}}}));
    assert_eq!(
        refusal(&validator, r#"{"a":{"b":[{"n":1},{"n":"two"}]}}"#),
        "Value does not match validator.\nPath: .a.b[1].n\nValue: \"two\"\nValidator: v.float64()"
    );
    assert_eq!(
        refusal(&validator, r#"{"a":{"b c":[{"n":1},{}]}}"#).lines().nth(1),
        Some("Path: .a[\"b c\"][1]")
    );
}

#[test]
fn literals_and_unions_say_what_was_found() {
    let literal = Validator::literal("on");
    assert_eq!(
        refusal(&literal, "\"off\""),
        "`\"off\"` does not match literal validator `v.literal(\"on\")`.\n\nValue: \"off\"\nValidator: \
         v.literal(\"on\")"
    );
    let union = Validator::Union(vec![literal, Validator::Null]);
    assert!(union.check(&Value::Null, &tables).is_ok());
    assert_eq!(
        refusal(&union, "\"off\""),
        "Value does not match validator.\n\nValue: \"off\"\nValidator: v.union(v.literal(\"on\"), v.null())"
    );
    assert!(Validator::Union(vec![]).check(&Value::Null, &tables).is_err());
}

#[test]
fn ids_must_be_of_the_table() {
    let users = Validator::Id("users".into());
    let check = |validator: &Validator, text: &str| validator.check(&Value::from(text), &tables);
    assert!(check(&users, &id(10001)).is_ok());
    let wrong = id(10002);
    assert_eq!(
        check(&users, &wrong).unwrap_err().to_string(),
        format!(
            "Found ID \"{wrong}\" from table `messages`, which does not match the table name in validator \
             `v.id(\"users\")`.\n\nValue: \"{wrong}\"\nValidator: v.id(\"users\")"
        )
    );
    for text in ["", "nonsense", &id(10003)] {
        assert_eq!(check(&users, text).unwrap_err().message(), "Value does not match validator.");
    }
    assert!(check(&Validator::Id("_storage".into()), &id(540)).is_ok());
    // Other system tables are nobody's business, even where their number is known.
    assert!(check(&Validator::Id("_modules".into()), &id(520)).is_err());
    assert_eq!(check(&users, &id(520)).unwrap_err().message(), "Value does not match validator.");
}

#[test]
fn the_commit_timestamp_passes_as_an_integer() {
    assert!(Validator::Int64.check(&Value::CommitTs, &tables).is_ok());
    assert!(Validator::CommitTs.check(&Value::CommitTs, &tables).is_ok());
    assert!(Validator::CommitTs.check(&Value::Int64(1), &tables).is_ok());
    assert!(Validator::CommitTs.check(&Value::Float64(1.0), &tables).is_err());
}

#[test]
fn record_keys_are_checked() {
    let by_user = Validator::Record {
        keys: Box::new(Validator::Id("users".into())),
        values: Box::new(Validator::Boolean),
    };
    assert!(by_user.check(&object! { id(10001) => true }.into(), &tables).is_ok());
    assert!(by_user.check(&object! { id(10002) => true }.into(), &tables).is_err());
    assert!(by_user.check(&object! { id(10001) => 1.0 }.into(), &tables).is_err());
}

/// Any validator that values can be made for, but for ids.
fn any_validator() -> impl Strategy<Value = Validator> {
    let leaf = prop_oneof![
        Just(Validator::Null),
        Just(Validator::Boolean),
        Just(Validator::String),
        Just(Validator::Bytes),
        Just(Validator::Float64),
        Just(Validator::Int64),
        Just(Validator::Any),
        "[ab]{0,2}".prop_map(|text| Validator::literal(&text)),
        any::<i64>().prop_map(|value| Validator::Literal(Value::Int64(value))),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| Validator::Array(Box::new(element))),
            inner.clone().prop_map(|values| Validator::Record {
                keys: Box::new(Validator::String),
                values: Box::new(values)
            }),
            proptest::collection::vec(("[a-d]{1,2}", inner.clone(), any::<bool>()), 0..4).prop_map(
                |fields| {
                    Validator::object(
                        fields.into_iter().map(|(name, validator, optional)| {
                            (name, FieldValidator { validator, optional })
                        }),
                    )
                }
            ),
            proptest::collection::vec(inner, 0..4).prop_map(Validator::Union),
        ]
    })
}

/// A value that matches the validator; `None` where nothing does.
fn matching(validator: &Validator) -> Option<BoxedStrategy<Value>> {
    Some(match validator {
        Validator::Null | Validator::Any => Just(Value::Null).boxed(),
        Validator::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Validator::String | Validator::Id(_) => "[a-c]{0,3}".prop_map(Value::String).boxed(),
        Validator::Bytes => any::<[u8; 2]>().prop_map(|bytes| Value::Bytes(bytes.to_vec())).boxed(),
        Validator::Float64 => any::<f64>().prop_map(Value::Float64).boxed(),
        Validator::Int64 | Validator::CommitTs => any::<i64>().prop_map(Value::Int64).boxed(),
        Validator::Literal(value) => Just(value.clone()).boxed(),
        Validator::Array(element) => match matching(element) {
            Some(element) => proptest::collection::vec(element, 0..3).prop_map(Value::Array).boxed(),
            None => Just(Value::Array(vec![])).boxed(),
        },
        Validator::Record { values, .. } => match matching(values) {
            Some(values) => proptest::collection::vec(("[ab]{1,2}", values), 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect()))
                .boxed(),
            None => Just(object! {}.into()).boxed(),
        },
        Validator::Object(object) => {
            let mut strategy = Just(Vec::new()).boxed();
            for (name, field) in &object.fields {
                let value = match (matching(&field.validator), field.optional) {
                    (Some(value), false) => value.prop_map(Some).boxed(),
                    (Some(value), true) => proptest::option::of(value).boxed(),
                    (None, true) => Just(None).boxed(),
                    (None, false) => return None,
                };
                let name = name.clone();
                strategy = (strategy, value)
                    .prop_map(move |(mut fields, value)| {
                        fields.extend(value.map(|value| (name.clone(), value)));
                        fields
                    })
                    .boxed();
            }
            strategy
                .prop_map(|fields: Vec<(String, Value)>| Value::Object(fields.into_iter().collect()))
                .boxed()
        }
        Validator::Union(members) => {
            let members: Vec<_> = members.iter().filter_map(matching).collect();
            if members.is_empty() {
                return None;
            }
            proptest::strategy::Union::new(members).boxed()
        }
    })
}

/// What the rules say, written in the plainest way.
fn naive(validator: &Validator, value: &Value) -> bool {
    match (validator, value) {
        (Validator::Any, _) => true,
        (Validator::Union(members), value) => members.iter().any(|member| naive(member, value)),
        (Validator::Literal(literal), value) => literal == value,
        (Validator::Array(element), Value::Array(values)) => values.iter().all(|value| naive(element, value)),
        (Validator::Record { values, .. }, Value::Object(object)) => {
            object.iter().all(|(_, value)| naive(values, value))
        }
        (Validator::Object(validator), Value::Object(object)) => {
            let known = object.iter().all(|(name, value)| {
                validator.fields.iter().any(|(field, inner)| field == name && naive(&inner.validator, value))
            });
            known && validator.fields.iter().all(|(name, field)| field.optional || object.contains(name))
        }
        (Validator::Null, value) => value.is_null(),
        (validator, value) => {
            let kind = match validator {
                Validator::Boolean => "boolean",
                Validator::String => "string",
                Validator::Bytes => "bytes",
                Validator::Float64 => "float64",
                Validator::Int64 => "int64",
                _ => return false,
            };
            value.type_name() == kind
        }
    }
}

proptest! {
    #[test]
    fn any_validator_survives_json(validator in any_validator()) {
        prop_assert_eq!(Validator::from_json(&validator.to_json()).unwrap(), validator);
    }

    #[test]
    fn what_matches_passes(
        (validator, value) in any_validator().prop_filter_map("nothing matches", |validator| {
            let values = matching(&validator)?;
            Some((Just(validator), values))
        }).prop_flat_map(|pair| pair)
    ) {
        prop_assert!(validator.check(&value, &tables).is_ok());
        prop_assert!(naive(&validator, &value));
    }

    #[test]
    fn check_agrees_with_the_plain_rules(
        a in any_validator(),
        (_, value) in any_validator().prop_filter_map("nothing matches", |validator| {
            let values = matching(&validator)?;
            Some((Just(validator), values))
        }).prop_flat_map(|pair| pair)
    ) {
        prop_assert_eq!(a.check(&value, &tables).is_ok(), naive(&a, &value));
    }
}
