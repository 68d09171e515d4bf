//! Calls between functions, scheduling, and what a function can learn about its call.

use std::collections::BTreeMap;

use fusion_schema::{DocumentId, Value, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::{Address, Place};
use super::{arguments, object, quoted};
use crate::database::Resource;
use crate::function::execution::Execution;
use crate::function::{Deployment, FunctionKind, Origin, RequestId};
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
    #[serde(default)]
    transaction_limits: BTreeMap<String, f64>,
}

/// The limits that a call sets for the function it runs.
fn limits(named: &BTreeMap<String, f64>) -> Result<Vec<(Resource, usize)>> {
    let limit = |(name, limit): (&String, &f64)| {
        let resource = Resource::named(name)?;
        if limit.is_nan() || *limit < 0.0 {
            let message = format!("`transactionLimits.{name}` must be a number from 0 on, not {limit}.");
            return Err(Error::bad_request("InvalidTransactionLimit", message));
        }
        // What is larger than any number of its kind limits nothing.
        Ok((resource, *limit as usize))
    };
    named.iter().map(limit).collect()
}

pub(super) fn run_udf(execution: &mut Execution, kind: FunctionKind, args: &str) -> Result<String> {
    let RunUdf { address, udf_type, args, transaction_limits } = arguments("1.0/runUdf", args)?;
    let path = address.path(execution)?;
    let args = object(args, "The arguments of a function")?;
    let limits = limits(&transaction_limits)?;
    let value = match (udf_type.as_str(), kind) {
        ("query", _) => execution.run_nested_within(&path, FunctionKind::Query, args, &limits)?,
        ("mutation", FunctionKind::Mutation) => {
            execution.run_nested_within(&path, FunctionKind::Mutation, args, &limits)?
        }
        ("snapshotQuery", FunctionKind::Mutation) => execution.run_on_snapshot(&path, args, &limits)?,
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

pub(super) fn scheduled(name: &str, args: &str, place: &impl Place) -> Result<Scheduled> {
    let Schedule { address, ts, args } = arguments(name, args)?;
    let args = object(args, "The arguments of a function")?;
    // Milliseconds were divided by a thousand on the way: what that lost is rounded away.
    let due_ms = (ts * 1e6).round() / 1e3;
    Ok(Scheduled { due_ms, path: address.path(place)?, args })
}

pub(super) fn schedule(execution: &mut Execution, args: &str) -> Result<String> {
    let Scheduled { due_ms, path, args } = scheduled("1.0/schedule", args, execution)?;
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

pub(super) fn create_handle(place: &impl Place, args: &str) -> Result<String> {
    let address: Address = arguments("1.0/createFunctionHandle", args)?;
    Ok(quoted(&address.handle(place)?))
}

pub(super) fn metadata(name: &str, component: &str) -> String {
    format!("{{\"name\":{},\"componentPath\":{}}}", quoted(name), quoted(component))
}

/// Of the classes that functions know, the smallest: what machine this is, nobody has said.
pub(super) fn deployment_metadata(deployment: &Deployment) -> String {
    format!(r#"{{"name":{},"region":null,"class":"s16"}}"#, quoted(&deployment.name))
}

#[derive(Deserialize)]
struct Audit {
    body: serde_json::Value,
}

/// What an entry of the application's audit log is to say.
pub(super) fn audit_body(args: &str) -> Result<serde_json::Value> {
    arguments("1.0/auditLog", args).map(|Audit { body }| body)
}

pub(super) fn request_metadata(request: RequestId, job: Option<JobRef>, origin: Option<&Origin>) -> String {
    serde_json::json!({
        "ip": origin.and_then(|origin| origin.ip).map(|ip| ip.to_string()),
        "userAgent": origin.and_then(|origin| origin.user_agent.as_deref()),
        "requestId": request.to_string(),
        "scheduledFunctionId": job.map(|job| job.id.to_string()),
        "authToken": origin.and_then(|origin| origin.token.as_deref()),
    })
    .to_string()
}

pub(super) fn transaction_metrics(execution: &mut Execution) -> String {
    let tx = execution.tx();
    let metrics = tx.metrics();
    let part = |resource: Resource| {
        let (used, remaining) = (metrics.of(resource) as f64, tx.remaining(resource) as f64);
        (resource.name().to_owned(), serde_json::json!({ "used": used, "remaining": remaining }))
    };
    serde_json::Value::Object(Resource::ALL.into_iter().map(part).collect()).to_string()
}

pub(super) fn snapshot_ts(execution: &mut Execution) -> String {
    // It moves on like the clock, and so a result that knows it is shared no longer.
    execution.now_ms();
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
