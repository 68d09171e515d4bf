//! The engine room from the outside: small modules in, results out.

mod ops;
