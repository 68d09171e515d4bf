//! A thread as a language model takes it.

use std::collections::HashSet;

use fusion_schema::tables::{AgentMessage, MessageRole};
use fusion_schema::{Doc, Object, Value, json};

use crate::services::chat::{ChatMessage, ToolCall};

/// The messages of a thread, oldest first. Uses of tools without results, and results without uses, are left out:
/// models refuse them, and a thread that is too long to be given whole begins in the middle.
pub(super) fn messages(thread: &[Doc<AgentMessage>]) -> Vec<ChatMessage> {
    let parts: Vec<(MessageRole, Vec<Part>)> = thread
        .iter()
        .filter_map(|message| message.message.as_ref())
        .map(|body| (body.role, parts(&body.content)))
        .collect();
    let ids = |wanted: fn(&Part) -> Option<&str>| -> HashSet<&str> {
        parts.iter().flat_map(|(_, parts)| parts).filter_map(wanted).collect()
    };
    let used = ids(|part| match part {
        Part::Call(call) => Some(call.id.as_str()),
        _ => None,
    });
    let resulted = ids(|part| match part {
        Part::Result { call_id, .. } => Some(call_id.as_str()),
        _ => None,
    });
    let mut found = Vec::new();
    for (role, parts) in &parts {
        let text = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let text = text.collect::<Vec<_>>().join("\n");
        match role {
            MessageRole::User => found.push(ChatMessage::User(text)),
            MessageRole::Assistant => {
                let calls: Vec<ToolCall> = parts
                    .iter()
                    .filter_map(|part| match part {
                        Part::Call(call) if resulted.contains(call.id.as_str()) => Some(call.clone()),
                        _ => None,
                    })
                    .collect();
                if !text.is_empty() || !calls.is_empty() {
                    found.push(ChatMessage::Assistant { text, calls });
                }
            }
            MessageRole::Tool => found.extend(parts.iter().filter_map(|part| match part {
                Part::Result { call_id, result } if used.contains(call_id.as_str()) => {
                    Some(ChatMessage::ToolResult { call_id: call_id.clone(), result: result.clone() })
                }
                _ => None,
            })),
            MessageRole::System => {}
        }
    }
    found
}

enum Part {
    Text(String),
    Call(ToolCall),
    Result { call_id: String, result: String },
}

fn parts(content: &Value) -> Vec<Part> {
    match content {
        Value::String(text) => vec![Part::Text(text.clone())],
        Value::Array(list) => list.iter().filter_map(Value::as_object).filter_map(part).collect(),
        _ => Vec::new(),
    }
}

fn part(part: &Object) -> Option<Part> {
    let text = |name: &str| part.get(name).and_then(Value::as_str).map(str::to_owned);
    match part.get("type").and_then(Value::as_str)? {
        "text" => Some(Part::Text(text("text")?)),
        "tool-call" => Some(Part::Call(ToolCall {
            id: text("toolCallId")?,
            name: text("toolName")?,
            arguments: part.get("args").map_or_else(|| "{}".to_owned(), json::encode),
        })),
        "tool-result" => {
            let result = part.get("result").map(|result| match result {
                Value::String(text) => text.clone(),
                other => json::encode(other),
            });
            Some(Part::Result { call_id: text("toolCallId")?, result: result.unwrap_or_default() })
        }
        _ => None,
    }
}
