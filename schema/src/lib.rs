//! Values, their encodings, ids, validators and table definitions.
//!
//! This crate is pure: no I/O, no async, no clock, no randomness. Everything that crosses a boundary of the
//! system (wire, disk, JavaScript, the typed Rust API) is defined here once:
//!
//! - [`Value`] and its total order ([`value`]),
//! - its JSON forms ([`json`]) and its byte-sortable key form ([`key`]),
//! - [`DocumentId`] and its text form ([`id`]),
//! - the rules for names and sizes ([`names`]),
//! - [`Validator`]s and their error texts ([`validator`]), and Rust types that carry them ([`typed`]),
//! - [`Schema`], its tables and indexes ([`table`]),
//! - the tables of Fusion Chat ([`tables`]).
//!
//! Deliberately absent: storage, functions, anything that knows the time.

// The derive macros name this crate by its full path, also inside of it.
extern crate self as fusion_schema;

pub mod id;
pub mod json;
pub mod key;
pub mod names;
pub mod table;
pub mod tables;
pub mod typed;
pub mod validator;
pub mod value;

pub use fusion_schema_derive::{Table, Typed};
pub use id::{DocumentId, TableNumber};
pub use table::{IndexDefinition, Schema, SchemaError, Table, TableDefinition};
pub use typed::{
    Bytes, DecodeError, Doc, Id, LiteralBool, Nullable, Page, PageStatus, PaginationOptions, Typed,
};
pub use validator::{
    FieldValidator, ObjectValidator, TableLookup, ValidationError, Validator, ValidatorError,
};
pub use value::{Object, Value};
