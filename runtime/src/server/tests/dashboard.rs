//! Endpoints of dashboards over HTTP: tables, jobs, charts.

use fusion_schema::object;
use serde_json::{Value as Json, json};

use crate::database::CommitExtras;
use crate::database::ComponentId;
use crate::server::testing::TestServer;

impl TestServer {
    pub(super) async fn asked(&self, request: reqwest::RequestBuilder) -> (u16, Json) {
        let response =
            request.header("Authorization", format!("Convex {}", self.admin_key)).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    pub(super) async fn get_json(&self, path: &str) -> (u16, Json) {
        self.asked(reqwest::Client::new().get(format!("{}{path}", self.url))).await
    }

    pub(super) async fn post_json(&self, path: &str, body: &Json) -> (u16, Json) {
        self.asked(reqwest::Client::new().post(format!("{}{path}", self.url)).body(body.to_string())).await
    }

    pub(super) async fn run_as_admin(&self, path: &str, args: Json) -> Json {
        let (status, answer) = self.post_json("/api/function", &json!({"path": path, "args": args})).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer["value"].clone()
    }

    /// A chart of the last ten minutes in ten buckets.
    pub(super) async fn chart(&self, path: &str) -> Json {
        let now = self.state.clock().unix_ms() as u64 / 1000;
        let time = |secs: u64| json!({"secs_since_epoch": secs, "nanos_since_epoch": 0});
        let window = json!({"start": time(now - 540), "end": time(now + 60), "num_buckets": 10}).to_string();
        let window: String = window.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let separator = if path.contains('?') { '&' } else { '?' };
        let (status, answer) =
            self.get_json(&format!("/api/app_metrics/{path}{separator}window={window}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }
}

/// The sum of the values of a series, which must have ten of them.
fn sum(series: &Json) -> f64 {
    let points = series.as_array().unwrap();
    assert_eq!(points.len(), 10, "{series}");
    points.iter().filter_map(|point| point[1].as_f64()).sum()
}

#[tokio::test]
async fn tables_outside_the_schema_are_deleted() {
    let server = TestServer::start().await;
    server.state.database().adopt_schema(server.state.runner.registry().schema()).unwrap();
    let database = server.state.database();
    let mut tx = database.begin_mutation();
    tx.insert("loose", object! {"n" => 1.0}).unwrap();
    tx.insert("messages", object! {"body" => "x"}).unwrap();
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();

    let (_, shapes) = server.get_json("/api/shapes2?component=").await;
    assert_eq!(shapes["loose"], json!({"type": "Unknown"}));
    assert_eq!(shapes["messages"]["fields"][1]["shape"], json!({"type": "Id", "tableName": "messages"}));
    assert_eq!(
        shapes["messages"]["fields"][2],
        json!({"fieldName": "body", "optional": false, "shape": {"type": "String"}})
    );
    let (_, indexes) = server.get_json("/api/get_indexes?componentId=null").await;
    assert_eq!(indexes, json!({"indexes": []}));

    let delete = |names: Json| json!({"tableNames": names, "componentId": null});
    for (names, status) in
        [(json!(["messages"]), 400), (json!(["none"]), 404), (json!(["_storage"]), 404), (json!(1), 400)]
    {
        let (found, answer) = server.post_json("/api/delete_tables", &delete(names)).await;
        assert_eq!(found, status, "{answer}");
    }
    assert_eq!(server.post_json("/api/delete_tables", &delete(json!(["loose"]))).await.0, 200);
    let mapping = server.run_as_admin("_system/frontend/getTableMapping", json!({})).await;
    let names: Vec<&str> = mapping.as_object().unwrap().values().filter_map(Json::as_str).collect();
    assert!(!names.contains(&"loose") && names.contains(&"messages"), "{mapping}");
    let events = server
        .run_as_admin("_system/frontend/listDeploymentEventsFromTime", json!({"fromTimestamp": 0}))
        .await;
    assert_eq!(
        (&events[0]["action"], &events[0]["metadata"]["table_names"]),
        (&json!("delete_tables"), &json!(["loose"]))
    );
}

#[tokio::test]
async fn jobs_are_canceled_and_forgotten() {
    let server = TestServer::start().await;
    let runner = &server.state.runner;
    let path = |text: &str| crate::function::FunctionPath::parse(text).unwrap();
    let far = server.state.clock().unix_ms() + 1e9;
    let mut ids = Vec::new();
    for (name, body) in
        [("messages:send", "a"), ("messages:send", "b"), ("messages:large", "c"), ("messages:send", "d")]
    {
        ids.push(
            runner
                .schedule(ComponentId::ROOT, path(name), object! { "body" => body }, far, None)
                .await
                .unwrap()
                .to_string(),
        );
    }
    let waiting = || async {
        let args = json!({"paginationOpts": {"numItems": 10, "cursor": null}});
        let page = server.run_as_admin("_system/frontend/paginatedScheduledJobs", args).await;
        page["page"].as_array().unwrap().len()
    };
    assert_eq!(waiting().await, 4);
    assert_eq!(server.post_json("/api/cancel_job", &json!({"id": ids[0], "componentId": null})).await.0, 200);
    assert_eq!(server.post_json("/api/cancel_job", &json!({"id": "x"})).await.0, 400);
    assert_eq!(waiting().await, 3);
    let early = json!({"endNextTs": 1e15, "udfPath": "messages.js:send"});
    assert_eq!(server.post_json("/api/cancel_all_jobs", &early).await.0, 200);
    assert_eq!(waiting().await, 3);
    assert_eq!(server.post_json("/api/cancel_all_jobs", &json!({"udfPath": "messages:large"})).await.0, 200);
    assert_eq!(waiting().await, 2);
    assert_eq!(server.post_json("/api/cancel_all_jobs", &json!({"startNextTs": "no"})).await.0, 400);
    assert_eq!(server.post_json("/api/cancel_all_jobs", &json!({"componentId": "other"})).await.0, 404);
    assert_eq!(server.post_json("/api/cancel_all_jobs", &json!({"startNextTs": "1"})).await.0, 200);
    assert_eq!(waiting().await, 0);
    assert_eq!(server.post_json("/api/delete_scheduled_functions_table", &json!({})).await.0, 200);
    let size =
        server.run_as_admin("_system/frontend/tableSize", json!({"tableName": "_scheduled_functions"})).await;
    assert_eq!(size, 0.0);
}

#[tokio::test]
async fn charts_show_what_was_called() {
    let server = TestServer::start().await;
    for body in ["a", "b"] {
        server.run_as_admin("messages:send", json!({ "body": body })).await;
    }
    server.post_json("/api/mutation", &json!({"path": "messages:fail", "args": {}})).await;
    for _ in 0..3 {
        server.post_json("/api/query", &json!({"path": "messages:list", "args": {}})).await;
    }
    let of =
        |function: &str, metric: &str| format!("udf_rate?path={function}&udfType=Mutation&metric={metric}");
    assert_eq!(sum(&server.chart(&of("messages.js:send", "invocations")).await), 2.0);
    assert_eq!(sum(&server.chart(&of("messages:fail", "errors")).await), 1.0);
    assert_eq!(sum(&server.chart(&of("messages:never", "errors")).await), 0.0);
    let list = |metric: &str| of("messages:list", metric);
    let (hits, misses) = (server.chart(&list("cacheHits")).await, server.chart(&list("cacheMisses")).await);
    assert_eq!(sum(&hits) + sum(&misses), 3.0);
    assert_eq!(sum(&server.chart(&list("invocations")).await), 3.0);
    let table = |metric: &str| format!("table_rate?name=messages&metric={metric}");
    assert_eq!(sum(&server.chart(&table("rowsWritten")).await), 2.0);
    assert_eq!(sum(&server.chart(&table("rowsRead")).await), 2.0 * sum(&misses));
    let percentiles =
        server.chart("latency_percentiles?path=messages:send&udfType=Mutation&percentiles=[50,99]").await;
    assert_eq!((&percentiles[0][0], &percentiles[1][0]), (&json!(50), &json!(99)));
    assert!(sum(&percentiles[0][1]) > 0.0 && sum(&percentiles[1][1]) >= sum(&percentiles[0][1]));
    let top = server.chart("function_call_count_top_k?k=1").await;
    assert_eq!((&top[0][0], &top[1][0]), (&json!("messages.js:list"), &json!("_rest")));
    assert_eq!((sum(&top[0][1]), sum(&top[1][1])), (3.0, 3.0));
    let failing = server.chart("failure_percentage_top_k").await;
    assert_eq!((&failing[0][0], sum(&failing[0][1])), (&json!("messages.js:fail"), 100.0));
    for path in ["hello", "fail", "echo/a", "echo/b"] {
        let method = if path.starts_with("echo") { reqwest::Method::POST } else { reqwest::Method::GET };
        let request = reqwest::Client::new().request(method, format!("{}/{path}", server.site_url));
        request.send().await.unwrap();
    }
    let route = |name: &str, metric: &str| {
        format!("udf_rate?path={}&udfType=HttpAction&metric={metric}", name.replace(' ', "%20"))
    };
    assert_eq!(sum(&server.chart(&route("GET /hello", "invocations")).await), 1.0);
    assert_eq!(sum(&server.chart(&route("GET /fail", "errors")).await), 1.0);
    assert_eq!(sum(&server.chart(&route("POST /echo/*", "invocations")).await), 2.0);
    for path in ["cache_hit_percentage?path=messages:list&udfType=Query", "scheduled_job_lag"] {
        sum(&server.chart(path).await);
    }
    server.chart("cache_hit_percentage_top_k").await;
    assert_eq!(server.chart("subscription_invalidations_top_k").await, json!([]));
    let concurrency = server.chart("function_concurrency").await;
    for kind in ["Query", "Mutation", "Action", "HttpAction"] {
        sum(&concurrency[kind]);
    }
}

#[tokio::test]
async fn questions_for_charts_that_make_no_sense_are_refused() {
    let server = TestServer::start().await;
    let window = |start: u64, end: u64, buckets: i64| {
        let text = json!({"start": {"secs_since_epoch": start}, "end": {"secs_since_epoch": end}, "num_buckets": buckets});
        text.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()
    };
    let good = window(1, 2, 1);
    for query in [
        "udf_rate?path=a:b&metric=errors".to_owned(),
        "udf_rate?path=a:b&metric=errors&window=x".to_owned(),
        format!("udf_rate?path=a:b&metric=errors&window={}", window(2, 1, 1)),
        format!("udf_rate?path=a:b&metric=errors&window={}", window(1, 2, 0)),
        format!("udf_rate?path=a:b&metric=errors&window={}", window(1, 2, 1_000_000)),
        format!("udf_rate?path=a:b&metric=errors&window={}", window(1, 2, -1)),
        format!("udf_rate?path=a:b&metric=other&window={good}"),
        format!("udf_rate?metric=errors&window={good}"),
        format!("latency_percentiles?path=a:b&percentiles=[101]&window={good}"),
        format!("latency_percentiles?path=a:b&percentiles=x&window={good}"),
        format!("table_rate?name=a&metric=x&window={good}"),
        format!("table_rate?metric=rowsRead&window={good}"),
        format!("function_call_count_top_k?k=0&window={good}"),
        format!("function_call_count_top_k?k=26&window={good}"),
    ] {
        let (status, answer) = server.get_json(&format!("/api/app_metrics/{query}")).await;
        assert_eq!((status, &answer["code"]), (400, &json!("InvalidMetricsQuery")), "{query}: {answer}");
    }
    let far = window(0, u64::MAX / 2, 1_000);
    let path = format!("/api/app_metrics/function_call_count_top_k?window={far}");
    assert_eq!(server.get_json(&path).await.0, 200);
}

#[tokio::test]
async fn only_administrators_ask() {
    let server = TestServer::start().await;
    let client = reqwest::Client::new();
    for path in ["shapes2", "get_indexes", "get_source_code?path=a.js", "app_metrics/scheduled_job_lag"] {
        let status = client.get(format!("{}/api/{path}", server.url)).send().await.unwrap().status().as_u16();
        assert_eq!(status, 403, "{path}");
    }
    for path in [
        "delete_tables",
        "delete_component",
        "cancel_job",
        "cancel_all_jobs",
        "delete_scheduled_functions_table",
        "update_canonical_url",
    ] {
        let status = client
            .post(format!("{}/api/{path}", server.url))
            .body("{}")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16();
        assert_eq!(status, 403, "{path}");
    }
}

#[tokio::test]
async fn settings_that_are_fixed_say_so() {
    let server = TestServer::start().await;
    let url = |destination: &str, url: Json| json!({"requestDestination": destination, "url": url});
    for (body, status) in [
        (url("convexCloud", json!("http://cloud")), 200),
        (url("convexSite", Json::Null), 200),
        (url("convexSite", json!("http://other")), 400),
        (url("other", Json::Null), 400),
    ] {
        assert_eq!(server.post_json("/api/update_canonical_url", &body).await.0, status, "{body}");
    }
    assert_eq!(server.post_json("/api/delete_component", &json!({"componentId": "x"})).await.0, 404);
    assert_eq!(server.get_json("/api/get_source_code?path=messages.js").await, (200, Json::Null));
    assert_eq!(server.get_json("/api/get_source_code").await.0, 400);
}
