//! Values, their encodings, ids, validators and table definitions.
//!
//! This crate is pure: no I/O, no async, no clock, no randomness. Everything that crosses a boundary of the
//! system (wire, disk, JavaScript, the typed Rust API) is defined here once:
//!
//! - [`Value`] and its total order ([`value`]),
//! - its JSON forms ([`json`]) and its byte-sortable key form ([`key`]),
//! - [`DocumentId`] and its text form ([`id`]),
//! - the rules for names and sizes ([`names`]).
//!
//! Deliberately absent: storage, functions, anything that knows the time.

pub mod id;
pub mod json;
pub mod key;
pub mod names;
pub mod value;

pub use id::{DocumentId, TableNumber};
pub use value::{Object, Value};
