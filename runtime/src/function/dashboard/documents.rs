//! Documents as the data browser shows them.

use fusion_schema::{DocumentId, Nullable, Page, PaginationOptions, Typed, Value};

use super::filters::{self, Plan};
use super::{AddModule, Component, PAGE_ROWS_MAX, Root, capped, check_batch, check_readable};
use crate::Result;
use crate::database::query::{Order, Query, QueryOperator, QuerySource};
use crate::database::{Document, Transaction};
use crate::function::context::{QueryCtx, page_value};

pub(super) fn register(module: &mut AddModule<'_>) {
    module("paginatedTableDocuments", &|module| {
        module.query("default", page);
    });
    module("listTableScan", &|module| {
        module.query("default", scan);
    });
    module("getById", &|module| {
        module.query("default", get);
    });
    module("listById", &|module| {
        module.query("default", list);
    });
    module("tableSize", &|module| {
        module.query("default", table_size).query("sizeOfAllTables", size_of_all_tables);
    });
}

#[derive(Typed)]
struct TablePage {
    pagination_opts: PaginationOptions,
    table: String,
    filters: Option<Nullable<String>>,
    component_id: Option<Component>,
}

/// A page of a table; filters that make no sense are the documents of a last page.
fn page(ctx: &mut QueryCtx<'_>, args: TablePage) -> Result<Page<Value>> {
    check_readable(&args.table)?;
    let request = capped(args.pagination_opts);
    let filters = args.filters.and_then(|filters| filters.0);
    let tx = ctx.tx();
    match filters::plan(tx, &args.table, filters.as_deref()) {
        Ok(Plan::Query(query)) => {
            page_value(tx.paginate(&query, &request)?, |document| Ok(document.to_value()))
        }
        Ok(Plan::Point(id, expression)) => {
            let id = tx.normalize_id(&args.table, &id);
            let found = id.map(|id| tx.get(id)).transpose()?.flatten();
            let found = found.filter(|document| filters::passes(&expression, document.fields()));
            Ok(last_page(found.iter().map(Document::to_value).collect()))
        }
        Err(errors) => Ok(last_page(errors.into_iter().map(filters::InvalidFilter::into_value).collect())),
    }
}

const fn last_page(page: Vec<Value>) -> Page<Value> {
    Page { page, is_done: true, continue_cursor: String::new(), split_cursor: None, page_status: None }
}

#[derive(Typed)]
struct TableScan {
    table: String,
    limit: f64,
    component_id: Option<Component>,
}

/// The newest documents of a table.
fn scan(ctx: &mut QueryCtx<'_>, args: TableScan) -> Result<Vec<Value>> {
    check_readable(&args.table)?;
    let limit = (args.limit.max(0.0) as usize).min(PAGE_ROWS_MAX);
    let source = QuerySource::FullTableScan { table: args.table, order: Order::Desc };
    let query = Query { source, operators: vec![QueryOperator::Limit(limit)] };
    let tx = ctx.tx();
    let mut stream = tx.query(&query)?;
    let mut documents = Vec::new();
    while let Some(document) = stream.next(tx)? {
        documents.push(document.to_value());
    }
    Ok(documents)
}

#[derive(Typed)]
struct OfDocument {
    id: String,
    component_id: Option<Component>,
}

fn get(ctx: &mut QueryCtx<'_>, args: OfDocument) -> Result<Value> {
    found(ctx.tx(), &args.id)
}

/// A document that dashboards show; null for everything else.
fn found(tx: &mut Transaction, id: &str) -> Result<Value> {
    let Ok(id) = DocumentId::decode(id) else { return Ok(Value::Null) };
    if tx.table_name(id.table).is_some_and(|table| check_readable(&table).is_err()) {
        return Ok(Value::Null);
    }
    Ok(tx.get(id)?.map_or(Value::Null, |document| document.to_value()))
}

#[derive(Typed)]
struct Wanted {
    id: String,
    table_name: Option<String>,
}

#[derive(Typed)]
struct OfDocuments {
    ids: Vec<Wanted>,
    component_id: Option<Component>,
}

fn list(ctx: &mut QueryCtx<'_>, args: OfDocuments) -> Result<Vec<Value>> {
    check_batch(args.ids.len())?;
    args.ids
        .into_iter()
        .map(|wanted| match wanted.table_name {
            Some(table) if ctx.tx().normalize_id(&table, &wanted.id).is_none() => Ok(Value::Null),
            _ => found(ctx.tx(), &wanted.id),
        })
        .collect()
}

#[derive(Typed)]
struct TableSize {
    table_name: String,
    component_id: Option<Component>,
}

/// How many documents a table has.
fn table_size(ctx: &mut QueryCtx<'_>, args: TableSize) -> Result<f64> {
    check_readable(&args.table_name)?;
    Ok(ctx.tx().count(&args.table_name)? as f64)
}

/// How many documents all tables have together.
fn size_of_all_tables(ctx: &mut QueryCtx<'_>, _: Root) -> Result<f64> {
    let mut total = 0;
    for name in super::tables::names(ctx.tx())? {
        total += ctx.tx().count(&name)?;
    }
    Ok(total as f64)
}
