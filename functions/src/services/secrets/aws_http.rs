//! [`ReqwestClient`]: the house's HTTP client as the AWS SDK wants one, so that there is one TLS library and one
//! way to trust servers.

use aws_sdk_secretsmanager::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

/// The largest answer that is read, in bytes; a secret has at most 64 KiB.
const ANSWER_SIZE_MAX: usize = 1 << 20;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct ReqwestClient(reqwest::Client);

impl ReqwestClient {
    pub(super) const fn new(client: reqwest::Client) -> Self {
        Self(client)
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        // Bodies of this API are never streamed.
        let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
        let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
            .map_err(|error| ConnectorError::user(error.without_url().into()))?;
        let mut response = self.0.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            if body.len() + part.len() > ANSWER_SIZE_MAX {
                return Err(ConnectorError::other("the answer is too long".into(), None));
            }
            body.extend_from_slice(&part);
        }
        let status = StatusCode::try_from(status.as_u16())
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        let mut answer = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in &headers {
            if let Ok(value) = value.to_str() {
                answer.headers_mut().append(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

fn failed(error: reqwest::Error) -> ConnectorError {
    let timeout = error.is_timeout();
    let error = error.without_url().into();
    if timeout { ConnectorError::timeout(error) } else { ConnectorError::io(error) }
}

impl HttpConnector for ReqwestClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for ReqwestClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
