//! Every route in one table.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::errors::{self, ApiError};
use super::state::ServerState;
use super::unread::read_to_end;
use super::{
    admin, api, app_metrics, dashboard, deploy, dev_issuer, export, health, http_actions, import,
    inline_query, log_streams, logs, openapi, platform, storage, streaming_export, sync, test_clock,
};
use crate::error::Error;

/// How long browsers may remember what a route allows.
const CORS_MAX_AGE: Duration = Duration::from_secs(86_400);

/// The main listener's routes.
pub fn router(state: Arc<ServerState>) -> Router {
    let api = Router::new()
        // Function calls.
        .route("/api/query", post(api::query).get(api::get_query))
        .route("/api/mutation", post(api::mutation))
        .route("/api/action", post(api::action))
        .route("/api/function", post(api::function))
        .route("/api/run/{*path}", post(api::run))
        .route("/api/run_test_function", post(inline_query::run))
        .route("/api/query_ts", post(api::query_ts))
        .route("/api/query_at_ts", post(api::query_at_ts))
        .route("/api/query_batch", post(api::query_batch))
        // The sync protocol.
        .route("/api/sync", get(sync::without_version))
        .route("/api/{version}/sync", get(sync::with_version))
        // Files.
        .route("/api/storage/upload", post(storage::upload))
        .route("/api/storage/{id}", get(storage::download))
        // Administration.
        .route("/api/check_admin_key", get(admin::check_admin_key))
        .route("/api/update_environment_variables", post(admin::update_environment_variables))
        .route("/api/v1/update_environment_variables", post(admin::update_environment_variables))
        .route("/api/v1/list_environment_variables", get(admin::list_environment_variables))
        .route("/api/v1/get_canonical_urls", get(admin::get_canonical_urls))
        .route("/api/v1/deployment_info", get(admin::deployment_info))
        .route("/api/v1/update_canonical_url", post(dashboard::update_canonical_url))
        .route("/api/v1/pause_deployment", post(platform::pause))
        .route("/api/v1/unpause_deployment", post(platform::unpause))
        .route("/api/v1/openapi.json", get(openapi::v1))
        .route("/api/v1/list_usage_limits", get(platform::list_usage_limits))
        .route("/api/v1/get_current_usage", get(platform::get_current_usage))
        .route("/api/v1/create_usage_limit", post(platform::no_usage_limits))
        .route("/api/v1/update_usage_limit/{id}", post(platform::no_usage_limits))
        .route("/api/v1/delete_usage_limit/{id}", post(platform::no_usage_limits))
        .route("/api/v1/data/sync", post(platform::no_data_sync))
        .route("/api/v1/data/list_active_syncs", get(platform::list_active_syncs))
        .route("/api/v1/list_log_streams", get(log_streams::list))
        .route("/api/v1/get_log_stream/{id}", get(log_streams::get))
        .route("/api/v1/create_log_stream", post(log_streams::create))
        .route("/api/v1/update_log_stream/{id}", post(log_streams::update))
        .route("/api/v1/rotate_webhook_secret/{id}", post(log_streams::rotate_secret))
        .route("/api/v1/delete_log_stream/{id}", post(log_streams::delete))
        .route("/api/v1/list_audit_log_events", get(platform::list_audit_log_events))
        // The log of functions.
        .route("/api/stream_function_logs", get(logs::stream_function_logs))
        .route("/api/stream_udf_execution", get(logs::stream_udf_execution))
        .route("/api/app_metrics/stream_function_logs", get(logs::stream_function_logs))
        .route("/api/app_metrics/stream_udf_execution", get(logs::stream_udf_execution))
        // The last hour in charts.
        .route("/api/app_metrics/udf_rate", get(app_metrics::udf_rate))
        .route("/api/app_metrics/cache_hit_percentage", get(app_metrics::cache_hit_percentage))
        .route("/api/app_metrics/latency_percentiles", get(app_metrics::latency_percentiles))
        .route("/api/app_metrics/table_rate", get(app_metrics::table_rate))
        .route("/api/app_metrics/function_call_count_top_k", get(app_metrics::function_call_count_top_k))
        .route("/api/app_metrics/failure_percentage_top_k", get(app_metrics::failure_percentage_top_k))
        .route("/api/app_metrics/cache_hit_percentage_top_k", get(app_metrics::cache_hit_percentage_top_k))
        .route(
            "/api/app_metrics/subscription_invalidations_top_k",
            get(app_metrics::subscription_invalidations_top_k),
        )
        .route("/api/app_metrics/scheduled_job_lag", get(app_metrics::scheduled_job_lag))
        .route("/api/app_metrics/function_concurrency", get(app_metrics::function_concurrency))
        // The data and settings pages of dashboards.
        .route("/api/shapes2", get(dashboard::shapes2))
        .route("/api/get_indexes", get(dashboard::get_indexes))
        .route("/api/get_source_code", get(dashboard::get_source_code))
        .route("/api/delete_tables", post(dashboard::delete_tables))
        .route("/api/delete_component", post(dashboard::delete_component))
        .route("/api/cancel_job", post(dashboard::cancel_job))
        .route("/api/cancel_all_jobs", post(dashboard::cancel_all_jobs))
        .route("/api/delete_scheduled_functions_table", post(dashboard::delete_scheduled_functions_table))
        .route("/api/update_canonical_url", post(dashboard::update_canonical_url))
        // Imports and exports.
        .route("/api/import", post(import::import))
        .route("/api/import/start_upload", post(import::start_upload))
        .route("/api/import/upload_part", post(import::upload_part))
        .route("/api/import/finish_upload", post(import::finish_upload))
        .route("/api/perform_import", post(import::perform))
        .route("/api/cancel_import", post(import::cancel))
        .route("/api/export/request/zip", post(export::request))
        .route("/api/export/zip/{id}", get(export::download))
        .route("/api/export/table/{name}", get(export::table))
        .route("/api/export/set_expiration/{id}", post(export::set_expiration))
        .route("/api/export/cancel/{id}", post(export::cancel))
        // What data connectors read.
        .route(
            "/api/list_snapshot",
            get(streaming_export::list_snapshot).post(streaming_export::list_snapshot),
        )
        .route(
            "/api/document_deltas",
            get(streaming_export::document_deltas).post(streaming_export::document_deltas),
        )
        .route("/api/json_schemas", get(streaming_export::json_schemas))
        .route("/api/get_table_column_names", get(streaming_export::get_table_column_names))
        .route("/api/test_streaming_export_connection", get(streaming_export::test_connection))
        // Pushes.
        .route("/api/get_config_hashes", post(deploy::get_config_hashes))
        .route("/api/deploy2/start_push", post(deploy::start_push))
        .route("/api/deploy2/evaluate_push", post(deploy::evaluate_push))
        .route("/api/deploy2/evaluate_schema", post(deploy::evaluate_schema))
        .route("/api/deploy2/wait_for_schema", post(deploy::wait_for_schema))
        .route("/api/deploy2/finish_push", post(deploy::finish_push))
        .route("/api/deploy2/report_push_completed", post(deploy::report_push_completed))
        // Time, where tests are to set it.
        .route("/api/test_clock", post(test_clock::advance))
        // Health.
        .route("/", get(health::root))
        .route("/version", get(health::version))
        .route("/instance_version", get(health::version))
        .route("/instance_name", get(health::instance_name))
        .route("/echo", post(health::echo))
        .route("/metrics", get(health::metrics));
    // An issuer without a path has its own keys there.
    let has_root_issuer =
        state.config.dev_issuer.as_ref().is_some_and(|issuer| issuer_path(issuer.issuer()).is_empty());
    let api =
        if has_root_issuer { api } else { api.route("/.well-known/jwks.json", get(admin::signing_keys)) };
    let api = match &state.config.dev_issuer {
        Some(issuer) => {
            let base = issuer_path(issuer.issuer());
            api.route(&format!("{base}/.well-known/openid-configuration"), get(dev_issuer::discovery))
                .route(&format!("{base}/.well-known/jwks.json"), get(dev_issuer::jwks))
                .route(&format!("{base}/token"), get(dev_issuer::token).post(dev_issuer::token))
        }
        None => api,
    };
    let api = api
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), bound))
        .layer(cors());
    // No CORS and no limits of the API for the user's own routes.
    let actions = Router::new()
        .route("/http", any(http_actions::on_main))
        .route("/http/", any(http_actions::on_main))
        .route("/http/{*path}", any(http_actions::on_main));
    // Handlers limit bodies themselves, each as its route needs.
    api.merge(actions).layer(DefaultBodyLimit::disable()).layer(from_fn(read_to_end)).with_state(state)
}

