//! Functions in JavaScript: TypeScript modules as the official CLI bundles them, run in process.
//!
//! - [`op`] is how scripts reach the host: small functions over plain values, the same for every engine.
//! - [`state`] is what ops know of the isolate that calls them.
//! - [`web`] has the web APIs: JavaScript over ops.
//!
//! Deliberately absent: who may call what, transactions and limits of the database (`function`, `database`; a
//! module's functions are registered like Rust ones), and how modules arrive (`push`).

pub mod op;
pub mod state;
pub mod web;
