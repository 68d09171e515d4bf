//! Evaluating a push: everything that is found out before anything changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fusion_schema::table::Schema;
use serde_json::{Map, Value as Json, json};

use super::definition::{Definition, refuse_components};
use super::joining::{Shadowed, join};
use super::module_set::{AUTH_CONFIG, PushedModule, module_set};
use super::request::{ModuleBody, StartPushRequest};
use super::schema::{self, IndexDiff};
use super::scripts::{
    ModuleSource, NodeDependency, ScriptPackage, Scripts, UdfConfig, Variables, environment,
};
use super::{analysis, schema::diff_indexes};
use crate::auth::Provider;
use crate::function::{Deployment, FunctionRegistry};
use crate::system::environment::Environment;
use crate::system::modules::{CodeConfig, ModuleContent, ModuleEnvironment, Modules, StoredModule};
use crate::{Error, Result};

/// The schema of a push.
pub(super) struct EvaluatedSchema {
    /// As the module exported it; `None` without one.
    pub(super) json: Option<Json>,
    /// Joined with the native application's.
    pub(super) joined: Arc<Schema>,
    /// The same without staged indexes that are new: what the push waits for.
    pub(super) immediate: Arc<Schema>,
    /// What becomes of the indexes.
    pub(super) indexes: IndexDiff,
}

/// A push that was evaluated.
pub(super) struct Prepared {
    pub(super) config: CodeConfig,
    pub(super) definition: Definition,
    /// The environment variables as the modules saw them, without those the server sets.
    pub(super) variables: Variables,
    pub(super) providers: Vec<Provider>,
    pub(super) schema: EvaluatedSchema,
    pub(super) modules: Vec<StoredModule>,
    /// Contents that are not stored yet, by hash.
    pub(super) contents: BTreeMap<String, ModuleContent>,
    /// The description of each module with functions, by path.
    pub(super) analysis: Map<String, Json>,
    /// The pushed HTTP routes.
    pub(super) routes: Option<Vec<Json>>,
    pub(super) registry: Arc<FunctionRegistry>,
    pub(super) package: Arc<dyn ScriptPackage>,
    pub(super) shadowed: Shadowed,
}

/// What evaluating needs beside the request.
pub(super) struct Evaluator<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) scripts: &'a dyn Scripts,
    pub(super) native: &'a FunctionRegistry,
}

