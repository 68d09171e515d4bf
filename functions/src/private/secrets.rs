//! `private/secrets`: an operator connects an outside service, or disconnects it for good.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::tables::PluginService;
use fusion_schema::{Typed, Value};

use crate::errors::{bad_request, not_found, wrong_arguments};
use crate::guards::Operator;
use crate::services::voice::VapiKeys;
use crate::subscriptions::require_active;
use crate::system::plugins::{self, UpsertPlugin, by_organization_and_service};
use crate::system::secrets::{RemoveSecret, UpsertSecret, name_prefix, seal, secret_name};

/// Longest key, in bytes. A secret of AWS has at most 64 KiB.
const KEY_LENGTH_MAX: usize = 4 << 10;

/// `private/secrets`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("upsert", upsert).confidential().mutation("remove", remove);
}

/// Either `value`, the keys themselves, or `secretName`, the name of a secret that is there already.
#[derive(Typed)]
struct Upsert {
    service: PluginService,
    value: Option<Value>,
    secret_name: Option<String>,
}

/// Stores the organisation's keys for a service. They are stored after this has returned; then the connection appears.
fn upsert(ctx: &mut MutationCtx<'_>, args: Upsert) -> Result<()> {
    let organization_id = Operator::of(ctx)?.organization_id;
    require_active(ctx, &organization_id)?;
    let Upsert { service, value, secret_name: reference } = args;
    match (value, reference) {
        (Some(value), None) => {
            let keys = keys(value)?;
            let name = secret_name(&organization_id, service);
            let secrets = ctx.execution().deployment().secrets().clone();
            let value = seal(&secrets, &name, &keys.to_secret())?;
            let requested_at = Some(ctx.now());
            let args = UpsertSecret { organization_id, service, value, requested_at };
            ctx.scheduler().run_after(0.0, "system/secrets:upsert", args).map(drop)
        }
        (None, Some(secret_name)) => refer(ctx, organization_id, service, secret_name),
        _ => Err(wrong_arguments("Give either `value` or `secretName`.")),
    }
}

/// The keys in the form clients give them. What is wrong about them is said without repeating them.
fn keys(value: Value) -> Result<VapiKeys> {
    let keys = VapiKeys::decode(value).map_err(|_| {
        wrong_arguments("Value does not match validator.\nPath: .value\nValue: (not shown)\nValidator: v.object({privateApiKey: v.string(), publicApiKey: v.string()})")
    })?;
    if keys.public_api_key.len() > KEY_LENGTH_MAX || keys.private_api_key.len() > KEY_LENGTH_MAX {
        return Err(bad_request("A key must have at most 4096 bytes"));
    }
    Ok(keys)
}

/// Connects a service by the name of a secret that somebody put into the store.
fn refer(
    ctx: &mut MutationCtx<'_>,
    organization_id: String,
    service: PluginService,
    secret_name: String,
) -> Result<()> {
    // Otherwise an operator could use another organisation's keys.
    if !secret_name.starts_with(&name_prefix(&organization_id)) {
        return Err(bad_request("The name of a secret must begin with tenant/<organization id>/"));
    }
    plugins::upsert(ctx, UpsertPlugin { service, secret_name, organization_id })
}

#[derive(Typed)]
struct Remove {
    service: PluginService,
}

/// Forgets the connection to a service, and soon after that the keys themselves.
fn remove(ctx: &mut MutationCtx<'_>, args: Remove) -> Result<()> {
    let organization_id = Operator::of(ctx)?.organization_id;
    let plugin = by_organization_and_service(ctx, &organization_id, args.service)?
        .ok_or_else(|| not_found("Plugin not found"))?;
    ctx.db().delete(plugin.id)?;
    let args = RemoveSecret { organization_id, service: args.service };
    ctx.scheduler().run_after(0.0, "system/secrets:remove", args).map(drop)
}
