//! `public/messages` and `private/messages`.

use fusion_schema::{Object, Value, object};

use crate::harness::*;

const CREATE: &str = "public/messages:create";
const GET_MANY: &str = "public/messages:getMany";
const OPERATOR_CREATE: &str = "private/messages:create";
const OPERATOR_MANY: &str = "private/messages:getMany";
const ENHANCE: &str = "private/messages:enhanceResponse";
const UPDATE: &str = "private/conversations:updateStatus";

fn list(talk: &Talk, options: Object) -> Object {
    object! {
        "threadId" => talk.thread.as_str(), "contactSessionId" => talk.session.as_str(), "paginationOpts" => options,
    }
}

fn set_status(chat: &Chat, talk: &Talk, status: &str) {
    let args = object! { "conversationId" => talk.conversation.as_str(), "status" => status };
    chat.ok(As::Operator("org"), UPDATE, args);
}

/// Role, place and text of each message.
fn outline(messages: &[Object]) -> Vec<(String, f64, f64, String)> {
    messages
        .iter()
        .map(|message| {
            let said = message.get("text").and_then(Value::as_str).unwrap_or("-").to_owned();
            (
                text(message, "message.role").to_owned(),
                number(message, "order"),
                number(message, "stepOrder"),
                said,
            )
        })
        .collect()
}

#[test]
fn the_assistant_answers_in_the_same_turn() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    chat.say(&talk, "Hello!");
    chat.say(&talk, "");
    let messages = chat.messages(&talk);
    assert_eq!(
        outline(&messages)
            .iter()
            .map(|(role, order, step, _)| (role.as_str(), *order, *step))
            .collect::<Vec<_>>(),
        [
            ("assistant", 0.0, 0.0),
            ("user", 1.0, 0.0),
            ("assistant", 1.0, 1.0),
            ("user", 2.0, 0.0),
            ("assistant", 2.0, 1.0)
        ]
    );
    assert_eq!(text(&messages[1], "text"), "Hello!");
    assert_eq!(text(&messages[2], "text"), "Hello! What can I do for you?");
    assert_eq!(text(&messages[2], "model"), "scripted");
    assert_eq!(text(&messages[2], "finishReason"), "stop");
    assert!(messages.iter().all(|message| text(message, "status") == "success"));
    assert_eq!(chat.status(&talk), "unresolved");
}

#[test]
fn asking_for_a_human_escalates() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    chat.say(&talk, "I want to talk to a human");
    assert_eq!(chat.status(&talk), "escalated");
    let messages = chat.messages(&talk);
    assert_eq!(
        outline(&messages)[1..],
        [
            ("user".into(), 1.0, 0.0, "I want to talk to a human".into()),
            ("assistant".into(), 1.0, 1.0, "-".into()),
            ("tool".into(), 1.0, 2.0, "-".into()),
            ("assistant".into(), 2.0, 0.0, "Conversation escalated to a human operator.".into()),
        ]
    );
    let part = |index: usize| {
        let content = messages[index].get_path("message.content").and_then(Value::as_array).unwrap();
        content[0].as_object().unwrap().clone()
    };
    assert_eq!(messages[2].get("tool"), Some(&Value::Boolean(true)));
    assert_eq!(text(&part(2), "type"), "tool-call");
    assert_eq!(text(&part(2), "toolName"), "escalateConversationTool");
    assert_eq!(text(&part(3), "type"), "tool-result");
    assert_eq!(text(&part(3), "result"), "Conversation escalated to a human operator");
    assert_eq!(text(&part(3), "toolCallId"), text(&part(2), "toolCallId"));

    // From now on an operator answers.
    chat.say(&talk, "Anybody there?");
    let messages = chat.messages(&talk);
    assert_eq!(outline(&messages)[5..], [("user".into(), 3.0, 0.0, "Anybody there?".into())]);
    assert_eq!(text(&messages[5], "status"), "success");
}

#[test]
fn the_end_of_a_conversation_resolves_it() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    chat.say(&talk, "That's all, thank you!");
    assert_eq!(chat.status(&talk), "resolved");
    assert_eq!(text(chat.messages(&talk).last().unwrap(), "text"), "Conversation resolved.");
    let closed = refused("BAD_REQUEST", "Conversation resolved");
    assert_eq!(chat.refusal(As::Visitor, CREATE, talk.message("One more thing")), closed);
    assert_eq!(chat.messages(&talk).len(), 5);
}

