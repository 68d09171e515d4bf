//! What a push needs of the JavaScript runtime, and what it learns about modules.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::js::{Environment, JsRuntime, Package};
use crate::system::modules::ModuleEnvironment;

pub use crate::js::node::dependencies_id;
pub use crate::js::{
    AnalyzedFunction, AnalyzedRoute, ImportedDefinition, ModuleAnalysis, ModuleSource, NodeDependency,
    PackageFunctions, Position, UdfConfig,
};
use crate::{Error, Result};

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// Where a stored module's functions run.
pub(super) const fn environment(environment: ModuleEnvironment) -> Environment {
    match environment {
        ModuleEnvironment::Isolate => Environment::Isolate,
        ModuleEnvironment::Node => Environment::Node,
    }
}

/// Evaluates modules. All calls block.
pub trait Scripts: Send + Sync {
    /// Compiles the modules of a deployment, except those whose code is among `bytecode`, which another package gave.
    ///
    /// # Errors
    /// `InvalidModules` with file and line: syntax errors, imports that do not resolve.
    fn package(&self, modules: Vec<ModuleSource>, bytecode: &[u8]) -> Result<Arc<dyn ScriptPackage>>;

    /// Says that calls will be of these packages from now on.
    fn activate(&self, packages: &[Arc<dyn ScriptPackage>]);

    /// The schema that a `schema.js` exports.
    ///
    /// # Errors
    /// What the module throws.
    fn evaluate_schema(&self, module: &ModuleSource) -> Result<Json>;

    /// The providers that an `auth.config.js` exports.
    ///
    /// # Errors
    /// What the module throws; `AuthConfigMissingEnvironmentVariable`.
    fn evaluate_auth_config(&self, module: &ModuleSource, variables: &Variables) -> Result<Json>;

    /// The definition that a `convex.config.js` exports, which may import others.
    ///
    /// # Errors
    /// What the module throws.
    fn evaluate_definition(
        &self,
        module: &ModuleSource,
        imported: &[ImportedDefinition],
        variables: &Variables,
    ) -> Result<Json>;
}

/// A deployment that runs no JavaScript: whatever is pushed is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScripts;

impl NoScripts {
    fn refuse<T>() -> Result<T> {
        Err(Error::bad_request(
            "ScriptsNotSupported",
            "This server runs no JavaScript, so nothing can be pushed to it. Start it with `fusion serve`.",
        ))
    }
}

impl Scripts for NoScripts {
    fn package(&self, _modules: Vec<ModuleSource>, _bytecode: &[u8]) -> Result<Arc<dyn ScriptPackage>> {
        Self::refuse()
    }

    fn activate(&self, _packages: &[Arc<dyn ScriptPackage>]) {}

    fn evaluate_schema(&self, _module: &ModuleSource) -> Result<Json> {
        Self::refuse()
    }

    fn evaluate_auth_config(&self, _module: &ModuleSource, _variables: &Variables) -> Result<Json> {
        Self::refuse()
    }

    fn evaluate_definition(
        &self,
        _module: &ModuleSource,
        _imported: &[ImportedDefinition],
        _variables: &Variables,
    ) -> Result<Json> {
        Self::refuse()
    }
}

/// The compiled modules of a deployment.
pub trait ScriptPackage: Send + Sync {
    /// Loads every module and finds out what it exports.
    ///
    /// # Errors
    /// `InvalidModules` and others, with what a module throws.
    fn analyze(&self, variables: &Variables, config: &UdfConfig) -> Result<BTreeMap<String, ModuleAnalysis>>;

    /// What the modules export as functions that can be registered, in the component at a path. They are loaded with
    /// `config` whenever they run.
    ///
    /// # Errors
    /// Exports that cannot be registered: validators, routes.
    fn functions(
        &self,
        analysis: &BTreeMap<String, ModuleAnalysis>,
        config: &UdfConfig,
        component: &str,
    ) -> Result<PackageFunctions>;

    /// The compiled code, to be stored.
    fn bytecode(&self) -> Vec<u8>;

    /// Itself, for those who know what it is.
    fn as_any(&self) -> &dyn Any;
}

impl Scripts for Arc<JsRuntime> {
    fn package(&self, modules: Vec<ModuleSource>, bytecode: &[u8]) -> Result<Arc<dyn ScriptPackage>> {
        let package = Package::from_bytecode(self.engine(), modules, bytecode)?;
        Ok(Arc::new(JsPackage { runtime: self.clone(), package }))
    }

    fn activate(&self, packages: &[Arc<dyn ScriptPackage>]) {
        let packages = packages.iter().filter_map(|package| package.as_any().downcast_ref::<JsPackage>());
        let packages: Vec<_> = packages.map(|package| package.package.clone()).collect();
        self.set_current(&packages);
    }

    fn evaluate_schema(&self, module: &ModuleSource) -> Result<Json> {
        JsRuntime::evaluate_schema(self, module)
    }

    fn evaluate_auth_config(&self, module: &ModuleSource, variables: &Variables) -> Result<Json> {
        JsRuntime::evaluate_auth_config(self, module, variables)
    }

    fn evaluate_definition(
        &self,
        module: &ModuleSource,
        imported: &[ImportedDefinition],
        variables: &Variables,
    ) -> Result<Json> {
        JsRuntime::evaluate_definition(self, module, imported, variables)
    }
}

/// A package of the JavaScript runtime.
struct JsPackage {
    runtime: Arc<JsRuntime>,
    package: Arc<Package>,
}

impl ScriptPackage for JsPackage {
    fn analyze(&self, variables: &Variables, config: &UdfConfig) -> Result<BTreeMap<String, ModuleAnalysis>> {
        self.runtime.analyze(&self.package, variables, config.clone())
    }

    fn functions(
        &self,
        analysis: &BTreeMap<String, ModuleAnalysis>,
        config: &UdfConfig,
        component: &str,
    ) -> Result<PackageFunctions> {
        self.package.set_udf_config(config.clone());
        self.runtime.functions(&self.package, analysis, component)
    }

    fn bytecode(&self) -> Vec<u8> {
        self.package.bytecode()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
