//! `fusion dev`.

use std::path::Path;

use clap::Args;

use super::app::{App, application, demo_seed};
use crate::failure::Result;
use crate::serve::{self, Served, ServerOptions};

/// The folder of an application in TypeScript.
const FUNCTIONS_FOLDER: &str = "convex";

/// Run a server for development, on this machine only, with demo data and an issuer of tokens for a demo operator.
#[derive(Args, Debug)]
pub(crate) struct Dev {
    /// Application compiled into this binary to serve [default: fusion-chat, or none in a folder with `convex/`].
    #[arg(long, value_enum)]
    app: Option<App>,

    #[command(flatten)]
    options: ServerOptions,
}

pub(super) fn run(command: Dev) -> Result {
    let app = command
        .app
        .unwrap_or_else(|| if Path::new(FUNCTIONS_FOLDER).is_dir() { App::None } else { App::FusionChat });
    let served = Served { application: application(app), development: true, seed: demo_seed(app)? };
    serve::serve(&command.options, served)
}
