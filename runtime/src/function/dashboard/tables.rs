//! Which tables, schemas and indexes there are.

use fusion_schema::{Object, Typed, Value};

use super::{AddModule, Component, Root};
use crate::Result;
use crate::database::Transaction;
use crate::database::catalog::SYSTEM_TABLES;
use crate::function::api_spec::plain;
use crate::function::context::QueryCtx;
use crate::function::system_functions::is_of;
use crate::system::pushed_schemas::{PushedSchemas, SchemaState};
use crate::system::{all, indexes};

/// The number under which the table of jobs is known by its second name.
const SCHEDULED_JOBS: u32 = 543;

pub(super) fn register(module: &mut AddModule<'_>) {
    module("getTableMapping", &|module| {
        module.query("default", mapping);
    });
    module("getSchemas", &|module| {
        module
            .query("default", schemas)
            .query("schemaValidationProgress", |_: &mut QueryCtx<'_>, _: Root| Ok(Value::Null));
    });
    module("indexes", &|module| {
        module.query("default", of_table);
    });
}

/// The names of the user's tables, in order.
pub(super) fn names(tx: &mut Transaction) -> Result<Vec<String>> {
    let component = tx.component();
    let rows = all(tx, "_tables")?;
    let rows = rows.iter().filter(|row| is_of(row, component));
    let names = rows.filter_map(|row| row.fields().get("name").and_then(Value::as_str));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}

/// The names of tables by the number in their ids: the user's, and those system tables whose ids people meet.
fn mapping(ctx: &mut QueryCtx<'_>, _: Root) -> Result<Object> {
    let mut names: Vec<(String, String)> = Vec::new();
    let component = ctx.tx().component();
    let rows = all(ctx.tx(), "_tables")?;
    for row in rows.iter().filter(|row| is_of(row, component)) {
        let fields = row.fields();
        let number = fields.get("number").and_then(Value::as_f64);
        let name = fields.get("name").and_then(Value::as_str);
        names.extend(number.zip(name).map(|(number, name)| ((number as u32).to_string(), name.to_owned())));
    }
    let shown = ["_storage", "_scheduled_functions", "_file_storage"];
    let system = SYSTEM_TABLES.iter().filter(|table| shown.contains(&table.name));
    names.extend(system.map(|table| (table.number.to_string(), table.name.to_owned())));
    names.push((SCHEDULED_JOBS.to_string(), "_scheduled_jobs".to_owned()));
    Ok(names.into_iter().map(|(number, name)| (number, Value::from(name.as_str()))).collect())
}

/// The schema in force, that of an application which is compiled in included, and the one that a push prepares.
fn schemas(ctx: &mut QueryCtx<'_>, _: Root) -> Result<Object> {
    let mut schemas = Object::new();
    let tx = ctx.tx();
    let pushed = PushedSchemas::new(tx).list()?;
    let active = tx.snapshot().catalog().schema_in(tx.component());
    let is_pushed = pushed.iter().any(|schema| schema.state == SchemaState::Active);
    if let Some(active) = active.filter(|active| is_pushed || !active.tables.is_empty()) {
        schemas.insert("active", active.to_json().to_string());
    }
    let pending =
        pushed.iter().find(|schema| matches!(schema.state, SchemaState::Pending | SchemaState::Validated));
    if let Some(pending) = pending {
        schemas.insert("inProgress", pending.schema.to_string());
    }
    Ok(schemas)
}

#[derive(Typed)]
struct OfTable {
    table_name: String,
    table_namespace: Option<Component>,
    component_id: Option<Component>,
}

fn of_table(ctx: &mut QueryCtx<'_>, args: OfTable) -> Result<Vec<Value>> {
    let tx = ctx.tx();
    let found = indexes::list(tx.snapshot().catalog(), tx.component(), Some(&args.table_name));
    Ok(found.into_iter().map(|index| plain(index.to_json())).collect())
}
