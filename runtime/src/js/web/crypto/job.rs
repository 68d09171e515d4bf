//! [`Job`]: one piece of cryptography, prepared on the isolate's thread and run there or elsewhere.

use tokio::sync::Semaphore;

use crate::js::op::{OpError, OpFuture, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;
use crate::limits::CRYPTO_JOBS_MAX;

/// The work itself, free of the isolate.
pub(super) type Work = Box<dyn FnOnce() -> OpResult + Send>;

/// A piece of cryptography.
pub(super) trait Job {
    /// Reads the arguments, looks up keys and checks what is allowed.
    fn prepare(state: &mut OpState, arguments: Arguments) -> Result<Work, OpError>;
}

/// Slow work has a few threads of the process; the rest waits its turn.
static SLOW: Semaphore = Semaphore::const_new(CRYPTO_JOBS_MAX);

/// Runs a job on the isolate's thread.
pub(super) fn now<J: Job>(state: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    J::prepare(state, Arguments::new(arguments))?()
}

/// Runs a job on a thread for blocking work, or at once where there is none.
pub(super) fn later<J: Job>(state: &mut OpState, arguments: Vec<OpValue>) -> OpFuture {
    let work = J::prepare(state, Arguments::new(arguments));
    Box::pin(async move {
        let work = work?;
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work() };
        let turn = SLOW.acquire().await.map_err(|_| super::operation_failed())?;
        // The turn ends with the work, even if the call that wanted it is gone by then.
        let task = runtime.spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        task.await.unwrap_or_else(|_| Err(super::operation_failed()))
    })
}

/// Whether a script may wait for slow work: `true` in actions.
pub(super) fn may_wait(state: &mut OpState, _: Vec<OpValue>) -> OpResult {
    Ok(OpValue::Bool(state.phase.is_action()))
}
