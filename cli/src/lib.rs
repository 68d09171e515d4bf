//! The `fusion` command: one file for each command in [`commands`], and what they share beside it.
//!
//! Data goes to stdout and talk to stderr. Exit codes: 0 done, 1 it failed, 2 the command line is wrong. Every
//! failure ends in a hint that can be run. This crate alone reads the process environment and prints.
//!
//! [`serve`] is the composition root. It is public so that a binary with functions of its own is started, stopped
//! and configured like this one.

mod bundle;
mod client;
mod codegen;
mod commands;
mod develop;
mod dotenv;
mod failure;
mod file_watcher;
mod function_name;
mod inline_query;
mod log_tail;
mod output;
mod progress;
mod project;
mod push;
pub mod serve;
mod spinner;
mod typescript;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use fusion_runtime::function::Application;

pub use crate::failure::{Failure, Result};

use crate::commands::Command;

/// Run a reactive backend that speaks the Convex protocol, and work with it.
#[derive(Debug, Parser)]
#[command(name = "fusion", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Runs the command line of this process and says how it went.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command;
    exit_code(commands::run(command))
}

/// The command line of a binary that serves one application of its own.
#[derive(Debug, Parser)]
#[command(max_term_width = 110)]
struct OwnArguments {
    #[command(flatten)]
    options: serve::ServerOptions,
}

/// Serves an application, with the options of `fusion serve`, until the process is asked to stop.
pub fn serve_application(application: Application) -> ExitCode {
    let OwnArguments { options } = OwnArguments::parse();
    exit_code(serve::serve(
        &options,
        serve::Served {
            application,
            development: false,
            seed: None,
            services: None,
            sign_in: None,
            pages: None,
            has_chat: false,
        },
    ))
}

/// Reports a failure to the person at the terminal; the exit code for it.
pub fn exit_code(result: Result) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::talk(&failure);
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

    /// The help of a command as it is printed to a file.
    fn help(path: &[&str]) -> String {
        let mut command = Arguments::command().term_width(110);
        command.build();
        let mut found = &mut command;
        for name in path {
            found = found.find_subcommand_mut(name).expect("a command");
        }
        found.render_help().to_string()
    }

    #[test]
    fn help_is_as_it_was_reviewed() {
        for path in [&[][..], &["dev"], &["run"], &["data"], &["env", "set"], &["keygen", "admin-key"]] {
            insta::assert_snapshot!(
                ["help"].iter().chain(path).copied().collect::<Vec<_>>().join("_"),
                help(path)
            );
        }
    }

    #[test]
    fn every_command_and_option_is_explained() {
        fn check(command: &clap::Command) {
            // It shows what the others say.
            if command.get_name() == "help" {
                return;
            }
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {} has no help",
                    command.get_name(),
                    argument.get_id()
                );
            }
            let shows_examples =
                command.get_after_help().is_some_and(|text| text.to_string().starts_with("Examples:\n"));
            assert!(shows_examples || command.has_subcommands(), "{} has no examples", command.get_name());
            command.get_subcommands().for_each(check);
        }
        let mut command = Arguments::command();
        command.build();
        command.get_subcommands().for_each(check);
    }
}
