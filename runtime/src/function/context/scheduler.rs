//! [`SchedulerCtx`]: `ctx.scheduler()` of a mutation.

use fusion_schema::table::ScheduledFunction;
use fusion_schema::{Id, Typed};

use super::encode_args;
use crate::Result;
use crate::function::execution::Execution;
use crate::function::path::FunctionPath;

/// What is late runs at once; what is no number stays so and is refused.
pub(super) const fn delay(delay_ms: f64) -> f64 {
    if delay_ms < 0.0 { 0.0 } else { delay_ms }
}

/// Functions to run later.
#[derive(Debug)]
pub struct SchedulerCtx<'a> {
    execution: &'a mut Execution,
}

impl<'a> SchedulerCtx<'a> {
    pub(super) const fn new(execution: &'a mut Execution) -> Self {
        Self { execution }
    }

    /// Runs a mutation or action `delay_ms` milliseconds from now; 0 is right after the commit.
    ///
    /// # Errors
    /// If there is no such function, the delay is out of range or a limit is reached.
    pub fn run_after(
        &mut self,
        delay_ms: f64,
        path: &str,
        args: impl Typed,
    ) -> Result<Id<ScheduledFunction>> {
        let now = self.execution.hidden_now_ms();
        self.run_at(now + delay(delay_ms), path, args)
    }

    /// Runs a mutation or action at a time in milliseconds since the epoch; the past is right after the commit.
    ///
    /// # Errors
    /// As [`SchedulerCtx::run_after`].
    pub fn run_at(&mut self, time_ms: f64, path: &str, args: impl Typed) -> Result<Id<ScheduledFunction>> {
        let path = FunctionPath::parse(path)?;
        Ok(self.execution.schedule(time_ms, &path, encode_args(args)?)?.into())
    }

    /// Cancels a scheduled function. One that has ended is left alone.
    ///
    /// # Errors
    /// If there is no such job.
    pub fn cancel(&mut self, id: Id<ScheduledFunction>) -> Result<()> {
        self.execution.cancel_job(id.document_id())
    }
}
