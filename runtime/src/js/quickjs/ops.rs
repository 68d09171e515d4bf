//! Host functions: an [`OpTable`] as functions of a context.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use rquickjs::function::{Constructor, IntoJsFunc, Rest};
use rquickjs::{Ctx, Function, Object, Persistent, Value};
use slab::Slab;

use super::rejections::Rejections;
use super::values::{from_js, to_js};
use super::wasm::Wasm;
use crate::clock::{Moment, thread_time};
use crate::js::isolate::{Completer, Inbox, StopSignal, Stopped};
use crate::js::op::{Op, OpError, OpFuture, OpResult, OpTable, OpValue};
use crate::js::prelude::CompiledPrelude;
use crate::js::state::{OpState, Resources};

/// A promise that an op gave.
pub(super) struct Pending {
    /// The op, or the system call that it stands for.
    pub(super) name: Cow<'static, str>,
    resolve: Persistent<Function<'static>>,
    reject: Persistent<Function<'static>>,
}

/// What host functions of one isolate share.
pub(super) struct Shared {
    pub(super) state: RefCell<OpState>,
    pub(super) watch: Watch,
    /// Where results of the call arrive that runs.
    pub(super) inbox: RefCell<Arc<Inbox>>,
    pub(super) pending: RefCell<Slab<Pending>>,
    pub(super) rejections: Rejections,
    pub(super) tasks: tokio::runtime::Handle,
    pub(super) futures: RefCell<tokio::task::JoinSet<()>>,
    pub(super) originals: RefCell<Option<Originals>>,
    /// All host functions. They have parts that are not in the engine's memory, so none may go before the isolate does.
    pub(super) functions: RefCell<Vec<Persistent<Function<'static>>>>,
    pub(super) prelude: Arc<CompiledPrelude>,
    pub(super) tables: &'static [OpTable],
    pub(super) wasm: Wasm,
    /// Which modules of the prelude have run.
    pub(super) loaded: RefCell<Vec<bool>>,
}

/// Objects of the context as they were before any module ran.
pub(super) struct Originals {
    pub(super) internals: Persistent<Object<'static>>,
    pub(super) ops: Persistent<Object<'static>>,
    pub(super) is_view: Persistent<Function<'static>>,
    errors: Vec<(&'static str, Persistent<Constructor<'static>>)>,
}

/// Measures the script's own running time: processor time, so that other work on the machine does not count.
pub(super) struct Watch {
    left: Cell<Duration>,
    /// The thread's time when the script began to run.
    since: Cell<Option<Duration>>,
    stop: RefCell<Arc<StopSignal>>,
    stopped: Cell<Option<Stopped>>,
}

impl Watch {
    pub(super) const fn new(time: Duration, stop: Arc<StopSignal>) -> Self {
        let stop = RefCell::new(stop);
        Self { left: Cell::new(time), since: Cell::new(None), stop, stopped: Cell::new(None) }
    }

    pub(super) fn set(&self, time: Duration, stop: Arc<StopSignal>) {
        self.left.set(time);
        *self.stop.borrow_mut() = stop;
    }

    pub(super) fn run(&self) {
        self.since.set(Some(thread_time()));
        self.stop.borrow().set_due(Some(Moment::now().after(self.left.get())));
    }

    pub(super) fn pause(&self) {
        if let Some(since) = self.since.take() {
            self.left.set(self.left.get().saturating_sub(elapsed(since)));
            self.stop.borrow().set_due(None);
        }
    }

    /// Whether the script is to stop; called by the engine now and then.
    pub(super) fn is_over(&self) -> bool {
        if self.stopped.get().is_none() {
            if self.stop.borrow().is_asked() {
                self.stopped.set(Some(Stopped::Asked));
            } else if self.since.get().is_some_and(|since| elapsed(since) > self.left.get()) {
                self.stopped.set(Some(Stopped::OutOfTime));
            }
        }
        self.stopped.get().is_some()
    }

    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.stopped.get()
    }
}

fn elapsed(since: Duration) -> Duration {
    thread_time().saturating_sub(since)
}

