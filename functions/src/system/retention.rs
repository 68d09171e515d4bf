//! `system/retention`: forgetting conversations when organisations' policies say so.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{Conversation, RetentionPolicy};
use fusion_schema::{Doc, Nullable, PaginationOptions, Typed};

use crate::erasure::{self, Budget};
use crate::threads;

const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
/// How many policies or conversations one run looks at; a run that finds more is followed by another at once.
const PAGE: f64 = 200.0;
/// How many documents one run erases.
const BUDGET: usize = 400;

/// `system/retention`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("apply", apply).mutation("applyTo", apply_to);
}

/// The policy of an organisation, if it has one.
pub(crate) fn by_organization(
    ctx: &mut QueryCtx<'_>,
    organization_id: &str,
) -> Result<Option<Doc<RetentionPolicy>>> {
    ctx.db().query().index("by_organization_id").eq("organizationId", organization_id).unique()
}

/// Where a run goes on.
#[derive(Typed)]
struct Apply {
    cursor: Option<Nullable<String>>,
}

/// Applies every policy.
fn apply(ctx: &mut MutationCtx<'_>, args: Apply) -> Result<()> {
    let cursor = args.cursor.unwrap_or(Nullable(None));
    let page = ctx
        .db()
        .query::<RetentionPolicy>()
        .paginate(PaginationOptions { cursor, ..PaginationOptions::first(PAGE) })?;
    for policy in page.page {
        let args = ApplyTo { organization_id: policy.fields.organization_id, cursor: None };
        ctx.scheduler().run_after(0.0, "system/retention:applyTo", args)?;
    }
    if !page.is_done {
        let rest = Apply { cursor: Some(Nullable(Some(page.continue_cursor))) };
        ctx.scheduler().run_after(0.0, "system/retention:apply", rest)?;
    }
    Ok(())
}

/// Where a run for an organisation goes on.
#[derive(Typed)]
struct ApplyTo {
    organization_id: String,
    cursor: Option<Nullable<String>>,
}

/// How much a run has erased, and whether another one follows.
#[derive(Typed)]
struct Applied {
    deleted_count: f64,
    is_done: bool,
}

/// Forgets the conversations of an organisation whose last message is older than its policy allows, oldest first.
fn apply_to(ctx: &mut MutationCtx<'_>, args: ApplyTo) -> Result<Applied> {
    let ApplyTo { organization_id, cursor } = args;
    let Some(policy) = by_organization(ctx, &organization_id)? else {
        return Ok(Applied { deleted_count: 0.0, is_done: true });
    };
    let latest = ctx.now() - policy.conversation_days * DAY_MS;
    let start = cursor.clone().unwrap_or(Nullable(None));
    let page = ctx
        .db()
        .query::<Conversation>()
        .index("by_organization_id")
        .eq("organizationId", organization_id.as_str())
        .lt("_creationTime", latest)
        .paginate(PaginationOptions { cursor: start, ..PaginationOptions::first(PAGE) })?;
    let mut budget = Budget::new(BUDGET);
    let mut is_through = true;
    for conversation in &page.page {
        if last_message_at(ctx, conversation)? >= latest {
            continue;
        }
        if budget.is_spent() || !erasure::conversation(ctx, conversation, &mut budget)? {
            is_through = false;
            break;
        }
    }
    let is_done = is_through && page.is_done;
    if !is_done {
        // A page that was not gone through is read again: what was erased is not in it any more.
        let cursor = if is_through { Some(Nullable(Some(page.continue_cursor))) } else { cursor };
        ctx.scheduler().run_after(0.0, "system/retention:applyTo", ApplyTo { organization_id, cursor })?;
    }
    Ok(Applied { deleted_count: budget.erased as f64, is_done })
}

/// When something was last said, in milliseconds since the epoch.
fn last_message_at(ctx: &mut QueryCtx<'_>, conversation: &Doc<Conversation>) -> Result<f64> {
    let thread = ctx.db().normalize_id(&conversation.thread_id);
    let newest = match thread {
        Some(thread) => threads::newest(ctx, thread)?,
        None => None,
    };
    Ok(newest.map_or(conversation.creation_time, |message| message.creation_time))
}
