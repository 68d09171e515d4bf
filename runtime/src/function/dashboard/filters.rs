//! The filters of the data browser: what people put together there, as the query that answers it.
//!
//! They arrive as JSON in base64. One that makes no sense is an answer of its own, which says which filter it is and
//! what is wrong, because it is met while somebody is still typing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use fusion_schema::{Object, Value, json, object};
use serde_json::Value as Json;

use crate::database::query::expression::Comparison;
use crate::database::query::{Expression, RangeExpression, RangeOperator, ValueType};
use crate::database::{
    AttachedDefinition, Order, Query, QueryOperator, QuerySource, SearchExpression, TableMeta, Transaction,
};
use crate::system::condition;

/// Most clauses of a filter.
const CLAUSES_MAX: usize = 256;
/// Most values that one clause compares with.
const VALUES_MAX: usize = 1_024;
/// The index that pages are read from if nobody chose another one.
const BY_CREATION_TIME: &str = "by_creation_time";
/// Stands for the filters as a whole, and for the index, in place of the position of a clause.
const WHOLE: f64 = -1.0;

/// What is wrong with which filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InvalidFilter {
    /// The position of the clause; -1 for the index or the whole.
    filter: f64,
    error: String,
}

impl InvalidFilter {
    fn new(error: impl Into<String>) -> Self {
        Self { filter: WHOLE, error: error.into() }
    }

    /// As it stands in a page in place of a document.
    pub(super) fn into_value(self) -> Value {
        Value::Object(object! { "error" => self.error, "filter" => self.filter })
    }
}

/// How filters are answered.
#[derive(Debug)]
pub(super) enum Plan {
    /// The document with that id, if the expression holds for it.
    Point(String, Expression),
    /// A page of a query.
    Query(Query),
}

type Checked<T> = Result<T, InvalidFilter>;

/// The plan that answers the filters on a table.
///
/// # Errors
/// Every filter that makes no sense.
pub(super) fn plan(
    tx: &mut Transaction,
    table: &str,
    filters: Option<&str>,
) -> Result<Plan, Vec<InvalidFilter>> {
    let filters = match filters {
        Some(text) => read(text).map_err(|error| vec![error])?,
        None => Json::Null,
    };
    let order = order(&filters).map_err(|error| vec![error])?;
    let (clauses, mut errors) = clauses(&filters);
    let meta = tx.table(table);
    let index = filters.get("index").filter(|index| !index.is_null());
    let source = match (index, &meta) {
        (Some(index), Some(meta)) => match indexed(meta, index, order) {
            Ok(source) => Some(source),
            Err(error) => {
                errors.push(error);
                None
            }
        },
        // A table that is not there has no documents and no indexes.
        _ => None,
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    let expression = Expression::And(clauses.iter().map(Clause::expression).collect());
    if let (None, Some(id)) = (index, clauses.iter().find_map(Clause::as_point)) {
        return Ok(Plan::Point(id.to_owned(), expression));
    }
    let operators = if clauses.is_empty() { Vec::new() } else { vec![QueryOperator::Filter(expression)] };
    let source = source.unwrap_or_else(|| QuerySource::IndexRange {
        table: table.to_owned(),
        index: BY_CREATION_TIME.to_owned(),
        range: creation_time_range(&clauses),
        order,
    });
    Ok(Plan::Query(Query { source, operators }))
}

fn read(text: &str) -> Checked<Json> {
    let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('='));
    let json = bytes.ok().and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok());
    json.filter(|json| json.is_object() || json.is_null()).ok_or_else(|| {
        InvalidFilter::new("The filters cannot be read: they must be a JSON object in base64.")
    })
}

fn order(filters: &Json) -> Checked<Order> {
    match filters.get("order") {
        None | Some(Json::Null) => Ok(Order::Desc),
        Some(Json::String(order)) if order == "desc" => Ok(Order::Desc),
        Some(Json::String(order)) if order == "asc" => Ok(Order::Asc),
        Some(other) => {
            Err(InvalidFilter::new(format!("The order must be \"asc\" or \"desc\", not {other}.")))
        }
    }
}

/// A condition on a field.
#[derive(Debug)]
struct Clause {
    field: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Compare(Comparison, Option<Value>),
    /// Whether it is one of them, or else none.
    Among(bool, Vec<Option<Value>>),
    /// Whether it is of the type, or else not.
    Type(bool, ValueType),
}

/// The clauses that are switched on, and those that make no sense.
fn clauses(filters: &Json) -> (Vec<Clause>, Vec<InvalidFilter>) {
    let list = match filters.get("clauses") {
        None | Some(Json::Null) => &[][..],
        Some(Json::Array(list)) => list.as_slice(),
        Some(_) => return (Vec::new(), vec![InvalidFilter::new("The clauses must be an array.")]),
    };
    if list.len() > CLAUSES_MAX {
        let error = format!("{} filters are too many: at most {CLAUSES_MAX} are allowed.", list.len());
        return (Vec::new(), vec![InvalidFilter::new(error)]);
    }
    let (mut clauses, mut errors) = (Vec::new(), Vec::new());
    for (position, json) in list.iter().enumerate().filter(|(_, json)| is_enabled(json)) {
        match Clause::read(json) {
            Ok(clause) => clauses.push(clause),
            Err(error) => errors.push(InvalidFilter { filter: position as f64, error }),
        }
    }
    (clauses, errors)
}

