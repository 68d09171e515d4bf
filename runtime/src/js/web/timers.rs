//! Timers: the host waits for one moment at a time, `timers.js` knows whose it is.

use std::sync::OnceLock;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::Arguments;
use super::refused;
use crate::clock::Moment;
use crate::js::op::{Op, OpFuture, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[
    ("timer_now", Op::Sync(|_, _| Ok(OpValue::Number(now_ms())))),
    ("timer_check", Op::Sync(check)),
    ("timer_new", Op::Sync(new)),
    ("timer_wait", Op::Async(wait)),
    ("timer_cancel", Op::Sync(cancel)),
];

struct Timer {
    due_ms: f64,
    cancelled: CancellationToken,
}

/// Milliseconds since some moment of this process.
fn now_ms() -> f64 {
    static BEGAN: OnceLock<Moment> = OnceLock::new();
    BEGAN.get_or_init(Moment::now).elapsed().as_secs_f64() * 1_000.0
}

/// `(name)`: fails where no timers can be set.
fn check(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let name = Arguments::new(args).text()?;
    if state.phase.is_action() { Ok(OpValue::Undefined) } else { Err(refused(state.phase, &name)) }
}

/// `(due)` → a number.
fn new(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let due_ms = Arguments::new(args).number()?;
    let number = state.resources.add(Timer { due_ms, cancelled: CancellationToken::new() });
    Ok(OpValue::Number(f64::from(number)))
}

/// `(number)`: settles when it is due or cancelled.
fn wait(state: &mut OpState, args: Vec<OpValue>) -> OpFuture {
    let timer = Arguments::new(args).whole().ok().and_then(|number| state.resources.get_mut::<Timer>(number));
    let Some(Timer { due_ms, cancelled }) = timer else {
        return Box::pin(async { Ok(OpValue::Undefined) });
    };
    let left_ms = (*due_ms - now_ms()).clamp(0.0, f64::from(i32::MAX));
    let cancelled = cancelled.clone();
    Box::pin(async move {
        // The clock of timers counts whole milliseconds, rounded up.
        let sleep = tokio::time::sleep(Duration::from_secs_f64(left_ms / 1_000.0));
        if left_ms > 0.0 {
            let _ = cancelled.run_until_cancelled(sleep).await;
        }
        Ok(OpValue::Undefined)
    })
}

fn cancel(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    if let Some(timer) = state.resources.take::<Timer>(Arguments::new(args).whole()?) {
        timer.cancelled.cancel();
    }
    Ok(OpValue::Undefined)
}