#[test]
fn messages_have_a_longest_length() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let too_long = refused("BAD_REQUEST", "Message too long. Maximum 2000 characters.");
    assert_eq!(chat.refusal(As::Visitor, CREATE, talk.message(&"a".repeat(2001))), too_long);
    assert_eq!(chat.refusal(As::Visitor, CREATE, talk.message(&"😀".repeat(1001))), too_long);
    // The length is looked at before the status.
    set_status(&chat, &talk, "resolved");
    assert_eq!(chat.refusal(As::Visitor, CREATE, talk.message(&"a".repeat(2001))), too_long);
    set_status(&chat, &talk, "escalated");
    chat.say(&talk, &"a".repeat(2000));
}

#[test]
fn a_session_reaches_threads_of_its_own_conversations_only() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let intruder =
        Talk { session: chat.session("org"), thread: talk.thread.clone(), conversation: String::new() };
    let incorrect = refused("UNAUTHORIZED", "Incorrect session");
    assert_eq!(chat.refusal(As::Visitor, CREATE, intruder.message("hi")), incorrect);
    assert_eq!(chat.refusal(As::Visitor, GET_MANY, list(&intruder, first(10.0))), incorrect);
    assert_eq!(chat.messages(&talk).len(), 1);

    let lost = Talk { thread: missing(&talk.thread), ..intruder };
    let not_found = refused("NOT_FOUND", "Conversation not found");
    assert_eq!(chat.refusal(As::Visitor, CREATE, lost.message("hi")), not_found);
    assert_eq!(chat.refusal(As::Visitor, GET_MANY, list(&lost, first(10.0))), not_found);
}

#[test]
fn saying_something_prolongs_the_session() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    chat.advance(22 * HOUR_MS);
    chat.say(&talk, "hello");
    assert_eq!(number(&chat.rows("contactSessions")[0], "expiresAt"), (START_MS + 46 * HOUR_MS) as f64);
}

#[test]
fn messages_come_newest_first_by_pages() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    for prompt in ["one?", "two?", "three?"] {
        chat.say(&talk, prompt);
    }
    let all = chat.messages(&talk);
    let mut found = Vec::new();
    let mut options = first(3.0);
    loop {
        let result = chat.object(As::Visitor, GET_MANY, list(&talk, options));
        let done = result.get("isDone").and_then(Value::as_bool).unwrap();
        options = after(text(&result, "continueCursor"), 3.0);
        found.extend(page(result.into()));
        if done {
            break;
        }
    }
    found.reverse();
    assert_eq!(found, all);

    // No page is wanted: nothing is read, and the cursor stays where it was.
    for (options, cursor) in [(first(0.0), ""), (after("somewhere", 0.0), "somewhere")] {
        assert_eq!(
            chat.object(As::Visitor, GET_MANY, list(&talk, options)),
            object! { "page" => Vec::<Value>::new(), "isDone" => true, "continueCursor" => cursor }
        );
    }
}

#[test]
fn a_prompt_without_an_answer_fails_when_the_next_one_comes() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let save = |prompt: &str| {
        let args = object! { "threadId" => talk.thread.as_str(), "prompt" => prompt };
        text(&chat.object(As::Admin, "system/ai/turns:begin", args), "promptMessageId").to_owned()
    };
    save("first");
    assert_eq!(text(&chat.messages(&talk)[1], "status"), "pending");
    let second = save("second");
    let messages = chat.messages(&talk);
    assert_eq!((text(&messages[1], "status"), text(&messages[2], "status")), ("failed", "pending"));
    assert!(!text(&messages[1], "error").is_empty());

    // An operator steps in before the answer: the assistant keeps silent.
    set_status(&chat, &talk, "escalated");
    let reply = object! {
        "promptMessageId" => second, "text" => "late", "uses" => Vec::<Value>::new(), "model" => "m",
        "provider" => "p", "finishReason" => "stop",
    };
    assert_eq!(chat.ok(As::Admin, "system/ai/turns:step", reply), Value::from(false));
    let messages = chat.messages(&talk);
    assert_eq!(messages.len(), 3);
    assert_eq!(text(&messages[2], "status"), "success");
}

