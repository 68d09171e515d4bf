//! The running deployment that client commands talk to: which one, and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use clap::Args;
use reqwest::Url;
use serde_json::{Value as Json, json};

use crate::dotenv;
use crate::failure::{Failure, Result};
use crate::serve::options::data_folder;

/// The longest a request may take: functions may run for minutes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest a download may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
/// What the variables are called in the environment and in `.env` files.
const URL_VARIABLE: &str = "CONVEX_SELF_HOSTED_URL";
const ADMIN_KEY_VARIABLE: &str = "CONVEX_SELF_HOSTED_ADMIN_KEY";
/// The file in the data folder in which a running server says where it is.
pub(crate) const RUNNING_FILE: &str = "running.json";

/// Which deployment a client command talks to. Without options: the one named in `.env.local` or `.env`, or the one
/// that runs on the data folder.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// URL of the deployment.
    #[arg(long, value_name = "URL", env = URL_VARIABLE, hide_env_values = true, help_heading = "Deployment")]
    pub(crate) url: Option<String>,

    /// Admin key of the deployment.
    #[arg(long, value_name = "KEY", env = ADMIN_KEY_VARIABLE, hide_env_values = true, help_heading = "Deployment")]
    pub(crate) admin_key: Option<String>,

    /// File with the URL and the admin key, to read instead of `.env.local` and `.env`.
    #[arg(long, value_name = "PATH", help_heading = "Deployment")]
    pub(crate) env_file: Option<PathBuf>,

    /// Folder of a server that runs on this machine, to find its URL and admin key.
    #[arg(
        long,
        value_name = "FOLDER",
        env = "DATA_DIR", hide_env_values = true,
        default_value = ".fusion",
        value_parser = data_folder,
        help_heading = "Deployment"
    )]
    pub(crate) data_dir: PathBuf,
}

/// A deployment to talk to.
#[derive(Clone)]
pub(crate) struct Deployment {
    url: Url,
    admin_key: String,
    http: reqwest::Client,
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) struct RequestError {
    /// The status of the answer, if there was one.
    pub(crate) status: Option<reqwest::StatusCode>,
    /// The code in the answer.
    pub(crate) code: Option<String>,
    /// What to tell.
    pub(crate) failure: Failure,
}

impl From<Failure> for RequestError {
    fn from(failure: Failure) -> Self {
        Self { status: None, code: None, failure }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        error.failure
    }
}

impl Target {
    /// Finds the deployment. Nothing is sent yet.
    pub(crate) fn deployment(&self) -> Result<Deployment> {
        let (url, admin_key) = self.find()?;
        Deployment::new(&url, admin_key)
    }
    fn find(&self) -> Result<(String, String)> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let (mut url, mut admin_key) = (given(&self.url), given(&self.admin_key));
        let files = match &self.env_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
                // What is in a file that was named counts more than the process environment.
                let variables = dotenv::parse(&text);
                let value = |name: &str| Some(variables.iter().find(|(known, _)| known == name)?.1.clone());
                return match (value(URL_VARIABLE), value(ADMIN_KEY_VARIABLE)) {
                    (Some(url), Some(admin_key)) => Ok((url, admin_key)),
                    _ => Err(Failure::new(format!(
                        "{} does not set both {URL_VARIABLE} and {ADMIN_KEY_VARIABLE}",
                        file.display()
                    ))
                    .hint("add them, or pass --url URL --admin-key KEY")),
                };
            }
            None => [".env.local", ".env"],
        };
        for file in files {
            if url.is_some() && admin_key.is_some() {
                break;
            }
            // A missing file says nothing.
            for (name, value) in dotenv::parse(&std::fs::read_to_string(file).unwrap_or_default()) {
                match name.as_str() {
                    URL_VARIABLE if url.is_none() => url = Some(value),
                    ADMIN_KEY_VARIABLE if admin_key.is_none() => admin_key = Some(value),
                    _ => {}
                }
            }
        }
        if url.is_none() || admin_key.is_none() {
            let running = read_running_file(&self.data_dir.join(RUNNING_FILE));
            // The key of the running server is not for another one.
            if let Some((running_url, running_key)) = running
                && url.as_ref().is_none_or(|url| url.trim_end_matches('/') == running_url)
            {
                url = Some(running_url);
                admin_key.get_or_insert(running_key);
            }
        }
        match (url, admin_key) {
            (Some(url), Some(admin_key)) => Ok((url, admin_key)),
            (None, _) => Err(Failure::new("no deployment was named, and no server runs on the data folder")
                .hint("start one with `fusion dev`, or pass --url URL --admin-key KEY")),
            (Some(url), None) => Err(Failure::new(format!("the admin key of {url} is missing"))
                .hint("pass --admin-key KEY; the key is what `fusion keygen admin-key` prints on the server's machine")),
        }
    }
}

