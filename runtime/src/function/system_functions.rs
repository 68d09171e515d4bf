//! The server's own queries for the command line: `_system/cli/*`, to which it subscribes.
//!
//! They are ordinary queries over the system tables, live like any other, and only administrators may call them
//! (the registry sees to that).

use fusion_schema::{DocumentId, Page, PaginationOptions, Typed, Value, object};

use super::api_spec::api_spec_value;
use super::application::Module;
use super::context::{QueryCtx, page_request, page_value};
use super::registry::FunctionEntry;
use super::{Application, Visibility};
use crate::database::query::{Order, Query, QuerySource};
use crate::database::{ComponentId, Document};
use crate::system::all;
use crate::system::environment::Environment;
use crate::system::exports::Exports;
use crate::system::imports::Imports;
use crate::{Error, Result};

/// Every function of this file.
pub(super) fn functions() -> impl Iterator<Item = FunctionEntry> {
    let mut app = Application::new("system");
    let mut module = |name: &str, register: &dyn Fn(&mut Module<()>)| {
        app.module(&format!("_system/cli/{name}"), Visibility::Internal, (), register);
    };
    module("tables", &|module| {
        module.query("default", tables);
    });
    module("tableData", &|module| {
        module.query("default", table_data);
    });
    module("tableSize", &|module| {
        module.query("default", table_size);
    });
    module("queryTable", &|module| {
        module.query("default", query_table);
    });
    module("queryEnvironmentVariables", &|module| {
        module.query("default", environment_variables).query("get", environment_variable);
    });
    module("queryImport", &|module| {
        module
            .query("default", |ctx: &mut QueryCtx<'_>, args: OfImport| {
                let id = DocumentId::decode(&args.import_id).ok();
                let import = id.map(|id| Imports::new(ctx.tx()).document(id)).transpose()?;
                Ok(import.flatten().unwrap_or(Value::Null))
            })
            .query("list", |ctx: &mut QueryCtx<'_>, (): ()| Imports::new(ctx.tx()).list());
    });
    module("exports", &|module| {
        module.query("getLatest", |ctx: &mut QueryCtx<'_>, (): ()| {
            Ok(Exports::new(ctx.tx()).latest()?.unwrap_or(Value::Null))
        });
    });
    module("modules", &|module| {
        module.query("apiSpec", |ctx: &mut QueryCtx<'_>, _: OfComponent| {
            let component = ctx.tx().component_path();
            Ok(api_spec_value(ctx.execution().registry(), &component))
        });
    });
    module("convexUrl", &|module| {
        module
            .query("cloudUrl", |ctx: &mut QueryCtx<'_>, (): ()| {
                Ok(ctx.execution().deployment().cloud_origin.clone())
            })
            .query("siteUrl", |ctx: &mut QueryCtx<'_>, (): ()| {
                Ok(ctx.execution().deployment().site_origin.clone())
            });
    });
    app.into_functions()
}

/// The dashboard names the component it means; there is only the root.
#[derive(Typed)]
struct OfComponent {
    component_id: Option<Value>,
}

/// The list is always one page, so the options have no meaning.
#[derive(Typed)]
struct Tables {
    pagination_opts: PaginationOptions,
}

#[derive(Typed)]
struct TableName {
    name: String,
}

/// The names of all tables that hold or held documents.
fn tables(ctx: &mut QueryCtx<'_>, _: Tables) -> Result<Page<TableName>> {
    let component = ctx.tx().component();
    let mut names: Vec<String> = all(ctx.tx(), "_tables")?
        .iter()
        .filter(|row| is_of(row, component))
        .filter_map(|row| row.fields().get("name").and_then(Value::as_str).map(str::to_owned))
        .collect();
    names.sort_unstable();
    Ok(Page {
        page: names.into_iter().map(|name| TableName { name }).collect(),
        is_done: true,
        continue_cursor: "end".to_owned(),
        split_cursor: None,
        page_status: None,
    })
}

/// Whether a row of `_tables` is that of a user's table of a component.
pub(super) fn is_of(row: &Document, component: ComponentId) -> bool {
    let number = row.fields().get("component").and_then(Value::as_f64).unwrap_or_default();
    let name = row.fields().get("name").and_then(Value::as_str).unwrap_or_default();
    number == f64::from(component.0) && !name.starts_with('_')
}

#[derive(Typed)]
enum Direction {
    Asc,
    Desc,
}

#[derive(Typed)]
struct TableData {
    table: String,
    order: Direction,
    pagination_opts: PaginationOptions,
}

/// A page of a table, also of the system tables that functions may read.
fn table_data(ctx: &mut QueryCtx<'_>, args: TableData) -> Result<Page<Value>> {
    if args.table.starts_with('_') && !matches!(args.table.as_str(), "_storage" | "_scheduled_functions") {
        return Err(Error::bad_request(
            "InvalidTableName",
            format!("The system table \"{}\" cannot be shown.", args.table),
        ));
    }
    let order = match args.order {
        Direction::Asc => Order::Asc,
        Direction::Desc => Order::Desc,
    };
    let query =
        Query { source: QuerySource::FullTableScan { table: args.table, order }, operators: Vec::new() };
    let page = ctx.tx().paginate(&query, &page_request(args.pagination_opts))?;
    page_value(page, |document| Ok(document.to_value()))
}

#[derive(Typed)]
struct TableSize {
    table_name: String,
    component_id: Option<Value>,
}

/// How many documents a table has.
fn table_size(ctx: &mut QueryCtx<'_>, args: TableSize) -> Result<f64> {
    Ok(ctx.tx().count(&args.table_name)? as f64)
}

/// A number that is another one whenever the table has changed.
fn query_table(ctx: &mut QueryCtx<'_>, args: TableSize) -> Result<f64> {
    // Counting depends on the whole table; the query runs again with every change, at another time.
    ctx.tx().count(&args.table_name)?;
    // Of the timestamp only as many bits as a double holds exactly.
    Ok((ctx.tx().begin_ts() & ((1 << f64::MANTISSA_DIGITS) - 1)) as f64)
}

fn environment_variables(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Vec<Value>> {
    let secrets = ctx.execution().deployment().secrets().clone();
    let variables = Environment::new(ctx.tx(), &secrets).list()?;
    Ok(variables.iter().map(|variable| variable.to_value()).collect())
}

#[derive(Typed)]
struct OfImport {
    import_id: String,
}

#[derive(Typed)]
struct Named {
    name: String,
}

/// A variable; also one that the server sets, which older command lines ask for to learn where it is.
fn environment_variable(ctx: &mut QueryCtx<'_>, args: Named) -> Result<Value> {
    if let Some(value) = ctx.execution().deployment().system_variable(&args.name) {
        return Ok(Value::Object(object! { "name" => args.name.as_str(), "value" => value }));
    }
    let secrets = ctx.execution().deployment().secrets().clone();
    let variable = Environment::new(ctx.tx(), &secrets).get(&args.name)?;
    Ok(variable.map_or(Value::Null, |variable| variable.to_value()))
}
