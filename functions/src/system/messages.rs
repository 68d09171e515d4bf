//! `system/messages`: the two halves of a visitor's turn, with the assistant's thinking between them.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::tables::{
    AgentMessage, AgentThread, Conversation, ConversationStatus, MessageBody, MessageRole,
};
use fusion_schema::{Doc, Id, Typed, Value, object};

use crate::errors::{bad_request, not_found};
use crate::system::conversations::{ThreadArgs, by_thread};
use crate::threads;

/// What the scripted assistant's messages are marked with.
const MODEL: &str = "scripted";
const PROVIDER: &str = "fusion";

/// `system/messages`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("savePrompt", save_prompt).mutation("saveReply", save_reply);
}

fn conversation_of(ctx: &mut MutationCtx<'_>, thread_id: &str) -> Result<Doc<Conversation>> {
    by_thread(ctx, thread_id)?.ok_or_else(|| not_found("Conversation not found"))
}

/// What a visitor says.
#[derive(Typed)]
pub(crate) struct SavePrompt {
    pub(crate) thread_id: String,
    pub(crate) prompt: String,
}

/// Saves what a visitor says. Gives the message if the assistant is to answer it, null if an operator is.
fn save_prompt(ctx: &mut MutationCtx<'_>, args: SavePrompt) -> Result<Option<Id<AgentMessage>>> {
    let conversation = conversation_of(ctx, &args.thread_id)?;
    let thread = threads::find(ctx, &args.thread_id)?;
    match conversation.status {
        ConversationStatus::Unresolved => threads::append_prompt(ctx, thread, &args.prompt).map(Some),
        ConversationStatus::Escalated => {
            let message = AgentMessage::text(thread, 0.0, MessageRole::User, args.prompt);
            threads::append(ctx, message)?;
            Ok(None)
        }
        // It was resolved between the check of the action and now.
        ConversationStatus::Resolved => Err(bad_request("Conversation resolved")),
    }
}

/// What the assistant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub(crate) enum Outcome {
    /// It says something.
    Text,
    /// It hands over to an operator.
    Escalate,
    /// It closes the conversation.
    Resolve,
}

/// What the assistant does about a prompt; `text` is what it says.
#[derive(Typed)]
pub(crate) struct SaveReply {
    pub(crate) thread_id: String,
    pub(crate) prompt_message_id: Id<AgentMessage>,
    pub(crate) outcome: Outcome,
    pub(crate) text: Option<String>,
}

/// A tool the assistant used, and what came of it.
struct ToolUse {
    name: &'static str,
    mutation: &'static str,
    result: &'static str,
    message: &'static str,
}

const ESCALATION: ToolUse = ToolUse {
    name: "escalateConversationTool",
    mutation: "system/conversations:escalate",
    result: "Conversation escalated to a human operator",
    message: "Conversation escalated to a human operator.",
};
const RESOLUTION: ToolUse = ToolUse {
    name: "resolveConversationTool",
    mutation: "system/conversations:resolve",
    result: "Conversation resolved",
    message: "Conversation resolved.",
};

/// Saves what the assistant does about a prompt. If an operator has stepped in meanwhile it does nothing, but the
/// prompt is no longer waiting.
fn save_reply(ctx: &mut MutationCtx<'_>, args: SaveReply) -> Result<()> {
    let conversation = conversation_of(ctx, &args.thread_id)?;
    let thread = threads::find(ctx, &args.thread_id)?;
    let prompt = ctx.db().get(args.prompt_message_id)?.ok_or_else(|| not_found("Message not found"))?;
    ctx.db().patch(prompt.id, object! { "status" => "success" })?;
    if conversation.status != ConversationStatus::Unresolved {
        return Ok(());
    }
    let tool = match args.outcome {
        Outcome::Text => {
            let text = args.text.unwrap_or_default();
            let message = AgentMessage::text(thread, 0.0, MessageRole::Assistant, text);
            threads::append_step(ctx, &prompt, generated(message, "stop"))?;
            return Ok(());
        }
        Outcome::Escalate => ESCALATION,
        Outcome::Resolve => RESOLUTION,
    };
    ctx.run_mutation::<()>(tool.mutation, ThreadArgs { thread_id: args.thread_id })?;
    let call_id = format!("call_{}", prompt.id);
    let call = object! {
        "type" => "tool-call", "toolCallId" => call_id.as_str(), "toolName" => tool.name, "args" => object! {},
    };
    let result = object! {
        "type" => "tool-result", "toolCallId" => call_id.as_str(), "toolName" => tool.name,
        "result" => tool.result,
    };
    let call = generated(step(thread, MessageRole::Assistant, call.into()), "tool-calls");
    threads::append_step(ctx, &prompt, call)?;
    threads::append_step(ctx, &prompt, step(thread, MessageRole::Tool, result.into()))?;
    threads::append(ctx, AgentMessage::text(thread, 0.0, MessageRole::Assistant, tool.message))?;
    Ok(())
}

/// A message that is one part of the use of a tool.
fn step(thread: Id<AgentThread>, role: MessageRole, part: Value) -> AgentMessage {
    AgentMessage {
        tool: true,
        text: None,
        message: Some(MessageBody { role, content: Value::Array(vec![part]) }),
        ..AgentMessage::text(thread, 0.0, role, "")
    }
}

/// A message the assistant wrote.
fn generated(message: AgentMessage, finish_reason: &str) -> AgentMessage {
    AgentMessage {
        model: Some(MODEL.to_owned()),
        provider: Some(PROVIDER.to_owned()),
        finish_reason: Some(finish_reason.to_owned()),
        ..message
    }
}
