//! [`TypedQuery`]: a query over a table, built step by step and run at the end.

use std::marker::PhantomData;

use fusion_schema::{Doc, Nullable, Page, PaginationOptions, Table, Value};

use super::reader::decode_document;
use crate::database::Document;
use crate::database::query::{
    Expression, Order, PageRequest, Query, QueryOperator, QuerySource, QueryStream, RangeExpression,
    RangeOperator, SearchExpression,
};
use crate::function::execution::Execution;
use crate::{Error, Result};

/// A query over the table of `T`. Without an index it reads the whole table in order of creation.
#[must_use = "a query does nothing until it is run"]
#[derive(Debug)]
pub struct TypedQuery<'a, T> {
    execution: &'a mut Execution,
    index: Option<String>,
    search: Option<(String, SearchFilter)>,
    range: Vec<RangeExpression>,
    order: Order,
    operators: Vec<QueryOperator>,
    problem: Option<Error>,
    table: PhantomData<fn() -> T>,
}

impl<'a, T: Table> TypedQuery<'a, T> {
    pub(super) const fn new(execution: &'a mut Execution, problem: Option<Error>) -> Self {
        Self {
            execution,
            index: None,
            search: None,
            range: Vec::new(),
            order: Order::Asc,
            operators: Vec::new(),
            problem,
            table: PhantomData,
        }
    }

    /// Reads along an index.
    pub fn index(mut self, name: &str) -> Self {
        self.index = Some(name.to_owned());
        self
    }

    /// Searches along a full-text index; results come best first, at most
    /// [`SEARCH_RESULTS_MAX`](crate::limits::SEARCH_RESULTS_MAX) of them.
    ///
    /// ```text
    /// ctx.db().query::<Message>().with_search_index("search_body", |q| q.search("body", text).eq("channel", channel)).take(10)
    /// ```
    pub fn with_search_index(
        mut self,
        name: &str,
        filter: impl FnOnce(SearchFilter) -> SearchFilter,
    ) -> Self {
        self.search = Some((name.to_owned(), filter(SearchFilter::default())));
        self
    }

    fn condition(mut self, operator: RangeOperator, field: &str, value: Option<Value>) -> Self {
        self.range.push(RangeExpression { operator, field: field.to_owned(), value });
        self
    }

    /// Only documents whose index field equals the value. Fields are named in the index's order.
    pub fn eq(self, field: &str, value: impl Into<Value>) -> Self {
        self.condition(RangeOperator::Eq, field, Some(value.into()))
    }

    /// Only documents that lack the index field.
    pub fn eq_missing(self, field: &str) -> Self {
        self.condition(RangeOperator::Eq, field, None)
    }

    /// Only documents whose index field is greater.
    pub fn gt(self, field: &str, value: impl Into<Value>) -> Self {
        self.condition(RangeOperator::Gt, field, Some(value.into()))
    }

    /// Only documents whose index field is greater or equal.
    pub fn gte(self, field: &str, value: impl Into<Value>) -> Self {
        self.condition(RangeOperator::Gte, field, Some(value.into()))
    }

    /// Only documents whose index field is less.
    pub fn lt(self, field: &str, value: impl Into<Value>) -> Self {
        self.condition(RangeOperator::Lt, field, Some(value.into()))
    }

    /// Only documents whose index field is less or equal.
    pub fn lte(self, field: &str, value: impl Into<Value>) -> Self {
        self.condition(RangeOperator::Lte, field, Some(value.into()))
    }

    /// In which direction the index is read.
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Only documents for which the expression is true. They are read nevertheless: prefer an index.
    pub fn filter(mut self, expression: Expression) -> Self {
        self.operators.push(QueryOperator::Filter(expression));
        self
    }

    /// The execution and the finished query.
    fn build(self) -> Result<(&'a mut Execution, Query)> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let table = T::NAME.to_owned();
        if let Some((index, filter)) = self.search {
            if self.index.is_some() || !self.range.is_empty() || self.order != Order::Asc {
                return Err(Error::bad_request(
                    "InvalidQuery",
                    format!(
                        "A search over \"{table}\" has an index, range or order beside: its results come best first. Put equality conditions into `with_search_index`, others into `.filter(..)`."
                    ),
                ));
            }
            let source = QuerySource::Search { table, index, filters: filter.0 };
            return Ok((self.execution, Query { source, operators: self.operators }));
        }
        let source = match self.index {
            Some(index) => QuerySource::IndexRange { table, index, range: self.range, order: self.order },
            None if self.range.is_empty() => QuerySource::FullTableScan { table, order: self.order },
            None => {
                return Err(Error::bad_request(
                    "InvalidIndexRange",
                    format!(
                        "A query over \"{table}\" compares fields without an index. Choose one with `.index(..)`, or use `.filter(..)`."
                    ),
                ));
            }
        };
        Ok((self.execution, Query { source, operators: self.operators }))
    }

