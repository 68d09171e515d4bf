//! One call of a JavaScript function.
//!
//! A query or mutation runs on a thread of the runner's pool, which hands the call's execution to a thread for
//! JavaScript and waits. It gives up when the script should have been stopped long ago: then the engine is in a
//! loop of its own that does not look at the clock, and that thread is written off. Calls nested in a script wait
//! on its thread without a limit of their own: the outermost one has one for all.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use fusion_schema::{Object, Value, json};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::errors::{self, Bounds};
use super::hangs::Run;
use super::isolate::{ScriptError, StopSignal, Stopped};
use super::leftovers;
use super::op::OpValue;
use super::package::Package;
use super::pool::{Ready, Wanted, Worker};
use super::runtime::{Beginning, JsRuntime};
use super::state::{Host, Phase};
use super::syscalls::action::ActionHost;
use super::syscalls::import::Variables;
use super::syscalls::transaction::{Slot, TransactionHost};
use crate::clock::Moment;
use crate::function::context::ActionCore;
use crate::function::execution::Execution;
use crate::function::pool::while_waiting;
use crate::function::{FunctionKind, LogLevel};
use crate::{Error, Result};

/// How long a script may go on after it should have been stopped; on a busy machine time passes while it does not run.
const OVERDUE_MAX: Duration = Duration::from_millis(if cfg!(test) { 1_000 } else { 4_000 });
/// How long a script that was asked to stop may take to do so.
const STOP_GRACE: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 1_000 });
/// How long a call keeps its place in the runner's pool while its script runs. Most end before: to let others begin
/// meanwhile would only make them take turns on the same processors, each with a cold cache.
const KEEPS_ITS_PLACE: Duration = Duration::from_millis(5);
/// How often a waiting thread looks after the script.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

thread_local! {
    /// What stops the call that the thread runs a script for.
    static RUNNING: RefCell<Option<Arc<StopSignal>>> = const { RefCell::new(None) };
}

/// A function of a package.
#[derive(Clone)]
pub(super) struct JsFunction {
    pub(super) runtime: Arc<JsRuntime>,
    pub(super) package: Arc<Package>,
    /// The module's path with its extension.
    pub(super) module: String,
    /// The name under which the module exports it.
    pub(super) export: String,
}

/// Where the answer of a script arrives.
#[derive(Default)]
struct Answer {
    result: Mutex<Option<Result<Value, ScriptError>>>,
    arrived: Condvar,
}

impl Answer {
    fn give(&self, result: Result<Value, ScriptError>) {
        *self.result.lock() = Some(result);
        self.arrived.notify_one();
    }

    /// Waits for it for a while.
    fn wait(&self, duration: Duration) -> Option<Result<Value, ScriptError>> {
        let mut result = self.result.lock();
        if result.is_none() {
            self.arrived.wait_for(&mut result, duration);
        }
        result.take()
    }
}

/// Variables as the execution of a call sees them.
struct SlotVariables(Arc<Slot>);

impl Variables for SlotVariables {
    fn get(&mut self, name: &str) -> Result<Option<String>> {
        self.0.with(|execution| execution.env(name))
    }

    fn names(&mut self) -> Result<Vec<String>> {
        self.0.with(Execution::env_names)
    }
}

/// Variables as an action sees them.
pub(super) struct ActionVariables(pub(super) ActionCore);

impl Variables for ActionVariables {
    fn get(&mut self, name: &str) -> Result<Option<String>> {
        self.0.env(name)
    }

    fn names(&mut self) -> Result<Vec<String>> {
        self.0.env_names()
    }
}

/// A call on its way to an isolate.
pub(super) struct Job {
    pub(super) phase: Phase,
    /// The function of `internals` that calls.
    pub(super) driver: &'static str,
    pub(super) args: Vec<OpValue>,
    pub(super) time: Duration,
    pub(super) stop: Arc<StopSignal>,
}

impl JsFunction {
    pub(super) fn wanted(&self) -> Wanted {
        Wanted { package: self.package.clone(), path: self.module.clone() }
    }

