//! `public/conversations`, `private/conversations`, `private/contactSessions` and `system/conversations`.

use fusion_schema::{Object, Value, object};

use crate::harness::*;

const CREATE: &str = "public/conversations:create";
const GET_ONE: &str = "public/conversations:getOne";
const GET_MANY: &str = "public/conversations:getMany";
const OPERATOR_ONE: &str = "private/conversations:getOne";
const OPERATOR_MANY: &str = "private/conversations:getMany";
const UPDATE: &str = "private/conversations:updateStatus";
const CONTACT: &str = "private/contactSessions:getOneByConversationId";

fn list(session: &str, options: Object) -> Object {
    object! { "contactSessionId" => session, "paginationOpts" => options }
}

fn one(conversation: &str) -> Object {
    object! { "conversationId" => conversation }
}

fn update(conversation: &str, status: &str) -> Object {
    object! { "conversationId" => conversation, "status" => status }
}

fn names(rows: &[Object], path: &str) -> Vec<String> {
    rows.iter().map(|row| text(row, path).to_owned()).collect()
}

#[test]
fn a_conversation_begins_with_the_greeting() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    assert_eq!(chat.status(&talk), "unresolved");
    let messages = chat.messages(&talk);
    assert_eq!(messages.len(), 1);
    assert_eq!(text(&messages[0], "text"), "Hello, how can I help you today?");
    assert_eq!(text(&messages[0], "message.role"), "assistant");
    assert_eq!(text(&messages[0], "message.content"), "Hello, how can I help you today?");
    assert_eq!(text(&messages[0], "status"), "success");
    assert_eq!(text(&messages[0], "threadId"), talk.thread);
    assert_eq!(text(&messages[0], "userId"), "org");
    assert_eq!((number(&messages[0], "order"), number(&messages[0], "stepOrder")), (0.0, 0.0));
    assert_eq!(messages[0].get("tool"), Some(&Value::Boolean(false)));
}

#[test]
fn the_organisation_says_how_to_greet() {
    let chat = Chat::new();
    for (greeting, expected) in [("Moin!", "Moin!"), ("", "Hello, how can I help you today?")] {
        let settings = object! {
            "greetMessage" => greeting, "defaultSuggestions" => object! {}, "vapiSettings" => object! {},
        };
        chat.ok(As::Operator("org"), "private/widgetSettings:upsert", settings);
        let talk = chat.talk("org");
        assert_eq!(text(&chat.messages(&talk)[0], "text"), expected);
    }
}

#[test]
fn a_conversation_belongs_to_the_sessions_own_organisation() {
    let chat = Chat::new();
    let session = chat.session("org");
    let args = object! { "organizationId" => "other", "contactSessionId" => session.as_str() };
    assert_eq!(
        chat.refusal(As::Visitor, CREATE, args),
        refused("UNAUTHORIZED", "The session belongs to another organization")
    );
    assert_eq!(chat.rows("conversations").len(), 0);
    assert_eq!(chat.rows("agentThreads").len(), 0);
}

#[test]
fn creating_prolongs_the_session() {
    let chat = Chat::new();
    let session = chat.session("org");
    chat.advance(21 * HOUR_MS);
    chat.conversation("org", &session);
    assert_eq!(number(&chat.rows("contactSessions")[0], "expiresAt"), (START_MS + 45 * HOUR_MS) as f64);
}

