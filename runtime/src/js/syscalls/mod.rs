//! System calls: what the npm package `convex` asks of the server, thin over what Rust handlers use.
//!
//! - [`transaction`] serves queries and mutations, whose execution travels to the isolate's thread for the call;
//! - [`action`] serves actions, which are outside of any transaction;
//! - [`import`] serves modules that are being loaded, which may do next to nothing.

pub(super) mod action;
mod address;
mod database;
mod functions;
pub(super) mod import;
mod query;
mod storage;
pub(super) mod transaction;
mod vectors;

use fusion_schema::{Object, Value, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Error, Result};

/// Reads the arguments of a system call.
fn arguments<'a, T: Deserialize<'a>>(name: &str, args: &'a str) -> Result<T> {
    serde_json::from_str(args).map_err(|error| {
        Error::bad_request("InvalidArguments", format!("Invalid arguments for the operation {name}: {error}"))
    })
}

/// A value in the encoded format.
fn value(raw: &RawValue) -> Result<Value> {
    json::decode(raw.get()).map_err(|error| Error::bad_request("InvalidValue", error.to_string()))
}

/// An object in the encoded format.
fn object(raw: &RawValue, what: &str) -> Result<Object> {
    match value(raw)? {
        Value::Object(object) => Ok(object),
        other => Err(Error::bad_request(
            "InvalidValue",
            format!("{what} must be an object, not a value of type {}.", other.type_name()),
        )),
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    json::encode_string(text, &mut out);
    out
}

fn unknown(name: &str) -> Error {
    Error::function(format!("Unknown operation {name}"))
}

fn unknown_async(name: &str) -> Error {
    Error::function(format!("Unknown async operation {name}"))
}
