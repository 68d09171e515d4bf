//! Thrown values, taken apart.

use rquickjs::{CaughtError, Ctx, Error, Object, Value};

use super::values::text;
use crate::js::isolate::{Frame, ScriptError, Stopped, Thrown};

/// What an error of the binding means, with the pending exception if there is one.
pub(super) fn script_error(ctx: &Ctx<'_>, error: Error) -> ScriptError {
    match CaughtError::from_error(ctx, error) {
        CaughtError::Error(Error::Allocation) => ScriptError::Stopped(Stopped::OutOfMemory),
        CaughtError::Error(error) => ScriptError::error(error.to_string()),
        CaughtError::Exception(exception) => of_value(ctx, &exception.into_object().into_value()),
        CaughtError::Value(value) => of_value(ctx, &value),
    }
}

/// What a thrown value says.
pub(super) fn of_value<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> ScriptError {
    if value.is_uncatchable_error() {
        return ScriptError::Stopped(Stopped::OutOfTime);
    }
    let Some(object) = value.as_object() else {
        // The engine throws null when it has no memory left even for an error.
        if value.is_null() {
            return ScriptError::Stopped(Stopped::OutOfMemory);
        }
        return ScriptError::Thrown(Box::new(Thrown { message: text(ctx, value), ..Thrown::default() }));
    };
    // A `DOMException` is an error too.
    let is_error =
        value.is_error() || object.get::<_, Value<'js>>("stack").is_ok_and(|stack| stack.is_string());
    if !is_error {
        return ScriptError::Thrown(Box::new(Thrown {
            message: text(ctx, value),
            data: convex_data(ctx, object),
            ..Thrown::default()
        }));
    }
    let property = |name: &str| -> String {
        match object.get::<_, Value<'js>>(name) {
            Ok(value) if !value.is_undefined() => text(ctx, &value),
            Ok(_) => String::new(),
            Err(_) => {
                ctx.catch();
                String::new()
            }
        }
    };
    let (name, message) = (property("name"), property("message"));
    if name == "InternalError" && message == "out of memory" {
        return ScriptError::Stopped(Stopped::OutOfMemory);
    }
    let mut thrown = Thrown { name, message, frames: Vec::new(), data: convex_data(ctx, object) };
    // What an error says may look like frames.
    let stack = property("stack");
    let lines = stack.strip_prefix(&thrown.text()).unwrap_or(&stack);
    thrown.frames = without_constructors(frames(lines), &class_names(object));
    ScriptError::Thrown(Box::new(thrown))
}

/// The JSON text that the npm package leaves in a `ConvexError` on its way out.
fn convex_data<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Option<String> {
    let marked = object.get::<_, Value<'js>>("ConvexErrorSymbol").inspect_err(|_| drop(ctx.catch())).ok()?;
    if !marked.is_symbol() {
        return None;
    }
    let data = object.get::<_, Value<'js>>("data").inspect_err(|_| drop(ctx.catch())).ok()?;
    data.as_string()?.to_string().ok()
}

/// The names of an object's class and those above it.
fn class_names(object: &Object<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut prototype = object.get_prototype();
    while let Some(class) = prototype {
        let name = class.get::<_, Object<'_>>("constructor").and_then(|class| class.get::<_, String>("name"));
        match name {
            Ok(name) => names.push(name),
            // Whatever stands there instead, the error is told without it.
            Err(_) => drop(class.ctx().catch()),
        }
        prototype = class.get_prototype();
    }
    names
}

/// An error is thrown where it is made, not in the constructors of its class.
fn without_constructors(frames: Vec<Frame>, classes: &[String]) -> Vec<Frame> {
    let is_constructor =
        |frame: &Frame| frame.function.as_ref().is_some_and(|function| classes.contains(function));
    frames.into_iter().skip_while(is_constructor).collect()
}

/// The lines of a `stack` that tell a place in a module of the application.
pub(super) fn frames(stack: &str) -> Vec<Frame> {
    stack.lines().filter_map(frame).collect()
}

/// The path of frames whose positions were dropped when they were compiled: the prelude's.
const NOWHERE: &str = "<null>";

/// `    at name (path:line:column)`, or `    at path:line:column` for syntax errors.
fn frame(line: &str) -> Option<Frame> {
    let rest = line.trim_start().strip_prefix("at ")?;
    let (function, place) = match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((function, place)) => (Some(function), place),
        None => (None, rest),
    };
    let mut parts = place.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let module = parts.next()?;
    if module == NOWHERE {
        return None;
    }
    let function = function.filter(|name| !matches!(*name, "<anonymous>" | "<eval>" | "" | "module"));
    Some(Frame { function: function.map(str::to_owned), module: module.to_owned(), line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_read_line_by_line() {
        let stack = "    at helper (a/b.js:3:7)\n    at <anonymous> (native)\n    at <anonymous> (b.js:1:2)\n    at load (<null>:0:1)\n    at bad.js:4:5\n";
        let found = frames(stack);
        let show = |frame: &Frame| {
            format!(
                "{} {} {} {}",
                frame.function.as_deref().unwrap_or("-"),
                frame.module,
                frame.line,
                frame.column
            )
        };
        assert_eq!(
            found.iter().map(show).collect::<Vec<_>>(),
            ["helper a/b.js 3 7", "- b.js 1 2", "- bad.js 4 5"]
        );
    }
}
