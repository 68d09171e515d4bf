//! Crons: `_cron_jobs` has what they are, `_cron_next_run` when each runs next, `_cron_job_logs` how the latest
//! runs ended.
//!
//! A cron never overlaps itself: runs that fall due while one is going on are skipped and logged as canceled.

use std::collections::BTreeMap;

use fusion_schema::{DocumentId, Object, Value, json, object};
use serde_json::Value as Json;

use super::schedule::Schedule;
use super::{all, condition, equal, first, range};
use crate::database::query::RangeOperator;
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const JOBS: &str = "_cron_jobs";
const NEXT_RUNS: &str = "_cron_next_run";
const LOGS: &str = "_cron_job_logs";

/// Runs of each cron whose log is kept.
const LOGS_PER_CRON_MAX: usize = 5;
/// Missed runs that are counted one by one; of more only this number is logged.
const MISSED_RUNS_MAX: i64 = 1_000;

/// A cron as the application declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct CronSpec {
    /// The path of the component it is in; empty for the app.
    pub component: String,
    /// The name, unique in the component.
    pub name: String,
    /// The path of the function, with extension.
    pub path: String,
    /// Its arguments.
    pub args: Object,
    /// When it runs.
    pub schedule: Schedule,
}

/// A cron and its next run.
#[derive(Clone, Debug)]
pub struct CronRun {
    /// The row of the cron.
    pub job: DocumentId,
    /// The row of the next run.
    row: DocumentId,
    /// What runs when.
    pub spec: CronSpec,
    /// When it ran before, in nanoseconds since the epoch.
    pub previous_ns: Option<u64>,
    /// When it is due, in nanoseconds since the epoch.
    pub due_ns: u64,
    /// Whether it has begun.
    pub in_progress: bool,
}

/// The crons, by name, that are stored differently now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CronChanges {
    /// New ones.
    pub added: Vec<String>,
    /// Ones with another function, other arguments or another schedule.
    pub updated: Vec<String>,
    /// Ones that are gone.
    pub deleted: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CronOutcome {
    /// It returned this.
    Success(Value),
    /// It failed with this text.
    Failed(String),
}

/// The crons as one transaction sees them.
pub struct Crons<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Crons<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crons").finish_non_exhaustive()
    }
}

