//! How scripts name functions: by path in their own component, by reference to a child, or by handle.

use serde::Deserialize;

use crate::database::{Transaction, child_path};
use crate::function::context::ActionCore;
use crate::function::execution::Execution;
use crate::function::{Access, FunctionPath, FunctionRegistry, Visibility};
use crate::system::function_handles::{FunctionHandles, HandleTarget};
use crate::{Error, Result};

/// What references begin with.
const REFERENCE: &str = "_reference/";

/// The part of a system call's arguments that names a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    name: Option<String>,
    reference: Option<String>,
    function_handle: Option<String>,
}

/// Where a script stands that names a function.
pub(super) trait Place {
    /// The functions there are.
    fn registry(&self) -> &FunctionRegistry;
    /// The path of the script's component.
    fn component_path(&self) -> String;
    /// The function that is running, where it can be one of the system.
    fn current(&self) -> Option<&FunctionPath>;
    /// A transaction in the script's component, whose reads do not count as the script's.
    fn unseen(&self) -> Transaction;
}

impl Place for Execution {
    fn registry(&self) -> &FunctionRegistry {
        self.registry()
    }

    fn component_path(&self) -> String {
        self.component_path()
    }

    fn current(&self) -> Option<&FunctionPath> {
        self.current()
    }

    fn unseen(&self) -> Transaction {
        self.unseen()
    }
}

impl Place for ActionCore {
    fn registry(&self) -> &FunctionRegistry {
        self.registry()
    }

    fn component_path(&self) -> String {
        self.component_path().to_owned()
    }

    fn current(&self) -> Option<&FunctionPath> {
        None
    }

    fn unseen(&self) -> Transaction {
        self.begin_query()
    }
}

impl Address {
    /// The path it means.
    ///
    /// # Errors
    /// `InvalidReference` if it leads nowhere or to a function that the script may not see; `FunctionHandleNotFound`.
    pub(super) fn path(&self, place: &impl Place) -> Result<FunctionPath> {
        match (&self.name, &self.reference, &self.function_handle) {
            (Some(name), None, None) => Ok(FunctionPath::parse(name)?.in_component(&place.component_path())),
            (None, None, Some(handle)) => of_handle(handle, place),
            (None, Some(reference), None) => of_reference(reference, place),
            _ => Err(Error::bad_request(
                "InvalidFunctionAddress",
                "A function is named by exactly one of `name`, `reference` and `functionHandle`.",
            )),
        }
    }

    /// A handle for what it means.
    ///
    /// # Errors
    /// As [`Address::path`].
    pub(super) fn handle(&self, place: &impl Place) -> Result<String> {
        let path = self.path(place)?;
        if let (None, None, Some(handle)) = (&self.name, &self.reference, &self.function_handle) {
            return Ok(handle.clone());
        }
        place.registry().find(&path, Access::Inside)?;
        let target = HandleTarget { component: path.component().to_owned(), path: path.with_extension() };
        FunctionHandles::new(&mut place.unseen()).of(&target)
    }
}

fn of_handle(handle: &str, place: &impl Place) -> Result<FunctionPath> {
    let HandleTarget { component, path } = FunctionHandles::new(&mut place.unseen()).resolve(handle)?;
    let path = FunctionPath::parse(&path)?.in_component(&component);
    if place.registry().get(&path).is_none() {
        let message = format!("The function \"{path}\" that a handle stands for is not there any more.");
        return Err(Error::not_found("FunctionHandleNotFound", message));
    }
    Ok(path)
}

fn of_reference(reference: &str, place: &impl Place) -> Result<FunctionPath> {
    let invalid = |why: String| {
        Error::bad_request("InvalidReference", format!("The reference \"{reference}\" leads nowhere: {why}"))
    };
    let component = place.component_path();
    let rest = reference.strip_prefix(REFERENCE).ok_or_else(|| invalid("it is no reference.".to_owned()))?;
    match rest.split_once('/') {
        Some(("function", path)) => Ok(FunctionPath::parse(path)?.in_component(&component)),
        Some(("childComponent", rest)) => {
            let no_function = || invalid("it names no function of a child.".to_owned());
            let (child, rest) = rest.split_once('/').ok_or_else(no_function)?;
            let (module, function) = rest.rsplit_once('/').ok_or_else(no_function)?;
            let child = child_path(&component, child);
            if !place.registry().has_component(&child) {
                return Err(invalid(format!("there is no component \"{child}\". Add it with `app.use()`.")));
            }
            let path = FunctionPath::from_parts(module, function)?.in_component(&child);
            let found = place.registry().get(&path);
            if found.is_none_or(|entry| entry.visibility != Visibility::Public) {
                return Err(invalid(format!(
                    "the component \"{child}\" has no public function \"{module}:{function}\"."
                )));
            }
            Ok(path)
        }
        Some(("currentSystemUdfInComponent", id)) => {
            let current = place.current().filter(|path| path.is_system());
            let current = current.ok_or_else(|| invalid("only system functions may use it.".to_owned()))?;
            let gone = || invalid("there is no such component.".to_owned());
            let tx = place.unseen();
            let found = tx.snapshot().catalog().component_with_id(id).ok_or_else(gone)?;
            Ok(current.in_component(&found.path))
        }
        _ => Err(invalid("it is neither a function nor a child component.".to_owned())),
    }
}
