//! The schemas that were pushed: `_pushed_schemas`, each with how far it has come.
//!
//! A schema is *pending* while existing documents are validated and indexes are built, *validated* when that is done,
//! and *active* once its push is finished. One that does not fit the data has *failed*; one that another push came
//! before is *overwritten*. What the database enforces is the active one joined with that of the application that
//! is compiled in, which is the database's own business. Each instance of a component has a schema of its own.

use std::collections::BTreeMap;
use std::fmt;

use fusion_schema::{DocumentId, Object, Value, object};
use serde_json::Value as Json;

use super::all;
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_pushed_schemas";

/// How far a pushed schema has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// Documents are being validated and indexes built.
    Pending,
    /// It fits the data.
    Validated,
    /// It is in force.
    Active,
    /// It does not fit the data.
    Failed {
        /// What is wrong, for people.
        error: String,
        /// The table with the document that does not match.
        table: Option<String>,
    },
    /// Another push came before.
    Overwritten,
}

impl SchemaState {
    const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Validated => "validated",
            Self::Active => "active",
            Self::Failed { .. } => "failed",
            Self::Overwritten => "overwritten",
        }
    }
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A pushed schema.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedSchema {
    /// Its row.
    pub id: DocumentId,
    /// The path of the component it is of; empty for the app.
    pub component: String,
    /// The schema as `defineSchema` exports it.
    pub schema: Json,
    /// How far it has come.
    pub state: SchemaState,
}

/// The pushed schemas as one transaction sees them.
pub struct PushedSchemas<'a> {
    tx: &'a mut Transaction,
}

impl fmt::Debug for PushedSchemas<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedSchemas").finish_non_exhaustive()
    }
}

impl<'a> PushedSchemas<'a> {
    /// The schemas in this transaction, which is freed of its limits: a schema may be larger than what functions read.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        tx.lift_limits();
        Self { tx }
    }

    /// Every schema, oldest first.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn list(&mut self) -> Result<Vec<PushedSchema>> {
        all(self.tx, TABLE)?.iter().map(read).collect()
    }

    /// The app's schema in force; `None` if the last push had none, or there was no push.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn active(&mut self) -> Result<Option<PushedSchema>> {
        Ok(self.all_active()?.remove(""))
    }

    /// The schemas in force, by component.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn all_active(&mut self) -> Result<BTreeMap<String, PushedSchema>> {
        let active = self.list()?.into_iter().filter(|schema| schema.state == SchemaState::Active);
        Ok(active.map(|schema| (schema.component.clone(), schema)).collect())
    }

    /// A schema by its row.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn get(&mut self, id: DocumentId) -> Result<Option<PushedSchema>> {
        self.tx.get(id)?.as_ref().map(read).transpose()
    }

    /// Adds the pending schemas of a push, by component; every other push that is not finished is overtaken.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn begin<'s>(
        &mut self,
        schemas: impl IntoIterator<Item = (&'s str, &'s Json)>,
    ) -> Result<BTreeMap<String, DocumentId>> {
        for other in self.list()? {
            match other.state {
                SchemaState::Pending | SchemaState::Validated => {
                    self.set_state(other.id, &SchemaState::Overwritten)?;
                }
                SchemaState::Failed { .. } | SchemaState::Overwritten => drop(self.tx.delete(other.id)?),
                SchemaState::Active => {}
            }
        }
        let insert = |(component, schema): (&str, &Json)| {
            let id = self.tx.insert(TABLE, row(component, schema, &SchemaState::Pending))?;
            Ok((component.to_owned(), id))
        };
        schemas.into_iter().map(insert).collect()
    }

    /// Notes how far a schema has come; nothing happens if it is gone.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn set_state(&mut self, id: DocumentId, state: &SchemaState) -> Result<()> {
        match self.get(id)? {
            Some(schema) => self.tx.replace(id, row(&schema.component, &schema.schema, state)).map(drop),
            None => Ok(()),
        }
    }

    /// Puts these schemas in force in place of those before. Those of components that are `kept` stay in force.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn activate(&mut self, ids: &[DocumentId], kept: impl Fn(&str) -> bool) -> Result<()> {
        for other in self.list()? {
            if other.state == SchemaState::Active && !ids.contains(&other.id) && !kept(&other.component) {
                self.tx.delete(other.id)?;
            }
        }
        ids.iter().try_for_each(|id| self.set_state(*id, &SchemaState::Active))
    }
}

