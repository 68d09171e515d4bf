//! Who calls, and how that is proven.
//!
//! - [`identity`]: the caller as functions see it.
//!
//! Deliberately absent: what a caller may do. Functions decide that from the identity they are given.

pub mod identity;
mod timestamp;

pub use identity::{Identity, UserIdentity};
