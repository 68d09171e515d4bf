//! The code of one definition, the app's or a component's: its modules, compiled and analyzed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::analysis;
use super::module_set::{AUTH_CONFIG, PushedModule};
use super::scripts::{
    ModuleAnalysis, ModuleSource, PackageFunctions, ScriptPackage, Scripts, UdfConfig, Variables, environment,
};
use crate::database::Transaction;
use crate::function::Visibility;
use crate::system::modules::{ModuleContent, ModuleEnvironment, Modules, StoredModule};
use crate::{Error, Result};

/// See the module's documentation.
pub(super) struct Code {
    pub(super) config: UdfConfig,
    pub(super) modules: Vec<StoredModule>,
    /// Contents that are not stored yet, by hash.
    pub(super) contents: BTreeMap<String, ModuleContent>,
    pub(super) package: Arc<dyn ScriptPackage>,
    analyzed: BTreeMap<String, ModuleAnalysis>,
}

impl Code {
    /// Compiles modules, except those whose code is among `bytecode`, and finds out what they export. All of them see
    /// `variables`.
    pub(super) fn analyze(
        scripts: &dyn Scripts,
        modules: BTreeMap<String, PushedModule>,
        config: UdfConfig,
        variables: &Variables,
        bytecode: &[u8],
    ) -> Result<Self> {
        // The module with the auth providers is evaluated by itself.
        let sources = modules.values().filter(|module| module.path != AUTH_CONFIG);
        let sources = sources.map(PushedModule::to_source).collect();
        let package = scripts.package(sources, bytecode).map_err(while_pushing)?;
        let mut analyzed: BTreeMap<_, _> = package
            .analyze(variables, &config)
            .map_err(while_pushing)?
            .into_iter()
            .filter(|(path, _)| modules.get(path).is_some_and(PushedModule::has_functions))
            .collect();
        for module in modules.values().filter(|module| module.has_functions()) {
            analyzed.entry(module.path.clone()).or_default();
        }
        let mut contents = BTreeMap::new();
        let modules = modules
            .into_values()
            .map(|module| {
                let stored = StoredModule {
                    analysis: analyzed.get(&module.path).map(|module| analysis::to_json(module).to_string()),
                    path: module.path,
                    environment: module.environment,
                    sha256: module.sha256,
                };
                if !module.is_stored {
                    contents.insert(stored.sha256.clone(), module.content);
                }
                stored
            })
            .collect();
        Ok(Self { config, modules, contents, package, analyzed })
    }

    /// The code of a definition as it is stored.
    pub(super) fn stored(
        scripts: &dyn Scripts,
        tx: &mut Transaction,
        definition: &str,
        config: UdfConfig,
    ) -> Result<Self> {
        let modules = Modules::of(tx, definition).list()?;
        let mut sources = Vec::new();
        let mut analyzed = BTreeMap::new();
        for module in &modules {
            let content = Modules::new(tx).content(&module.sha256)?.ok_or_else(|| {
                Error::internal(format!("The code of {} is missing. Push the code again.", module.path))
            })?;
            if let Some(text) = &module.analysis {
                analyzed.insert(module.path.clone(), analysis::from_json(text)?);
            }
            if module.path != AUTH_CONFIG {
                sources.push(ModuleSource {
                    path: module.path.clone(),
                    source: content.source,
                    source_map: content.source_map,
                    environment: environment(module.environment),
                });
            }
        }
        let bytecode = Modules::of(tx, definition).bytecode().unwrap_or_default();
        let package = scripts.package(sources, &bytecode)?;
        Ok(Self { config, modules, contents: BTreeMap::new(), package, analyzed })
    }

    /// The functions, routes and crons of the instance at a path.
    pub(super) fn functions(&self, component: &str) -> Result<PackageFunctions> {
        self.package.functions(&self.analyzed, &self.config, component)
    }

    /// The modules with functions, by path without extension.
    pub(super) fn module_names(&self) -> BTreeSet<String> {
        let named = self.modules.iter().map(|module| module.path.as_str());
        let named = named.filter(|path| !path.starts_with("_deps/") && *path != AUTH_CONFIG);
        named.map(|path| path.strip_suffix(".js").unwrap_or(path).to_owned()).collect()
    }

    /// The description of each module with functions, by path.
    pub(super) fn descriptions(&self) -> Map<String, Json> {
        self.analyzed.iter().map(|(path, module)| (path.clone(), analysis::to_json(module))).collect()
    }

    /// The HTTP routes; `None` without any.
    pub(super) fn routes(&self) -> Option<Vec<Json>> {
        let routes = self.analyzed.get("http.js")?.http_routes.as_ref()?;
        Some(routes.iter().map(|route| json!({"path": route.path, "method": route.method})).collect())
    }

    /// The public functions, by the parts of their names.
    pub(super) fn exports(&self) -> Exports {
        let mut exports = Exports::default();
        for (path, module) in &self.analyzed {
            let stem = path.strip_suffix(".js").unwrap_or(path);
            let public =
                module.functions.iter().filter(|function| function.visibility == Some(Visibility::Public));
            for function in public {
                let mut branch = &mut exports;
                for part in stem.split('/').chain([function.name.as_str()]) {
                    branch = branch.children.entry(part.to_owned()).or_default();
                }
                branch.function = Some(format!("{path}:{}", function.name));
            }
        }
        exports
    }

    /// Fails if a module is for Node.js, in which components have none.
    pub(super) fn refuse_node(definition: &str, modules: &BTreeMap<String, PushedModule>) -> Result<()> {
        match modules.values().find(|module| module.environment == ModuleEnvironment::Node) {
            None => Ok(()),
            Some(module) => Err(Error::bad_request(
                "NodeActionsNotSupported",
                format!(
                    "The module {} of the component {definition} begins with \"use node\", which components cannot use. Move what needs Node.js to the app.",
                    module.path
                ),
            )),
        }
    }
}

/// What a component offers to those that use it: functions, and what leads to them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exports {
    function: Option<String>,
    children: BTreeMap<String, Self>,
}

impl Exports {
    /// As the description of a definition has it.
    pub(super) fn of_definition(&self) -> Json {
        match &self.function {
            Some(function) => json!({"type": "leaf", "leaf": format!("_reference/function/{function}")}),
            None => {
                let branch: Vec<_> =
                    self.children.iter().map(|(name, child)| json!([name, child.of_definition()])).collect();
                json!({"type": "branch", "branch": branch})
            }
        }
    }

    /// As the description of an instance has it: without what is around.
    pub(super) fn of_instance(&self, component: &str) -> Json {
        let children = self.children.iter().map(|(name, child)| (name.clone(), child.node(component)));
        Json::Object(children.collect())
    }

    fn node(&self, component: &str) -> Json {
        match &self.function {
            Some(function) => json!({"type": "leaf", "resource": {
                "type": "function", "path": {"component": component, "udfPath": function},
            }}),
            None => json!({"type": "branch", "children": self.of_instance(component)}),
        }
    }
}

/// What user code did wrong, as people who push it read it.
fn while_pushing(error: Error) -> Error {
    match error.code() {
        "InvalidModules" => {
            Error::bad_request("InvalidModules", format!("Hit an error while pushing:\n{}", error.message()))
        }
        _ => error,
    }
}
