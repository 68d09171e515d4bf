//! The server's own functions for dashboards: `_system/frontend/*`.
//!
//! They are ordinary queries and mutations over the tables, live like any other, and only administrators may call
//! them (the registry sees to that). Names, arguments and results are those that dashboards for the protocol know.
//!
//! - [`documents`] reads tables page by page, with the [`filters`] people choose; [`edits`] changes them;
//! - [`tables`]: which tables, schemas and indexes there are;  [`modules`]: which functions;
//! - [`files`], [`jobs`]: stored files, scheduled functions and crons;
//! - [`deployment`]: everything about the deployment as a whole.

mod deployment;
mod documents;
mod edits;
mod files;
mod filters;
mod jobs;
mod modules;
mod tables;
#[cfg(test)]
mod tests;

use fusion_schema::typed::DecodeError;
use fusion_schema::{PaginationOptions, Typed, Validator, Value};

use super::Application;
use super::Visibility;
use super::application::Module;
use super::context::page_request;
use super::registry::FunctionEntry;
use crate::database::PageRequest;
use crate::{Error, Result};

/// Most documents that a page looks at.
const PAGE_ROWS_MAX: usize = 10_000;
/// Most bytes that a page looks at.
const PAGE_BYTES_MAX: usize = 5_000_000;
/// Most documents that one call changes or asks for by id.
const BATCH_MAX: usize = 4_096;

/// Every function for dashboards.
pub(super) fn functions() -> impl Iterator<Item = FunctionEntry> {
    let mut app = Application::new("dashboard");
    let mut module = |name: &str, register: &dyn Fn(&mut Module<()>)| {
        app.module(&format!("_system/frontend/{name}"), Visibility::Internal, (), register);
    };
    documents::register(&mut module);
    edits::register(&mut module);
    tables::register(&mut module);
    modules::register(&mut module);
    files::register(&mut module);
    jobs::register(&mut module);
    deployment::register(&mut module);
    app.into_functions()
}

/// Adds a module by its name below `_system/frontend/`.
type AddModule<'a> = dyn FnMut(&str, &dyn Fn(&mut Module<()>)) + 'a;

/// The component a function is about: null or empty for the app, else its row. The function runs in it.
#[derive(Clone, Copy, Debug)]
struct Component;

impl Typed for Component {
    fn validator() -> Validator {
        Validator::String.or_null()
    }

    fn decode(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Null | Value::String(_) => Ok(Self),
            _ => Err(DecodeError::new("the id of a component is a text. Leave it out, or give null.")),
        }
    }

    fn encode(self) -> Value {
        Value::Null
    }
}

/// The arguments of a function that is only about a component.
#[derive(Typed)]
struct Root {
    component_id: Option<Component>,
}

/// Options as the database takes them, within what one page may read.
fn capped(options: PaginationOptions) -> PageRequest {
    let request = page_request(options);
    PageRequest {
        page_size: request.page_size.min(PAGE_ROWS_MAX),
        maximum_rows_read: Some(
            request.maximum_rows_read.map_or(PAGE_ROWS_MAX, |max| max.min(PAGE_ROWS_MAX)),
        ),
        maximum_bytes_read: Some(
            request.maximum_bytes_read.map_or(PAGE_BYTES_MAX, |max| max.min(PAGE_BYTES_MAX)),
        ),
        ..request
    }
}

/// Fails for a table whose documents dashboards do not show.
fn check_readable(table: &str) -> Result<()> {
    if table.starts_with('_') && !matches!(table, "_storage" | "_scheduled_functions") {
        return Err(Error::bad_request(
            "InvalidTableName",
            format!("The system table \"{table}\" cannot be shown."),
        ));
    }
    Ok(())
}

/// Fails for more items than one call takes.
fn check_batch(count: usize) -> Result<()> {
    if count > BATCH_MAX {
        return Err(Error::bad_request(
            "TooManyDocuments",
            format!("{count} documents are too many for one call, which takes at most {BATCH_MAX}."),
        ));
    }
    Ok(())
}
