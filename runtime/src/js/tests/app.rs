//! A deployment made of a few small modules.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fusion_schema::table::Schema;
use fusion_schema::{Object, Value, json};

use crate::Result;
use crate::database::{Database, DatabaseOptions};
use crate::function::testing::{call, runner_on, value};
use crate::function::{Application, FunctionRegistry, FunctionRunner, Outcome};
use crate::js::{Environment, JsRuntime, ModuleAnalysis, ModuleSource, NodeOptions, Package, UdfConfig};
use crate::limits::Limits;
use crate::system::environment::EnvironmentChange;

/// The stand-in for the npm package, which every module of these tests imports.
const CONVEX: &str = include_str!("convex.js");

pub(in crate::js) struct App {
    pub(in crate::js) runner: Arc<FunctionRunner>,
    pub(in crate::js) js: Arc<JsRuntime>,
    tasks: tokio::runtime::Runtime,
}

pub(super) fn source(path: &str, source: &str) -> ModuleSource {
    ModuleSource {
        path: path.to_owned(),
        source: source.to_owned(),
        source_map: None,
        environment: Environment::Isolate,
    }
}

pub(super) fn config() -> UdfConfig {
    UdfConfig {
        server_version: "1.48.0".to_owned(),
        import_phase_rng_seed: [3; 32],
        import_phase_unix_ms: 1_600_000_000_000.0,
        node_dependencies: Vec::new(),
    }
}

pub(super) fn sources(modules: &[(&str, &str)]) -> Vec<ModuleSource> {
    let modules = modules.iter().map(|(path, text)| source(path, text));
    modules.chain([source("_deps/convex.js", CONVEX)]).collect()
}

/// A runtime for JavaScript alone, shared by tests that need no more.
pub(super) fn js() -> Arc<JsRuntime> {
    static JS: OnceLock<Arc<JsRuntime>> = OnceLock::new();
    JS.get_or_init(|| {
        let limits = Limits { analysis_timeout: Duration::from_secs(1), ..Limits::default() };
        runtime(&limits, crate::js::testing::tasks(), None)
    })
    .clone()
}

pub(super) fn runtime(
    limits: &Limits,
    tasks: tokio::runtime::Handle,
    node: Option<NodeOptions>,
) -> Arc<JsRuntime> {
    let http = crate::js::web::fetch::client().unwrap();
    JsRuntime::new(Arc::new(limits.clone()), http, tasks, node).unwrap()
}

pub(super) fn analyze(modules: Vec<ModuleSource>) -> Result<BTreeMap<String, ModuleAnalysis>> {
    let package = Package::new(js().engine(), modules)?;
    js().analyze(&package, &BTreeMap::new(), config())
}

impl App {
    pub(super) fn new(modules: &[(&str, &str)]) -> Self {
        Self::with_limits(modules, Limits::default())
    }

    pub(super) fn with_limits(modules: &[(&str, &str)], limits: Limits) -> Self {
        Self::beside(Application::new("test"), modules, limits)
    }

    /// With source maps.
    pub(super) fn mapped(modules: &[(&str, &str, &str)]) -> Self {
        let mapped = modules.iter().map(|(path, text, map)| ModuleSource {
            source_map: Some((*map).to_owned()),
            ..source(path, text)
        });
        let modules = sources(&[]).into_iter().chain(mapped).collect();
        Self::build(Application::new("test"), modules, Limits::default(), None)
    }

    /// With functions in Rust beside the modules.
    pub(super) fn beside(native: Application, modules: &[(&str, &str)], limits: Limits) -> Self {
        Self::build(native, sources(modules), limits, None)
    }

    /// With modules for Node.js beside those for isolates.
    pub(in crate::js) fn with_node(
        modules: &[(&str, &str)],
        for_node: &[(&str, &str)],
        limits: Limits,
        node: NodeOptions,
    ) -> Self {
        let for_node = for_node.iter().chain(&[("_deps/node/convex.js", CONVEX)]);
        let for_node = for_node
            .map(|(path, text)| ModuleSource { environment: Environment::Node, ..source(path, text) });
        let modules = sources(modules).into_iter().chain(for_node).collect();
        Self::build(Application::new("test"), modules, limits, Some(node))
    }

    fn build(
        native: Application,
        modules: Vec<ModuleSource>,
        limits: Limits,
        node: Option<NodeOptions>,
    ) -> Self {
        let tasks =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _entered = tasks.enter();
        let js = runtime(&limits, tasks.handle().clone(), node);
        let package = Package::new(js.engine(), modules).unwrap();
        let analysis = js.analyze(&package, &BTreeMap::new(), config()).unwrap();
        let found = js.functions(&package, &analysis, "").unwrap();
        let native_registry = native.build().unwrap();
        let functions =
            native_registry.iter().filter(|entry| !entry.path.is_system()).map(|entry| (**entry).clone());
        let registry = FunctionRegistry::new(
            "test",
            functions.chain(found.functions),
            found.routes,
            found.crons,
            Schema::default(),
        );
        let options = DatabaseOptions { limits: Arc::new(limits), ..DatabaseOptions::in_memory() };
        let runner = runner_on(Database::open(options).unwrap(), Application::new("test"));
        runner.set_registry(registry.unwrap()).unwrap();
        Self { runner, js, tasks }
    }

    pub(in crate::js) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.tasks.block_on(future)
    }

    pub(in crate::js) fn set_env(&self, name: &str, value: &str) {
        let change = EnvironmentChange { name: name.to_owned(), value: Some(value.to_owned()) };
        self.wait(self.runner.update_environment(vec![change])).unwrap();
    }

    pub(in crate::js) fn call(&self, path: &str, args: &str) -> Outcome {
        let Ok(Value::Object(args)) = json::decode(args) else { panic!("the arguments are no object") };
        self.call_with(path, args)
    }

    pub(in crate::js) fn call_with(&self, path: &str, args: Object) -> Outcome {
        self.wait(self.runner.any(call(path, args)))
    }

    /// The JSON of what a function gives, or the text of its error.
    pub(in crate::js) fn run(&self, path: &str, args: &str) -> std::result::Result<String, String> {
        value(&self.call(path, args)).map(|value| json::encode(&value))
    }

    /// As [`App::run`], for calls that succeed.
    pub(in crate::js) fn ok(&self, path: &str, args: &str) -> String {
        self.run(path, args).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// As [`App::run`], for calls that fail.
    pub(in crate::js) fn fails(&self, path: &str, args: &str) -> String {
        match self.run(path, args) {
            Ok(value) => panic!("{path} gave {value}"),
            Err(error) => error,
        }
    }
}
