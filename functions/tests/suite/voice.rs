//! `private/vapi`: assistants and telephone numbers, over a stub of Vapi.

use std::collections::BTreeSet;
use std::time::Duration;

use fusion_functions::services::{Patience, Services};
use fusion_schema::{Object, Value, json, object};
use serde_json::json;

use crate::harness::*;
use crate::secrets::{connect, run_jobs};
use crate::stub::{Reply, Stub};

const ASSISTANTS: &str = "private/vapi:getAssistants";
const NUMBERS: &str = "private/vapi:getPhoneNumbers";
const PRIVATE_KEY: &str = "7b0b4c31-2f6e-4a0e-9a52-private-key";
const OPERATOR: As = As::Operator("org");

fn connected(url: &str, private: &str, patience: Patience) -> Chat {
    let chat = Chat::with_services(Services::new(patience));
    chat.set_env("VAPI_API_URL", url);
    let keys = object! { "publicApiKey" => "public", "privateApiKey" => private };
    chat.ok(OPERATOR, "private/secrets:upsert", connect(keys));
    run_jobs(&chat, &mut BTreeSet::new());
    chat
}

fn patience() -> Patience {
    Patience { retry_delay: Duration::from_millis(1), ..Patience::default() }
}

fn list(chat: &Chat, path: &str) -> Vec<Object> {
    let Value::Array(items) = chat.ok(OPERATOR, path, object! {}) else { panic!("no array") };
    items.into_iter().map(|item| item.as_object().unwrap().clone()).collect()
}

#[test]
fn whole_objects_come_from_vapi() {
    let stub = Stub::new(|request| {
        Reply::json(&match request.path.as_str() {
            "/assistant" => json!([{
                "id": "a1", "name": "Ada", "firstMessage": "Hi", "model": { "model": "gpt-4o", "temperature": 0.5 },
                "tags": ["x", null, true],
            }]),
            "/phone-number" => {
                json!([{ "id": "n1", "number": "+4312345", "name": "Main", "status": "active" }])
            }
            other => panic!("{other}"),
        })
    });
    let chat = connected(&stub.url, PRIVATE_KEY, patience());
    let assistants = list(&chat, ASSISTANTS);
    assert_eq!(text(&assistants[0], "model.model"), "gpt-4o");
    assert_eq!(number(&assistants[0], "model.temperature"), 0.5);
    let numbers = list(&chat, NUMBERS);
    assert_eq!((text(&numbers[0], "number"), text(&numbers[0], "phoneNumber")), ("+4312345", "+4312345"));
    for request in stub.received() {
        assert_eq!(request.method, "GET");
        assert_eq!(request.header("authorization"), format!("Bearer {PRIVATE_KEY}"));
        assert!(request.body.is_empty());
    }
    assert_eq!(stub.received().len(), 2);
}

#[test]
fn the_private_key_stays_inside_whatever_vapi_says() {
    for reply in [
        Reply::json(&json!([{ "id": PRIVATE_KEY, "name": format!("<{PRIVATE_KEY}>"), PRIVATE_KEY: 1 }])),
        Reply::status(400, &json!({ "message": format!("bad key {PRIVATE_KEY}!") }).to_string()),
        Reply::status(401, &json!({ "error": PRIVATE_KEY }).to_string()),
        Reply::status(200, PRIVATE_KEY),
    ] {
        let stub = Stub::answering([reply]);
        let chat = connected(&stub.url, PRIVATE_KEY, patience());
        let answer = match chat.call(OPERATOR, ASSISTANTS, object! {}) {
            Ok(value) => json::encode(&value),
            Err(error) => format!("{} {:?}", error.message, error.data),
        };
        assert!(!answer.contains(PRIVATE_KEY), "{answer}");
        assert_eq!(stub.received().len(), 1);
        for line in chat.logs() {
            assert!(!line.contains(PRIVATE_KEY), "{line}");
        }
    }
}

#[test]
fn failures_have_names() {
    for (replies, attempts, outcome) in [
        (vec![Reply::status(500, ""), Reply::retry_after(429, "0"), Reply::json(&json!([]))], 3, None),
        (vec![Reply::Hangup, Reply::json(&json!([]))], 2, None),
        (vec![Reply::status(401, "{}")], 1, Some("Vapi refused the key")),
        (vec![Reply::status(404, "{}")], 1, Some("Vapi answered with status 404")),
        (
            vec![Reply::status(200, "<html>")],
            1,
            Some("Vapi gave an answer that cannot be used: it is no JSON"),
        ),
        (vec![Reply::json(&json!({}))], 1, Some("Vapi gave an answer that cannot be used: it is no list")),
        (vec![Reply::retry_after(429, "3600")], 1, Some("Vapi is asked too often")),
    ] {
        let stub = Stub::answering(replies);
        let chat = connected(&stub.url, PRIVATE_KEY, patience());
        match outcome {
            None => assert!(list(&chat, NUMBERS).is_empty()),
            Some(expected) => {
                let (code, message) = chat.refusal(OPERATOR, NUMBERS, object! {});
                assert_eq!(code, "SERVICE_FAILED");
                assert!(message.contains(expected), "{message}");
            }
        }
        assert_eq!(stub.received().len(), attempts, "{outcome:?}");
    }
    let silent = Stub::new(|_| Reply::Silence);
    let short = Patience { silence: Duration::from_millis(100), ..patience() };
    let chat = connected(&silent.url, PRIVATE_KEY, short);
    let (_, message) = chat.refusal(OPERATOR, ASSISTANTS, object! {});
    assert!(message.contains("Vapi did not answer in time"), "{message}");
}

#[test]
fn what_is_missing_is_said() {
    let chat = Chat::new();
    for path in [ASSISTANTS, NUMBERS] {
        let refusal = |who: As| chat.refusal(who, path, object! {});
        assert_eq!(refusal(As::Visitor), refused("UNAUTHORIZED", "Identity not found"));
        assert_eq!(refusal(As::Stranger), refused("UNAUTHORIZED", "Organization not found"));
        assert_eq!(refusal(OPERATOR), refused("NOT_FOUND", "Plugin not found"));
    }
    let plugin =
        object! { "organizationId" => "org", "service" => "vapi", "secretName" => "tenant/org/vapi" };
    chat.insert("plugins", [plugin]);
    assert_eq!(chat.refusal(OPERATOR, NUMBERS, object! {}), refused("NOT_FOUND", "Credentials not found"));
    let keys = object! { "publicApiKey" => "p", "privateApiKey" => "" };
    chat.ok(OPERATOR, "private/secrets:upsert", connect(keys));
    run_jobs(&chat, &mut BTreeSet::new());
    assert_eq!(
        chat.refusal(OPERATOR, NUMBERS, object! {}),
        refused("NOT_FOUND", "Credentials incomplete. Please reconnect your Vapi account.")
    );
}

#[test]
fn demo_keys_are_answered_here() {
    let stub = Stub::answering([]);
    let chat = connected(&stub.url, "demo", patience());
    assert_eq!(text(&list(&chat, ASSISTANTS)[0], "id"), "demo-assistant");
    assert_eq!(text(&list(&chat, NUMBERS)[0], "phoneNumber"), "+15550100");
    assert!(stub.received().is_empty());
}
