//! Changes that people make to documents in the data browser.
//!
//! What is wrong with a document is an answer, not a failure: the form that sent it shows the text. Only a document that
//! does not match the schema fails the call, with the text as the data of the error.

use fusion_schema::{DocumentId, Object, Typed, Value, object};

use super::{AddModule, Component, check_batch};
use crate::database::query::{Order, Query, QuerySource};
use crate::database::{PageRequest, Transaction};
use crate::function::context::{MutationCtx, check_table_name};
use crate::{Error, ErrorKind, Result};

/// Documents that one call of `clearTablePage` deletes.
const CLEAR_PAGE_MAX: usize = 4_000;
/// Documents that are patched without being named, at most: what one transaction can write.
const PATCH_ALL_MAX: usize = 8_000;
/// How dashboards write `undefined`, which JSON does not have: a string that begins with this.
const UNDEFINED_PREFIX: &str = "__CONVEX_PLACEHOLDER_undefined";

pub(super) fn register(module: &mut AddModule<'_>) {
    module("addDocument", &|module| {
        module.mutation("default", add);
    });
    module("replaceDocument", &|module| {
        module.mutation("default", replace);
    });
    module("patchDocumentsFields", &|module| {
        module.mutation("default", patch);
    });
    module("deleteDocuments", &|module| {
        module.mutation("default", delete);
    });
    module("clearTablePage", &|module| {
        module.mutation("default", clear);
    });
    module("createTable", &|module| {
        module.mutation("default", create_table);
    });
}

/// Makes the changes, all or none of them, and says how that went.
fn attempt(ctx: &mut MutationCtx<'_>, change: impl FnOnce(&mut Transaction) -> Result<()>) -> Result<Value> {
    let tx = ctx.tx();
    let sub = tx.begin_sub();
    match change(tx) {
        Ok(()) => {
            tx.commit_sub(sub);
            Ok(Value::Object(object! { "success" => true }))
        }
        Err(error) if error.code() == "SchemaEnforcementError" => {
            Err(Error::application_with_text(error.message(), error.message()))
        }
        Err(error) if error.kind() == ErrorKind::BadRequest => {
            tx.rollback_sub(sub);
            Ok(Value::Object(object! { "error" => error.message(), "success" => false }))
        }
        Err(error) => Err(error),
    }
}

#[derive(Typed)]
struct AddDocuments {
    table: String,
    documents: Vec<Value>,
    component_id: Option<Component>,
}

fn add(ctx: &mut MutationCtx<'_>, args: AddDocuments) -> Result<Value> {
    attempt(ctx, |tx| {
        check_table_name(&args.table, false)?;
        check_batch(args.documents.len())?;
        args.documents
            .into_iter()
            .try_for_each(|document| tx.insert(&args.table, fields(document)?).map(drop))
    })
}

fn fields(document: Value) -> Result<Object> {
    match document {
        Value::Object(fields) => Ok(fields),
        other => Err(Error::bad_request(
            "InvalidDocument",
            format!("A document must be an object, not a value of type {}.", other.type_name()),
        )),
    }
}

#[derive(Typed)]
struct ReplaceDocument {
    id: String,
    document: Value,
    component_id: Option<Component>,
}

fn replace(ctx: &mut MutationCtx<'_>, args: ReplaceDocument) -> Result<Value> {
    attempt(ctx, |tx| {
        let id = user_id(tx, &args.id)?;
        tx.replace(id, fields(args.document)?).map(drop)
    })
}

/// The id of a document that people may change.
fn user_id(tx: &Transaction, text: &str) -> Result<DocumentId> {
    let id = DocumentId::decode(text)
        .map_err(|_| Error::bad_request("InvalidId", format!("\"{text}\" is not the ID of a document.")))?;
    match tx.table_name(id.table) {
        Some(table) => check_table_name(&table, false).map(|()| id),
        None => Ok(id),
    }
}

