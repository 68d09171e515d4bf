//! Function calls over HTTP: `/api/query`, `/api/mutation`, `/api/action`, `/api/function`, `/api/run` and the
//! queries at a timestamp.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use fusion_schema::Object;
use fusion_schema::json::Format;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::errors::{ApiError, json};
use super::origin::RequestOrigin;
use super::request::{BODY_SIZE_MAX, Sender, parameter, percent_decode, read_body};
use super::state::ServerState;
use super::udf_response;
use crate::auth::Identity;
use crate::error::{Error, Result};
use crate::function::{Caller, FunctionCall, FunctionPath, Origin, Outcome, RequestId};
use crate::session::protocol::{parse_args, parse_ts, push_ts};
use crate::session::socket::in_component;

/// What handlers get and give.
type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// The body of a call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallBody<'a> {
    #[serde(borrow, default)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    format: Option<String>,
    component_path: Option<String>,
    ts: Option<String>,
}

#[derive(Deserialize)]
struct BatchBody<'a> {
    #[serde(borrow)]
    queries: Vec<CallBody<'a>>,
}

/// A call that was read: what to run, and how to answer.
struct Call {
    call: FunctionCall,
    format: Format,
}

impl CallBody<'_> {
    fn parse(body: &Bytes) -> Result<CallBody<'_>> {
        parse_json(body)
    }

    fn into_call(self, sender: &Sender, origin: &Arc<Origin>) -> Result<Call> {
        if self.path.is_empty() {
            return Err(Error::bad_request(
                "MissingIdentifier",
                "The body has no \"path\": name the function like \"messages:list\".",
            ));
        }
        let path = FunctionPath::parse(&self.path)?;
        let path = in_component(path, self.component_path.as_deref(), &sender.identity)?;
        let format = udf_response::parse_format(self.format.as_deref(), sender.client.as_ref())?;
        let args = arguments(self.args)?;
        let call = http_call(path, args, sender.identity.clone()).caused_by(origin.clone());
        Ok(Call { call, format })
    }
}

fn http_call(path: FunctionPath, args: Object, identity: Identity) -> FunctionCall {
    FunctionCall::new(path, args, identity, Caller::HttpApi)
}

pub(super) fn arguments(args: Option<&RawValue>) -> Result<Object> {
    parse_args(args).map_err(|text| Error::bad_request("BadArguments", text))
}

pub(super) fn parse_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::bad_request(
            "BadJsonBody",
            format!("The body of the request is not the JSON expected here: {error}."),
        )
    })
}

/// Reads sender and call of a request.
async fn read(state: &ServerState, request: Request) -> Result<Call> {
    let (parts, body) = request.into_parts();
    let (sender, origin) = sender(state, &parts).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let mut body = CallBody::parse(&body)?;
    if body.format.is_none() {
        body.format = parameter(&parts.uri, "format");
    }
    body.into_call(&sender, &origin)
}

/// Who sends a request, and from where.
async fn sender(state: &ServerState, parts: &Parts) -> Result<(Sender, Arc<Origin>)> {
    let sender = Sender::of(state, &parts.headers, &parts.uri).await?;
    let origin = RequestOrigin::identified(state, parts, &sender.identity);
    Ok((sender, origin))
}

/// The answer to a call. Failures of the system have a status of their own; those of functions have 200.
pub(super) fn answer(state: &ServerState, outcome: &Outcome, format: Format) -> Answer {
    Ok(json(StatusCode::OK, text(state, outcome, format)?))
}

fn text(state: &ServerState, outcome: &Outcome, format: Format) -> Result<String> {
    if let Err(error) = &outcome.result
        && error.is_refusal()
    {
        return Err(error.to_error());
    }
    let mut text = String::with_capacity(256);
    udf_response::write(outcome, format, state.config.redact_logs, &mut text);
    Ok(text)
}

/// `POST /api/query`
pub(super) async fn query(State(state): Shared, request: Request) -> Answer {
    let Call { call, format } = read(&state, request).await?;
    answer(&state, &state.sockets.live.query(call).await, format)
}

