//! `public/signIn`: what the operators' pages have to know to let somebody sign in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use fusion_runtime::Result;
use fusion_runtime::auth::Provider;
use fusion_runtime::function::QueryCtx;
use fusion_schema::Typed;
use serde_json::json;

use crate::services::Settings;
use crate::{AUDIENCE, CLERK_KEY_VARIABLE, CLIENT_VARIABLE, ISSUER_VARIABLE};

/// What is asked for at an issuer when nothing else is set.
const SCOPE_DEFAULT: &str = "openid profile email";
const SCOPE_VARIABLE: &str = "OIDC_SCOPE";
/// What the keys that a page of Clerk's customers may show begin with.
const KEY_PREFIXES: [&str; 2] = ["pk_test_", "pk_live_"];

/// `public/signIn`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("config", config);
}

/// Who signs operators in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
enum SignInKind {
    /// Nobody, but for the development issuer where there is one.
    None,
    Oidc,
    Clerk,
}

#[derive(Typed)]
struct SignInConfig {
    kind: SignInKind,
    issuer: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    publishable_key: Option<String>,
}

/// How operators sign in, as the environment variables now choose it: nothing in it is secret.
fn config(ctx: &mut QueryCtx<'_>, (): ()) -> Result<SignInConfig> {
    let mut variable = |name: &str| ctx.env(name);
    let mut settings = Settings::new(&mut variable);
    let mut config = SignInConfig {
        kind: SignInKind::None,
        issuer: None,
        client_id: None,
        scope: None,
        publishable_key: None,
    };
    if let Some(key) = settings.get(CLERK_KEY_VARIABLE)? {
        return Ok(SignInConfig { kind: SignInKind::Clerk, publishable_key: Some(key), ..config });
    }
    if let (Some(domain), Some(client_id)) = (settings.get(ISSUER_VARIABLE)?, settings.get(CLIENT_VARIABLE)?)
    {
        let provider = Provider::from_json(&json!({"domain": domain, "applicationID": AUDIENCE}))?;
        let scope = settings.get(SCOPE_VARIABLE)?.unwrap_or_else(|| SCOPE_DEFAULT.to_owned());
        config.kind = SignInKind::Oidc;
        config.issuer = Some(provider.issuer().to_owned());
        config.client_id = Some(client_id);
        config.scope = Some(scope);
    }
    Ok(config)
}

/// The host whose script signs operators in, from Clerk's publishable key, which is its name in disguise; `None` if the
/// key is none.
pub fn clerk_host(key: &str) -> Option<String> {
    let encoded = KEY_PREFIXES.iter().find_map(|prefix| key.trim().strip_prefix(prefix))?;
    let decoded = BASE64_STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
    let host = String::from_utf8(decoded).ok()?.strip_suffix('$')?.to_owned();
    let is_host = |host: &str| {
        host.contains('.')
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    is_host(&host).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_key() {
        let key = |text: &str| format!("pk_test_{}", base64::prelude::BASE64_STANDARD.encode(text));
        assert_eq!(
            clerk_host(&key("calm-cat-1.clerk.accounts.dev$")).unwrap(),
            "calm-cat-1.clerk.accounts.dev"
        );
        for wrong in
            ["", "pk_test_", "sk_test_abc", &key("no end"), &key("a.b; script-src *$"), &key("nodots$")]
        {
            assert_eq!(clerk_host(wrong), None, "{wrong}");
        }
    }
}
