//! From index expressions to an interval of keys.
//!
//! `Eq` on a prefix of the index's fields in order, then at most one lower and one upper bound on the next
//! field. The implicit fields `_creationTime` and `_id` at the end of every index may be used too.

use std::cmp::Ordering;

use fusion_schema::{Value, key};

use super::{RangeExpression, RangeOperator};
use crate::database::catalog::{IndexMeta, TableMeta};
use crate::database::key::{BY_ID, encode_time_bound, id_lower_bound};
use crate::error::{Error, Result};

/// Keys in `[lower, upper)`; `None` above is the end of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) lower: Vec<u8>,
    pub(crate) upper: Option<Vec<u8>>,
}

impl KeyRange {
    /// Everything.
    pub(crate) const fn all() -> Self {
        Self { lower: Vec::new(), upper: None }
    }

    /// Without any key, at the place where the keys with `prefix` are.
    fn none(prefix: &[u8]) -> Self {
        Self { lower: prefix.to_vec(), upper: Some(prefix.to_vec()) }
    }
}

fn invalid(table: &TableMeta, index: &IndexMeta, message: impl std::fmt::Display) -> Error {
    Error::bad_request(
        "InvalidIndexRange",
        format!("Invalid range on index {}.{}: {message}", table.name, index.name),
    )
}

/// What kind of field stands at a place of the key.
enum Place {
    Field,
    CreationTime,
    Id,
}

/// The keys at one place that compare with a value as asked, given as a cut between keys: everything below
/// the bytes is less than the value (`before`), everything from `after` on is greater. `None` is the end.
struct Cut {
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

fn cut(place: &Place, table: &TableMeta, prefix: &[u8], value: Option<&Value>) -> Cut {
    let with = |bytes: &[u8]| [prefix, bytes].concat();
    let all_less = || Cut { before: key::prefix_end(prefix), after: key::prefix_end(prefix) };
    let all_greater = || Cut { before: Some(prefix.to_vec()), after: Some(prefix.to_vec()) };
    match place {
        Place::Field => {
            let mut bytes = prefix.to_vec();
            key::encode_field(value, &mut bytes);
            Cut { after: key::prefix_end(&bytes), before: Some(bytes) }
        }
        Place::CreationTime => {
            let mut bytes = prefix.to_vec();
            match encode_time_bound(value, &mut bytes) {
                Ok(()) => Cut { after: key::prefix_end(&bytes), before: Some(bytes) },
                Err(Ordering::Less) => all_less(),
                Err(_) => all_greater(),
            }
        }
        Place::Id => match value {
            Some(Value::String(text)) => match id_lower_bound(table.number, text) {
                Some((id, true)) => {
                    let bytes = with(&id);
                    Cut { after: key::prefix_end(&bytes), before: Some(bytes) }
                }
                Some((id, false)) => Cut { before: Some(with(&id)), after: Some(with(&id)) },
                None => all_less(),
            },
            Some(value) if *value > Value::String(String::new()) => all_less(),
            _ => all_greater(),
        },
    }
}

/// Compiles the conditions.
///
/// # Errors
/// Bad request (`InvalidIndexRange`) that names the field and the index's fields.
pub(crate) fn compile(table: &TableMeta, index: &IndexMeta, range: &[RangeExpression]) -> Result<KeyRange> {
    let declared = if index.id.slot == BY_ID { &[][..] } else { index.fields.as_slice() };
    let mut names: Vec<&str> = declared.iter().map(String::as_str).collect();
    if index.id.slot != BY_ID {
        names.push("_creationTime");
    }
    names.push("_id");
    let place = |position: usize| match names.get(position) {
        Some(&"_id") if position == names.len() - 1 => Place::Id,
        Some(&"_creationTime") if position == names.len() - 2 => Place::CreationTime,
        _ => Place::Field,
    };

    let equalities = range.iter().take_while(|expression| expression.operator == RangeOperator::Eq).count();
    let (equalities, bounds) = range.split_at(equalities);
    let expected = |position: usize, expression: &RangeExpression| {
        if names.get(position) == Some(&expression.field.as_str()) {
            return Ok(());
        }
        Err(invalid(
            table,
            index,
            match names.get(position) {
                Some(name) => format!(
                    "tried to query field \"{}\", but the next field of the index is \"{name}\". An index on [{}] is queried field by field in that order.",
                    expression.field,
                    names.join(", ")
                ),
                None => {
                    format!("there are more conditions than fields; the index is on [{}].", names.join(", "))
                }
            },
        ))
    };

    let mut prefix = Vec::new();
    let mut empty = false;
    for (position, expression) in equalities.iter().enumerate() {
        expected(position, expression)?;
        let value = expression.value.as_ref();
        match place(position) {
            Place::Field => key::encode_field(value, &mut prefix),
            Place::CreationTime => empty |= encode_time_bound(value, &mut prefix).is_err(),
            Place::Id => match value {
                Some(Value::String(text)) => match id_lower_bound(table.number, text) {
                    Some((id, true)) => prefix.extend_from_slice(&id),
                    _ => empty = true,
                },
                _ => empty = true,
            },
        }
    }

    let (mut lower, mut upper) = (None, None);
    for expression in bounds {
        expected(equalities.len(), expression)?;
        let Cut { before, after } = cut(&place(equalities.len()), table, &prefix, expression.value.as_ref());
        let (bound, edge, name) = match expression.operator {
            RangeOperator::Eq => {
                return Err(invalid(
                    table,
                    index,
                    format!("`eq` on \"{}\" after an inequality.", expression.field),
                ));
            }
            RangeOperator::Gt => (&mut lower, after, "lower"),
            RangeOperator::Gte => (&mut lower, before, "lower"),
            RangeOperator::Lt => (&mut upper, before, "upper"),
            RangeOperator::Lte => (&mut upper, after, "upper"),
        };
        if bound.is_some() {
            return Err(invalid(
                table,
                index,
                format!("\"{}\" has more than one {name} bound.", expression.field),
            ));
        }
        *bound = Some(edge);
    }

    let whole = if prefix.is_empty() {
        KeyRange::all()
    } else {
        KeyRange { lower: prefix.clone(), upper: key::prefix_end(&prefix) }
    };
    if empty {
        return Ok(KeyRange::none(&prefix));
    }
    let lower = match lower {
        None => whole.lower,
        Some(Some(lower)) => lower,
        Some(None) => return Ok(KeyRange::none(&prefix)),
    };
    let upper = upper.unwrap_or(whole.upper);
    if upper.as_ref().is_some_and(|upper| *upper < lower) {
        return Ok(KeyRange::none(&lower));
    }
    Ok(KeyRange { lower, upper })
}
