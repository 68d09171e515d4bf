//! Documents: read by id, inserted, changed, deleted.

use fusion_schema::{DocumentId, Value, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{arguments, object, quoted, value};
use crate::function::MutationCtx;
use crate::function::QueryCtx;
use crate::function::execution::Execution;
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ById<'a> {
    id: String,
    #[serde(default)]
    is_system: bool,
    table: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

impl ById<'_> {
    /// The id, which must be one of the table if the caller named one.
    fn id(&self, execution: &mut Execution, call: &str) -> Result<DocumentId> {
        let invalid = |what: String| {
            Error::bad_request("InvalidArgument", format!("Invalid argument `id` for `db.{call}`: {what}"))
        };
        let id = DocumentId::decode(&self.id).map_err(|error| invalid(error.to_string()))?;
        if let (Some(expected), Some(found)) = (&self.table, execution.tx().table_name(id.table))
            && *expected != found
        {
            return Err(invalid(format!(
                "expected to be an Id<\"{expected}\">, got Id<\"{found}\"> instead."
            )));
        }
        Ok(id)
    }

    fn value(&self, call: &str) -> Result<&RawValue> {
        self.value.ok_or_else(|| {
            Error::bad_request("InvalidArgument", format!("`value` is missing for `db.{call}`."))
        })
    }
}

pub(super) fn get(execution: &mut Execution, args: &str) -> Result<String> {
    let args: ById<'_> = arguments("1.0/get", args)?;
    let id = args.id(execution, "get")?;
    let mut ctx = QueryCtx::new(execution);
    let mut reader = ctx.db();
    if args.is_system {
        reader = reader.system();
    }
    Ok(reader.get_any(id)?.map_or_else(|| "null".to_owned(), |document| document.json().to_string()))
}

#[derive(Deserialize)]
struct Insert<'a> {
    table: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

pub(super) fn insert(execution: &mut Execution, args: &str) -> Result<String> {
    let Insert { table, value } = arguments("1.0/insert", args)?;
    let fields = object(value, "A document")?;
    let id = MutationCtx::new(execution).db().insert_any(&table, fields)?;
    Ok(format!("{{\"_id\":{}}}", quoted(&id.to_string())))
}

pub(super) fn patch(execution: &mut Execution, args: &str) -> Result<String> {
    let args: ById<'_> = arguments("1.0/shallowMerge", args)?;
    let id = args.id(execution, "patch")?;
    let fields = patch_fields(args.value("patch")?)?;
    let document = MutationCtx::new(execution).db().patch_any(id, fields)?;
    Ok(document.json().to_string())
}

/// The fields of a patch; `{"$undefined":null}` at the top level removes a field.
fn patch_fields(raw: &RawValue) -> Result<Vec<(String, Option<Value>)>> {
    let fields: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Error::bad_request("InvalidValue", "The fields of a patch must be an object."))?;
    fields
        .into_iter()
        .map(|(name, raw)| match is_undefined(raw) {
            true => Ok((name, None)),
            false => Ok((name, Some(value(raw)?))),
        })
        .collect()
}

fn is_undefined(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
        && serde_json::from_str::<serde_json::Value>(raw.get())
            .is_ok_and(|json| json == serde_json::json!({ "$undefined": null }))
}

pub(super) fn replace(execution: &mut Execution, args: &str) -> Result<String> {
    let args: ById<'_> = arguments("1.0/replace", args)?;
    let id = args.id(execution, "replace")?;
    let fields = object(args.value("replace")?, "A document")?;
    let document = MutationCtx::new(execution).db().replace_any(id, fields)?;
    Ok(document.json().to_string())
}

pub(super) fn remove(execution: &mut Execution, args: &str) -> Result<String> {
    let args: ById<'_> = arguments("1.0/remove", args)?;
    let id = args.id(execution, "delete")?;
    let document = MutationCtx::new(execution).db().delete_any(id)?;
    Ok(document.json().to_string())
}

#[derive(Deserialize)]
struct OfTable {
    table: String,
}

pub(super) fn count(execution: &mut Execution, args: &str) -> Result<String> {
    let OfTable { table } = arguments("1.0/count", args)?;
    super::query::check_readable(&table)?;
    Ok(execution.tx().count(&table)?.to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NormalizeId {
    table: String,
    id_string: String,
}

pub(super) fn normalize_id(execution: &mut Execution, args: &str) -> Result<String> {
    let NormalizeId { table, id_string } = arguments("1.0/db/normalizeId", args)?;
    let id = execution.tx().normalize_id(&table, &id_string);
    Ok(format!("{{\"id\":{}}}", id.map_or_else(|| "null".to_owned(), |id| quoted(&id.to_string()))))
}

pub(super) fn user_identity(execution: &mut Execution) -> Result<String> {
    Ok(execution.user()?.map_or_else(|| "null".to_owned(), |user| json::encode(&user.to_value())))
}