#[test]
fn an_operator_who_speaks_takes_over() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let forms = [
        object! { "prompt" => "I am here", "conversationId" => talk.conversation.as_str() },
        object! { "message" => "Still here", "threadId" => talk.thread.as_str() },
    ];
    for (args, order) in forms.into_iter().zip([1.0, 2.0]) {
        set_status(&chat, &talk, "unresolved");
        let said = args.get("prompt").or(args.get("message")).and_then(Value::as_str).unwrap().to_owned();
        assert!(chat.ok(As::Operator("org"), OPERATOR_CREATE, args).is_null());
        assert_eq!(chat.status(&talk), "escalated");
        let message = chat.messages(&talk).pop().unwrap();
        assert_eq!(text(&message, "text"), said);
        assert_eq!(text(&message, "message.role"), "assistant");
        assert_eq!(text(&message, "agentName"), "Lovelace");
        assert_eq!((number(&message, "order"), number(&message, "stepOrder")), (order, 0.0));
    }
}

#[test]
fn operators_write_to_their_organisations_open_conversations_only() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let by_conversation = |id: &str| object! { "prompt" => "hi", "conversationId" => id };
    let by_thread = |id: &str| object! { "message" => "hi", "threadId" => id };
    let other = refused("UNAUTHORIZED", "Invalid Organization ID");
    let not_found = refused("NOT_FOUND", "Conversation not found");
    for (own, gone) in [
        (by_conversation(&talk.conversation), by_conversation(&missing(&talk.conversation))),
        (by_thread(&talk.thread), by_thread(&missing(&talk.thread))),
    ] {
        assert_eq!(chat.refusal(As::Operator("other"), OPERATOR_CREATE, own.clone()), other);
        assert_eq!(chat.refusal(As::Operator("org"), OPERATOR_CREATE, gone), not_found);
        set_status(&chat, &talk, "resolved");
        assert_eq!(
            chat.refusal(As::Operator("org"), OPERATOR_CREATE, own),
            refused("BAD_REQUEST", "Conversation resolved")
        );
        set_status(&chat, &talk, "unresolved");
    }
    assert_eq!(chat.messages(&talk).len(), 1);

    let mixed = object! { "prompt" => "hi", "threadId" => talk.thread.as_str() };
    let mut both = by_conversation(&talk.conversation);
    both.insert("message", "hi");
    for args in [object! {}, object! { "prompt" => "hi" }, mixed, both] {
        let failure = chat.failure(As::Operator("org"), OPERATOR_CREATE, args);
        assert!(failure.contains("ArgumentValidationError: Give either `prompt` and"), "{failure}");
    }
}

#[test]
fn operators_read_their_organisations_threads_only() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    chat.say(&talk, "hello");
    let args = |thread: &str| object! { "threadId" => thread, "paginationOpts" => first(10.0) };
    let mut rows = page(chat.ok(As::Operator("org"), OPERATOR_MANY, args(&talk.thread)));
    rows.reverse();
    assert_eq!(rows, chat.messages(&talk));
    assert_eq!(
        chat.refusal(As::Operator("other"), OPERATOR_MANY, args(&talk.thread)),
        refused("UNAUTHORIZED", "Invalid Organization ID")
    );
    assert_eq!(
        chat.refusal(As::Operator("org"), OPERATOR_MANY, args("nowhere")),
        refused("NOT_FOUND", "Conversation not found")
    );
}

#[test]
fn a_draft_is_improved_in_the_form_it_came_in() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    assert_eq!(
        chat.ok(As::Operator("org"), ENHANCE, object! { "prompt" => "  we look\ninto it" }),
        Value::from("We look into it.")
    );
    let by_thread = |thread: &str| object! { "threadId" => thread, "message" => "we look into it" };
    assert_eq!(
        chat.object(As::Operator("org"), ENHANCE, by_thread(&talk.thread)),
        object! { "message" => "We look into it." }
    );
    assert_eq!(
        chat.refusal(As::Operator("other"), ENHANCE, by_thread(&talk.thread)),
        refused("UNAUTHORIZED", "Invalid Organization ID")
    );
    assert_eq!(
        chat.refusal(As::Operator("org"), ENHANCE, by_thread("nowhere")),
        refused("NOT_FOUND", "Conversation not found")
    );
    let failure = chat.failure(As::Operator("org"), ENHANCE, object! { "message" => "hi" });
    assert!(failure.contains("ArgumentValidationError: Give either `prompt`, or"), "{failure}");
}
