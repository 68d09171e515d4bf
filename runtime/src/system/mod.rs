//! Typed models of the system tables over a [`Transaction`]: ordinary transactions, no side door.
//!
//! - [`environment`]: the deployment's environment variables, encrypted at rest,
//! - [`jobs`]: scheduled functions,
//! - [`crons`]: functions that run again and again, and their [`schedule`]s,
//! - [`modules`]: the code that was pushed; [`pushed_schemas`]: the schemas that came with it,
//! - [`components`]: the instances of components and their definitions,
//! - [`files`]: metadata of stored files; [`file_storage`] and [`blobs`]: their contents.
//! - [`function_handles`]: by what functions are called across components;
//! - [`indexes`]: which indexes there are;  [`events`]: what administrators did;  [`deployment_state`]: whether it runs;
//! - [`log_streams`]: where events are sent to;
//! - [`imports`] and [`exports`]: data on its way in and out.
//!
//! Deliberately absent: who may see or change what (the functions and the server decide), and when jobs run (the
//! scheduler).

pub mod blobs;
pub mod components;
pub mod crons;
pub mod deployment_state;
pub mod environment;
pub mod events;
pub mod exports;
pub mod file_storage;
pub mod files;
pub mod function_handles;
pub mod imports;
pub mod indexes;
pub mod jobs;
pub mod log_streams;
pub mod modules;
pub mod pushed_schemas;
pub mod schedule;

use fusion_schema::Value;

use crate::Result;
use crate::database::query::{Order, Query, QueryOperator, QuerySource, RangeExpression, RangeOperator};
use crate::database::{Document, Transaction};

/// A condition on a field of an index.
pub(crate) fn condition(operator: RangeOperator, field: &str, value: impl Into<Value>) -> RangeExpression {
    RangeExpression { operator, field: field.to_owned(), value: Some(value.into()) }
}

/// `field == value`.
pub(crate) fn equal(field: &str, value: impl Into<Value>) -> RangeExpression {
    condition(RangeOperator::Eq, field, value)
}

/// The documents of an index range, in the index's order, at most `limit` of them.
pub(crate) fn range(
    tx: &mut Transaction,
    table: &str,
    index: &str,
    range: Vec<RangeExpression>,
    limit: usize,
) -> Result<Vec<Document>> {
    let query = Query {
        source: QuerySource::IndexRange {
            table: table.to_owned(),
            index: index.to_owned(),
            range,
            order: Order::Asc,
        },
        operators: vec![QueryOperator::Limit(limit)],
    };
    let mut stream = tx.query(&query)?;
    let mut documents = Vec::new();
    while let Some(document) = stream.next(tx)? {
        documents.push(document);
    }
    Ok(documents)
}

/// The first document of an index range.
pub(crate) fn first(
    tx: &mut Transaction,
    table: &str,
    index: &str,
    conditions: Vec<RangeExpression>,
) -> Result<Option<Document>> {
    Ok(range(tx, table, index, conditions, 1)?.pop())
}

/// Every document of a table, in order of creation.
pub(crate) fn all(tx: &mut Transaction, table: &str) -> Result<Vec<Document>> {
    range(tx, table, "by_creation_time", Vec::new(), usize::MAX)
}
