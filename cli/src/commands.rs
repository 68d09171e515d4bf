//! The commands: one file each.

mod app;
mod codegen;
mod dashboard;
mod data;
mod deploy;
mod dev;
mod env;
mod export;
mod function_spec;
mod import;
mod init;
mod keygen;
pub(crate) mod logs;
mod run;
mod serve;

use clap::Subcommand;

use crate::failure::{Failure, Result};

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(Box<dev::Dev>),
    Serve(serve::Serve),
    Init(init::Init),
    Deploy(Box<deploy::Deploy>),
    Run(run::Run),
    Data(data::Data),
    #[command(subcommand)]
    Env(env::Env),
    Import(import::Import),
    Export(export::Export),
    Logs(logs::Logs),
    Dashboard(dashboard::Dashboard),
    FunctionSpec(function_spec::FunctionSpec),
    Codegen(codegen::Codegen),
    #[command(subcommand)]
    Keygen(keygen::Keygen),
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Result {
    match command {
        Command::Dev(command) => dev::run(*command),
        Command::Serve(command) => serve::run(command),
        Command::Init(command) => init::run(command),
        Command::Deploy(command) => wait(deploy::run(*command)),
        Command::Run(command) => wait(run::run(command)),
        Command::Data(command) => wait(data::run(command)),
        Command::Env(command) => wait(env::run(command)),
        Command::Import(command) => wait(import::run(command)),
        Command::Export(command) => wait(export::run(command)),
        Command::Logs(command) => wait(logs::run(command)),
        Command::Dashboard(command) => wait(dashboard::run(command)),
        Command::FunctionSpec(command) => wait(function_spec::run(command)),
        Command::Codegen(command) => wait(codegen::run(command)),
        Command::Keygen(command) => keygen::run(command),
    }
}

/// Runs a client command; one thread is enough for it.
fn wait(command: impl Future<Output = Result>) -> Result {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the asynchronous runtime could not be started: {error}")))?
        .block_on(command)
}