impl<'a> Crons<'a> {
    /// The crons in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    /// Makes the stored crons those that the application declares: unchanged ones keep their next run, changed ones
    /// get a new one, the others go. An interval cron runs at once. Gives what happened in each component, by its path.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn sync(&mut self, specs: &[CronSpec], now_ns: u64) -> Result<BTreeMap<String, CronChanges>> {
        let mut changes: BTreeMap<String, CronChanges> = BTreeMap::new();
        for row in all(self.tx, JOBS)? {
            let name = row.fields().get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let component = component_of(&row).to_owned();
            if !specs.iter().any(|spec| spec.name == name && spec.component == component) {
                self.remove_next_run(row.id())?;
                for log in self.logs(&component, &name)? {
                    self.tx.delete(log.id())?;
                }
                self.tx.delete(row.id())?;
                changes.entry(component).or_default().deleted.push(name);
            }
        }
        for spec in specs {
            let named = range(self.tx, JOBS, "by_name", vec![equal("name", spec.name.as_str())], usize::MAX)?;
            let found = named.into_iter().find(|row| component_of(row) == spec.component);
            let job = match found {
                Some(row) if spec_of(&row).is_ok_and(|stored| stored == *spec) => continue,
                Some(row) => {
                    self.tx.replace(row.id(), spec_row(spec))?;
                    self.remove_next_run(row.id())?;
                    changes.entry(spec.component.clone()).or_default().updated.push(spec.name.clone());
                    row.id()
                }
                None => {
                    changes.entry(spec.component.clone()).or_default().added.push(spec.name.clone());
                    self.tx.insert(JOBS, spec_row(spec))?
                }
            };
            let first_ns = match spec.schedule {
                Schedule::Interval { .. } => Some(now_ns),
                _ => spec.schedule.next_after(&spec.name, None, now_ns),
            };
            // A schedule without a next time (the 30th of February) has no row and never runs.
            if let Some(first_ns) = first_ns {
                self.tx.insert(NEXT_RUNS, next_run_row(job, "pending", None, first_ns))?;
            }
        }
        Ok(changes)
    }

    fn remove_next_run(&mut self, job: DocumentId) -> Result<()> {
        for row in range(self.tx, NEXT_RUNS, "by_cron_job", vec![equal("cronJobId", job)], usize::MAX)? {
            self.tx.delete(row.id())?;
        }
        Ok(())
    }

    fn logs(&mut self, component: &str, name: &str) -> Result<Vec<Document>> {
        let logs = range(self.tx, LOGS, "by_name", vec![equal("name", name)], usize::MAX)?;
        Ok(logs.into_iter().filter(|log| component_of(log) == component).collect())
    }

    /// Every cron of a component as dashboards show it: its row with its next and its latest run.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn list(&mut self, component: &str) -> Result<Vec<Value>> {
        let mut shown = Vec::new();
        let rows = range(self.tx, JOBS, "by_name", Vec::new(), usize::MAX)?;
        for row in rows.into_iter().filter(|row| component_of(row) == component) {
            let name = row.fields().get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let next = first(self.tx, NEXT_RUNS, "by_cron_job", vec![equal("cronJobId", row.id())])?;
            let last = self.logs(component, &name)?.pop();
            let value = |row: Option<Document>| row.map_or(Value::Null, |row| row.to_value());
            let mut fields = row.into_fields();
            fields.insert("lastRun", value(last));
            fields.insert("nextRun", value(next));
            shown.push(Value::Object(fields));
        }
        Ok(shown)
    }

    /// The logs of the latest runs of all crons of a component, oldest first.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn all_logs(&mut self, component: &str) -> Result<Vec<Value>> {
        let logs = all(self.tx, LOGS)?;
        Ok(logs.iter().filter(|log| component_of(log) == component).map(Document::to_value).collect())
    }

    /// The next run of every cron that is due at `now_ns`, begun ones included; oldest first.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn due(&mut self, now_ns: u64) -> Result<Vec<CronRun>> {
        let due = vec![condition(RangeOperator::Lte, "nextTs", int(now_ns))];
        range(self.tx, NEXT_RUNS, "by_next_ts", due, usize::MAX)?.iter().map(|row| self.run_of(row)).collect()
    }

    /// When the next cron after `now_ns` is due.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn next_due(&mut self, now_ns: u64) -> Result<Option<u64>> {
        let later = vec![condition(RangeOperator::Gt, "nextTs", int(now_ns))];
        let row = first(self.tx, NEXT_RUNS, "by_next_ts", later)?;
        Ok(row.and_then(|row| nanoseconds(&row, "nextTs")))
    }

    /// The run whose row this is, as it now stands; `None` once the cron has changed or gone.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn reload(&mut self, run: &CronRun) -> Result<Option<CronRun>> {
        self.tx.get(run.row)?.map(|row| self.run_of(&row)).transpose()
    }

    fn run_of(&mut self, row: &Document) -> Result<CronRun> {
        let damaged = || Error::internal(format!("the row {} of a cron's next run is damaged", row.id()));
        let fields = row.fields();
        let job = fields.get("cronJobId").and_then(Value::as_str).and_then(|id| DocumentId::decode(id).ok());
        let job = job.ok_or_else(damaged)?;
        let job_row = self.tx.get(job)?.ok_or_else(damaged)?;
        Ok(CronRun {
            job,
            row: row.id(),
            spec: spec_of(&job_row)?,
            previous_ns: nanoseconds(row, "prevTs"),
            due_ns: nanoseconds(row, "nextTs").ok_or_else(damaged)?,
            in_progress: fields.get_path("state.type").and_then(Value::as_str) == Some("inProgress"),
        })
    }

    /// Notes that an action's run begins.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn start(&mut self, run: &CronRun) -> Result<()> {
        let row = next_run_row(run.job, "inProgress", run.previous_ns, run.due_ns);
        self.tx.replace(run.row, row).map(drop)
    }

    /// Logs how a run ended and sets the next one. `lines` are its log lines in structured form.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn finish(
        &mut self,
        run: &CronRun,
        outcome: &CronOutcome,
        lines: &[Json],
        seconds: f64,
        now_ns: u64,
    ) -> Result<()> {
        let status = match outcome {
            CronOutcome::Success(value) => object! {
                "result" => object! { "type" => "default", "value" => json::encode(value) }, "type" => "success"
            },
            CronOutcome::Failed(error) => object! { "error" => error.as_str(), "type" => "err" },
        };
        self.log(run, status, lines, seconds, run.due_ns)?;
        let spec = &run.spec;
        let missed = missed_runs(run, now_ns);
        if missed > 0 {
            let status = object! { "num_canceled" => missed, "type" => "canceled" };
            self.log(run, status, &[], 0.0, now_ns)?;
        }
        match spec.schedule.next_after(&spec.name, Some(run.due_ns), now_ns.max(run.due_ns)) {
            Some(next) => {
                let row = next_run_row(run.job, "pending", Some(run.due_ns), next);
                self.tx.replace(run.row, row).map(drop)
            }
            None => self.tx.delete(run.row).map(drop),
        }
    }

    /// Calls off the runs that are due and have not begun, and logs them as canceled.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn skip_due(&mut self, now_ns: u64) -> Result<()> {
        for run in self.due(now_ns)? {
            if run.in_progress {
                continue;
            }
            let skipped = 1 + missed_runs(&run, now_ns);
            let status = object! { "num_canceled" => skipped, "type" => "canceled" };
            self.log(&run, status, &[], 0.0, now_ns)?;
            match run.spec.schedule.next_after(&run.spec.name, Some(run.due_ns), now_ns) {
                Some(next) => {
                    self.tx.replace(run.row, next_run_row(run.job, "pending", run.previous_ns, next))?;
                }
                None => self.tx.delete(run.row).map(drop)?,
            }
        }
        Ok(())
    }

    fn log(&mut self, run: &CronRun, status: Object, lines: &[Json], seconds: f64, ts: u64) -> Result<()> {
        let lines = lines.iter().map(|line| Value::String(line.to_string())).collect::<Vec<_>>();
        let row = object! {
            "executionTime" => seconds,
            "logLines" => object! { "isTruncated" => false, "logLines" => lines },
            "name" => run.spec.name.as_str(),
            "status" => status,
            "ts" => int(ts),
            "udfArgs" => args_bytes(&run.spec.args),
            "udfPath" => run.spec.path.as_str(),
        };
        self.tx.insert(LOGS, in_component(row, &run.spec.component))?;
        let logs = self.logs(&run.spec.component, &run.spec.name)?;
        for old in &logs[..logs.len().saturating_sub(LOGS_PER_CRON_MAX)] {
            self.tx.delete(old.id())?;
        }
        Ok(())
    }
}

