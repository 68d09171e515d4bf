//! What administrators did to the deployment: rows of `_deployment_audit_log`, written in the very transactions that
//! did it.
//!
//! The oldest go when there are too many. Deliberately absent: who it was (an admin key has no name), and what functions do.

use fusion_schema::{Object, Value, object};

use super::{condition, range};
use crate::Result;
use crate::database::query::{
    Expression, Order, Query, QueryOperator, QuerySource, RangeExpression, RangeOperator,
};
use crate::database::{Document, Page, PageRequest, Transaction};

/// The table.
const TABLE: &str = "_deployment_audit_log";
/// Events that are kept.
pub const EVENTS_MAX: u64 = 10_000;
/// Events of a list that is no page.
const LISTED_MAX: usize = 1_000;
/// What a push is called.
pub const PUSH: &str = "push_config";

/// Which events a page shows.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// From that time on, in milliseconds since the epoch.
    pub min_ms: Option<f64>,
    /// Up to that time.
    pub max_ms: Option<f64>,
    /// Only these actions.
    pub actions: Option<Vec<String>>,
    /// Only what these members did.
    pub members: Option<Vec<Value>>,
}

/// The events as one transaction sees them.
pub struct Events<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl<'a> Events<'a> {
    /// The events in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    /// Notes that an administrator did something.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn record(&mut self, action: &str, metadata: Object) -> Result<()> {
        let row = object! { "action" => action, "member_id" => Value::Null, "metadata" => metadata };
        self.tx.insert(TABLE, row)?;
        let count = self.tx.count(TABLE)?;
        if count > EVENTS_MAX {
            let excess = usize::try_from(count - EVENTS_MAX).unwrap_or(usize::MAX);
            for old in range(self.tx, TABLE, "by_creation_time", Vec::new(), excess.min(LISTED_MAX))? {
                self.tx.delete(old.id())?;
            }
        }
        Ok(())
    }

    /// The newest push.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn last_push(&mut self) -> Result<Option<Value>> {
        let source = QuerySource::IndexRange {
            table: TABLE.to_owned(),
            index: "by_action".to_owned(),
            range: vec![super::equal("action", PUSH)],
            order: Order::Desc,
        };
        let mut stream = self.tx.query(&Query { source, operators: vec![QueryOperator::Limit(1)] })?;
        Ok(stream.next(self.tx)?.map(|row| row.to_value()))
    }

    /// A page of events, newest first.
    ///
    /// # Errors
    /// As [`Transaction::paginate`].
    pub fn page(&mut self, filter: EventFilter, request: &PageRequest) -> Result<Page> {
        let bound = |operator, time: Option<f64>| time.map(|time| condition(operator, "_creationTime", time));
        let bounds = bound(RangeOperator::Gte, filter.min_ms)
            .into_iter()
            .chain(bound(RangeOperator::Lte, filter.max_ms));
        let among = |field: &str, values: Vec<Value>| {
            let is_one = |value: Value| Expression::field(field).eq(Expression::literal(value));
            QueryOperator::Filter(Expression::Or(values.into_iter().map(is_one).collect()))
        };
        let actions = filter.actions.map(|actions| actions.into_iter().map(Value::from).collect());
        let actions = actions.map(|actions| among("action", actions));
        let members = filter.members.map(|members| among("member_id", members));
        let operators = actions.into_iter().chain(members).collect();
        let query = Query { source: by_time(bounds.collect(), Order::Desc), operators };
        self.tx.paginate(&query, request)
    }

    /// A page of the events from that time on, in milliseconds since the epoch, oldest first.
    ///
    /// # Errors
    /// As [`Transaction::paginate`].
    pub fn page_from(&mut self, from_ms: f64, request: &PageRequest) -> Result<Page> {
        let from = vec![condition(RangeOperator::Gte, "_creationTime", from_ms)];
        self.tx.paginate(&Query { source: by_time(from, Order::Asc), operators: Vec::new() }, request)
    }

    /// The events after that time, in milliseconds since the epoch, oldest first; a bounded number of them.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn rows_after(&mut self, after_ms: f64) -> Result<Vec<Document>> {
        let after = vec![condition(RangeOperator::Gt, "_creationTime", after_ms)];
        range(self.tx, TABLE, "by_creation_time", after, LISTED_MAX)
    }

    /// The events from that time on, in milliseconds since the epoch, oldest first; a bounded number of them.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn since(&mut self, from_ms: f64) -> Result<Vec<Value>> {
        let from = vec![condition(RangeOperator::Gte, "_creationTime", from_ms)];
        let rows = range(self.tx, TABLE, "by_creation_time", from, LISTED_MAX)?;
        Ok(rows.iter().map(Document::to_value).collect())
    }
}

fn by_time(range: Vec<RangeExpression>, order: Order) -> QuerySource {
    QuerySource::IndexRange { table: TABLE.to_owned(), index: "by_creation_time".to_owned(), range, order }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Database, DatabaseOptions};

    #[test]
    fn the_oldest_events_go() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        tx.lift_limits();
        for number in 0..EVENTS_MAX + 5 {
            Events::new(&mut tx).record("test", object! { "number" => number as f64 }).unwrap();
        }
        assert_eq!(tx.count(TABLE).unwrap(), EVENTS_MAX);
        let first = Events::new(&mut tx).since(0.0).unwrap().remove(0);
        let Value::Object(first) = first else { panic!("{first:?}") };
        assert_eq!(first.get_path("metadata.number"), Some(&Value::Float64(5.0)));
    }

    #[test]
    fn pages_show_what_was_asked_for() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        assert_eq!(Events::new(&mut tx).last_push().unwrap(), None);
        for action in [PUSH, "other", PUSH, "third"] {
            Events::new(&mut tx).record(action, object! {}).unwrap();
        }
        assert!(Events::new(&mut tx).last_push().unwrap().is_some());
        let request = PageRequest { page_size: 10, ..PageRequest::default() };
        let mut count = |filter| Events::new(&mut tx).page(filter, &request).unwrap().page.len();
        assert_eq!(count(EventFilter::default()), 4);
        assert_eq!(count(EventFilter { actions: Some(vec![PUSH.to_owned()]), ..EventFilter::default() }), 2);
        assert_eq!(count(EventFilter { actions: Some(Vec::new()), ..EventFilter::default() }), 0);
        assert_eq!(count(EventFilter { members: Some(vec![Value::Int64(1)]), ..EventFilter::default() }), 0);
        assert_eq!(count(EventFilter { min_ms: Some(f64::MAX), ..EventFilter::default() }), 0);
        assert_eq!(count(EventFilter { max_ms: Some(0.0), ..EventFilter::default() }), 0);
    }
}
