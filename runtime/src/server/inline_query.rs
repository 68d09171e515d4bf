//! `POST /api/run_test_function`: a query that comes with its code.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::errors::ApiError;
use super::request::{BODY_SIZE_MAX, Sender, component_of, read_body};
use super::state::ServerState;
use super::{api, udf_response};
use crate::error::Result;
use crate::function::{Caller, FunctionCall};
use crate::push::request::ModuleBody;

/// The body: the call and the module whose default export is called.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    bundle: ModuleBody,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    format: Option<String>,
    component_id: Option<String>,
    admin_key: Option<String>,
}

/// Runs the query for an administrator, whose key is in a header or in the body.
pub(super) async fn run(
    State(state): State<Arc<ServerState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let body: Body<'_> = api::parse_json(&body)?;
    let sender =
        Sender::admin_with_key(&state, &parts.headers, &parts.uri, body.admin_key.as_deref()).await?;
    let component = component_of(&state, body.component_id.as_deref())?;
    let component = state.database().published().catalog().component_path(component).map(str::to_owned);
    let format = udf_response::parse_format(body.format.as_deref(), sender.client.as_ref())?;
    let args = api::arguments(body.args)?;
    let entry = state.pushes.inline_query(body.bundle, component.unwrap_or_default()).await?;
    let call = FunctionCall::new(entry.path.clone(), args, sender.identity, Caller::Tester);
    let outcome = state.runner.unregistered_query(Arc::new(entry), call).await;
    api::answer(&state, &outcome, format)
}
