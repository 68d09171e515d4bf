//! `component`: what a component offers to those that use it.

use serde_json::Value as Json;

use super::header;
use crate::failure::Result;
use crate::typescript::component_type;

const ABOUT: &str = "The functions of this component, as those see them that use it.";

/// `component.ts`.
pub(super) fn typescript(exports: &[Json]) -> Result<String> {
    let mut out = header(ABOUT);
    out.push_str("import type { FunctionReference } from \"convex/server\";\n\n");
    out.push_str("/** References to the public functions: `components.name.module.function`. */\n");
    out.push_str("export type ComponentApi<Name extends string | undefined = string | undefined> =\n  ");
    out.push_str(&component_type(exports, Some("Name"), 1)?);
    out.push_str(";\n");
    Ok(out)
}
