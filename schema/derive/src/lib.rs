//! `#[derive(Typed)]` and `#[derive(Table)]` of `fusion-schema`.
//!
//! # `Typed`
//!
//! A struct with named fields is a closed object; names are the camelCase of the Rust names. A struct with one
//! unnamed field is that field. An enum is a union: a unit variant is the string of its camelCase name, a variant
//! with one unnamed field is that field, a variant with named fields is an object; decoding tries them in order.
//! `#[typed(rename = "name")]` on a field or a unit variant overrides its name. `#[typed(tag = "kind")]` on an
//! enum turns each unit or named variant into an object with the field `kind`, which holds the variant's name.
//!
//! # `Table`
//!
//! The same as `Typed` on a struct, and a table definition:
//!
//! ```text
//! #[table(
//!     name = "messages",
//!     index(name = "by_channel", fields("channel")),
//!     search(name = "search_body", field = "body", filters("channel")),
//!     vector(name = "by_embedding", field = "embedding", dimensions = 1536, filters("channel")),
//! )]
//! ```
//!
//! Field names in attributes are the stored (camelCase) ones.

mod table;
mod typed;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `Typed`; see the crate's documentation.
#[proc_macro_derive(Typed, attributes(typed))]
pub fn derive_typed(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    typed::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Implements `Typed` and `Table`; see the crate's documentation.
#[proc_macro_derive(Table, attributes(table, typed))]
pub fn derive_table(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    table::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
