//! Scheduled functions and crons as dashboards show them.

use fusion_schema::{DocumentId, Object, Page, PaginationOptions, TableNumber, Typed, Value, json, object};

use super::{AddModule, Component, Root, capped};
use crate::Result;
use crate::database::Document;
use crate::database::query::{Expression, Order, Query, QueryOperator, QuerySource, RangeOperator};
use crate::function::context::{QueryCtx, page_value};
use crate::function::path::FunctionPath;
use crate::system::condition;
use crate::system::crons::Crons;

const TABLE: &str = "_scheduled_functions";
/// Arguments that are larger than so many bytes of JSON are asked for by their own id.
const ARGS_SHOWN_MAX: usize = 64 << 10;

pub(super) fn register(module: &mut AddModule<'_>) {
    module("paginatedScheduledJobs", &|module| {
        module.query("default", page);
    });
    module("scheduler", &|module| {
        module.query("getArgs", get_args);
    });
    module("listCronJobs", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            let component = ctx.tx().component_path();
            Crons::new(ctx.tx()).list(&component)
        });
    });
    module("listCronJobRuns", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            let component = ctx.tx().component_path();
            Crons::new(ctx.tx()).all_logs(&component)
        });
    });
}

#[derive(Typed)]
struct JobPage {
    pagination_opts: PaginationOptions,
    udf_path: Option<fusion_schema::Nullable<String>>,
    component_id: Option<Component>,
}

/// A page of the jobs that are still to end: those that run, then those that wait, by the time they are due.
fn page(ctx: &mut QueryCtx<'_>, args: JobPage) -> Result<Page<Value>> {
    // In the order of the index nothing lies between the two states.
    let range = vec![
        condition(RangeOperator::Gte, "state.kind", "inProgress"),
        condition(RangeOperator::Lte, "state.kind", "pending"),
    ];
    let source = QuerySource::IndexRange {
        table: TABLE.to_owned(),
        index: "by_state".to_owned(),
        range,
        order: Order::Asc,
    };
    let mut operators = Vec::new();
    if let Some(path) = args.udf_path.and_then(|path| path.0) {
        let path = FunctionPath::parse(&path).map_or(path, |path| path.with_extension());
        operators.push(QueryOperator::Filter(Expression::field("name").eq(Expression::literal(path))));
    }
    let request = capped(args.pagination_opts);
    let page = ctx.tx().paginate(&Query { source, operators }, &request)?;
    page_value(page, |row| Ok(shown(&row)))
}

fn shown(row: &Document) -> Value {
    let fields = row.fields();
    let text = |path: &str| fields.get_path(path).and_then(Value::as_str).unwrap_or_default();
    let due_ms = fields.get("scheduledTime").and_then(Value::as_f64).unwrap_or_default();
    let args = args_json(fields);
    let is_small = args.len() <= ARGS_SHOWN_MAX;
    let mut shown = object! {
        "_creationTime" => row.creation_time(),
        "_id" => row.id(),
        "argsId" => if is_small { Value::Null } else { Value::from(row.id()) },
        "nextTs" => (due_ms * 1e6) as i64,
        "state" => object! { "type" => text("state.kind") },
        "udfArgs" => if is_small { Value::Bytes(args) } else { Value::Null },
        "udfPath" => text("name"),
    };
    // Of a function of another component than the one that scheduled it.
    if let Some(component) = fields.get("component").and_then(Value::as_str) {
        shown.insert("component", component);
    }
    Value::Object(shown)
}

/// The arguments as the bytes of a JSON array.
fn args_json(fields: &Object) -> Vec<u8> {
    fields.get("args").map_or_else(|| b"[]".to_vec(), |args| json::encode(args).into_bytes())
}

#[derive(Typed)]
struct OfArgs {
    args_id: String,
    component_id: Option<Component>,
}

fn get_args(ctx: &mut QueryCtx<'_>, args: OfArgs) -> Result<Value> {
    let id = DocumentId::decode(&args.args_id).ok().filter(|id| id.table == TableNumber::SCHEDULED_FUNCTIONS);
    let row = id.map(|id| ctx.tx().get(id)).transpose()?.flatten();
    Ok(row.map_or(Value::Null, |row| {
        Value::Object(object! { "args" => Value::Bytes(args_json(row.fields())) })
    }))
}
