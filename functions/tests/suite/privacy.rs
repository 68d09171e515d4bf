//! `system/privacy`, `private/retention`, `system/retention`, and the cleanup of sessions.

use std::collections::{BTreeMap, BTreeSet};

use fusion_schema::{Object, Value, object};

use crate::harness::*;
use crate::secrets::{connect, run_jobs};

const DAY_MS: u64 = 24 * HOUR_MS;
const OPERATOR: As = As::Operator("org");

fn visit(chat: &Chat, organization: &str, email: &str) -> Talk {
    let args = object! { "name" => "Ada", "email" => email, "organizationId" => organization };
    let session = chat.text(As::Visitor, "public/contactSessions:create", args);
    let conversation = chat.conversation(organization, &session);
    let thread = chat.thread(&session, &conversation);
    let talk = Talk { session, conversation, thread };
    chat.say(&talk, &format!("Hello, I am {email}?"));
    talk
}

/// How many rows each table of the application has.
fn counts(chat: &Chat) -> BTreeMap<&'static str, usize> {
    let tables = [
        "contactSessions",
        "conversations",
        "agentThreads",
        "agentMessages",
        "widgetSettings",
        "plugins",
        "subscriptions",
        "retentionPolicies",
        "privacyRequests",
        "rateLimits",
        "_storage",
    ];
    tables.map(|table| (table, chat.rows(table).len())).into()
}

/// All that anybody could read.
fn everything(chat: &Chat) -> String {
    let tables = [
        "contactSessions",
        "conversations",
        "agentThreads",
        "agentMessages",
        "privacyRequests",
        "rateLimits",
    ];
    tables.map(|table| format!("{:?}", chat.rows(table))).concat()
}

fn long_thread(chat: &Chat, talk: &Talk, count: u32) {
    let message = |number: u32| {
        object! {
            "threadId" => talk.thread.as_str(), "order" => f64::from(number + 100), "stepOrder" => 0.0,
            "status" => "success", "tool" => false, "text" => format!("message {number}"),
        }
    };
    chat.insert("agentMessages", (0..count).map(message));
}

#[test]
fn a_person_is_forgotten_with_all_that_was_said() {
    let chat = Chat::new();
    let ada = visit(&chat, "org", "ada@example.org");
    let again = visit(&chat, "org", " ADA@Example.org");
    let other = visit(&chat, "org", "ben@example.org");
    let elsewhere = visit(&chat, "other", "ada@example.org");
    chat.conversation("org", &ada.session);
    long_thread(&chat, &ada, 1_000);
    let kept = (chat.messages(&other), chat.messages(&elsewhere));

    let args = object! { "organizationId" => "org", "email" => "Ada@example.org " };
    let result = chat.object(As::Admin, "system/privacy:eraseContact", args.clone());
    assert_eq!(text(&result, "status"), "done");
    // Three conversations and threads, two sessions, their messages and counters.
    assert!(number(&result, "documents") > 1_000.0 + 3.0 + 3.0 + 2.0, "{result:?}");
    assert_eq!((chat.messages(&other), chat.messages(&elsewhere)), kept);
    let left = counts(&chat);
    assert_eq!((left["contactSessions"], left["conversations"], left["agentThreads"]), (2, 2, 2));
    for gone in [&ada, &again] {
        let found = everything(&chat);
        assert!(!found.contains(&gone.session) && !found.contains(&gone.thread), "{found}");
    }
    let requests = chat.rows("privacyRequests");
    assert_eq!((requests.len(), requests[0].get("email")), (1, None), "whom it was about is forgotten, too");
    // Once more finds nothing.
    assert_eq!(number(&chat.object(As::Admin, "system/privacy:eraseContact", args), "documents"), 0.0);
    let logs = chat.logs().join("\n");
    assert!(!logs.to_lowercase().contains("ada@example.org"), "{logs}");
}

