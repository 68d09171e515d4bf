//! `fusion dev`.

use std::path::Path;

use clap::Args;

use super::app::{App, application, demo_seed};
use crate::failure::Result;
use crate::serve::{self, Served, ServerOptions};

/// The folder of an application in TypeScript, and the one folder in it that does not make it one.
const FUNCTIONS_FOLDER: &str = "convex";
const GENERATED_FOLDER: &str = "_generated";

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
    let app = command.app.unwrap_or_else(|| default_app(Path::new(FUNCTIONS_FOLDER)));
    let served = Served { application: application(app), development: true, seed: demo_seed(app)? };
    serve::serve(&command.options, served)
}

/// The application for a folder whose functions would be in `functions`. What `fusion codegen` writes are no functions.
fn default_app(functions: &Path) -> App {
    let mut entries = std::fs::read_dir(functions).into_iter().flatten().flatten();
    if entries.any(|entry| entry.file_name() != GENERATED_FOLDER) { App::None } else { App::FusionChat }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_functions_of_its_own_gets_no_other_application() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let functions = folder.path().join("convex");
        assert_eq!(default_app(&functions), App::FusionChat);
        std::fs::create_dir_all(functions.join("_generated"))?;
        assert_eq!(default_app(&functions), App::FusionChat);
        std::fs::write(functions.join("messages.ts"), "")?;
        assert_eq!(default_app(&functions), App::None);
        Ok(())
    }
}
