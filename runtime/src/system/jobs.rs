//! Scheduled functions: rows of `_scheduled_functions`, which are the jobs.
//!
//! A job's state moves from `pending` to `success`, `failed` or `canceled`; an action's passes `inProgress` on
//! the way. What runs them is the scheduler.

use fusion_schema::table::{ScheduledFunction, ScheduledState};
use fusion_schema::{Doc, DocumentId, Object, TableNumber, Typed, Value};

use super::{condition, equal, first, range};
use crate::database::query::{Expression, Order, Query, QueryOperator, QuerySource, RangeOperator};
use crate::database::{ComponentId, Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_scheduled_functions";

/// How far ahead a function can be scheduled: five years, in milliseconds.
pub const DELAY_MAX_MS: f64 = 5.0 * 366.0 * 24.0 * 3_600_000.0;
/// Largest arguments of one scheduled function, in bytes of [`Value::size`].
pub const ARGUMENTS_SIZE_MAX: usize = 4 << 20;

/// A row of `_scheduled_functions`.
pub type Job = Doc<ScheduledFunction>;

/// A job by the component whose row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobRef {
    /// The component.
    pub component: ComponentId,
    /// The row.
    pub id: DocumentId,
}

impl JobRef {
    /// Whether the job was canceled, or removed since.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn is_canceled(self, tx: &mut Transaction) -> Result<bool> {
        let job = tx.inside(self.component, |tx| Jobs::new(tx).get(self.id))?;
        Ok(job.is_none_or(|job| job.state == ScheduledState::Canceled))
    }
}

/// What canceling a job did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceled {
    /// It will not run, or what runs will not be heard of again.
    Now,
    /// It had ended before.
    TooLate,
}

/// The scheduled functions as one transaction sees them.
pub struct Jobs<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Jobs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

impl<'a> Jobs<'a> {
    /// The jobs in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    /// Adds a job that is due at `due_ms`. `name` is the function's path with extension, `component` that of the
    /// component it is in; `canceled` makes one that will never run (scheduled by a job that was canceled while it ran).
    ///
    /// # Errors
    /// `InvalidScheduledFunctionDelay` for a time that is no time or too far away,
    /// `ScheduledFunctionsArgumentsTooLarge`.
    pub fn schedule(
        &mut self,
        name: String,
        component: &str,
        args: Object,
        due_ms: f64,
        now_ms: f64,
        canceled: bool,
    ) -> Result<DocumentId> {
        if !due_ms.is_finite() || (due_ms - now_ms).abs() > DELAY_MAX_MS {
            return Err(Error::bad_request(
                "InvalidScheduledFunctionDelay",
                format!(
                    "{due_ms} milliseconds is not a time to schedule {name} at: it must lie within 5 years of now."
                ),
            ));
        }
        if args.size() > ARGUMENTS_SIZE_MAX {
            return Err(Error::bad_request(
                "ScheduledFunctionsArgumentsTooLarge",
                format!(
                    "The arguments for scheduled function {name} are too large: {} bytes, at most {ARGUMENTS_SIZE_MAX} are allowed.",
                    args.size()
                ),
            ));
        }
        let row = ScheduledFunction {
            name,
            component: (component != self.tx.component_path()).then(|| component.to_owned()),
            args: vec![Value::Object(args)],
            scheduled_time: due_ms,
            completed_time: canceled.then_some(now_ms),
            state: if canceled { ScheduledState::Canceled } else { ScheduledState::Pending },
        };
        match row.encode() {
            Value::Object(fields) => self.tx.insert(TABLE, fields),
            other => Err(Error::internal(format!("a job is encoded as {}", other.type_name()))),
        }
    }