    fn arguments(&self, args: Object) -> Vec<OpValue> {
        let args = json::encode(&Value::Array(vec![Value::Object(args)]));
        [self.module.clone(), self.export.clone(), args].map(OpValue::String).into()
    }

    /// A run of the function, to be given to a thread.
    pub(super) fn start_run(&self) -> Result<Run> {
        self.runtime.hangs().run(format!("{}:{}", self.module, self.export))
    }

    pub(super) fn stopper(&self, stop: &Arc<StopSignal>, run: &Run) -> Stopper {
        Stopper { stop: stop.clone(), run: run.clone(), tasks: self.runtime.tasks().clone() }
    }

    pub(super) fn bounds(&self, time: Duration) -> Bounds {
        Bounds { time, memory: self.runtime.limits().isolate_memory_max }
    }

    /// Runs it as part of a transaction.
    ///
    /// # Errors
    /// What the function throws, or that it broke a limit.
    pub(super) fn run(&self, execution: &mut Execution, kind: FunctionKind, args: Object) -> Result<Value> {
        let is_mutation = kind == FunctionKind::Mutation;
        let limits = self.runtime.limits();
        let run = self.start_run()?;
        let outer = RUNNING.with_borrow(Clone::clone);
        let stop = outer.clone().unwrap_or_default();
        let slot = Arc::new(Slot::new(execution.take(), stop.clone()));
        let answer = Arc::new(Answer::default());
        let job = Job {
            phase: if is_mutation { Phase::Mutation } else { Phase::Query },
            driver: if is_mutation { "invokeMutation" } else { "invokeQuery" },
            args: self.arguments(args),
            time: limits.function_timeout,
            stop: stop.clone(),
        };
        let (function, reply, lent) = (self.clone(), answer.clone(), slot.clone());
        let begun = run.clone();
        self.runtime.threads().run(Some(&self.wanted()), move |worker| {
            let running = begun.begin();
            let host = Box::new(TransactionHost::new(lent.clone(), kind));
            let mut still_good = |name: &str, value: &Option<String>| {
                lent.with(|execution| execution.env(name)).is_ok_and(|found| found == *value)
            };
            let ready =
                function.ready(worker, &mut still_good, Box::new(SlotVariables(lent.clone())), &job.stop);
            let result = ready.and_then(|ready| function.call(ready, host, job, &mut worker.used));
            let result = result
                .and_then(|text| json::decode(&text).map_err(|error| ScriptError::error(error.to_string())));
            reply.give(result);
            worker.is_over = running.end();
            worker.next = Some(function.wanted());
        })?;
        let waited = match answer.wait(KEEPS_ITS_PLACE) {
            Some(result) => Waited::Answer(result),
            None => while_waiting(|| match outer {
                Some(_) => Waited::Answer(wait_inside(&answer, &stop, &run)),
                None => self.watch(&answer, &stop, &run),
            }),
        };
        if let Some(lent) = slot.take() {
            *execution = lent;
        }
        if let Some(error) = slot.fatal() {
            return Err(error);
        }
        match waited {
            Waited::Answer(result) => result.map_err(|error| {
                errors::function_error(&self.package, error, self.bounds(limits.function_timeout))
            }),
            Waited::TooLong(limit) => Err(errors::timed_out(limit)),
        }
    }

    /// Waits for the answer of the outermost script.
    fn watch(&self, answer: &Answer, stop: &StopSignal, run: &Run) -> Waited {
        let limits = self.runtime.limits();
        let started = Moment::now();
        let limit = loop {
            if let Some(result) = answer.wait(WATCH_INTERVAL) {
                return Waited::Answer(result);
            }
            if stop.overdue() > OVERDUE_MAX {
                break limits.function_timeout;
            }
            if started.elapsed() > limits.function_system_timeout {
                break limits.function_system_timeout;
            }
        };
        stop.stop();
        match answer.wait(STOP_GRACE) {
            Some(Ok(value)) => Waited::Answer(Ok(value)),
            Some(Err(_)) => Waited::TooLong(limit),
            None => {
                run.give_up();
                Waited::TooLong(limit)
            }
        }
    }

