//! Vector indexes: which documents have the vectors most similar to a given one.
//!
//! - [`coding`]: unit vectors, and codes of one byte per number. [`extract`]: from documents to vectors and tags.
//! - [`segment`]: some thousand vectors side by side; codes in memory, exact numbers in a file ([`folder`]).
//! - [`index`]: the segments of one index: inserting, removing, and searching all of them ([`scan`]).
//! - [`kept`]: an index that follows what is published; [`keeper`]: the threads that see to it.
//! - [`query`]: what is asked, and the errors.
//!
//! A search reads the codes of every vector that passes the filter, on all cores, and computes the exact cosine of the
//! candidates. That costs time in proportion to the number of vectors (some 10 ms for 100,000 of 1,536 dimensions), but
//! finds the same with a filter as without, costs next to nothing to keep up to date, and needs no tuning. Graphs of
//! neighbours (HNSW) are faster where there are millions of vectors, and worse at each of these.
//!
//! The documents are the truth. Files hold only what follows from them, are checked when they are opened, and are made
//! anew when they are missing, damaged or old; so nothing about them is part of a commit.
//!
//! Deliberately absent: reactivity. Only actions search vectors.

mod coding;
#[cfg(test)]
mod database_tests;
mod extract;
mod folder;
mod index;
mod keeper;
mod kept;
mod query;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

pub(super) use keeper::{Held, VectorIndexes};
pub use query::{VECTOR_FILTERS_MAX, VECTOR_RESULTS_DEFAULT, VECTOR_RESULTS_MAX, VectorMatch, VectorQuery};
