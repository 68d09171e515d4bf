//! `private/plugins`: the outside services an organisation has connected.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{Plugin, PluginService};
use fusion_schema::{Doc, Typed};

use crate::errors::not_found;
use crate::guards::Operator;
use crate::system::plugins::by_organization_and_service;

/// `private/plugins`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getOne", get_one).mutation("remove", remove);
}

#[derive(Typed)]
struct ServiceArgs {
    service: PluginService,
}

/// The connection to a service, if there is one.
fn get_one(ctx: &mut QueryCtx<'_>, args: ServiceArgs) -> Result<Option<Doc<Plugin>>> {
    let operator = Operator::of(ctx)?;
    by_organization_and_service(ctx, &operator.organization_id, args.service)
}

/// Forgets the connection to a service; its keys stay in the vault.
fn remove(ctx: &mut MutationCtx<'_>, args: ServiceArgs) -> Result<()> {
    let operator = Operator::of(ctx)?;
    let plugin = by_organization_and_service(ctx, &operator.organization_id, args.service)?
        .ok_or_else(|| not_found("Plugin not found"))?;
    ctx.db().delete(plugin.id)
}
