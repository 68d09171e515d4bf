//! Errors of scripts as callers see them: `Uncaught TypeError: …` with the places in the files that people wrote.

use std::time::Duration;

use fusion_schema::{Value, json};

use super::isolate::{Frame, ScriptError, Stopped, Thrown};
use super::package::Package;
use crate::{Error, ErrorKind};

/// What a script was doing, which decides how its being stopped is worded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The time it had.
    pub(super) time: Duration,
    /// The memory it had, in bytes.
    pub(super) memory: usize,
}

/// What the caller of a function sees of its failure.
pub(super) fn function_error(package: &Package, error: ScriptError, bounds: Bounds) -> Error {
    match error {
        ScriptError::Thrown(thrown) => thrown_error(package, *thrown),
        ScriptError::Stopped(stopped) => stopped_error(stopped, bounds),
    }
}

fn thrown_error(package: &Package, thrown: Thrown) -> Error {
    let frames = frames(package, &thrown.frames);
    if let Some(data) = thrown.data.as_deref().and_then(|data| json::decode(data).ok()) {
        return convex_error(thrown, data, &frames);
    }
    // What is thrown without being an error has no name.
    let name = if thrown.name.is_empty() { "Error".to_owned() } else { thrown.name };
    Error::new(ErrorKind::Function, name, format!("{}{frames}", thrown.message))
}

/// The message of a `ConvexError` is that of its constructor: the data as text.
fn convex_error(thrown: Thrown, data: Value, frames: &str) -> Error {
    let text = format!("{}{frames}", thrown.message);
    Error::application_with_text(data, text).with_code(thrown.name)
}

fn stopped_error(stopped: Stopped, bounds: Bounds) -> Error {
    match stopped {
        Stopped::OutOfTime => timed_out(bounds.time),
        Stopped::OutOfMemory => Error::new(
            ErrorKind::Function,
            "Error",
            format!(
                "JavaScript execution ran out of memory (maximum memory usage: {} MB)",
                bounds.memory >> 20
            ),
        ),
        Stopped::Asked => Error::function("Function execution was canceled"),
        Stopped::NeverSettles => Error::function(
            "Function execution unexpectedly stopped: it waits for a promise that can never settle. Check that every promise the function awaits is resolved or rejected.",
        ),
    }
}

/// A function took too long.
pub(super) fn timed_out(limit: Duration) -> Error {
    let limit =
        if limit.subsec_nanos() == 0 { format!("{}s", limit.as_secs()) } else { format!("{limit:?}") };
    Error::function(format!("Function execution timed out (maximum duration: {limit})"))
}

/// The lines of a stack trace, each on a line of its own; empty without frames.
fn frames(package: &Package, frames: &[Frame]) -> String {
    let mut out = String::new();
    for frame in frames {
        let Frame { function, module, line, column } = original(package, frame.clone());
        let function = function.as_deref().unwrap_or("<anonymous>");
        out.push_str(&format!("\n    at {function} ({module}:{line}:{column})"));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The frame in the file that people wrote.
pub(super) fn original(package: &Package, frame: Frame) -> Frame {
    match package.module(&frame.module).and_then(|module| module.map()) {
        Some(map) => map.map(frame),
        None => frame,
    }
}