    /// Runs it as an action.
    ///
    /// # Errors
    /// What the function throws, or that it broke a limit.
    pub(super) async fn run_action(self, core: ActionCore, args: Object) -> Result<Value> {
        let mut args = self.arguments(args);
        args.push(OpValue::String(core.request_id().to_string()));
        let name = format!("{}:{}", self.module.trim_end_matches(".js"), self.export);
        let host = ActionHost::new(core.clone(), name, self.runtime.tasks().clone());
        let text = self.clone().run_outside(core, host, Phase::Action, "invokeAction", args).await?;
        json::decode(&text).map_err(|error| {
            errors::function_error(
                &self.package,
                ScriptError::error(error.to_string()),
                self.bounds(Duration::ZERO),
            )
        })
    }

    /// Calls a function of `internals` outside of any transaction. Dropping the future stops the script.
    async fn run_outside(
        self,
        core: ActionCore,
        host: ActionHost,
        phase: Phase,
        driver: &'static str,
        args: Vec<OpValue>,
    ) -> Result<String> {
        let limits = self.runtime.limits().clone();
        let stop = Arc::new(StopSignal::default());
        let run = self.start_run()?;
        let stopper = self.stopper(&stop, &run);
        let (sender, receiver) = oneshot::channel();
        let job = Job { phase, driver, args, time: limits.action_timeout, stop: stop.clone() };
        let function = self.clone();
        self.runtime.threads().run(Some(&self.wanted()), move |worker| {
            let running = run.begin();
            let mut still_good =
                |name: &str, value: &Option<String>| core.env(name).is_ok_and(|found| found == *value);
            let variables = Box::new(ActionVariables(core.clone()));
            let ready = function.ready(worker, &mut still_good, variables, &job.stop);
            let result = ready.and_then(|ready| function.call(ready, Box::new(host), job, &mut worker.used));
            // The waiting side may be gone.
            let _ = sender.send(result);
            worker.is_over = running.end();
            worker.next = Some(function.wanted());
        })?;
        let result = stopper.wait(receiver).await;
        result
            .map_err(|error| errors::function_error(&self.package, error, self.bounds(limits.action_timeout)))
    }

    /// An isolate with the function's module loaded: one that is ready, or a new one.
    pub(super) fn ready(
        &self,
        worker: &mut Worker,
        still_good: &mut dyn FnMut(&str, &Option<String>) -> bool,
        variables: Box<dyn Variables>,
        stop: &Arc<StopSignal>,
    ) -> Result<Ready, ScriptError> {
        let wanted = self.wanted();
        if let Some(ready) = worker.ready.take().filter(|ready| ready.wanted.is(&wanted))
            && ready.reads.variables.iter().all(|(name, value)| still_good(name, value))
        {
            return Ok(ready);
        }
        let time = self.runtime.limits().analysis_timeout;
        self.runtime.load(&wanted, Beginning { variables, time, stop: stop.clone() })
    }

    /// Calls the function in an isolate; `used` gets the isolate: its end costs the answer no time.
    fn call(
        &self,
        ready: Ready,
        host: Box<dyn Host>,
        job: Job,
        used: &mut Option<Ready>,
    ) -> Result<String, ScriptError> {
        let Job { phase, driver, args, time, stop } = job;
        let ready = used.insert(ready);
        enter(ready, phase, host, time, &stop);
        let result = call_text(ready, driver, args, stop);
        self.report_leftovers(ready, phase, self.bounds(time));
        leave(ready);
        result
    }

    /// Tells in the function's log what a call left behind: promises that were rejected in vain, and in actions
    /// operations that it did not wait for.
    pub(super) fn report_leftovers(&self, ready: &mut Ready, phase: Phase, bounds: Bounds) {
        let mut lines = Vec::new();
        for error in ready.isolate.take_unhandled() {
            let error = errors::function_error(&self.package, error, bounds);
            let text = crate::function::outcome::describe(&error);
            let text = text.strip_prefix("Uncaught ").unwrap_or(&text);
            lines.push((LogLevel::Error, format!("Uncaught (in promise) {}", text.trim_end())));
        }
        if phase.is_action()
            && let Some(warning) = leftovers::unawaited(&ready.isolate.pending_ops())
        {
            lines.push((LogLevel::Warn, warning));
        }
        if !lines.is_empty() {
            ready.isolate.with_state(&mut |state| {
                for (level, line) in lines.drain(..) {
                    state.host.log(level, vec![line]);
                }
            });
        }
    }
}

