//! Runs a piece of JavaScript by itself, to try the prelude out.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::isolate::{Bytecode, Engine, IsolateOptions, Modules, Positions, ScriptError, StopSignal};
use super::op::OpValue;
use super::pool::STACK_SIZE;
use super::prelude::{CompiledPrelude, names_its_globals};
use super::quickjs::QuickJs;
use super::state::{Host, OpState, Phase, Resources};
use super::{host, web};
use crate::clock::{Clock, SystemClock, fill_random};
use crate::function::LogLevel;
use crate::function::randomness::Randomness;
use crate::{Error, Result};

/// The time that queries, mutations and imports see, in milliseconds since the epoch.
pub const FROZEN_MS: f64 = 1_700_000_000_000.0;

/// A printed line: its level and its formatted arguments.
pub type LogEntry = (LogLevel, Vec<String>);

/// What a piece of JavaScript gave.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The JSON text of the default export.
    pub result: std::result::Result<String, ScriptError>,
    /// What was printed.
    pub log: Vec<LogEntry>,
    /// Memory in use at the end, in bytes.
    pub memory_used: usize,
}

/// Runs an ES module and gives the JSON text of its default export, awaited (`undefined` as `"undefined"`).
///
/// # Errors
/// What the module throws, with its stack.
pub fn eval(phase: Phase, source: &str) -> Result<String> {
    eval_with(phase, source, &BTreeMap::new()).result.map_err(|error| Error::function(error.to_string()))
}

/// Like [`eval`], with environment variables, giving what was printed too.
pub fn eval_with(phase: Phase, source: &str, environment: &BTreeMap<String, String>) -> Evaluation {
    let log = Arc::new(Mutex::new(Vec::new()));
    let host = TestHost {
        phase,
        environment: environment.clone(),
        random: Randomness::from_seed([7; 32]),
        log: log.clone(),
    };
    // What runs scripts in earnest has such a stack, too.
    let evaluated = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
        let running = thread.spawn_scoped(scope, || run(phase, source, host));
        let gone = || ScriptError::error("The script's thread could not be started, or panicked.");
        running.map_err(|_| gone())?.join().map_err(|_| gone())?
    });
    let (result, memory_used) = match evaluated {
        Ok((result, memory_used)) => (Ok(result), memory_used),
        Err(error) => (Err(error), 0),
    };
    Evaluation { result, log: std::mem::take(&mut log.lock()), memory_used }
}

fn run(phase: Phase, source: &str, host: TestHost) -> std::result::Result<(String, usize), ScriptError> {
    const PATH: &str = "test.js";
    let engine = QuickJs;
    let module = engine.compile(PATH, source, Positions::Kept)?.bytecode;
    let mut isolate = engine.isolate(IsolateOptions {
        state: state(phase, host)?,
        modules: Arc::new(One { path: PATH, source: source.to_owned(), module }),
        prelude: prelude()?,
        ops: super::runtime::op_tables(),
        memory_max: 64 << 20,
        time: Duration::from_secs(10),
        stop: Arc::new(StopSignal::default()),
        tasks: tasks(),
        is_rewound: true,
    })?;
    let result = isolate.call("evaluate", vec![OpValue::String(PATH.to_owned())])?;
    match result {
        OpValue::String(text) => Ok((text, isolate.memory_used())),
        other => Err(ScriptError::error(format!("The evaluation gave {other:?}."))),
    }
}

fn state(phase: Phase, host: TestHost) -> std::result::Result<OpState, ScriptError> {
    static CLIENT: OnceLock<Result<reqwest::Client>> = OnceLock::new();
    let http = CLIENT.get_or_init(web::fetch::client).clone();
    let http = http.map_err(|error| ScriptError::error(error.message()))?;
    Ok(OpState { phase, host: Box::new(host), resources: Resources::default(), http })
}

/// What ops see in a test of their own.
#[cfg(test)]
pub(super) fn op_state(phase: Phase) -> std::result::Result<OpState, ScriptError> {
    let random = Randomness::from_seed([7; 32]);
    state(phase, TestHost { phase, environment: BTreeMap::new(), random, log: Arc::default() })
}

/// The prelude, compiled once per process.
///
/// # Errors
/// A syntax error in it.
pub fn prelude() -> std::result::Result<Arc<CompiledPrelude>, ScriptError> {
    static PRELUDE: OnceLock<std::result::Result<Arc<CompiledPrelude>, ScriptError>> = OnceLock::new();
    PRELUDE
        .get_or_init(|| {
            let modules = web::PRELUDES.iter().copied().flatten().chain(host::PRELUDE);
            CompiledPrelude::new(&QuickJs, modules).map(Arc::new)
        })
        .clone()
}

pub(super) fn tasks() -> tokio::runtime::Handle {
    static TASKS: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    TASKS
        .get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap_or_else(|error| unreachable!("no threads: {error}"))
        })
        .handle()
        .clone()
}

struct One {
    path: &'static str,
    source: String,
    module: Bytecode,
}

impl Modules for One {
    fn bytecode(&self, path: &str) -> Option<&Bytecode> {
        (path == self.path).then_some(&self.module)
    }

    fn lazy_globals(&self, prelude: &CompiledPrelude) -> Arc<[&'static str]> {
        prelude.lazy_globals(|name| !names_its_globals(&self.source) || self.source.contains(name))
    }
}

struct TestHost {
    phase: Phase,
    environment: BTreeMap<String, String>,
    random: Randomness,
    log: Arc<Mutex<Vec<LogEntry>>>,
}

impl Host for TestHost {
    fn now_ms(&mut self) -> f64 {
        if self.phase.is_action() { SystemClock.unix_ms().floor() } else { FROZEN_MS }
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        if self.phase.is_action() { fill_random(bytes) } else { self.random.fill(bytes) }
    }

    fn env(&mut self, name: &str) -> Result<Option<String>> {
        Ok(self.environment.get(name).cloned())
    }

    fn env_names(&mut self) -> Result<Vec<String>> {
        Ok(self.environment.keys().cloned().collect())
    }

    fn log(&mut self, level: LogLevel, messages: Vec<String>) {
        self.log.lock().push((level, messages));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_export_is_awaited() {
        assert_eq!(
            eval(Phase::Query, "export default { a: [1, 'x', null] }").unwrap(),
            r#"{"a":[1,"x",null]}"#
        );
        assert_eq!(eval(Phase::Action, "export default Promise.resolve().then(() => 7)").unwrap(), "7");
        assert_eq!(eval(Phase::Action, "const x = await 3; export default x").unwrap(), "3");
        assert_eq!(eval(Phase::Import, "export default undefined").unwrap(), "undefined");
    }

    #[test]
    fn errors_tell_what_and_where() {
        let error =
            eval(Phase::Query, "\nfunction f() {\n  throw new TypeError('no');\n}\nf();").unwrap_err();
        assert!(error.message().starts_with("TypeError: no\n    at f (test.js:3:"), "{error}");
        let error = eval(Phase::Query, "let x = 1;\nlet x = 2;").unwrap_err();
        assert!(error.message().contains("SyntaxError") && error.message().contains("test.js:2"), "{error}");
    }
}
