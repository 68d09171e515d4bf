//! Who pays, and the rule that some functions are for those only.
//!
//! The rule is off unless the deployment's environment variable `REQUIRE_ACTIVE_SUBSCRIPTION` is `true`.

use fusion_runtime::function::QueryCtx;
use fusion_runtime::{Error, Result};
use fusion_schema::tables::{Subscription, SubscriptionStatus};
use fusion_schema::{Doc, Typed as _};

use crate::errors::{subscription_inactive, subscription_required};

const VARIABLE: &str = "REQUIRE_ACTIVE_SUBSCRIPTION";

/// The subscription of an organisation.
pub(crate) fn of(ctx: &mut QueryCtx<'_>, organization_id: &str) -> Result<Option<Doc<Subscription>>> {
    ctx.db().query().index("by_organization_id").eq("organizationId", organization_id).unique()
}

/// Fails unless the organisation pays or the rule is off.
pub(crate) fn require_active(ctx: &mut QueryCtx<'_>, organization_id: &str) -> Result<()> {
    if !is_required(ctx)? {
        return Ok(());
    }
    let subscription = of(ctx, organization_id)?.ok_or_else(subscription_required)?;
    match subscription.status {
        SubscriptionStatus::Active => Ok(()),
        status => Err(subscription_inactive(status.encode().as_str().unwrap_or_default())),
    }
}

fn is_required(ctx: &mut QueryCtx<'_>) -> Result<bool> {
    let value = ctx.env(VARIABLE)?.unwrap_or_default();
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "false" | "0" | "off" | "no" => Ok(false),
        "true" | "1" | "on" | "yes" => Ok(true),
        // Neither free rides nor locked doors by a slip of the pen.
        _ => Err(Error::function(format!(
            "The environment variable {VARIABLE} must be true or false. Set it again."
        ))),
    }
}