#[test]
fn nothing_goes_without_a_valid_session() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let calls = |session: &str| {
        [
            (CREATE, object! { "organizationId" => "org", "contactSessionId" => session }),
            (
                GET_ONE,
                object! { "conversationId" => talk.conversation.as_str(), "contactSessionId" => session },
            ),
            (GET_MANY, list(session, first(10.0))),
            (
                "public/messages:getMany",
                object! { "threadId" => talk.thread.as_str(), "contactSessionId" => session, "paginationOpts" => first(10.0) },
            ),
            (
                "public/messages:create",
                object! { "threadId" => talk.thread.as_str(), "contactSessionId" => session, "prompt" => "hi" },
            ),
        ]
    };
    let invalid = refused("UNAUTHORIZED", "Invalid session");
    for (path, args) in calls(&missing(&talk.session)) {
        assert_eq!(chat.refusal(As::Visitor, path, args), invalid, "{path}");
    }
    chat.advance(24 * HOUR_MS);
    assert_eq!(chat.status(&talk), "unresolved", "the last moment of a session is part of it");
    chat.advance(1);
    let [(create, args), ..] = calls(&talk.session);
    assert_eq!(chat.refusal(As::Visitor, create, args), invalid, "{create}");
    // A query's result that depends on the clock may be some seconds old.
    chat.advance(60_000);
    for (path, args) in calls(&talk.session) {
        assert_eq!(chat.refusal(As::Visitor, path, args), invalid, "{path}");
    }
}

#[test]
fn a_visitor_sees_their_own_conversations_only() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let other = chat.session("org");
    let args = |conversation: &str, session: &str| {
        object! { "conversationId" => conversation, "contactSessionId" => session }
    };
    assert_eq!(
        chat.object(As::Visitor, GET_ONE, args(&talk.conversation, &talk.session)),
        object! { "_id" => talk.conversation.as_str(), "status" => "unresolved", "threadId" => talk.thread.as_str() }
    );
    assert_eq!(
        chat.refusal(As::Visitor, GET_ONE, args(&talk.conversation, &other)),
        refused("UNAUTHORIZED", "Incorrect session")
    );
    assert_eq!(
        chat.refusal(As::Visitor, GET_ONE, args(&missing(&talk.conversation), &talk.session)),
        refused("NOT_FOUND", "Conversation not found")
    );
    assert!(page(chat.ok(As::Visitor, GET_MANY, list(&other, first(10.0)))).is_empty());
}

#[test]
fn a_visitors_conversations_come_newest_first_by_pages() {
    let chat = Chat::new();
    let session = chat.session("org");
    let mut expected: Vec<String> = (0..5).map(|_| chat.conversation("org", &session)).collect();
    expected.reverse();
    let mut found = Vec::new();
    let mut options = first(2.0);
    loop {
        let result = chat.object(As::Visitor, GET_MANY, list(&session, options));
        let cursor = text(&result, "continueCursor").to_owned();
        let done = result.get("isDone").and_then(Value::as_bool).unwrap();
        let rows = page(result.into());
        assert!(rows.len() <= 2);
        for row in &rows {
            assert_eq!(
                row.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                ["_creationTime", "_id", "lastMessage", "organizationId", "status", "threadId"]
            );
            assert_eq!(text(row, "lastMessage.text"), "Hello, how can I help you today?");
            assert_eq!(text(row, "lastMessage.threadId"), text(row, "threadId"));
        }
        found.extend(names(&rows, "_id"));
        if done {
            break;
        }
        options = after(&cursor, 2.0);
    }
    assert_eq!(found, expected);
}

#[test]
fn the_last_message_is_the_newest() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    chat.say(&talk, "Where is it?");
    let rows = page(chat.ok(As::Visitor, GET_MANY, list(&talk.session, first(1.0))));
    let newest = chat.messages(&talk).pop().unwrap();
    assert_eq!(rows[0].get("lastMessage"), Some(&Value::Object(newest)));
}

