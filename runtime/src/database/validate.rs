//! What a document may look like, before any schema.

use fusion_schema::names::{ARRAY_LENGTH_MAX, OBJECT_FIELDS_MAX, check_field_name};
use fusion_schema::table::Schema;
use fusion_schema::validator::TableLookup;
use fusion_schema::{Object, Value};

use crate::error::{Error, Result};

/// Checks names, sizes and nesting of a document with its system fields.
pub(crate) fn document(
    table: &str,
    fields: &Object,
    size: usize,
    size_max: usize,
    nesting_max: usize,
) -> Result<()> {
    if size > size_max {
        return Err(Error::bad_request(
            "DocumentTooLarge",
            format!(
                "Document in table \"{table}\" is too large: {size} bytes, at most {size_max} bytes are allowed. Split it, or put large content into file storage."
            ),
        ));
    }
    for (name, value) in fields.iter() {
        if name.starts_with('_') && !matches!(name, "_id" | "_creationTime") {
            return Err(Error::bad_request(
                "InvalidFieldName",
                format!(
                    "Field name \"{name}\" in table \"{table}\" starts with an underscore, which is reserved for system fields."
                ),
            ));
        }
        check_field_name(name).map_err(|error| Error::bad_request("InvalidFieldName", error))?;
        check_value(value, 1, nesting_max)?;
    }
    check_length("Object", "fields", fields.len(), OBJECT_FIELDS_MAX)
}

fn check_length(kind: &str, what: &str, length: usize, length_max: usize) -> Result<()> {
    if length > length_max {
        return Err(Error::bad_request(
            "ValueTooLarge",
            format!("{kind} has too many {what}: {length}, at most {length_max} are allowed."),
        ));
    }
    Ok(())
}

fn check_value(value: &Value, depth: usize, nesting_max: usize) -> Result<()> {
    match value {
        Value::Array(_) | Value::Object(_) if depth >= nesting_max => Err(Error::bad_request(
            "DocumentTooNested",
            format!(
                "Document is nested too deeply: at most {nesting_max} levels of arrays and objects are allowed."
            ),
        )),
        Value::Array(values) => {
            check_length("Array", "elements", values.len(), ARRAY_LENGTH_MAX)?;
            values.iter().try_for_each(|value| check_value(value, depth + 1, nesting_max))
        }
        Value::Object(object) => {
            check_length("Object", "fields", object.len(), OBJECT_FIELDS_MAX)?;
            object.iter().try_for_each(|(name, value)| {
                check_field_name(name).map_err(|error| Error::bad_request("InvalidFieldName", error))?;
                check_value(value, depth + 1, nesting_max)
            })
        }
        _ => Ok(()),
    }
}

/// Checks a document against the active schema.
pub(crate) fn against_schema(
    schema: &Schema,
    table: &str,
    fields: &Object,
    tables: &dyn TableLookup,
) -> Result<()> {
    schema
        .check_document(table, fields, tables)
        .map_err(|error| Error::bad_request("SchemaEnforcementError", error.for_write(table)))
}
