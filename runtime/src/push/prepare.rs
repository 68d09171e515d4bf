//! Evaluating a push: everything that is found out before anything changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use fusion_schema::table::Schema;
use serde_json::{Value as Json, json};

use super::code::Code;
use super::definition::Definition;
use super::graph::{self, DefinitionModule, Instance};
use super::joining::{Shadowed, join};
use super::module_set::{AUTH_CONFIG, all_changed, check_size, module_set};
use super::request::{ComponentDefinition, ModuleBody, StartPushRequest};
use super::schema::{self, IndexDiff, diff_indexes};
use super::scripts::{
    ModuleSource, NodeDependency, PackageFunctions, Scripts, UdfConfig, Variables, environment,
};
use crate::auth::Provider;
use crate::database::Database;
use crate::function::http::RoutedPath;
use crate::function::registry::{ComponentFunctions, HttpHandler, HttpMount};
use crate::function::{Deployment, FunctionRegistry};
use crate::system::components::{Components, Mount, StoredDefinition};
use crate::system::environment::Environment;
use crate::system::modules::{CodeConfig, ModuleEnvironment, Modules};
use crate::{Error, Result};

/// The schema of an instance in a push; `""` is the app.
pub(super) struct EvaluatedSchema {
    /// As the module exported it; `None` without one.
    pub(super) json: Option<Json>,
    /// The whole of it: that of the app is joined with the native application's.
    pub(super) joined: Arc<Schema>,
    /// The same without staged indexes that are new: what the push waits for.
    pub(super) immediate: Arc<Schema>,
    /// What becomes of the indexes.
    pub(super) indexes: IndexDiff,
}

/// A push that was evaluated. What belongs to definitions is by their paths, what belongs to instances by theirs.
pub(super) struct Prepared {
    pub(super) config: CodeConfig,
    /// The environment variables as the modules saw them, without those the server sets.
    pub(super) variables: Variables,
    pub(super) providers: Vec<Provider>,
    pub(super) definitions: BTreeMap<String, Definition>,
    pub(super) code: BTreeMap<String, Code>,
    pub(super) instances: Vec<Instance>,
    /// The instances as they are to be stored.
    pub(super) mounts: Vec<Mount>,
    pub(super) schemas: BTreeMap<String, EvaluatedSchema>,
    pub(super) registry: Arc<FunctionRegistry>,
    pub(super) shadowed: Shadowed,
}

impl Prepared {
    /// The schemas that modules exported, by component.
    pub(super) fn schema_texts(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.schemas.iter().filter_map(|(path, schema)| Some((path.as_str(), schema.json.as_ref()?)))
    }

    /// The definitions as they are stored.
    pub(super) fn stored_definitions(&self) -> Vec<StoredDefinition> {
        let stored = |(path, definition): (&String, &Definition)| {
            let version = self.code.get(path).map(|code| &code.config.server_version);
            let text = json!({"definition": definition.json, "serverVersion": version}).to_string();
            StoredDefinition { path: path.clone(), definition: text }
        };
        self.definitions.iter().map(stored).collect()
    }
}

/// Reads a definition as [`Prepared::stored_definitions`] wrote it, with the version of what pushed it.
fn stored_definition(stored: &StoredDefinition) -> Result<(Definition, String)> {
    let damaged = || Error::internal("A stored definition of a component is damaged. Push the code again.");
    let mut json: Json =
        serde_json::from_str(&stored.definition).map_err(|error| damaged().with_source(error))?;
    let version = json["serverVersion"].as_str().unwrap_or_default().to_owned();
    let definition = Definition::read(&stored.path, json["definition"].take())
        .map_err(|error| damaged().with_source(error))?;
    Ok((definition, version))
}

/// The instances as they are to be stored.
fn stored_mounts(database: &Database, instances: &[Instance]) -> Vec<Mount> {
    let mount = |instance: &Instance| Mount {
        path: instance.path.clone(),
        new: database.new_component(),
        definition: instance.definition.clone(),
        http_prefix: instance.http_prefix.clone(),
        environment: instance.environment.clone(),
    };
    instances.iter().map(mount).collect()
}

