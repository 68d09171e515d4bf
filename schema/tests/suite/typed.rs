//! Rust types as values: validators, names, reading and writing.

use std::collections::{BTreeMap, HashMap};

use fusion_schema::json::{decode, encode};
use fusion_schema::{
    Bytes, Doc, DocumentId, Id, LiteralBool, Nullable, Object, Page, PageStatus, PaginationOptions, Table,
    TableNumber, Typed, Value,
};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "channels",
    index(name = "by_owner_and_name", fields("owner.name", "displayName")),
    search(name = "search_name", field = "displayName", filters("state")),
    vector(name = "by_embedding", field = "embedding", dimensions = 3)
)]
struct Channel {
    display_name: String,
    owner: Owner,
    state: State,
    embedding: Option<Vec<f64>>,
    r#type: Option<Kind>,
}

#[derive(Clone, Debug, PartialEq, Typed)]
struct Owner {
    #[typed(rename = "full_name")]
    name: String,
    nick: Nullable<String>,
    last_seen: Option<Nullable<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Typed)]
enum State {
    InUse,
    #[typed(rename = "GONE")]
    Archived,
}

#[derive(Clone, Debug, PartialEq, Typed)]
enum Kind {
    Plain,
    Count(i64),
    Named { first_name: String },
    Raw(Bytes),
}

#[derive(Clone, Debug, PartialEq, Typed)]
#[typed(tag = "kind")]
enum Event {
    Started,
    Failed { error: String },
}

#[derive(Clone, Debug, PartialEq, Typed)]
struct Wrapper(Vec<State>);

#[derive(Clone, Debug, PartialEq, Typed)]
struct Nothing {}

#[derive(Clone, Debug, PartialEq, Typed)]
struct Result<T> {
    value: T,
    all: BTreeMap<String, T>,
}

fn channel() -> Channel {
    Channel {
        display_name: "General".into(),
        owner: Owner { name: "Amy".into(), nick: Nullable(None), last_seen: Some(Nullable(None)) },
        state: State::InUse,
        embedding: None,
        r#type: Some(Kind::Named { first_name: "x".into() }),
    }
}

/// Writes the value, compares its text and reads it again.
fn round_trip<T: Typed + Clone + std::fmt::Debug + PartialEq>(value: T, text: &str) {
    assert_eq!(encode(&value.clone().encode()), text);
    assert_eq!(T::decode(decode(text).unwrap()).unwrap(), value);
    let lookup = |_: TableNumber| Some("channels".to_owned());
    T::validator().check(&decode(text).unwrap(), &lookup).unwrap();
}

fn refusal<T: Typed + std::fmt::Debug>(text: &str) -> String {
    T::decode(decode(text).unwrap()).unwrap_err().to_string()
}

#[test]
fn names_are_camel_case_and_optional_fields_are_left_out() {
    round_trip(
        channel(),
        r#"{"displayName":"General","owner":{"full_name":"Amy","lastSeen":null,"nick":null},"state":"inUse","type":{"firstName":"x"}}"#,
    );
}

#[test]
fn validators_say_the_same_as_the_types() {
    assert_eq!(
        Channel::validator().to_string(),
        "v.object({displayName: v.string(), embedding: v.optional(v.array(v.float64())), owner: \
         v.object({full_name: v.string(), lastSeen: v.optional(v.union(v.float64(), v.null())), nick: \
         v.union(v.string(), v.null())}), state: v.union(v.literal(\"inUse\"), v.literal(\"GONE\")), type: \
         v.optional(v.union(v.literal(\"plain\"), v.int64(), v.object({firstName: v.string()}), v.bytes()))})"
    );
    assert_eq!(<Result<Event>>::validator().to_string(), {
        let event = "v.union(v.object({kind: v.literal(\"started\")}), v.object({error: v.string(), kind: \
                     v.literal(\"failed\")}))";
        format!("v.object({{all: v.record(v.string(), {event}), value: {event}}})")
    });
    assert_eq!(Wrapper::validator(), Vec::<State>::validator());
    assert_eq!(Nothing::validator().to_string(), "v.object({})");
    assert_eq!(Option::<Value>::validator().to_string(), "v.union(v.any(), v.null())");
    assert_eq!(Box::<Option<f64>>::field(), Option::<f64>::field());
    assert_eq!(<()>::args_validator().to_string(), "v.object({})");
}

