//! [`JsRuntime`]: everything that JavaScript needs: the engine, its threads, limits, and Node.js beside them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::hangs::Hangs;
use super::host;
use super::isolate::{Engine, Isolate, IsolateOptions, ScriptError, StopSignal};
use super::node::{Node, NodeOptions};
use super::op::{OpTable, OpValue};
use super::package::{Package, UdfConfig};
use super::pool::{Prepare, Ready, Threads, Wanted};
use super::prelude::CompiledPrelude;
use super::state::{Host, OpState, Phase, Resources};
use super::syscalls::import::{ImportHost, Remembered, SharedReads, Variables};
use super::web;
use crate::limits::Limits;
use crate::{Error, Result};

/// Makes isolates.
#[derive(Clone)]
pub(super) struct Isolates {
    engine: Arc<dyn Engine>,
    prelude: Arc<CompiledPrelude>,
    limits: Arc<Limits>,
    http: reqwest::Client,
    tasks: tokio::runtime::Handle,
}

/// See the module's documentation.
pub struct JsRuntime {
    isolates: Isolates,
    threads: Threads,
    hangs: Hangs,
    node: Arc<Node>,
    /// The packages that calls go to; isolates for others are not made ready.
    current: Mutex<Vec<Weak<Package>>>,
}

impl std::fmt::Debug for JsRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsRuntime").field("engine", &self.isolates.engine.version()).finish_non_exhaustive()
    }
}

/// Where in the process an isolate's first moments are accounted.
pub(super) struct Beginning {
    pub(super) variables: Box<dyn Variables>,
    pub(super) time: Duration,
    pub(super) stop: Arc<StopSignal>,
}

impl JsRuntime {
    /// Compiles the prelude and is ready to run modules on QuickJS. Fetches of actions go through `http`; futures of
    /// ops run as `tasks`. Without `node` there are no Node actions.
    ///
    /// # Errors
    /// If the prelude does not compile, which is a defect.
    #[cfg(feature = "quickjs")]
    pub fn new(
        limits: Arc<Limits>,
        http: reqwest::Client,
        tasks: tokio::runtime::Handle,
        node: Option<NodeOptions>,
    ) -> Result<Arc<Self>> {
        Self::with_engine(Arc::new(super::quickjs::QuickJs), limits, http, tasks, node)
    }

    /// As [`JsRuntime::new`], on another engine.
    ///
    /// # Errors
    /// As [`JsRuntime::new`].
    pub fn with_engine(
        engine: Arc<dyn Engine>,
        limits: Arc<Limits>,
        http: reqwest::Client,
        tasks: tokio::runtime::Handle,
        node: Option<NodeOptions>,
    ) -> Result<Arc<Self>> {
        let modules = web::PRELUDES.iter().copied().flatten().chain(host::PRELUDE);
        let prelude = CompiledPrelude::new(engine.as_ref(), modules)
            .map_err(|error| Error::internal("the prelude does not compile").with_source(error))?;
        let node = Node::new(node, limits.clone());
        Ok(Arc::new_cyclic(|runtime: &Weak<Self>| Self {
            isolates: Isolates { engine, prelude: Arc::new(prelude), limits, http, tasks },
            threads: Threads::new(runtime.clone()),
            hangs: Hangs::default(),
            node,
            current: Mutex::default(),
        }))
    }

    /// The engine, which compiles modules.
    pub fn engine(&self) -> &dyn Engine {
        self.isolates.engine.as_ref()
    }

    pub(super) fn isolates(&self) -> Isolates {
        self.isolates.clone()
    }

    pub(super) const fn limits(&self) -> &Arc<Limits> {
        &self.isolates.limits
    }

    pub(super) const fn threads(&self) -> &Threads {
        &self.threads
    }

    pub(super) const fn hangs(&self) -> &Hangs {
        &self.hangs
    }

    pub(super) const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(super) const fn tasks(&self) -> &tokio::runtime::Handle {
        &self.isolates.tasks
    }

