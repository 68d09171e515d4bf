//! What anybody may ask without credentials: version, name, echo, metrics.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::errors::ApiError;
use super::request::read_body;
use super::state::ServerState;
use crate::error::Error;
use crate::function::metrics::LATENCY_BUCKETS_US;

/// The largest body that `/echo` gives back, in bytes.
pub(super) const ECHO_SIZE_MAX: usize = 128 << 20;

type Shared = State<Arc<ServerState>>;

/// `GET /`: the sentence of the original server, by which tools recognise a deployment; a browser is sent to where there
/// is something to see.
pub(super) async fn root(State(state): Shared, headers: HeaderMap) -> Response {
    let is_browser = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    match state.config.home {
        Some(home) if is_browser => Redirect::temporary(home).into_response(),
        _ => "This Convex deployment is running. See https://docs.convex.dev/.".into_response(),
    }
}

/// `GET /version` and `/instance_version`
pub(super) async fn version(State(state): Shared) -> String {
    state.config.version.clone()
}

/// `GET /instance_name`
pub(super) async fn instance_name(State(state): Shared) -> String {
    state.authenticator.admin_keys().instance_name().to_owned()
}

/// `POST /echo`
pub(super) async fn echo(request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, ECHO_SIZE_MAX).await?;
    let mut response = Response::new(Body::from(body));
    if let Some(content_type) = parts.headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    }
    Ok(response)
}

/// `GET /metrics`: Prometheus text.
pub(super) async fn metrics(State(state): Shared) -> Result<Response, ApiError> {
    if !state.config.has_metrics {
        return Err(Error::not_found("MetricsDisabled", "Metrics are switched off on this server.").into());
    }
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, content_type)], metrics_text(&state)).into_response())
}

fn metrics_text(state: &ServerState) -> String {
    let mut out = String::new();
    let mut functions = state.runner.metrics().all();
    functions.sort_by(|a, b| a.0.cmp(&b.0));
    // Paths of routes may have any character.
    let functions: Vec<_> =
        functions.into_iter().map(|(path, metrics)| (escaped(&path.to_string()), metrics)).collect();
    let counters: [(&str, &str, Counter); 3] = [
        ("calls", "Runs of a function, re-runs not counted.", |metrics| &metrics.calls),
        ("errors", "Runs that ended in an error.", |metrics| &metrics.errors),
        ("cache_hits", "Calls answered without a run.", |metrics| &metrics.cache_hits),
    ];
    for (name, help, counter) in counters {
        describe(&mut out, &format!("fusion_function_{name}_total"), "counter", help);
        for (path, metrics) in &functions {
            let value = counter(metrics).load(Ordering::Relaxed);
            let _ = writeln!(out, "fusion_function_{name}_total{{function=\"{path}\"}} {value}");
        }
    }
    let name = "fusion_function_seconds";
    describe(&mut out, name, "histogram", "Time of one run.");
    for (path, metrics) in &functions {
        let mut count = 0;
        for (bucket, bound) in metrics.latency.iter().zip(LATENCY_BUCKETS_US.iter().map(Some).chain([None])) {
            count += bucket.load(Ordering::Relaxed);
            let bound = bound.map_or("+Inf".to_owned(), |us| (*us as f64 / 1e6).to_string());
            let _ = writeln!(out, "{name}_bucket{{function=\"{path}\",le=\"{bound}\"}} {count}");
        }
        let sum = metrics.latency_total_us.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_sum{{function=\"{path}\"}} {sum}");
        let _ = writeln!(out, "{name}_count{{function=\"{path}\"}} {count}");
    }
    let help = "Runs that lost against a concurrent transaction and were repeated.";
    describe(&mut out, "fusion_function_reruns_total", "counter", help);
    let _ = writeln!(out, "fusion_function_reruns_total {}", state.runner.metrics().reruns());
    for (counter, parts) in state.runner.metrics().app().all() {
        let name = counter.name;
        describe(&mut out, name, "counter", counter.help);
        for part in parts {
            let _ = writeln!(out, "{name}{{{}=\"{}\"}} {}", counter.label, escaped(&part.value), part.count);
        }
    }
    let commits = state.database().commit_metrics();
    for (name, help, value) in [
        ("commits", "Transactions that were given their place in the order.", &commits.commits),
        ("commit_batches", "Batches of transactions that were made durable together.", &commits.batches),
        ("commit_conflicts", "Transactions that lost against another one.", &commits.conflicts),
        ("head_leases", "Transactions that ran while nobody else could commit.", &commits.leases),
    ] {
        describe(&mut out, &format!("fusion_{name}_total"), "counter", help);
        let _ = writeln!(out, "fusion_{name}_total {}", value.load(Ordering::Relaxed));
    }
    let live = state.sockets.live.counts();
    gauge(&mut out, "fusion_live_queries", "Live queries, unused results included.", live.queries as f64);
    gauge(&mut out, "fusion_subscriptions", "Queries that sockets show.", live.subscriptions as f64);
    gauge(&mut out, "fusion_cached_result_bytes", "Bytes of unused results.", live.cached_bytes as f64);
    let open = state.sockets.open.load(Ordering::Relaxed);
    gauge(&mut out, "fusion_sockets_open", "WebSockets that are open.", open as f64);
    if let Some(bytes) = resident_bytes() {
        gauge(&mut out, "process_resident_memory_bytes", "Memory of the process.", bytes as f64);
    }
    out
}

type Counter = fn(&crate::function::metrics::FunctionMetrics) -> &std::sync::atomic::AtomicU64;

/// A label's value as Prometheus reads it.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn describe(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn gauge(out: &mut String, name: &str, help: &str, value: f64) {
    describe(out, name, "gauge", help);
    let _ = writeln!(out, "{name} {value}");
}

/// The memory of this process, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