fn row(component: &str, schema: &Json, state: &SchemaState) -> Object {
    let mut row = object! { "schema" => schema.to_string(), "state" => state.name() };
    if !component.is_empty() {
        row.insert("component", component);
    }
    if let SchemaState::Failed { error, table } = state {
        row.insert("error", error.as_str());
        row.insert("tableName", table.as_deref().map_or(Value::Null, Value::from));
    }
    row
}

fn read(row: &Document) -> Result<PushedSchema> {
    let fields = row.fields();
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let state = match text("state") {
        Some("pending") => Some(SchemaState::Pending),
        Some("validated") => Some(SchemaState::Validated),
        Some("active") => Some(SchemaState::Active),
        Some("overwritten") => Some(SchemaState::Overwritten),
        Some("failed") => Some(SchemaState::Failed {
            error: text("error").unwrap_or_default().to_owned(),
            table: text("tableName").map(str::to_owned),
        }),
        _ => None,
    };
    let schema = text("schema").and_then(|text| serde_json::from_str(text).ok());
    match (schema, state) {
        (Some(schema), Some(state)) => {
            let component = text("component").unwrap_or_default().to_owned();
            Ok(PushedSchema { id: row.id(), component, schema, state })
        }
        _ => Err(Error::internal(format!("the row {} of a pushed schema is damaged", row.id()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::database::{Database, DatabaseOptions};

    fn states(tx: &mut Transaction) -> Vec<String> {
        PushedSchemas::new(tx).list().unwrap().iter().map(|schema| schema.state.to_string()).collect()
    }

    #[test]
    fn a_later_push_overtakes_what_is_not_finished() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        let begin = |tx: &mut Transaction, n: i64| {
            let schema = json!({"n": n});
            PushedSchemas::new(tx).begin([("", &schema)]).unwrap()[""]
        };
        let none = |_: &str| false;
        let first = begin(&mut tx, 1);
        PushedSchemas::new(&mut tx).set_state(first, &SchemaState::Validated).unwrap();
        PushedSchemas::new(&mut tx).activate(&[first], none).unwrap();
        assert_eq!(states(&mut tx), ["active"]);
        begin(&mut tx, 2);
        let third = begin(&mut tx, 3);
        assert_eq!(states(&mut tx), ["active", "overwritten", "pending"]);
        let failed = SchemaState::Failed { error: "no".to_owned(), table: Some("t".to_owned()) };
        PushedSchemas::new(&mut tx).set_state(third, &failed).unwrap();
        assert_eq!(PushedSchemas::new(&mut tx).get(third).unwrap().unwrap().state, failed);
        // A push without a schema overtakes, too, and leaves none in force.
        assert!(PushedSchemas::new(&mut tx).begin([]).unwrap().is_empty());
        assert_eq!(states(&mut tx), ["active"]);
        assert_eq!(PushedSchemas::new(&mut tx).active().unwrap().unwrap().schema, json!({"n": 1}));
        PushedSchemas::new(&mut tx).activate(&[], none).unwrap();
        assert_eq!(PushedSchemas::new(&mut tx).active().unwrap(), None);
    }

    #[test]
    fn each_component_has_a_schema_in_force() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        let (app, limiter) = (json!({"n": 1}), json!({"n": 2}));
        let ids = PushedSchemas::new(&mut tx).begin([("", &app), ("limiter", &limiter)]).unwrap();
        let ids: Vec<_> = ids.into_values().collect();
        PushedSchemas::new(&mut tx).activate(&ids, |_| false).unwrap();
        assert_eq!(PushedSchemas::new(&mut tx).all_active().unwrap()["limiter"].schema, limiter);
        // One that is not mounted any more keeps its schema with its data.
        let again = PushedSchemas::new(&mut tx).begin([("", &app)]).unwrap();
        PushedSchemas::new(&mut tx).activate(&[again[""]], |component| component == "limiter").unwrap();
        let active = PushedSchemas::new(&mut tx).all_active().unwrap();
        assert_eq!(active.into_keys().collect::<Vec<_>>(), ["", "limiter"]);
    }
}