    /// From now on isolates of these packages are made ready ahead of calls, and of no other.
    pub fn set_current(&self, packages: &[Arc<Package>]) {
        *self.current.lock() = packages.iter().map(Arc::downgrade).collect();
    }

    /// As [`JsRuntime::set_current`], if there is no such package yet.
    pub(super) fn set_first(&self, package: &Arc<Package>) {
        let mut current = self.current.lock();
        if current.iter().all(|package| package.strong_count() == 0) {
            *current = vec![Arc::downgrade(package)];
        }
    }

    /// Makes an isolate in which a module is loaded, on the calling thread.
    pub(super) fn load(&self, wanted: &Wanted, beginning: Beginning) -> Result<Ready, ScriptError> {
        self.isolates.load(wanted, beginning)
    }
}

impl Isolates {
    /// Makes an isolate in which nothing is loaded yet, on the calling thread.
    fn isolate(
        &self,
        package: &Arc<Package>,
        host: Box<dyn Host>,
        time: Duration,
        stop: Arc<StopSignal>,
        is_rewound: bool,
    ) -> Result<Box<dyn Isolate>, ScriptError> {
        self.engine.isolate(IsolateOptions {
            state: OpState {
                phase: Phase::Import,
                host,
                resources: Resources::default(),
                http: self.http.clone(),
            },
            modules: package.clone(),
            prelude: self.prelude.clone(),
            ops: op_tables(),
            memory_max: self.limits.isolate_memory_max,
            time,
            stop,
            tasks: self.tasks.clone(),
            is_rewound,
        })
    }

    /// Makes an isolate for loading modules, on the calling thread. With `is_rewound` it is to serve many calls.
    pub(super) fn importing(
        &self,
        package: &Arc<Package>,
        config: &UdfConfig,
        beginning: Beginning,
        is_rewound: bool,
    ) -> Result<(Box<dyn Isolate>, SharedReads), ScriptError> {
        let Beginning { variables, time, stop } = beginning;
        let (host, reads) = ImportHost::new(config, variables);
        Ok((self.isolate(package, Box::new(host), time, stop, is_rewound)?, reads))
    }

    /// Makes an isolate in which a module is loaded, on the calling thread.
    fn load(&self, wanted: &Wanted, beginning: Beginning) -> Result<Ready, ScriptError> {
        let config = wanted.package.udf_config();
        let (mut isolate, reads) = self.importing(&wanted.package, &config, beginning, true)?;
        let result =
            isolate.call("importModules", vec![OpValue::List(vec![OpValue::String(wanted.path.clone())])]);
        let reads = std::mem::take(&mut *reads.lock());
        wanted.package.remember(&wanted.path, &reads);
        result?;
        // Modules that depend on more than is known are loaded for every call.
        if !reads.all {
            isolate.mark();
        }
        Ok(Ready { wanted: wanted.clone(), config, isolate, reads })
    }
}

impl Prepare for JsRuntime {
    fn prepare(&self, wanted: &Wanted) -> Option<Ready> {
        let variables = Box::new(Remembered(wanted.package.remembered(&wanted.path)?));
        let (time, stop) = (self.limits().analysis_timeout, Arc::default());
        let ready = self.load(wanted, Beginning { variables, time, stop }).ok()?;
        (!ready.reads.all).then_some(ready)
    }

    fn is_current(&self, wanted: &Wanted) -> bool {
        self.current.lock().iter().any(|package| std::ptr::eq(package.as_ptr(), Arc::as_ptr(&wanted.package)))
    }
}

/// All ops that the prelude finds.
pub(super) fn op_tables() -> &'static [OpTable] {
    static TABLES: std::sync::OnceLock<Vec<OpTable>> = std::sync::OnceLock::new();
    TABLES.get_or_init(|| web::OP_TABLES.iter().copied().chain([host::OPS]).collect())
}

/// Environment variables in the form that loading takes.
pub(super) fn variables(environment: &BTreeMap<String, String>) -> Box<dyn Variables> {
    Box::new(environment.clone())
}
