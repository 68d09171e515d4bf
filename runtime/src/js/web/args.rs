//! [`Args`]: what a prelude module gave an op, taken one by one.

use crate::js::op::{OpError, OpValue};

/// The arguments of a call, in order. What is missing or of another type is a `TypeError`; the prelude only gives
/// the right ones, but an application that got hold of an op must not get further.
pub(crate) struct Args(std::vec::IntoIter<OpValue>);

impl Args {
    pub(crate) fn new(args: Vec<OpValue>) -> Self {
        Self(args.into_iter())
    }

    pub(crate) fn value(&mut self) -> OpValue {
        self.0.next().unwrap_or(OpValue::Undefined)
    }

    pub(crate) fn string(&mut self) -> Result<String, OpError> {
        string(self.value())
    }

    /// A string, or `None` for `undefined` and `null`.
    pub(crate) fn optional_string(&mut self) -> Result<Option<String>, OpError> {
        match self.value() {
            OpValue::Undefined | OpValue::Null => Ok(None),
            value => string(value).map(Some),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, OpError> {
        self.optional_bytes()?.ok_or_else(|| wrong("bytes"))
    }

    /// Bytes, or `None` for `undefined` and `null`.
    pub(crate) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, OpError> {
        match self.value() {
            OpValue::Bytes(bytes) => Ok(Some(bytes)),
            OpValue::Undefined | OpValue::Null => Ok(None),
            _ => Err(wrong("bytes")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<f64, OpError> {
        match self.value() {
            OpValue::Number(number) => Ok(number),
            _ => Err(wrong("a number")),
        }
    }

    /// A whole number, such as that of a resource.
    pub(crate) fn whole(&mut self) -> Result<u32, OpError> {
        let number = self.number()?;
        let whole = number as u32;
        if f64::from(whole) == number { Ok(whole) } else { Err(wrong("a whole number")) }
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.value() == OpValue::Bool(true)
    }

    /// A list of pairs of strings.
    pub(crate) fn pairs(&mut self) -> Result<Vec<(String, String)>, OpError> {
        pairs(self.value())
    }

    /// A record's fields, to be taken by name.
    pub(crate) fn record(&mut self) -> Result<Fields, OpError> {
        match self.value() {
            OpValue::Record(fields) => Ok(Fields(fields)),
            _ => Err(wrong("a record")),
        }
    }
}

/// The fields of a record.
pub(crate) struct Fields(Vec<(String, OpValue)>);

impl Fields {
    /// The field's value; `undefined` if there is none.
    pub(crate) fn take(&mut self, name: &str) -> OpValue {
        let field = self.0.iter_mut().find(|(field, _)| field == name);
        field.map_or(OpValue::Undefined, |(_, value)| std::mem::replace(value, OpValue::Undefined))
    }

    pub(crate) fn string(&mut self, name: &str) -> Result<String, OpError> {
        string(self.take(name))
    }
}

/// Strings of a script in a list of two each.
pub(crate) fn pairs(value: OpValue) -> Result<Vec<(String, String)>, OpError> {
    let OpValue::List(items) = value else { return Err(wrong("a list")) };
    let pair = |item| match item {
        OpValue::List(pair) => {
            let mut pair = Args::new(pair);
            Ok((pair.string()?, pair.string()?))
        }
        _ => Err(wrong("a pair")),
    };
    items.into_iter().map(pair).collect()
}

/// The same the other way.
pub(crate) fn list_of_pairs<S: Into<String>>(pairs: impl IntoIterator<Item = (S, S)>) -> OpValue {
    let text = |text: S| OpValue::String(text.into());
    OpValue::List(
        pairs.into_iter().map(|(name, value)| OpValue::List(vec![text(name), text(value)])).collect(),
    )
}

/// A record of a few fields.
pub(crate) fn record<const N: usize>(fields: [(&str, OpValue); N]) -> OpValue {
    OpValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn string(value: OpValue) -> Result<String, OpError> {
    match value {
        OpValue::String(text) => Ok(text),
        _ => Err(wrong("a string")),
    }
}

fn wrong(expected: &str) -> OpError {
    OpError::type_error(format!("The host expected {expected}."))
}
