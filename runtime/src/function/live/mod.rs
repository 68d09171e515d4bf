//! Live
#![expect(dead_code, reason="wip")]
mod cache;
mod executor;
mod query;
mod result;
mod state;
#[cfg(test)]
mod tests;
mod wave;
pub use executor::*;
pub use result::*;
