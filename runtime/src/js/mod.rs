//! Functions in JavaScript: TypeScript modules as the official CLI bundles them, run in process.
//!
//! - [`op`] is how scripts reach the host: small functions over plain values, the same for every engine.
//! - [`state`] is what ops know of the isolate that calls them.
//! - [`isolate`] is what is known of an engine; [`quickjs`] is one.
//! - [`node`] runs what is meant for Node.js in processes of its own.
//! - [`prelude`] is JavaScript that runs before a package's modules, most of it in [`web`]; [`host`] is what it
//!   offers to the host.
//!
//! Deliberately absent: who may call what, transactions and limits of the database (`function`, `database`; a
//! module's functions are registered like Rust ones), and how modules arrive (`push`).

pub mod analysis;
pub mod answer;
mod call;
pub mod definitions;
mod errors;
pub mod functions;
mod hangs;
pub mod host;
mod http;
pub mod inline_query;
pub mod isolate;
mod leftovers;
pub mod node;
pub mod op;
pub mod package;
mod pool;
pub mod prelude;
#[cfg(feature = "quickjs")]
pub mod quickjs;
pub mod runtime;
pub mod source_map;
pub mod state;
mod syscalls;
#[cfg(feature = "quickjs")]
pub mod testing;
pub mod web;

pub use analysis::{AnalyzedFunction, AnalyzedRoute, ModuleAnalysis, Position};
pub use definitions::ImportedDefinition;
pub use functions::PackageFunctions;
pub use node::{NodeAccess, NodeDependency, NodeOptions};
pub use package::{Environment, ModuleSource, Package, UdfConfig};
pub use runtime::JsRuntime;

#[cfg(all(test, feature = "quickjs"))]
mod tests;
