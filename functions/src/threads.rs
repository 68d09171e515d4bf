//! Threads and their messages: the order in which a turn and what answers it are kept.
//!
//! A message of its own opens a new turn: the next `order`, step 0. What is generated in answer to it follows at
//! the same order with the next steps.

use fusion_runtime::Result;
use fusion_runtime::database::query::Order;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{AgentMessage, AgentThread, MessageRole, MessageStatus, ThreadStatus};
use fusion_schema::{Doc, Id, Page, PaginationOptions, object};

use crate::errors::not_found;

const BY_ORDER: &str = "by_thread_id_and_order";
const BY_STATUS: &str = "by_thread_id_and_status";

/// Opens a thread for somebody; in Fusion Chat an organisation.
pub(crate) fn create(ctx: &mut MutationCtx<'_>, user_id: &str) -> Result<Id<AgentThread>> {
    ctx.db().insert(AgentThread {
        user_id: Some(user_id.to_owned()),
        title: None,
        summary: None,
        status: ThreadStatus::Active,
    })
}

/// The thread a conversation names.
pub(crate) fn find(ctx: &mut QueryCtx<'_>, thread_id: &str) -> Result<Id<AgentThread>> {
    ctx.db().normalize_id(thread_id).ok_or_else(|| not_found("Thread not found"))
}

/// The newest message.
pub(crate) fn newest(ctx: &mut QueryCtx<'_>, thread: Id<AgentThread>) -> Result<Option<Doc<AgentMessage>>> {
    ctx.db().query().index(BY_ORDER).eq("threadId", thread).order(Order::Desc).first()
}

/// A page of messages, newest first.
pub(crate) fn list(
    ctx: &mut QueryCtx<'_>,
    thread: Id<AgentThread>,
    options: PaginationOptions,
) -> Result<Page<Doc<AgentMessage>>> {
    ctx.db().query().index(BY_ORDER).eq("threadId", thread).order(Order::Desc).paginate(options)
}

/// The newest complete messages, at most `count`, oldest first.
pub(crate) fn recent(
    ctx: &mut QueryCtx<'_>,
    thread: Id<AgentThread>,
    count: usize,
) -> Result<Vec<Doc<AgentMessage>>> {
    let query =
        ctx.db().query::<AgentMessage>().index(BY_STATUS).eq("threadId", thread).eq("status", "success");
    let mut messages = query.order(Order::Desc).take(count)?;
    messages.reverse();
    Ok(messages)
}

/// Marks a message that is not complete as one that never will be.
pub(crate) fn fail(ctx: &mut MutationCtx<'_>, id: Id<AgentMessage>, error: &str) -> Result<()> {
    let message = ctx.db().get(id)?;
    if message.is_some_and(|message| message.status == MessageStatus::Pending) {
        ctx.db().patch(id, object! { "status" => "failed", "error" => error })?;
    }
    Ok(())
}

/// Adds a message as a turn of its own.
pub(crate) fn append(ctx: &mut MutationCtx<'_>, mut message: AgentMessage) -> Result<Id<AgentMessage>> {
    message.order = newest(ctx, message.thread_id)?.map_or(0.0, |newest| newest.order + 1.0);
    message.step_order = 0.0;
    insert(ctx, message)
}

/// Adds a message as the next step of the turn `prompt` opened.
pub(crate) fn append_step(
    ctx: &mut MutationCtx<'_>,
    prompt: &Doc<AgentMessage>,
    mut message: AgentMessage,
) -> Result<Id<AgentMessage>> {
    let last = ctx
        .db()
        .query::<AgentMessage>()
        .index(BY_ORDER)
        .eq("threadId", message.thread_id)
        .eq("order", prompt.order)
        .order(Order::Desc)
        .first()?;
    message.order = prompt.order;
    message.step_order = last.map_or(prompt.step_order, |last| last.step_order) + 1.0;
    insert(ctx, message)
}

fn insert(ctx: &mut MutationCtx<'_>, mut message: AgentMessage) -> Result<Id<AgentMessage>> {
    message.user_id = ctx.db().get(message.thread_id)?.and_then(|thread| thread.fields.user_id);
    ctx.db().insert(message)
}

/// Adds what a visitor says, to be answered. What was still waiting for an answer will not get one any more.
pub(crate) fn append_prompt(
    ctx: &mut MutationCtx<'_>,
    thread: Id<AgentThread>,
    prompt: &str,
) -> Result<Id<AgentMessage>> {
    let waiting = ctx
        .db()
        .query::<AgentMessage>()
        .index(BY_STATUS)
        .eq("threadId", thread)
        .eq("status", "pending")
        .collect()?;
    for message in waiting {
        fail(ctx, message.id, "A later message came before the answer.")?;
    }
    let mut message = AgentMessage::text(thread, 0.0, MessageRole::User, prompt);
    message.status = MessageStatus::Pending;
    append(ctx, message)
}
