//! The assistant with a language model outside: what is sent to it, what becomes of its answers and of its failures.

use std::time::Duration;

use fusion_functions::services::{Patience, Services};
use fusion_schema::{Object, Value, object};
use serde_json::{Value as Json, json};

use crate::harness::*;
use crate::stub::{Part, Reply, Stub, delta, finish, usage};

const CREATE: &str = "public/messages:create";
const UNAVAILABLE: &str = "The assistant could not answer. Please try again.";

/// A deployment whose language model is the stub.
fn chat_with(stub: &Stub) -> Chat {
    let patience = Patience {
        connect: Duration::from_secs(30),
        silence: Duration::from_secs(30),
        answer: Duration::from_secs(60),
        retries: 2,
        retry_delay: Duration::from_millis(1),
        retry_delay_max: Duration::from_secs(5),
    };
    chat_with_patience(stub, patience)
}

fn chat_with_patience(stub: &Stub, patience: Patience) -> Chat {
    let chat = Chat::with_services(Services::new(patience));
    chat.set_env("OPENAI_BASE_URL", &format!("{}/v1/", stub.url));
    chat.set_env("OPENAI_API_KEY", "sk-test-1234567890");
    chat.set_env("OPENAI_EMBEDDING_MODEL", "lexical");
    chat
}

fn content(message: &Object) -> Vec<Object> {
    let parts = message.get_path("message.content").and_then(Value::as_array).unwrap();
    parts.iter().map(|part| part.as_object().unwrap().clone()).collect()
}

fn roles(body: &Json) -> Vec<&str> {
    body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect()
}

