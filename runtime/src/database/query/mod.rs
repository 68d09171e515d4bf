//! Queries: a source (full scan, index range or full-text search), operators on top, and pages of the result.
//!
//! - [`Query`] is the data form shared by Rust handlers and JavaScript, with its JSON;
//! - [`expression`] evaluates filters, [`range`] turns index expressions into key intervals;
//! - [`stream`] reads documents one by one and widens the read set exactly as far as it got;
//! - [`search_scan`] does the same for the results of a full-text search;
//! - [`paginate`] reads pages with deterministic cursors and journals.
//!
//! Deliberately absent: joins, aggregates, a planner. A query says which index it uses.

pub mod expression;
mod json;
pub mod paginate;
pub(crate) mod range;
pub(crate) mod search_scan;
pub mod stream;

pub use expression::{Expression, ValueType};
pub use paginate::{Page, PageRequest, PageStatus};
pub use stream::QueryStream;

pub use super::search::query::SearchExpression;

use fusion_schema::Value;

/// In which direction an index is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    #[default]
    Asc,
    /// Largest key first.
    Desc,
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where documents come from.
    pub source: QuerySource,
    /// What happens to them, in this order.
    pub operators: Vec<QueryOperator>,
}

/// Where a query's documents come from.
#[derive(Clone, Debug)]
pub enum QuerySource {
    /// The whole table in order of creation.
    FullTableScan {
        /// The table's name.
        table: String,
        /// The direction.
        order: Order,
    },
    /// A range of an index.
    IndexRange {
        /// The table's name.
        table: String,
        /// The index's name inside the table.
        index: String,
        /// Conditions on a prefix of the index's fields.
        range: Vec<RangeExpression>,
        /// The direction.
        order: Order,
    },
    /// The results of a full-text search, best first.
    Search {
        /// The table's name.
        table: String,
        /// The full-text index's name inside the table.
        index: String,
        /// What to search for, and filters.
        filters: Vec<SearchExpression>,
    },
}

impl QuerySource {
    /// The table that is read.
    pub fn table(&self) -> &str {
        match self {
            Self::FullTableScan { table, .. }
            | Self::IndexRange { table, .. }
            | Self::Search { table, .. } => table,
        }
    }

    /// The direction of reading; the results of a search have their own order, which is read forward.
    pub const fn order(&self) -> Order {
        match self {
            Self::FullTableScan { order, .. } | Self::IndexRange { order, .. } => *order,
            Self::Search { .. } => Order::Asc,
        }
    }
}

/// How a field is compared in an index range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOperator {
    /// Equal.
    Eq,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

/// A condition of an index range.
#[derive(Clone, Debug)]
pub struct RangeExpression {
    /// How.
    pub operator: RangeOperator,
    /// The dotted path of the field.
    pub field: String,
    /// With what; `None` stands for a missing field.
    pub value: Option<Value>,
}

/// A step on a stream of documents.
#[derive(Clone, Debug)]
pub enum QueryOperator {
    /// Lets documents pass for which the expression is true.
    Filter(Expression),
    /// Lets the first so many pass, then ends the stream.
    Limit(usize),
}

#[cfg(test)]
mod tests;
