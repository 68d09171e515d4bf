//! The definitions of components that were pushed, the app's included: `_component_definitions`.

use fusion_schema::{DocumentId, Object, Value, object};

use super::all;
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_component_definitions";

/// A definition as it was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDefinition {
    /// Its path from the app's functions; empty for the app.
    pub path: String,
    /// What it is, as JSON text.
    pub definition: String,
}

/// The definitions as one transaction sees them.
pub struct ComponentDefinitions<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for ComponentDefinitions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentDefinitions").finish_non_exhaustive()
    }
}

impl<'a> ComponentDefinitions<'a> {
    /// The definitions in this transaction, which is freed of its limits.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        tx.lift_limits();
        Self { tx }
    }

    fn rows(&mut self) -> Result<Vec<(DocumentId, StoredDefinition)>> {
        all(self.tx, TABLE)?.iter().map(|row| Ok((row.id(), read(row)?))).collect()
    }

    /// Every definition that the last push brought.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn list(&mut self) -> Result<Vec<StoredDefinition>> {
        Ok(self.rows()?.into_iter().map(|(_, definition)| definition).collect())
    }

    /// Makes these the definitions.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn replace(&mut self, definitions: &[StoredDefinition]) -> Result<()> {
        let stored = self.rows()?;
        for (id, old) in &stored {
            match definitions.iter().find(|new| new.path == old.path) {
                None => drop(self.tx.delete(*id)?),
                Some(new) if new == old => {}
                Some(new) => drop(self.tx.replace(*id, row(new))?),
            }
        }
        for new in definitions.iter().filter(|new| !stored.iter().any(|(_, old)| old.path == new.path)) {
            self.tx.insert(TABLE, row(new))?;
        }
        Ok(())
    }
}

fn row(definition: &StoredDefinition) -> Object {
    object! { "definition" => definition.definition.as_str(), "path" => definition.path.as_str() }
}

fn read(row: &Document) -> Result<StoredDefinition> {
    let text = |name: &str| row.fields().get(name).and_then(Value::as_str).map(str::to_owned);
    let parts = text("path").zip(text("definition"));
    let found = parts.map(|(path, definition)| StoredDefinition { path, definition });
    found.ok_or_else(|| {
        let id = row.id();
        Error::internal(format!("The row {id} of a component's definition is damaged. Push the code again."))
    })
}
