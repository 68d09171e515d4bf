//! Calls between functions, scheduling, and what a function can learn about its call.

use fusion_schema::{DocumentId, Value, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::{Address, Place};
use super::{arguments, object, quoted};
use crate::function::FunctionKind;
use crate::function::execution::Execution;
use crate::system::jobs::JobRef;
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunUdf<'a> {
    #[serde(flatten)]
    address: Address,
    udf_type: String,
    #[serde(borrow)]
    args: &'a RawValue,
}

/// Where the function that runs stands when it names another one.
fn with_place<T>(execution: &Execution, body: impl FnOnce(&mut Place<'_>) -> Result<T>) -> Result<T> {
    let mut place =
        Place { registry: execution.registry(), tx: execution.unseen(), current: execution.current() };
    body(&mut place)
}

pub(super) fn run_udf(execution: &mut Execution, kind: FunctionKind, args: &str) -> Result<String> {
    let RunUdf { address, udf_type, args } = arguments("1.0/runUdf", args)?;
    let path = with_place(execution, |place| address.path(place))?;
    let args = object(args, "The arguments of a function")?;
    let value = match (udf_type.as_str(), kind) {
        ("query", _) => execution.run_nested(&path, FunctionKind::Query, args)?,
        ("mutation", FunctionKind::Mutation) => execution.run_nested(&path, FunctionKind::Mutation, args)?,
        ("snapshotQuery", FunctionKind::Mutation) => execution.run_on_snapshot(&path, args)?,
        (other, _) => {
            return Err(Error::bad_request(
                "InvalidArguments",
                format!("A {kind} cannot run a function of type \"{other}\"."),
            ));
        }
    };
    Ok(json::encode(&value))
}

#[derive(Deserialize)]
struct Schedule<'a> {
    #[serde(flatten)]
    address: Address,
    /// Seconds since the epoch.
    ts: f64,
    #[serde(borrow)]
    args: &'a RawValue,
}

/// What to schedule: when (milliseconds since the epoch), what, with which arguments.
pub(super) struct Scheduled {
    pub(super) due_ms: f64,
    pub(super) path: crate::function::FunctionPath,
    pub(super) args: fusion_schema::Object,
}

pub(super) fn scheduled(name: &str, args: &str, place: &mut Place<'_>) -> Result<Scheduled> {
    let Schedule { address, ts, args } = arguments(name, args)?;
    let args = object(args, "The arguments of a function")?;
    // Milliseconds were divided by a thousand on the way: what that lost is rounded away.
    let due_ms = (ts * 1e6).round() / 1e3;
    Ok(Scheduled { due_ms, path: address.path(place)?, args })
}

pub(super) fn schedule(execution: &mut Execution, args: &str) -> Result<String> {
    let Scheduled { due_ms, path, args } =
        with_place(execution, |place| scheduled("1.0/schedule", args, place))?;
    Ok(quoted(&execution.schedule(due_ms, &path, args)?.to_string()))
}

#[derive(Deserialize)]
struct Job {
    id: String,
}

pub(super) fn job_id(name: &str, args: &str) -> Result<DocumentId> {
    let Job { id } = arguments(name, args)?;
    DocumentId::decode(&id).map_err(|error| {
        Error::bad_request(
            "InvalidArgument",
            format!("Invalid argument `id` for `scheduler.cancel`: {error}"),
        )
    })
}

pub(super) fn cancel_job(execution: &mut Execution, args: &str) -> Result<String> {
    execution.cancel_job(job_id("1.0/cancel_job", args)?)?;
    Ok("null".to_owned())
}

pub(super) fn create_handle(place: &mut Place<'_>, args: &str) -> Result<String> {
    let address: Address = arguments("1.0/createFunctionHandle", args)?;
    Ok(quoted(&address.handle(place)?))
}

pub(super) fn create_handle_in(execution: &Execution, args: &str) -> Result<String> {
    with_place(execution, |place| create_handle(place, args))
}

pub(super) fn metadata(name: &str, component: &str) -> String {
    format!("{{\"name\":{},\"componentPath\":{}}}", quoted(name), quoted(component))
}

pub(super) fn deployment_metadata() -> String {
    r#"{"name":"fusion","region":null,"class":"self-hosted"}"#.to_owned()
}

pub(super) fn request_metadata(request_id: Option<String>, job: Option<JobRef>) -> String {
    let text_or_null = |text: Option<String>| text.map_or_else(|| "null".to_owned(), |text| quoted(&text));
    format!(
        "{{\"ip\":null,\"userAgent\":null,\"requestId\":{},\"scheduledFunctionId\":{},\"authToken\":null}}",
        text_or_null(request_id),
        text_or_null(job.map(|job| job.id.to_string())),
    )
}

#[derive(Deserialize)]
struct Audit {
    body: serde_json::Value,
}

/// What an entry of the application's audit log is to say.
pub(super) fn audit_body(args: &str) -> Result<serde_json::Value> {
    arguments("1.0/auditLog", args).map(|Audit { body }| body)
}

pub(super) fn transaction_metrics(execution: &mut Execution) -> String {
    let scheduled = execution.scheduled_totals();
    let limits = execution.deployment().limits().clone();
    let metrics = execution.tx().metrics();
    let part = |used: usize, most: usize| serde_json::json!({ "used": used as f64, "remaining": most.saturating_sub(used) as f64 });
    serde_json::json!({
        "bytesRead": part(metrics.bytes_read, limits.bytes_read_max),
        "bytesWritten": part(metrics.bytes_written, limits.bytes_written_max),
        "databaseQueries": part(metrics.ranges_read, limits.index_ranges_read_max),
        "documentsRead": part(metrics.documents_read, limits.documents_read_max),
        "documentsWritten": part(metrics.documents_written, limits.documents_written_max),
        "functionsScheduled": part(scheduled.0, limits.functions_scheduled_max),
        "scheduledFunctionArgsBytes": part(scheduled.1, limits.scheduled_arguments_size_max),
    })
    .to_string()
}

pub(super) fn snapshot_ts(execution: &mut Execution) -> String {
    json::encode(&Value::Int64(execution.tx().begin_ts() as i64))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignJwt {
    #[serde(default)]
    claims: serde_json::Map<String, serde_json::Value>,
    expires_in_seconds: f64,
}

/// A token that the deployment signs.
pub(super) fn sign_jwt(execution: &mut Execution, args: &str) -> Result<String> {
    let SignJwt { claims, expires_in_seconds } = arguments("1.0/signJwt", args)?;
    let now_ms = execution.now_ms();
    let deployment = execution.deployment();
    let token =
        deployment.signing_key()?.sign(&deployment.cloud_origin, claims, expires_in_seconds, now_ms)?;
    Ok(quoted(&token))
}
