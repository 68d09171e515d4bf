//! `system/secrets`: keeping and forgetting organisations' keys for outside services.
//!
//! Arguments of scheduled functions lie in the database, where keys must not: a mutation that schedules
//! [`upsert`](self) seals the value with a key of the instance.

use fusion_runtime::auth::{Purpose, Secrets as Keys};
use fusion_runtime::function::ActionCtx;
use fusion_runtime::{Error, Result};
use fusion_schema::json::{self, Format};
use fusion_schema::tables::PluginService;
use fusion_schema::{Typed, Value};

use crate::services::secrets::SecretStore;
use crate::services::{Services, Settings};
use crate::system::plugins::{GetPlugin, UpsertPlugin};

/// `system/secrets`.
pub(crate) fn register(module: &mut crate::Module) {
    module.action("upsert", upsert).confidential().action("remove", remove);
}

/// The name under which the keys of an organisation for a service are kept.
pub(crate) fn secret_name(organization_id: &str, service: PluginService) -> String {
    let service = service.encode();
    format!("{}{}", name_prefix(organization_id), service.as_str().unwrap_or_default())
}

/// What the names of all secrets of an organisation begin with.
pub(crate) fn name_prefix(organization_id: &str) -> String {
    format!("tenant/{organization_id}/")
}

/// A secret as it may lie in the database until it is stored: `name` is the one it is for.
pub(crate) fn seal(keys: &Keys, name: &str, secret: &str) -> Result<Value> {
    Ok(Value::Bytes(keys.encrypt(Purpose::Vault, name, secret.as_bytes())?))
}

fn open(keys: &Keys, name: &str, value: &Value) -> Result<String> {
    let Value::Bytes(sealed) = value else { return Ok(json::to_serde(value, Format::Clean).to_string()) };
    let secret = keys.decrypt(Purpose::Vault, name, sealed);
    secret.and_then(|secret| String::from_utf8(secret).ok()).ok_or_else(|| {
        Error::function("The keys were sealed by another instance. Connect the service again.")
    })
}

/// Which store the deployment's environment chooses.
pub(crate) fn store(ctx: &ActionCtx<Services>) -> Result<std::sync::Arc<dyn SecretStore>> {
    let services = ctx.services();
    services.secrets.store(services, &mut Settings::new(&mut |name| ctx.env(name)))
}

/// What is to be kept for whom.
#[derive(Typed)]
pub(crate) struct UpsertSecret {
    pub(crate) organization_id: String,
    pub(crate) service: PluginService,
    /// The keys, in the clear or sealed.
    pub(crate) value: Value,
    /// When it was asked for, in milliseconds since the epoch; now, if it does not say.
    pub(crate) requested_at: Option<f64>,
}

/// That it worked.
#[derive(Typed)]
pub(crate) enum Status {
    Success,
}

#[derive(Typed)]
struct Done {
    status: Status,
}

/// Keeps an organisation's keys for a service and makes the connection known.
async fn upsert(ctx: ActionCtx<Services>, args: UpsertSecret) -> Result<Done> {
    let UpsertSecret { organization_id, service, value, requested_at } = args;
    let secret_name = secret_name(&organization_id, service);
    let secret = open(ctx.core().deployment().secrets(), &secret_name, &value)?;
    let store = store(&ctx)?;
    let mut changing = ctx.services().secrets.changing().await;
    if changing.is_wanted(&secret_name, requested_at.unwrap_or_else(|| ctx.now())) {
        store.put(&secret_name, &secret).await?;
        let plugin = UpsertPlugin { service, secret_name, organization_id };
        ctx.run_mutation::<()>("system/plugins:upsert", plugin).await?;
    }
    drop(changing);
    Ok(Done { status: Status::Success })
}

/// Whose keys are to be forgotten.
#[derive(Typed)]
pub(crate) struct RemoveSecret {
    pub(crate) organization_id: String,
    pub(crate) service: PluginService,
}

/// Forgets an organisation's keys for a service, unless it has connected the service again meanwhile.
async fn remove(ctx: ActionCtx<Services>, args: RemoveSecret) -> Result<Done> {
    let RemoveSecret { organization_id, service } = args;
    let secret_name = secret_name(&organization_id, service);
    let store = store(&ctx)?;
    let changing = ctx.services().secrets.changing().await;
    let connected: Option<fusion_schema::Doc<fusion_schema::tables::Plugin>> = ctx
        .run_query("system/plugins:getByOrganizationIdAndService", GetPlugin { organization_id, service })
        .await?;
    if connected.is_none() {
        store.remove(&secret_name).await?;
    }
    drop(changing);
    Ok(Done { status: Status::Success })
}