fn is_enabled(clause: &Json) -> bool {
    clause.get("enabled").and_then(Json::as_bool).unwrap_or(true)
}

/// The value of a clause; a missing one, and the package's sign for it, is `undefined`.
fn value(json: Option<&Json>) -> Result<Option<Value>, String> {
    let Some(json) = json else { return Ok(None) };
    if json.as_object().is_some_and(|object| object.len() == 1 && object.contains_key("$undefined")) {
        return Ok(None);
    }
    json::from_serde(json).map(Some).map_err(|error| format!("The value cannot be read: {error}"))
}

impl Clause {
    fn read(json: &Json) -> Result<Self, String> {
        let field = json.get("field").and_then(Json::as_str).filter(|field| !field.is_empty());
        let field = field.ok_or("Choose a field.")?.to_owned();
        let operator = json.get("op").and_then(Json::as_str).ok_or("Choose an operator.")?;
        let compare = |comparison| Ok(Test::Compare(comparison, value(json.get("value"))?));
        let test = match operator {
            "eq" => compare(Comparison::Eq),
            "neq" => compare(Comparison::Neq),
            "gt" => compare(Comparison::Gt),
            "gte" => compare(Comparison::Gte),
            "lt" => compare(Comparison::Lt),
            "lte" => compare(Comparison::Lte),
            "anyOf" | "noneOf" => {
                let values = json.get("value").and_then(Json::as_array);
                let values =
                    values.ok_or_else(|| format!("The value of \"{operator}\" must be an array."))?;
                if values.len() > VALUES_MAX {
                    return Err(format!("At most {VALUES_MAX} values can be compared with."));
                }
                let values: Result<_, String> = values.iter().map(|json| value(Some(json))).collect();
                Ok(Test::Among(operator == "anyOf", values?))
            }
            "type" | "notype" => {
                let name = json.get("value").and_then(Json::as_str).unwrap_or_default();
                let kind = ValueType::parse(name).ok_or_else(|| {
                    format!("\"{name}\" is no type: use string, boolean, number, bigint, null, id, array, object, bytes or unset.")
                })?;
                Ok(Test::Type(operator == "type", kind))
            }
            other => Err(format!("There is no operator \"{other}\".")),
        };
        Ok(Self { field, test: test? })
    }

    fn expression(&self) -> Expression {
        let field = || Expression::field(self.field.as_str());
        let compare = |comparison, value: &Option<Value>| {
            field().compare(comparison, Expression::Literal(value.clone()))
        };
        let unless = |holds: bool, expression| match holds {
            true => expression,
            false => Expression::Not(Box::new(expression)),
        };
        match &self.test {
            Test::Compare(comparison, value) => compare(*comparison, value),
            Test::Among(holds, values) => {
                let any = values.iter().map(|value| compare(Comparison::Eq, value)).collect();
                unless(*holds, Expression::Or(any))
            }
            Test::Type(holds, kind) => unless(*holds, Expression::HasType(Box::new(field()), *kind)),
        }
    }

    /// The only id that passes.
    fn as_point(&self) -> Option<&str> {
        match &self.test {
            Test::Compare(Comparison::Eq, Some(Value::String(id))) if self.field == "_id" => Some(id),
            _ => None,
        }
    }
}

/// The part of the creation times in which all documents lie that pass: a page need not look at others.
fn creation_time_range(clauses: &[Clause]) -> Vec<RangeExpression> {
    let bound = |wanted: &[RangeOperator]| {
        clauses.iter().find_map(|clause| {
            let Test::Compare(comparison, Some(value @ Value::Float64(_))) = &clause.test else {
                return None;
            };
            let operators: &[RangeOperator] = match comparison {
                Comparison::Eq => &[RangeOperator::Gte, RangeOperator::Lte],
                Comparison::Gt => &[RangeOperator::Gt],
                Comparison::Gte => &[RangeOperator::Gte],
                Comparison::Lt => &[RangeOperator::Lt],
                Comparison::Lte => &[RangeOperator::Lte],
                Comparison::Neq => &[],
            };
            let operator = operators.iter().find(|operator| wanted.contains(operator))?;
            (clause.field == "_creationTime").then(|| condition(*operator, &clause.field, value.clone()))
        })
    };
    let lower = bound(&[RangeOperator::Gt, RangeOperator::Gte]);
    let upper = bound(&[RangeOperator::Lt, RangeOperator::Lte]);
    lower.into_iter().chain(upper).collect()
}

