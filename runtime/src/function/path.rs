//! [`FunctionPath`]: the name of a function, in its one canonical spelling.
//!
//! Clients write `a/b:c`, `a/b.js:c` or, for a default export, just `a/b`. All of them mean the same
//! function, so they become one text here and nothing above compares anything else.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Error, Result};

/// The longest path of a function, in bytes.
const PATH_LENGTH_MAX: usize = 1024;

/// The name of a function when the path names only a module.
const DEFAULT_FUNCTION: &str = "default";

/// What stands between a function and its component in the text of a path.
const COMPONENT_SEPARATOR: char = '@';

/// A function's path: module path without extension, a colon, the function's name; and the component it is in. Cheap to
/// clone.
#[derive(Clone)]
pub struct FunctionPath {
    /// `a/b:c` in the app, `a/b:c@agent/inner` in a component.
    text: Arc<str>,
    /// Where the colon is.
    colon: u32,
    /// Where the function's name ends.
    end: u32,
}

impl FunctionPath {
    /// Reads any spelling a client may use; the function is one of the app.
    ///
    /// # Errors
    /// `BadConvexFunctionIdentifier` if the text names no function.
    pub fn parse(text: &str) -> Result<Self> {
        let (module, function) = match text.rsplit_once(':') {
            Some((module, function)) => (module, function),
            None => (text, DEFAULT_FUNCTION),
        };
        Self::from_parts(module, function)
    }

    /// Builds the path of a function of the app from the module's path (with or without `.js`) and the function's name.
    ///
    /// # Errors
    /// `BadConvexFunctionIdentifier` if either is no valid name.
    pub fn from_parts(module: &str, function: &str) -> Result<Self> {
        let function = if function.is_empty() { DEFAULT_FUNCTION } else { function };
        let module = module.strip_suffix(".js").unwrap_or(module);
        if let Some(reason) = module_problem(module).or_else(|| function_problem(function)) {
            return Err(Error::bad_request(
                "BadConvexFunctionIdentifier",
                format!(
                    "\"{module}:{function}\" is not a path to a Convex function: {reason}. Write it like \"messages:list\"."
                ),
            ));
        }
        if module.len() + function.len() >= PATH_LENGTH_MAX {
            return Err(Error::bad_request(
                "BadConvexFunctionIdentifier",
                format!("The path to a Convex function may have at most {PATH_LENGTH_MAX} characters."),
            ));
        }
        let text: Arc<str> = format!("{module}:{function}").into();
        Ok(Self { colon: module.len() as u32, end: text.len() as u32, text })
    }

    /// What a route is counted under: the module `http`, and in place of a function's name the method and the path, which
    /// ends in `*` if it is a prefix. No client can name it.
    pub(crate) fn of_route(component: &str, method: &str, pattern: &str) -> Self {
        const MODULE: &str = "http";
        let text: Arc<str> = format!("{MODULE}:{method} {pattern}").into();
        Self { colon: MODULE.len() as u32, end: text.len() as u32, text }.in_component(component)
    }

    /// The function of the same name in the component at this path; the empty path is the app.
    #[must_use]
    pub fn in_component(&self, component: &str) -> Self {
        if self.component() == component {
            return self.clone();
        }
        let text = match component {
            "" => self.as_str().into(),
            component => format!("{}{COMPONENT_SEPARATOR}{component}", self.as_str()).into(),
        };
        Self { text, ..*self }
    }

    /// The path of the component it is in; empty for the app.
    pub fn component(&self) -> &str {
        self.text.get(self.end as usize + 1..).unwrap_or_default()
    }

    /// The module's path without extension: `a/b`.
    pub fn module(&self) -> &str {
        &self.text[..self.colon as usize]
    }

    /// The function's name inside its module: `c`.
    pub fn function(&self) -> &str {
        &self.text[self.colon as usize + 1..self.end as usize]
    }

    /// The canonical text inside its component: `a/b:c`.
    pub fn as_str(&self) -> &str {
        &self.text[..self.end as usize]
    }

    /// The text with the module's extension, as rows and function specs state it: `a/b.js:c`.
    pub fn with_extension(&self) -> String {
        format!("{}.js:{}", self.module(), self.function())
    }

    /// Whether it is one of the server's own functions (`_system/…`), which only admins may call.
    pub fn is_system(&self) -> bool {
        self.text.starts_with("_system/")
    }
}

fn module_problem(module: &str) -> Option<&'static str> {
    if module.is_empty() {
        return Some("the module's path is empty");
    }
    for segment in module.split('/') {
        if segment.is_empty() {
            return Some("a part of the module's path is empty");
        }
        if !segment.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return Some("each part of a module's path needs a letter or a digit");
        }
        if !segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')) {
            return Some(
                "a module's path may only contain letters, digits, underscores, dashes, dots and slashes",
            );
        }
    }
    None
}

fn function_problem(function: &str) -> Option<&'static str> {
    let mut bytes = function.bytes();
    let start = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'));
    if !start || !bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')) {
        return Some("the function's name is no identifier");
    }
    None
}

impl fmt::Display for FunctionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for FunctionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for FunctionPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for FunctionPath {}

impl Hash for FunctionPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for FunctionPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FunctionPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::str::FromStr for FunctionPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_function_are_equal() {
        for text in ["a/b:c", "a/b.js:c"] {
            let path = FunctionPath::parse(text).unwrap();
            assert_eq!((path.as_str(), path.module(), path.function()), ("a/b:c", "a/b", "c"));
            assert_eq!(path.with_extension(), "a/b.js:c");
        }
        for text in ["a/b", "a/b.js", "a/b:default", "a/b.js:"] {
            assert_eq!(FunctionPath::parse(text).unwrap().as_str(), "a/b:default");
        }
    }

    #[test]
    fn functions_of_components_are_others() {
        let root = FunctionPath::parse("a/b:c").unwrap();
        let inner = root.in_component("agent/inner");
        assert_eq!((inner.module(), inner.function(), inner.component()), ("a/b", "c", "agent/inner"));
        assert_eq!((inner.as_str(), inner.to_string().as_str()), ("a/b:c", "a/b:c@agent/inner"));
        assert_ne!(inner, root);
        assert_eq!(root.component(), "");
        assert_eq!(inner.in_component(""), root);
        // Nobody outside can write one.
        assert!(FunctionPath::parse("a/b:c@agent").is_err());
    }

    #[test]
    fn system_modules_are_recognised() {
        assert!(FunctionPath::parse("_system/cli/tables").unwrap().is_system());
        assert!(!FunctionPath::parse("system/cli:tables").unwrap().is_system());
    }

    #[test]
    fn texts_that_name_no_function_are_refused() {
        for text in
            ["", ":c", "a//b:c", "/a:c", "a/:c", "a b:c", "a:b-c", "a:1c", "a/..:c", "..", "é:c", "a:b c"]
        {
            let error = FunctionPath::parse(text).expect_err(text);
            assert_eq!(error.code(), "BadConvexFunctionIdentifier", "{text}");
        }
    }
}
