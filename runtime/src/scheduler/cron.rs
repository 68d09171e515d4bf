//! One run of a cron.

use std::sync::Arc;
use std::time::Duration;

use fusion_schema::Value;
use serde_json::Value as Json;

use super::{INTERRUPTED, is_final, run_mutation};
use crate::Result;
use crate::auth::Identity;
use crate::clock::Moment;
use crate::database::Transaction;
use crate::function::outcome::describe;
use crate::function::{Caller, FunctionCall, FunctionKind, FunctionPath, FunctionRunner, LogLine};
use crate::system::crons::{CronOutcome, CronRun, Crons};

/// Runs a cron if the run is still to be made.
///
/// # Errors
/// If the system failed and the run is to be tried again.
pub(super) async fn run(runner: &Arc<FunctionRunner>, run: CronRun) -> Result<()> {
    let registry = runner.registry();
    let path = FunctionPath::parse(&run.spec.path).map(|path| path.in_component(&run.spec.component));
    let found = path.and_then(|path| Ok((registry.find_schedulable(&path)?.clone(), path)));
    let (entry, path) = match found {
        Ok(found) => found,
        Err(error) => return fail(runner, run, describe(&error)).await,
    };
    let call = FunctionCall::new(path, run.spec.args.clone(), Identity::System, Caller::Cron);
    if entry.kind() == FunctionKind::Action {
        return run_action(runner, run, call).await;
    }
    let (planned, done) = (run.clone(), run.clone());
    let clock = runner.deployment().clock().clone();
    let before = move |tx: &mut Transaction| is_pending(tx, &planned);
    let after = move |tx: &mut Transaction, result: &Result<Value>, lines: &[LogLine], duration: Duration| {
        let outcome = match result {
            Ok(value) => CronOutcome::Success(value.clone()),
            Err(error) => CronOutcome::Failed(describe(error)),
        };
        finish(tx, &done, &outcome, lines, duration, clock.unix_ns())
    };
    match run_mutation(runner, call, before, after).await {
        Err(error) if is_final(&error) => fail(runner, run, describe(&error)).await,
        result => result,
    }
}

async fn run_action(runner: &Arc<FunctionRunner>, run: CronRun, call: FunctionCall) -> Result<()> {
    let planned = run.clone();
    let started = runner
        .write(move |tx, _| {
            let pending = !tx.snapshot().catalog().is_paused() && is_pending(tx, &planned)?;
            if pending {
                Crons::new(tx).start(&planned)?;
            }
            Ok(pending)
        })
        .await?;
    if !started {
        return Ok(());
    }
    let begun = Moment::now();
    let outcome = runner.nested_action(call, runner.registry()).await;
    let result = match outcome.result {
        Ok(returned) => CronOutcome::Success(returned.to_value()),
        Err(error) => CronOutcome::Failed(error.detail().to_owned()),
    };
    end(runner, run, result, outcome.log_lines, begun.elapsed()).await
}

async fn fail(runner: &Arc<FunctionRunner>, run: CronRun, error: String) -> Result<()> {
    end(runner, run, CronOutcome::Failed(error), Vec::new(), Duration::ZERO).await
}

async fn end(
    runner: &Arc<FunctionRunner>,
    run: CronRun,
    outcome: CronOutcome,
    lines: Vec<LogLine>,
    duration: Duration,
) -> Result<()> {
    let clock = runner.deployment().clock().clone();
    runner.write(move |tx, _| finish(tx, &run, &outcome, &lines, duration, clock.unix_ns())).await
}

/// Whether this very run is still to be made: the cron may have changed or gone.
fn is_pending(tx: &mut Transaction, run: &CronRun) -> Result<bool> {
    let current = Crons::new(tx).reload(run)?;
    Ok(current.is_some_and(|current| current.due_ns == run.due_ns && !current.in_progress))
}

fn finish(
    tx: &mut Transaction,
    run: &CronRun,
    outcome: &CronOutcome,
    lines: &[LogLine],
    duration: Duration,
    now_ns: u64,
) -> Result<()> {
    let current = Crons::new(tx).reload(run)?;
    if current.is_none_or(|current| current.due_ns != run.due_ns) {
        return Ok(());
    }
    let lines: Vec<Json> = lines.iter().map(LogLine::to_json).collect();
    Crons::new(tx).finish(run, outcome, &lines, duration.as_secs_f64(), now_ns)
}

/// Ends runs that a crash interrupted.
pub(super) fn recover(tx: &mut Transaction, now_ns: u64) -> Result<()> {
    let outcome = CronOutcome::Failed(INTERRUPTED.to_owned());
    for run in Crons::new(tx).due(u64::MAX)? {
        if run.in_progress {
            finish(tx, &run, &outcome, &[], Duration::ZERO, now_ns)?;
        }
    }
    Ok(())
}
