//! `public/secrets`: the keys that a widget may know.

use fusion_runtime::Result;
use fusion_runtime::function::ActionCtx;
use fusion_schema::Typed;

use crate::private::vapi::{keys, plugin};
use crate::services::Services;

/// `public/secrets`.
pub(crate) fn register(module: &mut crate::Module) {
    module.action("getVapiSecrets", get_vapi_secrets);
}

#[derive(Typed)]
struct OrganizationArgs {
    organization_id: String,
}

/// The private key has no place here.
#[derive(Typed)]
struct VapiSecrets {
    public_api_key: String,
}

/// The public key of an organisation that can take voice calls; null for all others.
async fn get_vapi_secrets(ctx: ActionCtx<Services>, args: OrganizationArgs) -> Result<Option<VapiSecrets>> {
    let Some(plugin) = plugin(&ctx, args.organization_id).await? else { return Ok(None) };
    let keys = keys(&ctx, &plugin).await?.filter(|keys| keys.are_complete());
    Ok(keys.map(|keys| VapiSecrets { public_api_key: keys.public_api_key }))
}
