//! HTTP actions: a request goes in, a response comes out.

use std::sync::Arc;

use super::call::JsFunction;
use crate::Error;
use crate::function::registry::HttpHandler;

impl JsFunction {
    /// What answers requests on a route of the router that the module exports.
    pub(super) fn http_handler(self, route: String, method: String) -> HttpHandler {
        Arc::new(move |_core, _request| {
            let text = format!("HTTP actions in JavaScript are not available yet ({method} {route}).");
            Box::pin(async move { Err(Error::bad_request("NotAvailableYet", text)) })
        })
    }
}
