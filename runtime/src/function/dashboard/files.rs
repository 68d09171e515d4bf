//! Stored files as the file browser shows them.

use fusion_schema::{DocumentId, Page, PaginationOptions, Typed, Value};

use super::{AddModule, Component, Root, capped, check_batch};
use crate::database::Document;
use crate::database::query::{Order, Query, QuerySource, RangeOperator};
use crate::function::context::{MutationCtx, QueryCtx, page_value};
use crate::function::execution::Execution;
use crate::system::condition;
use crate::system::files::Files;
use crate::{Error, Result};

const TABLE: &str = "_storage";

pub(super) fn register(module: &mut AddModule<'_>) {
    module("fileStorageV2", &|module| {
        module
            .query("numFiles", |ctx: &mut QueryCtx<'_>, _: Root| Ok(ctx.tx().count(TABLE)? as f64))
            .query("fileMetadata", page)
            .query("getFile", get)
            .mutation("generateUploadUrl", |ctx: &mut MutationCtx<'_>, _: Root| {
                ctx.storage().generate_upload_url()
            })
            .mutation("deleteFile", |ctx: &mut MutationCtx<'_>, args: OfFile| {
                delete(ctx.execution(), &args.storage_id)
            })
            .mutation("deleteFiles", |ctx: &mut MutationCtx<'_>, args: OfFiles| {
                check_batch(args.storage_ids.len())?;
                args.storage_ids.iter().try_for_each(|id| delete(ctx.execution(), id))
            });
    });
}

#[derive(Typed)]
enum Direction {
    Asc,
    Desc,
}

#[derive(Typed)]
struct Filters {
    min_creation_time: Option<f64>,
    max_creation_time: Option<f64>,
    order: Option<Direction>,
}

#[derive(Typed)]
struct FilePage {
    pagination_opts: PaginationOptions,
    filters: Option<Filters>,
    component_id: Option<Component>,
}

/// A page of files by the time they were stored, newest first unless asked otherwise.
fn page(ctx: &mut QueryCtx<'_>, args: FilePage) -> Result<Page<Value>> {
    let filters =
        args.filters.unwrap_or(Filters { min_creation_time: None, max_creation_time: None, order: None });
    let bound = |operator, time: Option<f64>| time.map(|time| condition(operator, "_creationTime", time));
    let range = bound(RangeOperator::Gte, filters.min_creation_time)
        .into_iter()
        .chain(bound(RangeOperator::Lte, filters.max_creation_time));
    let source = QuerySource::IndexRange {
        table: TABLE.to_owned(),
        index: "by_creation_time".to_owned(),
        range: range.collect(),
        order: match filters.order {
            Some(Direction::Asc) => Order::Asc,
            Some(Direction::Desc) | None => Order::Desc,
        },
    };
    let request = capped(args.pagination_opts);
    let page = ctx.tx().paginate(&Query { source, operators: Vec::new() }, &request)?;
    page_value(page, |row| shown(ctx.execution(), row))
}

/// A file with the URL under which it can be downloaded.
fn shown(execution: &mut Execution, row: Document) -> Result<Value> {
    let file = Files::new(execution.tx()).get(row.id())?;
    let url = file.map(|file| execution.file_url(&file.uuid));
    let mut fields = row.into_fields();
    fields.insert("url", url.map_or(Value::Null, Value::String));
    Ok(Value::Object(fields))
}

#[derive(Typed)]
struct OfFile {
    storage_id: String,
    component_id: Option<Component>,
}

fn get(ctx: &mut QueryCtx<'_>, args: OfFile) -> Result<Value> {
    let execution = ctx.execution();
    // What is no id of a file is the id of no file.
    let id = Files::new(execution.tx()).parse_id(&args.storage_id).ok().flatten();
    match id.map(|id| execution.tx().get(id)).transpose()?.flatten() {
        Some(row) => shown(execution, row),
        None => Ok(Value::Null),
    }
}

#[derive(Typed)]
struct OfFiles {
    storage_ids: Vec<String>,
    component_id: Option<Component>,
}

fn delete(execution: &mut Execution, id: &str) -> Result<()> {
    let found: Option<DocumentId> = Files::new(execution.tx()).parse_id(id)?;
    let id = found.ok_or_else(|| {
        Error::not_found("StorageIdNotFound", format!("There is no file with the ID {id}."))
    })?;
    execution.delete_file(id)
}
