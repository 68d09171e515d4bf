//! The scheduler: runs due jobs and crons. To the runner it is a caller like any other.
//!
//! Jobs and crons are rows; this module keeps nothing that a restart would miss. A *mutation* runs in one
//! transaction with the change of its row, so it happens exactly once. An *action*'s row is marked before it begins
//! and again when it has ended; one that was interrupted by a crash has failed, so it happens at most once. What
//! fails for reasons of the system is tried again after a growing while.
//!
//! The scheduler sleeps until the next row is due; commits that schedule something ring its alarm. While the deployment is
//! paused it starts nothing: jobs wait, and runs of crons are skipped when the pause ends.

mod cron;
mod job;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fusion_schema::table::ScheduledState;
use fusion_schema::{DocumentId, Value};
use futures_util::FutureExt;
use tokio::task::JoinSet;

use crate::clock::Moment;
use crate::database::{ComponentId, Timestamp, Transaction, TransactionUse};
use crate::function::execution::{Effect, Execution, Finished, IdentityAccess};
use crate::function::mutations::{Attempt, guard};
use crate::function::registry::FunctionRegistry;
use crate::function::{FunctionCall, FunctionKind, FunctionRunner, LogLine, Outcome, Returned, UdfError};
use crate::system::crons::Crons;
use crate::system::file_storage::UncommittedFiles;
use crate::system::jobs::{JobRef, Jobs};
use crate::{Error, Result};

/// What a job or cron run that a crash interrupted has failed with.
const INTERRUPTED: &str = "Transient error while executing action";
/// The first wait after a failure of the system.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// The longest wait after failures of the system.
const BACKOFF_MAX: Duration = Duration::from_secs(2 * 3_600);
/// How long rows of ended jobs are kept.
const ENDED_JOBS_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How often rows of ended jobs are looked for.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(3_600);
/// Rows removed in one transaction.
const CLEANUP_BATCH: usize = 1_000;
/// The longest sleep: the clock may jump.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How long to wait after the scheduler itself failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Something that runs: a job, or a cron by the row that says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    Job(JobRef),
    Cron(DocumentId),
}

/// A task that failed for reasons of the system.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    failures: u32,
    retry_ns: u64,
}

/// See the module's documentation.
pub struct Scheduler {
    runner: Arc<FunctionRunner>,
    running: HashSet<Task>,
    backoffs: HashMap<Task, Backoff>,
    tasks: JoinSet<(Task, Result<()>)>,
    /// The functions whose crons are stored.
    synced: Option<Arc<FunctionRegistry>>,
    recovered: bool,
    next_cleanup_ns: u64,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler for the runner's functions. There must be only one.
    pub fn new(runner: Arc<FunctionRunner>) -> Self {
        Self {
            runner,
            running: HashSet::new(),
            backoffs: HashMap::new(),
            tasks: JoinSet::new(),
            synced: None,
            recovered: false,
            next_cleanup_ns: 0,
        }
    }

