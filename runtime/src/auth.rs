//! Who calls, and how that is proven.
//!
//! - [`identity`]: the caller as functions see it,
//! - [`authorization`]: what a caller presents, read but not verified,
//! - [`authenticator`]: verifies it, with the [`provider`]s' keys or as an [`admin_key`],
//! - [`secrets`]: all keys of the instance itself,
//! - [`signing_key`]: the deployment's key for tokens that functions sign,
//! - [`dev_issuer`]: signed tokens for development.
//!
//! Deliberately absent: what a caller may do. Functions decide that from the identity they are given.

pub mod admin_key;
pub mod authenticator;
pub mod authorization;
pub mod dev_issuer;
pub mod identity;
mod key_set;
pub mod provider;
pub mod secrets;
pub mod signing_key;
mod timestamp;
mod token;

#[cfg(test)]
mod tests;

pub use admin_key::AdminKeys;
pub use authenticator::Authenticator;
pub use authorization::Credentials;
pub use dev_issuer::DevIssuer;
pub use identity::{Identity, UserIdentity};
pub use provider::Provider;
pub use secrets::{InstanceSecret, Purpose, Secrets};
pub use signing_key::SigningKey;
