//! `public/widgetSettings`: how an organisation's widget looks and greets.

use fusion_runtime::Result;
use fusion_runtime::function::QueryCtx;
use fusion_schema::tables::WidgetSettings;
use fusion_schema::{Doc, Typed};

/// `public/widgetSettings`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getByOrganizationId", get_by_organization_id);
}

#[derive(Typed)]
struct OrganizationArgs {
    organization_id: String,
}

/// The settings of any organisation; they are public.
fn get_by_organization_id(
    ctx: &mut QueryCtx<'_>,
    args: OrganizationArgs,
) -> Result<Option<Doc<WidgetSettings>>> {
    by_organization(ctx, &args.organization_id)
}

/// The settings of an organisation.
pub(crate) fn by_organization(
    ctx: &mut QueryCtx<'_>,
    organization_id: &str,
) -> Result<Option<Doc<WidgetSettings>>> {
    ctx.db().query().index("by_organization_id").eq("organizationId", organization_id).unique()
}
