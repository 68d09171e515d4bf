//! [`QuickJsIsolate`]: a runtime with one context, and its event loop.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rquickjs::convert::List;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Function, Module, Object, Promise, Runtime, Value};
use slab::Slab;

use super::engine::{self, STACK_MAX};
use super::heap::{self, Heap, HeapAllocator, Image};
use super::modules::{ABSOLUTE, PackageLoader, PathResolver};
use super::ops::{Originals, Shared, Watch, bind};
use super::promises;
use super::rejections::Rejections;
use super::thrown;
use super::values::{from_js, to_js};
use super::wasm::{self, Wasm};
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
    /// Where its memory is, if it can be put back.
    heap: Option<Rc<Heap>>,
    mark: Option<Mark>,
}

/// What an isolate was when it was marked.
struct Mark {
    image: Image,
    loaded: Vec<bool>,
    /// Whether the heap's memory was given back.
    is_resting: Cell<bool>,
}

impl QuickJsIsolate {
    pub(super) fn new(options: IsolateOptions) -> Result<Self, ScriptError> {
        let IsolateOptions { state, modules, prelude, ops, memory_max, time, stop, tasks, is_rewound } =
            options;
        let no_memory = |_| ScriptError::Stopped(Stopped::OutOfMemory);
        let heap = if is_rewound && memory_max <= heap::MEMORY_MAX { Heap::new() } else { None };
        let runtime = match &heap {
            Some(heap) => Runtime::new_with_alloc(HeapAllocator(heap.clone())),
            None => Runtime::new(),
        };
        let runtime = runtime.map_err(no_memory)?;
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
            inbox: RefCell::new(inbox),
            pending: RefCell::new(Slab::new()),
            rejections: Rejections::default(),
            tasks,
            futures: RefCell::new(tokio::task::JoinSet::new()),
            originals: RefCell::new(None),
            functions: RefCell::default(),
            loaded: RefCell::new(vec![false; prelude.modules.len()]),
            prelude,
            wasm: Wasm::new(memory_max),
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
        let isolate = Self { runtime, context, shared, heap, mark: None };
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
        // No other inbox takes its place during a call.
        let inbox = shared.inbox.borrow().clone();
        inbox.take(arrived);
        while arrived.is_empty() {
            if shared.pending.borrow().is_empty() {
                return Err(ScriptError::Stopped(Stopped::NeverSettles));
            }
            shared.watch.pause();
            inbox.wait(arrived);
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

    /// Puts the memory back that was given away while nothing was to be done.
    fn wake(&self) {
        if let (Some(heap), Some(mark)) = (&self.heap, &self.mark)
            && mark.is_resting.take()
        {
            put_back(heap, mark);
        }
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
        self.wake();
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
        stop.attach(&self.shared.inbox.borrow());
        self.shared.watch.set(time, stop);
    }

    fn take_unhandled(&mut self) -> Vec<ScriptError> {
        if self.shared.watch.stopped().is_some() || self.shared.rejections.is_empty() {
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
        self.wake();
        usize::try_from(self.runtime.memory_usage().malloc_size).unwrap_or(0)
    }

    fn mark(&mut self) {
        let Some(heap) = &self.heap else { return };
        let shared = &self.shared;
        // What belongs to the modules and not to a call would be gone after the first one.
        let is_at_rest = shared.watch.stopped().is_none()
            && shared.pending.borrow().is_empty()
            && shared.rejections.is_empty()
            && shared.wasm.is_at_rest()
            && shared.state.borrow().resources.is_empty();
        // Host functions have parts outside of the heap: none may be made from now on.
        if is_at_rest && self.context.with(|ctx| shared.bind_all(&ctx)).is_ok() {
            shared.wasm.mark();
            self.mark = Some(Mark {
                image: heap.image(),
                loaded: shared.loaded.borrow().clone(),
                is_resting: Cell::new(false),
            });
        }
    }

    fn rewind(&mut self) -> bool {
        let (Some(heap), Some(mark)) = (&self.heap, &self.mark) else { return false };
        if self.shared.watch.stopped().is_some() {
            return false;
        }
        if !mark.is_resting.take() {
            self.context.with(|ctx| self.shared.end_call(&ctx));
        }
        if !self.shared.wasm.rewind() {
            return false;
        }
        put_back(heap, mark);
        self.shared.loaded.borrow_mut().clone_from(&mark.loaded);
        true
    }

    fn rest(&mut self) {
        let is_resting = self.mark.as_ref().is_some_and(|mark| mark.is_resting.get());
        if !is_resting
            && self.rewind()
            && let (Some(heap), Some(mark)) = (&self.heap, &self.mark)
        {
            mark.is_resting.set(true);
            give_back(heap);
        }
    }
}

/// Puts an isolate's memory back to how it was when it was marked.
#[expect(unsafe_code, reason = "what the engine thinks it holds changes")]
fn put_back(heap: &Heap, mark: &Mark) {
    // SAFETY: outside of calls pointers into the heap are held by the runtime, the context, `Originals` and the host
    // functions alone. All of them were made before the mark (`mark` makes the functions that were missing) and are
    // held until the isolate goes, so that all the image counts as referenced is, and nothing else. What a call held
    // beside them was let go by `Shared::end_call`.
    unsafe { heap.restore(&mark.image) };
}

/// Gives an isolate's memory back until it is woken.
#[expect(unsafe_code, reason = "what the engine thinks it holds is gone for a while")]
fn give_back(heap: &Heap) {
    // SAFETY: whatever leads into the engine begins with `QuickJsIsolate::wake` or `put_back`.
    unsafe { heap.give_back_all() };
}

impl Drop for QuickJsIsolate {
    fn drop(&mut self) {
        self.wake();
        self.context.with(|ctx| self.shared.clear(&ctx));
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
    internals.set("importModule", shared.function(ctx, import)?)?;
    let loader = shared.clone();
    let load = move |ctx: Ctx<'js>, name: String| {
        let place = loader.prelude.modules.iter().position(|compiled| compiled.module.name == name);
        place.map_or(Ok(()), |place| load(&ctx, &loader, place))
    };
    if wasm::is_wanted(lazy_globals) {
        wasm::install(ctx, shared, &internals)?;
    }
    internals.set("lazyGlobals", lazy_globals.to_vec())?;
    internals.set("load", shared.function(ctx, load)?)?;
    internals.set("promiseState", shared.function(ctx, promise_state)?)?;
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