    /// A job by its id; `None` also for an id of another table.
    pub fn get(&mut self, id: DocumentId) -> Result<Option<Job>> {
        if id.table != TableNumber::SCHEDULED_FUNCTIONS {
            return Ok(None);
        }
        self.tx.get(id)?.map(|row| decode(&row)).transpose()
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// `ScheduledFunctionNotFound` if there is no such job.
    pub fn cancel(&mut self, id: DocumentId, now_ms: f64) -> Result<Canceled> {
        let Some(job) = self.get(id)? else {
            return Err(Error::not_found(
                "ScheduledFunctionNotFound",
                format!(
                    "The scheduled function {id} was not found. Its row may have been removed after it ended."
                ),
            ));
        };
        match job.state {
            ScheduledState::Pending | ScheduledState::InProgress => {
                self.finish(job, ScheduledState::Canceled, now_ms)?;
                Ok(Canceled::Now)
            }
            _ => Ok(Canceled::TooLate),
        }
    }

    /// Cancels pending jobs, all or those of one function (its path with extension), due in the given time; at
    /// most `limit` of them. Gives how many.
    pub fn cancel_pending(
        &mut self,
        name: Option<&str>,
        due_ms: std::ops::Range<f64>,
        now_ms: f64,
        limit: usize,
    ) -> Result<usize> {
        let pending = vec![
            equal("state.kind", "pending"),
            condition(RangeOperator::Gte, "scheduledTime", due_ms.start),
            condition(RangeOperator::Lt, "scheduledTime", due_ms.end),
        ];
        let mut operators = Vec::new();
        if let Some(name) = name {
            operators.push(QueryOperator::Filter(Expression::field("name").eq(Expression::literal(name))));
        }
        operators.push(QueryOperator::Limit(limit));
        let source = QuerySource::IndexRange {
            table: TABLE.to_owned(),
            index: "by_state".to_owned(),
            range: pending,
            order: Order::Asc,
        };
        // Those of other functions are looked at, too, however many there are.
        self.tx.lift_limits();
        let mut stream = self.tx.query(&Query { source, operators })?;
        let mut jobs = Vec::new();
        while let Some(row) = stream.next(self.tx)? {
            jobs.push(decode(&row)?);
        }
        let count = jobs.len();
        jobs.into_iter().try_for_each(|job| self.finish(job, ScheduledState::Canceled, now_ms))?;
        Ok(count)
    }

    /// Removes the oldest rows, whatever has become of their jobs; at most `limit`. Gives how many.
    pub fn remove_oldest(&mut self, limit: usize) -> Result<usize> {
        self.tx.lift_limits();
        let rows = range(self.tx, TABLE, "by_creation_time", Vec::new(), limit)?;
        for row in &rows {
            self.tx.delete(row.id())?;
        }
        Ok(rows.len())
    }

    /// Notes that an action's run begins.
    pub fn start(&mut self, mut job: Job) -> Result<()> {
        job.fields.state = ScheduledState::InProgress;
        self.replace(job)
    }

    /// Notes how a job ended.
    pub fn finish(&mut self, mut job: Job, state: ScheduledState, now_ms: f64) -> Result<()> {
        job.fields.state = state;
        job.fields.completed_time = Some(now_ms);
        self.replace(job)
    }

    fn replace(&mut self, job: Job) -> Result<()> {
        match job.fields.encode() {
            Value::Object(fields) => self.tx.replace(job.id.document_id(), fields).map(drop),
            other => Err(Error::internal(format!("a job is encoded as {}", other.type_name()))),
        }
    }

    /// The pending jobs due at `now_ms`, oldest first.
    pub fn due(&mut self, now_ms: f64, limit: usize) -> Result<Vec<Job>> {
        let due =
            vec![equal("state.kind", "pending"), condition(RangeOperator::Lte, "scheduledTime", now_ms)];
        range(self.tx, TABLE, "by_state", due, limit)?.iter().map(decode).collect()
    }

    /// When the next pending job after `now_ms` is due.
    pub fn next_due(&mut self, now_ms: f64) -> Result<Option<f64>> {
        let later =
            vec![equal("state.kind", "pending"), condition(RangeOperator::Gt, "scheduledTime", now_ms)];
        let row = first(self.tx, TABLE, "by_state", later)?;
        Ok(row.and_then(|row| row.fields().get("scheduledTime").and_then(Value::as_f64)))
    }

    /// The jobs whose run has begun.
    pub fn in_progress(&mut self, limit: usize) -> Result<Vec<Job>> {
        let running = vec![equal("state.kind", "inProgress")];
        range(self.tx, TABLE, "by_state", running, limit)?.iter().map(decode).collect()
    }

    /// Removes rows of jobs that ended before `before_ms`; at most `limit`. Gives how many.
    pub fn remove_ended(&mut self, before_ms: f64, limit: usize) -> Result<usize> {
        let old = vec![
            // A missing time sorts before every number: such jobs have not ended.
            condition(RangeOperator::Gt, "completedTime", f64::NEG_INFINITY),
            condition(RangeOperator::Lt, "completedTime", before_ms),
        ];
        let rows = range(self.tx, TABLE, "by_completed_time", old, limit)?;
        for row in &rows {
            self.tx.delete(row.id())?;
        }
        Ok(rows.len())
    }
}

fn decode(row: &Document) -> Result<Job> {
    Job::decode(row.to_value())
        .map_err(|error| Error::internal(format!("the row of job {} is damaged: {error}", row.id())))
}
