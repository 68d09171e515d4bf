//! The applications compiled into the binary.

use clap::ValueEnum;
use fusion_functions::services::Services;
use fusion_runtime::function::{Application, FunctionPath};

use crate::failure::Result;

/// An application compiled into the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum App {
    /// Customer support: widget, operator dashboard, assistant.
    FusionChat,
    /// No functions but those that are pushed.
    None,
}

/// What an application consists of.
pub(super) fn application(app: App) -> Application {
    match app {
        App::FusionChat => fusion_functions::application(Services::default()),
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
