//! The applications compiled into the binary.

use std::path::Path;

use clap::ValueEnum;
use fusion_functions::services::Services;
use fusion_runtime::function::{Application, FunctionPath};

use crate::failure::Result;
use crate::serve::{Served, SignIn};

/// An application compiled into the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum App {
    /// Customer support: widget, operator dashboard, assistant.
    FusionChat,
    /// No functions but those that are pushed.
    None,
}

/// The folder in the data folder that holds an application's secrets.
const VAULT_FOLDER: &str = "vault";

/// What is served of an application, in production and without pages of a project.
pub(super) fn served(app: App, data_dir: &Path) -> Result<Served> {
    Ok(Served {
        application: application(app, data_dir),
        development: false,
        seed: None,
        services: services(app)?,
        sign_in: sign_in(app),
        pages: None,
        has_chat: matches!(app, App::FusionChat),
    })
}

/// What an application consists of; what it keeps outside of the database is in the data folder.
fn application(app: App, data_dir: &Path) -> Application {
    match app {
        App::FusionChat => {
            fusion_functions::application(Services::default().with_vault(data_dir.join(VAULT_FOLDER)))
        }
        App::None => Application::new("none"),
    }
}

/// The mutation that makes an application's demo data where there is none.
pub(super) fn demo_seed(app: App) -> Result<Option<FunctionPath>> {
    Ok(match app {
        App::FusionChat => Some(FunctionPath::parse(fusion_functions::DEMO_SEED)?),
        App::None => None,
    })
}

/// The query that tells which of an application's outside services are real.
fn services(app: App) -> Result<Option<FunctionPath>> {
    Ok(match app {
        App::FusionChat => Some(FunctionPath::parse(fusion_functions::SERVICES)?),
        App::None => None,
    })
}

/// Where an application's users may come from.
const fn sign_in(app: App) -> Option<SignIn> {
    match app {
        App::FusionChat => Some(SignIn {
            variable: fusion_functions::ISSUER_VARIABLE,
            audience: fusion_functions::AUDIENCE,
            client_variable: fusion_functions::CLIENT_VARIABLE,
            key_variable: fusion_functions::CLERK_KEY_VARIABLE,
            script_host: fusion_functions::clerk_host,
        }),
        App::None => None,
    }
}
