//! [`Secrets`]: where organisations' keys for outside services are kept.
//!
//! AWS Secrets Manager where the deployment has its keys, else the vault beside the data. A secret is a text under a
//! name, `tenant/<organisation>/<service>`; nothing of it is in the database but this name.
//!
//! Changes of one deployment happen one after another, and one that was asked for before another that already
//! happened does not happen any more: jobs that run at once cannot bring an old key back.

mod aws;
mod aws_http;
mod vault;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use fusion_runtime::Result;
use tokio::sync::{Mutex, MutexGuard};

use self::aws::{AwsSecrets, AwsSettings};
use self::vault::LocalVault;
use super::{ServiceStatus, Services, Settings};

/// What a store is in the middle of.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Keeps texts under names, in secret.
pub trait SecretStore: fmt::Debug + Send + Sync {
    /// The secret of this name; `None` if there is none.
    fn get<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>>;

    /// Keeps a secret under a name, in place of the one that was there.
    fn put<'a>(&'a self, name: &'a str, secret: &'a str) -> StoreFuture<'a, ()>;

    /// Forgets the secret of this name, if there is one.
    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()>;
}

/// How many names the order of changes is remembered of; more than that are not changed within moments.
const REMEMBERED_CHANGES_MAX: usize = 10_000;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Secrets {
    vault: Arc<LocalVault>,
    /// The client that was made for the settings as they last were.
    aws: parking_lot::Mutex<Option<(AwsSettings, Arc<AwsSecrets>)>>,
    changes: Mutex<Changes>,
}

/// The changes of this process, by name: when the latest one was asked for, in milliseconds since the epoch.
#[derive(Debug, Default)]
struct Changes(HashMap<String, f64>);

/// The right to change secrets, held while the database is made to agree with the store.
#[derive(Debug)]
pub struct ChangeGuard<'a>(MutexGuard<'a, Changes>);

impl ChangeGuard<'_> {
    /// Whether a change that was asked for at `asked_ms` (milliseconds since the epoch) is still wanted; if so it
    /// counts as made.
    pub fn is_wanted(&mut self, name: &str, asked_ms: f64) -> bool {
        let changes = &mut self.0.0;
        if changes.get(name).is_some_and(|latest| *latest > asked_ms) {
            return false;
        }
        if changes.len() >= REMEMBERED_CHANGES_MAX {
            changes.clear();
        }
        changes.insert(name.to_owned(), asked_ms);
        true
    }
}

impl Secrets {
    /// Secrets whose vault is in this folder, which is made when the first secret is kept.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { vault: Arc::new(LocalVault::in_folder(folder)), ..Self::default() }
    }

    /// The store that the settings choose.
    ///
    /// # Errors
    /// If the settings contradict each other, or the client cannot be set up.
    pub fn store(&self, services: &Services, settings: &mut Settings<'_>) -> Result<Arc<dyn SecretStore>> {
        let Some(settings) = AwsSettings::read(settings)? else { return Ok(self.vault.clone()) };
        let mut aws = self.aws.lock();
        if let Some((of, client)) = &*aws
            && *of == settings
        {
            return Ok(client.clone());
        }
        let client = Arc::new(AwsSecrets::new(&settings, services)?);
        *aws = Some((settings, client.clone()));
        Ok(client)
    }

    /// Waits for the changes before.
    pub async fn changing(&self) -> ChangeGuard<'_> {
        ChangeGuard(self.changes.lock().await)
    }
}

/// Which store the settings choose.
///
/// # Errors
/// As [`Secrets::store`].
pub(crate) fn status(settings: &mut Settings<'_>) -> Result<ServiceStatus> {
    Ok(match AwsSettings::read(settings)? {
        Some(aws) => ServiceStatus::real("secrets", format!("AWS Secrets Manager in {}", aws.region())),
        None => ServiceStatus::embedded("secrets", "encrypted vault beside the data"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_that_another_one_overtook_is_not_wanted() {
        let secrets = Secrets::default();
        assert!(secrets.changing().await.is_wanted("a", 2.0));
        assert!(!secrets.changing().await.is_wanted("a", 1.0));
        assert!(secrets.changing().await.is_wanted("b", 1.0));
        assert!(secrets.changing().await.is_wanted("a", 2.0), "the same job may be tried again");
    }
}
