//! Components: `_components` has a row for each instance, `_component_definitions` one for each definition that the last
//! push brought.
//!
//! An instance that a push does not mount any more is `unmounted`: its data stay, and a later push that mounts one of the
//! same name under the same parent finds them again. Only [`Components::delete`] takes a row away; the tables go with
//! [`delete_component`].
//!
//! Deliberately absent: what definitions mean (`push`), and calls between components (`function`).

use std::collections::HashMap;

use fusion_schema::{DocumentId, Object, Value, object};

use super::all;
use crate::database::catalog::COMPONENTS;
use crate::database::staging::{Contents, Target};
use crate::database::{ComponentId, Database, Document, EnvironmentBinding, NewComponent, Transaction};
use crate::{Error, Result};

const DEFINITIONS: &str = "_component_definitions";

/// An instance as a push wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The names from the app to it: `agent/inner`.
    pub path: String,
    /// What it is known by if there was none at that path before.
    pub new: NewComponent,
    /// The path of its definition.
    pub definition: String,
    /// Where its HTTP routes are mounted, below those of the parent.
    pub http_prefix: Option<String>,
    /// Its environment variables by name.
    pub environment: Vec<(String, EnvironmentBinding)>,
}

/// A definition as a push brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDefinition {
    /// Its path; empty for the app.
    pub path: String,
    /// What it exports, as JSON text.
    pub definition: String,
}

/// What a push did to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountChange {
    /// It is new.
    Create,
    /// It was there.
    Modify,
    /// It is there again.
    Remount,
    /// It is not mounted any more.
    Unmount,
}

impl MountChange {
    /// As answers to a push spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Remount => "remount",
            Self::Unmount => "unmount",
        }
    }
}

/// The components as one transaction sees them.
pub struct Components<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for Components<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Components").finish_non_exhaustive()
    }
}

impl<'a> Components<'a> {
    /// The components in this transaction, which is freed of its limits.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        tx.lift_limits();
        Self { tx }
    }

    /// Makes these the instances that are mounted; parents come before their children. New ones get their own system
    /// tables. Gives what happened, by path; instances that were and stay unmounted are left out.
    ///
    /// # Errors
    /// If a parent is missing.
    pub fn apply(&mut self, mounts: &[Mount]) -> Result<Vec<(String, MountChange)>> {
        let catalog = self.tx.snapshot().catalog().clone();
        let mut changes = Vec::new();
        let mut documents: HashMap<&str, DocumentId> = HashMap::new();
        for mount in mounts {
            let (parent, name) = mount.path.rsplit_once('/').unwrap_or(("", &mount.path));
            let parent = match parent {
                "" => None,
                parent => Some(*documents.get(parent).ok_or_else(|| {
                    Error::internal(format!("the parent of the component {} is not mounted", mount.path))
                })?),
            };
            let known = catalog.component_at(&mount.path).and_then(|id| catalog.component(id));
            let id = known.map_or(mount.new.id, |known| known.id);
            let row = row(mount, id, parent, name);
            match known {
                Some(known) => {
                    documents.insert(&mount.path, known.document);
                    self.tx.replace(known.document, row)?;
                    let change = if known.is_active { MountChange::Modify } else { MountChange::Remount };
                    changes.push((mount.path.clone(), change));
                }
                None => {
                    documents.insert(&mount.path, mount.new.document);
                    self.tx.insert_system_with_id(COMPONENTS, mount.new.document, row)?;
                    self.tx.inside(id, Transaction::make_component_tables)?;
                    changes.push((mount.path.clone(), MountChange::Create));
                }
            }
        }
        for gone in catalog.components().filter(|known| known.is_active) {
            if !mounts.iter().any(|mount| *mount.path == *gone.path) {
                self.tx.patch(gone.document, vec![("state".to_owned(), Some("unmounted".into()))])?;
                changes.push((gone.path.to_string(), MountChange::Unmount));
            }
        }
        changes.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(changes)
    }

    /// Every definition that the last push brought.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn definitions(&mut self) -> Result<Vec<StoredDefinition>> {
        let read = |row: &Document| {
            let text = |name: &str| row.fields().get(name).and_then(Value::as_str).map(str::to_owned);
            let parts = text("path").zip(text("definition"));
            let found = parts.map(|(path, definition)| StoredDefinition { path, definition });
            found.ok_or_else(|| {
                Error::internal(format!("the row {} of a component's definition is damaged", row.id()))
            })
        };
        all(self.tx, DEFINITIONS)?.iter().map(read).collect()
    }

    /// Makes these the definitions.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn set_definitions(&mut self, definitions: &[StoredDefinition]) -> Result<()> {
        for row in all(self.tx, DEFINITIONS)? {
            self.tx.delete(row.id())?;
        }
        for StoredDefinition { path, definition } in definitions {
            let row = object! { "definition" => definition.as_str(), "path" => path.as_str() };
            self.tx.insert(DEFINITIONS, row)?;
        }
        Ok(())
    }
}

