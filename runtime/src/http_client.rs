//! Clients for calls to other servers, all with the same TLS: rustls on ring, trusting what the machine trusts.
//!
//! Deliberately absent: retries and limits; whoever calls knows what the answer may be.

use reqwest::{Client, ClientBuilder};

use crate::error::{Error, Result};

/// A client, with what `configure` sets. On a machine without CA certificates it works for plain HTTP only.
///
/// # Errors
/// If the client cannot be set up.
pub fn build(configure: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<Client> {
    // Fails only if another part of the process chose a provider, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || configure(Client::builder().user_agent(concat!("fusion/", env!("CARGO_PKG_VERSION"))));
    builder().build().or_else(|error| {
        tracing::warn!(%error, "no usable CA certificates on this machine: calls to https URLs will fail");
        builder()
            .tls_certs_only([])
            .build()
            .map_err(|error| Error::internal("the HTTP client could not be set up").with_source(error))
    })
}
