//! The engine room from the outside: small modules in, results out.

mod analysis;
pub(super) mod app;
mod calls;
mod errors;
mod http;
mod isolation;
mod limits;
mod ops;
mod rewind;
mod wasm;
