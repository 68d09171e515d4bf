//! Vector search: `ctx.vectorSearch` of actions.

use serde::Deserialize;
use serde_json::Value as Json;

use super::arguments;
use crate::database::query::expression::Comparison;
use crate::database::{Expression, VECTOR_RESULTS_DEFAULT, VectorQuery};
use crate::function::context::ActionCore;
use crate::{Error, Result};

#[derive(Deserialize)]
struct Search {
    query: SearchQuery,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchQuery {
    index_name: String,
    limit: Option<f64>,
    vector: Vec<f64>,
    expressions: Option<Json>,
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::bad_request("InvalidVectorQuery", format!("Invalid vector query: {what}"))
}

pub(super) async fn search(core: &ActionCore, args: &str) -> Result<String> {
    let Search { query: SearchQuery { index_name, limit, vector, expressions } } =
        arguments("1.0/actions/vectorSearch", args)?;
    let (table, index) = index_name
        .split_once('.')
        .ok_or_else(|| invalid(format!("`indexName` must be \"table.index\", not \"{index_name}\".")))?;
    let limit = match limit {
        None => VECTOR_RESULTS_DEFAULT,
        // Numbers below zero become 0, which is refused as any other that is out of range.
        Some(limit) if limit.fract() == 0.0 => limit as usize,
        Some(limit) => return Err(invalid(format!("`limit` must be a whole number, not {limit}."))),
    };
    let mut filter = Vec::new();
    let is_filtered = expressions.is_some();
    if let Some(expressions) = expressions {
        flatten(Expression::from_json(&expressions)?, &mut filter)?;
    }
    // An `or` of nothing lets nothing pass; without any filter everything does.
    let passes_none = is_filtered && filter.is_empty();
    let found = core.vector_search(table, index, VectorQuery { vector, limit, filter }).await?;
    let mut out = String::from("{\"results\":[");
    for found in found.iter().filter(|_| !passes_none) {
        if !out.ends_with('[') {
            out.push(',');
        }
        out.push_str(&format!("{{\"_id\":\"{}\",\"_score\":{}}}", found.id, found.score));
    }
    out.push_str("]}");
    Ok(out)
}

/// The pairs of field and value in an `eq`, or in an `or` of such.
fn flatten(expression: Expression, filter: &mut Vec<(String, Option<fusion_schema::Value>)>) -> Result<()> {
    match expression {
        Expression::Or(expressions) => {
            expressions.into_iter().try_for_each(|expression| flatten(expression, filter))
        }
        Expression::Compare(Comparison::Eq, operands) => match *operands {
            (Expression::Field(path), Expression::Literal(value)) => {
                filter.push((path, value));
                Ok(())
            }
            _ => Err(invalid("`eq` compares a filter field with a value.")),
        },
        _ => Err(invalid("a filter is an `eq` of a filter field and a value, or an `or` of such.")),
    }
}
