//! `/api/v1/*` over HTTP: pausing, and the log of what administrators did.

use serde_json::{Value as Json, json};

use crate::database::{Database, DatabaseOptions};
use crate::server::testing::TestServer;

async fn posted(server: &TestServer, path: &str) {
    let (status, answer) = server.post_json(path, &json!({})).await;
    assert_eq!(status, 200, "{path}: {answer}");
}

async fn states(server: &TestServer) -> (Json, Json) {
    let deployment = server.run_as_admin("_system/frontend/deploymentState:deploymentState", json!({})).await;
    let backend = server.run_as_admin("_system/frontend/backendState:backendState", json!({})).await;
    (deployment["state"].clone(), backend["user"].clone())
}

#[tokio::test]
async fn a_paused_deployment_runs_no_functions_until_it_is_let_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::open(DatabaseOptions::in_memory().with_folder(folder.path())).unwrap();
    let server = TestServer::start_on(open(), |config| config.redact_logs = true).await;
    server.run_as_admin("messages:send", json!({"body": "before"})).await;
    let http = reqwest::Client::new();
    let anybody = http.post(format!("{}/api/v1/pause_deployment", server.url)).send().await.unwrap();
    assert_eq!(anybody.status(), 403);
    assert_eq!(states(&server).await, (json!("running"), json!("running")));
    posted(&server, "/api/v1/pause_deployment").await;
    posted(&server, "/api/v1/pause_deployment").await;
    assert_eq!(states(&server).await, (json!("paused"), json!("paused")));

    // It is a part of the data, so the next process knows it, too.
    server.state.database().close();
    drop(server);
    let server = TestServer::start_on(open(), |_| {}).await;
    for (path, name) in [
        ("query", "messages:list"),
        ("mutation", "messages:send"),
        ("action", "messages:echo"),
        ("function", "messages:list"),
    ] {
        let call = json!({"path": name, "args": {"body": "during"}});
        let (status, answer) = server.post_json(&format!("/api/{path}"), &call).await;
        assert_eq!((status, &answer["code"]), (503, &json!("DeploymentPaused")), "{path}: {answer}");
        assert!(answer["message"].as_str().unwrap().starts_with("This deployment is paused"), "{answer}");
    }
    let (_, ts) = server.post_json("/api/query_ts", &json!({})).await;
    let past = json!({"path": "messages:list", "args": {}, "ts": ts["ts"]});
    assert_eq!(server.post_json("/api/query_at_ts", &past).await.0, 503);
    for url in [format!("{}/hello", server.site_url), format!("{}/http/hello", server.url)] {
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.json::<Json>().await.unwrap()["code"], "DeploymentPaused");
    }

    // Whoever keeps the deployment still sees and changes data.
    let documents = json!({"table": "messages", "documents": [{"body": "by hand"}]});
    let added = server.run_as_admin("_system/frontend/addDocument", documents).await;
    assert_eq!(added, json!({"success": true}));
    let changes = json!({"changes": [{"name": "NAME", "value": "x"}]});
    assert_eq!(server.post_json("/api/v1/update_environment_variables", &changes).await.0, 200);

    posted(&server, "/api/v1/unpause_deployment").await;
    posted(&server, "/api/v1/unpause_deployment").await;
    assert_eq!(states(&server).await, (json!("running"), json!("running")));
    assert_eq!(server.run_as_admin("messages:list", json!({})).await, json!(["before", "by hand"]));
    assert_eq!(
        http.get(format!("{}/hello", server.site_url)).send().await.unwrap().status(),
        200,
        "HTTP actions run again"
    );
}

#[tokio::test]
async fn what_administrators_did_is_told_page_by_page() {
    let server = TestServer::start().await;
    for name in ["A", "B"] {
        let changes = json!({"changes": [{"name": name, "value": "x"}]});
        assert_eq!(server.post_json("/api/v1/update_environment_variables", &changes).await.0, 200);
    }
    posted(&server, "/api/v1/pause_deployment").await;
    posted(&server, "/api/v1/unpause_deployment").await;
    let list = async |query: &str| server.get_json(&format!("/api/v1/list_audit_log_events{query}")).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, answer) = list(&format!("?from=0&limit=1&cursor={cursor}")).await;
        assert_eq!(status, 200, "{answer}");
        found.extend(answer["items"].as_array().unwrap().clone());
        match answer["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break assert_eq!(answer["pagination"]["hasMore"], false),
        }
    }
    let actions: Vec<&str> = found.iter().filter_map(|event| event["action"].as_str()).collect();
    let created = "create_environment_variable";
    assert_eq!(actions, [created, created, "pause_deployment", "unpause_deployment"]);
    assert_eq!(found[0]["metadata"], json!({"variable_name": "A"}));
    assert_eq!(found[0]["actor"], json!({"kind": "system"}));
    let last = found[3]["createTime"].as_u64().unwrap();
    assert_eq!(list(&format!("?from={}", last + 1_000)).await.1["items"], json!([]));
    for query in ["", "?from=x", "?from=0&limit=-1", "?from=0&cursor=x"] {
        let (status, answer) = list(query).await;
        assert_eq!(status, 400, "{query}: {answer}");
    }
}

#[tokio::test]
async fn what_is_described_is_there_and_what_is_not_says_why() {
    let server = TestServer::start().await;
    let description = reqwest::get(format!("{}/api/v1/openapi.json", server.url)).await.unwrap();
    let description: Json = description.json().await.unwrap();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let url = format!("{}/api/v1{}", server.url, path.replace("{id}", "x"));
            let method = method.to_uppercase().parse().unwrap();
            let answer = reqwest::Client::new().request(method, url).body("{}").send().await.unwrap();
            // Nobody gets further without a key.
            assert_eq!(answer.status(), 403, "{path}");
        }
    }
    for (path, code) in [
        ("create_usage_limit", "UsageLimitsUnsupported"),
        ("update_usage_limit/x", "UsageLimitsUnsupported"),
        ("delete_usage_limit/x", "UsageLimitsUnsupported"),
        ("data/sync", "DataSyncUnsupported"),
    ] {
        let (status, answer) = server.post_json(&format!("/api/v1/{path}"), &json!({})).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{path}");
    }
    assert_eq!(server.get_json("/api/v1/list_usage_limits").await.1, json!({"usageLimits": []}));
    assert_eq!(server.get_json("/api/v1/get_current_usage").await.1["metrics"], json!({}));
    assert_eq!(server.get_json("/api/v1/data/list_active_syncs").await.1["syncs"], json!([]));
}
