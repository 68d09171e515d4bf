//! The JSON form of queries, as the `convex` package writes it.

use fusion_schema::{Value, json};
use serde_json::Value as Json;

use super::expression::{Arithmetic, Comparison};
use super::{
    Expression, Order, Query, QueryOperator, QuerySource, RangeExpression, RangeOperator, SearchExpression,
};
use crate::error::{Error, Result};
use crate::limits::QUERY_OPERATORS_MAX;

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::bad_request("InvalidQuery", format!("Invalid query: {what}"))
}

fn text<'a>(json: &'a Json, field: &str) -> Result<&'a str> {
    json.get(field).and_then(Json::as_str).ok_or_else(|| invalid(format!("`{field}` must be a string.")))
}

fn list<'a>(json: &'a Json, field: &str) -> Result<&'a [Json]> {
    json.get(field)
        .and_then(Json::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| invalid(format!("`{field}` must be an array.")))
}

/// A literal; `{"$undefined":null}` is a missing value.
fn literal(json: &Json) -> Result<Option<Value>> {
    if json.as_object().is_some_and(|object| object.len() == 1 && object.contains_key("$undefined")) {
        return Ok(None);
    }
    json::from_serde(json).map(Some).map_err(invalid)
}

fn order(json: &Json) -> Result<Order> {
    match json.get("order") {
        None | Some(Json::Null) => Ok(Order::Asc),
        Some(Json::String(order)) if order == "asc" => Ok(Order::Asc),
        Some(Json::String(order)) if order == "desc" => Ok(Order::Desc),
        Some(other) => Err(invalid(format!("`order` must be \"asc\" or \"desc\", not {other}."))),
    }
}

impl Query {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Bad request (`InvalidQuery`) with the field that is wrong.
    pub fn from_json(json: &Json) -> Result<Self> {
        let source = json.get("source").ok_or_else(|| invalid("`source` is missing."))?;
        let order = order(source)?;
        let source = match text(source, "type")? {
            "FullTableScan" => {
                QuerySource::FullTableScan { table: text(source, "tableName")?.to_owned(), order }
            }
            "IndexRange" => {
                let (table, index) = index_name(source)?;
                QuerySource::IndexRange {
                    table,
                    index,
                    range: list(source, "range")?.iter().map(range_expression).collect::<Result<_>>()?,
                    order,
                }
            }
            "Search" => {
                let (table, index) = index_name(source)?;
                let filters =
                    list(source, "filters")?.iter().map(search_expression).collect::<Result<_>>()?;
                QuerySource::Search { table, index, filters }
            }
            other => return Err(invalid(format!("unknown source type \"{other}\"."))),
        };
        let operators = match json.get("operators") {
            None => &[][..],
            Some(_) => list(json, "operators")?,
        };
        if operators.len() > QUERY_OPERATORS_MAX {
            return Err(invalid(format!(
                "{} operators, at most {QUERY_OPERATORS_MAX} are allowed.",
                operators.len()
            )));
        }
        Ok(Self { source, operators: operators.iter().map(operator).collect::<Result<_>>()? })
    }
}

impl Expression {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Bad request (`InvalidQuery`) with what is wrong.
    pub fn from_json(json: &Json) -> Result<Self> {
        expression(json)
    }
}

/// The table and the index inside it.
fn index_name(source: &Json) -> Result<(String, String)> {
    let name = text(source, "indexName")?;
    let (table, index) = name
        .split_once('.')
        .ok_or_else(|| invalid(format!("`indexName` must be \"table.index\", not \"{name}\".")))?;
    Ok((table.to_owned(), index.to_owned()))
}

fn search_expression(json: &Json) -> Result<SearchExpression> {
    let field = text(json, "fieldPath")?.to_owned();
    match text(json, "type")? {
        "Search" => Ok(SearchExpression::Search { text: text(json, "value")?.to_owned(), field }),
        "Eq" => {
            let value = json.get("value").ok_or_else(|| invalid("`value` is missing in a search filter."))?;
            Ok(SearchExpression::Eq { field, value: literal(value)? })
        }
        other => Err(invalid(format!("unknown search filter type \"{other}\"."))),
    }
}

fn range_expression(json: &Json) -> Result<RangeExpression> {
    let operator = match text(json, "type")? {
        "Eq" => RangeOperator::Eq,
        "Gt" => RangeOperator::Gt,
        "Gte" => RangeOperator::Gte,
        "Lt" => RangeOperator::Lt,
        "Lte" => RangeOperator::Lte,
        other => return Err(invalid(format!("unknown range type \"{other}\"."))),
    };
    let value = json.get("value").ok_or_else(|| invalid("`value` is missing in a range."))?;
    Ok(RangeExpression { operator, field: text(json, "fieldPath")?.to_owned(), value: literal(value)? })
}

