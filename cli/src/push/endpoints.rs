//! The endpoints of a deployment that a push uses, typed.

use std::io::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::wire::{ConfigHashes, SchemaStatus, StartPush};
use super::{PushError, PushResult, Remedy};
use crate::client::{Deployment, RequestError};
use crate::failure::Failure;

/// How hard to compress: most of the size goes at once, the rest costs time.
const BROTLI_QUALITY: i32 = 4;
/// The window of the compression, as a power of two.
const BROTLI_WINDOW: i32 = 22;
const BROTLI_BUFFER: usize = 1 << 16;
/// How long the server holds a question about the schema.
const SCHEMA_TIMEOUT_MS: u64 = 10_000;

/// The modules that are there.
pub(super) async fn config_hashes(deployment: &Deployment) -> PushResult<ConfigHashes> {
    let body = json!({"version": env!("CARGO_PKG_VERSION"), "adminKey": deployment.admin_key()});
    read(deployment.send("/api/get_config_hashes", body.to_string().into(), None).await?)
}

/// Uploads an app and starts to check it. The answer goes to `finish_push` as it is.
pub(super) async fn start_push(deployment: &Deployment, request: &StartPush<'_>) -> PushResult<Json> {
    Ok(deployment.send("/api/deploy2/start_push", compressed(request)?, Some("br")).await?)
}

/// What a push would change in the schema.
pub(super) async fn evaluate_push(deployment: &Deployment, request: &StartPush<'_>) -> PushResult<Json> {
    Ok(deployment.send("/api/deploy2/evaluate_push", compressed(request)?, Some("br")).await?)
}

/// Waits until the state of the check changes.
pub(super) async fn wait_for_schema(
    deployment: &Deployment,
    schema_change: &Json,
    dry_run: bool,
) -> PushResult<SchemaStatus> {
    let body = json!({
        "adminKey": deployment.admin_key(),
        "schemaChange": schema_change,
        "timeoutMs": SCHEMA_TIMEOUT_MS,
        "dryRun": dry_run,
    });
    read(deployment.send("/api/deploy2/wait_for_schema", body.to_string().into(), None).await?)
}

/// Makes the app live.
pub(super) async fn finish_push(
    deployment: &Deployment,
    start_push: &Json,
    dry_run: bool,
    message: Option<&str>,
) -> PushResult<Json> {
    let body = json!({
        "adminKey": deployment.admin_key(),
        "startPush": start_push,
        "dryRun": dry_run,
        "message": message,
    });
    Ok(deployment.send("/api/deploy2/finish_push", compressed(&body)?, Some("br")).await?)
}

/// JSON in brotli.
fn compressed(body: &impl Serialize) -> PushResult<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        PushError::fatal(Failure::new(format!("the request could not be compressed: {error}")))
    };
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        mode: brotli::enc::backward_references::BrotliEncoderMode::BROTLI_MODE_TEXT,
        ..Default::default()
    };
    {
        let mut writer = brotli::CompressorWriter::with_params(&mut out, BROTLI_BUFFER, &parameters);
        serde_json::to_writer(&mut writer, body).map_err(|error| failed(&error))?;
        writer.flush().map_err(|error| failed(&error))?;
    }
    Ok(out)
}

fn read<T: DeserializeOwned>(answer: Json) -> PushResult<T> {
    serde_json::from_value(answer).map_err(|error| {
        PushError::fatal(Failure::new(format!("the server's answer cannot be read: {error}")))
    })
}

impl From<RequestError> for PushError {
    fn from(error: RequestError) -> Self {
        match (error.status.map(|status| status.as_u16()), error.code.as_deref()) {
            // Somebody changed the variables or pushed at the same time: it may work the next time.
            (_, Some("RaceDetected" | "ConcurrentPush")) => Self::transient(error.failure),
            (Some(400), Some("AuthConfigMissingEnvironmentVariable" | "MissingEnvironmentVariables")) => {
                let failure = error.failure.hint("fusion env set NAME VALUE");
                Self { failure, remedy: Remedy::Environment }
            }
            (Some(400 | 413), _) => Self::project(error.failure),
            (Some(401 | 403 | 404), _) => Self::fatal(error.failure),
            _ => Self::transient(error.failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn bodies_are_brotli() -> Result<(), Box<dyn std::error::Error>> {
        let body = json!({"source": "x".repeat(100_000)});
        let bytes = compressed(&body).map_err(|error| error.failure)?;
        assert!(bytes.len() < 1_000, "{}", bytes.len());
        let mut text = String::new();
        brotli::Decompressor::new(&bytes[..], BROTLI_BUFFER).read_to_string(&mut text)?;
        assert_eq!(text, body.to_string());
        Ok(())
    }
}
