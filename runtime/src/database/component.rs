//! [`ComponentId`], [`ComponentMeta`]: the instances of components that the system table `_components` tells of.
//!
//! Every instance has a namespace of its own: tables with their numbers, a schema, and its own `_storage`,
//! `_file_storage` and `_scheduled_functions`. All other system tables are those of the deployment. The app itself is
//! the root, which has no row.
//!
//! Deliberately absent: definitions, code and calls between components.

use std::collections::HashMap;
use std::sync::Arc;

use fusion_schema::{DocumentId, Object, Value};

use super::catalog::number;

/// An instance of a component inside the engine. Never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(pub u32);

impl ComponentId {
    /// The app itself.
    pub const ROOT: Self = Self(0);

    /// Whether it is the app itself.
    pub const fn is_root(self) -> bool {
        self.0 == 0
    }
}

/// What an environment variable of a component is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentBinding {
    /// This value.
    Value(String),
    /// The variable of that name of the component that mounts it.
    Variable(String),
}

/// An instance of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentMeta {
    /// Its identity inside the engine.
    pub id: ComponentId,
    /// Its row, by which clients know it.
    pub document: DocumentId,
    /// The names from the app to it: `agent/inner`.
    pub path: Arc<str>,
    /// The component that mounts it.
    pub parent: ComponentId,
    /// Its name inside the parent.
    pub name: String,
    /// The path of its definition.
    pub definition: String,
    /// Whether its functions can be called; a component that is not mounted any more only keeps its data.
    pub is_active: bool,
    /// Where its HTTP routes are mounted, below those of the parent.
    pub http_prefix: Option<String>,
    /// Its environment variables by name.
    pub environment: Vec<(String, EnvironmentBinding)>,
}

/// The path of what is called `name` inside the component at a path.
pub fn child_path(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// Reads the rows of `_components`. Rows that make no sense are left out.
pub(super) fn read_components<'a>(rows: impl Iterator<Item = &'a Object>) -> Vec<ComponentMeta> {
    let mut unplaced: Vec<(Option<DocumentId>, ComponentMeta)> = rows.filter_map(read).collect();
    let mut placed: HashMap<DocumentId, ComponentMeta> = HashMap::new();
    loop {
        let (ready, rest): (Vec<_>, Vec<_>) = unplaced
            .into_iter()
            .partition(|(parent, _)| parent.is_none_or(|parent| placed.contains_key(&parent)));
        if ready.is_empty() {
            return placed.into_values().collect();
        }
        for (parent, mut meta) in ready {
            if let Some(parent) = parent.and_then(|parent| placed.get(&parent)) {
                meta.path = child_path(&parent.path, &meta.name).into();
                meta.parent = parent.id;
            }
            placed.insert(meta.document, meta);
        }
        unplaced = rest;
    }
}

/// A row, with the document of its parent. Its path is not known yet.
fn read(row: &Object) -> Option<(Option<DocumentId>, ComponentMeta)> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let document = |name: &str| text(name).and_then(|id| DocumentId::decode(id).ok());
    let environment = row.get("environment").and_then(Value::as_array).unwrap_or_default();
    let meta = ComponentMeta {
        id: ComponentId(number(row, "number")?),
        document: document("_id")?,
        path: text("name")?.into(),
        parent: ComponentId::ROOT,
        name: text("name")?.to_owned(),
        definition: text("definition")?.to_owned(),
        is_active: text("state")? == "active",
        http_prefix: text("httpPrefix").map(str::to_owned),
        environment: environment.iter().filter_map(binding).collect(),
    };
    Some((document("parent"), meta))
}

fn binding(value: &Value) -> Option<(String, EnvironmentBinding)> {
    let row = value.as_object()?;
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let bound = match text("variable") {
        Some(name) => EnvironmentBinding::Variable(name),
        None => EnvironmentBinding::Value(text("value")?),
    };
    Some((text("name")?, bound))
}
