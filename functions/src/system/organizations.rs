//! `system/organizations`: what the deployment's own data says about organisations.

use fusion_runtime::Result;
use fusion_runtime::function::QueryCtx;
use fusion_schema::Typed;

use crate::public::widget_settings::by_organization;
use crate::subscriptions;

/// `system/organizations`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("isKnown", is_known);
}

/// Which organisation.
#[derive(Typed)]
pub(crate) struct OrganizationArgs {
    pub(crate) organization_id: String,
}

/// Whether an organisation has set up its widget or has a subscription. Both need a verified operator or provider.
fn is_known(ctx: &mut QueryCtx<'_>, args: OrganizationArgs) -> Result<bool> {
    let id = &args.organization_id;
    Ok(by_organization(ctx, id)?.is_some() || subscriptions::of(ctx, id)?.is_some())
}
