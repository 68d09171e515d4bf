//! The web APIs that scripts find.

pub mod arguments;
pub mod crypto;
