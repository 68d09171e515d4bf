//! What documents look like: JSON Schemas and names of columns, by what the active schema says. Where no schema is
//! enforced, a JSON Schema names the system fields and lets everything else pass; for names of columns some documents
//! are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fusion_schema::Validator;
use fusion_schema::json::{Format, to_serde};
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json, json};

use super::StreamingExport;
use crate::database::{ComponentId, Snapshot, TableMeta};
use crate::error::{Error, Result};

/// Documents of a table that are looked at for the names of their fields.
const DOCUMENTS_MAX: usize = 1_000;

/// What is to be described.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The component whose tables they are.
    pub component: ComponentId,
    /// The form of the documents.
    pub format: Format,
    /// Whether the fields are told, too, that pages add.
    pub is_delta: bool,
}

impl StreamingExport {
    /// The JSON Schema of each table by its name.
    pub fn json_schemas(&self, description: Description) -> Json {
        let snapshot = self.database.published();
        let tables = user_tables(&snapshot, description.component);
        let schema =
            |table: &Arc<TableMeta>| document_schema(validator(&snapshot, table), &table.name, description);
        Json::Object(tables.map(|table| (table.name.clone(), schema(table))).collect())
    }

    /// The names of the fields of each table's documents by the table's name. Blocks while it reads.
    ///
    /// # Errors
    /// Internal if a document cannot be read.
    pub fn column_names(&self, component: ComponentId) -> Result<Json> {
        let snapshot = self.database.published();
        let tables = user_tables(&snapshot, component);
        let columns = tables.map(|table| {
            let names = match validator(&snapshot, table).map(Fields::of) {
                Some(fields) if fields.is_closed => fields.by_name.into_keys().collect(),
                _ => self.seen_names(&snapshot, table)?,
            };
            let system = ["_id", "_creationTime"].map(str::to_owned);
            let own = names.into_iter().filter(|name| !system.contains(name));
            let names: Vec<String> = system.iter().cloned().chain(own).collect();
            Ok((table.name.clone(), Json::from(names)))
        });
        columns.collect::<Result<Map<_, _>>>().map(Json::Object)
    }

    /// The names of the top-level fields of some documents.
    fn seen_names(&self, snapshot: &Snapshot, table: &TableMeta) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for version in self.database.documents_behind(snapshot, table.id, None).take(DOCUMENTS_MAX) {
            let body = self.database.body(&version)?;
            let fields: BTreeMap<String, IgnoredAny> = serde_json::from_str(&body)
                .map_err(|error| Error::internal("A document is damaged.").with_source(error))?;
            names.extend(fields.into_keys());
        }
        Ok(names)
    }
}

fn user_tables(snapshot: &Snapshot, component: ComponentId) -> impl Iterator<Item = &Arc<TableMeta>> {
    snapshot.catalog().tables_in(component).filter(|table| !table.number.is_system())
}

/// What the documents of a table have to be, where that is enforced.
fn validator<'a>(snapshot: &'a Snapshot, table: &TableMeta) -> Option<&'a Validator> {
    let schema = snapshot.catalog().schema_in(table.component).filter(|schema| schema.schema_validation)?;
    schema.table(&table.name).map(|definition| &definition.document_type)
}

/// The fields of a document, of whichever member of a union it is.
struct Fields<'a> {
    by_name: BTreeMap<String, Vec<&'a Validator>>,
    required: BTreeSet<String>,
    /// Whether there are no others.
    is_closed: bool,
}

impl<'a> Fields<'a> {
    fn of(validator: &'a Validator) -> Self {
        match validator {
            Validator::Object(object) => {
                let by_name = object
                    .fields
                    .iter()
                    .map(|(name, field)| (name.clone(), vec![&field.validator]))
                    .collect();
                let required = object.fields.iter().filter(|(_, field)| !field.optional);
                Self { by_name, required: required.map(|(name, _)| name.clone()).collect(), is_closed: true }
            }
            Validator::Union(members) => {
                let mut members = members.iter().map(Self::of);
                let mut all = members.next().unwrap_or_else(Self::any);
                for member in members {
                    for (name, validators) in member.by_name {
                        let known = all.by_name.entry(name).or_default();
                        let new = validators.into_iter().filter(|validator| !known.contains(validator));
                        let new: Vec<_> = new.collect();
                        known.extend(new);
                    }
                    all.required.retain(|name| member.required.contains(name));
                    all.is_closed &= member.is_closed;
                }
                all
            }
            _ => Self::any(),
        }
    }

