//! HTTP actions: a request goes in, a response comes out, and bodies stream both ways.
//!
//! The response is on its way as soon as the handler has made it; the isolate lives on until it has handed over
//! the last of the body, or nobody reads it any more.

use std::sync::Arc;

use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::call::{ActionVariables, JsFunction, Stopper, call_text, enter, leave};
use super::errors;
use super::isolate::{ScriptError, StopSignal};
use super::op::OpValue;
use super::pool::Ready;
use super::state::Phase;
use super::syscalls::action::ActionHost;
use super::web::body::BodyReader;
use crate::function::context::ActionCore;
use crate::function::http::{
    HeaderName, HeaderValue, HttpBody, HttpRequest, HttpResponse, RoutedPath, StatusCode,
};
use crate::function::registry::HttpHandler;
use crate::{Error, Result};

/// What the handler's response was, with its body.
type Made = (String, Option<BodyReader>);

impl JsFunction {
    /// What answers requests on a route of the router that the module exports.
    pub(super) fn http_handler(self, route: String, method: String) -> HttpHandler {
        Arc::new(move |core, request| {
            let answer = self.clone().answer_request(core, request, route.clone(), method.clone());
            Box::pin(answer)
        })
    }

    async fn answer_request(
        self,
        core: ActionCore,
        request: HttpRequest,
        route: String,
        method: String,
    ) -> Result<HttpResponse> {
        let timeout = self.runtime.limits().action_timeout;
        let stop = Arc::new(StopSignal::default());
        let run = self.start_run()?;
        let stopper = self.stopper(&stop, &run);
        let (parts, body) = request.into_parts();
        let routed = parts.extensions.get().map(|RoutedPath(path)| path.as_str());
        let target = routed.unwrap_or_else(|| parts.uri.path()).to_owned();
        let has_body = !matches!(parts.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let headers: Vec<(&str, String)> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes().iter().copied().map(char::from).collect()))
            .collect();
        let mut json = serde_json::json!({
            "url": parts.uri.to_string(),
            "method": parts.method.as_str(),
            "headerPairs": headers,
            "streamId": null,
        });
        let name = format!("{method} {route}");
        let host = ActionHost::new(core.clone(), name, self.runtime.tasks().clone());
        let (sender, receiver) = oneshot::channel::<Result<Made, ScriptError>>();
        let (function, signal) = (self.clone(), stop.clone());
        self.runtime.threads().run(Some(&self.wanted()), move |worker| {
            let running = run.begin();
            worker.next = Some(function.wanted());
            let mut still_good =
                |name: &str, value: &Option<String>| core.env(name).is_ok_and(|found| found == *value);
            let variables = Box::new(ActionVariables(core.clone()));
            let ready = match function.ready(worker, &mut still_good, variables, &signal) {
                Ok(ready) => ready,
                Err(error) => return drop(sender.send(Err(error))),
            };
            let ready = worker.used.insert(ready);
            enter(ready, Phase::HttpAction, Box::new(host), timeout, &signal);
            if has_body {
                let mut body = Some(body);
                ready.isolate.with_state(&mut |state| {
                    if let Some(body) = body.take() {
                        json["streamId"] = state.resources.add(reader(body)).into();
                    }
                });
            }
            let args = [function.module.clone(), target, method, json.to_string()].map(OpValue::String);
            let made =
                call_text(ready, "invokeHttpAction", args.into(), signal).map(|text| with_body(ready, text));
            let has_body = matches!(&made, Ok((_, Some(_))));
            // The waiting side may be gone.
            if sender.send(made).is_ok() && has_body {
                // If it fails midway, whoever reads the body learns of it there.
                let sent = ready.isolate.call("httpBodySent", Vec::new());
                drop(sent);
            }
            function.report_leftovers(ready, Phase::HttpAction, function.bounds(timeout));
            leave(ready);
            worker.is_over = running.end();
        })?;
        let made = stopper.wait(receiver).await;
        let (text, body) =
            made.map_err(|error| errors::function_error(&self.package, error, self.bounds(timeout)))?;
        response(&text, body, stopper, timeout)
    }
}

/// A request's body as scripts read it.
fn reader(body: HttpBody) -> BodyReader {
    BodyReader::new(body.into_data_stream().map(|piece| piece.map_err(|error| error.to_string())))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseJson {
    status: u16,
    header_pairs: Vec<(String, String)>,
    stream_id: Option<u32>,
}

/// Takes the body that a response names out of the isolate.
fn with_body(ready: &mut Ready, text: String) -> Made {
    let number = serde_json::from_str::<ResponseJson>(&text).ok().and_then(|response| response.stream_id);
    let mut body = None;
    if let Some(number) = number {
        ready.isolate.with_state(&mut |state| body = state.resources.take::<BodyReader>(number));
    }
    (text, body)
}

fn response(
    text: &str,
    body: Option<BodyReader>,
    stopper: Stopper,
    timeout: std::time::Duration,
) -> Result<HttpResponse> {
    let invalid =
        |what: String| Error::function(format!("The response of the HTTP action is not valid: {what}"));
    let json: ResponseJson = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let body = match body {
        None => HttpBody::empty(),
        Some(reader) => {
            // When nobody reads on, the script is stopped; nor may it take for ever.
            let end = tokio::time::sleep(timeout);
            let stream = reader.into_stream().take_until(end).inspect(move |_| {
                let _held = &stopper;
            });
            HttpBody::from_stream(stream.then(|piece| async {
                if piece.is_err() {
                    // The connection is closed with the error, and what is buffered is dropped; it is sent whenever the
                    // body has nothing ready.
                    tokio::task::yield_now().await;
                }
                piece.map_err(std::io::Error::other)
            }))
        }
    };
    let mut response = HttpResponse::new(body);
    *response.status_mut() = StatusCode::from_u16(json.status).map_err(|error| invalid(error.to_string()))?;
    for (name, value) in json.header_pairs {
        let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
        let name = HeaderName::try_from(name.as_str()).map_err(|error| invalid(error.to_string()))?;
        let value = HeaderValue::from_bytes(&bytes).map_err(|error| invalid(error.to_string()))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
