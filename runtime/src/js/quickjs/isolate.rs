//! [`QuickJsIsolate`]: a runtime with one context, and its event loop.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rquickjs::convert::List;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Function, Module, Object, Promise, Runtime, Value};
use slab::Slab;

use super::engine::{self, STACK_MAX};
use super::modules::{ABSOLUTE, PackageLoader, PathResolver};
use super::ops::{Originals, Shared, Watch, bind};
use super::promises::{self, Promises};
use super::rejections::Rejections;
use super::thrown;
use super::values::{from_js, to_js};
use crate::js::isolate::{Inbox, Isolate, IsolateOptions, ScriptError, StopSignal, Stopped};
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::prelude::CompiledModule;
use crate::js::state::OpState;

/// Bytes in use before the engine first looks for cycles of garbage. Its own 256 kB is what a small application's
/// modules take, so that every isolate would look, in vain, while they are loaded: a tenth of what loading costs.
const GC_THRESHOLD: usize = 8 << 20;

pub(super) struct QuickJsIsolate {
    runtime: Runtime,
    context: Context,
    shared: Rc<Shared>,
}

impl QuickJsIsolate {
    pub(super) fn new(options: IsolateOptions) -> Result<Self, ScriptError> {
        let IsolateOptions { state, modules, prelude, ops, memory_max, time, stop, tasks } = options;
        let no_memory = |_| ScriptError::Stopped(Stopped::OutOfMemory);
        let runtime = Runtime::new().map_err(no_memory)?;
        runtime.set_memory_limit(memory_max);
        runtime.set_max_stack_size(STACK_MAX);
        runtime.set_gc_threshold(GC_THRESHOLD);
        let lazy_globals = modules.lazy_globals(&prelude);
        runtime.set_loader(PathResolver, PackageLoader { modules });
        let inbox = Arc::new(Inbox::default());
        stop.attach(&inbox);
        let shared = Rc::new(Shared {
            state: RefCell::new(state),
            watch: Watch::new(time, stop),
            inbox,
            pending: RefCell::new(Slab::new()),
            rejections: Rejections::default(),
            promises: Promises::default(),
            tasks,
            futures: RefCell::new(tokio::task::JoinSet::new()),
            originals: RefCell::new(None),
            loaded: RefCell::new(vec![false; prelude.modules.len()]),
            prelude,
            tables: ops,
        });
        let watched = shared.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || watched.watch.is_over())));
        let rejecting = shared.clone();
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |ctx, promise, reason, is_handled| {
                rejecting.rejections.note(&ctx, promise, reason, is_handled);
            },
        )));
        if promises::are_wanted(&lazy_globals) {
            promises::watch(&runtime, &shared);
        }
        let context = Context::full(&runtime).map_err(no_memory)?;
        let isolate = Self { runtime, context, shared };
        isolate.shared.watch.run();
        let started = isolate.context.with(|ctx| {
            start(&ctx, &isolate.shared, &lazy_globals).map_err(|error| thrown::script_error(&ctx, error))
        });
        isolate.shared.watch.pause();
        started?;
        Ok(isolate)
    }

    fn run<'js>(&self, ctx: &Ctx<'js>, function: &str, args: Vec<OpValue>) -> Result<OpValue, ScriptError> {
        let failed = |error| thrown::script_error(ctx, error);
        let called = || -> rquickjs::Result<Value<'js>> {
            let internals = self.internals(ctx)?;
            let function: Function<'js> = internals.get(function)?;
            let mut call = rquickjs::function::Args::new(ctx.clone(), args.len());
            call.push_args(
                args.into_iter().map(|arg| to_js(ctx, arg)).collect::<rquickjs::Result<Vec<_>>>()?,
            )?;
            function.call_arg(call)
        };
        let value = called().map_err(failed)?;
        let value = match value.as_promise() {
            None => value,
            Some(promise) => {
                let mut arrived = Vec::new();
                loop {
                    self.run_jobs(ctx)?;
                    match promise.state() {
                        PromiseState::Pending => {}
                        state => {
                            if matches!(state, PromiseState::Rejected) {
                                self.shared.rejections.forget(ctx, &value);
                            }
                            break promise
                                .result::<Value<'js>>()
                                .unwrap_or(Ok(value.clone()))
                                .map_err(failed)?;
                        }
                    }
                    self.wait(ctx, &mut arrived)?;
                }
            }
        };
        let is_view = self.is_view(ctx).map_err(failed)?;
        from_js(&value, &is_view).map_err(|OpError { message, .. }| ScriptError::error(message))
    }

    /// Runs what promises have queued.
    fn run_jobs(&self, ctx: &Ctx<'_>) -> Result<(), ScriptError> {
        loop {
            let more = ctx.execute_pending_job();
            if let Some(stopped) = self.shared.watch.stopped() {
                return Err(ScriptError::Stopped(stopped));
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Settles promises of ops, and waits for the first of them.
    fn wait(&self, ctx: &Ctx<'_>, arrived: &mut Vec<(usize, OpResult)>) -> Result<(), ScriptError> {
        let shared = &self.shared;
        shared.inbox.take(arrived);
        while arrived.is_empty() {
            if shared.pending.borrow().is_empty() {
                return Err(ScriptError::Stopped(Stopped::NeverSettles));
            }
            shared.watch.pause();
            shared.inbox.wait(arrived, None);
            shared.watch.run();
            if shared.watch.is_over() {
                return Err(ScriptError::Stopped(shared.watch.stopped().unwrap_or(Stopped::Asked)));
            }
        }
        for (number, result) in arrived.drain(..) {
            shared.settle(ctx, number, result).map_err(|error| thrown::script_error(ctx, error))?;
            self.run_jobs(ctx)?;
        }
        Ok(())
    }

    fn internals<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        let internals = {
            let originals = self.shared.originals.borrow();
            originals.as_ref().ok_or(rquickjs::Error::Unknown)?.internals.clone()
        };
        internals.restore(ctx)
    }

    fn is_view<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Function<'js>> {
        let is_view = {
            let originals = self.shared.originals.borrow();
            originals.as_ref().ok_or(rquickjs::Error::Unknown)?.is_view.clone()
        };
        is_view.restore(ctx)
    }
}

