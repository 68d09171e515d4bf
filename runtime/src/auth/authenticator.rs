//! [`Authenticator`]: turns what callers present into who they are.
//!
//! Deliberately absent: sessions, cookies, passwords. Signing in happens at the providers.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value as Json;

use super::admin_key::AdminKeys;
use super::authorization::Credentials;
use super::identity::{Identity, UserIdentity};
use super::key_set::{KeySet, http_client};
use super::provider::Provider;
use super::token::Token;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Verifies tokens against the configured providers, and admin keys.
pub struct Authenticator {
    admin_keys: AdminKeys,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
    /// Whether errors must not say how the server is configured.
    redact: bool,
    /// Providers that are always there, e.g. the development issuer.
    built_in: Vec<Arc<KeySet>>,
    configured: ArcSwap<Vec<Arc<KeySet>>>,
}

impl Authenticator {
    /// An authenticator without providers. With `redact`, errors do not list the configured providers.
    ///
    /// # Errors
    /// If the HTTP client for fetching keys cannot be set up.
    pub fn new(admin_keys: AdminKeys, clock: Arc<dyn Clock>, redact: bool) -> Result<Self> {
        let configured = ArcSwap::default();
        Ok(Self { admin_keys, clock, http: http_client()?, redact, built_in: Vec::new(), configured })
    }

    /// Adds a provider whose keys are known (`jwks` is the JSON of a key set) and that [`Self::set_providers`] leaves
    /// alone.
    ///
    /// # Errors
    /// `AuthProviderDiscoveryFailed` if the key set cannot be read.
    pub fn with_built_in(mut self, provider: Provider, jwks: &Json) -> Result<Self> {
        self.built_in.push(Arc::new(KeySet::fixed(provider, jwks)?));
        Ok(self)
    }

    /// Replaces the configured providers. Keys of those that stay are kept.
    pub fn set_providers(&self, providers: Vec<Provider>) {
        let former = self.configured.load();
        let sets = providers.into_iter().map(|provider| {
            let kept = former.iter().find(|set| *set.provider() == provider).cloned();
            kept.unwrap_or_else(|| Arc::new(KeySet::new(provider)))
        });
        self.configured.store(Arc::new(sets.collect()));
    }

    /// The configured providers, without the built-in ones.
    pub fn providers(&self) -> Vec<Provider> {
        self.configured.load().iter().map(|set| set.provider().clone()).collect()
    }

    /// The admin keys that are accepted.
    pub const fn admin_keys(&self) -> &AdminKeys {
        &self.admin_keys
    }

    /// Verifies a token and says whose it is. The result expires, see [`UserIdentity::check_expiry`].
    ///
    /// # Errors
    /// `NoAuthProvider`, `InvalidAuthHeader`, or `AuthProviderDiscoveryFailed` with the kind of failure the provider
    /// had.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<UserIdentity>> {
        let token = Token::parse(token)?;
        let keys = self.find_provider(token.issuer()?, &token.audiences())?;
        let provider = keys.provider();
        // Before anything is fetched: a token that cannot be accepted makes no request.
        token.algorithm(provider)?;
        let key_set = keys.keys(token.key_id(provider)?, &self.http, &*self.clock).await?;
        let (claims, expires_at) = token.verify(provider, &key_set, self.clock.unix_ms())?;
        let identity = match provider {
            Provider::Oidc { .. } => UserIdentity::from_oidc(&claims, Some(expires_at)),
            Provider::CustomJwt { .. } => UserIdentity::from_custom_jwt(&claims, Some(expires_at)),
        };
        identity.map(Arc::new)
    }

    /// Verifies what a caller presents.
    ///
    /// # Errors
    /// See [`Self::authenticate`] and [`AdminKeys::check`].
    pub async fn identify(&self, credentials: &Credentials) -> Result<Identity> {
        match credentials {
            Credentials::None => Ok(Identity::Anonymous),
            Credentials::Bearer(token) => self.authenticate(token).await.map(Identity::User),
            Credentials::Admin { key, acting_as } => {
                self.admin_keys.check(key)?;
                Ok(Identity::Admin { acting_as: acting_as.clone() })
            }
        }
    }

    fn find_provider(&self, issuer: &str, audiences: &[&str]) -> Result<Arc<KeySet>> {
        let configured = self.configured.load();
        let all = || self.built_in.iter().chain(configured.iter());
        all().find(|set| set.provider().matches(issuer, audiences)).cloned().ok_or_else(|| {
            let mut message = format!(
                "No auth provider found matching the given token (iss={issuer:?}, aud={audiences:?}). Check that \
                 convex/auth.config.ts has a provider with this issuer and applicationID."
            );
            if !self.redact {
                let list: Vec<_> = all().map(|set| set.provider().to_string()).collect();
                let list = if list.is_empty() { "none".to_owned() } else { format!("[{}]", list.join(", ")) };
                message.push_str(" Configured auth providers: ");
                message.push_str(&list);
            }
            Error::unauthenticated("NoAuthProvider", message)
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("providers", &self.providers()).finish_non_exhaustive()
    }
}
