//! [`ServiceStatus`]: whether a service is real or built in, for the start-up lines and the dashboard.

use fusion_runtime::Result;
use fusion_schema::Typed;

use super::Settings;

/// How a service is provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum ServiceMode {
    /// By somebody else's server.
    Real,
    /// By this server.
    Embedded,
    /// Not at all: the settings contradict each other.
    Misconfigured,
}

/// A service and how it is provided.
#[derive(Clone, Debug, PartialEq, Eq, Typed)]
pub struct ServiceStatus {
    /// The service, e.g. `secrets`.
    pub service: String,
    /// How it is provided.
    pub mode: ServiceMode,
    /// By whom, in words; never with a key.
    pub detail: String,
}

impl ServiceStatus {
    /// Somebody else's server provides it.
    pub fn real(service: &str, detail: impl Into<String>) -> Self {
        Self { service: service.to_owned(), mode: ServiceMode::Real, detail: detail.into() }
    }

    /// This server provides it.
    pub fn embedded(service: &str, detail: impl Into<String>) -> Self {
        Self { service: service.to_owned(), mode: ServiceMode::Embedded, detail: detail.into() }
    }
}

/// What says how a service is provided.
type Probe = fn(&mut Settings<'_>) -> Result<ServiceStatus>;

/// All services.
const PROBES: &[(&str, Probe)] = &[
    ("assistant", super::openai::assistant_status),
    ("embeddings", super::openai::embeddings_status),
    ("secrets", super::secrets::status),
    ("organizations", super::organizations::status),
    ("voice", super::voice::status),
];

/// How each service is provided with these settings.
pub fn status(settings: &mut Settings<'_>) -> Vec<ServiceStatus> {
    let probe = |(service, probe): &(&str, Probe)| {
        probe(settings).unwrap_or_else(|error| ServiceStatus {
            service: (*service).to_owned(),
            mode: ServiceMode::Misconfigured,
            detail: error.message().to_owned(),
        })
    };
    PROBES.iter().map(probe).collect()
}
