//! Shared by the process tests and the benchmarks: a server process that always dies, a bare client of the sync
//! protocol, plain HTTP, seeded randomness.
//!
//! Nothing here knows the engine: what is tested is what a process answers on its sockets.

pub mod http;
pub mod process;
pub mod random;
pub mod sync;
