//! [`Promises`]: tells the prelude of promises that are made, fulfilled, or whose thenable is called, which is how
//! `AsyncLocalStorage` keeps its context. In isolates whose modules do not mention it, nothing is watched.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::promise::PromiseHookType;
use rquickjs::{Ctx, Function, Object, Persistent, Runtime, Value};

use super::ops::Shared;

/// A global with which a script may want to know of promises.
const USERS: [&str; 2] = ["AsyncLocalStorage", "AsyncContext"];

/// The functions of the prelude that are told, once there are some.
#[derive(Default)]
pub(super) struct Promises(RefCell<Option<Watch>>);

#[derive(Clone)]
struct Watch {
    made: Persistent<Function<'static>>,
    resolved: Persistent<Function<'static>>,
    called: Persistent<Function<'static>>,
}

impl Promises {
    /// What the engine tells.
    fn note<'js>(&self, ctx: &Ctx<'js>, kind: PromiseHookType, promise: Value<'js>) {
        let Some(watch) = self.0.borrow().clone() else { return };
        let function = match kind {
            PromiseHookType::Init => watch.made,
            PromiseHookType::Resolve => watch.resolved,
            PromiseHookType::Before => watch.called,
            PromiseHookType::After => return,
        };
        let told = function.restore(ctx).and_then(|function| function.call::<_, ()>((promise,)));
        if told.is_err() {
            // Out of memory or of time, which ends the script in any case.
            drop(ctx.catch());
        }
    }

    /// Lets go of everything that belongs to the context.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().take();
    }
}

/// Whether a script that mentions these globals may want to know of promises.
pub(super) fn are_wanted(lazy_globals: &[&'static str]) -> bool {
    lazy_globals.iter().any(|global| USERS.contains(global))
}

/// Has the engine tell of promises.
pub(super) fn watch(runtime: &Runtime, shared: &Rc<Shared>) {
    let shared = shared.clone();
    runtime.set_promise_hook(Some(Box::new(move |ctx, kind, promise, _| {
        shared.promises.note(&ctx, kind, promise);
    })));
}

/// `internals.watchPromises(watch)`: names the functions to be told.
pub(super) fn watcher<'js>(ctx: &Ctx<'js>, shared: &Rc<Shared>) -> rquickjs::Result<Function<'js>> {
    let shared = shared.clone();
    Function::new(ctx.clone(), move |ctx: Ctx<'js>, watch: Object<'js>| -> rquickjs::Result<()> {
        let function = |name: &str| -> rquickjs::Result<Persistent<Function<'static>>> {
            Ok(Persistent::save(&ctx, watch.get::<_, Function<'js>>(name)?))
        };
        let watch =
            Watch { made: function("made")?, resolved: function("resolved")?, called: function("called")? };
        *shared.promises.0.borrow_mut() = Some(watch);
        Ok(())
    })
}
