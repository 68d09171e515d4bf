//! `private/retention`: how long the operator's organisation keeps conversations.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::RetentionPolicy;
use fusion_schema::{Doc, Nullable, Typed};

use crate::errors::bad_request;
use crate::guards::Operator;
use crate::system::retention::by_organization;

/// The longest time, in days: ten years.
const DAYS_MAX: f64 = 3_650.0;

/// `private/retention`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getOne", get_one).mutation("upsert", upsert);
}

/// The organisation's policy; null if it keeps everything.
fn get_one(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Option<Doc<RetentionPolicy>>> {
    let operator = Operator::of(ctx)?;
    by_organization(ctx, &operator.organization_id)
}

#[derive(Typed)]
struct UpsertRetention {
    /// Days after the last message; null keeps everything.
    conversation_days: Nullable<f64>,
}

/// Sets how long conversations are kept after their last message. It is applied within the hour.
fn upsert(ctx: &mut MutationCtx<'_>, args: UpsertRetention) -> Result<()> {
    let organization_id = Operator::of(ctx)?.organization_id;
    let existing = by_organization(ctx, &organization_id)?;
    let Some(conversation_days) = args.conversation_days.0 else {
        return match existing {
            Some(existing) => ctx.db().delete(existing.id),
            None => Ok(()),
        };
    };
    if conversation_days.fract() != 0.0 || !(1.0..=DAYS_MAX).contains(&conversation_days) {
        return Err(bad_request("Conversations can be kept for 1 to 3650 whole days"));
    }
    let policy = RetentionPolicy { organization_id, conversation_days };
    match existing {
        Some(existing) => ctx.db().replace(existing.id, policy),
        None => ctx.db().insert(policy).map(drop),
    }
}