#[test]
fn files_of_messages_go_with_them() {
    let chat = Chat::new();
    let talk = visit(&chat, "org", "ada@example.org");
    let id = chat.store_file("0000", "text/plain");
    let message = object! {
        "threadId" => talk.thread.as_str(), "order" => 50.0, "stepOrder" => 0.0, "status" => "success",
        "tool" => false, "fileIds" => vec![Value::from(id.as_str()), "nonsense".into()],
    };
    chat.insert("agentMessages", [message]);
    let args = object! { "organizationId" => "org", "email" => "ada@example.org" };
    chat.ok(As::Admin, "system/privacy:eraseContact", args);
    assert_eq!(chat.rows("_storage").len(), 0);
}

#[test]
fn erasing_goes_on_where_it_was_cut_off() {
    let chat = Chat::new();
    let talk = visit(&chat, "org", "ada@example.org");
    long_thread(&chat, &talk, 1_000);
    let begin = object! { "organizationId" => "org", "kind" => "eraseContact", "email" => "ada@example.org" };
    let request = chat.text(As::Admin, "system/privacy:begin", begin);
    let args = object! { "requestId" => request.as_str() };
    assert_eq!(chat.ok(As::Admin, "system/privacy:eraseStep", args.clone()), false.into());
    let halfway = chat.rows("agentMessages").len();
    assert!((1..1_000).contains(&halfway), "{halfway}");

    // Nobody goes on; the cron notices after a while.
    let mut done = BTreeSet::new();
    assert_eq!(chat.ok(As::Admin, "system/privacy:resumeAll", object! {}), 0.0.into());
    chat.advance(6 * MINUTE_MS);
    assert_eq!(chat.ok(As::Admin, "system/privacy:resumeAll", object! {}), 1.0.into());
    assert_eq!(chat.ok(As::Admin, "system/privacy:resumeAll", object! {}), 0.0.into(), "it is under way");
    run_jobs(&chat, &mut done);
    assert_eq!(counts(&chat)["agentMessages"], 0);
    assert_eq!(text(&chat.rows("privacyRequests")[0], "status"), "done");
    let failure = chat.refusal(As::Admin, "system/privacy:eraseStep", args.clone());
    assert_eq!(failure, refused("BAD_REQUEST", "Request is done"));
    assert_eq!(text(&chat.object(As::Admin, "system/privacy:resume", args), "status"), "done");
}

/// The lines of an export by table.
fn exported(chat: &Chat, result: &Object) -> BTreeMap<String, Vec<Object>> {
    let mut tables = BTreeMap::<String, Vec<Object>>::new();
    for part in result.get("parts").and_then(Value::as_array).unwrap() {
        let url = text(part.as_object().unwrap(), "url").to_owned();
        let content = chat.file(url.rsplit('/').next().unwrap());
        for line in String::from_utf8(content).unwrap().lines() {
            let Ok(Value::Object(line)) = fusion_schema::json::decode_export(line) else { panic!("{line}") };
            let mut document = line.get("document").and_then(Value::as_object).unwrap().clone();
            if let Some(url) = line.get("url").and_then(Value::as_str) {
                document.insert("url", url);
            }
            tables.entry(text(&line, "table").to_owned()).or_default().push(document);
        }
    }
    tables
}

