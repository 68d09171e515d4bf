//! Snapshots, transactions and what they read and wrote.

pub mod interval_index;
mod range_tree;
