//! [`Value`]: the data a document, an argument or a result is made of, and its total order.
//!
//! The order over types is `null < int64 < float64 < boolean < string < bytes < array < object` (a missing
//! field sorts before all of them, see [`crate::key`]). Integers and floats never compare equal and never
//! interleave; floats follow the IEEE total order, so `NaN` equals itself and `-0` is less than `+0`.

use std::cmp::Ordering;

/// A Convex value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// A 64-bit signed integer (`bigint` in JavaScript).
    Int64(i64),
    /// The timestamp of the commit this value will be part of, not yet known. It behaves as `i64::MAX` until
    /// the committer replaces it by an [`Value::Int64`]; it never leaves a transaction unresolved.
    CommitTs,
    /// A double (`number` in JavaScript).
    Float64(f64),
    /// A boolean.
    Boolean(bool),
    /// Unicode text.
    String(String),
    /// Binary data (`ArrayBuffer` in JavaScript).
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Self>),
    /// A map from field names to values.
    Object(Object),
}

impl Value {
    /// The position of this value's type in the order over types.
    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Int64(_) | Self::CommitTs => 1,
            Self::Float64(_) => 2,
            Self::Boolean(_) => 3,
            Self::String(_) => 4,
            Self::Bytes(_) => 5,
            Self::Array(_) => 6,
            Self::Object(_) => 7,
        }
    }

    /// The integer this value stands for in comparisons, if it is one.
    const fn as_ordered_int(&self) -> Option<i64> {
        match self {
            Self::Int64(value) => Some(*value),
            Self::CommitTs => Some(i64::MAX),
            _ => None,
        }
    }

    /// The name of the value's type as error messages spell it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int64(_) | Self::CommitTs => "int64",
            Self::Float64(_) => "float64",
            Self::Boolean(_) => "boolean",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The string inside, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The double inside, if this is one.
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float64(value) => Some(*value),
            _ => None,
        }
    }

    /// The boolean inside, if this is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The object inside, if this is one.
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(value) => Some(value),
            _ => None,
        }
    }

    /// The elements inside, if this is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The size in bytes that all limits are stated in: null and booleans 1, numbers 9, strings and bytes
    /// length + 2, arrays 2 + elements, objects 2 + (name length + 1 + value) for each field.
    pub fn size(&self) -> usize {
        match self {
            Self::Null | Self::Boolean(_) => 1,
            Self::Int64(_) | Self::CommitTs | Self::Float64(_) => 9,
            Self::String(value) => value.len() + 2,
            Self::Bytes(value) => value.len() + 2,
            Self::Array(values) => 2 + values.iter().map(Self::size).sum::<usize>(),
            Self::Object(object) => object.size(),
        }
    }

    /// How deep containers nest: 0 for a scalar, 1 + the deepest child for a container.
    pub fn nesting(&self) -> usize {
        match self {
            Self::Array(values) => 1 + values.iter().map(Self::nesting).max().unwrap_or(0),
            Self::Object(object) => 1 + object.iter().map(|(_, value)| value.nesting()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether a [`Value::CommitTs`] is somewhere inside.
    pub fn contains_commit_ts(&self) -> bool {
        match self {
            Self::CommitTs => true,
            Self::Array(values) => values.iter().any(Self::contains_commit_ts),
            Self::Object(object) => object.iter().any(|(_, value)| value.contains_commit_ts()),
            _ => false,
        }
    }

    /// Replaces every [`Value::CommitTs`] inside by the commit timestamp (nanoseconds since the epoch).
    pub fn resolve_commit_ts(&mut self, ts: i64) {
        match self {
            Self::CommitTs => *self = Self::Int64(ts),
            Self::Array(values) => values.iter_mut().for_each(|value| value.resolve_commit_ts(ts)),
            Self::Object(object) => {
                object.fields.iter_mut().for_each(|(_, value)| value.resolve_commit_ts(ts))
            }
            _ => {}
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Float64(a), Self::Float64(b)) => a.total_cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => a.cmp(b),
            (Self::Object(a), Self::Object(b)) => a.cmp(b),
            _ => match (self.as_ordered_int(), other.as_ordered_int()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => self.rank().cmp(&other.rank()),
            },
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

/// The fields of an object, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    fields: Vec<(String, Value)>,
}

impl Object {
    /// An object without fields.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// An object without fields, with room for `capacity` of them.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { fields: Vec::with_capacity(capacity) }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.fields.binary_search_by(|(field, _)| field.as_str().cmp(name))
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).ok().map(|index| &self.fields[index].1)
    }

    /// The value of a field, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.position(name).ok().map(|index| &mut self.fields[index].1)
    }

    /// The value at a dotted path of field names, e.g. `payer.user_id`.
    pub fn get_path(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let mut value = self.get(names.next()?)?;
        for name in names {
            value = value.as_object()?.get(name)?;
        }
        Some(value)
    }

    /// Sets a field and returns its former value.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        // Fields mostly arrive sorted (canonical JSON, generated code), so the end is tried first.
        if self.fields.last().is_none_or(|(last, _)| *last < name) {
            self.fields.push((name, value));
            return None;
        }
        match self.position(&name) {
            Ok(index) => Some(std::mem::replace(&mut self.fields[index].1, value)),
            Err(index) => {
                self.fields.insert(index, (name, value));
                None
            }
        }
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.position(name).ok().map(|index| self.fields.remove(index).1)
    }

    /// Whether the field is there.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// The fields in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The number of fields.
    pub const fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The size in bytes, see [`Value::size`].
    pub fn size(&self) -> usize {
        2 + self.fields.iter().map(|(name, value)| name.len() + 1 + value.size()).sum::<usize>()
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut object = Self::new();
        for (name, value) in fields {
            object.insert(name, value);
        }
        object
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int64(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float64(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        Self::Array(values)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

/// Builds an [`Object`]: `object! { "name" => "Amy", "age" => 7.0 }`.
#[macro_export]
macro_rules! object {
    ($($name:expr => $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut object = $crate::Object::new();
        $( object.insert($name, $crate::Value::from($value)); )*
        object
    }};
}
