//! `fusion data`.

use std::collections::BTreeSet;

use base64::Engine as _;
use clap::{Args, ValueEnum};
use fusion_schema::{Value, json};
use serde_json::{Value as Json, json};

use crate::client::{Deployment, Target};
use crate::failure::{Failure, Result};
use crate::output;

/// The most documents asked for at once.
const PAGE_SIZE: usize = 1_000;

/// List the tables, or print the documents of one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion data                                 the tables
  fusion data messages --limit 10             the newest documents of one
  fusion data messages --format jsonLines > messages.jsonl")]
pub(crate) struct Data {
    /// Table to print; without it the names of all tables are printed.
    #[arg(value_name = "TABLE")]
    table: Option<String>,

    /// Most documents to print.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,

    /// Order by creation.
    #[arg(long, value_enum, default_value_t = Order::Desc)]
    order: Order,

    /// Form of the documents.
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,

    /// Component whose data is printed.
    #[arg(long, value_name = "PATH", default_value = "")]
    component: String,

    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table with a column for each field.
    Pretty,
    /// A JSON array.
    #[value(alias = "jsonArray")]
    Json,
    /// A JSON object in each line.
    #[value(alias = "jsonl", name = "jsonLines")]
    JsonLines,
}

pub(super) async fn run(command: Data) -> Result {
    let deployment = command.target.deployment()?;
    match &command.table {
        None => list_tables(&command, &deployment).await,
        Some(table) => list_documents(&command, &deployment, table).await,
    }
}

async fn list_tables(command: &Data, deployment: &Deployment) -> Result {
    let args = json!({"paginationOpts": {"cursor": null, "numItems": 10_000}});
    let page = deployment.system_query_in(&command.component, "_system/cli/tables", args).await?;
    let names: BTreeSet<_> =
        page["page"].as_array().into_iter().flatten().filter_map(|table| table["name"].as_str()).collect();
    if names.is_empty() {
        output::talk("There are no tables in the database.");
    }
    names.into_iter().try_for_each(output::data)?;
    if command.component.is_empty() {
        tell_components(deployment).await?;
    }
    Ok(())
}

/// Says which components there are: nothing else lists them here.
async fn tell_components(deployment: &Deployment) -> Result {
    let all = deployment.system_query("_system/frontend/components:list", json!({})).await?;
    let paths = all.as_array().into_iter().flatten().filter_map(|component| component["path"].as_str());
    let paths: Vec<_> = paths.filter(|path| !path.is_empty()).collect();
    if !paths.is_empty() {
        output::talk(format_args!(
            "Components have tables of their own, shown by --component PATH: {}",
            paths.join(", ")
        ));
    }
    Ok(())
}

async fn list_documents(command: &Data, deployment: &Deployment, table: &str) -> Result {
    let order = match command.order {
        Order::Asc => "asc",
        Order::Desc => "desc",
    };
    // One more than wanted tells whether there are more.
    let wanted = command.limit.saturating_add(1);
    let mut documents: Vec<Json> = Vec::new();
    let mut cursor = Json::Null;
    while documents.len() < wanted {
        let count = (wanted - documents.len()).min(PAGE_SIZE);
        let args = json!({
            "table": table, "order": order, "paginationOpts": {"cursor": cursor, "numItems": count},
        });
        let mut page = deployment.system_query_in(&command.component, "_system/cli/tableData", args).await?;
        if let Json::Array(found) = page["page"].take() {
            documents.extend(found);
        }
        if page["isDone"] != json!(false) {
            break;
        }
        cursor = page["continueCursor"].take();
    }
    let has_more = documents.len() > command.limit;
    documents.truncate(command.limit);
    match command.format {
        Format::Json => output::data(format!("{:#}", Json::Array(documents)))?,
        Format::JsonLines => documents.iter().try_for_each(output::data)?,
        Format::Pretty if documents.is_empty() => output::talk("There are no documents in this table."),
        Format::Pretty => print_table(&documents)?,
    }
    if has_more {
        output::talk(format_args!(
            "Showing {} documents; there are more. Use --limit to see them.",
            command.limit
        ));
    }
    Ok(())
}

/// Prints documents as a table: `_id` and `_creationTime` first, then all other fields by name.
fn print_table(documents: &[Json]) -> Result {
    let mut rows = Vec::new();
    let mut fields = BTreeSet::new();
    for document in documents {
        let Ok(Value::Object(document)) = json::from_serde(document) else {
            return Err(Failure::new("the server sent a document that is none"));
        };
        fields.extend(document.iter().map(|(name, _)| name.to_owned()));
        rows.push(document);
    }
    fields.remove("_id");
    fields.remove("_creationTime");
    let fields: Vec<_> = ["_id", "_creationTime"].into_iter().map(str::to_owned).chain(fields).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| fields.iter().map(|field| row.get(field).map(show).unwrap_or_default()).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([fields[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..fields.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join(" | ").trim_end().to_owned()
    };
    output::data(line(&fields))?;
    output::data(widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("-|-"))?;
    rows.iter().try_for_each(|row| output::data(line(row)))
}

/// A value as a person reads it.
fn show(value: &Value) -> String {
    match value {
        Value::Int64(number) => format!("{number}n"),
        Value::Bytes(bytes) => {
            format!("Bytes(\"{}\")", base64::engine::general_purpose::STANDARD.encode(bytes))
        }
        Value::Float64(number) if !number.is_finite() => {
            if number.is_nan() {
                "NaN".to_owned()
            } else {
                format!("{}Infinity", if *number < 0.0 { "-" } else { "" })
            }
        }
        Value::Array(values) => format!("[{}]", values.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => {
            let fields: Vec<_> =
                object.iter().map(|(name, value)| format!("{name:?}: {}", show(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        value => json::encode(value),
    }
}

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;

    #[test]
    fn values_are_shown_as_people_read_them() {
        let value = Value::from(object! {
            "a" => 7_i64, "b" => 1.5, "c" => Value::Bytes(vec![1, 2]), "d" => vec![Value::Null, Value::from(true)],
            "e" => object! {}, "f" => "it's \"x\"", "g" => f64::NEG_INFINITY,
        });
        assert_eq!(
            show(&value),
            r#"{ "a": 7n, "b": 1.5, "c": Bytes("AQI="), "d": [null, true], "e": {}, "f": "it's \"x\"", "g": -Infinity }"#
        );
    }
}