fn row(mount: &Mount, id: ComponentId, parent: Option<DocumentId>, name: &str) -> Object {
    let environment = mount.environment.iter().map(|(name, binding)| {
        let (kind, value) = match binding {
            EnvironmentBinding::Value(value) => ("value", value),
            EnvironmentBinding::Variable(variable) => ("variable", variable),
        };
        let mut row = object! { "name" => name.as_str() };
        row.insert(kind, value.as_str());
        Value::Object(row)
    });
    let mut row = object! {
        "args" => Object::new(),
        "definition" => mount.definition.as_str(),
        "environment" => environment.collect::<Vec<_>>(),
        "name" => name,
        "number" => f64::from(id.0),
        "parent" => parent.map_or(Value::Null, Value::from),
        "state" => "active",
    };
    if let Some(prefix) = &mount.http_prefix {
        row.insert("httpPrefix", prefix.as_str());
    }
    row
}

/// Deletes a component that is not mounted, with its data and all components below it, and waits until that is durable.
/// Gives the UUIDs of its stored files, whose contents are to be deleted next. Blocks.
///
/// # Errors
/// `ComponentNotFound`; `ComponentMounted`; conflict if tables or schema changed meanwhile: to be tried again.
pub fn delete_component(database: &Database, document: DocumentId) -> Result<Vec<String>> {
    let snapshot = database.published();
    let catalog = snapshot.catalog();
    let Some(component) = catalog.component_by_document(document) else {
        return Err(Error::not_found(
            "ComponentNotFound",
            format!("There is no component with ID \"{document}\"."),
        ));
    };
    if component.is_active {
        return Err(Error::bad_request(
            "ComponentMounted",
            format!(
                "The component \"{}\" is mounted. Take it out of convex.config.ts and push, then delete it.",
                component.path
            ),
        ));
    }
    let below = format!("{}/", component.path);
    let doomed: Vec<_> = catalog
        .components()
        .filter(|other| other.id == component.id || other.path.starts_with(&below))
        .cloned()
        .collect();
    let tables = doomed.iter().flat_map(|component| catalog.tables_in(component.id));
    let targets = tables.map(|table| Target {
        component: table.component,
        name: table.name.clone(),
        number: None,
        contents: Contents::Remove,
    });
    let staging = database.stage(targets.collect())?;
    let mut uuids = Vec::new();
    staging.commit(|tx| {
        uuids.clear();
        for component in &doomed {
            let files = tx.inside(component.id, |tx| all(tx, "_file_storage"))?;
            let uuid = |row: &Document| row.fields().get("uuid").and_then(Value::as_str).map(str::to_owned);
            uuids.extend(files.iter().filter_map(uuid));
            tx.delete_schema(component.id)?;
            tx.delete(component.document)?;
        }
        Ok(())
    })?;
    Ok(uuids)
}
