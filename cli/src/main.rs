//! The `fusion` command: one file for each command in [`commands`], and what they share beside it.
//!
//! Data goes to stdout and talk to stderr. Exit codes: 0 done, 1 it failed, 2 the command line is wrong. Every
//! failure ends in a hint that can be run. This crate alone reads the process environment and prints.

#![forbid(unsafe_code)]

mod client;
mod commands;
mod dotenv;
mod failure;
mod function_name;
mod output;
mod typescript;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// Gives memory back after a peak, which the system's allocator is slow to do, and is faster with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Run a reactive backend that speaks the Convex protocol, and work with it.
#[derive(Debug, Parser)]
#[command(name = "fusion", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match commands::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::report(&failure);
            failure.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_is_explained() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {} has no help",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Arguments::command();
        command.build();
        command.get_subcommands().for_each(check);
    }
}
