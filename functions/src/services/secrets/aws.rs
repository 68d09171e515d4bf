//! [`AwsSecrets`]: AWS Secrets Manager, by its own SDK over the house's HTTP client.
//!
//! Settings are the variables that AWS's own tools know: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
//! `AWS_SESSION_TOKEN`, `AWS_REGION`, and for another address `AWS_ENDPOINT_URL_SECRETS_MANAGER` or `AWS_ENDPOINT_URL`.

use std::time::Duration;

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::{Client, config};
use fusion_runtime::{Error, Result};

use super::aws_http::ReqwestClient;
use super::{SecretStore, StoreFuture};
use crate::services::{FailureKind, ServiceFailure, Services, Settings};

const SERVICE: &str = "AWS Secrets Manager";
/// Where secrets are kept unless the settings say otherwise.
const DEFAULT_REGION: &str = "us-east-1";
/// The longest wait for one answer; it is short because people wait for it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the deployment's environment says about AWS.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct AwsSettings {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
    endpoint: Option<String>,
}

impl std::fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsSettings").field("region", &self.region).finish_non_exhaustive()
    }
}

impl AwsSettings {
    /// `None` if there is no key.
    pub(super) fn read(settings: &mut Settings<'_>) -> Result<Option<Self>> {
        let keys = (settings.get("AWS_ACCESS_KEY_ID")?, settings.get("AWS_SECRET_ACCESS_KEY")?);
        let (access_key_id, secret_access_key) = match keys {
            (Some(id), Some(key)) => (id, key),
            (None, None) => return Ok(None),
            // Secrets must not silently end up elsewhere.
            _ => {
                return Err(Error::function(
                    "Only one of the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set. Set both to keep secrets in AWS Secrets Manager, or none.",
                ));
            }
        };
        let endpoint = match settings.get("AWS_ENDPOINT_URL_SECRETS_MANAGER")? {
            Some(endpoint) => Some(endpoint),
            None => settings.get("AWS_ENDPOINT_URL")?,
        };
        Ok(Some(Self {
            access_key_id,
            secret_access_key,
            session_token: settings.get("AWS_SESSION_TOKEN")?,
            region: settings.get("AWS_REGION")?.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            endpoint,
        }))
    }

    /// Where the secrets are.
    pub(super) fn region(&self) -> &str {
        &self.region
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct AwsSecrets {
    client: Client,
}

impl AwsSecrets {
    /// A client with these settings, as patient as the services are.
    pub(super) fn new(settings: &AwsSettings, services: &Services) -> Result<Self> {
        let patience = services.patience();
        let credentials = Credentials::new(
            &settings.access_key_id,
            &settings.secret_access_key,
            settings.session_token.clone(),
            None,
            "deployment environment",
        );
        let attempt = patience.silence.min(ATTEMPT_TIMEOUT);
        let retries = RetryConfig::standard()
            .with_max_attempts(patience.retries + 1)
            .with_initial_backoff(patience.retry_delay)
            .with_max_backoff(patience.retry_delay_max);
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .credentials_provider(config::SharedCredentialsProvider::new(credentials))
            .http_client(ReqwestClient::new(services.http()?.clone()))
            .retry_config(retries)
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(attempt).build());
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self { client: Client::from_conf(config.build()) })
    }

    async fn get(&self, name: &str) -> Result<Option<String>> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => Ok(answer.secret_string),
            Err(error) => match error.as_service_error() {
                Some(refusal) if refusal.is_resource_not_found_exception() => Ok(None),
                _ => Err(failed(&error)),
            },
        }
    }

    async fn put(&self, name: &str, secret: &str) -> Result<()> {
        let created = self.client.create_secret().name(name).secret_string(secret).send().await;
        let Err(error) = created else { return Ok(()) };
        match error.as_service_error() {
            Some(refusal) if refusal.is_resource_exists_exception() => {}
            // Somebody is deleting it in the console, with the days of grace it gives.
            Some(refusal) if refusal.is_invalid_request_exception() => {
                self.client.restore_secret().secret_id(name).send().await.map_err(|_| failed(&error))?;
            }
            _ => return Err(failed(&error)),
        }
        let replaced = self.client.put_secret_value().secret_id(name).secret_string(secret).send().await;
        replaced.map(drop).map_err(|error| failed(&error))
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let removed =
            self.client.delete_secret().secret_id(name).force_delete_without_recovery(true).send().await;
        match removed {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(refusal) if refusal.is_resource_not_found_exception() => Ok(()),
                _ => Err(failed(&error)),
            },
        }
    }
}

impl SecretStore for AwsSecrets {
    fn get<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(self.get(name))
    }

    fn put<'a>(&'a self, name: &'a str, secret: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.put(name, secret))
    }

    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.remove(name))
    }
}

/// The error of a function. Of what the SDK knows only AWS's own code is told, never a request or an answer.
fn failed<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Error {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let kind = match (error, status) {
        (SdkError::TimeoutError(_), _) => FailureKind::TimedOut,
        (SdkError::DispatchFailure(failure), _) if failure.is_timeout() => FailureKind::TimedOut,
        (_, Some(status)) if status >= 300 => FailureKind::Refused(status),
        (_, Some(_)) => FailureKind::Unusable,
        (_, None) => FailureKind::Unreachable,
    };
    ServiceFailure::new(SERVICE, kind, error.code().unwrap_or_default()).into_error()
}