/// `GET /api/query?path=&args=&format=`
pub(super) async fn get_query(State(state): Shared, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let (sender, origin) = sender(&state, &parts).await?;
    let uri = &parts.uri;
    let args = parameter(uri, "args");
    let args: Option<&RawValue> = args.as_deref().map(|args| parse_json(args.as_bytes())).transpose()?;
    let body = CallBody {
        path: parameter(uri, "path").unwrap_or_default().into(),
        args,
        format: parameter(uri, "format"),
        component_path: None,
        ts: None,
    };
    let Call { call, format } = body.into_call(&sender, &origin)?;
    answer(&state, &state.sockets.live.query(call).await, format)
}

/// `POST /api/mutation`
pub(super) async fn mutation(State(state): Shared, request: Request) -> Answer {
    let Call { call, format } = read(&state, request).await?;
    let (done, outcome) = oneshot::channel();
    state.runner.submit_mutation(call, None, move |outcome| {
        // Nobody waits any more if the request was given up.
        let _ = done.send(outcome);
    });
    let outcome = outcome.await.map_err(|_| Error::internal("a mutation ended without an outcome"))?;
    answer(&state, &outcome, format)
}

/// `POST /api/action`
pub(super) async fn action(State(state): Shared, request: Request) -> Answer {
    let Call { call, format } = read(&state, request).await?;
    answer(&state, &state.runner.action(call).await, format)
}

/// `POST /api/function`: a function of any kind, internal ones too, for administrators.
pub(super) async fn function(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let sender = Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let body = CallBody::parse(&body)?;
    let origin = RequestOrigin::identified(&state, &parts, &sender.identity);
    let Call { call, format } = match body.into_call(&sender, &origin) {
        // The command line looks for the text of a function that is not there in the answer of a function.
        Err(error) if error.code() == "FunctionNotFound" => {
            return answer(&state, &Outcome::failed(&error, RequestId::new()), Format::Encoded);
        }
        call => call?,
    };
    answer(&state, &state.runner.any(call).await, format)
}

/// `POST /api/run/{module/path/function}`
pub(super) async fn run(State(state): Shared, Path(path): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let (sender, origin) = sender(&state, &parts).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let body = CallBody::parse(&body)?;
    let format = udf_response::parse_format(Some(body.format.as_deref().unwrap_or("json")), None)?;
    let path = percent_decode(&path.replace('+', "%2B"));
    let (module, function) =
        path.rsplit_once('/').filter(|(module, _)| !module.is_empty()).ok_or_else(|| {
            Error::bad_request(
                "MissingIdentifier",
                "The path names no function. Write it like /api/run/messages/list for \"messages:list\".",
            )
        })?;
    let path = FunctionPath::from_parts(module, function)?;
    let call = http_call(path, arguments(body.args)?, sender.identity).caused_by(origin);
    answer(&state, &state.runner.any(call).await, format)
}

/// `POST /api/query_ts`: a timestamp for [`query_at_ts`].
pub(super) async fn query_ts(State(state): Shared) -> Answer {
    let mut text = String::from("{\"ts\":\"");
    push_ts(state.database().pin(), &mut text);
    text.push_str("\"}");
    Ok(json(StatusCode::OK, text))
}

/// `POST /api/query_at_ts`
pub(super) async fn query_at_ts(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let (sender, origin) = sender(&state, &parts).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let mut body = CallBody::parse(&body)?;
    let ts = body.ts.take().ok_or_else(|| {
        Error::bad_request("MissingTimestamp", "The body has no \"ts\". Get one from /api/query_ts.")
    })?;
    let ts = parse_ts(&ts).map_err(|error| Error::bad_request("InvalidTimestamp", error.to_string()))?;
    let Call { call, format } = body.into_call(&sender, &origin)?;
    answer(&state, &state.runner.query(call, Some(ts)).await, format)
}

/// `POST /api/query_batch`: several queries at one timestamp.
pub(super) async fn query_batch(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let (sender, origin) = sender(&state, &parts).await?;
    let body = read_body(body, BODY_SIZE_MAX).await?;
    let body: BatchBody<'_> = parse_json(&body)?;
    let calls = body
        .queries
        .into_iter()
        .map(|query| query.into_call(&sender, &origin))
        .collect::<Result<Vec<_>>>()?;
    let ts = state.database().pin();
    let mut answers = String::from("{\"results\":[");
    for (index, Call { call, format }) in calls.into_iter().enumerate() {
        if index > 0 {
            answers.push(',');
        }
        answers.push_str(&text(&state, &state.runner.query(call, Some(ts)).await, format)?);
    }
    answers.push_str("]}");
    Ok(json(StatusCode::OK, answers))
}
