//! Pausing a deployment: no function of the application is run until it is let run again.
//!
//! Whether it is paused is part of the data (`system::deployment_state`) and of the version of functions and schema that
//! every transaction depends on. So a pause is one commit: no mutation commits after it that began before, and every
//! live query runs again, to fail or, once the pause has ended, to show its result.
//!
//! The server's own functions go on. Actions that run when the pause begins go on, too, but what they call fails.

use std::sync::Arc;

use super::path::FunctionPath;
use super::runner::FunctionRunner;
use crate::database::Snapshot;
use crate::system::deployment_state::DeploymentState;
use crate::{Error, Result};

/// The code of the error of calls to a paused deployment.
pub const PAUSED: &str = "DeploymentPaused";

/// Fails for a function of the application while the deployment is paused.
///
/// # Errors
/// [`PAUSED`].
pub(crate) fn check(snapshot: &Snapshot, path: &FunctionPath) -> Result<()> {
    if path.is_system() { Ok(()) } else { check_running(snapshot) }
}

/// Fails while the deployment is paused.
///
/// # Errors
/// [`PAUSED`].
pub(crate) fn check_running(snapshot: &Snapshot) -> Result<()> {
    if !snapshot.catalog().is_paused() {
        return Ok(());
    }
    Err(paused())
}

/// The error of a call to a paused deployment.
pub(crate) fn paused() -> Error {
    Error::bad_request(
        PAUSED,
        "This deployment is paused, so it runs no functions. Resume it on the settings page of the dashboard, or with POST /api/v1/unpause_deployment.",
    )
}

impl FunctionRunner {
    /// Pauses the deployment and waits until that is durable. What is paused already stays so.
    ///
    /// # Errors
    /// If the database takes no writes.
    pub async fn pause(self: &Arc<Self>) -> Result<()> {
        self.write(|tx, _| DeploymentState::new(tx).pause()).await.map(drop)
    }

    /// Lets a paused deployment run again and waits until that is durable.
    ///
    /// # Errors
    /// If the database takes no writes.
    pub async fn unpause(self: &Arc<Self>) -> Result<()> {
        let clock = self.deployment().clock().clone();
        self.write(move |tx, _| DeploymentState::new(tx).unpause(clock.unix_ns())).await?;
        self.deployment().alarm.ring();
        Ok(())
    }
}