#[test]
fn an_organisation_gets_all_it_has_here_and_nothing_else() {
    let chat = Chat::new();
    let mut done = BTreeSet::new();
    let settings = |greeting: &str| {
        object! { "greetMessage" => greeting, "defaultSuggestions" => object! {}, "vapiSettings" => object! {} }
    };
    for organization in ["org", "other"] {
        let operator = As::Operator(if organization == "org" { "org" } else { "other" });
        chat.ok(operator, "private/widgetSettings:upsert", settings(&format!("Greetings of {organization}")));
        let keys =
            object! { "publicApiKey" => "pub", "privateApiKey" => format!("private of {organization}") };
        chat.ok(operator, "private/secrets:upsert", connect(keys));
    }
    run_jobs(&chat, &mut done);
    for (operator, content) in [(OPERATOR, "We ship on Mondays."), (As::Operator("other"), "Never of other.")]
    {
        let file = object! {
            "filename" => "shipping.txt", "mimeType" => "text/plain",
            "bytes" => Value::Bytes(content.as_bytes().to_vec()),
        };
        chat.ok(operator, "private/files:addFile", file);
    }
    let talk = visit(&chat, "org", "ada@example.org");
    visit(&chat, "other", "eve@example.com");
    long_thread(&chat, &talk, 500);
    let result =
        chat.object(As::Admin, "system/privacy:exportOrganization", object! { "organizationId" => "org" });
    assert_eq!(text(&result, "status"), "done");
    let tables = exported(&chat, &result);
    let total: usize = tables.values().map(Vec::len).sum();
    assert_eq!(number(&result, "documents"), total as f64);
    let found: Vec<(&str, usize)> = tables.iter().map(|(table, rows)| (table.as_str(), rows.len())).collect();
    let messages =
        chat.rows("agentMessages").iter().filter(|row| text(row, "threadId") == talk.thread).count();
    assert_eq!(
        found,
        [
            ("agentMessages", messages),
            ("contactSessions", 1),
            ("conversations", 1),
            ("knowledgeEntries", 1),
            ("plugins", 1),
            ("widgetSettings", 1)
        ]
    );
    assert_eq!(text(&tables["contactSessions"][0], "email"), "ada@example.org");
    let url = text(&tables["knowledgeEntries"][0], "url");
    assert_eq!(chat.file(url.rsplit('/').next().unwrap()), b"We ship on Mondays.");
    let all = format!("{tables:?}");
    for foreign in ["eve@example.com", "of other", "private of org"] {
        assert!(!all.contains(foreign), "{foreign}");
    }
    // The files are gone after a week.
    chat.advance(7 * DAY_MS + 1);
    assert_eq!(chat.ok(As::Admin, "system/privacy:expire", object! {}), 1.0.into());
    assert_eq!((counts(&chat)["_storage"], counts(&chat)["privacyRequests"]), (2, 0), "the documents stay");
}

#[test]
fn an_export_that_was_cut_off_leaves_no_file_behind() {
    let chat = Chat::new();
    visit(&chat, "org", "ada@example.org");
    let begin = object! { "organizationId" => "org", "kind" => "exportOrganization" };
    let request = chat.text(As::Admin, "system/privacy:begin", begin);
    // A part that was stored and never noted.
    chat.store_file("0000", &format!("application/x-ndjson; request={request}"));
    chat.store_file("0001", "text/plain");
    let args = object! { "organizationId" => "org" };
    let result = chat.object(As::Admin, "system/privacy:exportOrganization", args);
    assert_eq!(text(&result, "requestId"), request, "the same request");
    assert_eq!(exported(&chat, &result)["contactSessions"].len(), 1);
    assert_eq!(counts(&chat)["_storage"], 2, "the export's one part, and somebody else's file");
}

