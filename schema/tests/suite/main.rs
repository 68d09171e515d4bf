//! Tests of `fusion-schema` through its public surface; one binary, so that building them stays short.

mod tables;
mod typed;
mod validators;
mod vectors;