impl Evaluator<'_> {
    /// The environment variables that the user set.
    pub(super) fn variables(&self) -> Result<Variables> {
        let mut tx = self.deployment.database.begin_query();
        tx.lift_limits();
        let variables = Environment::new(&mut tx, self.deployment.secrets()).list()?;
        Ok(variables.into_iter().map(|variable| (variable.name, variable.value)).collect())
    }

    /// All environment variables, as modules see them.
    pub(super) fn with_system_variables(&self, variables: &Variables) -> Variables {
        let mut all = variables.clone();
        for name in crate::system::environment::SYSTEM_NAMES {
            if let Some(value) = self.deployment.system_variable(name) {
                all.insert(name.to_owned(), value.to_owned());
            }
        }
        all
    }

    /// Evaluates and checks the schema.
    pub(super) fn schema(&self, module: Option<ModuleBody>) -> Result<EvaluatedSchema> {
        let json = match module {
            Some(module) => {
                let module = isolate_module(module);
                Some(self.scripts.evaluate_schema(&module)?)
            }
            None => None,
        };
        let native = self.native.schema();
        let pushed = json.as_ref().map(|json| schema::read(json, native)).transpose()?;
        let joined = schema::join(native, pushed.as_ref());
        let active = self.active_schema();
        Ok(EvaluatedSchema {
            json,
            indexes: diff_indexes(&active, &joined),
            immediate: Arc::new(schema::without_new_staged(&joined, &active)),
            joined: Arc::new(joined),
        })
    }

    /// The schema in force.
    pub(super) fn active_schema(&self) -> Arc<Schema> {
        self.deployment.database.published().catalog().schema().cloned().unwrap_or_default()
    }

    /// Evaluates a push whole.
    pub(super) fn prepare(&self, request: StartPushRequest) -> Result<Prepared> {
        refuse_components(&request)?;
        let StartPushRequest { functions, mut app_definition, mut node_dependencies, node_version, .. } =
            request;
        node_dependencies.iter().try_for_each(NodeDependency::check)?;
        node_dependencies.sort();
        let (definition, schema) = (app_definition.definition.take(), app_definition.schema.take());
        let server_version = app_definition.udf_server_version.clone();
        let modules = {
            let mut tx = self.deployment.database.begin_query();
            module_set(app_definition, &mut tx)?
        };
        let variables = self.variables()?;
        let seen = self.with_system_variables(&variables);

        let definition = match definition {
            Some(module) => {
                let module = isolate_module(module);
                Definition::read(self.scripts.evaluate_app_definition(&module, &seen)?)?
            }
            None => Definition::empty(),
        };
        let providers = match modules.get(AUTH_CONFIG) {
            Some(module) => read_providers(&self.scripts.evaluate_auth_config(&module.to_source(), &seen)?)?,
            None => Vec::new(),
        };
        let schema = self.schema(schema)?;
        let config = CodeConfig {
            functions,
            server_version,
            node_version,
            node_dependencies: serde_json::to_string(&node_dependencies).unwrap_or_default(),
            import_phase_rng_seed: crate::clock::random_bytes(),
            import_phase_unix_ms: self.deployment.clock().unix_ms().floor(),
            auth_providers: Json::from(providers.iter().map(Provider::to_json).collect::<Vec<_>>())
                .to_string(),
        };
        self.analyze(modules, definition, variables, &seen, providers, schema, config)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a push, each evaluated before")]
    fn analyze(
        &self,
        modules: BTreeMap<String, PushedModule>,
        definition: Definition,
        variables: Variables,
        seen: &Variables,
        providers: Vec<Provider>,
        schema: EvaluatedSchema,
        config: CodeConfig,
    ) -> Result<Prepared> {
        let bytecode =
            Modules::new(&mut self.deployment.database.begin_query()).bytecode().unwrap_or_default();
        let package = self.scripts.package(sources(&modules), &bytecode).map_err(while_pushing)?;
        package.set_node_dependencies(node_dependencies(&config));
        let analyzed = package.analyze(seen, &udf_config(&config)).map_err(while_pushing)?;
        let analyzed: BTreeMap<_, _> = analyzed
            .into_iter()
            .filter(|(path, _)| modules.get(path).is_some_and(PushedModule::has_functions))
            .collect();
        let functions = package.functions(&analyzed, &udf_config(&config))?;
        let names = module_names(modules.keys().map(String::as_str));
        let (registry, shadowed) = join(self.native, functions, &names, Schema::clone(&schema.joined))?;
        let routes = analyzed.get("http.js").and_then(|http| http.http_routes.as_ref()).map(|routes| {
            routes.iter().map(|route| json!({"path": route.path, "method": route.method})).collect()
        });
        let mut descriptions: Map<String, Json> =
            analyzed.iter().map(|(path, module)| (path.clone(), analysis::to_json(module))).collect();
        for module in modules.values().filter(|module| module.has_functions()) {
            // What modules for Node.js export is not known.
            descriptions.entry(module.path.clone()).or_insert_with(|| analysis::to_json(&Default::default()));
        }
        let mut contents = BTreeMap::new();
        let modules = modules
            .into_values()
            .map(|module| {
                let stored = StoredModule {
                    analysis: descriptions.get(&module.path).map(Json::to_string),
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
        Ok(Prepared {
            config,
            definition,
            variables,
            providers,
            schema,
            modules,
            contents,
            analysis: descriptions,
            routes,
            registry: Arc::new(registry),
            package,
            shadowed,
        })
    }

    /// The functions of the code that is stored; `None` if nothing was pushed yet.
    ///
    /// # Errors
    /// If what is stored is damaged or is no code that this version of the server can run.
    pub(super) fn restore(&self, schema: Schema) -> Result<Option<Restored>> {
        let mut tx = self.deployment.database.begin_query();
        let Some(config) = Modules::new(&mut tx).config()? else { return Ok(None) };
        let stored = Modules::new(&mut tx).list()?;
        let mut sources = Vec::new();
        let mut analyzed = BTreeMap::new();
        for module in &stored {
            let content = Modules::new(&mut tx).content(&module.sha256)?.ok_or_else(|| {
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
        let bytecode = Modules::new(&mut tx).bytecode().unwrap_or_default();
        let package = self.scripts.package(sources, &bytecode)?;
        package.set_node_dependencies(node_dependencies(&config));
        let functions = package.functions(&analyzed, &udf_config(&config))?;
        let names = module_names(stored.iter().map(|module| module.path.as_str()));
        let (registry, shadowed) = join(self.native, functions, &names, schema)?;
        package.activate();
        let providers: Json = serde_json::from_str(&config.auth_providers).unwrap_or_default();
        Ok(Some(Restored { registry, shadowed, providers: read_providers(&providers)? }))
    }
}

/// The stored code, ready to run.
pub(super) struct Restored {
    pub(super) registry: FunctionRegistry,
    pub(super) shadowed: Shadowed,
    pub(super) providers: Vec<Provider>,
}

fn isolate_module(module: ModuleBody) -> ModuleSource {
    let ModuleBody { path, source, source_map, .. } = module;
    ModuleSource { path, source, source_map, environment: environment(ModuleEnvironment::Isolate) }
}

/// The modules of the package. The one with the auth providers is evaluated by itself.
fn sources(modules: &BTreeMap<String, PushedModule>) -> Vec<ModuleSource> {
    modules.values().filter(|module| module.path != AUTH_CONFIG).map(PushedModule::to_source).collect()
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

/// The modules with functions, by path without extension.
fn module_names<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let named = paths.filter(|path| !path.starts_with("_deps/") && *path != AUTH_CONFIG);
    named.map(|path| path.strip_suffix(".js").unwrap_or(path).to_owned()).collect()
}

pub(super) fn udf_config(config: &CodeConfig) -> UdfConfig {
    UdfConfig {
        server_version: config.server_version.clone(),
        import_phase_rng_seed: config.import_phase_rng_seed,
        import_phase_unix_ms: config.import_phase_unix_ms,
    }
}

/// What the modules for Node.js import from npm.
pub(super) fn node_dependencies(config: &CodeConfig) -> Vec<NodeDependency> {
    serde_json::from_str(&config.node_dependencies).unwrap_or_default()
}

/// Reads the list of providers, bare or under `providers`.
fn read_providers(json: &Json) -> Result<Vec<Provider>> {
    let list = json.get("providers").unwrap_or(json).as_array();
    let list = list.ok_or_else(|| {
        Error::bad_request(
            "InvalidAuthConfig",
            "auth.config.ts must export `{ providers: [..] }` as its default export.",
        )
    })?;
    Provider::list_from_json(list)
}
