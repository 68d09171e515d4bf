//! What Fusion Chat reaches outside of the database.
//!
//! Each service is a trait with two implementations: a client of the real one, and a deterministic one that is
//! built in, so that a deployment without a key is of use. Which one answers is decided at every call by the
//! deployment's environment variables: setting a key switches over without a restart.

pub mod chat;
pub mod embedding;
mod failure;
pub mod http;
mod lexical;
pub mod mask;
pub mod openai;
pub mod organizations;
pub mod scripted;
pub mod secrets;
mod status;
pub mod voice;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fusion_runtime::{Result, http_client};

pub use failure::{FailureKind, ServiceFailure};
pub(crate) use lexical::sentences;
pub use status::{ServiceMode, ServiceStatus, status};

use chat::ChatModel;
use embedding::{Embedder, LexicalEmbedder};
use openai::OpenAi;
use organizations::Organizations;
use scripted::ScriptedModel;
use secrets::Secrets;

/// The services actions may call. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Where organisations' keys are kept.
    pub secrets: Arc<Secrets>,
    /// Which organisations exist.
    pub organizations: Arc<Organizations>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    patience: Patience,
    http: OnceLock<reqwest::Client>,
}

/// How long outside services may take, and how a call that failed is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long a server may be silent: before an answer begins and between two parts of it.
    pub silence: Duration,
    /// How long one whole answer may take.
    pub answer: Duration,
    /// How often a call is repeated that failed in a way that may pass.
    pub retries: u32,
    /// The wait before the first repetition; it doubles with each one.
    pub retry_delay: Duration,
    /// The longest wait before a repetition. A server that asks for more is not waited for.
    pub retry_delay_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            answer: Duration::from_secs(180),
            retries: 2,
            retry_delay: Duration::from_millis(500),
            retry_delay_max: Duration::from_secs(20),
        }
    }
}

impl Services {
    /// Services that are called with this patience.
    pub fn new(patience: Patience) -> Self {
        let shared = Shared { patience, http: OnceLock::new() };
        Self { shared: Arc::new(shared), ..Self::default() }
    }

    /// Who answers visitors and improves operators' drafts: a real language model or the scripted one.
    ///
    /// # Errors
    /// If a setting cannot be read or makes no sense.
    pub fn chat_model(&self, settings: &mut Settings<'_>) -> Result<Arc<dyn ChatModel>> {
        Ok(match OpenAi::from_settings(self, settings)?.filter(OpenAi::has_chat) {
            Some(provider) => Arc::new(provider),
            None => Arc::new(ScriptedModel),
        })
    }

    /// What makes texts comparable: a real embedding model or the lexical one.
    ///
    /// # Errors
    /// If a setting cannot be read or makes no sense.
    pub fn embedder(&self, settings: &mut Settings<'_>) -> Result<Arc<dyn Embedder>> {
        Ok(match OpenAi::from_settings(self, settings)?.filter(OpenAi::has_embeddings) {
            Some(provider) => Arc::new(provider),
            None => Arc::new(LexicalEmbedder),
        })
    }

    /// The same services with a vault in this folder; without one it is gone with the process.
    #[must_use]
    pub fn with_vault(self, folder: PathBuf) -> Self {
        Self { secrets: Arc::new(Secrets::in_folder(folder)), ..self }
    }

    /// How long is waited for them.
    pub fn patience(&self) -> &Patience {
        &self.shared.patience
    }

    /// The one HTTP client, with one pool of connections, for all of them.
    ///
    /// # Errors
    /// If it cannot be set up.
    pub fn http(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.shared.http.get() {
            return Ok(client);
        }
        let patience = self.shared.patience;
        let client = http_client::build(|builder| {
            // A service that sends a call elsewhere would get the key of this one.
            builder.redirect(reqwest::redirect::Policy::none()).connect_timeout(patience.connect)
        })?;
        Ok(self.shared.http.get_or_init(|| client))
    }
}

/// Where a service's settings come from: the deployment's environment variables. Empty values count as unset.
pub struct Settings<'a>(&'a mut dyn FnMut(&str) -> Result<Option<String>>);

impl std::fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

impl<'a> Settings<'a> {
    /// The settings `variable` finds, e.g. `&mut |name| ctx.env(name)`.
    pub fn new(variable: &'a mut dyn FnMut(&str) -> Result<Option<String>>) -> Self {
        Self(variable)
    }

    /// A variable's value without white space around it; `None` if nothing is left.
    ///
    /// # Errors
    /// If its stored value cannot be decrypted.
    pub fn get(&mut self, name: &str) -> Result<Option<String>> {
        let value = (self.0)(name)?;
        Ok(value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    }
}
