//! `system/subscriptions`: what the identity provider reports about who pays.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::Typed;
use fusion_schema::tables::{Subscription, SubscriptionStatus, WebhookDelivery};

use crate::subscriptions;

/// How long deliveries are remembered, in milliseconds. The signature of an older one is not accepted anyway.
const KEPT_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
/// How many deliveries one run looks at; a run that finds more is followed by another at once.
const BATCH: usize = 4_000;

/// `system/subscriptions`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("upsert", upsert).query("isDelivered", is_delivered).mutation("cleanup", cleanup);
}

/// What was reported about an organisation.
#[derive(Typed)]
pub(crate) struct UpsertSubscription {
    pub(crate) organization_id: String,
    pub(crate) status: SubscriptionStatus,
    /// When it was reported, in milliseconds since the epoch.
    pub(crate) reported_at: Option<f64>,
    /// The message that reported it; taken in once.
    pub(crate) message_id: Option<String>,
}

/// Notes whether an organisation pays. What is older than what is known, or known already, changes nothing.
fn upsert(ctx: &mut MutationCtx<'_>, args: UpsertSubscription) -> Result<()> {
    let UpsertSubscription { organization_id, status, reported_at, message_id } = args;
    if let Some(message_id) = message_id {
        if delivery_exists(ctx, &message_id)? {
            return Ok(());
        }
        ctx.db().insert(WebhookDelivery { message_id })?;
    }
    let existing = subscriptions::of(ctx, &organization_id)?;
    let known_at = existing.as_ref().and_then(|existing| existing.reported_at);
    if let (Some(known_at), Some(reported_at)) = (known_at, reported_at)
        && reported_at < known_at
    {
        return Ok(());
    }
    let subscription = Subscription { organization_id, status, reported_at: reported_at.or(known_at) };
    match existing {
        Some(existing) => ctx.db().replace(existing.id, subscription),
        None => ctx.db().insert(subscription).map(drop),
    }
}

/// Which message.
#[derive(Typed)]
pub(crate) struct MessageArgs {
    pub(crate) message_id: String,
}

/// Whether a message was taken in.
fn is_delivered(ctx: &mut QueryCtx<'_>, args: MessageArgs) -> Result<bool> {
    delivery_exists(ctx, &args.message_id)
}

fn delivery_exists(ctx: &mut QueryCtx<'_>, message_id: &str) -> Result<bool> {
    let delivery =
        ctx.db().query::<WebhookDelivery>().index("by_message_id").eq("messageId", message_id).first()?;
    Ok(delivery.is_some())
}

#[derive(Typed)]
struct Cleanup {
    deleted_count: f64,
}

/// Forgets which messages were taken in more than a day ago.
fn cleanup(ctx: &mut MutationCtx<'_>, (): ()) -> Result<Cleanup> {
    let oldest = ctx.now() - KEPT_MS;
    let old = ctx
        .db()
        .query::<WebhookDelivery>()
        .index("by_creation_time")
        .lt("_creationTime", oldest)
        .take(BATCH)?;
    let deleted_count = old.len() as f64;
    let full = old.len() == BATCH;
    for delivery in old {
        ctx.db().delete(delivery.id)?;
    }
    if full {
        ctx.scheduler().run_after(0.0, "system/subscriptions:cleanup", ())?;
    }
    Ok(Cleanup { deleted_count })
}
