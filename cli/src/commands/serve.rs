//! `fusion serve`.

use std::path::PathBuf;

use clap::Args;

use super::app::{App, served};
use crate::failure::Result;
use crate::serve::{self, Served, ServerOptions};

/// Run a server for production.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion serve --data-dir /var/lib/fusion
  fusion serve --convex-origin https://api.example.com --convex-site https://site.example.com
  fusion serve --pages public                 with the pages of `fusion init`")]
pub(crate) struct Serve {
    /// Application compiled into this binary to serve.
    #[arg(long, value_enum, default_value_t = App::None)]
    app: App,

    /// Folder of pages to serve under /app/.
    #[arg(long, value_name = "FOLDER")]
    pages: Option<PathBuf>,

    #[command(flatten)]
    options: ServerOptions,
}

pub(super) fn run(command: Serve) -> Result {
    let served = Served { pages: command.pages, ..served(command.app, &command.options.data_dir)? };
    serve::serve(&command.options, served)
}
