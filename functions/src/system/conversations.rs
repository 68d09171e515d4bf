//! `system/conversations`: conversations by their threads.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{Conversation, ConversationStatus};
use fusion_schema::{Doc, Typed, object};

use crate::errors::not_found;

/// `system/conversations`.
pub(crate) fn register(module: &mut crate::Module) {
    module
        .query("getByThreadId", |ctx: &mut QueryCtx<'_>, args: ThreadArgs| by_thread(ctx, &args.thread_id))
        .mutation("escalate", |ctx: &mut MutationCtx<'_>, args: ThreadArgs| {
            set_status(ctx, &args.thread_id, ConversationStatus::Escalated)
        })
        .mutation("resolve", |ctx: &mut MutationCtx<'_>, args: ThreadArgs| {
            set_status(ctx, &args.thread_id, ConversationStatus::Resolved)
        });
}

/// Which thread.
#[derive(Typed)]
pub(crate) struct ThreadArgs {
    pub(crate) thread_id: String,
}

/// The conversation a thread belongs to.
pub(crate) fn by_thread(ctx: &mut QueryCtx<'_>, thread_id: &str) -> Result<Option<Doc<Conversation>>> {
    ctx.db().query().index("by_thread_id").eq("threadId", thread_id).unique()
}

fn set_status(ctx: &mut MutationCtx<'_>, thread_id: &str, status: ConversationStatus) -> Result<()> {
    let conversation = by_thread(ctx, thread_id)?.ok_or_else(|| not_found("Conversation not found"))?;
    ctx.db().patch(conversation.id, object! { "status" => status.encode() })
}