fn operator(json: &Json) -> Result<QueryOperator> {
    if let Some(filter) = json.get("filter") {
        return expression(filter).map(QueryOperator::Filter);
    }
    match json.get("limit").and_then(Json::as_f64) {
        Some(limit) if limit >= 0.0 && limit.fract() == 0.0 => Ok(QueryOperator::Limit(limit as usize)),
        Some(limit) => Err(invalid(format!("`limit` must be a whole number, not {limit}."))),
        None => Err(invalid("an operator must be a `filter` or a `limit`.")),
    }
}

fn expression(json: &Json) -> Result<Expression> {
    let object = json.as_object().filter(|object| object.len() == 1);
    let Some((name, operand)) = object.and_then(|object| object.iter().next()) else {
        return Err(invalid(format!("an expression must be an object with one key, not {json}.")));
    };
    let pair = || match operand.as_array().map(Vec::as_slice) {
        Some([a, b]) => Ok(Box::new((expression(a)?, expression(b)?))),
        _ => Err(invalid(format!("`{name}` needs an array of two expressions."))),
    };
    let all = || match operand.as_array() {
        Some(operands) => operands.iter().map(expression).collect::<Result<Vec<_>>>(),
        None => Err(invalid(format!("`{name}` needs an array of expressions."))),
    };
    let compare = |comparison| pair().map(|operands| Expression::Compare(comparison, operands));
    let calculate = |operator| pair().map(|operands| Expression::Arithmetic(operator, operands));
    match name.as_str() {
        "$eq" => compare(Comparison::Eq),
        "$neq" => compare(Comparison::Neq),
        "$lt" => compare(Comparison::Lt),
        "$lte" => compare(Comparison::Lte),
        "$gt" => compare(Comparison::Gt),
        "$gte" => compare(Comparison::Gte),
        "$add" => calculate(Arithmetic::Add),
        "$sub" => calculate(Arithmetic::Sub),
        "$mul" => calculate(Arithmetic::Mul),
        "$div" => calculate(Arithmetic::Div),
        "$mod" => calculate(Arithmetic::Mod),
        "$neg" => Ok(Expression::Neg(Box::new(expression(operand)?))),
        "$not" => Ok(Expression::Not(Box::new(expression(operand)?))),
        "$and" => all().map(Expression::And),
        "$or" => all().map(Expression::Or),
        "$field" => match operand.as_str() {
            Some(path) => Ok(Expression::field(path)),
            None => Err(invalid("`$field` needs a string.")),
        },
        "$literal" => literal(operand).map(Expression::Literal),
        other => Err(invalid(format!("unknown expression \"{other}\"."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_package_writes() {
        let query = Query::from_json(&serde_json::json!({
            "source": {"type": "IndexRange", "indexName": "messages.by_channel", "range": [
                {"type": "Eq", "fieldPath": "channel", "value": "general"},
                {"type": "Gt", "fieldPath": "_creationTime", "value": 1_700_000_000_000_u64}], "order": "desc"},
            "operators": [{"filter": {"$eq": [{"$field": "author"}, {"$literal": {"$undefined": null}}]}}, {"limit": 10}],
        }))
        .unwrap();
        assert_eq!(query.source.order(), Order::Desc);
        assert_eq!(query.source.table(), "messages");
        assert!(matches!(query.operators[1], QueryOperator::Limit(10)));
    }

    #[test]
    fn names_what_is_wrong() {
        for (json, fragment) in [
            (serde_json::json!({}), "`source` is missing"),
            (serde_json::json!({"source": {"type": "Other"}}), "unknown source type"),
            (
                serde_json::json!({"source": {"type": "IndexRange", "indexName": "x", "range": []}}),
                "table.index",
            ),
            (
                serde_json::json!({"source": {"type": "FullTableScan", "tableName": "t"}, "operators": [{"filter": {"$x": 1}}]}),
                "unknown expression \"$x\"",
            ),
            (
                serde_json::json!({"source": {"type": "FullTableScan", "tableName": "t"}, "operators": [{"limit": 1.5}]}),
                "whole number",
            ),
        ] {
            let error = Query::from_json(&json).unwrap_err();
            assert!(error.message().contains(fragment), "{error}");
        }
    }
}