    /// Opens the query to read it document by document.
    ///
    /// # Errors
    /// For an unknown index, conditions that do not fit it, and when a limit is reached.
    pub fn stream(self) -> Result<DocumentStream<'a, T>> {
        let (execution, query) = self.build()?;
        let stream = execution.tx().query(&query)?;
        Ok(DocumentStream { execution, stream, table: PhantomData })
    }

    /// The first document.
    ///
    /// # Errors
    /// As [`TypedQuery::stream`].
    pub fn first(self) -> Result<Option<Doc<T>>> {
        self.limit(1).stream()?.next().transpose()
    }

    /// The only document, if there is one.
    ///
    /// # Errors
    /// As [`TypedQuery::stream`]; if there is more than one.
    pub fn unique(self) -> Result<Option<Doc<T>>> {
        let mut documents = self.take(2)?;
        match (documents.pop(), documents.pop()) {
            (Some(second), Some(first)) => Err(Error::function(format!(
                "unique() query returned more than one result from table {}:\n [{}, {}, ...]",
                T::NAME,
                first.id,
                second.id
            ))),
            (only, _) => Ok(only),
        }
    }

    /// The first `count` documents.
    ///
    /// # Errors
    /// As [`TypedQuery::stream`].
    pub fn take(self, count: usize) -> Result<Vec<Doc<T>>> {
        self.limit(count).collect()
    }

    /// All documents.
    ///
    /// # Errors
    /// As [`TypedQuery::stream`].
    pub fn collect(self) -> Result<Vec<Doc<T>>> {
        self.stream()?.collect()
    }

    /// How many documents there are. Reads them all, unless the query is the bare table.
    ///
    /// # Errors
    /// As [`TypedQuery::stream`].
    pub fn count(self) -> Result<u64> {
        if self.problem.is_none()
            && self.index.is_none()
            && self.search.is_none()
            && self.operators.is_empty()
            && self.range.is_empty()
        {
            return self.execution.tx().count(T::NAME);
        }
        let mut stream = self.stream()?;
        let mut count = 0;
        while stream.stream.next(stream.execution.tx())?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// One page of the documents.
    ///
    /// # Errors
    /// As [`TypedQuery::stream`]; `InvalidCursor` for a cursor of another query; if a page was read before.
    pub fn paginate(self, options: PaginationOptions) -> Result<Page<Doc<T>>> {
        let (execution, query) = self.build()?;
        execution.check_paginate()?;
        let page = execution.tx().paginate(&query, &page_request(options))?;
        page_value(page, decode_document)
    }

    fn limit(mut self, count: usize) -> Self {
        self.operators.push(QueryOperator::Limit(count));
        self
    }
}

/// What a search looks for, see [`TypedQuery::with_search_index`].
#[must_use = "a search needs its conditions"]
#[derive(Debug, Default)]
pub struct SearchFilter(Vec<SearchExpression>);

impl SearchFilter {
    /// The words to be found in the search field: documents that have any of them; the last one may be the beginning of a
    /// word. Exactly one such condition is needed.
    pub fn search(mut self, field: &str, text: impl Into<String>) -> Self {
        self.0.push(SearchExpression::Search { field: field.to_owned(), text: text.into() });
        self
    }

    /// Only documents whose filter field equals the value.
    pub fn eq(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.push(SearchExpression::Eq { field: field.to_owned(), value: Some(value.into()) });
        self
    }

    /// Only documents that lack the filter field.
    pub fn eq_missing(mut self, field: &str) -> Self {
        self.0.push(SearchExpression::Eq { field: field.to_owned(), value: None });
        self
    }
}

/// Options as the database takes them.
pub(crate) fn page_request(options: PaginationOptions) -> PageRequest {
    let whole = |number: f64| number.clamp(0.0, f64::from(u32::MAX)) as usize;
    PageRequest {
        cursor: options.cursor.0,
        end_cursor: options.end_cursor.and_then(|cursor| cursor.0),
        page_size: whole(options.num_items),
        maximum_rows_read: options.maximum_rows_read.map(whole),
        maximum_bytes_read: options.maximum_bytes_read.map(whole),
    }
}

/// A page as functions return it, its documents read by `read`.
pub(crate) fn page_value<R>(
    page: crate::database::Page,
    read: impl FnMut(Document) -> Result<R>,
) -> Result<Page<R>> {
    Ok(Page {
        page: page.page.into_iter().map(read).collect::<Result<_>>()?,
        is_done: page.is_done,
        continue_cursor: page.continue_cursor,
        split_cursor: Some(Nullable(page.split_cursor)),
        page_status: Some(Nullable(page.page_status)),
    })
}

/// The documents of a query, one by one; each can fail (a limit is reached, a filter does not fit). What is not read is
/// not depended on.
#[derive(Debug)]
pub struct DocumentStream<'a, T> {
    execution: &'a mut Execution,
    stream: QueryStream,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Iterator for DocumentStream<'_, T> {
    type Item = Result<Doc<T>>;

    fn next(&mut self) -> Option<Result<Doc<T>>> {
        let document = self.stream.next(self.execution.tx()).transpose()?;
        Some(document.and_then(decode_document))
    }
}
