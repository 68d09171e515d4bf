//! Function handles: `_function_handles` has a row for each function of each component, by whose id others call it.
//!
//! A handle stays the same from push to push. That of a function which is gone is kept, marked: should the function come
//! back, so does its handle. Ids are random, so nobody outside can guess one.
//!
//! Deliberately absent: who gets a handle, and calls.

use std::collections::{HashMap, HashSet};

use fusion_schema::{DocumentId, Value, object};

use super::{all, equal, first};
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_function_handles";
/// What handles begin with.
const PREFIX: &str = "function://";

/// A function by the component it is in and its path there, with extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandleTarget {
    /// The path of the component; empty for the app.
    pub component: String,
    /// The path of the function, `a/b.js:c`.
    pub path: String,
}

/// The function handles as one transaction sees them.
pub struct FunctionHandles<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for FunctionHandles<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionHandles").finish_non_exhaustive()
    }
}

impl<'a> FunctionHandles<'a> {
    /// The handles in this transaction, which is freed of its limits.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        tx.lift_limits();
        Self { tx }
    }

    /// Makes a handle for each of these functions that has none, and marks those of all others.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn sync(&mut self, functions: impl IntoIterator<Item = HandleTarget>, now_ms: f64) -> Result<()> {
        let mut missing: HashSet<HandleTarget> = functions.into_iter().collect();
        for row in all(self.tx, TABLE)? {
            let target = target(&row);
            let was_deleted = row.fields().get("deletedTs").is_some_and(|ts| *ts != Value::Null);
            let is_deleted = !missing.remove(&target);
            if is_deleted != was_deleted {
                let ts = if is_deleted { Value::Float64(now_ms) } else { Value::Null };
                self.tx.patch(row.id(), vec![("deletedTs".to_owned(), Some(ts))])?;
            }
        }
        let mut missing: Vec<_> = missing.into_iter().collect();
        missing.sort_unstable();
        for HandleTarget { component, path } in missing {
            let row = object! { "component" => component, "deletedTs" => Value::Null, "path" => path };
            self.tx.insert(TABLE, row)?;
        }
        Ok(())
    }

    /// Every handle by its function.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn list(&mut self) -> Result<HashMap<HandleTarget, String>> {
        Ok(all(self.tx, TABLE)?.iter().map(|row| (target(row), handle(row.id()))).collect())
    }

    /// The handle of a function.
    ///
    /// # Errors
    /// `FunctionHandleNotFound` if it has none.
    pub fn of(&mut self, HandleTarget { component, path }: &HandleTarget) -> Result<String> {
        let conditions = vec![equal("component", component.as_str()), equal("path", path.as_str())];
        let row = first(self.tx, TABLE, "by_component_path", conditions)?;
        let row = row.ok_or_else(|| {
            let message = format!("The function {path} has no handle. Push the code again.");
            Error::not_found("FunctionHandleNotFound", message)
        })?;
        Ok(handle(row.id()))
    }

    /// The function that a handle stands for.
    ///
    /// # Errors
    /// `InvalidFunctionHandle` if the text is none; `FunctionHandleNotFound` if the function is gone.
    pub fn resolve(&mut self, text: &str) -> Result<HandleTarget> {
        let id = parse(text)?;
        let table = self.tx.table(TABLE).map(|table| table.number);
        let row = if table == Some(id.table) { self.tx.get(id)? } else { None };
        let row = row.filter(|row| row.fields().get("deletedTs").is_none_or(|ts| *ts == Value::Null));
        row.map(|row| target(&row)).ok_or_else(|| {
            let message = format!("The function that \"{text}\" stood for is not there any more.");
            Error::not_found("FunctionHandleNotFound", message)
        })
    }
}

fn handle(id: DocumentId) -> String {
    format!("{PREFIX}{id}")
}

/// The id in a handle; what follows a `#` is for people.
fn parse(text: &str) -> Result<DocumentId> {
    let id = text.strip_prefix(PREFIX).map(|rest| rest.split_once('#').map_or(rest, |(id, _)| id));
    id.and_then(|id| DocumentId::decode(id).ok()).ok_or_else(|| {
        Error::bad_request(
            "InvalidFunctionHandle",
            format!("\"{text}\" is no function handle. Make one with `createFunctionHandle()`."),
        )
    })
}

fn target(row: &Document) -> HandleTarget {
    let text = |name: &str| row.fields().get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    HandleTarget { component: text("component"), path: text("path") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Database, DatabaseOptions};

    #[test]
    fn handles_stay_and_those_of_functions_that_are_gone_fail() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        let mut handles = FunctionHandles::new(&mut tx);
        let target =
            |component: &str| HandleTarget { component: component.to_owned(), path: "a.js:f".to_owned() };
        let (app, inner) = (target(""), target("x/y"));
        handles.sync([app.clone(), inner.clone()], 1.0).unwrap();
        let (of_app, of_inner) = (handles.of(&app).unwrap(), handles.of(&inner).unwrap());
        assert_ne!(of_app, of_inner);
        assert_eq!(handles.resolve(&format!("{of_inner}#a:f")).unwrap(), inner);
        handles.sync([app.clone()], 2.0).unwrap();
        assert_eq!(handles.resolve(&of_inner).unwrap_err().code(), "FunctionHandleNotFound");
        handles.sync([inner.clone(), app.clone()], 3.0).unwrap();
        assert_eq!((handles.of(&app).unwrap(), handles.resolve(&of_inner).unwrap()), (of_app, inner));
        assert_eq!(handles.resolve("a:f").unwrap_err().code(), "InvalidFunctionHandle");
    }
}
