//! `public/contactSessions` and `system/contactSessions`.

use fusion_schema::{Object, Value, object};

use crate::harness::*;

const CREATE: &str = "public/contactSessions:create";
const VALIDATE: &str = "public/contactSessions:validate";
const REFRESH: &str = "system/contactSessions:refresh";

fn visitor(name: &str, email: &str) -> Object {
    object! { "name" => name, "email" => email, "organizationId" => "org" }
}

fn of(session: &str) -> Object {
    object! { "contactSessionId" => session }
}

#[test]
fn a_session_lasts_a_day() {
    let chat = Chat::new();
    let mut args = visitor("  Ada ", "not an address");
    args.insert(
        "metadata",
        object! { "timezone" => "Europe/Berlin", "timezoneOffset" => -60.0, "cookieEnabled" => true },
    );
    let session = chat.text(As::Visitor, CREATE, args);

    let found = chat.object(As::Visitor, VALIDATE, of(&session));
    assert_eq!(found.get("valid"), Some(&Value::Boolean(true)));
    let document = found.get("contactSession").and_then(Value::as_object).unwrap();
    assert_eq!(text(document, "_id"), session);
    assert_eq!(text(document, "name"), "  Ada ", "the name is stored as it was typed");
    assert_eq!(text(document, "email"), "not an address");
    assert_eq!(text(document, "organizationId"), "org");
    assert_eq!(text(document, "metadata.timezone"), "Europe/Berlin");
    assert_eq!(number(document, "expiresAt"), (START_MS + 24 * HOUR_MS) as f64);

    chat.advance(24 * HOUR_MS);
    assert_eq!(chat.object(As::Visitor, VALIDATE, of(&session)).get("valid"), Some(&Value::Boolean(true)));
    chat.advance(1);
    assert_eq!(
        chat.object(As::Visitor, VALIDATE, of(&session)),
        object! { "valid" => false, "reason" => "Contact session expired" }
    );
    assert_eq!(
        chat.object(As::Visitor, VALIDATE, of(&missing(&session))),
        object! { "valid" => false, "reason" => "Contact session not found" }
    );
}

#[test]
fn names_and_addresses_have_limits() {
    let chat = Chat::new();
    let name = refused("BAD_REQUEST", "Name must be between 1 and 100 characters");
    // An emoji counts two, as in a browser.
    for bad in ["", "   ", &"a".repeat(101), &"😀".repeat(51)] {
        assert_eq!(chat.refusal(As::Visitor, CREATE, visitor(bad, "a@b.c")), name, "{bad:?}");
    }
    let email = refused("BAD_REQUEST", "Email address too long");
    assert_eq!(chat.refusal(As::Visitor, CREATE, visitor("Ada", &"a".repeat(255))), email);
    chat.ok(As::Visitor, CREATE, visitor(&"a".repeat(100), &"a".repeat(254)));
    chat.ok(As::Visitor, CREATE, visitor(&format!("  {}", "a".repeat(100)), ""));
}

#[test]
fn unknown_metadata_and_foreign_ids_are_refused_before_the_function_runs() {
    let chat = Chat::new();
    let mut args = visitor("Ada", "a@b.c");
    args.insert("metadata", object! { "battery" => 1.0 });
    let failure = chat.failure(As::Visitor, CREATE, args);
    assert!(failure.contains("ArgumentValidationError: Object contains extra field `battery`"), "{failure}");
    assert!(failure.contains("Path: .metadata"), "{failure}");
    let mut args = visitor("Ada", "ada@example.org");
    args.insert("extra", 1.0);
    let failure = chat.failure(As::Visitor, CREATE, args);
    assert!(!failure.contains("ada@example.org") && failure.contains("(not shown)"), "{failure}");

    let talk = chat.talk("org");
    let failure = chat.failure(As::Visitor, VALIDATE, of(&talk.conversation));
    assert!(failure.contains("from table `conversations`"), "{failure}");
    let failure = chat.failure(As::Visitor, VALIDATE, of("nonsense"));
    assert!(failure.contains("Path: .contactSessionId"), "{failure}");
}

#[test]
fn a_session_is_prolonged_in_its_last_hours() {
    let chat = Chat::new();
    let session = chat.session("org");
    let expires = |chat: &Chat| number(&chat.object(As::Admin, REFRESH, of(&session)), "expiresAt");
    let start = START_MS as f64;
    let hours = HOUR_MS as f64;
    assert_eq!(expires(&chat), start + 24.0 * hours);
    chat.advance(20 * HOUR_MS);
    assert_eq!(expires(&chat), start + 24.0 * hours, "four hours are left");
    chat.advance(1);
    assert_eq!(expires(&chat), start + 44.0 * hours + 1.0, "less than four hours were left");
    let stored = chat.object(As::Admin, "system/contactSessions:getOne", of(&session));
    assert_eq!(number(&stored, "expiresAt"), start + 44.0 * hours + 1.0);

    chat.advance(25 * HOUR_MS);
    assert_eq!(
        chat.refusal(As::Admin, REFRESH, of(&session)),
        refused("BAD_REQUEST", "Contact session expired")
    );
    let gone = of(&missing(&session));
    assert_eq!(
        chat.refusal(As::Admin, REFRESH, gone.clone()),
        refused("NOT_FOUND", "Contact session not found")
    );
    assert!(chat.ok(As::Admin, "system/contactSessions:getOne", gone).is_null());
}

#[test]
fn system_functions_are_not_for_clients() {
    let chat = Chat::new();
    let session = chat.session("org");
    for path in [REFRESH, "system/contactSessions:getOne"] {
        let failure = chat.failure(As::Operator("org"), path, of(&session));
        assert!(failure.contains("Could not find public function"), "{failure}");
    }
}