/// The stored code, ready to run.
pub(super) struct Restored {
    pub(super) registry: FunctionRegistry,
    pub(super) shadowed: Shadowed,
    pub(super) providers: Vec<Provider>,
    pub(super) code: BTreeMap<String, Code>,
}

/// What evaluating needs beside the request.
pub(super) struct Evaluator<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) scripts: &'a dyn Scripts,
    pub(super) native: &'a FunctionRegistry,
}

/// The definitions and instances of a push, with the schemas of the definitions.
pub(super) struct Outline {
    pub(super) definitions: BTreeMap<String, Definition>,
    pub(super) instances: Vec<Instance>,
    pub(super) schemas: BTreeMap<String, EvaluatedSchema>,
}

impl Evaluator<'_> {
    /// The environment variables that the user set.
    pub(super) fn variables(&self) -> Result<Variables> {
        let mut tx = self.deployment.database.begin_query();
        tx.lift_limits();
        let variables = Environment::new(&mut tx, self.deployment.secrets()).list()?;
        Ok(variables.into_iter().map(|variable| (variable.name, variable.value)).collect())
    }

    /// All environment variables, as the app's modules see them; none are those of components.
    pub(super) fn with_system_variables(&self, variables: &Variables) -> Variables {
        let mut all = variables.clone();
        for name in crate::system::environment::SYSTEM_NAMES {
            if let Some(value) = self.deployment.system_variable(name) {
                all.insert(name.to_owned(), value.to_owned());
            }
        }
        all
    }

    /// The schema in force in an instance; empty without one.
    pub(super) fn active_schema(&self, path: &str) -> Arc<Schema> {
        let snapshot = self.deployment.database.published();
        let catalog = snapshot.catalog();
        catalog
            .component_at(path)
            .and_then(|component| catalog.schema_in(component).cloned())
            .unwrap_or_default()
    }

    /// Evaluates and checks what there is of definitions, instances and schemas, and takes the modules with them out of
    /// the request.
    pub(super) fn outline(&self, request: &mut StartPushRequest, seen: &Variables) -> Result<Outline> {
        let app = &mut request.app_definition;
        let mut modules = BTreeMap::new();
        if let Some(module) = app.definition.take() {
            let dependencies = std::mem::take(&mut app.dependencies);
            modules.insert(String::new(), DefinitionModule { module: isolate_module(module), dependencies });
        }
        let mut exported = BTreeMap::from([(String::new(), self.exported_schema(app.schema.take())?)]);
        for component in &mut request.component_definitions {
            let ComponentDefinition { definition_path: path, definition, dependencies, schema, .. } =
                component;
            let Some(module) = definition.take().filter(|_| !path.is_empty()) else {
                return Err(Error::bad_request(
                    "InvalidDefinition",
                    "A component was pushed without a definition.",
                ));
            };
            let module = DefinitionModule {
                module: isolate_module(module),
                dependencies: std::mem::take(dependencies),
            };
            if modules.insert(path.clone(), module).is_some() {
                return Err(Error::bad_request(
                    "InvalidDefinition",
                    format!("The component {path} was pushed twice."),
                ));
            }
            exported.insert(path.clone(), self.exported_schema(schema.take())?);
        }
        let mut definitions = graph::evaluate(self.scripts, &modules, seen)?;
        definitions.entry(String::new()).or_insert_with(Definition::empty);
        let instances = graph::instances(&definitions)?;

        let mut schemas = BTreeMap::new();
        let none = Schema::default();
        let app = [(String::new(), String::new())].into_iter();
        let components =
            instances.iter().map(|instance| (instance.path.clone(), instance.definition.clone()));
        for (path, definition) in app.chain(components) {
            let native = if path.is_empty() { self.native.schema() } else { &none };
            let json = exported.get(&definition).cloned().flatten();
            schemas.insert(path.clone(), evaluated_schema(json, native, &self.active_schema(&path))?);
        }
        Ok(Outline { definitions, instances, schemas })
    }

    fn exported_schema(&self, module: Option<ModuleBody>) -> Result<Option<Json>> {
        module.map(|module| self.scripts.evaluate_schema(&isolate_module(module))).transpose()
    }

    /// Evaluates a push whole.
    pub(super) fn prepare(&self, mut request: StartPushRequest) -> Result<Prepared> {
        let variables = self.variables()?;
        let seen = self.with_system_variables(&variables);
        let Outline { mut definitions, instances, schemas } = self.outline(&mut request, &seen)?;

        let StartPushRequest {
            functions,
            app_definition,
            component_definitions,
            mut node_dependencies,
            node_version,
            ..
        } = request;
        node_dependencies.iter().try_for_each(NodeDependency::check)?;
        node_dependencies.sort();
        let server_version = app_definition.udf_server_version.clone();
        let app = module_set(app_definition, &mut self.deployment.database.begin_query())?;
        let providers = match app.get(AUTH_CONFIG) {
            Some(module) => read_providers(&self.scripts.evaluate_auth_config(&module.to_source(), &seen)?)?,
            None => Vec::new(),
        };
        let config = CodeConfig {
            functions,
            server_version,
            node_version,
            node_dependencies: json!(node_dependencies).to_string(),
            import_phase_rng_seed: crate::clock::random_bytes(),
            import_phase_unix_ms: self.deployment.clock().unix_ms().floor(),
            auth_providers: Json::from(providers.iter().map(Provider::to_json).collect::<Vec<_>>())
                .to_string(),
        };
        let used = graph::used(&instances);
        let mut modules = BTreeMap::from([(String::new(), (app, config.server_version.clone()))]);
        for component in component_definitions {
            let path = component.definition_path;
            if used.contains(path.as_str()) {
                let set = all_changed(component.functions)?;
                Code::refuse_node(&path, &set)?;
                modules.insert(path, (set, component.udf_server_version));
            }
        }
        check_size(modules.values().flat_map(|(set, _)| set.values()))?;
        definitions.retain(|path, _| used.contains(path.as_str()));

        let nothing = self.with_system_variables(&Variables::new());
        let mut code = BTreeMap::new();
        for (path, (set, server_version)) in modules {
            let variables = if path.is_empty() { &seen } else { &nothing };
            let bytecode = self.stored_bytecode(&path);
            let config = UdfConfig { server_version, ..udf_config(&config) };
            let analyzed = Code::analyze(self.scripts, set, config, variables, &bytecode)
                .map_err(|error| in_definition(&path, error))?;
            if let Some(definition) = definitions.get_mut(&path).filter(|_| !path.is_empty()) {
                definition.set_exports(analyzed.exports().of_definition());
            }
            code.insert(path, analyzed);
        }
        let schema = schemas.get("").map(|schema| Schema::clone(&schema.joined)).unwrap_or_default();
        let (registry, shadowed) = self.registry(&code, &definitions, &instances, schema)?;
        Ok(Prepared {
            config,
            variables,
            providers,
            definitions,
            code,
            mounts: stored_mounts(&self.deployment.database, &instances),
            instances,
            schemas,
            registry: Arc::new(registry),
            shadowed,
        })
    }

    fn stored_bytecode(&self, definition: &str) -> Vec<u8> {
        // What cannot be read is compiled.
        Modules::of(&mut self.deployment.database.begin_query(), definition).bytecode().unwrap_or_default()
    }

    /// The functions of all instances, and the native ones that they do not shadow.
    fn registry(
        &self,
        code: &BTreeMap<String, Code>,
        definitions: &BTreeMap<String, Definition>,
        instances: &[Instance],
        schema: Schema,
    ) -> Result<(FunctionRegistry, Shadowed)> {
        let Some(app) = code.get("") else { return Err(Error::internal("a push without an app")) };
        let mut components = Vec::new();
        for instance in instances {
            let Some(code) = code.get(&instance.definition) else { continue };
            let PackageFunctions { functions, routes, crons } =
                code.functions(&instance.path).map_err(|error| in_definition(&instance.definition, error))?;
            let mounts = mounts(&instance.path, instances);
            components.push(ComponentFunctions {
                path: instance.path.clone(),
                functions,
                routes,
                crons,
                mounts,
            });
        }
        let mut functions = app.functions("")?;
        let prefix = definitions.get("").and_then(|app| app.http_prefix.as_deref());
        if let Some(prefix) = prefix {
            functions.routes = functions.routes.under(prefix, |handler| below(prefix, handler))?;
        }
        join(self.native, functions, &app.module_names(), schema, mounts("", instances), components)
    }

    /// The functions of the code that is stored; `None` if nothing was pushed yet.
    ///
    /// # Errors
    /// If what is stored is damaged or is no code that this version of the server can run.
    pub(super) fn restore(&self, schema: Schema) -> Result<Option<Restored>> {
        let mut tx = self.deployment.database.begin_query();
        let Some(config) = Modules::new(&mut tx).config()? else { return Ok(None) };
        let mut definitions = BTreeMap::from([(String::new(), Definition::empty())]);
        let mut code = BTreeMap::new();
        let mut versions = BTreeMap::from([(String::new(), config.server_version.clone())]);
        for stored in Components::new(&mut tx).definitions()? {
            let (definition, version) = stored_definition(&stored)?;
            definitions.insert(stored.path.clone(), definition);
            versions.insert(stored.path, version);
        }
        for (path, server_version) in versions {
            let config = UdfConfig { server_version, ..udf_config(&config) };
            let stored = Code::stored(self.scripts, &mut tx, &path, config)?;
            code.insert(path, stored);
        }
        let instances = graph::instances(&definitions)?;
        let (registry, shadowed) = self.registry(&code, &definitions, &instances, schema)?;
        let providers: Json = serde_json::from_str(&config.auth_providers).unwrap_or_default();
        Ok(Some(Restored { registry, shadowed, providers: read_providers(&providers)?, code }))
    }
}

