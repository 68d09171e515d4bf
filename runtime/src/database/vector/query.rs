//! [`VectorQuery`]: what is asked of a vector index, and [`Database::vector_search`], which answers.

use std::time::Duration;

use fusion_schema::table::VectorIndexDefinition;
use fusion_schema::{DocumentId, Value};

use super::coding;
use super::extract::tag;
use super::kept::Identity;
use super::scan::Filter;
use crate::database::catalog::Catalog;
use crate::database::{ComponentId, Database, TableId};
use crate::error::{Error, Result};

/// Results when nothing else is asked for.
pub const VECTOR_RESULTS_DEFAULT: usize = 10;
/// Most results of one search.
pub const VECTOR_RESULTS_MAX: usize = 256;
/// Most expressions of one filter.
pub const VECTOR_FILTERS_MAX: usize = 64;
/// How long a search waits for an index that is being built or brought up to date.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A search for the documents with the vectors most similar to a given one.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorQuery {
    /// The vector, of the index's dimensions. Its length does not matter.
    pub vector: Vec<f64>,
    /// How many results, from 1 to [`VECTOR_RESULTS_MAX`].
    pub limit: usize,
    /// Only documents where one of these filter fields has the value beside it (`None`: where it is missing). Empty: all.
    pub filter: Vec<(String, Option<Value>)>,
}

impl VectorQuery {
    /// A search among all documents for the [`VECTOR_RESULTS_DEFAULT`] most similar.
    pub fn new<N: Into<f64>>(vector: impl IntoIterator<Item = N>) -> Self {
        let vector = vector.into_iter().map(Into::into).collect();
        Self { vector, limit: VECTOR_RESULTS_DEFAULT, filter: Vec::new() }
    }

    /// Sets how many results.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Lets through documents whose `field` is `value`, beside those that other calls let through.
    #[must_use]
    pub fn or_eq(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.filter.push((field.into(), Some(value.into())));
        self
    }
}

/// A document that a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorMatch {
    /// The document.
    pub id: DocumentId,
    /// The cosine of the angle between the two vectors, from -1 to 1; 0 if one of them has only zeros.
    pub score: f64,
}

impl Database {
    /// The documents whose vectors are most similar, best first, in a state that is at least as new as what is published
    /// when this is called. Blocks the thread, for long while the index is being built.
    ///
    /// # Errors
    /// Bad request if there is no such index or the query does not suit it; overloaded if the index takes too long to be
    /// built.
    pub fn vector_search(
        &self,
        component: ComponentId,
        table: &str,
        index: &str,
        query: &VectorQuery,
    ) -> Result<Vec<VectorMatch>> {
        let name = format!("{table}.{index}");
        let now = self.published();
        let (table_id, definition) = find(now.catalog(), component, table, index, &name)?;
        let vector = check(&name, definition, query)?;
        let filter = filter(&name, definition, &query.filter)?;
        let number = now.catalog().table_by_id(table_id).map(|table| table.number);
        let kept = self.inner.vectors.find(&Identity::new(table_id, definition));
        let ts = now.ts();
        let Some((kept, number)) = kept.zip(number) else { return Err(unavailable(&name)) };
        drop(now);
        let found =
            kept.search(&vector, query.limit, &filter, ts, WAIT_MAX).ok_or_else(|| unavailable(&name))?;
        let found = found.into_iter();
        Ok(found
            .map(|it| VectorMatch { id: DocumentId::new(number, it.version.id), score: it.score })
            .collect())
    }
}

fn unavailable(name: &str) -> Error {
    Error::overloaded(
        "VectorIndexesUnavailable",
        format!("Index {name} is currently backfilling and not available to query yet."),
    )
}

fn find<'a>(
    catalog: &'a Catalog,
    component: ComponentId,
    table: &str,
    index: &str,
    name: &str,
) -> Result<(TableId, &'a VectorIndexDefinition)> {
    let definition = catalog.schema_in(component).and_then(|schema| schema.table(table));
    let named = |list: &'a [VectorIndexDefinition]| list.iter().find(|definition| definition.name == index);
    if definition.and_then(|table| named(&table.staged_vector_indexes)).is_some() {
        return Err(Error::bad_request(
            "IndexStagedError",
            format!("Index {name} is currently staged and not available to query until it is enabled."),
        ));
    }
    let found = definition.and_then(|table| named(&table.vector_indexes));
    found
        .and_then(|definition| Some((catalog.table_in(component, table)?.id, definition)))
        .ok_or_else(|| Error::bad_request("IndexNotFoundError", format!("Index {name} not found.")))
}

/// Checks everything but the filter and gives the unit vector.
fn check(name: &str, definition: &VectorIndexDefinition, query: &VectorQuery) -> Result<Vec<f32>> {
    if query.vector.len() != definition.dimensions as usize {
        return Err(Error::bad_request(
            "InvalidVectorQuery",
            format!(
                "Invalid vector query: the vector for index {name} must have {} dimensions, but it has {}.",
                definition.dimensions,
                query.vector.len()
            ),
        ));
    }
    if !(1..=VECTOR_RESULTS_MAX).contains(&query.limit) {
        return Err(Error::bad_request(
            "InvalidVectorQuery",
            format!(
                "Invalid vector query: `limit` must be between 1 and {VECTOR_RESULTS_MAX}, but it is {}.",
                query.limit
            ),
        ));
    }
    coding::unit(&query.vector).ok_or_else(|| {
        Error::bad_request(
            "InvalidVectorQuery",
            format!("Invalid vector query: the vector for index {name} must have finite numbers only."),
        )
    })
}

fn filter(
    name: &str,
    definition: &VectorIndexDefinition,
    filter: &[(String, Option<Value>)],
) -> Result<Filter> {
    if filter.len() > VECTOR_FILTERS_MAX {
        return Err(Error::bad_request(
            "InvalidVectorQuery",
            format!(
                "Invalid vector query: the filter has {} expressions; at most {VECTOR_FILTERS_MAX} are allowed.",
                filter.len()
            ),
        ));
    }
    let place = |(field, value): &(String, Option<Value>)| {
        let position = definition.filter_fields.iter().position(|known| known == field);
        let position = position.ok_or_else(|| {
            let known: Vec<String> =
                definition.filter_fields.iter().map(|field| format!("\"{field}\"")).collect();
            Error::bad_request(
                "InvalidVectorQuery",
                format!(
                    "Invalid vector query: \"{field}\" is not a filter field of index {name}; it has {}.",
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                ),
            )
        })?;
        Ok((position, tag(value.as_ref())))
    };
    let tags = filter.iter().map(place).collect::<Result<Vec<_>>>()?;
    Ok((!tags.is_empty()).then_some(tags))
}
