//! Tells the prelude of promises that are made, fulfilled, or whose thenable is called, which is how `AsyncLocalStorage`
//! keeps its context: `internals.promises` has a method for each, as soon as that is used. Isolates whose modules do not
//! mention it watch nothing. Nothing is kept here, so that memory can be put back to how it was.

use std::rc::Rc;

use rquickjs::promise::PromiseHookType;
use rquickjs::{Ctx, Function, Object, Runtime, Value};

use super::ops::Shared;

/// The globals with which a script may want to know of promises.
const USERS: [&str; 2] = ["AsyncLocalStorage", "AsyncContext"];

/// Whether a script that mentions these globals may want to know of promises.
pub(super) fn are_wanted(lazy_globals: &[&'static str]) -> bool {
    lazy_globals.iter().any(|global| USERS.contains(global))
}

/// Has the engine tell of promises.
pub(super) fn watch(runtime: &Runtime, shared: &Rc<Shared>) {
    let shared = shared.clone();
    runtime.set_promise_hook(Some(Box::new(move |ctx, kind, promise, _| {
        let name = match kind {
            PromiseHookType::Init => "made",
            PromiseHookType::Resolve => "resolved",
            PromiseHookType::Before => "called",
            PromiseHookType::After => return,
        };
        if tell(&ctx, &shared, name, promise).is_err() {
            // Out of memory or of time, which ends the script in any case.
            drop(ctx.catch());
        }
    })));
}

fn tell<'js>(ctx: &Ctx<'js>, shared: &Shared, name: &str, promise: Value<'js>) -> rquickjs::Result<()> {
    let internals = shared.originals.borrow().as_ref().map(|originals| originals.internals.clone());
    let Some(internals) = internals else { return Ok(()) };
    let Some(watch) = internals.restore(ctx)?.get::<_, Option<Object<'js>>>("promises")? else {
        return Ok(());
    };
    watch.get::<_, Function<'js>>(name)?.call((promise,))
}