/// The site listener's routes: everything is an HTTP action.
pub fn site_router(state: Arc<ServerState>) -> Router {
    let actions = Router::new().fallback(http_actions::on_site);
    actions.layer(DefaultBodyLimit::disable()).layer(from_fn(read_to_end)).with_state(state)
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(true)
        .allow_headers(AllowHeaders::mirror_request())
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::OPTIONS,
            Method::PATCH,
            Method::DELETE,
            Method::PUT,
        ])
        .max_age(CORS_MAX_AGE)
}

/// Bounds the number of requests served at once and the time of each.
async fn bound(
    State(state): State<Arc<ServerState>>,
    request: Request<Body>,
    next: Next,
) -> Result<Response, ApiError> {
    let Ok(_place) = state.requests.try_acquire() else {
        return Err(Error::overloaded(
            "TooManyConcurrentRequests",
            format!(
                "Too many concurrent requests: this server takes {} at once. Try again later.",
                state.limits().concurrent_http_requests_max
            ),
        )
        .into());
    };
    tokio::time::timeout(state.limits().http_timeout, next.run(request)).await.map_err(|_| {
        let seconds = state.limits().http_timeout.as_secs();
        Error::overloaded("SystemTimeoutError", format!("The request took longer than {seconds} s.")).into()
    })
}

async fn no_route(uri: Uri) -> Response {
    errors::response(&Error::not_found("NoSuchRoute", format!("There is nothing at '{}' here.", uri.path())))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let error = Error::bad_request(
        "MethodNotAllowed",
        format!("'{}' cannot be requested with {method}.", uri.path()),
    );
    let mut response = errors::response(&error);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// The path in the issuer's URL, without a slash at the end.
fn issuer_path(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.find('/').map_or("", |slash| rest[slash..].trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_mounted_where_its_url_says() {
        for (issuer, path) in [
            ("http://127.0.0.1:3210/dev", "/dev"),
            ("http://127.0.0.1:3210", ""),
            ("http://127.0.0.1:3210/", ""),
            ("http://h/a/b/", "/a/b"),
        ] {
            assert_eq!(issuer_path(issuer), path);
        }
    }
}
