//! The `fusion` command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Gives memory back after a peak, which the system's allocator is slow to do, and is faster with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fusion_cli::main()
}