#[test]
fn operators_need_an_organisation() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let calls = [
        (OPERATOR_ONE, one(&talk.conversation)),
        (OPERATOR_MANY, object! { "paginationOpts" => first(10.0) }),
        (UPDATE, update(&talk.conversation, "resolved")),
        (CONTACT, one(&talk.conversation)),
        (
            "private/messages:getMany",
            object! { "threadId" => talk.thread.as_str(), "paginationOpts" => first(10.0) },
        ),
        (
            "private/messages:create",
            object! { "conversationId" => talk.conversation.as_str(), "prompt" => "hi" },
        ),
        ("private/messages:enhanceResponse", object! { "prompt" => "hi" }),
        ("private/widgetSettings:getOne", object! {}),
        (
            "private/widgetSettings:upsert",
            object! { "greetMessage" => "hi", "defaultSuggestions" => object! {}, "vapiSettings" => object! {} },
        ),
        ("private/plugins:getOne", object! { "service" => "vapi" }),
        ("private/plugins:remove", object! { "service" => "vapi" }),
    ];
    for (path, args) in calls {
        let nobody = if path == CONTACT { "Unauthorized" } else { "Identity not found" };
        assert_eq!(chat.refusal(As::Visitor, path, args.clone()), refused("UNAUTHORIZED", nobody), "{path}");
        let outside = refused("UNAUTHORIZED", "Organization not found");
        assert_eq!(chat.refusal(As::Stranger, path, args.clone()), outside, "{path}");
        assert_eq!(chat.refusal(As::Operator(""), path, args), outside, "{path}");
    }
}

#[test]
fn operators_see_their_organisations_conversations_only() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let other = refused("UNAUTHORIZED", "Invalid Organization ID");
    let not_found = refused("NOT_FOUND", "Conversation not found");
    let gone = missing(&talk.conversation);
    for (path, args, missing) in [
        (OPERATOR_ONE, one(&talk.conversation), one(&gone)),
        (UPDATE, update(&talk.conversation, "resolved"), update(&gone, "resolved")),
    ] {
        assert_eq!(chat.refusal(As::Operator("other"), path, args), other, "{path}");
        assert_eq!(chat.refusal(As::Operator("org"), path, missing), not_found, "{path}");
    }
    assert_eq!(
        chat.refusal(As::Operator("other"), CONTACT, one(&talk.conversation)),
        refused("UNAUTHORIZED", "Invalid organization id")
    );
    assert_eq!(chat.refusal(As::Operator("org"), CONTACT, one(&gone)), not_found);
    assert_eq!(chat.status(&talk), "unresolved");
    let rows =
        page(chat.ok(As::Operator("other"), OPERATOR_MANY, object! { "paginationOpts" => first(10.0) }));
    assert!(rows.is_empty());
}

#[test]
fn an_operator_reads_a_conversation_with_its_visitor() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let found = chat.object(As::Operator("org"), OPERATOR_ONE, one(&talk.conversation));
    assert_eq!(text(&found, "_id"), talk.conversation);
    assert_eq!(text(&found, "threadId"), talk.thread);
    assert_eq!(text(&found, "contactSessionId"), talk.session);
    assert_eq!(text(&found, "contactSession._id"), talk.session);
    assert_eq!(text(&found, "contactSession.name"), "Ada");
    let contact = chat.object(As::Operator("org"), CONTACT, one(&talk.conversation));
    assert_eq!(found.get("contactSession"), Some(&Value::Object(contact)));
}

#[test]
fn any_change_of_status_is_allowed() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    for status in ["escalated", "resolved", "unresolved", "resolved", "escalated", "unresolved"] {
        assert!(chat.ok(As::Operator("org"), UPDATE, update(&talk.conversation, status)).is_null());
        assert_eq!(chat.status(&talk), status);
    }
    let failure = chat.failure(As::Operator("org"), UPDATE, update(&talk.conversation, "all"));
    assert!(failure.contains("Path: .status"), "{failure}");
}

