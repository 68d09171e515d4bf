//! The demo organisation.

use fusion_functions::DEMO_SEED;
use fusion_schema::{Value, object};

use crate::harness::*;

#[test]
fn the_demo_organisation_is_made_once() {
    let chat = Chat::new();
    let seed = || chat.object(As::Admin, DEMO_SEED, object! {});
    assert_eq!(seed(), object! { "organizationId" => "org_demo", "created" => true });
    let count = chat.rows("agentMessages").len();
    assert_eq!(seed(), object! { "organizationId" => "org_demo", "created" => false });
    assert_eq!(chat.rows("agentMessages").len(), count);
    assert_eq!(chat.rows("widgetSettings").len(), 1);

    let operator = As::Operator("org_demo");
    let rows =
        page(chat.ok(operator, "private/conversations:getMany", object! { "paginationOpts" => first(10.0) }));
    let found: Vec<(&str, &str)> =
        rows.iter().map(|row| (text(row, "contactSession.name"), text(row, "status"))).collect();
    assert_eq!(
        found,
        [("Chloé Martin", "unresolved"), ("Ben Okoro", "escalated"), ("Ada Fischer", "resolved")]
    );
    let args = object! { "threadId" => text(&rows[2], "threadId"), "paginationOpts" => first(10.0) };
    let messages = page(chat.ok(operator, "private/messages:getMany", args));
    let roles: Vec<&str> = messages.iter().map(|message| text(message, "message.role")).collect();
    assert_eq!(roles, ["assistant", "user", "assistant", "user", "assistant"]);
}

#[test]
fn what_was_changed_stays_changed() {
    let chat = Chat::new();
    let settings = object! {
        "greetMessage" => "Mine", "defaultSuggestions" => object! {}, "vapiSettings" => object! {},
    };
    chat.ok(As::Operator("org_demo"), "private/widgetSettings:upsert", settings);
    assert_eq!(chat.object(As::Admin, DEMO_SEED, object! {}).get("created"), Some(&Value::Boolean(false)));
    assert!(chat.rows("conversations").is_empty());
}
