//! What the prelude offers to the host: the functions of `internals` that an isolate is driven by.

use super::op::OpTable;
use super::prelude::PreludeModule;

/// The ops below [`PRELUDE`].
pub const OPS: OpTable = &[];

/// The engine room's own part of the prelude; it comes last.
pub const PRELUDE: &[PreludeModule] =
    &[PreludeModule { name: "host", source: include_str!("host.js"), globals: &[], eager: true }];