/// A handler whose router does not know of the prefix under which it is.
fn below(prefix: &str, handler: HttpHandler) -> HttpHandler {
    let stem = prefix.trim_end_matches('/').to_owned();
    Arc::new(move |core, mut request| {
        if let Some(RoutedPath(path)) = request.extensions_mut().get_mut() {
            path.drain(..if path.starts_with(&stem) { stem.len() } else { 0 });
        }
        handler(core, request)
    })
}

/// Where in the routes of an instance those of its children are found.
fn mounts(parent: &str, instances: &[Instance]) -> Vec<HttpMount> {
    let children = instances.iter().filter(|instance| instance.parent == parent);
    let mount = |child: &Instance| {
        let prefix = child.http_prefix.clone()?;
        Some(HttpMount { prefix, component: child.path.clone() })
    };
    children.filter_map(mount).collect()
}

fn evaluated_schema(json: Option<Json>, native: &Schema, active: &Schema) -> Result<EvaluatedSchema> {
    let pushed = json.as_ref().map(|json| schema::read(json, native)).transpose()?;
    let joined = schema::join(native, pushed.as_ref());
    Ok(EvaluatedSchema {
        json,
        indexes: diff_indexes(active, &joined),
        immediate: Arc::new(schema::without_new_staged(&joined, active)),
        joined: Arc::new(joined),
    })
}

fn isolate_module(module: ModuleBody) -> ModuleSource {
    let ModuleBody { path, source, source_map, .. } = module;
    ModuleSource { path, source, source_map, environment: environment(ModuleEnvironment::Isolate) }
}

/// An error with the component it is in.
fn in_definition(path: &str, error: Error) -> Error {
    if path.is_empty() || error.message().contains(path) {
        return error;
    }
    Error::new(
        error.kind(),
        error.code().to_owned(),
        format!("{} (in the component {path})", error.message()),
    )
}

/// What the app's modules for Node.js import from npm.
pub(super) fn node_dependencies(config: &CodeConfig) -> Vec<NodeDependency> {
    serde_json::from_str(&config.node_dependencies).unwrap_or_default()
}

fn udf_config(config: &CodeConfig) -> UdfConfig {
    UdfConfig {
        server_version: config.server_version.clone(),
        import_phase_rng_seed: config.import_phase_rng_seed,
        import_phase_unix_ms: config.import_phase_unix_ms,
        node_dependencies: node_dependencies(config),
    }
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
