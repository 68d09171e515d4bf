//! The JSON form of a schema, as `defineSchema(..).export()` writes it.

use serde_json::{Value as Json, json};

use super::{
    IndexDefinition, Schema, SchemaError, SearchIndexDefinition, TableDefinition, VectorIndexDefinition,
};
use crate::validator::Validator;

/// Fields of every document that document types do not mention.
const SYSTEM_FIELDS: [&str; 2] = ["_id", "_creationTime"];

fn invalid(message: impl Into<String>) -> SchemaError {
    SchemaError::new("InvalidSchema", message)
}

/// A text that must be there.
fn text(json: &Json, name: &str) -> Result<String, SchemaError> {
    json.get(name)
        .and_then(Json::as_str)
        .map(str::to_owned)
        .ok_or_else(|| invalid(format!("The schema lacks the string \"{name}\" of a table or an index.")))
}

/// A list of texts; missing is empty.
fn texts(json: &Json, name: &str) -> Result<Vec<String>, SchemaError> {
    list(json, name, |item| {
        item.as_str().map(str::to_owned).ok_or_else(|| invalid(format!("\"{name}\" must hold strings.")))
    })
}

/// A list; missing or null is empty.
fn list<T>(
    json: &Json,
    name: &str,
    item: impl FnMut(&Json) -> Result<T, SchemaError>,
) -> Result<Vec<T>, SchemaError> {
    match json.get(name) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(items)) => items.iter().map(item).collect(),
        Some(_) => Err(invalid(format!("\"{name}\" must be an array."))),
    }
}

impl Schema {
    /// The JSON form.
    pub fn to_json(&self) -> Json {
        json!({
            "tables": self.tables.iter().map(TableDefinition::to_json).collect::<Vec<_>>(),
            "schemaValidation": self.schema_validation,
        })
    }

    /// Reads the JSON form; whether the schema keeps the rules is for [`Schema::check`] to say. A missing
    /// `schemaValidation` is false.
    pub fn from_json(json: &Json) -> Result<Self, SchemaError> {
        if !json.is_object() {
            return Err(invalid("A schema must be an object; export the result of `defineSchema`."));
        }
        Ok(Self {
            tables: list(json, "tables", TableDefinition::from_json)?,
            schema_validation: json.get("schemaValidation").and_then(Json::as_bool).unwrap_or(false),
        })
    }
}

impl TableDefinition {
    /// The JSON form.
    pub fn to_json(&self) -> Json {
        fn all<T>(items: &[T], item: impl Fn(&T) -> Json) -> Vec<Json> {
            items.iter().map(item).collect()
        }
        json!({
            "tableName": self.name,
            "indexes": all(&self.indexes, IndexDefinition::to_json),
            "stagedDbIndexes": all(&self.staged_indexes, IndexDefinition::to_json),
            "searchIndexes": all(&self.search_indexes, SearchIndexDefinition::to_json),
            "stagedSearchIndexes": all(&self.staged_search_indexes, SearchIndexDefinition::to_json),
            "vectorIndexes": all(&self.vector_indexes, VectorIndexDefinition::to_json),
            "stagedVectorIndexes": all(&self.staged_vector_indexes, VectorIndexDefinition::to_json),
            "documentType": self.document_type.to_json(),
        })
    }

    /// Reads the JSON form; a missing `documentType` is any.
    pub fn from_json(json: &Json) -> Result<Self, SchemaError> {
        let name = text(json, "tableName")?;
        let document_type = match json.get("documentType") {
            None | Some(Json::Null) => Validator::Any,
            Some(json) => without_system_fields(Validator::from_json(json).map_err(|error| {
                SchemaError::new(error.code, format!("Table \"{name}\": {}", error.message))
            })?),
        };
        Ok(Self {
            indexes: list(json, "indexes", IndexDefinition::from_json)?,
            staged_indexes: list(json, "stagedDbIndexes", IndexDefinition::from_json)?,
            search_indexes: list(json, "searchIndexes", SearchIndexDefinition::from_json)?,
            staged_search_indexes: list(json, "stagedSearchIndexes", SearchIndexDefinition::from_json)?,
            vector_indexes: list(json, "vectorIndexes", VectorIndexDefinition::from_json)?,
            staged_vector_indexes: list(json, "stagedVectorIndexes", VectorIndexDefinition::from_json)?,
            document_type,
            name,
        })
    }
}

/// A document type without the fields that every document has.
fn without_system_fields(validator: Validator) -> Validator {
    match validator {
        Validator::Object(mut object) => {
            object.fields.retain(|(name, _)| !SYSTEM_FIELDS.contains(&name.as_str()));
            Validator::Object(object)
        }
        Validator::Union(members) => {
            Validator::Union(members.into_iter().map(without_system_fields).collect())
        }
        other => other,
    }
}

impl IndexDefinition {
    fn to_json(&self) -> Json {
        json!({ "indexDescriptor": self.name, "fields": self.fields })
    }

    fn from_json(json: &Json) -> Result<Self, SchemaError> {
        Ok(Self { name: text(json, "indexDescriptor")?, fields: texts(json, "fields")? })
    }
}

impl SearchIndexDefinition {
    fn to_json(&self) -> Json {
        json!({
            "indexDescriptor": self.name,
            "searchField": self.search_field,
            "filterFields": self.filter_fields,
        })
    }

    fn from_json(json: &Json) -> Result<Self, SchemaError> {
        Ok(Self {
            name: text(json, "indexDescriptor")?,
            search_field: text(json, "searchField")?,
            filter_fields: texts(json, "filterFields")?,
        })
    }
}

impl VectorIndexDefinition {
    fn to_json(&self) -> Json {
        json!({
            "indexDescriptor": self.name,
            "vectorField": self.vector_field,
            "dimensions": self.dimensions,
            "filterFields": self.filter_fields,
        })
    }

    fn from_json(json: &Json) -> Result<Self, SchemaError> {
        let dimensions = json
            .get("dimensions")
            // Written by JavaScript, the number may come with a point.
            .and_then(Json::as_f64)
            .filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number))
            .ok_or_else(|| invalid("The dimensions of a vector index must be a positive integer."))?;
        Ok(Self {
            name: text(json, "indexDescriptor")?,
            vector_field: text(json, "vectorField")?,
            dimensions: dimensions as u32,
            filter_fields: texts(json, "filterFields")?,
        })
    }
}
