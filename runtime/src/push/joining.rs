//! Joining what was pushed with the application that is compiled in.
//!
//! A pushed module takes the place of the native module of the same path, whole. Crons and routes have modules, too, in
//! a project of TypeScript: `crons.js` takes the place of all native crons, `http.js` of all native routes. Components
//! stand beside all that: no native function is in one.

use std::collections::BTreeSet;
use std::sync::Arc;

use fusion_schema::table::Schema;
use serde_json::{Value as Json, json};

use super::scripts::PackageFunctions;
use crate::Result;
use crate::function::registry::{ComponentFunctions, HttpMount};
use crate::function::{FunctionKind, FunctionRegistry};

/// What the pushed modules stand in front of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadowed {
    /// Native modules, by path without extension.
    pub modules: Vec<String>,
    /// Native crons: those that `crons.js` replaces, and those whose function is shadowed and gone.
    pub crons: Vec<String>,
    /// Native routes, as method and path.
    pub routes: Vec<String>,
}

impl Shadowed {
    /// As responses have it.
    pub fn to_json(&self) -> Json {
        json!({"modules": self.modules, "crons": self.crons, "httpRoutes": self.routes})
    }

    /// Whether there is anything.
    pub const fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.crons.is_empty() && self.routes.is_empty()
    }
}

/// The functions of a deployment: the pushed ones, and the native ones that they do not shadow. `names` are the pushed
/// modules, by path without extension; `mounts` say where in the app's routes those of its children are found.
///
/// # Errors
/// `InvalidCron` if a pushed cron names no mutation or action.
pub fn join(
    native: &FunctionRegistry,
    pushed: PackageFunctions,
    names: &BTreeSet<String>,
    schema: Schema,
    mounts: Vec<HttpMount>,
    components: Vec<ComponentFunctions>,
) -> Result<(FunctionRegistry, Shadowed)> {
    let mut modules = BTreeSet::new();
    let mut functions = Vec::new();
    for entry in native.iter().filter(|entry| !entry.path.is_system()) {
        if names.contains(entry.path.module()) {
            modules.insert(entry.path.module().to_owned());
        } else {
            functions.push(Arc::unwrap_or_clone(entry.clone()));
        }
    }
    functions.extend(pushed.functions);

    let runs = |path: &crate::function::FunctionPath| {
        functions.iter().any(|entry| {
            entry.path == *path && matches!(entry.kind(), FunctionKind::Mutation | FunctionKind::Action)
        })
    };
    let mut shadowed = Shadowed { modules: modules.into_iter().collect(), ..Shadowed::default() };
    let mut crons = Vec::new();
    for cron in native.crons().values() {
        let taken = pushed.crons.iter().any(|other| other.name == cron.name);
        if names.contains("crons") || taken || !runs(&cron.path) {
            shadowed.crons.push(cron.name.clone());
        } else {
            crons.push(cron.clone());
        }
    }
    crons.extend(pushed.crons);

    let routes = if names.contains("http") {
        let route = |(path, method, _): (String, &str, &_)| format!("{method} {path}");
        shadowed.routes = native.routes().routes().map(route).collect();
        pushed.routes
    } else {
        native.routes().clone()
    };
    let registry = FunctionRegistry::new(native.application(), functions, routes, crons, schema)?
        .with_components(mounts, components)?;
    Ok((registry, shadowed))
}
