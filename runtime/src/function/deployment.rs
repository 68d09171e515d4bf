//! [`Deployment`]: what every execution can reach beside its transaction.

use std::sync::Arc;

use crate::Result;
use crate::auth::{Secrets, SigningKey};
use crate::clock::Clock;
use crate::database::Database;
use crate::limits::Limits;
use crate::system::file_storage::FileStorage;

use super::alarm::Alarm;

/// See the module's documentation.
pub struct Deployment {
    /// The name of the instance.
    pub name: String,
    /// The data.
    pub database: Database,
    /// Contents of stored files.
    pub files: FileStorage,
    /// Where clients reach the deployment: `CONVEX_CLOUD_URL`.
    pub cloud_origin: String,
    /// Where HTTP actions are served: `CONVEX_SITE_URL`.
    pub site_origin: String,
    /// Rings when a job may have become due earlier than the scheduler knows.
    pub alarm: Alarm,
}

impl std::fmt::Debug for Deployment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deployment").field("cloud_origin", &self.cloud_origin).finish_non_exhaustive()
    }
}

impl Deployment {
    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.database.clock()
    }

    /// All limits.
    pub fn limits(&self) -> &Arc<Limits> {
        self.database.limits()
    }

    /// Keys derived from the instance secret.
    pub fn secrets(&self) -> &Arc<Secrets> {
        self.database.secrets()
    }

    /// The key with which functions sign tokens.
    ///
    /// # Errors
    /// If the key pair cannot be made.
    pub fn signing_key(&self) -> Result<SigningKey> {
        SigningKey::new(self.secrets())
    }

    /// These names of variables and those that the server itself sets, in order.
    pub fn with_system_variables(&self, names: impl Iterator<Item = String>) -> Vec<String> {
        let own = ["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"];
        let names: std::collections::BTreeSet<String> = names.chain(own.map(str::to_owned)).collect();
        names.into_iter().collect()
    }

    /// The value of a variable that the server itself sets.
    pub fn system_variable(&self, name: &str) -> Option<&str> {
        match name {
            "CONVEX_CLOUD_URL" => Some(&self.cloud_origin),
            "CONVEX_SITE_URL" => Some(&self.site_origin),
            _ => None,
        }
    }
}
