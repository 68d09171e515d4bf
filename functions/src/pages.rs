//! What lists of conversations and messages have in common.

use fusion_runtime::Result;
use fusion_runtime::function::QueryCtx;
use fusion_schema::tables::AgentMessage;
use fusion_schema::{Doc, Nullable, Page, PaginationOptions};

use crate::threads;

/// The newest message of a conversation's thread, which may be gone.
pub(crate) fn last_message(ctx: &mut QueryCtx<'_>, thread_id: &str) -> Result<Nullable<Doc<AgentMessage>>> {
    match ctx.db().normalize_id(thread_id) {
        Some(thread) => Ok(Nullable(threads::newest(ctx, thread)?)),
        None => Ok(Nullable(None)),
    }
}

/// A page of a thread's messages, newest first, in whatever state they are. A thread that is gone has none.
pub(crate) fn messages(
    ctx: &mut QueryCtx<'_>,
    thread_id: &str,
    options: PaginationOptions,
) -> Result<Page<Doc<AgentMessage>>> {
    let thread = ctx.db().normalize_id(thread_id);
    match thread {
        Some(thread) if options.num_items > 0.0 => threads::list(ctx, thread, options),
        _ => Ok(Page {
            page: Vec::new(),
            is_done: true,
            continue_cursor: options.cursor.0.unwrap_or_default(),
            split_cursor: None,
            page_status: None,
        }),
    }
}
