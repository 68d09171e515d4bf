//! [`Node`]: the processes of a server, and which of them runs a call.
//!
//! A call goes to a process that has nothing to do; else to the least busy one that answers at once, while another
//! is started for those who come next. One that does not answer computes: nobody is sent there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::NodeOptions;
use super::bundle::{Bundle, Bundles, hex};
use super::child::Start;
use super::packages;
use super::process::{CallInside, Process};
use super::program::{Program, unavailable};
use crate::clock::Moment;
use crate::js::package::Package;
use crate::limits::{FUNCTION_QUEUE_WAIT_MAX, Limits};
use crate::{Error, Result};

/// How long a process with nothing to do is kept.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// How often processes are looked after.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// What a process may hold beyond twice its heap: itself, and its code.
const MEMORY_BESIDE: usize = 128 << 20;
/// How long a process that runs other calls may take to answer before it counts as computing.
const ANSWER_MAX: Duration = Duration::from_millis(100);
/// How many calls a process has before another one is started.
const SHARED_BY_MAX: usize = 4;

/// Variables of a deployment.
pub(super) type Variables = Arc<BTreeMap<String, String>>;

/// See the module's documentation.
pub(in crate::js) struct Node {
    options: Option<NodeOptions>,
    limits: Arc<Limits>,
    program: Mutex<Option<Arc<Program>>>,
    bundles: Bundles,
    processes: Mutex<Vec<Arc<Process>>>,
    /// Processes that are being started.
    starting: AtomicUsize,
    /// One installation at a time: the next one finds what it wants.
    installing: tokio::sync::Mutex<()>,
    places: Arc<Semaphore>,
    is_looked_after: AtomicBool,
    this: Weak<Self>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.processes.get_mut().iter().for_each(|process| process.kill());
    }
}

impl Node {
    /// No process runs before the first call.
    pub(in crate::js) fn new(options: Option<NodeOptions>, limits: Arc<Limits>) -> Arc<Self> {
        let folder = options.as_ref().map_or_else(PathBuf::new, |options| options.folder.clone());
        // Modules find each other by URLs, which are absolute.
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let options = options.map(|options| NodeOptions { folder: folder.clone(), ..options });
        Arc::new_cyclic(|this| Self {
            options,
            program: Mutex::default(),
            bundles: Bundles::new(folder),
            processes: Mutex::default(),
            starting: AtomicUsize::new(0),
            installing: tokio::sync::Mutex::default(),
            places: Arc::new(Semaphore::new(limits.concurrent_node_actions_max)),
            is_looked_after: AtomicBool::new(false),
            limits,
            this: this.clone(),
        })
    }

    pub(super) const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    fn options(&self) -> Result<&NodeOptions> {
        self.options.as_ref().ok_or_else(|| {
            unavailable("This server runs no Node actions. Start it with `fusion serve`.".to_owned())
        })
    }

    /// The machine's Node.js, looked for until it is found.
    ///
    /// # Errors
    /// What to install.
    pub(super) async fn program(&self) -> Result<Arc<Program>> {
        if let Some(program) = self.program.lock().clone() {
            return Ok(program);
        }
        let options = self.options()?.clone();
        let found = Arc::new(blocking(move || Program::find(&options)).await?);
        *self.program.lock() = Some(found.clone());
        Ok(found)
    }

    /// A package's modules and what they import, on disk.
    ///
    /// # Errors
    /// If there is no Node.js, npm cannot install what is missing, or the disk is full.
    pub(super) async fn bundle(self: &Arc<Self>, package: &Arc<Package>) -> Result<Arc<Bundle>> {
        let write = async || {
            let program = self.program().await?;
            let options = self.options()?.clone();
            let config = package.udf_config();
            let installing = self.installing.lock().await;
            let installed =
                blocking(move || packages::install(&program, &options, &config.node_dependencies)).await?;
            drop(installing);
            let (node, package) = (self.clone(), package.clone());
            blocking(move || node.bundles.write(&package, installed.as_deref())).await
        };
        package.node_bundle().get_or_try_init(write).await.cloned()
    }

