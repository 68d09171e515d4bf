//! Log streams against a receiver of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use sha2::Sha256;

use crate::database::{Database, DatabaseOptions};
use crate::server::testing::TestServer;

/// What was received: the signature and the body.
type Received = Arc<Mutex<Vec<(String, String)>>>;

/// A receiver of webhooks that answers with a status that can be set.
struct Receiver {
    url: String,
    received: Received,
    status: Arc<AtomicU16>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (received, status) = (Received::default(), Arc::new(AtomicU16::new(200)));
        let take = |State((received, status)): State<(Received, Arc<AtomicU16>)>,
                    headers: HeaderMap,
                    body: Bytes| async move {
            let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap();
            if status.is_success() {
                let signature = headers["x-webhook-signature"].to_str().unwrap().to_owned();
                received.lock().push((signature, String::from_utf8(body.to_vec()).unwrap()));
            }
            status
        };
        let app = Router::new()
            .route("/hook", axum::routing::post(take))
            .with_state((received.clone(), status.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received, status }
    }

    /// Every event so far; signatures must be those of the secret.
    fn events(&self, secret: &str) -> Vec<Json> {
        let mut events = Vec::new();
        for (signature, body) in self.received.lock().iter() {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(body.as_bytes());
            let expected = crate::auth::secrets::encode_hex(&mac.finalize().into_bytes());
            assert_eq!(*signature, format!("sha256={expected}"));
            match body.strip_prefix('[') {
                Some(_) => events.extend(serde_json::from_str::<Vec<Json>>(body).unwrap()),
                None => events.extend(body.lines().map(|line| serde_json::from_str::<Json>(line).unwrap())),
            }
        }
        events
    }

    /// Waits for an event that passes, and gives it.
    async fn wait(&self, secret: &str, what: &str, passes: impl Fn(&Json) -> bool) -> Json {
        for _ in 0..3_000 {
            if let Some(found) = self.events(secret).into_iter().find(&passes) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} never came: {:?}", self.events(secret));
    }
}

fn topic(name: &'static str) -> impl Fn(&Json) -> bool {
    move |event| event["topic"] == name
}

