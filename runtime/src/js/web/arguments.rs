//! [`Arguments`] and [`Fields`]: what an op was given, taken one by one with a clear error for what does not fit.
//!
//! The prelude converts as the specifications ask before it calls an op, so an error here means a mistake in the
//! prelude rather than in a user's code.

use crate::js::op::{OpError, OpValue};

/// The arguments of one call of an op.
#[derive(Debug)]
pub struct Arguments {
    values: std::vec::IntoIter<OpValue>,
}

impl Arguments {
    /// The arguments in their order.
    pub fn new(values: Vec<OpValue>) -> Self {
        Self { values: values.into_iter() }
    }

    /// The next argument; `undefined` past the last.
    pub fn value(&mut self) -> OpValue {
        self.values.next().unwrap_or(OpValue::Undefined)
    }

    /// The next argument, which must be bytes.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn bytes(&mut self) -> Result<Vec<u8>, OpError> {
        bytes(self.value())
    }

    /// The next argument, which must be text.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn text(&mut self) -> Result<String, OpError> {
        text(self.value())
    }

    /// The next argument, which must be text, or `None` for `undefined` and `null`.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn optional_text(&mut self) -> Result<Option<String>, OpError> {
        optional(self.value(), text)
    }

    /// The next argument, which must be bytes, or `None` for `undefined` and `null`.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, OpError> {
        optional(self.value(), bytes)
    }

    /// The next argument, which must be a list of pairs of texts.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn pairs(&mut self) -> Result<Vec<(String, String)>, OpError> {
        pairs(self.value())
    }

    /// The next argument, which must be a number.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn number(&mut self) -> Result<f64, OpError> {
        number(&self.value())
    }

    /// The next argument, which must be a whole number from 0 to 2^32 - 1.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn whole(&mut self) -> Result<u32, OpError> {
        whole(&self.value())
    }

    /// The next argument, which must be a boolean.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn flag(&mut self) -> Result<bool, OpError> {
        match self.value() {
            OpValue::Bool(value) => Ok(value),
            other => Err(unexpected("a boolean", &other)),
        }
    }

    /// The next argument, which must be a plain object.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn record(&mut self) -> Result<Fields, OpError> {
        match self.value() {
            OpValue::Record(fields) => Ok(Fields { fields }),
            other => Err(unexpected("an object", &other)),
        }
    }
}

/// The properties of a plain object.
#[derive(Debug)]
pub struct Fields {
    fields: Vec<(String, OpValue)>,
}

impl Fields {
    /// Takes a property out; `undefined` if it is not there.
    pub fn take(&mut self, name: &str) -> OpValue {
        match self.fields.iter_mut().find(|(key, _)| key == name) {
            Some((_, value)) => std::mem::replace(value, OpValue::Undefined),
            None => OpValue::Undefined,
        }
    }

    /// Takes a text property, if it is there.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, OpError> {
        optional(self.take(name), text)
    }

    /// Takes a property of bytes, if it is there.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, OpError> {
        optional(self.take(name), bytes)
    }

    /// Takes a property that is a whole number from 0 to 2^32 - 1, if it is there.
    ///
    /// # Errors
    /// `TypeError` if it is something else.
    pub fn whole(&mut self, name: &str) -> Result<Option<u32>, OpError> {
        optional(self.take(name), |value| whole(&value))
    }

    /// Takes a boolean property; `false` if it is not there.
    pub fn flag(&mut self, name: &str) -> bool {
        matches!(self.take(name), OpValue::Bool(true))
    }
}

/// Texts in a list of lists of two each.
///
/// # Errors
/// `TypeError` if it is something else.
pub(super) fn pairs(value: OpValue) -> Result<Vec<(String, String)>, OpError> {
    let list = |value| match value {
        OpValue::List(items) => Ok(items),
        other => Err(unexpected("an array", &other)),
    };
    let pair = |item| {
        let mut pair = Arguments::new(list(item)?);
        Ok((pair.text()?, pair.text()?))
    };
    list(value)?.into_iter().map(pair).collect()
}

/// The same the other way.
pub(super) fn list_of_pairs<S: Into<String>>(pairs: impl IntoIterator<Item = (S, S)>) -> OpValue {
    let text = |text: S| OpValue::String(text.into());
    let pair = |(name, value)| OpValue::List(vec![text(name), text(value)]);
    OpValue::List(pairs.into_iter().map(pair).collect())
}

/// A plain object of a few properties.
pub(super) fn object<const N: usize>(properties: [(&str, OpValue); N]) -> OpValue {
    OpValue::Record(properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn optional<T>(
    value: OpValue,
    read: impl FnOnce(OpValue) -> Result<T, OpError>,
) -> Result<Option<T>, OpError> {
    match value {
        OpValue::Undefined | OpValue::Null => Ok(None),
        value => read(value).map(Some),
    }
}

fn bytes(value: OpValue) -> Result<Vec<u8>, OpError> {
    match value {
        OpValue::Bytes(bytes) => Ok(bytes),
        other => Err(unexpected("bytes", &other)),
    }
}

fn text(value: OpValue) -> Result<String, OpError> {
    match value {
        OpValue::String(text) => Ok(text),
        other => Err(unexpected("a string", &other)),
    }
}

fn number(value: &OpValue) -> Result<f64, OpError> {
    match value {
        OpValue::Number(number) => Ok(*number),
        other => Err(unexpected("a number", other)),
    }
}

fn whole(value: &OpValue) -> Result<u32, OpError> {
    let number = number(value)?;
    if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
        return Err(OpError::type_error(format!("{number} is not a whole number in range")));
    }
    Ok(number as u32)
}

fn unexpected(wanted: &str, got: &OpValue) -> OpError {
    let kind = match got {
        OpValue::Undefined => "undefined",
        OpValue::Null => "null",
        OpValue::Bool(_) => "a boolean",
        OpValue::Number(_) => "a number",
        OpValue::String(_) => "a string",
        OpValue::Bytes(_) => "bytes",
        OpValue::List(_) => "an array",
        OpValue::Record(_) => "an object",
    };
    OpError::type_error(format!("Expected {wanted}, got {kind}"))
}
