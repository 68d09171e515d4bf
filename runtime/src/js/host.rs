//! What the prelude offers to the host, and the system calls: the ops below `host.js`.

use super::answer::{BlobAnswer, SyscallAnswer, op_error};
use super::isolate::Completer;
use super::op::{Op, OpError, OpResult, OpTable, OpValue};
use super::prelude::PreludeModule;
use super::state::{Blob, OpState};

/// The ops below [`PRELUDE`].
pub const OPS: OpTable = &[
    ("syscall", Op::System(syscall)),
    ("asyncSyscall", Op::Deferred(async_syscall)),
    ("storeBlob", Op::Deferred(store_blob)),
    ("getBlob", Op::Deferred(get_blob)),
];

/// The engine room's own part of the prelude; it comes last.
pub const PRELUDE: &[PreludeModule] = &[
    PreludeModule { name: "host", source: include_str!("host.js"), globals: &[], eager: true },
    PreludeModule { name: "analysis", source: include_str!("analysis.js"), globals: &[], eager: false },
];

fn two_strings(args: Vec<OpValue>) -> Result<(String, String), OpError> {
    match <[OpValue; 2]>::try_from(args) {
        Ok([OpValue::String(first), OpValue::String(second)]) => Ok((first, second)),
        _ => Err(OpError::type_error("A system call takes its name and its arguments as JSON.")),
    }
}

fn syscall(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let (name, args) = two_strings(args)?;
    state.host.syscall(&name, &args).map(OpValue::String).map_err(|error| op_error(&error))
}

fn async_syscall(state: &mut OpState, args: Vec<OpValue>, completer: Completer) {
    match two_strings(args) {
        Ok((name, args)) => state.host.async_syscall(&name, &args, SyscallAnswer::new(completer)),
        Err(error) => completer.complete(Err(error)),
    }
}

fn store_blob(state: &mut OpState, args: Vec<OpValue>, completer: Completer) {
    match <[OpValue; 3]>::try_from(args) {
        Ok([OpValue::Bytes(content), OpValue::String(content_type), sha256]) => {
            let sha256 = if let OpValue::String(sha256) = sha256 { Some(sha256) } else { None };
            let blob = Blob { content, content_type, sha256 };
            state.host.store_blob(blob, SyscallAnswer::new(completer));
        }
        _ => completer.complete(Err(OpError::type_error("store() expects a Blob."))),
    }
}

fn get_blob(state: &mut OpState, mut args: Vec<OpValue>, completer: Completer) {
    match args.pop() {
        Some(OpValue::String(id)) => state.host.get_blob(id, BlobAnswer::new(completer)),
        _ => completer.complete(Err(OpError::type_error("A storage id must be a string."))),
    }
}
