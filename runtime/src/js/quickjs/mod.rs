//! The engine `quickjs`: QuickJS-ng through `rquickjs`. It needs nothing but a C compiler, and an isolate costs
//! a fraction of a millisecond.
//!
//! - [`engine`] compiles modules and makes isolates;
//! - [`isolate`] is one runtime with one context and its event loop, and [`heap`] the memory it can be put back in;
//! - [`ops`] and [`values`] join host functions to it;
//! - [`thrown`] takes errors apart, [`rejections`] keeps those that nobody handled, and [`promises`]
//!   tells of promises where that is wanted;
//! - [`wasm`] is `WebAssembly`, which the engine does not have.

mod engine;
mod heap;
mod isolate;
mod modules;
mod ops;
mod promises;
mod rejections;
mod thrown;
mod values;
mod wasm;

pub use engine::QuickJs;
