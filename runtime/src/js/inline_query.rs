//! Inline queries: a module that somebody wrote at the command line or in the dashboard, to be run once.
//!
//! It imports its function builders from a module of the server (`convex:/_system/repl/wrappers.js`), and nothing
//! of what was pushed.

use super::package::{Environment, ModuleSource};

/// Where inline queries find the function builders.
pub const BUILDERS_PATH: &str = "_system/repl/wrappers.js";
/// The builders of the npm package `convex`.
const BUILDERS: &str = include_str!("web/vendor/convex-queries.js");

/// The modules of an inline query: its own and the function builders.
pub fn modules(path: String, source: String, source_map: Option<String>) -> Vec<ModuleSource> {
    let builders = ModuleSource {
        path: BUILDERS_PATH.to_owned(),
        source: BUILDERS.to_owned(),
        source_map: None,
        environment: Environment::Isolate,
    };
    vec![ModuleSource { path, source, source_map, environment: Environment::Isolate }, builders]
}
