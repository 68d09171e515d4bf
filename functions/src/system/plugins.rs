//! `system/plugins`: connections to outside services.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{Plugin, PluginService};
use fusion_schema::{Doc, Typed};

/// `system/plugins`.
pub(crate) fn register(module: &mut crate::Module) {
    module
        .mutation("upsert", upsert)
        .query("getByOrganizationIdAndService", get_by_organization_id_and_service);
}

/// A connection of an organisation.
#[derive(Typed)]
pub(crate) struct UpsertPlugin {
    pub(crate) service: PluginService,
    pub(crate) secret_name: String,
    pub(crate) organization_id: String,
}

/// Remembers under which name the vault keeps an organisation's keys for a service.
pub(crate) fn upsert(ctx: &mut MutationCtx<'_>, args: UpsertPlugin) -> Result<()> {
    let UpsertPlugin { service, secret_name, organization_id } = args;
    let existing = by_organization_and_service(ctx, &organization_id, service)?;
    let plugin = Plugin { organization_id, service, secret_name };
    match existing {
        Some(existing) => ctx.db().replace(existing.id, plugin),
        None => ctx.db().insert(plugin).map(drop),
    }
}

/// Which connection.
#[derive(Typed)]
pub(crate) struct GetPlugin {
    pub(crate) organization_id: String,
    pub(crate) service: PluginService,
}

/// The connection of an organisation to a service.
fn get_by_organization_id_and_service(
    ctx: &mut QueryCtx<'_>,
    args: GetPlugin,
) -> Result<Option<Doc<Plugin>>> {
    by_organization_and_service(ctx, &args.organization_id, args.service)
}

/// The connection of an organisation to a service.
pub(crate) fn by_organization_and_service(
    ctx: &mut QueryCtx<'_>,
    organization_id: &str,
    service: PluginService,
) -> Result<Option<Doc<Plugin>>> {
    ctx.db()
        .query()
        .index("by_organization_id_and_service")
        .eq("organizationId", organization_id)
        .eq("service", service.encode())
        .unique()
}
