//! `Intl`: formatting by the customs of languages, over ICU4X with its compiled data and `jiff`'s time zones.
//!
//! JavaScript (`intl.js` and what it loads) reads options as ECMA-402 asks and asks the ops with a *spec*: the resolved options as JSON text. What
//! ICU4X builds for a spec is kept per thread ([`cache`]), so that a fresh isolate finds it ready.
//!
//! - [`number`], [`date`], [`text`] (plurals, lists, relative times, collation, segments, case) and [`locale`].
//! - [`parts`]: formatted text with the kind of each piece.
//!
//! Deliberately absent, with an error that names it: units that ICU4X does not carry, ranges of numbers, day periods such as
//! "in the morning", calendars other than the Gregorian.

mod cache;
mod date;
mod locale;
mod number;
mod parts;
mod pattern;
#[cfg(test)]
mod tests;
mod text;
mod zone;

use super::lazy;
use crate::js::op::{Op, OpError, OpTable, OpValue};
use crate::js::prelude::PreludeModule;

/// The ops of `Intl`.
pub const OPS: OpTable = &[
    ("intl_locale", Op::Sync(locale::canonicalize)),
    ("intl_supported", Op::Sync(locale::supported)),
    ("intl_likely", Op::Sync(locale::likely)),
    ("intl_display_name", Op::Sync(locale::display_name)),
    ("intl_number", Op::Sync(number::format)),
    ("intl_date", Op::Sync(date::format)),
    ("intl_date_pattern", Op::Sync(date::describe)),
    ("intl_zone", Op::Sync(zone::find)),
    ("intl_zones", Op::Sync(zone::list)),
    ("intl_plural", Op::Sync(text::plural)),
    ("intl_plural_categories", Op::Sync(text::plural_categories)),
    ("intl_list", Op::Sync(text::list)),
    ("intl_relative", Op::Sync(text::relative)),
    ("intl_compare", Op::Sync(text::compare)),
    ("intl_segments", Op::Sync(text::segments)),
    ("intl_case", Op::Sync(text::case)),
];

/// `Intl`, and the methods of numbers, dates, strings and arrays that use it.
pub const PRELUDE: &[PreludeModule] = &[
    lazy("intl_locale", include_str!("locale.js"), &[]),
    lazy("intl_number", include_str!("number.js"), &[]),
    lazy("intl_text", include_str!("text.js"), &[]),
    lazy("intl_date", include_str!("date.js"), &[]),
    lazy("intl", include_str!("intl.js"), &["Intl"]),
    PreludeModule { name: "intl_methods", source: include_str!("methods.js"), globals: &[], eager: true },
];

/// What ICU4X does not carry.
fn unsupported(what: impl std::fmt::Display) -> OpError {
    OpError::new("RangeError", format!("Intl does not carry {what} here"))
}

/// A list of texts.
fn texts(items: impl IntoIterator<Item = impl Into<String>>) -> OpValue {
    OpValue::List(items.into_iter().map(|item| OpValue::String(item.into())).collect())
}