#[test]
fn enums_are_unions() {
    round_trip(Kind::Plain, r#""plain""#);
    round_trip(Kind::Count(1), r#"{"$integer":"AQAAAAAAAAA="}"#);
    round_trip(Kind::Raw(Bytes(vec![1, 2])), r#"{"$bytes":"AQI="}"#);
    round_trip(Event::Started, r#"{"kind":"started"}"#);
    round_trip(Event::Failed { error: "no".into() }, r#"{"error":"no","kind":"failed"}"#);
    round_trip(Wrapper(vec![State::Archived]), r#"["GONE"]"#);
    assert_eq!(refusal::<State>("\"archived\""), "the value matches no variant of State.");
    assert!(Event::decode(decode(r#"{"kind":"started","error":"no"}"#).unwrap()).is_err());
    assert!(Event::decode(decode(r#"{"error":"no"}"#).unwrap()).is_err());
}

#[test]
fn containers_read_and_write() {
    round_trip((), "null");
    round_trip(Nothing {}, "{}");
    round_trip(vec![Some(1.0), None], "[1,null]");
    round_trip(Some(Box::new(true)), "true");
    round_trip(LiteralBool::<false>, "false");
    assert!(<LiteralBool<false>>::decode(Value::Boolean(true)).is_err());
    round_trip(HashMap::<String, f64>::from([("a".into(), 1.0)]), r#"{"a":1}"#);
    round_trip(
        Result { value: 1.0, all: BTreeMap::from([("b".into(), 2.0)]) },
        r#"{"all":{"b":2},"value":1}"#,
    );
    round_trip(
        Page {
            page: vec![1.0],
            is_done: false,
            continue_cursor: "c".into(),
            split_cursor: Some(Nullable(None)),
            page_status: Some(Nullable(Some(PageStatus::SplitRequired))),
        },
        r#"{"continueCursor":"c","isDone":false,"page":[1],"pageStatus":"SplitRequired","splitCursor":null}"#,
    );
    // The official client's types know these two words only.
    let page = fusion_schema::object! {
        "page" => Vec::new(), "isDone" => true, "continueCursor" => "c", "pageStatus" => "SplitSometimes",
    };
    assert!(Page::<f64>::decode(page.into()).is_err());
    round_trip(PaginationOptions::first(10.0), r#"{"cursor":null,"numItems":10}"#);
}

#[test]
fn errors_say_where() {
    assert_eq!(refusal::<Channel>("[]"), "expected an object, found array.");
    assert_eq!(
        refusal::<Vec<Result<f64>>>(r#"[{"value":1,"all":{"x":true}}]"#),
        "At [0].all.x: expected a number, found boolean."
    );
    assert_eq!(refusal::<Owner>(r#"{"full_name":"Amy"}"#), "At .nick: the field is missing.");
    assert_eq!(refusal::<Nothing>(r#"{"a":1}"#), "At .a: there is no such field.");
    // An optional field may be missing, but null is not missing.
    assert!(
        Channel::decode(
            decode(
                r#"{"displayName":"","owner":{"full_name":"","nick":null},"state":"inUse","embedding":null}"#
            )
            .unwrap()
        )
        .is_err()
    );
    assert!(<()>::decode_args(Object::new()).is_ok());
    assert!(<()>::decode_args([("a", 1.0)].into_iter().collect()).is_err());
}

#[test]
fn documents_carry_their_system_fields() {
    let id: Id<Channel> = DocumentId::new(TableNumber(10001), [0; 16]).into();
    let doc = Doc { id, creation_time: 5.5, fields: channel() };
    assert_eq!(doc.display_name, "General");
    let value = doc.clone().encode();
    assert_eq!(value.as_object().unwrap().get("_id"), Some(&Value::from("j5700000000000000000000000001qv0")));
    assert_eq!(<Doc<Channel>>::decode(value.clone()).unwrap(), doc);
    let lookup = |number: TableNumber| (number.0 == 10001).then(|| "channels".to_owned());
    <Doc<Channel>>::validator().check(&value, &lookup).unwrap();
    let printed = <Doc<Channel>>::validator().to_string();
    assert!(
        printed.starts_with("v.object({_creationTime: v.float64(), _id: v.id(\"channels\"), "),
        "{printed}"
    );
    Channel::definition().check_document(value.as_object().unwrap(), &lookup).unwrap();
    assert!(<Doc<Channel>>::validator().check(&channel().encode(), &lookup).is_err());
    assert_eq!(<Id<Channel>>::decode(id.into()).unwrap(), id);
    assert!(refusal::<Id<Channel>>("\"x\"").contains("Unable to decode ID"));
}

#[test]
fn the_table_definition_follows_the_attribute() {
    let definition = Channel::definition();
    assert_eq!(Channel::NAME, "channels");
    assert_eq!(definition.document_type, Channel::validator());
    assert_eq!(definition.indexes[0].name, "by_owner_and_name");
    assert_eq!(definition.indexes[0].fields, ["owner.name", "displayName"]);
    assert_eq!(definition.search_indexes[0].search_field, "displayName");
    assert_eq!(definition.search_indexes[0].filter_fields, ["state"]);
    assert_eq!(definition.vector_indexes[0].dimensions, 3);
    assert_eq!(definition.vector_indexes[0].filter_fields, Vec::<String>::new());
}

proptest! {
    #[test]
    fn any_options_survive(
        num_items in any::<f64>(),
        cursor in proptest::option::of(".*"),
        end in proptest::option::of(proptest::option::of(".*")),
        id in proptest::option::of(any::<f64>()),
    ) {
        let options = PaginationOptions {
            num_items,
            cursor: Nullable(cursor),
            end_cursor: end.map(Nullable),
            id,
            maximum_rows_read: None,
            maximum_bytes_read: None,
        };
        let value = options.clone().encode();
        PaginationOptions::validator().check(&value, &|_: TableNumber| None::<String>).unwrap();
        // Compared as values: as doubles NaN is not equal to itself.
        prop_assert_eq!(PaginationOptions::decode(value.clone()).unwrap().encode(), value);
    }
}
