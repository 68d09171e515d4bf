//! How scripts name functions: by path, by handle, or (components) by reference.

use serde::Deserialize;

use super::not_yet;
use crate::function::FunctionPath;
use crate::{Error, Result};

/// What handles begin with.
const HANDLE: &str = "function://";

/// The part of a system call's arguments that names a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    name: Option<String>,
    reference: Option<String>,
    function_handle: Option<String>,
}

impl Address {
    /// The path it means.
    pub(super) fn path(&self) -> Result<FunctionPath> {
        match (&self.name, &self.reference, &self.function_handle) {
            (Some(name), None, None) => FunctionPath::parse(name),
            (None, None, Some(handle)) => of_handle(handle),
            (None, Some(_), None) => Err(not_yet("Calling functions of components")),
            _ => Err(Error::bad_request(
                "InvalidFunctionAddress",
                "A function is named by exactly one of `name`, `reference` and `functionHandle`.",
            )),
        }
    }
}

/// A handle for a function: what `createFunctionHandle()` gives.
pub(super) fn handle(path: &FunctionPath) -> String {
    format!("{HANDLE};{path}")
}

fn of_handle(handle: &str) -> Result<FunctionPath> {
    let path = handle.strip_prefix(HANDLE).and_then(|rest| rest.split_once(';'));
    match path {
        Some(("", path)) => FunctionPath::parse(path),
        _ => Err(Error::bad_request(
            "InvalidFunctionHandle",
            format!("\"{handle}\" is no function handle. Make one with `createFunctionHandle()`."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_leads_back_to_its_function() {
        let path = FunctionPath::parse("a/b:c").unwrap();
        assert_eq!(of_handle(&handle(&path)).unwrap(), path);
        assert_eq!(of_handle("function://x;a:b").unwrap_err().code(), "InvalidFunctionHandle");
        assert_eq!(of_handle("a:b").unwrap_err().code(), "InvalidFunctionHandle");
    }
}
