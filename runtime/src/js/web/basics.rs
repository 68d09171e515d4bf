//! Time, randomness, the environment and what is printed.

use super::arguments::Arguments;
use crate::Error;
use crate::function::LogLevel;
use crate::js::op::{Op, OpError, OpResult, OpTable, OpValue};
use crate::js::state::{OpState, Phase};

pub(super) const OPS: OpTable = &[
    ("now", Op::Sync(|state, _| Ok(OpValue::Number(state.host.now_ms())))),
    ("phase", Op::Sync(phase)),
    ("random", Op::Sync(random)),
    ("random_bytes", Op::Sync(random_bytes)),
    ("env", Op::Sync(env)),
    ("env_names", Op::Sync(env_names)),
    ("log", Op::Sync(log)),
];

/// Most bytes that `crypto.getRandomValues` gives at once.
const RANDOM_BYTES_MAX: u32 = 65_536;

fn phase(state: &mut OpState, _: Vec<OpValue>) -> OpResult {
    let name = match state.phase {
        Phase::Import => "import",
        Phase::Query => "query",
        Phase::Mutation => "mutation",
        Phase::Action => "action",
        Phase::HttpAction => "httpAction",
    };
    Ok(OpValue::String(name.to_owned()))
}

/// A number in [0, 1) with 53 random bits.
fn random(state: &mut OpState, _: Vec<OpValue>) -> OpResult {
    let mut bytes = [0; 8];
    state.host.fill_random(&mut bytes);
    let bits = u64::from_le_bytes(bytes) >> 11;
    Ok(OpValue::Number(bits as f64 / (1_u64 << 53) as f64))
}

fn random_bytes(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let length = Arguments::new(args).whole()?;
    if state.phase == Phase::Import {
        return Err(OpError::new(
            "Error",
            "Can't use cryptographic randomness at import time. Call it inside of a function instead.",
        ));
    }
    if length > RANDOM_BYTES_MAX {
        return Err(OpError::new("QuotaExceededError", "The requested length exceeds 65,536 bytes"));
    }
    let mut bytes = vec![0; length as usize];
    state.host.fill_random(&mut bytes);
    Ok(OpValue::Bytes(bytes))
}

fn env(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let name = Arguments::new(args).text()?;
    let value = state.host.env(&name).map_err(failed)?;
    Ok(value.map_or(OpValue::Undefined, OpValue::String))
}

fn env_names(state: &mut OpState, _: Vec<OpValue>) -> OpResult {
    let names = state.host.env_names().map_err(failed)?;
    Ok(OpValue::List(names.into_iter().map(OpValue::String).collect()))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: Error) -> OpError {
    OpError::new("Error", error.message())
}

/// `(level, messages)`.
fn log(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let level = match args.text()?.as_str() {
        "DEBUG" => LogLevel::Debug,
        "INFO" => LogLevel::Info,
        "WARN" => LogLevel::Warn,
        "ERROR" => LogLevel::Error,
        _ => LogLevel::Log,
    };
    let OpValue::List(messages) = args.value() else { return Ok(OpValue::Undefined) };
    let text = |message| match message {
        OpValue::String(text) => Some(text),
        _ => None,
    };
    state.host.log(level, messages.into_iter().filter_map(text).collect());
    Ok(OpValue::Undefined)
}