#[test]
fn an_answer_is_asked_for_as_the_wire_has_it_and_kept_with_what_it_cost() {
    let stub = Stub::answering([Reply::text("We ship on Mondays.")]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "When do you ship?");

    let received = stub.received();
    assert_eq!(received.len(), 1);
    let request = &received[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(request.header("authorization"), "Bearer sk-test-1234567890");
    assert_eq!(request.header("content-type"), "application/json");
    let body = request.json();
    assert_eq!((&body["model"], &body["stream"]), (&json!("gpt-4o-mini"), &json!(true)));
    assert_eq!(body["stream_options"], json!({ "include_usage": true }));
    assert_eq!(body["max_tokens"], json!(1024));
    assert_eq!(roles(&body), ["system", "assistant", "user"]);
    assert_eq!(body["messages"][1]["content"], "Hello, how can I help you today?");
    assert_eq!(body["messages"][2], json!({ "role": "user", "content": "When do you ship?" }));
    let tools: Vec<&Json> = body["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]).collect();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["escalateConversationTool", "resolveConversationTool", "searchTool"]);
    assert_eq!(tools[2]["parameters"]["required"], json!(["query"]));

    let messages = chat.messages(&talk);
    assert_eq!(messages.len(), 3);
    let answer = &messages[2];
    assert_eq!(text(answer, "text"), "We ship on Mondays.");
    assert_eq!((number(answer, "order"), number(answer, "stepOrder")), (1.0, 1.0));
    assert_eq!((text(answer, "status"), text(answer, "finishReason")), ("success", "stop"));
    assert_eq!(text(answer, "model"), "gpt-4o-mini");
    assert_eq!(number(answer, "usage.totalTokens"), 25.0);
    assert_eq!(text(&messages[1], "status"), "success");
}

#[test]
fn tools_are_used_step_by_step() {
    let stub = Stub::answering([
        Reply::tool("call_a", "searchTool", r#"{"query":"shipping days"}"#),
        Reply::text("I do not know, sorry."),
    ]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "When do you ship?");
    let second = stub.received()[1].json();
    assert_eq!(roles(&second), ["system", "assistant", "user", "assistant", "tool"]);
    assert_eq!(second["messages"][3]["tool_calls"][0]["id"], "call_a");
    assert_eq!(
        second["messages"][3]["tool_calls"][0]["function"]["arguments"],
        r#"{"query":"shipping days"}"#
    );
    assert_eq!(second["messages"][4]["tool_call_id"], "call_a");
    assert!(second["messages"][4]["content"].as_str().unwrap().starts_with("I could not find anything"));

    let messages = chat.messages(&talk);
    let places: Vec<(f64, f64)> =
        messages.iter().map(|message| (number(message, "order"), number(message, "stepOrder"))).collect();
    assert_eq!(places, [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]);
    assert_eq!(messages[2].get("tool"), Some(&Value::Boolean(true)));
    assert_eq!(text(&messages[2], "finishReason"), "tool-calls");
    let call = &content(&messages[2])[0];
    assert_eq!((text(call, "type"), text(call, "toolName")), ("tool-call", "searchTool"));
    assert_eq!(text(call, "args.query"), "shipping days");
    let result = &content(&messages[3])[0];
    assert_eq!((text(result, "type"), text(result, "toolCallId")), ("tool-result", "call_a"));
    assert_eq!(text(&messages[4], "text"), "I do not know, sorry.");
}

#[test]
fn the_next_turn_sees_the_thread_with_its_tools() {
    let stub = Stub::answering([
        Reply::tool("call_a", "searchTool", r#"{"query":"x"}"#),
        Reply::text("No."),
        Reply::text("Fine."),
    ]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "One?");
    chat.say(&talk, "Two?");
    let body = stub.received()[2].json();
    assert_eq!(roles(&body), ["system", "assistant", "user", "assistant", "tool", "assistant", "user"]);
    assert_eq!(body["messages"][3]["tool_calls"][0]["function"]["name"], "searchTool");
    assert_eq!(body["messages"][6]["content"], "Two?");
}

#[test]
fn handing_over_and_closing_end_the_turn() {
    for (tool, status, message) in [
        ("escalateConversationTool", "escalated", "Conversation escalated to a human operator."),
        ("resolveConversationTool", "resolved", "Conversation resolved."),
    ] {
        let stub = Stub::answering([Reply::tool("call_1", tool, "{}")]);
        let chat = chat_with(&stub);
        let talk = chat.talk("org");
        chat.say(&talk, "please");
        assert_eq!(chat.status(&talk), status);
        let messages = chat.messages(&talk);
        let last = messages.last().unwrap();
        assert_eq!((text(last, "text"), number(last, "order")), (message, 2.0));
        assert_eq!(stub.received().len(), 1);
    }
}

#[test]
fn a_turn_has_a_last_step() {
    let stub = Stub::new(|request| {
        let body = request.json();
        if body["tool_choice"] == "none" {
            return Reply::text("I give up.");
        }
        Reply::tool("call_x", "searchTool", r#"{"query":"again"}"#)
    });
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "Try hard");
    assert_eq!(stub.received().len(), 5);
    assert_eq!(text(chat.messages(&talk).last().unwrap(), "text"), "I give up.");
}

#[test]
fn unknown_tools_and_broken_arguments_are_told_to_the_model() {
    let stub = Stub::answering([
        Reply::tool("call_1", "deleteEverything", "{}"),
        Reply::tool("call_2", "searchTool", "{not json"),
        Reply::text("Done."),
    ]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "hm");
    let body = stub.received()[2].json();
    assert_eq!(body["messages"][4]["content"], "There is no such tool.");
    assert!(body["messages"][6]["content"].as_str().unwrap().contains("`query` is missing"));
    assert_eq!(body["messages"][5]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(chat.status(&talk), "unresolved");
}

#[test]
fn the_reply_grows_on_the_thread() {
    let (gate, open) = Part::gate();
    let part = |text: &str| Part::data(&delta(&json!({ "content": text })));
    let parts = vec![
        part("First half, "),
        gate,
        part("second half."),
        Part::data(&finish("stop")),
        Part::data(&usage(1, 1)),
        Part::Bytes(b"data: [DONE]\n\n".to_vec()),
    ];
    let stub = Stub::answering([Reply::Stream(parts)]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    let (result, grown) = chat.call_beside(As::Visitor, CREATE, talk.message("Tell me"), async |chat| {
        let grown = chat.until(|| chat.messages_beside(&talk).into_iter().nth(2)).await;
        open.send(()).unwrap();
        grown
    });
    assert!(result.unwrap().is_null());
    assert_eq!((text(&grown, "text"), text(&grown, "status")), ("First half, ", "pending"));
    let messages = chat.messages(&talk);
    assert_eq!(messages.len(), 3);
    assert_eq!(text(&messages[2], "_id"), text(&grown, "_id"));
    assert_eq!(text(&messages[2], "text"), "First half, second half.");
    assert_eq!(text(&messages[2], "message.content"), "First half, second half.");
    assert_eq!((text(&messages[2], "status"), text(&messages[2], "finishReason")), ("success", "stop"));
}

#[test]
fn an_operator_who_steps_in_ends_the_reply() {
    let (gate, open) = Part::gate();
    let parts = vec![
        Part::data(&delta(&json!({ "content": "I think" }))),
        gate,
        Part::data(&finish("stop")),
        Part::Bytes(b"data: [DONE]\n\n".to_vec()),
    ];
    let stub = Stub::answering([Reply::Stream(parts)]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    let (result, ()) = chat.call_beside(As::Visitor, CREATE, talk.message("Tell me"), async |chat| {
        chat.until(|| chat.messages_beside(&talk).into_iter().nth(2)).await;
        let args = object! { "prompt" => "I am here", "conversationId" => talk.conversation.as_str() };
        chat.call_async(As::Operator("org"), "private/messages:create", args).await.unwrap();
        open.send(()).unwrap();
    });
    assert!(result.unwrap().is_null());
    let messages = chat.messages(&talk);
    let outline: Vec<(&str, &str)> =
        messages[1..].iter().map(|message| (text(message, "text"), text(message, "status"))).collect();
    assert_eq!(outline, [("Tell me", "success"), ("I think", "failed"), ("I am here", "success")]);
}

#[test]
fn every_failure_marks_the_message_and_leaves_the_conversation_usable() {
    let broken = |parts: Vec<Part>| Reply::Stream(parts);
    let words = || Part::data(&delta(&json!({ "content": "Half an" })));
    let cases: Vec<(&str, Vec<Reply>, &str)> = vec![
        (
            "wrong key",
            vec![Reply::status(
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-test-1234567890"}}"#,
            )],
            "The language model refused the key: Incorrect API key provided: [secret]",
        ),
        (
            "no such model",
            vec![Reply::status(404, r#"{"error":{"message":"no model x","code":404}}"#)],
            "The language model answered with status 404: no model x",
        ),
        (
            "still overloaded",
            (0..3).map(|_| Reply::status(503, "<html>")).collect(),
            "The language model answered with status 503: Service Unavailable",
        ),
        (
            "too many",
            (0..3).map(|_| Reply::retry_after(429, "0")).collect(),
            "The language model is asked too often: Too Many Requests",
        ),
        (
            "told to wait too long",
            vec![Reply::retry_after(429, "3600")],
            "The language model is asked too often: Too Many Requests",
        ),
        ("hangs up", (0..3).map(|_| Reply::Hangup).collect(), "The language model cannot be reached."),
        (
            "garbage",
            vec![Reply::status(200, "\u{1}garbage")],
            "The language model gave an answer that cannot be used: it is no JSON",
        ),
        (
            "garbage in the stream",
            vec![broken(vec![words(), Part::Bytes(b"data: {oops\n\n".to_vec())])],
            "The language model gave an answer that cannot be used: a part is no JSON",
        ),
        (
            "cut off",
            vec![broken(vec![words()])],
            "The language model gave an answer that cannot be used: it broke off",
        ),
        (
            "error in the stream",
            vec![broken(vec![
                words(),
                Part::data(&json!({ "error": { "message": "mail ada@example.org", "code": 502 } })),
            ])],
            "The language model gave an answer that cannot be used: mail [email]",
        ),
        (
            "empty",
            vec![Reply::chunks(&[finish("stop")])],
            "The language model gave an answer that cannot be used: it is empty",
        ),
    ];
    for (name, replies, error) in cases {
        let count = replies.len();
        let stub = Stub::answering(replies.into_iter().chain([Reply::text("Better now.")]));
        let chat = chat_with(&stub);
        let talk = chat.talk("org");
        let refusal = chat.refusal(As::Visitor, CREATE, talk.message("Hello?"));
        assert_eq!(refusal, refused("SERVICE_FAILED", UNAVAILABLE), "{name}");
        assert_eq!(stub.received().len(), count, "{name}");
        let messages = chat.messages(&talk);
        assert_eq!((text(&messages[1], "status"), text(&messages[1], "error")), ("failed", error), "{name}");
        assert!(messages[2..].iter().all(|message| text(message, "status") == "failed"), "{name}");

        chat.say(&talk, "And now?");
        let messages = chat.messages(&talk);
        assert_eq!(text(messages.last().unwrap(), "text"), "Better now.", "{name}");
        // What failed is not shown to the model again.
        assert_eq!(roles(&stub.received().last().unwrap().json()), ["system", "assistant", "user"], "{name}");
    }
}

#[test]
fn silence_is_not_waited_for_for_ever() {
    let patience = Patience { silence: Duration::from_millis(50), ..Patience::default() };
    let answer = Patience { answer: Duration::from_millis(50), ..Patience::default() };
    let words = || Part::data(&delta(&json!({ "content": "Half an" })));
    for (patience, reply) in [
        (patience, Reply::Silence),
        (patience, Reply::Stream(vec![words(), Part::Silence])),
        (answer, Reply::Stream(vec![words(), Part::Silence])),
    ] {
        let stub = Stub::answering([reply]);
        let chat = chat_with_patience(&stub, patience);
        let talk = chat.talk("org");
        assert_eq!(
            chat.refusal(As::Visitor, CREATE, talk.message("Hello?")),
            refused("SERVICE_FAILED", UNAVAILABLE)
        );
        assert_eq!(text(&chat.messages(&talk)[1], "error"), "The language model did not answer in time.");
        assert_eq!(stub.received().len(), 1);
    }
}

#[test]
fn what_may_pass_is_asked_again() {
    let stub =
        Stub::answering([Reply::retry_after(429, "0"), Reply::status(500, ""), Reply::text("Here I am.")]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "Anybody?");
    assert_eq!(text(chat.messages(&talk).last().unwrap(), "text"), "Here I am.");
    let received = stub.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request.body == received[0].body));
}

#[test]
fn servers_that_do_not_stream_are_understood() {
    let answer = json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "All at once." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 7, "completion_tokens": 3 },
    });
    let stub = Stub::answering([Reply::json(&answer)]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "Hello there you");
    let messages = chat.messages(&talk);
    assert_eq!(
        (text(&messages[2], "text"), number(&messages[2], "usage.totalTokens")),
        ("All at once.", 10.0)
    );
}

#[test]
fn a_server_of_ones_own_needs_no_key_and_the_model_can_be_chosen() {
    let stub = Stub::answering([Reply::text("Hi.")]);
    let chat = Chat::new();
    chat.set_env("OPENAI_BASE_URL", &format!("{}/v1", stub.url));
    chat.set_env("OPENAI_CHAT_MODEL", "llama3.2");
    let talk = chat.talk("org");
    chat.say(&talk, "Hello there you");
    let request = &stub.received()[0];
    assert_eq!(request.header("authorization"), "");
    assert_eq!(request.json()["model"], "llama3.2");
    let provider = text(&chat.messages(&talk)[2], "provider").to_owned();
    assert_eq!(format!("http://{provider}"), stub.url);

    // The built-in one again.
    chat.set_env("OPENAI_CHAT_MODEL", "scripted");
    chat.say(&talk, "Hello");
    assert_eq!(text(chat.messages(&talk).last().unwrap(), "model"), "scripted");
    assert_eq!(stub.received().len(), 1);
}

#[test]
fn drafts_are_put_better_by_the_model() {
    let stub = Stub::answering([Reply::text("We are looking into it."), Reply::status(400, "")]);
    let chat = chat_with(&stub);
    let args = object! { "prompt" => "we look into it" };
    let better = chat.ok(As::Operator("org"), "private/messages:enhanceResponse", args.clone());
    assert_eq!(better, Value::from("We are looking into it."));
    let body = stub.received()[0].json();
    assert_eq!(roles(&body), ["system", "user"]);
    assert_eq!(body["messages"][1]["content"], "we look into it");
    assert!(body.get("tools").is_none());
    assert_eq!(
        chat.refusal(As::Operator("org"), "private/messages:enhanceResponse", args),
        refused("SERVICE_FAILED", "The language model answered with status 400: Bad Request")
    );
}

#[test]
fn what_models_do_is_counted_and_logged_without_what_was_said() {
    let stub = Stub::answering([
        Reply::tool("call_1", "searchTool", r#"{"query":"my secret question"}"#),
        Reply::text("A secret answer."),
        Reply::status(400, ""),
    ]);
    let chat = chat_with(&stub);
    let talk = chat.talk("org");
    chat.say(&talk, "my secret question");
    chat.failure(As::Visitor, CREATE, talk.message("my secret question"));
    let counted = chat.counters();
    let count = |name: &str, value: &str| counted.get(&(name.to_owned(), value.to_owned())).copied();
    assert_eq!(count("fusion_chat_agent_calls_total", "support"), Some(3));
    assert_eq!(count("fusion_chat_tokens_total", "prompt"), Some(30));
    assert_eq!(count("fusion_chat_tokens_total", "completion"), Some(7));
    assert_eq!(count("fusion_chat_tool_calls_total", "searchTool"), Some(1));
    assert_eq!(count("fusion_chat_model_failures_total", "refused"), Some(1));
    let logs = chat.logs();
    let usage: Vec<&String> = logs.iter().filter(|line| line.contains("[ai-usage]")).collect();
    assert_eq!(usage.len(), 2, "{logs:?}");
    assert!(usage[1].contains("\"totalTokens\":25"), "{usage:?}");
    assert!(usage[0].contains(&talk.thread) && usage[0].contains("\"model\":\"gpt-4o-mini\""));
    assert!(!logs.iter().any(|line| line.contains("secret") || line.contains("sk-test")), "{logs:?}");
}
