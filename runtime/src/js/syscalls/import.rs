//! [`ImportHost`]: what modules can reach while they are loaded: a fixed time, fixed randomness, and environment
//! variables, whose reads are noted because what a module made of them is only good while they stay as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::function::LogLevel;
use crate::function::randomness::Randomness;
use crate::js::package::UdfConfig;
use crate::js::state::Host;
use crate::{Error, Result};

/// Where environment variables come from while modules are loaded.
pub(in crate::js) trait Variables: Send {
    /// A variable.
    fn get(&mut self, name: &str) -> Result<Option<String>>;
    /// The names of all.
    fn names(&mut self) -> Result<Vec<String>>;
}

impl Variables for BTreeMap<String, String> {
    fn get(&mut self, name: &str) -> Result<Option<String>> {
        Ok(Self::get(self, name).cloned())
    }

    fn names(&mut self) -> Result<Vec<String>> {
        Ok(self.keys().cloned().collect())
    }
}

/// Variables with their values, `None` for those that are not set.
pub(in crate::js) type KnownVariables = BTreeMap<String, Option<String>>;

/// What is known of variables from former loads: enough to load the same modules ahead of time.
pub(in crate::js) struct Remembered(pub(in crate::js) KnownVariables);

impl Variables for Remembered {
    fn get(&mut self, name: &str) -> Result<Option<String>> {
        self.0.get(name).cloned().ok_or_else(|| Error::internal("this variable was not read before"))
    }

    fn names(&mut self) -> Result<Vec<String>> {
        Err(Error::internal("the names of variables are not remembered"))
    }
}

/// What modules read of the environment while they were loaded.
#[derive(Debug, Default)]
pub(in crate::js) struct Reads {
    pub(in crate::js) variables: KnownVariables,
    /// Whether they listed the variables, or reading failed: then they cannot be loaded ahead of time.
    pub(in crate::js) all: bool,
    /// What they printed.
    pub(in crate::js) logs: Vec<(LogLevel, Vec<String>)>,
}

/// What is being read, shared between the isolate and whoever loads.
pub(in crate::js) type SharedReads = Arc<Mutex<Reads>>;

/// See the module's documentation.
pub(in crate::js) struct ImportHost {
    now_ms: f64,
    random: Randomness,
    variables: Box<dyn Variables>,
    reads: SharedReads,
}

impl ImportHost {
    pub(in crate::js) fn new(config: &UdfConfig, variables: Box<dyn Variables>) -> (Self, SharedReads) {
        let reads = Arc::default();
        let host = Self {
            now_ms: config.import_phase_unix_ms,
            random: Randomness::from_seed(config.import_phase_rng_seed),
            variables,
            reads: Arc::clone(&reads),
        };
        (host, reads)
    }
}

impl Host for ImportHost {
    fn now_ms(&mut self) -> f64 {
        self.now_ms
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    fn env(&mut self, name: &str) -> Result<Option<String>> {
        let value = self.variables.get(name);
        let mut reads = self.reads.lock();
        match &value {
            Ok(value) => drop(reads.variables.insert(name.to_owned(), value.clone())),
            Err(_) => reads.all = true,
        }
        value
    }

    fn env_names(&mut self) -> Result<Vec<String>> {
        self.reads.lock().all = true;
        self.variables.names()
    }

    fn log(&mut self, level: LogLevel, messages: Vec<String>) {
        self.reads.lock().logs.push((level, messages));
    }
}