/// How many runs after this one would have begun by `now_ns`.
fn missed_runs(run: &CronRun, now_ns: u64) -> i64 {
    let (spec, mut count, mut at) = (&run.spec, 0, run.due_ns);
    while count < MISSED_RUNS_MAX {
        match spec.schedule.next_after(&spec.name, Some(at), at) {
            Some(next) if next <= now_ns => at = next,
            _ => break,
        }
        count += 1;
    }
    count
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn nanoseconds(row: &Document, field: &str) -> Option<u64> {
    match row.fields().get(field) {
        Some(Value::Int64(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn next_run_row(job: DocumentId, state: &str, previous_ns: Option<u64>, next_ns: u64) -> Object {
    object! {
        "cronJobId" => job,
        "nextTs" => int(next_ns),
        "prevTs" => previous_ns.map_or(Value::Null, |ns| Value::Int64(int(ns))),
        "state" => object! { "type" => state },
    }
}

/// Arguments as rows keep them: the bytes of a JSON array.
fn args_bytes(args: &Object) -> Value {
    let mut text = "[".to_owned();
    json::encode_object_to(args, json::Format::Encoded, &mut text);
    text.push(']');
    Value::Bytes(text.into_bytes())
}

fn spec_row(spec: &CronSpec) -> Object {
    let row = object! { "cronSpec" => cron_spec_value(spec), "name" => spec.name.as_str() };
    in_component(row, &spec.component)
}

/// A row that says of which component it is; those of the app do not.
fn in_component(mut row: Object, component: &str) -> Object {
    if !component.is_empty() {
        row.insert("component", component);
    }
    row
}

/// The component a row is of.
fn component_of(row: &Document) -> &str {
    row.fields().get("component").and_then(Value::as_str).unwrap_or_default()
}

/// What runs when, as rows and lists of modules have it.
pub(crate) fn cron_spec_value(spec: &CronSpec) -> Object {
    object! {
        "cronSchedule" => schedule_value(&spec.schedule),
        "udfArgs" => args_bytes(&spec.args),
        "udfPath" => spec.path.as_str(),
    }
}

/// The schedule as rows keep it: whole numbers are int64, the expression is called `cronExpr`.
fn schedule_value(schedule: &Schedule) -> Value {
    if let Schedule::Cron(expression) = schedule {
        return Value::Object(object! { "cronExpr" => expression.as_str(), "type" => "cron" });
    }
    let Json::Object(fields) = schedule.to_json() else { return Value::Null };
    let field = |value: Json| match value {
        Json::Number(number) => Value::Int64(number.as_i64().unwrap_or_default()),
        Json::String(text) => Value::String(text),
        _ => Value::Null,
    };
    Value::Object(fields.into_iter().map(|(name, value)| (name, field(value))).collect())
}

fn spec_of(row: &Document) -> Result<CronSpec> {
    let fields = row.fields();
    let parts = (|| {
        let text = |path: &str| fields.get_path(path).and_then(Value::as_str).map(str::to_owned);
        let Some(Value::Bytes(args)) = fields.get_path("cronSpec.udfArgs") else { return None };
        let args = json::decode(std::str::from_utf8(args).ok()?).ok()?;
        let Value::Array(args) = args else { return None };
        let Some(Value::Object(args)) = args.into_iter().next() else { return None };
        let schedule = fields.get_path("cronSpec.cronSchedule")?.as_object()?;
        let plain = schedule.iter().map(|(name, value)| {
            let value = match value {
                Value::Int64(number) => Json::from(*number),
                Value::String(text) => Json::from(text.as_str()),
                _ => Json::Null,
            };
            (name.to_owned(), value)
        });
        Some(CronSpec {
            component: text("component").unwrap_or_default(),
            name: text("name")?,
            path: text("cronSpec.udfPath")?,
            args,
            schedule: Schedule::from_json(&Json::Object(plain.collect())).ok()?,
        })
    })();
    parts.ok_or_else(|| Error::internal(format!("the row {} of a cron is damaged", row.id())))
}
