//! The HTTP API as a client sees it.

use axum::http::{HeaderMap, Method};
use serde_json::{Value as Json, json};

use crate::server::testing::TestServer;

/// Status, headers and text of an answer.
type Answer = (u16, HeaderMap, String);

async fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Answer {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let mut request = client.request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.headers().clone(), response.text().await.expect("a body"))
}

async fn post(server: &TestServer, path: &str, body: Json) -> (u16, Json) {
    post_with(server, path, body, &[]).await
}

async fn post_with(server: &TestServer, path: &str, body: Json, headers: &[(&str, &str)]) -> (u16, Json) {
    let (status, _, text) =
        request(Method::POST, &format!("{}{path}", server.url), headers, body.to_string()).await;
    (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
}

async fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(Method::GET, &format!("{}{path}", server.url), headers, "").await
}

fn admin(server: &TestServer) -> String {
    format!("Convex {}", server.admin_key)
}

/// Takes the request id out of an error's text.
fn without_id(text: &Json) -> String {
    let text = text.as_str().expect("text");
    let (first, rest) = text.split_once("] ").expect("a request id");
    assert!(first.starts_with("[Request ID: ") && first.len() == 29, "{first}");
    rest.to_owned()
}

#[tokio::test]
async fn a_mutation_is_seen_by_queries() {
    let server = TestServer::start().await;
    let body = json!({"path": "messages:send", "args": [{"body": "hi"}], "format": "convex_encoded_json"});
    let (status, answer) = post(&server, "/api/mutation", body).await;
    assert_eq!(
        (status, answer),
        (200, json!({"status": "success", "value": null, "logLines": ["[LOG] 'sending hi'"]}))
    );
    for path in ["messages:list", "messages.js:list"] {
        let (status, answer) = post(&server, "/api/query", json!({"path": path, "args": {}})).await;
        assert_eq!((status, answer), (200, json!({"status": "success", "value": ["hi"]})));
    }
    let (status, _, text) =
        get(&server, "/api/query?path=messages%3Alist&args=%7B%7D&format=json", &[]).await;
    assert_eq!((status, text.as_str()), (200, r#"{"status":"success","value":["hi"]}"#));
    let (_, answer) =
        post(&server, "/api/action", json!({"path": "messages:echo", "args": {"body": "x"}})).await;
    assert_eq!(answer, json!({"status": "success", "value": "x"}));
    let (_, answer) = post(&server, "/api/run/messages/list", json!({"args": {}})).await;
    assert_eq!(answer["value"], json!(["hi"]));
}

#[tokio::test]
async fn results_come_in_the_form_asked_for() {
    let server = TestServer::start().await;
    for (body, value) in [
        (json!({"path": "messages:int"}), json!("7")),
        (json!({"path": "messages:int", "format": "json"}), json!("7")),
        (
            json!({"path": "messages:int", "format": "convex_encoded_json"}),
            json!({"$integer": "BwAAAAAAAAA="}),
        ),
    ] {
        assert_eq!(post(&server, "/api/query", body).await.1["value"], value);
    }
    let (_, answer) =
        post(&server, "/api/query?format=convex_encoded_json", json!({"path": "messages:int"})).await;
    assert_eq!(answer["value"], json!({"$integer": "BwAAAAAAAAA="}));
    let body = json!({"path": "messages:int"});
    let (_, answer) = post_with(&server, "/api/query", body, &[("convex-client", "npm-1.4.0")]).await;
    assert_eq!(answer["value"], json!({"$integer": "BwAAAAAAAAA="}));
}

#[tokio::test]
async fn failures_of_functions_are_answers() {
    let server = TestServer::start().await;
    let (status, answer) = post(&server, "/api/mutation", json!({"path": "messages:fail", "args": {}})).await;
    assert_eq!(
        (status, &answer["status"], &answer["errorData"]),
        (200, &json!("error"), &json!({"code": 7}))
    );
    assert_eq!(without_id(&answer["errorMessage"]), "Server Error\nUncaught ConvexError: {\"code\":7}");
    for (endpoint, path, text) in [
        (
            "query",
            "nowhere:list",
            "Could not find public function for 'nowhere:list'. Did you forget to run `npx convex dev`?",
        ),
        (
            "query",
            "inner:secret",
            "Could not find public function for 'inner:secret'. Did you forget to run `npx convex dev`?",
        ),
        (
            "query",
            "messages:send",
            "Trying to execute messages.js:send as Query, but it is defined as Mutation.",
        ),
        (
            "mutation",
            "messages:list",
            "Trying to execute messages.js:list as Mutation, but it is defined as Query.",
        ),
        ("mutation", "messages:send", "ArgumentValidationError"),
        ("mutation", "messages:large", "1048576"),
    ] {
        let (status, answer) =
            post(&server, &format!("/api/{endpoint}"), json!({"path": path, "args": {}})).await;
        assert_eq!((status, &answer["status"]), (200, &json!("error")), "{path}");
        let message = without_id(&answer["errorMessage"]);
        assert!(message.contains(text), "{path}: {message}");
    }
}

#[tokio::test]
async fn bad_requests_have_a_code_and_a_text() {
    let server = TestServer::start().await;
    for (path, body, status, code) in [
        ("/api/query", "{", 400, "BadJsonBody"),
        ("/api/query", "[]", 400, "BadJsonBody"),
        ("/api/query", "{}", 400, "MissingIdentifier"),
        ("/api/query", r#"{"path":"a b:c"}"#, 400, "BadConvexFunctionIdentifier"),
        ("/api/query", r#"{"path":"messages:list","args":[1]}"#, 400, "BadArguments"),
        ("/api/query", r#"{"path":"messages:list","args":[{},{}]}"#, 400, "BadArguments"),
        ("/api/query", r#"{"path":"messages:list","args":{"$x":1}}"#, 400, "BadArguments"),
        ("/api/query", r#"{"path":"messages:list","format":"xml"}"#, 400, "BadFormat"),
        ("/api/function", r#"{"path":"messages:list"}"#, 403, "BadDeployKey"),
        ("/api/run/list", r#"{"args":{}}"#, 400, "MissingIdentifier"),
        ("/api/query_at_ts", r#"{"path":"messages:list"}"#, 400, "MissingTimestamp"),
        ("/api/query_at_ts", r#"{"path":"messages:list","ts":"x"}"#, 400, "InvalidTimestamp"),
        ("/api/nothing", "", 404, "NoSuchRoute"),
        ("/version", "", 405, "MethodNotAllowed"),
        ("/api/storage/upload?token=x", "", 401, "StorageTokenInvalid"),
    ] {
        let (actual, _, text) = request(Method::POST, &format!("{}{path}", server.url), &[], body).await;
        let answer: Json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} {body}: {text}"));
        assert_eq!((actual, &answer["code"]), (status, &json!(code)), "{path} {body}");
        assert!(answer["message"].as_str().is_some_and(|message| message.len() > 20), "{answer}");
    }
    let body = vec![b' '; (16 << 20) + 2001];
    let (status, _, _) = request(Method::POST, &format!("{}/api/query", server.url), &[], body).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn credentials_are_checked() {
    let server = TestServer::start().await;
    let (good, expired) = (server.token("ann", 60), server.token("ann", -60));
    let key = &server.admin_key;
    for (header, status, code) in [
        ("Bearer x.y.z".to_owned(), 401, "InvalidAuthHeader"),
        (format!("Bearer {expired}"), 401, "InvalidAuthHeader"),
        ("short".to_owned(), 400, "InvalidAuthHeader"),
        ("Convex carnitas|00ff".to_owned(), 403, "BadDeployKey"),
        (format!("Convex {key}x"), 403, "BadDeployKey"),
    ] {
        let headers = [("authorization", header.as_str())];
        let (actual, answer) =
            post_with(&server, "/api/query", json!({"path": "messages:who"}), &headers).await;
        assert_eq!((actual, &answer["code"]), (status, &json!(code)), "{header}: {answer}");
    }
    let acting = format!("Convex {key}:{}", {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(r#"{"subject":"eve","issuer":"https://x"}"#)
    });
    for (header, who) in
        [(format!("Bearer {good}"), "ann"), (format!("Convex {key}"), "nobody"), (acting, "eve")]
    {
        let headers = [("authorization", header.as_str())];
        let (_, answer) = post_with(&server, "/api/query", json!({"path": "messages:who"}), &headers).await;
        assert_eq!(answer["value"], who, "{header}: {answer}");
    }
    for (version, status, code) in [
        ("npm", 400, "InvalidVersion"),
        ("npm-0.19.1", 400, "ClientVersionUnsupported"),
        ("npm-1.48.0", 200, ""),
    ] {
        let headers = [("convex-client", version)];
        let (actual, answer) =
            post_with(&server, "/api/query", json!({"path": "messages:list"}), &headers).await;
        assert_eq!((actual, answer["code"].as_str().unwrap_or_default()), (status, code));
    }
}

#[tokio::test]
async fn administrators_call_everything() {
    let server = TestServer::start().await;
    let admin = admin(&server);
    let headers = [("authorization", admin.as_str())];
    for (path, body) in [
        ("/api/function", json!({"path": "inner:secret", "args": {}})),
        ("/api/query", json!({"path": "inner:secret", "args": {}})),
        ("/api/run/inner/secret", json!({"args": {}})),
    ] {
        let (_, answer) = post_with(&server, path, body, &headers).await;
        assert_eq!(answer, json!({"status": "success", "value": 42}), "{path}");
    }
    let (status, answer) =
        post_with(&server, "/api/function", json!({"path": "no:where", "args": {}}), &headers).await;
    assert_eq!(status, 200);
    assert!(without_id(&answer["errorMessage"]).contains("Could not find function for 'no:where'"));
    let body = json!({"path": "messages:list", "componentPath": "c", "args": {}});
    let (status, answer) = post_with(&server, "/api/function", body, &headers).await;
    assert_eq!((status, &answer["status"]), (200, &json!("error")));
    let (status, _, text) = get(&server, "/api/check_admin_key", &headers).await;
    assert_eq!((status, text.as_str()), (200, r#"{"allowedOps":[],"isReadOnly":false,"success":true}"#));
    let (status, _, _) =
        get(&server, &format!("/api/check_admin_key?adminKey={}", server.admin_key), &[]).await;
    assert_eq!(status, 200);
    let (status, _, _) =
        get(&server, "/api/check_admin_key", &[("authorization", "Convex carnitas|beef")]).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn environment_variables_are_set_and_listed() {
    let server = TestServer::start().await;
    let admin = admin(&server);
    let headers = [("authorization", admin.as_str())];
    let change = |name: &str, value: Json| json!({"changes": [{"name": name, "value": value}]});
    let path = "/api/update_environment_variables";
    assert_eq!(post(&server, path, change("NAME", "x".into())).await.0, 403);
    assert_eq!(post_with(&server, path, change("NAME", "x".into()), &headers).await.0, 200);
    let (_, _, text) = get(&server, "/api/v1/list_environment_variables", &headers).await;
    assert_eq!(text, r#"{"environmentVariables":{"NAME":"x"}}"#);
    let (_, answer) = post(&server, "/api/query", json!({"path": "messages:env"})).await;
    assert_eq!(answer["value"], "x");
    assert_eq!(post_with(&server, path, change("NAME", Json::Null), &headers).await.0, 200);
    let (_, answer) = post(&server, "/api/query", json!({"path": "messages:env"})).await;
    assert_eq!(answer["value"], "");
    let (status, answer) = post_with(&server, path, change("1", "x".into()), &headers).await;
    assert_eq!((status, &answer["code"]), (400, &json!("EnvironmentVariableNameInvalid")));
    let (status, answer) = post_with(&server, path, change("CONVEX_SITE_URL", "x".into()), &headers).await;
    assert_eq!((status, &answer["code"]), (400, &json!("EnvVarNameForbidden")));
}

#[tokio::test]
async fn queries_at_a_timestamp_agree() {
    let server = TestServer::start().await;
    let (_, ts) = post(&server, "/api/query_ts", json!({})).await;
    post(&server, "/api/mutation", json!({"path": "messages:send", "args": {"body": "later"}})).await;
    let body = json!({"path": "messages:list", "args": {}, "ts": ts["ts"]});
    let (_, answer) = post(&server, "/api/query_at_ts", body).await;
    assert_eq!(answer["value"], json!([]));
    let body = json!({"queries": [{"path": "messages:list"}, {"path": "messages:nothing"}]});
    let (status, answer) = post(&server, "/api/query_batch", body).await;
    assert_eq!((status, &answer["results"][0]["value"]), (200, &json!(["later"])));
    assert_eq!(answer["results"][1]["status"], "error");
}

#[tokio::test]
async fn files_are_uploaded_and_downloaded() {
    let server = TestServer::start().await;
    let (_, answer) = post(&server, "/api/mutation", json!({"path": "messages:uploadUrl", "args": {}})).await;
    let url = answer["value"].as_str().expect("a URL").replace("http://cloud", &server.url);
    let (status, _, text) =
        request(Method::POST, &url, &[("content-type", "text/plain")], "0123456789").await;
    assert_eq!(status, 200, "{text}");
    let id: Json = serde_json::from_str(&text).expect("JSON");
    let id = id["storageId"].as_str().expect("an id").to_owned();
    let wrong = "sha-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let (status, _, text) = request(Method::POST, &url, &[("digest", wrong)], "x").await;
    assert!(status == 400 && text.contains("Sha256Mismatch"), "{text}");
    let (status, _, text) = request(Method::POST, &url, &[("digest", "md5=x")], "x").await;
    assert!(status == 400 && text.contains("InvalidDigest"), "{text}");
    let uuid = {
        use crate::system::files::Files;
        let database = server.state.database().clone();
        let id = fusion_schema::DocumentId::decode(&id).expect("an id");
        Files::new(&mut database.begin_query()).get(id).expect("a read").expect("a file").uuid
    };
    let path = format!("/api/storage/{uuid}");
    let (status, headers, text) = get(&server, &path, &[]).await;
    assert_eq!((status, text.as_str()), (200, "0123456789"));
    assert_eq!(headers["digest"], "sha-256=hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=");
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["cache-control"], "private, max-age=2592000");
    for (range, status, text, content_range) in [
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=0-1,3-4", 416, "", Some("bytes */10")),
        ("bytes=10-", 416, "", Some("bytes */10")),
    ] {
        let (actual, headers, body) = get(&server, &path, &[("range", range)]).await;
        assert_eq!(actual, status, "{range}");
        assert!(status == 416 || body == text, "{range}: {body}");
        let actual = headers.get("content-range").map(|value| value.to_str().expect("text"));
        assert_eq!(actual, content_range, "{range}");
    }
    let (status, headers, text) = request(Method::HEAD, &format!("{}{path}", server.url), &[], "").await;
    assert_eq!((status, text.as_str(), headers["content-length"].to_str().expect("text")), (200, "", "10"));
    assert_eq!(get(&server, "/api/storage/x", &[]).await.0, 400);
    assert_eq!(get(&server, "/api/storage/6f1c2b60-7a53-4b7e-9d6e-0d5a2f0b7f11", &[]).await.0, 404);
}

#[tokio::test]
async fn http_actions_are_served_on_both_listeners() {
    let server = TestServer::start().await;
    let site = |path: &str| format!("{}{path}", server.site_url);
    let (status, headers, text) =
        request(Method::GET, &site("/hello?a=%20"), &[("origin", "http://x")], "").await;
    assert_eq!((status, text), (200, format!("hello from {}/hello?a=%20", server.site_url)));
    assert!(!headers.contains_key("access-control-allow-origin"));
    let (status, _, text) = get(&server, "/http/hello", &[("x-forwarded-proto", "https")]).await;
    assert_eq!(
        (status, text),
        (200, format!("hello from {}/http/hello", server.url.replace("http:", "https:")))
    );
    let (status, _, text) = request(Method::HEAD, &site("/hello"), &[], "").await;
    assert_eq!((status, text.as_str()), (200, ""));
    for path in ["/version", "/", "/hello/x"] {
        let (status, _, text) = request(Method::GET, &site(path), &[], "").await;
        assert_eq!((status, text.as_str()), (404, "No matching routes found"), "{path}");
    }
    let (status, _, text) = request(Method::GET, &site("/fail"), &[], "").await;
    let answer: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, without_id(&answer["code"])), (500, "Server Error: Uncaught Error: no".to_owned()));
    assert_eq!(answer["trace"], "Uncaught Error: no");
    let (_, _, text) = request(Method::POST, &site("/echo/x"), &[], "body").await;
    assert_eq!(text, "body");
    let (status, _, _) = request(Method::POST, &site("/echo/x"), &[], vec![0; (20 << 20) + 1]).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn http_actions_run_with_unusable_credentials() {
    let server = TestServer::start().await;
    let url = format!("{}/who", server.site_url);
    let token = format!("Bearer {}", server.token("ann", 60));
    assert_eq!(request(Method::POST, &url, &[], "").await.2, "nobody");
    assert_eq!(request(Method::POST, &url, &[("authorization", &token)], "").await.2, "ann");
    for header in ["x", "Basic dXNlcjpwYXNz", "Bearer a.b.c", "Convex nonsense"] {
        // The action ran, and failed where it asked who calls.
        let (status, _, text) = request(Method::POST, &url, &[("authorization", header)], "").await;
        assert!(status == 500 && text.contains("Server Error"), "{header}: {status} {text}");
    }
}

#[tokio::test]
async fn anybody_may_ask_how_the_server_is() {
    let server = TestServer::start().await;
    for (path, text) in [
        ("/version", "0.0.0-test"),
        ("/instance_version", "0.0.0-test"),
        ("/instance_name", "carnitas"),
        ("/", "This Convex deployment is running. See https://docs.convex.dev/."),
    ] {
        assert_eq!(get(&server, path, &[]).await.2, text);
    }
    assert_eq!(post(&server, "/echo", json!({"a": 1})).await.1, json!({"a": 1}));
    post(&server, "/api/mutation", json!({"path": "messages:send", "args": {"body": "hi"}})).await;
    let (_, _, text) = get(&server, "/metrics", &[]).await;
    for line in [
        "fusion_function_calls_total{function=\"messages:send\"} 1",
        "fusion_function_seconds_bucket{function=\"messages:send\",le=\"+Inf\"} 1",
        "fusion_sockets_open 0",
    ] {
        assert!(text.lines().any(|actual| actual == line), "{line} in\n{text}");
    }
    let closed = TestServer::start_with(|config| config.has_metrics = false).await;
    assert_eq!(get(&closed, "/metrics", &[]).await.0, 404);
}

#[tokio::test]
async fn other_origins_are_welcome() {
    let server = TestServer::start().await;
    let headers = [
        ("origin", "http://localhost:6791"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,convex-client"),
    ];
    let (status, headers, _) =
        request(Method::OPTIONS, &format!("{}/api/query", server.url), &headers, "").await;
    assert_eq!(status, 200);
    for (name, value) in [
        ("access-control-allow-origin", "http://localhost:6791"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "authorization,convex-client"),
        ("access-control-max-age", "86400"),
    ] {
        assert_eq!(headers[name], value);
    }
    for (path, status) in [("/version", 200), ("/nothing", 404)] {
        let (actual, headers, _) = get(&server, path, &[("origin", "http://x")]).await;
        assert_eq!(
            (actual, headers["access-control-allow-origin"].to_str().expect("text")),
            (status, "http://x")
        );
    }
}

#[tokio::test]
async fn the_development_issuer_exists_only_where_it_is_wanted() {
    let server = TestServer::start().await;
    let (_, _, text) = get(&server, "/dev/.well-known/openid-configuration", &[]).await;
    let discovery: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(discovery["issuer"], format!("{}/dev", server.url));
    assert_eq!(get(&server, "/dev/.well-known/jwks.json", &[]).await.0, 200);
    let (_, answer) = post(&server, "/dev/token", json!({"sub": "zoe"})).await;
    let header = format!("Bearer {}", answer["token"].as_str().expect("a token"));
    let headers = [("authorization", header.as_str())];
    let (_, answer) = post_with(&server, "/api/query", json!({"path": "messages:who"}), &headers).await;
    assert_eq!(answer["value"], "zoe");
    let without = TestServer::start_with(|config| config.dev_issuer = None).await;
    assert_eq!(get(&without, "/dev/token", &[]).await.0, 404);
}

#[tokio::test]
async fn the_log_of_functions_is_streamed() {
    let server = TestServer::start().await;
    let admin = admin(&server);
    let headers = [("authorization", admin.as_str()), ("convex-client", "npm-cli-1.48.0")];
    let (_, _, text) = get(&server, "/api/stream_function_logs?cursor=0", &headers).await;
    let first: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(first["entries"], json!([]));
    let path = format!("/api/stream_function_logs?cursor={}", first["newCursor"]);
    let (next, _) = tokio::join!(get(&server, &path, &headers), async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        post(&server, "/api/mutation", json!({"path": "messages:send", "args": {"body": "hi"}})).await;
    });
    let next: Json = serde_json::from_str(&next.2).expect("JSON");
    assert_eq!(next["entries"][0]["identifier"], "messages:send");
    assert_eq!(next["entries"][0]["logLines"][0]["messages"], json!(["'sending hi'"]));
    assert!(next["newCursor"].as_f64() > first["newCursor"].as_f64());
    let (status, _, text) = get(&server, "/api/stream_function_logs?cursor=x", &headers).await;
    assert!(status == 400 && text.contains("InvalidCursor"));
    assert_eq!(get(&server, "/api/stream_function_logs?cursor=0", &[]).await.0, 403);
}

#[tokio::test]
async fn clients_of_a_redacting_server_see_no_details() {
    let server = TestServer::start_with(|config| config.redact_logs = true).await;
    let (_, answer) =
        post(&server, "/api/mutation", json!({"path": "messages:send", "args": {"body": "x"}})).await;
    assert_eq!(answer, json!({"status": "success", "value": null}));
    let (_, answer) = post(&server, "/api/mutation", json!({"path": "messages:fail", "args": {}})).await;
    assert_eq!(without_id(&answer["errorMessage"]), "Server Error");
    assert_eq!(answer["errorData"], json!({"code": 7}));
}

#[tokio::test]
async fn a_server_told_to_stop_ends() {
    let server = TestServer::start().await;
    get(&server, "/version", &[]).await;
    server.stop.send(true).expect("somebody listens");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), server.served).await;
    ended.expect("in time").expect("no panic").expect("no error");
}