#[test]
fn operators_list_by_status_and_by_pages() {
    let chat = Chat::new();
    let session = chat.session("org");
    let conversations: Vec<String> = (0..4).map(|_| chat.conversation("org", &session)).collect();
    let foreign = chat.talk("other");
    chat.ok(As::Operator("other"), UPDATE, update(&foreign.conversation, "escalated"));
    for index in [1, 3] {
        chat.ok(As::Operator("org"), UPDATE, update(&conversations[index], "escalated"));
    }
    let listed = |args: Object| names(&page(chat.ok(As::Operator("org"), OPERATOR_MANY, args)), "_id");
    let ids =
        |indexes: &[usize]| indexes.iter().map(|index| conversations[*index].clone()).collect::<Vec<_>>();

    // The clients' form: the page, and the status only if it matters.
    assert_eq!(listed(object! { "paginationOpts" => first(10.0) }), ids(&[3, 2, 1, 0]));
    assert_eq!(listed(object! { "paginationOpts" => first(10.0), "status" => "escalated" }), ids(&[3, 1]));
    assert_eq!(listed(object! { "paginationOpts" => first(10.0), "status" => "unresolved" }), ids(&[2, 0]));
    assert!(listed(object! { "paginationOpts" => first(10.0), "status" => "resolved" }).is_empty());
    // The documented form: "all", and no page.
    assert_eq!(listed(object! { "status" => "all" }), ids(&[3, 2, 1, 0]));
    assert_eq!(listed(object! { "status" => "escalated" }), ids(&[3, 1]));
    assert_eq!(listed(object! {}), ids(&[3, 2, 1, 0]));

    let result = chat.object(As::Operator("org"), OPERATOR_MANY, object! { "paginationOpts" => first(3.0) });
    assert_eq!(result.get("isDone"), Some(&Value::Boolean(false)));
    let rest = object! { "paginationOpts" => after(text(&result, "continueCursor"), 3.0) };
    assert_eq!(names(&page(result.into()), "_id"), ids(&[3, 2, 1]));
    assert_eq!(listed(rest), ids(&[0]));

    let rows = page(chat.ok(As::Operator("org"), OPERATOR_MANY, object! { "paginationOpts" => first(1.0) }));
    assert_eq!(text(&rows[0], "lastMessage.text"), "Hello, how can I help you today?");
    assert_eq!(text(&rows[0], "contactSession._id"), session);
    assert_eq!(text(&rows[0], "contactSessionId"), session);
}

#[test]
fn a_conversation_outlives_its_session_and_thread() {
    let chat = Chat::new();
    let (kept, lost) = (chat.talk("org"), chat.talk("org"));
    chat.delete(&lost.session);
    let operator = As::Operator("org");
    let rows = page(chat.ok(operator, OPERATOR_MANY, object! { "paginationOpts" => first(10.0) }));
    assert_eq!(names(&rows, "_id"), [kept.conversation.as_str()], "rows without a session are left out");
    assert_eq!(
        chat.refusal(operator, OPERATOR_ONE, one(&lost.conversation)),
        refused("NOT_FOUND", "Contact Session not found")
    );
    assert!(chat.ok(operator, CONTACT, one(&lost.conversation)).is_null());

    let message = text(&chat.messages(&kept)[0], "_id").to_owned();
    chat.delete(&message);
    let rows = page(chat.ok(As::Visitor, GET_MANY, list(&kept.session, first(10.0))));
    assert_eq!(rows[0].get("lastMessage"), Some(&Value::Null));
    chat.delete(&kept.thread);
    assert!(chat.messages(&kept).is_empty());
}

#[test]
fn the_system_finds_and_moves_conversations_by_thread() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let thread = || object! { "threadId" => talk.thread.as_str() };
    let nowhere = || object! { "threadId" => "nowhere" };
    let found = chat.object(As::Admin, "system/conversations:getByThreadId", thread());
    assert_eq!(text(&found, "_id"), talk.conversation);
    assert!(chat.ok(As::Admin, "system/conversations:getByThreadId", nowhere()).is_null());
    for (path, status) in
        [("system/conversations:escalate", "escalated"), ("system/conversations:resolve", "resolved")]
    {
        assert!(chat.ok(As::Admin, path, thread()).is_null());
        assert_eq!(chat.status(&talk), status);
        assert_eq!(chat.refusal(As::Admin, path, nowhere()), refused("NOT_FOUND", "Conversation not found"));
    }
}
