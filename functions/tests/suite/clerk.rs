//! `public/organizations`, over a stub of Clerk.

use std::time::Duration;

use fusion_functions::services::{Patience, Services};
use fusion_schema::{Value, object};
use serde_json::json;

use crate::harness::*;
use crate::stub::{Reply, Stub};

const KEY: &str = "sk_test_0123456789abcdef";

fn chat(stub: &Stub, silence: Duration) -> Chat {
    let patience =
        Patience { retry_delay: Duration::from_millis(1), retries: 1, silence, ..Patience::default() };
    let chat = Chat::with_services(Services::new(patience));
    chat.set_env("CLERK_SECRET_KEY", KEY);
    chat.set_env("CLERK_API_URL", &stub.url);
    chat
}

/// `valid`, or the reason why not.
fn validate(chat: &Chat, id: &str) -> String {
    let result =
        chat.object(As::Visitor, "public/organizations:validate", object! { "organizationId" => id });
    if result == (object! { "valid" => true }) {
        return "valid".to_owned();
    }
    assert_eq!((result.get("valid"), result.len()), (Some(&Value::Boolean(false)), 2));
    text(&result, "reason").to_owned()
}

fn organization(id: &str) -> Reply {
    Reply::json(&json!({ "object": "organization", "id": id, "name": "Acme", "slug": "acme" }))
}

const INVALID: &str = "Organization not valid";
const UNABLE: &str = "Unable to verify organization";
const LONG: Duration = Duration::from_secs(30);

#[test]
fn clerk_is_asked_once_in_a_while() {
    let stub = Stub::answering([organization("org_1"), Reply::status(404, "{}"), organization("org_1")]);
    let chat = chat(&stub, LONG);
    assert_eq!(validate(&chat, "org_1"), "valid");
    assert_eq!(validate(&chat, "org_1"), "valid");
    assert_eq!(validate(&chat, "org_2"), INVALID);
    assert_eq!(validate(&chat, "org_2"), INVALID);
    assert_eq!(stub.received().len(), 2);
    chat.advance(5 * MINUTE_MS);
    assert_eq!(validate(&chat, "org_1"), "valid");
    let received = stub.received();
    assert_eq!(received.len(), 3);
    assert_eq!((received[0].method.as_str(), received[0].path.as_str()), ("GET", "/v1/organizations/org_1"));
    assert_eq!(received[0].header("authorization"), format!("Bearer {KEY}"));
    assert_eq!(received[0].header("clerk-api-version"), "2025-11-10");
    assert_eq!(received[1].path, "/v1/organizations/org_2");
}

#[test]
fn what_clerk_does_not_know_becomes_known_soon() {
    let stub = Stub::answering([Reply::status(404, "{}"), organization("org_1")]);
    let chat = chat(&stub, LONG);
    assert_eq!(validate(&chat, "org_1"), INVALID);
    chat.advance(30_001);
    assert_eq!(validate(&chat, "org_1"), "valid");
}

#[test]
fn what_is_no_id_never_reaches_clerk() {
    let stub = Stub::answering([]);
    let chat = chat(&stub, LONG);
    for id in ["", "../users", "org_1?x=1", "org/1", "a b", "org_ä"] {
        assert_eq!(validate(&chat, id), INVALID, "{id}");
    }
    assert!(stub.received().is_empty());
}

#[test]
fn a_slug_is_no_id() {
    let stub = Stub::answering([organization("org_1")]);
    assert_eq!(validate(&chat(&stub, LONG), "acme"), INVALID);
}

#[test]
fn failures_are_told_apart_from_a_no_and_are_not_remembered() {
    for (replies, attempts) in [
        (vec![Reply::status(500, ""), Reply::status(502, "")], 2),
        (vec![Reply::status(401, r#"{"errors":[{"message":"bad key"}]}"#)], 1),
        (vec![Reply::status(200, "<html>")], 1),
        (vec![Reply::json(&json!({ "object": "organization" }))], 1),
        (vec![Reply::Hangup, Reply::Hangup], 2),
    ] {
        let mut replies = replies;
        replies.push(organization("org_1"));
        let stub = Stub::answering(replies);
        let chat = chat(&stub, LONG);
        assert_eq!(validate(&chat, "org_1"), UNABLE);
        assert_eq!(stub.received().len(), attempts);
        assert_eq!(validate(&chat, "org_1"), "valid");
        let logs = chat.logs().join("\n");
        assert!(logs.contains("Clerk") && !logs.contains(KEY), "{logs}");
    }
    let stub = Stub::new(|_| Reply::Silence);
    assert_eq!(validate(&chat(&stub, Duration::from_millis(100)), "org_1"), UNABLE);
}

#[test]
fn while_clerk_is_away_the_last_word_counts_for_a_day() {
    let stub = Stub::answering([organization("org_1")]);
    let chat = chat(&stub, LONG);
    assert_eq!(validate(&chat, "org_1"), "valid");
    // 404 would be a word of Clerk's.
    chat.set_env("CLERK_API_URL", "http://127.0.0.1:1");
    chat.advance(23 * HOUR_MS);
    assert_eq!(validate(&chat, "org_1"), "valid");
    chat.advance(HOUR_MS);
    assert_eq!(validate(&chat, "org_1"), UNABLE);
}

#[test]
fn without_clerk_the_demo_organisation_and_those_that_set_up_a_widget_exist() {
    let chat = Chat::new();
    assert_eq!(validate(&chat, "org_demo"), "valid");
    assert_eq!(validate(&chat, "org"), INVALID);
    let settings = object! {
        "greetMessage" => "Hi", "defaultSuggestions" => object! {}, "vapiSettings" => object! {},
    };
    chat.ok(As::Operator("org"), "private/widgetSettings:upsert", settings);
    assert_eq!(validate(&chat, "org"), "valid");
    assert_eq!(validate(&chat, "other"), INVALID);
}