async fn create(server: &TestServer, body: Json) -> (String, String) {
    let (status, answer) = server.post_json("/api/v1/create_log_stream", &body).await;
    assert_eq!((status, &answer["logStreamType"]), (200, &json!("webhook")), "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("id"), text("hmacSecret"))
}

async fn until_status(server: &TestServer, id: &str, wanted: &str) -> Json {
    for _ in 0..3_000 {
        let (_, stream) = server.get_json(&format!("/api/v1/get_log_stream/{id}")).await;
        if stream["status"]["type"] == wanted {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the stream never became {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_sent_in_order_and_signed() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let (id, secret) =
        create(&server, json!({"logStreamType": "webhook", "url": receiver.url, "format": "json"})).await;
    let first = receiver.wait(&secret, "the test", topic("verification")).await;
    assert_eq!(first["convex"], json!({"deployment_name": "carnitas"}));
    let stream = until_status(&server, &id, "active").await;
    assert_eq!((&stream["topics"], &stream["hmacSecret"]), (&Json::Null, &json!(secret)));

    server.run_as_admin("messages:send", json!({"body": "hi"})).await;
    server.post_json("/api/mutation", &json!({"path": "messages:fail", "args": {}})).await;
    let line = receiver.wait(&secret, "the line", topic("console")).await;
    assert_eq!((&line["message"], &line["log_level"]), (&json!("'sending hi'"), &json!("LOG")));
    assert_eq!(line["function"]["path"], "messages:send");
    let failed = receiver.wait(&secret, "the failure", |event| event["status"] == "failure").await;
    assert_eq!(
        (&failed["topic"], &failed["function"]["type"]),
        (&json!("function_execution"), &json!("mutation"))
    );
    assert!(failed["error_message"].as_str().unwrap().contains("ConvexError"), "{failed}");
    let events = receiver.events(&secret);
    let at = |passes: &dyn Fn(&Json) -> bool| events.iter().position(passes).unwrap();
    assert!(at(&|event| event["topic"] == "console") < at(&|event| event["status"] == "success"));
    let sent = events.iter().find(|event| event["status"] == "success").unwrap();
    assert_eq!(sent["function"]["request_id"], line["function"]["request_id"]);
    assert!(sent["usage"]["database_write_bytes"].as_u64().unwrap() > 0);

    let changes = json!({"changes": [{"name": "NAME", "value": "x"}]});
    assert_eq!(server.post_json("/api/v1/update_environment_variables", &changes).await.0, 200);
    let audit = receiver.wait(&secret, "the change", topic("audit_log")).await;
    assert_eq!(audit["audit_log_action"], "create_environment_variable");
    assert_eq!(audit["audit_log_metadata"], r#"{"variable_name":"NAME"}"#);
    let sinks = server.run_as_admin("_system/frontend/listConfiguredSinks", json!({})).await;
    assert_eq!(sinks[0]["config"]["url"], receiver.url);
    assert_eq!(sinks[0]["status"]["type"], "active");
    assert!(!sinks.to_string().contains(&secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_receiver_that_is_not_there_and_streams_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = DatabaseOptions::in_memory().secrets;
    let options = || DatabaseOptions { secrets: secrets.clone(), ..DatabaseOptions::in_memory() };
    let open = || Database::open(options().with_folder(folder.path())).unwrap();
    let (server, receiver) = (TestServer::start_on(open(), |_| {}).await, Receiver::start().await);
    receiver.status.store(503, Ordering::SeqCst);
    let topics = json!(["console"]);
    let body = json!({"logStreamType": "webhook", "url": receiver.url, "format": "jsonl", "topics": topics});
    let (id, secret) = create(&server, body).await;
    let stream = until_status(&server, &id, "failed").await;
    assert_eq!(stream["status"]["reason"], "The receiver answered 503 Service Unavailable.");
    for number in 0..3 {
        server.run_as_admin("messages:send", json!({"body": number.to_string()})).await;
    }
    receiver.status.store(200, Ordering::SeqCst);
    receiver.wait(&secret, "the last line", |event| event["message"] == "'sending 2'").await;
    let events = receiver.events(&secret);
    let topics: Vec<&str> = events.iter().filter_map(|event| event["topic"].as_str()).collect();
    assert_eq!(topics, ["verification", "console", "console", "console"], "only what was asked for");
    until_status(&server, &id, "active").await;

    server.stop.send(true).unwrap();
    server.state.database().close();
    drop(server);
    let server = TestServer::start_on(open(), |_| {}).await;
    // The stream begins to read when it is started, which is soon.
    let mut number = 10;
    while !receiver.events(&secret).iter().any(|event| {
        event["message"].as_str().is_some_and(|text| text.starts_with("'sending 1") && text.len() == 12)
    }) {
        assert!(number < 99, "nothing arrives after the restart");
        server.run_as_admin("messages:send", json!({"body": number.to_string()})).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        number += 1;
    }

    let (_, rotated) = server.post_json(&format!("/api/v1/rotate_webhook_secret/{id}"), &json!({})).await;
    let new = rotated["hmacSecret"].as_str().unwrap().to_owned();
    assert_ne!(new, secret);
    receiver.received.lock().clear();
    server.run_as_admin("messages:send", json!({"body": "signed anew"})).await;
    receiver.wait(&new, "the line", |event| event["message"] == "'sending signed anew'").await;

    assert_eq!(server.post_json(&format!("/api/v1/delete_log_stream/{id}"), &json!({})).await.0, 200);
    assert_eq!(server.get_json("/api/v1/list_log_streams").await, (200, json!([])));
    for call in ["delete_log_stream", "rotate_webhook_secret"] {
        assert_eq!(server.post_json(&format!("/api/v1/{call}/{id}"), &json!({})).await.0, 404, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_streams_are_refused_by_name() {
    let server = TestServer::start().await;
    let good = json!({"logStreamType": "webhook", "url": "http://127.0.0.1:9/", "format": "json"});
    for (field, value, code, words) in [
        ("logStreamType", json!("datadog"), "LogStreamTypeUnsupported", "\"datadog\""),
        ("url", json!("ftp://x"), "InvalidLogStream", "url must be"),
        ("url", json!(null), "InvalidLogStream", "url is missing"),
        ("format", json!("xml"), "InvalidLogStream", "\"xml\""),
        ("topics", json!(["console", "gossip"]), "InvalidLogStream", "\"gossip\""),
        ("topics", json!("console"), "BadJsonBody", "invalid type"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, answer) = server.post_json("/api/v1/create_log_stream", &body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(words), "{answer}");
    }
    let (id, _) = create(&server, good.clone()).await;
    assert_eq!(
        server.post_json("/api/v1/create_log_stream", &good).await.1["code"],
        "LogStreamAlreadyExists"
    );
    // What is left out stays; null stands for all topics.
    let update = |body: Json| {
        let path = format!("/api/v1/update_log_stream/{id}");
        let server = &server;
        async move { server.post_json(&path, &body).await }
    };
    assert_eq!(
        update(json!({"logStreamType": "webhook", "topics": ["console"], "format": "jsonl"})).await.0,
        200
    );
    assert_eq!(update(json!({"logStreamType": "webhook", "url": "http://127.0.0.1:9/other"})).await.0, 200);
    let stream = server.get_json(&format!("/api/v1/get_log_stream/{id}")).await.1;
    assert_eq!((&stream["topics"], &stream["format"]), (&json!(["console"]), &json!("jsonl")));
    assert_eq!(stream["url"], "http://127.0.0.1:9/other");
    assert_eq!(update(json!({"logStreamType": "webhook", "topics": null})).await.0, 200);
    assert_eq!(server.get_json(&format!("/api/v1/get_log_stream/{id}")).await.1["topics"], Json::Null);
    assert_eq!(update(json!({"logStreamType": "sentry"})).await.0, 400);
    assert_eq!(server.get_json("/api/v1/get_log_stream/nothing").await.0, 404);
}
