//! Filter expressions: what `.filter(q => …)` sends.
//!
//! Comparison follows the total order of values, so it never fails; a missing field is `undefined` and sorts
//! before everything. Arithmetic needs two numbers of one kind, logic needs booleans.

use std::borrow::Cow;

use fusion_schema::{DocumentId, Object, Value};

use crate::error::{Error, Result};

/// An expression over a document.
#[derive(Clone, Debug)]
pub enum Expression {
    /// The field at a dotted path.
    Field(String),
    /// A constant; `None` is `undefined`.
    Literal(Option<Value>),
    /// A comparison.
    Compare(Comparison, Box<(Self, Self)>),
    /// A calculation with two numbers.
    Arithmetic(Arithmetic, Box<(Self, Self)>),
    /// `-x`.
    Neg(Box<Self>),
    /// `!x`.
    Not(Box<Self>),
    /// True if all are.
    And(Vec<Self>),
    /// True if any is.
    Or(Vec<Self>),
    /// Whether the operand is of the type.
    HasType(Box<Self>, ValueType),
}

/// What a value can be, as people ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of values by their names in JavaScript")]
pub enum ValueType {
    String,
    Boolean,
    Number,
    Bigint,
    Null,
    /// A string that is an id.
    Id,
    Array,
    Object,
    Bytes,
    /// A field that is not there.
    Unset,
}

impl ValueType {
    /// The type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "boolean" => Self::Boolean,
            "number" => Self::Number,
            "bigint" => Self::Bigint,
            "null" => Self::Null,
            "id" => Self::Id,
            "array" => Self::Array,
            "object" => Self::Object,
            "bytes" => Self::Bytes,
            "unset" => Self::Unset,
            _ => return None,
        })
    }

    fn is_of(self, value: Option<&Value>) -> bool {
        match value {
            None => self == Self::Unset,
            Some(Value::Null) => self == Self::Null,
            Some(Value::Boolean(_)) => self == Self::Boolean,
            Some(Value::Float64(_)) => self == Self::Number,
            Some(Value::Int64(_)) => self == Self::Bigint,
            Some(Value::String(text)) => match self {
                Self::String => true,
                Self::Id => DocumentId::decode(text).is_ok(),
                _ => false,
            },
            Some(Value::Bytes(_)) => self == Self::Bytes,
            Some(Value::Array(_)) => self == Self::Array,
            Some(Value::Object(_)) => self == Self::Object,
            Some(_) => false,
        }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Eq,
    /// `!=`
    Neq,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `>`
    Gt,
    /// `>=`
    Gte,
}

/// How two numbers are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
}

/// A value or `undefined`.
type Evaluated<'a> = Option<Cow<'a, Value>>;

impl Expression {
    /// The field at a dotted path.
    pub fn field(path: impl Into<String>) -> Self {
        Self::Field(path.into())
    }

    /// A constant.
    pub fn literal(value: impl Into<Value>) -> Self {
        Self::Literal(Some(value.into()))
    }

    /// A comparison.
    #[must_use]
    pub fn compare(self, comparison: Comparison, other: Self) -> Self {
        Self::Compare(comparison, Box::new((self, other)))
    }

    /// `self == other`.
    #[must_use]
    pub fn eq(self, other: Self) -> Self {
        self.compare(Comparison::Eq, other)
    }

    /// Whether the document passes the filter.
    ///
    /// # Errors
    /// Function errors for operands of wrong types, with the operator's name.
    pub fn matches(&self, document: &Object) -> Result<bool> {
        match self.evaluate(document)?.as_deref() {
            Some(Value::Boolean(passes)) => Ok(*passes),
            other => Err(type_error("filter", "a boolean", other)),
        }
    }

    fn evaluate<'a>(&'a self, document: &'a Object) -> Result<Evaluated<'a>> {
        let boolean = |value| Ok(Some(Cow::Owned(Value::Boolean(value))));
        match self {
            Self::Field(path) => Ok(document.get_path(path).map(Cow::Borrowed)),
            Self::Literal(value) => Ok(value.as_ref().map(Cow::Borrowed)),
            Self::Compare(comparison, operands) => {
                let (a, b) = (operands.0.evaluate(document)?, operands.1.evaluate(document)?);
                let order = a.as_deref().cmp(&b.as_deref());
                boolean(match comparison {
                    Comparison::Eq => order.is_eq(),
                    Comparison::Neq => order.is_ne(),
                    Comparison::Lt => order.is_lt(),
                    Comparison::Lte => order.is_le(),
                    Comparison::Gt => order.is_gt(),
                    Comparison::Gte => order.is_ge(),
                })
            }
            Self::Arithmetic(operator, operands) => {
                let (a, b) = (operands.0.evaluate(document)?, operands.1.evaluate(document)?);
                arithmetic(*operator, a.as_deref(), b.as_deref()).map(|value| Some(Cow::Owned(value)))
            }
            Self::Neg(operand) => match operand.evaluate(document)?.as_deref() {
                Some(Value::Float64(value)) => Ok(Some(Cow::Owned(Value::Float64(-value)))),
                Some(Value::Int64(value)) => Ok(Some(Cow::Owned(Value::Int64(value.wrapping_neg())))),
                other => Err(type_error("neg", "a number", other)),
            },
            Self::Not(operand) => match operand.evaluate(document)?.as_deref() {
                Some(Value::Boolean(value)) => boolean(!value),
                other => Err(type_error("not", "a boolean", other)),
            },
            Self::HasType(operand, kind) => boolean(kind.is_of(operand.evaluate(document)?.as_deref())),
            Self::And(operands) => Self::junction("and", operands, document, false).and_then(boolean),
            Self::Or(operands) => Self::junction("or", operands, document, true).and_then(boolean),
        }
    }