#[test]
fn an_organisation_is_forgotten_whole() {
    let chat = Chat::new();
    let mut done = BTreeSet::new();
    let settings = object! {
        "greetMessage" => "Hi", "defaultSuggestions" => object! {}, "vapiSettings" => object! {},
    };
    for operator in [As::Operator("org"), As::Operator("other")] {
        chat.ok(operator, "private/widgetSettings:upsert", settings.clone());
        let keys = object! { "publicApiKey" => "pub", "privateApiKey" => "private" };
        chat.ok(operator, "private/secrets:upsert", connect(keys));
        chat.ok(operator, "private/retention:upsert", object! { "conversationDays" => 30.0 });
    }
    run_jobs(&chat, &mut done);
    for organization in ["org", "other"] {
        let report = object! { "organizationId" => organization, "status" => "active" };
        chat.ok(As::Admin, "system/subscriptions:upsert", report);
        visit(&chat, organization, "ada@example.org");
        let operator = As::Operator(if organization == "org" { "org" } else { "other" });
        let text = format!("Returns\n\n{}", "Goods can be returned within thirty days. ".repeat(2_000));
        let file = object! {
            "filename" => "returns.txt", "mimeType" => "text/plain", "bytes" => Value::Bytes(text.into_bytes()),
        };
        chat.ok(operator, "private/files:addFile", file);
    }
    for _ in 0..5 {
        run_jobs(&chat, &mut done);
    }
    let knowledge = |chat: &Chat| {
        ["knowledgeEntries", "knowledgeChunks", "knowledgeVectors"].map(|table| chat.rows(table).len())
    };
    let both = knowledge(&chat);
    assert!(both[1] > 100 && both[1] == both[2], "{both:?}");
    // A conversation whose session is gone.
    let lost = visit(&chat, "org", "eve@example.org");
    chat.delete(&lost.session);
    let args = object! { "organizationId" => "org" };
    chat.ok(As::Admin, "system/privacy:exportOrganization", args.clone());
    let other =
        chat.object(As::Admin, "system/privacy:exportOrganization", object! { "organizationId" => "other" });
    let before = exported(&chat, &other);

    chat.ok(As::Admin, "system/privacy:eraseOrganization", args.clone());
    let left = counts(&chat);
    for table in [
        "contactSessions",
        "conversations",
        "agentThreads",
        "widgetSettings",
        "plugins",
        "subscriptions",
        "retentionPolicies",
    ] {
        assert_eq!(left[table], 1, "{table}");
    }
    assert_eq!(left["_storage"], 2, "the export and the document of the other one");
    assert_eq!(knowledge(&chat), both.map(|count| count / 2));
    let keys = object! { "service" => "vapi", "secretName" => "tenant/org/vapi" };
    chat.ok(As::Operator("org"), "private/secrets:upsert", keys);
    assert!(chat.ok(As::Visitor, "public/secrets:getVapiSecrets", args).is_null(), "the keys are gone");
    let other =
        chat.object(As::Admin, "system/privacy:exportOrganization", object! { "organizationId" => "other" });
    assert_eq!(exported(&chat, &other), before);
}

#[test]
fn requests_are_for_administrators() {
    let chat = Chat::new();
    for path in ["exportOrganization", "eraseContact", "eraseOrganization", "begin", "eraseStep"] {
        let failure = chat.failure(As::Operator("org"), &format!("system/privacy:{path}"), object! {});
        assert!(failure.contains("Could not find public function"), "{failure}");
    }
    let args = object! { "organizationId" => "org", "email" => "  " };
    assert_eq!(
        chat.refusal(As::Admin, "system/privacy:eraseContact", args),
        refused("BAD_REQUEST", "Email address is empty")
    );
    let args = object! { "organizationId" => "org", "email" => "ada@example.org", "extra" => 1.0 };
    let failure = chat.failure(As::Admin, "system/privacy:eraseContact", args);
    assert!(failure.contains("extra") && !failure.contains("ada@example.org"), "{failure}");
}

#[test]
fn a_policy_is_set_by_operators() {
    let chat = Chat::new();
    let operator = As::Operator("org");
    let days = |days: f64| object! { "conversationDays" => days };
    assert!(chat.ok(operator, "private/retention:getOne", object! {}).is_null());
    for bad in [0.0, -1.0, 1.5, 3_651.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            chat.refusal(operator, "private/retention:upsert", days(bad)),
            refused("BAD_REQUEST", "Conversations can be kept for 1 to 3650 whole days"),
            "{bad}"
        );
    }
    chat.ok(operator, "private/retention:upsert", days(30.0));
    chat.ok(operator, "private/retention:upsert", days(3_650.0));
    let policy = chat.object(operator, "private/retention:getOne", object! {});
    assert_eq!(number(&policy, "conversationDays"), 3_650.0);
    assert!(chat.ok(As::Operator("other"), "private/retention:getOne", object! {}).is_null());
    chat.ok(operator, "private/retention:upsert", object! { "conversationDays" => () });
    chat.ok(operator, "private/retention:upsert", object! { "conversationDays" => () });
    assert!(chat.ok(operator, "private/retention:getOne", object! {}).is_null());
    for (who, message) in [(As::Visitor, "Identity not found"), (As::Stranger, "Organization not found")] {
        for (path, args) in [("getOne", object! {}), ("upsert", days(1.0))] {
            let path = format!("private/retention:{path}");
            assert_eq!(chat.refusal(who, &path, args), refused("UNAUTHORIZED", message));
        }
    }
}