    /// The right to run one of the actions that clients call at once.
    ///
    /// # Errors
    /// If it takes too long.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit> {
        match tokio::time::timeout(FUNCTION_QUEUE_WAIT_MAX, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Error::overloaded(
                "TooManyConcurrentRequests",
                format!(
                    "Too many concurrent requests. Your backend is limited to {} concurrent Node actions. Try again later.",
                    self.limits.concurrent_node_actions_max
                ),
            )),
        }
    }

    /// A place in a process for a call.
    ///
    /// # Errors
    /// If there is no Node.js, or every process computes and there may be no more.
    pub(super) async fn enter(
        self: &Arc<Self>,
        bundle: &Arc<Bundle>,
        variables: &Variables,
    ) -> Result<CallInside> {
        let key = key(bundle, variables);
        let began = Moment::now();
        loop {
            let mut found = self.suitable(&key);
            found.sort_by_key(|process| process.load());
            let is_crowded = found.iter().all(|process| process.load() >= SHARED_BY_MAX);
            for process in &found {
                if process.load() == 0 || process.answers(ANSWER_MAX).await {
                    if is_crowded {
                        self.start_another(bundle, variables, &key);
                    }
                    if let Some(call) = process.enter() {
                        return Ok(call);
                    }
                }
            }
            if let Some(right) = self.right_to_start() {
                let process = self.start(right, bundle, variables, key.clone()).await?;
                if let Some(call) = process.enter() {
                    return Ok(call);
                }
            } else if began.elapsed() > FUNCTION_QUEUE_WAIT_MAX {
                return Err(Error::overloaded(
                    "TooManyConcurrentRequests",
                    format!(
                        "Too many concurrent requests. All {} Node.js processes are busy. Try again later.",
                        self.limits.node_processes_max
                    ),
                ));
            } else {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// The processes that can run calls of this kind.
    fn suitable(&self, key: &str) -> Vec<Arc<Process>> {
        let mut processes = self.processes.lock();
        processes.retain(|process| !process.has_ended());
        processes.iter().filter(|process| process.key == key && process.takes_calls()).cloned().collect()
    }

    /// The right to start a process: there may be that many, and idle ones of others make room.
    fn right_to_start(&self) -> Option<Starting> {
        let processes = self.processes.lock();
        let living = processes.iter().filter(|process| process.takes_calls()).count();
        if living + self.starting.load(Ordering::Relaxed) >= self.limits.node_processes_max {
            // Those for other modules or variables: for these ones there is none that is idle.
            let idle = processes.iter().filter(|process| process.load() == 0 && process.takes_calls());
            idle.max_by_key(|process| process.idle())?.retire();
        }
        self.starting.fetch_add(1, Ordering::Relaxed);
        Some(Starting(self.this.clone()))
    }

    async fn start(
        self: &Arc<Self>,
        right: Starting,
        bundle: &Arc<Bundle>,
        variables: &Variables,
        key: String,
    ) -> Result<Arc<Process>> {
        let program = self.program().await?;
        let start = Start {
            program: &program,
            options: self.options()?,
            executor: self.bundles.executor(),
            work: self.bundles.work(),
            bundle: bundle.clone(),
            variables: variables.clone(),
            memory_max: self.limits.node_memory_max,
        };
        let began = Moment::now();
        let process = Process::start(start, key).await?;
        tracing::debug!(process = process.id, elapsed = ?began.elapsed(), "a Node.js process was started");
        self.processes.lock().push(process.clone());
        drop(right);
        self.look_after();
        Ok(process)
    }

    /// Starts a process for calls to come, unless there are enough.
    fn start_another(self: &Arc<Self>, bundle: &Arc<Bundle>, variables: &Variables, key: &str) {
        if self.starting.load(Ordering::Relaxed) > 0 {
            return;
        }
        let living = self.processes.lock().iter().filter(|process| process.takes_calls()).count();
        if living >= self.limits.node_processes_max {
            return;
        }
        let Some(right) = self.right_to_start() else { return };
        let (node, bundle, variables, key) =
            (self.clone(), bundle.clone(), variables.clone(), key.to_owned());
        tokio::spawn(async move {
            if let Err(error) = node.start(right, &bundle, &variables, key).await {
                tracing::warn!(%error, "another Node.js process could not be started");
            }
        });
    }

    /// Ends processes that have had nothing to do for long, from now on.
    fn look_after(self: &Arc<Self>) {
        if self.is_looked_after.swap(true, Ordering::Relaxed) {
            return;
        }
        let node = self.this.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_INTERVAL).await;
                let Some(node) = node.upgrade() else { return };
                node.end_idle(IDLE_MAX);
                node.check_memory();
            }
        });
    }

    /// Ends processes that hold too much. Without what the system tells of them only their heaps are bounded.
    fn check_memory(&self) {
        let most = self.limits.node_memory_max.saturating_mul(2).saturating_add(MEMORY_BESIDE);
        let processes: Vec<_> =
            self.processes.lock().iter().filter(|process| process.load() > 0).cloned().collect();
        processes.iter().for_each(|process| process.check_memory(most));
    }

    pub(super) fn end_idle(&self, idle_max: Duration) {
        let mut processes = self.processes.lock();
        processes.retain(|process| !process.has_ended());
        for process in processes.iter().filter(|process| process.idle().is_some_and(|idle| idle >= idle_max))
        {
            process.retire();
        }
    }

    /// The processes that live, by their ids.
    #[cfg(test)]
    pub(super) fn ids(&self) -> Vec<u32> {
        self.processes
            .lock()
            .iter()
            .filter(|process| process.takes_calls())
            .map(|process| process.id)
            .collect()
    }
}

/// Counts a process that is being started.
struct Starting(Weak<Node>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(node) = self.0.upgrade() {
            node.starting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Tells which calls a process can run.
fn key(bundle: &Bundle, variables: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for part in variables.iter().flat_map(|(name, value)| [name, value]) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    format!("{} {}", bundle.hash, hex(&hasher.finalize()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("preparing Node.js ended early").with_source(error))?
}