    /// Evaluates operands until one is `decisive`.
    fn junction(name: &str, operands: &[Self], document: &Object, decisive: bool) -> Result<bool> {
        for operand in operands {
            match operand.evaluate(document)?.as_deref() {
                Some(Value::Boolean(value)) if *value == decisive => return Ok(decisive),
                Some(Value::Boolean(_)) => {}
                other => return Err(type_error(name, "booleans", other)),
            }
        }
        Ok(!decisive)
    }
}

fn type_error(operator: &str, expected: &str, found: Option<&Value>) -> Error {
    let found = found.map_or("undefined", Value::type_name);
    Error::function(format!("The expression `{operator}` needs {expected}, but it got {found}."))
}

fn arithmetic(operator: Arithmetic, a: Option<&Value>, b: Option<&Value>) -> Result<Value> {
    let name = match operator {
        Arithmetic::Add => "add",
        Arithmetic::Sub => "sub",
        Arithmetic::Mul => "mul",
        Arithmetic::Div => "div",
        Arithmetic::Mod => "mod",
    };
    match (a, b) {
        (Some(Value::Float64(a)), Some(Value::Float64(b))) => Ok(Value::Float64(match operator {
            Arithmetic::Add => a + b,
            Arithmetic::Sub => a - b,
            Arithmetic::Mul => a * b,
            Arithmetic::Div => a / b,
            Arithmetic::Mod => a % b,
        })),
        (Some(Value::Int64(a)), Some(Value::Int64(b))) => {
            let result = match operator {
                Arithmetic::Add => a.checked_add(*b),
                Arithmetic::Sub => a.checked_sub(*b),
                Arithmetic::Mul => a.checked_mul(*b),
                Arithmetic::Div => a.checked_div(*b),
                Arithmetic::Mod => a.checked_rem(*b),
            };
            result.map(Value::Int64).ok_or_else(|| {
                Error::function(format!("The expression `{name}` overflows or divides by zero: {a} and {b}."))
            })
        }
        (Some(Value::Float64(_) | Value::Int64(_)), other) | (other, _) => {
            Err(type_error(name, "two numbers of the same kind", other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fusion_schema::object;

    fn check(expression: Expression, expected: Result<bool, &str>) {
        let document = object! {"n" => 3.0, "i" => 4_i64, "s" => "x", "o" => object!{"p" => true}};
        match (expression.matches(&document), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{expression:?}"),
            (Err(error), Err(fragment)) => assert!(error.message().contains(fragment), "{error}"),
            (found, _) => panic!("{expression:?}: {found:?}"),
        }
    }

    #[test]
    fn compares_by_the_total_order_and_missing_sorts_first() {
        let field = Expression::field;
        check(field("n").eq(Expression::literal(3.0)), Ok(true));
        check(field("missing").compare(Comparison::Lt, Expression::literal(())), Ok(true));
        check(field("missing").eq(Expression::Literal(None)), Ok(true));
        check(field("i").compare(Comparison::Lt, field("n")), Ok(true));
        check(field("s").compare(Comparison::Gt, field("n")), Ok(true));
        check(field("o.p"), Ok(true));
    }

    #[test]
    fn refuses_operands_of_wrong_types() {
        let pair = |a, b| Expression::Arithmetic(Arithmetic::Add, Box::new((a, b)));
        let sum = pair(Expression::field("n"), Expression::field("i"));
        check(
            sum.eq(Expression::literal(7.0)),
            Err("`add` needs two numbers of the same kind, but it got int64"),
        );
        check(Expression::field("s"), Err("needs a boolean, but it got string"));
        check(Expression::And(vec![Expression::literal(true), Expression::field("n")]), Err("`and`"));
        check(Expression::Or(vec![Expression::literal(true), Expression::field("n")]), Ok(true));
    }
}