/// Runs what the cron runs, and what follows from it.
fn apply_policies(chat: &Chat, done: &mut BTreeSet<String>) {
    chat.ok(As::Admin, "system/retention:apply", object! {});
    for _ in 0..20 {
        run_jobs(chat, done);
    }
}

#[test]
fn conversations_are_forgotten_when_their_time_is_over() {
    let chat = Chat::new();
    let mut done = BTreeSet::new();
    let old = visit(&chat, "org", "old@example.org");
    long_thread(&chat, &old, 1_000);
    let busy = visit(&chat, "org", "busy@example.org");
    let other = visit(&chat, "other", "other@example.org");
    chat.ok(As::Operator("org"), "private/retention:upsert", object! { "conversationDays" => 30.0 });
    chat.advance(30 * DAY_MS - HOUR_MS);
    let say = object! { "conversationId" => busy.conversation.as_str(), "prompt" => "Still here." };
    chat.ok(As::Operator("org"), "private/messages:create", say);
    apply_policies(&chat, &mut done);
    assert_eq!(counts(&chat)["conversations"], 3, "thirty days are not over");

    chat.advance(2 * HOUR_MS);
    apply_policies(&chat, &mut done);
    let left: Vec<String> =
        chat.rows("conversations").iter().map(|row| text(row, "_id").to_owned()).collect();
    assert_eq!(left, [busy.conversation.clone(), other.conversation.clone()]);
    assert!(!everything(&chat).contains(&old.thread));
    chat.advance(31 * DAY_MS);
    apply_policies(&chat, &mut done);
    assert_eq!(counts(&chat)["conversations"], 1, "the other organisation keeps everything");
}

#[test]
fn sessions_without_a_conversation_are_forgotten_a_day_after_they_end() {
    let chat = Chat::new();
    let talk = visit(&chat, "org", "ada@example.org");
    let silent = chat.session("org");
    let clean = |chat: &Chat| {
        number(&chat.object(As::Admin, "system/contactSessions:cleanup", object! {}), "deletedCount")
    };
    chat.advance(2 * DAY_MS - MINUTE_MS);
    assert_eq!(clean(&chat), 0.0);
    chat.advance(2 * MINUTE_MS);
    assert_eq!(clean(&chat), 1.0);
    let left: Vec<String> =
        chat.rows("contactSessions").iter().map(|row| text(row, "_id").to_owned()).collect();
    assert_eq!(left, std::slice::from_ref(&talk.session));
    assert!(!left.contains(&silent));
    let session = |number: u32| {
        object! {
            "name" => "x", "email" => "x", "organizationId" => "org", "expiresAt" => f64::from(number),
        }
    };
    chat.insert("contactSessions", (0..1_500).map(session));
    assert_eq!(clean(&chat), 1_000.0);
    run_jobs(&chat, &mut BTreeSet::new());
    assert_eq!(counts(&chat)["contactSessions"], 1);
}

#[test]
fn crons_are_set() {
    let registry = fusion_functions::application(Default::default()).build().unwrap();
    let crons: Vec<String> = registry.crons().values().map(|cron| cron.path.to_string()).collect();
    for path in [
        "system/contactSessions:cleanup",
        "system/privacy:expire",
        "system/privacy:resumeAll",
        "system/rateLimitCleanup:cleanup",
        "system/retention:apply",
        "system/subscriptions:cleanup",
    ] {
        assert!(crons.iter().any(|cron| cron == path), "{path}: {crons:?}");
    }
}
