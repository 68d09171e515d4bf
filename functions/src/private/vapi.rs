//! `private/vapi`: what the operator's organisation has at Vapi.

use fusion_runtime::Result;
use fusion_runtime::function::ActionCtx;
use fusion_schema::tables::{Plugin, PluginService};
use fusion_schema::{Doc, Value};

use crate::errors::not_found;
use crate::guards::Operator;
use crate::services::voice::{self, VapiKeys, VoiceResource};
use crate::services::{Services, Settings};
use crate::system::plugins::GetPlugin;
use crate::system::secrets::store;

/// `private/vapi`.
pub(crate) fn register(module: &mut crate::Module) {
    module
        .action("getAssistants", |ctx, (): ()| list(ctx, VoiceResource::Assistants))
        .action("getPhoneNumbers", |ctx, (): ()| list(ctx, VoiceResource::PhoneNumbers));
}

/// The objects as Vapi gives them.
async fn list(ctx: ActionCtx<Services>, resource: VoiceResource) -> Result<Vec<Value>> {
    let operator = Operator::from_identity(ctx.identity()?, "Identity not found")?;
    let plugin = plugin(&ctx, operator.organization_id).await?;
    let plugin = plugin.ok_or_else(|| not_found("Plugin not found"))?;
    let keys = keys(&ctx, &plugin).await?.ok_or_else(|| not_found("Credentials not found"))?;
    if !keys.are_complete() {
        return Err(not_found("Credentials incomplete. Please reconnect your Vapi account."));
    }
    let voice = voice::voice(ctx.services(), &mut Settings::new(&mut |name| ctx.env(name)), keys)?;
    voice.list(resource).await
}

/// The organisation's connection to Vapi.
pub(crate) async fn plugin(
    ctx: &ActionCtx<Services>,
    organization_id: String,
) -> Result<Option<Doc<Plugin>>> {
    let args = GetPlugin { organization_id, service: PluginService::Vapi };
    ctx.run_query("system/plugins:getByOrganizationIdAndService", args).await
}

/// The keys of a connection; `None` if they are gone or cannot be read.
pub(crate) async fn keys(ctx: &ActionCtx<Services>, plugin: &Doc<Plugin>) -> Result<Option<VapiKeys>> {
    let secret = store(ctx)?.get(&plugin.secret_name).await?;
    Ok(secret.and_then(|secret| VapiKeys::from_secret(&secret)))
}
