//! `system/ai/turns`: what a visitor says and, step by step, what the assistant makes of it.
//!
//! A message waits (`pending`) until its turn has ended. A turn whose message no longer waits, because a later one
//! came or an operator stepped in, has nothing more to say: every function here tells it so.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::tables::{
    AgentMessage, AgentThread, Conversation, ConversationStatus, MessageBody, MessageRole, MessageStatus,
    Usage,
};
use fusion_schema::{Doc, Id, Typed, Value, json, object};

use crate::assistant::tools::Effect;
use crate::errors::{bad_request, not_found};
use crate::services::chat::ToolCall;
use crate::system::conversations::{ThreadArgs, by_thread};
use crate::threads;

/// How many messages of a thread the assistant is given.
const HISTORY: usize = 100;

/// `system/ai/turns`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("begin", begin).mutation("grow", grow).mutation("step", step).mutation("fail", fail);
}

/// What a visitor says.
#[derive(Typed)]
pub(crate) struct BeginTurn {
    pub(crate) thread_id: String,
    pub(crate) prompt: String,
}

/// A turn that has begun.
#[derive(Typed)]
pub(crate) struct Begun {
    pub(crate) prompt_message_id: Id<AgentMessage>,
    pub(crate) prompt: String,
    pub(crate) thread: String,
    pub(crate) organization_id: String,
    /// What was said before, oldest first.
    pub(crate) messages: Vec<Doc<AgentMessage>>,
}

/// Saves what a visitor says. Gives the turn if the assistant is to answer, null if an operator is.
fn begin(ctx: &mut MutationCtx<'_>, args: BeginTurn) -> Result<Option<Begun>> {
    let conversation = conversation_of(ctx, &args.thread_id)?;
    let thread = threads::find(ctx, &args.thread_id)?;
    match conversation.status {
        ConversationStatus::Unresolved => {
            let messages = threads::recent(ctx, thread, HISTORY)?;
            let prompt_message_id = threads::append_prompt(ctx, thread, &args.prompt)?;
            Ok(Some(Begun {
                prompt_message_id,
                prompt: args.prompt,
                thread: args.thread_id,
                organization_id: conversation.fields.organization_id,
                messages,
            }))
        }
        ConversationStatus::Escalated => {
            let message = AgentMessage::text(thread, 0.0, MessageRole::User, args.prompt);
            threads::append(ctx, message)?;
            Ok(None)
        }
        // It was resolved between the check of the action and now.
        ConversationStatus::Resolved => Err(bad_request("Conversation resolved")),
    }
}

/// What the assistant has said so far.
#[derive(Typed)]
pub(crate) struct GrowReply {
    pub(crate) prompt_message_id: Id<AgentMessage>,
    /// The message that shows it; the first time there is none.
    pub(crate) reply_message_id: Option<Id<AgentMessage>>,
    pub(crate) text: String,
}

/// Shows what the assistant has said so far. Gives the message that shows it; null if the turn is over.
fn grow(ctx: &mut MutationCtx<'_>, args: GrowReply) -> Result<Option<Id<AgentMessage>>> {
    let Some(prompt) = waiting_prompt(ctx, args.prompt_message_id, args.reply_message_id)? else {
        return Ok(None);
    };
    if let Some(id) = args.reply_message_id {
        let body = object! { "role" => "assistant", "content" => args.text.as_str() };
        ctx.db().patch(id, object! { "text" => args.text, "message" => body })?;
        return Ok(Some(id));
    }
    let mut message = AgentMessage::text(prompt.thread_id, 0.0, MessageRole::Assistant, args.text);
    message.status = MessageStatus::Pending;
    threads::append_step(ctx, &prompt, message).map(Some)
}

/// The use of a tool, and what came of it.
#[derive(Typed)]
pub(crate) struct ToolUse {
    pub(crate) call_id: String,
    pub(crate) name: String,
    /// A JSON object.
    pub(crate) arguments: String,
    /// What it does to the conversation.
    pub(crate) effect: Option<Effect>,
    pub(crate) result: String,
}

impl ToolUse {
    /// The use alone.
    pub(crate) fn call(&self) -> ToolCall {
        ToolCall { id: self.call_id.clone(), name: self.name.clone(), arguments: self.arguments.clone() }
    }
}

/// A step of the assistant.
#[derive(Typed)]
pub(crate) struct SaveStep {
    pub(crate) prompt_message_id: Id<AgentMessage>,
    /// The message that showed the step's text as it grew.
    pub(crate) reply_message_id: Option<Id<AgentMessage>>,
    pub(crate) text: String,
    /// Without any the turn ends.
    pub(crate) uses: Vec<ToolUse>,
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) finish_reason: String,
    pub(crate) usage: Option<Usage>,
}