/// The documents of an index that its clauses let through.
fn indexed(table: &TableMeta, index: &Json, order: Order) -> Checked<QuerySource> {
    let name =
        index.get("name").and_then(Json::as_str).ok_or_else(|| InvalidFilter::new("Choose an index."))?;
    let clauses = match index.get("clauses") {
        None | Some(Json::Null) => &[][..],
        Some(Json::Array(clauses)) => clauses.as_slice(),
        Some(_) => return Err(InvalidFilter::new("The clauses of the index must be an array.")),
    };
    if let Some(search) = index.get("search") {
        let text =
            search.as_str().ok_or_else(|| InvalidFilter::new("The text to search for must be a string."))?;
        return searched(table, name, text, clauses);
    }
    let found = table.index(name).filter(|index| !index.staged);
    let found = found.ok_or_else(|| {
        InvalidFilter::new(format!(
            "The table \"{}\" has no index \"{name}\" that can be queried.",
            table.name
        ))
    })?;
    let mut fields: Vec<&str> = found.fields.iter().map(String::as_str).collect();
    fields.push(if name == "by_id" { "_id" } else { "_creationTime" });
    if clauses.len() > fields.len() {
        return Err(InvalidFilter::new(format!("The index \"{name}\" has only {} fields.", fields.len())));
    }
    let mut range = Vec::new();
    let mut ended = false;
    for (clause, field) in clauses.iter().zip(fields) {
        if !is_enabled(clause) {
            ended = true;
            continue;
        }
        if ended {
            return Err(InvalidFilter::new(format!(
                "The filter on \"{field}\" needs an equality on every field before it in the index \"{name}\"."
            )));
        }
        ended = index_clause(clause, field, &mut range).map_err(InvalidFilter::new)?;
    }
    Ok(QuerySource::IndexRange { table: table.name.clone(), index: name.to_owned(), range, order })
}

/// Adds the conditions of one clause on an index; gives whether no other may follow.
fn index_clause(clause: &Json, field: &str, range: &mut Vec<RangeExpression>) -> Result<bool, String> {
    let mut add = |operator, name: &str| -> Result<(), String> {
        range.push(RangeExpression { operator, field: field.to_owned(), value: value(clause.get(name))? });
        Ok(())
    };
    match clause.get("type").and_then(Json::as_str) {
        Some("indexEq") => add(RangeOperator::Eq, "value").map(|()| false),
        Some("indexRange") => {
            match clause.get("lowerOp").and_then(Json::as_str) {
                None => {}
                Some("gt") => add(RangeOperator::Gt, "lowerValue")?,
                Some("gte") => add(RangeOperator::Gte, "lowerValue")?,
                Some(other) => return Err(format!("A lower bound is \"gt\" or \"gte\", not \"{other}\".")),
            }
            match clause.get("upperOp").and_then(Json::as_str) {
                None => {}
                Some("lt") => add(RangeOperator::Lt, "upperValue")?,
                Some("lte") => add(RangeOperator::Lte, "upperValue")?,
                Some(other) => return Err(format!("An upper bound is \"lt\" or \"lte\", not \"{other}\".")),
            }
            Ok(true)
        }
        _ => Err("A filter on an index is \"indexEq\" or \"indexRange\".".to_owned()),
    }
}

/// The documents that a full-text search finds.
fn searched(table: &TableMeta, name: &str, text: &str, clauses: &[Json]) -> Checked<QuerySource> {
    let Some(AttachedDefinition::Search(definition)) =
        table.attached(name).filter(|index| !index.staged).map(|index| &index.definition)
    else {
        return Err(InvalidFilter::new(format!(
            "The table \"{}\" has no search index \"{name}\" that can be queried.",
            table.name
        )));
    };
    let mut filters =
        vec![SearchExpression::Search { field: definition.search_field.clone(), text: text.to_owned() }];
    for clause in clauses.iter().filter(|clause| is_enabled(clause)) {
        let field = clause.get("field").and_then(Json::as_str).unwrap_or_default();
        if !definition.filter_fields.iter().any(|known| known == field) {
            return Err(InvalidFilter::new(format!(
                "\"{field}\" is not a filter field of the search index \"{name}\", which has [{}].",
                definition.filter_fields.join(", ")
            )));
        }
        let value = value(clause.get("value")).map_err(InvalidFilter::new)?;
        filters.push(SearchExpression::Eq { field: field.to_owned(), value });
    }
    if filters.len() > crate::limits::SEARCH_FILTERS_MAX {
        return Err(InvalidFilter::new(format!(
            "A search takes at most {} filters.",
            crate::limits::SEARCH_FILTERS_MAX
        )));
    }
    Ok(QuerySource::Search { table: table.name.clone(), index: name.to_owned(), filters })
}

/// Whether a document that was found by its id passes.
pub(super) fn passes(expression: &Expression, fields: &Object) -> bool {
    // No clause can meet an operand of a wrong type.
    expression.matches(fields).unwrap_or(false)
}