/// URL and admin key of the server that runs on a data folder.
pub(crate) fn read_running_file(path: &Path) -> Option<(String, String)> {
    let running: Json = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let text = |name: &str| running.get(name)?.as_str().map(str::to_owned);
    Some((text("url")?, text("adminKey")?))
}

impl Deployment {
    /// The deployment at a URL.
    pub(crate) fn new(url: &str, admin_key: String) -> Result<Self> {
        let url =
            Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(|| {
                Failure::usage(format!("{url:?} is not the URL of a deployment"))
                    .hint("pass it like this: --url http://127.0.0.1:3210")
            })?;
        let http = fusion_runtime::http_client::build(|builder| builder.timeout(REQUEST_TIMEOUT))?;
        Ok(Self { url, admin_key, http })
    }

    /// Runs a query of the server itself (`_system/cli/…`) and returns its value in encoded JSON.
    pub(crate) async fn system_query(&self, path: &str, args: Json) -> Result<Json> {
        let body = json!({"path": path, "args": args, "format": "convex_encoded_json"});
        function_result(self.post("/api/query", &body, None).await?)
    }

    /// As [`Deployment::system_query`], inside a component.
    pub(crate) async fn system_query_in(&self, component: &str, path: &str, args: Json) -> Result<Json> {
        if component.is_empty() {
            return self.system_query(path, args).await;
        }
        self.call(path, &args, Some(component), None).await?.1
    }

    /// Runs any function and returns its value in encoded JSON, with its log lines.
    pub(crate) async fn call(
        &self,
        path: &str,
        args: &Json,
        component: Option<&str>,
        identity: Option<&Json>,
    ) -> Result<(Vec<String>, Result<Json>)> {
        let mut body = json!({"path": path, "args": args, "format": "convex_encoded_json"});
        if let Some(component) = component {
            body["componentPath"] = json!(component);
        }
        let response = self.post("/api/function", &body, identity).await?;
        Ok((log_lines(&response), function_result(response)))
    }

    /// Runs a query that comes with its code, the module `source`, and returns its log lines and its value in encoded
    /// JSON.
    pub(crate) async fn inline_query(
        &self,
        source: &str,
        component: Option<&str>,
    ) -> Result<(Vec<String>, Result<Json>)> {
        let body = json!({
            "args": {}, "bundle": {"path": "testQuery.js", "source": source}, "format": "convex_encoded_json",
            "componentId": component,
        });
        let response = self.post("/api/run_test_function", &body, None).await?;
        Ok((log_lines(&response), function_result(response)))
    }

    /// Sends JSON and returns the JSON of the answer; `null` if it is empty.
    pub(crate) async fn post(&self, endpoint: &str, body: &Json, identity: Option<&Json>) -> Result<Json> {
        let request = self.request(reqwest::Method::POST, endpoint, identity)?.json(body);
        Ok(self.answer(endpoint, request).await?)
    }

    /// Sends JSON that is in bytes already, maybe in an encoding such as `br`.
    pub(crate) async fn send(
        &self,
        endpoint: &str,
        body: Vec<u8>,
        encoding: Option<&'static str>,
    ) -> Result<Json, RequestError> {
        let mut request = self
            .request(reqwest::Method::POST, endpoint, None)?
            .header("Content-Type", "application/json")
            .body(body);
        if let Some(encoding) = encoding {
            request = request.header("Content-Encoding", encoding);
        }
        self.answer(endpoint, request).await
    }

    fn request(
        &self,
        method: reqwest::Method,
        endpoint: &str,
        identity: Option<&Json>,
    ) -> Result<reqwest::RequestBuilder> {
        let acting_as = identity.map(|identity| {
            format!(":{}", base64::engine::general_purpose::STANDARD.encode(identity.to_string()))
        });
        let authorization = format!("Convex {}{}", self.admin_key, acting_as.unwrap_or_default());
        Ok(self
            .http
            .request(method, self.endpoint(endpoint)?)
            .header("Authorization", authorization)
            .header("Convex-Client", concat!("fusion-cli-", env!("CARGO_PKG_VERSION"))))
    }

