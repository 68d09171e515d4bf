//! Whether the deployment runs or is paused: a row of `_deployment_state`, from which the catalog of every snapshot
//! knows it.

use fusion_schema::{Object, object};

use super::all;
use super::crons::Crons;
use super::events::Events;
use crate::Result;
use crate::database::Transaction;
use crate::database::catalog::PAUSED;

const TABLE: &str = "_deployment_state";
/// The state of a deployment that is not paused.
const RUNNING: &str = "running";

/// The state as one transaction sees it.
pub struct DeploymentState<'a> {
    tx: &'a mut Transaction,
}

impl std::fmt::Debug for DeploymentState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeploymentState").finish_non_exhaustive()
    }
}

impl<'a> DeploymentState<'a> {
    /// The state in this transaction.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self { tx }
    }

    /// What the state is called: `running` or `paused`. Live: it is read from the table.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn name(&mut self) -> Result<&'static str> {
        Ok(if all(self.tx, TABLE)?.is_empty() { RUNNING } else { PAUSED })
    }

    /// Pauses the deployment; whether it was running.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn pause(&mut self) -> Result<bool> {
        if !all(self.tx, TABLE)?.is_empty() {
            return Ok(false);
        }
        self.tx.insert(TABLE, object! { "state" => PAUSED })?;
        Events::new(self.tx).record("pause_deployment", Object::new())?;
        Ok(true)
    }

    /// Lets a paused deployment run again; whether it was paused. Runs of crons that fell due meanwhile are skipped;
    /// scheduled functions are still to be run.
    ///
    /// # Errors
    /// When a limit of the transaction is reached.
    pub fn unpause(&mut self, now_ns: u64) -> Result<bool> {
        let rows = all(self.tx, TABLE)?;
        if rows.is_empty() {
            return Ok(false);
        }
        for row in rows {
            self.tx.delete(row.id())?;
        }
        Crons::new(self.tx).skip_due(now_ns)?;
        Events::new(self.tx).record("unpause_deployment", Object::new())?;
        Ok(true)
    }
}
