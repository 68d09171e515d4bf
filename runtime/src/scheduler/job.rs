//! One run of a job.

use std::sync::Arc;

use fusion_schema::table::ScheduledState;
use fusion_schema::{Object, Value};

use super::{is_final, run_mutation};
use crate::Result;
use crate::auth::Identity;
use crate::function::outcome::describe;
use crate::function::{Caller, FunctionCall, FunctionKind, FunctionPath, FunctionRunner};
use crate::system::jobs::{Job, JobRef, Jobs};

/// Runs a job if it is still pending.
///
/// # Errors
/// If the system failed and the job is to be tried again.
pub(super) async fn run(runner: &Arc<FunctionRunner>, id: JobRef) -> Result<()> {
    let mut tx = runner.deployment().database.begin_query();
    let job = get(&mut tx, id)?;
    let component = tx.inside(id.component, |tx| tx.component_path());
    let Some(job) = job.filter(|job| job.state == ScheduledState::Pending) else { return Ok(()) };
    let registry = runner.registry();
    let found = call_of(&job, id, &component)
        .and_then(|call| Ok((registry.find_schedulable(&call.path)?.clone(), call)));
    let (entry, call) = match found {
        Ok(found) => found,
        Err(error) => return fail(runner, id, describe(&error)).await,
    };
    if entry.kind() == FunctionKind::Action {
        return run_action(runner, id, call).await;
    }
    let clock = runner.deployment().clock().clone();
    let ended = clock.clone();
    let before = move |tx: &mut crate::database::Transaction| {
        let job = get(tx, id)?;
        let Some(job) = job.filter(|job| job.state == ScheduledState::Pending) else { return Ok(false) };
        // The function sees its own row as running; nobody else ever does.
        tx.inside(id.component, |tx| Jobs::new(tx).start(job))?;
        Ok(true)
    };
    let after = move |tx: &mut crate::database::Transaction, result: &Result<Value>, _: &[_], _| {
        let state = match result {
            Ok(_) => ScheduledState::Success,
            Err(error) => ScheduledState::Failed { error: describe(error) },
        };
        finish(tx, id, state, ended.unix_ms().floor())
    };
    match run_mutation(runner, call, before, after).await {
        Err(error) if is_final(&error) => fail(runner, id, describe(&error)).await,
        result => result,
    }
}

async fn run_action(runner: &Arc<FunctionRunner>, id: JobRef, call: FunctionCall) -> Result<()> {
    let started = runner
        .write(move |tx, _| {
            if tx.snapshot().catalog().is_paused() {
                return Ok(false);
            }
            let job = get(tx, id)?;
            match job.filter(|job| job.state == ScheduledState::Pending) {
                Some(job) => tx.inside(id.component, |tx| Jobs::new(tx).start(job)).map(|()| true),
                None => Ok(false),
            }
        })
        .await?;
    if !started {
        return Ok(());
    }
    let outcome = runner.nested_action(call, runner.registry()).await;
    let state = match outcome.result {
        Ok(_) => ScheduledState::Success,
        Err(error) => ScheduledState::Failed { error: error.detail().to_owned() },
    };
    end(runner, id, state).await
}

async fn fail(runner: &Arc<FunctionRunner>, id: JobRef, error: String) -> Result<()> {
    end(runner, id, ScheduledState::Failed { error }).await
}

async fn end(runner: &Arc<FunctionRunner>, id: JobRef, state: ScheduledState) -> Result<()> {
    runner.write(move |tx, now_ms| finish(tx, id, state.clone(), now_ms)).await
}

/// Notes how a job ended, unless it was canceled or removed meanwhile.
fn finish(
    tx: &mut crate::database::Transaction,
    id: JobRef,
    state: ScheduledState,
    now_ms: f64,
) -> Result<()> {
    let job = get(tx, id)?;
    match job.filter(|job| matches!(job.state, ScheduledState::Pending | ScheduledState::InProgress)) {
        Some(job) => tx.inside(id.component, |tx| Jobs::new(tx).finish(job, state, now_ms)),
        None => Ok(()),
    }
}

fn get(tx: &mut crate::database::Transaction, job: JobRef) -> Result<Option<Job>> {
    tx.inside(job.component, |tx| Jobs::new(tx).get(job.id))
}

/// The call that a job of a component asks for.
fn call_of(job: &Job, id: JobRef, component: &str) -> Result<FunctionCall> {
    let args = match job.args.first() {
        Some(Value::Object(args)) => args.clone(),
        _ => Object::new(),
    };
    let path = FunctionPath::parse(&job.name)?.in_component(job.component.as_deref().unwrap_or(component));
    Ok(FunctionCall::new(path, args, Identity::System, Caller::Scheduler(id)))
}
