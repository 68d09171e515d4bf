//! Shared by the process tests and the benchmarks: the application under test, a server process that always dies, a
//! bare client of the sync protocol, plain HTTP, seeded randomness.
//!
//! Only [`fixture`] knows the engine: what is tested is what a process answers on its sockets.

pub mod embeddings;
pub mod fixture;
pub mod http;
pub mod process;
pub mod random;
pub mod sync;