const ERRORS: [&str; 4] = ["Error", "TypeError", "RangeError", "SyntaxError"];

impl Originals {
    pub(super) fn new<'js>(
        ctx: &Ctx<'js>,
        internals: &Object<'js>,
        ops: &Object<'js>,
    ) -> rquickjs::Result<Self> {
        let globals = ctx.globals();
        let array_buffer: Object<'js> = globals.get("ArrayBuffer")?;
        let is_view: Function<'js> = array_buffer.get("isView")?;
        let errors = ERRORS
            .into_iter()
            .map(|name| {
                let class: Constructor<'js> = globals.get(name)?;
                Ok((name, Persistent::save(ctx, class)))
            })
            .collect::<rquickjs::Result<_>>()?;
        Ok(Self {
            internals: Persistent::save(ctx, internals.clone()),
            ops: Persistent::save(ctx, ops.clone()),
            is_view: Persistent::save(ctx, is_view),
            errors,
        })
    }
}

impl Shared {
    /// The error object for an op's error.
    fn error<'js>(&self, ctx: &Ctx<'js>, error: OpError) -> rquickjs::Result<Value<'js>> {
        let OpError { class, message } = error;
        let (constructor, internals) = {
            let originals = self.originals.borrow();
            let originals = originals.as_ref().ok_or(rquickjs::Error::Unknown)?;
            let known =
                originals.errors.iter().find(|(name, _)| *name == class).map(|(_, class)| class.clone());
            (known, originals.internals.clone())
        };
        if let Some(constructor) = constructor {
            return constructor.restore(ctx)?.construct((message,));
        }
        let internals: Object<'js> = internals.restore(ctx)?;
        let dom_exception: Value<'js> = internals.get("DOMException")?;
        if let Some(constructor) = dom_exception.into_constructor() {
            return constructor.construct((message, class));
        }
        let constructor: Constructor<'js> = ctx.globals().get("DOMException")?;
        constructor.construct((message, class))
    }

    fn throw(&self, ctx: &Ctx<'_>, error: OpError) -> rquickjs::Error {
        match self.error(ctx, error) {
            Ok(value) => ctx.throw(value),
            Err(error) => error,
        }
    }

    fn arguments<'js>(&self, ctx: &Ctx<'js>, args: &[Value<'js>]) -> rquickjs::Result<Vec<OpValue>> {
        let is_view = {
            let originals = self.originals.borrow();
            originals.as_ref().ok_or(rquickjs::Error::Unknown)?.is_view.clone()
        };
        let is_view = is_view.restore(ctx)?;
        args.iter().map(|arg| from_js(arg, &is_view).map_err(|error| self.throw(ctx, error))).collect()
    }

    /// Calls an op on behalf of a script.
    fn call<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &'static str,
        op: Op,
        args: &[Value<'js>],
    ) -> rquickjs::Result<Value<'js>> {
        let args = self.arguments(ctx, args)?;
        match op {
            Op::Sync(op) => {
                let result = op(&mut self.state.borrow_mut(), args);
                self.result(ctx, result)
            }
            Op::System(op) => {
                let result = self.off_the_clock(|state| op(state, args));
                self.result(ctx, result)
            }
            Op::Async(op) => {
                let (promise, completer) = self.promise(ctx, name.into())?;
                let future = op(&mut self.state.borrow_mut(), args);
                self.spawn(future, completer);
                Ok(promise)
            }
            Op::Deferred(op) => {
                let name = match args.first() {
                    // In transactions such calls are answered at once.
                    Some(OpValue::String(call)) if self.state.borrow().phase.is_action() => {
                        Cow::Owned(format!("{name} {call}"))
                    }
                    _ => Cow::Borrowed(name),
                };
                let (promise, completer) = self.promise(ctx, name)?;
                self.off_the_clock(|state| op(state, args, completer));
                Ok(promise)
            }
        }
    }

    fn result<'js>(&self, ctx: &Ctx<'js>, result: OpResult) -> rquickjs::Result<Value<'js>> {
        match result {
            Ok(value) => to_js(ctx, value),
            Err(error) => Err(self.throw(ctx, error)),
        }
    }

    fn off_the_clock<T>(&self, run: impl FnOnce(&mut OpState) -> T) -> T {
        self.watch.pause();
        let result = run(&mut self.state.borrow_mut());
        self.watch.run();
        result
    }

    fn promise<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: Cow<'static, str>,
    ) -> rquickjs::Result<(Value<'js>, Completer)> {
        let (promise, resolve, reject) = ctx.promise()?;
        let number = self.pending.borrow_mut().insert(Pending {
            name,
            resolve: Persistent::save(ctx, resolve),
            reject: Persistent::save(ctx, reject),
        });
        Ok((promise.into_value(), Completer::new(self.inbox.borrow().clone(), number)))
    }

    /// Runs a future elsewhere, unless it is ready at once.
    fn spawn(&self, mut future: OpFuture, completer: Completer) {
        let _tasks = self.tasks.enter();
        match future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(result) => completer.complete(result),
            Poll::Pending => {
                let mut futures = self.futures.borrow_mut();
                while futures.try_join_next().is_some() {}
                futures.spawn_on(async move { completer.complete(future.await) }, &self.tasks);
            }
        }
    }

    /// Settles the promise that a result is for.
    pub(super) fn settle<'js>(
        &self,
        ctx: &Ctx<'js>,
        number: usize,
        result: OpResult,
    ) -> rquickjs::Result<()> {
        let Some(Pending { resolve, reject, .. }) = self.pending.borrow_mut().try_remove(number) else {
            return Ok(());
        };
        match result {
            Ok(value) => resolve.restore(ctx)?.call((to_js(ctx, value)?,)),
            Err(error) => reject.restore(ctx)?.call((self.error(ctx, error)?,)),
        }
    }

    /// Lets go of everything that belongs to a call.
    pub(super) fn end_call(&self, ctx: &Ctx<'_>) {
        self.futures.borrow_mut().abort_all();
        // What still arrives for the call is not to be taken for something of the next one.
        *self.inbox.borrow_mut() = Arc::default();
        self.pending.borrow_mut().clear();
        self.rejections.clear();
        self.wasm.end_call(ctx);
        self.state.borrow_mut().resources = Resources::default();
    }

    /// Puts all host functions in place, so that none need be made later.
    pub(super) fn bind_all(self: &Rc<Self>, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        let ops = {
            let originals = self.originals.borrow();
            originals.as_ref().ok_or(rquickjs::Error::Unknown)?.ops.clone()
        };
        let ops: Object<'_> = ops.restore(ctx)?;
        bind(ctx, self, &ops, None)
    }

    /// A host function that stays as long as the isolate.
    pub(super) fn function<'js, P>(
        &self,
        ctx: &Ctx<'js>,
        function: impl IntoJsFunc<'js, P> + 'js,
    ) -> rquickjs::Result<Function<'js>> {
        let function = Function::new(ctx.clone(), function)?;
        self.functions.borrow_mut().push(Persistent::save(ctx, function.clone()));
        Ok(function)
    }

    /// Lets go of everything that belongs to the context, which must happen before it goes.
    pub(super) fn clear(&self, ctx: &Ctx<'_>) {
        self.end_call(ctx);
        self.functions.borrow_mut().clear();
        self.originals.borrow_mut().take();
    }
}

/// Puts those host functions in place that are not there yet.
pub(super) fn bind<'js>(
    ctx: &Ctx<'js>,
    shared: &Rc<Shared>,
    ops: &Object<'js>,
    names: Option<&[&str]>,
) -> rquickjs::Result<()> {
    let is_named = |name: &str| names.is_none_or(|names| names.binary_search(&name).is_ok());
    for (name, op) in shared.tables.iter().copied().flatten().filter(|(name, _)| is_named(name)) {
        if ops.contains_key(*name)? {
            continue;
        }
        let (shared, name, op) = (shared.clone(), *name, *op);
        let called = shared.clone();
        let call = move |ctx: Ctx<'js>, args: Rest<Value<'js>>| called.call(&ctx, name, op, &args.0);
        ops.set(name, shared.function(ctx, call)?)?;
    }
    Ok(())
}
