//! [`Rejections`]: promises that were rejected while nobody waited for them.
//!
//! The engine tells of a rejection as soon as it happens and takes it back when somebody handles the promise after
//! all, which for `await` is the rule. What is left when a call ends was never handled.

use std::cell::{Cell, RefCell};

use rquickjs::{Ctx, Persistent, Value};

use super::thrown;
use crate::js::isolate::ScriptError;

/// Most rejections that are kept; the rest is counted.
const KEPT_MAX: usize = 256;

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Rejections {
    kept: RefCell<Vec<Rejection>>,
    /// How many there are beside those.
    more: Cell<usize>,
}

struct Rejection {
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
}

impl Rejections {
    /// What the engine tells.
    pub(super) fn note<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
        is_handled: bool,
    ) {
        if is_handled {
            return self.forget(ctx, &promise);
        }
        let mut kept = self.kept.borrow_mut();
        if kept.len() < KEPT_MAX {
            kept.push(Rejection {
                promise: Persistent::save(ctx, promise),
                reason: Persistent::save(ctx, reason),
            });
        } else {
            self.more.set(self.more.get() + 1);
        }
    }

    /// Somebody handles this promise, which was rejected.
    pub(super) fn forget<'js>(&self, ctx: &Ctx<'js>, promise: &Value<'js>) {
        let mut kept = self.kept.borrow_mut();
        let is_it =
            |rejection: &Rejection| rejection.promise.clone().restore(ctx).is_ok_and(|kept| kept == *promise);
        // Mostly the one that came last.
        match kept.iter().rposition(is_it) {
            Some(place) => drop(kept.remove(place)),
            None => self.more.set(self.more.get().saturating_sub(1)),
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.borrow().is_empty() && self.more.get() == 0
    }

    /// Takes what is left, as errors.
    pub(super) fn take(&self, ctx: &Ctx<'_>) -> Vec<ScriptError> {
        let kept = std::mem::take(&mut *self.kept.borrow_mut());
        let mut errors = Vec::with_capacity(kept.len());
        for Rejection { reason, .. } in kept {
            if let Ok(reason) = reason.restore(ctx) {
                errors.push(thrown::of_value(ctx, &reason));
            }
        }
        match self.more.take() {
            0 => {}
            more => errors.push(ScriptError::error(format!("{more} more promises were rejected, too."))),
        }
        errors
    }

    /// Lets go of everything that belongs to the context.
    pub(super) fn clear(&self) {
        self.kept.borrow_mut().clear();
    }
}