    fn any() -> Self {
        Self { by_name: BTreeMap::new(), required: BTreeSet::new(), is_closed: false }
    }
}

fn document_schema(validator: Option<&Validator>, table: &str, description: Description) -> Json {
    let fields = validator.map_or_else(Fields::any, Fields::of);
    let mut properties = Map::new();
    for (name, validators) in &fields.by_name {
        let mut schemas: Vec<Json> =
            validators.iter().map(|validator| value_schema(validator, description.format)).collect();
        let schema = if schemas.len() == 1 { schemas.remove(0) } else { json!({"anyOf": schemas}) };
        properties.insert(name.clone(), schema);
    }
    properties.insert("_id".to_owned(), id_schema(table));
    let time = json!({"type": "number", "description": "Milliseconds since the epoch"});
    properties.insert("_creationTime".to_owned(), time);
    // A deleted document has nothing but its id.
    let mut required: Vec<&str> = vec!["_id"];
    if description.is_delta {
        let added = [
            (
                "_component",
                json!({"type": "string", "description": "Path of the component; empty for the app"}),
            ),
            ("_deleted", json!({"type": "boolean", "description": "Whether the document was deleted"})),
            ("_table", json!({"type": "string", "description": "Name of the table"})),
            (
                "_ts",
                json!({"type": "integer", "description": "Nanoseconds since the epoch of the last change"}),
            ),
        ];
        properties.extend(added.map(|(name, schema)| (name.to_owned(), schema)));
        required.extend(["_component", "_table", "_ts"]);
    } else {
        required.push("_creationTime");
        required.extend(fields.required.iter().map(String::as_str));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": !fields.is_closed,
    })
}

fn id_schema(table: &str) -> Json {
    json!({"type": "string", "description": format!("Id of table \"{table}\"")})
}

/// The JSON Schema of what a validator lets pass.
fn value_schema(validator: &Validator, format: Format) -> Json {
    let special = |name: &str, what: &str| {
        let fields = json!({name: {"type": "string", "description": format!("Base64 of {what}")}});
        json!({"type": "object", "properties": fields, "required": [name], "additionalProperties": false})
    };
    match validator {
        Validator::Null => json!({"type": "null"}),
        Validator::Boolean => json!({"type": "boolean"}),
        Validator::String => json!({"type": "string"}),
        Validator::Float64 if format == Format::Clean => {
            json!({"type": "number", "description": "NaN and the infinities are strings of their names"})
        }
        Validator::Float64 => json!({
            "type": "number",
            "description": "NaN, the infinities and -0 are {\"$float\": <base64 of 8 bytes, little-endian>}",
        }),
        Validator::Int64 | Validator::CommitTs => match format {
            Format::Clean => json!({"type": "string", "description": "A 64-bit integer in decimal digits"}),
            Format::Export => json!({"type": "integer"}),
            Format::Encoded | Format::EncodedWithDots => {
                special("$integer", "a 64-bit integer in 8 bytes, little-endian")
            }
        },
        Validator::Bytes if format == Format::Clean => {
            json!({"type": "string", "description": "Base64 of bytes"})
        }
        Validator::Bytes => special("$bytes", "bytes"),
        Validator::Any => json!({}),
        Validator::Id(table) => id_schema(table),
        Validator::Literal(value) => json!({"enum": [to_serde(value, format)]}),
        Validator::Array(element) => json!({"type": "array", "items": value_schema(element, format)}),
        Validator::Object(object) => {
            let fields = object.fields.iter();
            let properties: Map<String, Json> =
                fields.map(|(name, field)| (name.clone(), value_schema(&field.validator, format))).collect();
            let required = object.fields.iter().filter(|(_, field)| !field.optional);
            let required: Vec<&str> = required.map(|(name, _)| name.as_str()).collect();
            json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            })
        }
        Validator::Record { values, .. } => {
            json!({"type": "object", "additionalProperties": value_schema(values, format)})
        }
        Validator::Union(members) if members.is_empty() => json!({"not": {}}),
        Validator::Union(members) => {
            json!({"anyOf": members.iter().map(|member| value_schema(member, format)).collect::<Vec<_>>()})
        }
    }
}
