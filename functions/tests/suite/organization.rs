//! `public/widgetSettings`, `private/widgetSettings`, `private/plugins`, `system/plugins` and `users`.

use fusion_schema::{Object, Value, object};

use crate::harness::*;

const PUBLIC: &str = "public/widgetSettings:getByOrganizationId";
const GET: &str = "private/widgetSettings:getOne";
const UPSERT: &str = "private/widgetSettings:upsert";

fn settings(greeting: &str, suggestions: Object, vapi: Object) -> Object {
    object! { "greetMessage" => greeting, "defaultSuggestions" => suggestions, "vapiSettings" => vapi }
}

#[test]
fn settings_are_inserted_then_replaced_as_a_whole() {
    let chat = Chat::new();
    let operator = As::Operator("org");
    assert!(chat.ok(operator, GET, object! {}).is_null());
    assert!(chat.ok(As::Visitor, PUBLIC, object! { "organizationId" => "org" }).is_null());

    let suggestions = object! { "suggestion1" => "One?", "suggestion3" => "Three?" };
    let vapi = object! { "assistantId" => "a", "phoneNumber" => "+1" };
    assert!(chat.ok(operator, UPSERT, settings("Moin!", suggestions, vapi)).is_null());
    let first = chat.object(operator, GET, object! {});
    assert_eq!(text(&first, "greetMessage"), "Moin!");
    assert_eq!(text(&first, "organizationId"), "org");
    assert_eq!(text(&first, "defaultSuggestions.suggestion3"), "Three?");
    assert_eq!(text(&first, "vapiSettings.phoneNumber"), "+1");
    assert_eq!(chat.object(As::Visitor, PUBLIC, object! { "organizationId" => "org" }), first);

    // What is left out of the nested objects is gone.
    chat.ok(operator, UPSERT, settings("Hi", object! { "suggestion2" => "Two?" }, object! {}));
    let second = chat.object(operator, GET, object! {});
    assert_eq!(text(&second, "_id"), text(&first, "_id"));
    assert_eq!(second.get("defaultSuggestions"), Some(&object! { "suggestion2" => "Two?" }.into()));
    assert_eq!(second.get("vapiSettings"), Some(&object! {}.into()));
    assert_eq!(chat.rows("widgetSettings").len(), 1);

    chat.ok(As::Operator("other"), UPSERT, settings("Salut", object! {}, object! {}));
    assert_eq!(text(&chat.object(operator, GET, object! {}), "greetMessage"), "Hi");
}

#[test]
fn plugins_are_kept_by_organisation_and_service() {
    let chat = Chat::new();
    let operator = As::Operator("org");
    let service = || object! { "service" => "vapi" };
    let upsert = |secret: &str, organization: &str| {
        let args = object! { "service" => "vapi", "secretName" => secret, "organizationId" => organization };
        assert!(chat.ok(As::Admin, "system/plugins:upsert", args).is_null());
    };
    assert!(chat.ok(operator, "private/plugins:getOne", service()).is_null());
    assert_eq!(
        chat.refusal(operator, "private/plugins:remove", service()),
        refused("NOT_FOUND", "Plugin not found")
    );
    upsert("first", "org");
    upsert("foreign", "other");
    upsert("second", "org");
    let plugin = chat.object(operator, "private/plugins:getOne", service());
    assert_eq!(text(&plugin, "secretName"), "second");
    let args = object! { "organizationId" => "org", "service" => "vapi" };
    assert_eq!(chat.object(As::Admin, "system/plugins:getByOrganizationIdAndService", args), plugin);
    assert_eq!(chat.rows("plugins").len(), 2);

    assert!(chat.ok(operator, "private/plugins:remove", service()).is_null());
    assert!(chat.ok(operator, "private/plugins:getOne", service()).is_null());
    assert_eq!(text(&chat.rows("plugins")[0], "secretName"), "foreign");

    let failure = chat.failure(operator, "private/plugins:getOne", object! { "service" => "other" });
    assert!(failure.contains("ArgumentValidationError"), "{failure}");
}

#[test]
fn users_are_for_those_who_are_logged_in() {
    let chat = Chat::new();
    let ada = || object! { "name" => "Ada" };
    let nobody = refused("UNAUTHORIZED", "Not authenticated");
    assert_eq!(chat.refusal(As::Visitor, "users:getMany", object! {}), nobody);
    assert_eq!(chat.refusal(As::Visitor, "users:add", ada()), nobody);
    assert_eq!(
        chat.refusal(As::Stranger, "users:add", ada()),
        refused("UNAUTHORIZED", "Missing organization")
    );
    let id = chat.text(As::Operator("org"), "users:add", ada());
    let Value::Array(users) = chat.ok(As::Stranger, "users:getMany", object! {}) else { panic!("no array") };
    assert_eq!(users.len(), 1);
    let user = users[0].as_object().unwrap();
    assert_eq!((text(user, "_id"), text(user, "name")), (id.as_str(), "Ada"));
}