    /// Runs what is due for as long as it is polled. Dropping the future interrupts actions, not mutations.
    pub async fn run(mut self) {
        loop {
            let sleep = match self.dispatch().await {
                Ok(next_ns) => self.until(next_ns),
                Err(error) => {
                    tracing::error!(%error, source = ?std::error::Error::source(&error), "the scheduler failed and will try again");
                    FAILURE_PAUSE
                }
            };
            let deployment = self.runner.deployment().clone();
            tokio::select! {
                () = deployment.alarm.wait() => {}
                Some(ended) = self.tasks.join_next() => self.note(ended),
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Runs everything that is due, and what becomes due by that, until nothing is left but what failed for
    /// reasons of the system.
    ///
    /// # Errors
    /// If the rows cannot be read or written.
    pub async fn settle(&mut self) -> Result<()> {
        loop {
            self.dispatch().await?;
            match self.tasks.join_next().await {
                Some(ended) => self.note(ended),
                None => return Ok(()),
            }
        }
    }

    fn until(&self, next_ns: Option<u64>) -> Duration {
        let now_ns = self.runner.deployment().clock().unix_ns();
        next_ns
            .map_or(SLEEP_MAX, |next_ns| Duration::from_nanos(next_ns.saturating_sub(now_ns)).min(SLEEP_MAX))
    }

    fn note(&mut self, ended: std::result::Result<(Task, Result<()>), tokio::task::JoinError>) {
        // Tasks catch their panics, so only a runtime that shuts down ends one early.
        let Ok((task, result)) = ended else { return };
        self.running.remove(&task);
        let Err(error) = result else {
            self.backoffs.remove(&task);
            return;
        };
        let failures = self.backoffs.get(&task).map_or(0, |backoff| backoff.failures);
        let wait = BACKOFF_MIN.saturating_mul(1 << failures.min(20)).min(BACKOFF_MAX);
        tracing::warn!(?task, %error, ?wait, "a scheduled function could not be run and will be tried again");
        let now_ns = self.runner.deployment().clock().unix_ns();
        let retry_ns = now_ns.saturating_add(wait.as_nanos() as u64);
        self.backoffs.insert(task, Backoff { failures: failures + 1, retry_ns });
    }

    /// Starts what is due and gives the time of what is due next, in nanoseconds since the epoch.
    async fn dispatch(&mut self) -> Result<Option<u64>> {
        if !self.recovered {
            self.recover().await?;
            self.recovered = true;
        }
        self.sync_crons().await?;
        let deployment = self.runner.deployment().clone();
        let (now_ns, now_ms) = (deployment.clock().unix_ns(), deployment.clock().unix_ms());
        if now_ns >= self.next_cleanup_ns {
            self.remove_ended_jobs(now_ms).await?;
            self.next_cleanup_ns = now_ns.saturating_add(CLEANUP_INTERVAL.as_nanos() as u64);
        }
        let mut tx = deployment.database.begin_query();
        if tx.snapshot().catalog().is_paused() {
            // What is due waits; the end of the pause rings the alarm.
            return Ok(Some(self.next_cleanup_ns));
        }
        let places = deployment.limits().concurrent_jobs_max;
        // What runs or waits for its next try is still due as far as the rows tell.
        let limit = places + self.running.len() + self.backoffs.len();
        let mut jobs: Vec<(JobRef, f64)> = Vec::new();
        let mut due_job = None;
        let components: Vec<ComponentId> = tx.snapshot().catalog().active_components().collect();
        for component in components {
            tx.enter(component);
            for job in Jobs::new(&mut tx).due(now_ms, limit)? {
                let reference = JobRef { component, id: job.id.document_id() };
                jobs.push((reference, job.fields.scheduled_time));
            }
            let next = Jobs::new(&mut tx).next_due(now_ms)?.map(|ms| (ms * 1e6) as u64);
            due_job = due_job.into_iter().chain(next).min();
        }
        tx.enter(ComponentId::ROOT);
        jobs.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let due_crons = Crons::new(&mut tx).due(now_ns)?;
        let crons = due_crons.into_iter().map(|run| (Task::Cron(run.job), Some(run)));
        if let Some((_, oldest_ms)) = jobs.first() {
            self.runner.metrics().record_lag(now_ms, now_ms - oldest_ms);
        }
        let jobs = jobs.into_iter().map(|(job, _)| (Task::Job(job), None));
        for (task, cron) in crons.chain(jobs) {
            let waits = self.backoffs.get(&task).is_some_and(|backoff| backoff.retry_ns > now_ns);
            if self.running.len() >= places || self.running.contains(&task) || waits {
                continue;
            }
            self.running.insert(task);
            let runner = self.runner.clone();
            self.tasks.spawn(async move {
                let run = async {
                    match (task, cron) {
                        (Task::Job(job), _) => job::run(&runner, job).await,
                        (Task::Cron(_), Some(run)) => cron::run(&runner, run).await,
                        (Task::Cron(_), None) => Err(Error::internal("a cron is due without a run")),
                    }
                };
                let result = AssertUnwindSafe(run).catch_unwind().await;
                (
                    task,
                    result.unwrap_or_else(|_| Err(Error::internal("running a scheduled function panicked"))),
                )
            });
        }
        let due_cron = Crons::new(&mut tx).next_due(now_ns)?;
        let retries = self.backoffs.iter().filter(|(task, _)| !self.running.contains(task));
        let retry = retries.map(|(_, backoff)| backoff.retry_ns).min();
        Ok([due_job, due_cron, retry, Some(self.next_cleanup_ns)].into_iter().flatten().min())
    }

    /// Ends what a crash interrupted.
    async fn recover(&self) -> Result<()> {
        let now_ns = self.runner.deployment().clock().unix_ns();
        self.runner
            .write(move |tx, now_ms| {
                for component in all_components(tx) {
                    tx.inside(component, |tx| -> Result<()> {
                        for job in Jobs::new(tx).in_progress(usize::MAX)? {
                            let failed = ScheduledState::Failed { error: INTERRUPTED.to_owned() };
                            Jobs::new(tx).finish(job, failed, now_ms)?;
                        }
                        Ok(())
                    })?;
                }
                cron::recover(tx, now_ns)
            })
            .await
    }

    /// Stores the crons of the functions that are in place now.
    async fn sync_crons(&mut self) -> Result<()> {
        let registry = self.runner.registry();
        if self.synced.as_ref().is_some_and(|synced| Arc::ptr_eq(synced, &registry)) {
            return Ok(());
        }
        let now_ns = self.runner.deployment().clock().unix_ns();
        let runner = self.runner.clone();
        self.runner
            .write(move |tx, _| {
                // Of the transaction's own version: a push that came meanwhile has stored its own.
                let specs = runner.registry_of(tx.snapshot()).cron_specs();
                Crons::new(tx).sync(&specs, now_ns).map(drop)
            })
            .await?;
        self.synced = Some(registry);
        Ok(())
    }

    async fn remove_ended_jobs(&self, now_ms: f64) -> Result<()> {
        let before_ms = now_ms - ENDED_JOBS_KEPT.as_millis() as f64;
        let components = all_components(&self.runner.deployment().database.begin_query());
        for component in components {
            loop {
                let remove = move |tx: &mut Transaction, _| {
                    tx.inside(component, |tx| Jobs::new(tx).remove_ended(before_ms, CLEANUP_BATCH))
                };
                if self.runner.write(remove).await? < CLEANUP_BATCH {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The app and all components, mounted or not.
fn all_components(tx: &Transaction) -> Vec<ComponentId> {
    let components = tx.snapshot().catalog().components().map(|component| component.id);
    std::iter::once(ComponentId::ROOT).chain(components).collect()
}

/// Whether a failed run is over, rather than to be tried again: the function failed, or panicked.
fn is_final(error: &Error) -> bool {
    error.is_deterministic() || error.code() == crate::function::mutations::PANICKED
}

/// What a scheduled mutation's transaction gave.
struct MutationRun {
    outcome: Outcome,
    effects: Vec<Effect>,
    files: UncommittedFiles,
    duration: Duration,
    usage: TransactionUse,
}

/// Runs a mutation in one transaction with what comes `before` (which may call it off) and `after` it (which is
/// given the result and the log lines; also when the mutation failed and its own writes were undone).
///
/// # Errors
/// If the mutation could not be run to its end; nothing was written then.
async fn run_mutation(
    runner: &Arc<FunctionRunner>,
    call: FunctionCall,
    before: impl Fn(&mut Transaction) -> Result<bool> + Send + 'static,
    after: impl Fn(&mut Transaction, &Result<Value>, &[LogLine], Duration) -> Result<()> + Send + 'static,
) -> Result<()> {
    let (transacting, running) = (runner.clone(), call.clone());
    let ran: (Option<MutationRun>, Timestamp) = runner
        .blocking(move || transacting.transact(|tx| attempt(&transacting, &running, tx, &before, &after)))
        .await?;
    let (Some(run), ts) = ran else { return Ok(()) };
    run.files.keep();
    runner.schedule_effects(run.effects, ts, call.request_id);
    runner.deployment().database.durable(ts).await?;
    runner.note_completion(FunctionKind::Mutation, &call, run.duration, &run.outcome, &run.usage);
    Ok(())
}

fn attempt(
    runner: &FunctionRunner,
    call: &FunctionCall,
    tx: Transaction,
    before: &impl Fn(&mut Transaction) -> Result<bool>,
    after: &impl Fn(&mut Transaction, &Result<Value>, &[LogLine], Duration) -> Result<()>,
) -> Result<Attempt<Option<MutationRun>>> {
    let started = Moment::now();
    if tx.snapshot().catalog().is_paused() {
        return Ok(Attempt { tx, commit: false, record: None, value: None });
    }
    // Of the transaction's own version: a push may have come since the run was planned.
    let registry = runner.registry_of(tx.snapshot());
    let entry = registry.find_schedulable(&call.path)?;
    let mut execution =
        Execution::new(tx, runner.deployment().clone(), registry.clone(), call, IdentityAccess::Open);
    if !before(execution.tx())? {
        let tx = execution.finish().tx;
        return Ok(Attempt { tx, commit: false, record: None, value: None });
    }
    let result = guard(call, || execution.run_or_undo(entry, call.args.clone()));
    if let Err(error) = &result
        && !error.is_deterministic()
    {
        return Err(error.clone());
    }
    let Finished { mut tx, log_lines, effects, files, .. } = execution.finish();
    let (duration, usage) = (started.elapsed(), tx.take_usage());
    after(&mut tx, &result, &log_lines, duration)?;
    let result = match result {
        Ok(value) => Ok(Returned::from_value(&value)),
        Err(error) => Err(UdfError::new(&error, call.request_id)),
    };
    let outcome = Outcome { result, log_lines, journal: None, ts: 0 };
    Ok(Attempt {
        tx,
        commit: true,
        record: None,
        value: Some(MutationRun { outcome, effects, files, duration, usage }),
    })
}

#[cfg(test)]
mod component_tests;
#[cfg(test)]
mod tests;
