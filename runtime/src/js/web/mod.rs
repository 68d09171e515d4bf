//! Web APIs: the prelude's JavaScript and the ops below it.

pub mod arguments;
pub mod crypto;

use super::op::OpTable;
use super::prelude::PreludeModule;

/// The ops of the web APIs.
pub const OPS: OpTable = &[];

/// Every table of ops that the prelude finds, this one included.
pub const OP_TABLES: &[OpTable] = &[OPS, crypto::OPS];

/// The prelude's modules for the web APIs.
pub const PRELUDE: &[PreludeModule] = &[];

/// Every part of the prelude for the web APIs, this one included.
pub const PRELUDES: &[&[PreludeModule]] = &[PRELUDE, crypto::PRELUDE];