/// Turns an isolate that was ready into that of a call.
pub(super) fn enter(
    ready: &mut Ready,
    phase: Phase,
    host: Box<dyn Host>,
    time: Duration,
    stop: &Arc<StopSignal>,
) {
    let mut host = Some(host);
    let Ready { isolate, reads, .. } = ready;
    isolate.with_state(&mut |state| {
        if let Some(mut host) = host.take() {
            for (level, messages) in &reads.logs {
                host.log(*level, messages.clone());
            }
            (state.phase, state.host) = (phase, host);
        }
    });
    ready.isolate.set_limits(time, stop.clone());
}

/// Calls a function of `internals` that gives text.
pub(super) fn call_text(
    ready: &mut Ready,
    driver: &str,
    args: Vec<OpValue>,
    stop: Arc<StopSignal>,
) -> Result<String, ScriptError> {
    let outer = RUNNING.replace(Some(stop));
    let result = ready.isolate.call(driver, args);
    RUNNING.set(outer);
    match result? {
        OpValue::String(text) => Ok(text),
        other => Err(ScriptError::error(format!("The function gave {other:?} instead of JSON text."))),
    }
}

/// Takes from an isolate what it held of its call.
pub(super) fn leave(ready: &mut Ready) {
    ready.isolate.with_state(&mut |state| state.host = Box::new(Ended));
}

/// Waits for the answer of a script on behalf of another one: as long as that may run, but not for a script that goes
/// on when both were asked to stop.
fn wait_inside(answer: &Answer, stop: &StopSignal, run: &Run) -> Result<Value, ScriptError> {
    loop {
        if let Some(result) = answer.wait(WATCH_INTERVAL) {
            return result;
        }
        if stop.is_asked() {
            // Less than the one outside gets.
            if let Some(result) = answer.wait(STOP_GRACE / 2) {
                return result;
            }
            run.give_up();
            return Err(ScriptError::Stopped(Stopped::Asked));
        }
    }
}

/// How waiting for a script ended.
enum Waited {
    Answer(Result<Value, ScriptError>),
    TooLong(Duration),
}

/// Stops a script when nobody waits for it any more.
pub(super) struct Stopper {
    stop: Arc<StopSignal>,
    run: Run,
    tasks: tokio::runtime::Handle,
}

impl Stopper {
    /// Waits for the answer of a script outside of transactions, unless it should have been stopped long ago.
    pub(super) async fn wait<T>(
        &self,
        mut answer: oneshot::Receiver<Result<T, ScriptError>>,
    ) -> Result<T, ScriptError> {
        loop {
            match tokio::time::timeout(WATCH_INTERVAL, &mut answer).await {
                Ok(answer) => return answer.unwrap_or(Err(ScriptError::Stopped(Stopped::Asked))),
                Err(_) if self.stop.overdue() > OVERDUE_MAX => {
                    return Err(ScriptError::Stopped(Stopped::OutOfTime));
                }
                Err(_) => {}
            }
        }
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop.stop();
        let run = self.run.clone();
        if !run.has_ended() {
            self.tasks.spawn(async move {
                tokio::time::sleep(STOP_GRACE).await;
                run.give_up();
            });
        }
    }
}

/// What an isolate can reach when its call has ended: nothing.
struct Ended;

impl Host for Ended {
    fn now_ms(&mut self) -> f64 {
        0.0
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    fn env(&mut self, _name: &str) -> Result<Option<String>> {
        Err(Error::internal("the call has ended"))
    }

    fn env_names(&mut self) -> Result<Vec<String>> {
        Err(Error::internal("the call has ended"))
    }

    fn log(&mut self, _level: LogLevel, _messages: Vec<String>) {}
}