/// As [`user_id`], of a document that must be in the table.
fn id_of(tx: &mut Transaction, table: &str, text: &str) -> Result<DocumentId> {
    check_table_name(table, false)?;
    tx.normalize_id(table, text).ok_or_else(|| {
        Error::bad_request(
            "InvalidId",
            format!("\"{text}\" is not the ID of a document of table \"{table}\"."),
        )
    })
}

#[derive(Typed)]
struct PatchDocuments {
    table: String,
    fields: Object,
    ids: Option<Vec<String>>,
    component_id: Option<Component>,
}

fn patch(ctx: &mut MutationCtx<'_>, args: PatchDocuments) -> Result<Value> {
    attempt(ctx, |tx| {
        check_table_name(&args.table, false)?;
        let ids = match &args.ids {
            Some(ids) => {
                check_batch(ids.len())?;
                ids.iter().map(|id| id_of(tx, &args.table, id)).collect::<Result<Vec<_>>>()?
            }
            None => all_ids(tx, &args.table)?,
        };
        let fields: Vec<(String, Option<Value>)> =
            args.fields.into_iter().map(|(name, value)| (name, defined(value))).collect();
        ids.into_iter().try_for_each(|id| tx.patch(id, fields.clone()).map(drop))
    })
}

fn all_ids(tx: &mut Transaction, table: &str) -> Result<Vec<DocumentId>> {
    let count = tx.count(table)?;
    if count > PATCH_ALL_MAX as u64 {
        return Err(Error::bad_request(
            "TooManyDocuments",
            format!(
                "The table has {count} documents; at most {PATCH_ALL_MAX} can be changed at once. Choose some of them, or write a migration that goes page by page."
            ),
        ));
    }
    Ok(crate::system::all(tx, table)?.iter().map(crate::database::Document::id).collect())
}

/// The value, without what the client wrote as `undefined`.
fn defined(value: Value) -> Option<Value> {
    match value {
        Value::String(text) if text.starts_with(UNDEFINED_PREFIX) => None,
        Value::Object(fields) => {
            let fields = fields.into_iter().filter_map(|(name, value)| Some((name, defined(value)?)));
            Some(Value::Object(fields.collect()))
        }
        other => Some(other),
    }
}

#[derive(Typed)]
struct ToDelete {
    id: String,
    table_name: String,
}

#[derive(Typed)]
struct DeleteDocuments {
    to_delete: Vec<ToDelete>,
    component_id: Option<Component>,
}

fn delete(ctx: &mut MutationCtx<'_>, args: DeleteDocuments) -> Result<Value> {
    attempt(ctx, |tx| {
        check_batch(args.to_delete.len())?;
        args.to_delete.iter().try_for_each(|ToDelete { id, table_name }| {
            let id = id_of(tx, table_name, id)?;
            tx.delete(id).map(drop)
        })
    })
}

#[derive(Typed)]
struct ClearTablePage {
    table_name: String,
    cursor: fusion_schema::Nullable<String>,
    component_id: Option<Component>,
}

#[derive(Typed)]
struct Cleared {
    deleted: f64,
    has_more: bool,
    continue_cursor: String,
}

/// Deletes the oldest documents of a table; called again and again until there are no more.
fn clear(ctx: &mut MutationCtx<'_>, args: ClearTablePage) -> Result<Cleared> {
    check_table_name(&args.table_name, false)?;
    let tx = ctx.tx();
    let source = QuerySource::FullTableScan { table: args.table_name, order: Order::Asc };
    let request = PageRequest { cursor: args.cursor.0, page_size: CLEAR_PAGE_MAX, ..PageRequest::default() };
    let page = tx.paginate(&Query { source, operators: Vec::new() }, &request)?;
    for document in &page.page {
        tx.delete(document.id())?;
    }
    Ok(Cleared {
        deleted: page.page.len() as f64,
        has_more: !page.is_done,
        continue_cursor: page.continue_cursor,
    })
}

#[derive(Typed)]
struct CreateTable {
    table: String,
    component_id: Option<Component>,
}

fn create_table(ctx: &mut MutationCtx<'_>, args: CreateTable) -> Result<()> {
    check_table_name(&args.table, false)?;
    ctx.tx().table_or_create(&args.table).map(drop)
}