/// Saves a step, and does what its tools do to the conversation. Gives whether the turn goes on if it wants to.
fn step(ctx: &mut MutationCtx<'_>, args: SaveStep) -> Result<bool> {
    let Some(prompt) = waiting_prompt(ctx, args.prompt_message_id, args.reply_message_id)? else {
        return Ok(false);
    };
    let thread = prompt.thread_id;
    let content = content(&args)?;
    let message = AgentMessage {
        tool: !args.uses.is_empty(),
        text: Some(args.text).filter(|text| !text.is_empty()),
        message: Some(MessageBody { role: MessageRole::Assistant, content }),
        model: Some(args.model),
        provider: Some(args.provider),
        usage: args.usage,
        finish_reason: Some(args.finish_reason),
        ..AgentMessage::text(thread, 0.0, MessageRole::Assistant, "")
    };
    match args.reply_message_id {
        Some(id) => {
            let grown = ctx.db().get(id)?.ok_or_else(|| not_found("Message not found"))?;
            let AgentMessage { order, step_order, user_id, .. } = grown.fields;
            ctx.db().replace(id, AgentMessage { order, step_order, user_id, ..message })?;
        }
        None => drop(threads::append_step(ctx, &prompt, message)?),
    }
    if args.uses.is_empty() {
        ctx.db().patch(prompt.id, object! { "status" => "success" })?;
        return Ok(false);
    }

    let mut effect = None;
    let mut results = Vec::new();
    for used in args.uses {
        let result = match (used.effect, effect) {
            (Some(wanted), None) => {
                effect = Some(wanted);
                used.result
            }
            (Some(_), Some(Effect::Escalate)) => "Conversation already escalated".to_owned(),
            (Some(_), Some(Effect::Resolve)) => "Conversation already resolved".to_owned(),
            (None, _) => used.result,
        };
        results.push(Value::from(object! {
            "type" => "tool-result", "toolCallId" => used.call_id, "toolName" => used.name, "result" => result,
        }));
    }
    let result = AgentMessage {
        tool: true,
        text: None,
        message: Some(MessageBody { role: MessageRole::Tool, content: Value::Array(results) }),
        ..AgentMessage::text(thread, 0.0, MessageRole::Tool, "")
    };
    threads::append_step(ctx, &prompt, result)?;
    let Some(effect) = effect else { return Ok(true) };
    ctx.db().patch(prompt.id, object! { "status" => "success" })?;
    ctx.run_mutation::<()>(effect.mutation(), ThreadArgs { thread_id: thread.to_string() })?;
    threads::append(ctx, AgentMessage::text(thread, 0.0, MessageRole::Assistant, effect.message()))?;
    Ok(false)
}

/// Text alone, or a list of parts if tools are used.
fn content(step: &SaveStep) -> Result<Value> {
    if step.uses.is_empty() {
        return Ok(step.text.as_str().into());
    }
    let mut parts: Vec<Value> = Vec::new();
    if !step.text.is_empty() {
        parts.push(object! { "type" => "text", "text" => step.text.as_str() }.into());
    }
    for used in &step.uses {
        let args = json::decode(&used.arguments).unwrap_or_else(|_| object! {}.into());
        parts.push(
            object! {
                "type" => "tool-call", "toolCallId" => used.call_id.as_str(), "toolName" => used.name.as_str(),
                "args" => args,
            }
            .into(),
        );
    }
    Ok(Value::Array(parts))
}

/// Why a turn ended without an answer.
#[derive(Typed)]
pub(crate) struct FailTurn {
    pub(crate) prompt_message_id: Id<AgentMessage>,
    pub(crate) reply_message_id: Option<Id<AgentMessage>>,
    pub(crate) error: String,
}

/// Marks the message of a turn, and what was said of the answer, as failed.
fn fail(ctx: &mut MutationCtx<'_>, args: FailTurn) -> Result<()> {
    for id in std::iter::once(args.prompt_message_id).chain(args.reply_message_id) {
        threads::fail(ctx, id, &args.error)?;
    }
    Ok(())
}

fn conversation_of(ctx: &mut MutationCtx<'_>, thread_id: &str) -> Result<Doc<Conversation>> {
    by_thread(ctx, thread_id)?.ok_or_else(|| not_found("Conversation not found"))
}

/// The message of a turn if it is still the assistant's to answer it. Else what was said of the answer is over, too.
fn waiting_prompt(
    ctx: &mut MutationCtx<'_>,
    prompt: Id<AgentMessage>,
    reply: Option<Id<AgentMessage>>,
) -> Result<Option<Doc<AgentMessage>>> {
    let Some(prompt) = ctx.db().get(prompt)? else { return Ok(None) };
    let thread: Id<AgentThread> = prompt.thread_id;
    let conversation = by_thread(ctx, &thread.to_string())?;
    if prompt.status == MessageStatus::Pending
        && conversation.is_some_and(|conversation| conversation.status == ConversationStatus::Unresolved)
    {
        return Ok(Some(prompt));
    }
    if let Some(reply) = reply {
        threads::fail(ctx, reply, "The conversation went on before the answer was complete.")?;
    }
    if prompt.status == MessageStatus::Pending {
        // An operator has it now.
        ctx.db().patch(prompt.id, object! { "status" => "success" })?;
    }
    Ok(None)
}