impl Isolate for QuickJsIsolate {
    fn call(&mut self, function: &str, args: Vec<OpValue>) -> Result<OpValue, ScriptError> {
        self.shared.watch.run();
        let result = self.context.with(|ctx| self.run(&ctx, function, args));
        self.shared.watch.pause();
        match self.shared.watch.stopped() {
            Some(stopped) => Err(ScriptError::Stopped(stopped)),
            None => result,
        }
    }

    fn with_state(&mut self, change: &mut dyn FnMut(&mut OpState)) {
        change(&mut self.shared.state.borrow_mut());
    }

    fn set_limits(&mut self, time: Duration, stop: Arc<StopSignal>) {
        stop.attach(&self.shared.inbox);
        self.shared.watch.set(time, stop);
    }

    fn take_unhandled(&mut self) -> Vec<ScriptError> {
        if self.shared.watch.stopped().is_some() {
            return Vec::new();
        }
        // What was thrown may have a message that takes running code to read.
        self.shared.watch.run();
        let unhandled = self.context.with(|ctx| self.shared.rejections.take(&ctx));
        self.shared.watch.pause();
        unhandled
    }

    fn pending_ops(&self) -> Vec<String> {
        self.shared.pending.borrow().iter().map(|(_, pending)| pending.name.to_string()).collect()
    }

    fn memory_used(&self) -> usize {
        usize::try_from(self.runtime.memory_usage().malloc_size).unwrap_or(0)
    }
}

impl Drop for QuickJsIsolate {
    fn drop(&mut self) {
        self.context.with(|_ctx| self.shared.clear());
        // The handlers keep what they watch.
        self.runtime.set_interrupt_handler(None);
        self.runtime.set_host_promise_rejection_tracker(None);
        self.runtime.set_promise_hook(None);
    }
}

/// Makes `internals` and runs the eager part of the prelude.
fn start<'js>(ctx: &Ctx<'js>, shared: &Rc<Shared>, lazy_globals: &[&'static str]) -> rquickjs::Result<()> {
    let internals = Object::new(ctx.clone())?;
    let ops = Object::new(ctx.clone())?;
    *shared.originals.borrow_mut() = Some(Originals::new(ctx, &internals, &ops)?);
    let import = |ctx: Ctx<'js>, path: String| Module::import(&ctx, format!("{ABSOLUTE}{path}"));
    internals.set("importModule", Function::new(ctx.clone(), import)?)?;
    let loader = shared.clone();
    let load = move |ctx: Ctx<'js>, name: String| {
        let place = loader.prelude.modules.iter().position(|compiled| compiled.module.name == name);
        place.map_or(Ok(()), |place| load(&ctx, &loader, place))
    };
    internals.set("lazyGlobals", lazy_globals.to_vec())?;
    if promises::are_wanted(lazy_globals) {
        internals.set("watchPromises", promises::watcher(ctx, shared)?)?;
    }
    internals.set("load", Function::new(ctx.clone(), load)?)?;
    internals.set("promiseState", Function::new(ctx.clone(), promise_state)?)?;
    for (place, compiled) in shared.prelude.modules.iter().enumerate() {
        if compiled.module.eager {
            self::load(ctx, shared, place)?;
        }
    }
    Ok(())
}

/// `[state, result]` of a promise: what `console.log` shows of it.
fn promise_state<'js>(
    ctx: Ctx<'js>,
    promise: Promise<'js>,
) -> rquickjs::Result<List<(&'static str, Value<'js>)>> {
    let undefined = Value::new_undefined(ctx.clone());
    Ok(List(match promise.state() {
        PromiseState::Pending => ("pending", undefined),
        PromiseState::Resolved => ("fulfilled", promise.result().unwrap_or(Ok(undefined))?),
        PromiseState::Rejected => {
            // Gives the reason by throwing it.
            let _thrown = promise.result::<Value<'js>>();
            ("rejected", ctx.catch())
        }
    }))
}

/// Runs a module of the prelude, unless it has run.
fn load<'js>(ctx: &Ctx<'js>, shared: &Rc<Shared>, place: usize) -> rquickjs::Result<()> {
    match shared.loaded.borrow_mut().get_mut(place) {
        Some(loaded) if !*loaded => *loaded = true,
        _ => return Ok(()),
    }
    let CompiledModule { bytecode, ops: names, .. } = &shared.prelude.modules[place];
    let (module, promise) = engine::load(ctx, bytecode)?.eval()?;
    promise.finish::<()>()?;
    let body: Function<'js> = module.get("default")?;
    let (internals, ops) = {
        let originals = shared.originals.borrow();
        let originals = originals.as_ref().ok_or(rquickjs::Error::Unknown)?;
        (originals.internals.clone(), originals.ops.clone())
    };
    let ops = ops.restore(ctx)?;
    bind(ctx, shared, &ops, names.as_deref())?;
    body.call((ctx.globals(), ops, internals.restore(ctx)?))
}