    async fn answer(&self, endpoint: &str, request: reqwest::RequestBuilder) -> Result<Json, RequestError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        if !status.is_success() {
            let body: Json = serde_json::from_str(&text).unwrap_or_default();
            let code = body.get("code").and_then(Json::as_str).map(str::to_owned);
            return Err(RequestError { status: Some(status), code, failure: self.refused(status, &text) });
        }
        if text.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_str(&text).map_err(|_| {
            Failure::new(format!("{} answered {endpoint} with something that is not JSON", self.url)).into()
        })
    }

    /// Where the deployment is.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The key that allows everything.
    pub(crate) fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// The URL of a WebSocket.
    pub(crate) fn socket_url(&self, endpoint: &str) -> Result<String> {
        let url = self.endpoint(endpoint)?;
        // `http` becomes `ws`, and `https` becomes `wss`.
        Ok(url.as_str().replacen("http", "ws", 1))
    }

    fn endpoint(&self, endpoint: &str) -> Result<Url> {
        self.url.join(endpoint).map_err(|error| Failure::usage(format!("{}: {error}", self.url)))
    }

    /// Sends bytes and returns the JSON of the answer.
    pub(crate) async fn upload(&self, endpoint: &str, query: &[(&str, &str)], body: Vec<u8>) -> Result<Json> {
        let mut url = self.endpoint(endpoint)?;
        url.query_pairs_mut().extend_pairs(query);
        let request = self
            .request(reqwest::Method::POST, url.as_str(), None)?
            .header("Content-Type", "application/octet-stream")
            .body(body);
        Ok(self.answer(endpoint, request).await?)
    }

    /// Asks for JSON.
    pub(crate) async fn get(&self, endpoint: &str) -> Result<Json> {
        let request = self.request(reqwest::Method::GET, endpoint, None)?;
        Ok(self.answer(endpoint, request).await?)
    }

    /// Asks for a content of any length, which may take any time.
    pub(crate) async fn download(&self, endpoint: &str) -> Result<reqwest::Response> {
        let request = self.request(reqwest::Method::GET, endpoint, None)?.timeout(DOWNLOAD_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        Err(self.refused(status, &response.text().await.unwrap_or_default()))
    }

    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            return Failure::new(format!("no server answers at {}", self.url))
                .hint("start one with `fusion dev`, or pass the right --url");
        }
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        Failure::new(reason)
    }

    fn refused(&self, status: reqwest::StatusCode, text: &str) -> Failure {
        let body: Json = serde_json::from_str(text).unwrap_or_default();
        let field = |name: &str| body.get(name).and_then(Json::as_str);
        let failure = match (field("code"), field("message")) {
            (Some(code), Some(message)) => Failure::new(format!("{message} ({code})")),
            _ => Failure::new(format!("{} answered {status}", self.url)),
        };
        if field("code") == Some("BadDeployKey") {
            return failure.hint(
                "pass the key that `fusion keygen admin-key` prints on the server's machine: --admin-key KEY",
            );
        }
        failure
    }
}

/// What a function printed.
fn log_lines(response: &Json) -> Vec<String> {
    let lines = response.get("logLines").and_then(Json::as_array).into_iter().flatten();
    lines.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The value of a function's response, or the error it failed with.
fn function_result(mut response: Json) -> Result<Json> {
    match response.get("status").and_then(Json::as_str) {
        Some("success") => Ok(response.get_mut("value").map(Json::take).unwrap_or_default()),
        Some("error") => {
            let message =
                response.get("errorMessage").and_then(Json::as_str).unwrap_or("the function failed");
            let failure = Failure::new(message);
            let asked = message.contains("Could not find function");
            Err(match (asked, message.contains(" in the component '")) {
                (true, false) => failure.hint("fusion function-spec lists the functions there are"),
                (true, true) => failure.hint(
                    "fusion data names the components; fusion function-spec --component PATH lists the functions of one",
                ),
                _ if message.contains("There is no component") => failure.hint("fusion data names the components"),
                _ => failure,
            })
        }
        _ => Err(Failure::new("the server's answer is not that of a function")),
    }
}
