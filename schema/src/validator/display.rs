//! Validators and values as people write them in TypeScript, for error messages.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{FieldValidator, Validator};
use crate::json::encode_string;
use crate::names::check_identifier;
use crate::value::Value;

impl fmt::Display for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("v.null()"),
            Self::Boolean => f.write_str("v.boolean()"),
            Self::String => f.write_str("v.string()"),
            Self::Bytes => f.write_str("v.bytes()"),
            Self::Float64 => f.write_str("v.float64()"),
            Self::Int64 => f.write_str("v.int64()"),
            Self::CommitTs => f.write_str("v.commitTs()"),
            Self::Any => f.write_str("v.any()"),
            Self::Id(table) => write!(f, "v.id(\"{table}\")"),
            Self::Literal(value) => write!(f, "v.literal({})", display_value(value)),
            Self::Array(element) => write!(f, "v.array({element})"),
            Self::Record { keys, values } => write!(f, "v.record({keys}, {values})"),
            Self::Object(object) => {
                f.write_str("v.object({")?;
                for (index, (name, field)) in object.fields.iter().enumerate() {
                    let separator = if index > 0 { ", " } else { "" };
                    write!(f, "{separator}{}: {field}", display_name(name))?;
                }
                f.write_str("})")
            }
            Self::Union(members) => {
                f.write_str("v.union(")?;
                for (index, member) in members.iter().enumerate() {
                    let separator = if index > 0 { ", " } else { "" };
                    write!(f, "{separator}{member}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for FieldValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.optional { write!(f, "v.optional({})", self.validator) } else { self.validator.fmt(f) }
    }
}

/// A field name, quoted where TypeScript needs it.
pub(super) fn display_name(name: &str) -> String {
    if check_identifier(name).is_ok() {
        return name.to_owned();
    }
    let mut out = String::new();
    encode_string(name, &mut out);
    out
}

/// The value as a TypeScript literal: `{name: "Amy", age: 7.0, big: 7n}`.
pub fn display_value(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Null => out.write_str("null"),
        Value::Int64(value) => write!(out, "{value}n"),
        Value::CommitTs => out.write_str("db.vars.commitTs"),
        Value::Float64(value) if value.is_infinite() => {
            out.write_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Value::Float64(value) => write!(out, "{value:?}"),
        Value::Boolean(value) => write!(out, "{value}"),
        Value::String(value) => {
            encode_string(value, out);
            Ok(())
        }
        Value::Bytes(value) => write!(out, "Bytes(\"{}\")", BASE64.encode(value)),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_value(value, out);
            }
            out.write_str("]")
        }
        Value::Object(object) => {
            out.push('{');
            for (index, (name, value)) in object.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(&display_name(name));
                out.push_str(": ");
                write_value(value, out);
            }
            out.write_str("}")
        }
    };
}
