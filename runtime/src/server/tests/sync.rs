//! The sync protocol over real WebSockets.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::server::testing::TestServer;

struct Client {
    socket: WebSocketStream<TcpStream>,
}

const SESSION: &str = "6f1c2b60-7a53-4b7e-9d6e-0d5a2f0b7f11";

impl Client {
    async fn open(server: &TestServer) -> Self {
        Self::open_path(server, "/api/1.48.0/sync").await
    }

    async fn open_path(server: &TestServer, path: &str) -> Self {
        let host = server.url.strip_prefix("http://").expect("a URL");
        let stream = TcpStream::connect(host).await.expect("a connection");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let url = format!("ws://{host}{path}");
        let (socket, _) =
            tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await.expect("a socket");
        Self { socket }
    }

    /// A socket that said Connect and has its first Transition.
    async fn connected(server: &TestServer) -> Self {
        let mut client = Self::open(server).await;
        client.connect(0).await;
        client.send(modify(0, &[])).await;
        assert_eq!(client.next().await["type"], "Transition");
        client
    }

    async fn connect(&mut self, connection_count: u32) {
        self.send(json!({
            "type": "Connect", "sessionId": SESSION, "connectionCount": connection_count,
            "lastCloseReason": "InitialConnect", "clientTs": 1_763_700_000_123_i64,
        }))
        .await;
    }

    async fn send(&mut self, message: Json) {
        self.socket.send(Message::text(message.to_string())).await.expect("a send");
    }

    async fn mutate(&mut self, request_id: u32, path: &str, args: Json) {
        self.send(json!({"type": "Mutation", "requestId": request_id, "udfPath": path, "args": [args]}))
            .await;
    }

    async fn frame(&mut self) -> Option<Message> {
        loop {
            let frame =
                tokio::time::timeout(Duration::from_secs(10), self.socket.next()).await.expect("in time");
            match frame {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(_)) | None => return None,
            }
        }
    }

    async fn next(&mut self) -> Json {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("not a message: {other:?}"),
        }
    }

    /// The messages until the close, and its code and reason.
    async fn rest(&mut self) -> (Vec<Json>, Option<(u16, String)>) {
        let mut messages = Vec::new();
        let mut close = None;
        while let Some(frame) = self.frame().await {
            match frame {
                Message::Text(text) => messages.push(serde_json::from_str(&text).expect("JSON")),
                Message::Close(frame) => {
                    close = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                }
                other => panic!("{other:?}"),
            }
        }
        (messages, close)
    }
}

fn modify(base: u32, modifications: &[Json]) -> Json {
    json!({"type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": modifications})
}

fn add(query_id: u32, path: &str, args: Json) -> Json {
    json!({"type": "Add", "queryId": query_id, "udfPath": path, "args": [args]})
}

#[tokio::test]
async fn a_subscription_shows_mutations_after_their_response() {
    let server = TestServer::start().await;
    let mut client = Client::open(&server).await;
    client.connect(0).await;
    client.send(modify(0, &[add(0, "messages:list", json!({}))])).await;
    let first = client.next().await;
    assert_eq!(first["startVersion"], json!({"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}));
    assert_eq!(
        first["modifications"],
        json!([{"type": "QueryUpdated", "queryId": 0, "value": [], "logLines": [], "journal": null}])
    );
    let mut version = first["endVersion"].clone();
    let mut seen = Json::Null;
    for index in 0..20 {
        client.mutate(index, "messages:send", json!({"body": index.to_string()})).await;
    }
    let mut responses = Vec::new();
    let all: Vec<String> = (0..20).map(|index: u32| index.to_string()).collect();
    while seen != json!(all) || responses.len() < 20 {
        let message = client.next().await;
        match message["type"].as_str() {
            Some("MutationResponse") => {
                assert_eq!((&message["success"], &message["result"]), (&json!(true), &Json::Null));
                responses.push(message["requestId"].as_u64().expect("a number"));
            }
            Some("Transition") => {
                assert_eq!(message["startVersion"], version);
                version = message["endVersion"].clone();
                for modification in message["modifications"].as_array().expect("a list") {
                    seen = modification["value"].clone();
                }
                let shown = seen.as_array().map_or(0, Vec::len);
                assert!(responses.len() >= shown, "a Transition shows what has no response yet");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(responses, (0..20).collect::<Vec<u64>>());
    client.send(modify(1, &[json!({"type": "Remove", "queryId": 0})])).await;
    loop {
        let message = client.next().await;
        if message["endVersion"]["querySet"] == 2 {
            assert_eq!(message["modifications"], json!([{"type": "QueryRemoved", "queryId": 0}]));
            break;
        }
    }
}

impl Client {
    /// The next thing it is told about a query.
    async fn modification(&mut self) -> Json {
        loop {
            let message = self.next().await;
            assert_eq!(message["type"], "Transition", "{message}");
            if let Some(modification) = message["modifications"].get(0) {
                return modification.clone();
            }
        }
    }

    /// The next answer to a mutation.
    async fn response(&mut self) -> Json {
        loop {
            let message = self.next().await;
            if message["type"] == "MutationResponse" {
                return message;
            }
        }
    }
}

/// Sockets live through a pause: what they show fails, and is there again after it.
#[tokio::test]
async fn a_pause_is_shown_and_its_end_too() {
    let server = TestServer::start_with(|config| config.redact_logs = true).await;
    let mut client = Client::connected(&server).await;
    client.send(modify(1, &[add(0, "messages:list", json!({}))])).await;
    assert_eq!(client.modification().await["value"], json!([]));
    assert_eq!(server.post_json("/api/v1/pause_deployment", &json!({})).await.0, 200);
    let failed = client.modification().await;
    let told = |text: &Json| text.as_str().is_some_and(|text| text.contains("This deployment is paused"));
    assert!(failed["type"] == "QueryFailed" && told(&failed["errorMessage"]), "{failed}");
    client.mutate(0, "messages:send", json!({"body": "during"})).await;
    let refused = client.response().await;
    assert!(refused["success"] == false && told(&refused["result"]), "{refused}");
    assert_eq!(server.post_json("/api/v1/unpause_deployment", &json!({})).await.0, 200);
    assert_eq!(client.modification().await["value"], json!([]));
    client.mutate(1, "messages:send", json!({"body": "after"})).await;
    assert_eq!(client.response().await["success"], true);
    assert_eq!(client.modification().await["value"], json!(["after"]));
}

#[tokio::test]
async fn a_session_without_queries_hears_of_its_mutations() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server).await;
    for index in 0..3 {
        client.mutate(index, "messages:send", json!({"body": "x"})).await;
        let response = client.next().await;
        assert_eq!(response["type"], "MutationResponse");
        let transition = client.next().await;
        assert_eq!((&transition["type"], &transition["modifications"]), (&json!("Transition"), &json!([])));
        let ts = |json: &Json| {
            crate::session::protocol::parse_ts(json.as_str().expect("text")).expect("a timestamp")
        };
        assert!(ts(&transition["endVersion"]["ts"]) >= ts(&response["ts"]));
    }
}

#[tokio::test]
async fn a_replayed_mutation_is_answered_and_not_run() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server).await;
    client.mutate(0, "messages:send", json!({"body": "once"})).await;
    let first = client.next().await;
    drop(client);
    let mut client = Client::connected(&server).await;
    client.mutate(0, "messages:send", json!({"body": "once"})).await;
    assert_eq!(client.next().await, first);
    assert_eq!(client.next().await["type"], "Transition");
    client.send(modify(1, &[add(0, "messages:list", json!({}))])).await;
    assert_eq!(client.next().await["modifications"][0]["value"], json!(["once"]));
}

#[tokio::test]
async fn failures_of_functions_do_not_end_the_connection() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server).await;
    for (path, args, text) in [
        ("messages:fail", json!({}), "Uncaught ConvexError"),
        ("messages:send", json!({}), "ArgumentValidationError"),
        ("messages:list", json!({}), "Trying to execute messages.js:list as Mutation"),
        ("no:where", json!({}), "Could not find public function for 'no:where'"),
        ("a b:c", json!({}), "is not a path to a Convex function"),
        ("messages:any", json!({"$bad": 1}), "not valid encoded JSON"),
        ("messages:large", json!({}), "1048576"),
    ] {
        client.mutate(0, path, args).await;
        let response = client.next().await;
        let result = response["result"].as_str().expect("text");
        assert!(result.starts_with("[Request ID: ") && result.contains(text), "{path}: {result}");
        assert_eq!(response.get("errorData"), (path == "messages:fail").then_some(&json!({"code": 7})));
        assert!(response["ts"].is_null());
        // Clients of other languages hand out a failure with the next transition.
        assert_eq!(client.next().await["type"], "Transition", "{path}");
    }
    for (query_id, path) in ["no:where", "a b:c", "messages:send"].into_iter().enumerate() {
        client.send(modify(query_id as u32 + 1, &[add(query_id as u32, path, json!({}))])).await;
        let transition = client.next().await;
        assert_eq!(transition["modifications"][0]["type"], "QueryFailed", "{transition}");
    }
    client
        .send(json!({"type": "Action", "requestId": 9, "udfPath": "messages:echo", "args": [{"body": "x"}]}))
        .await;
    assert_eq!(
        client.next().await,
        json!({"type": "ActionResponse", "requestId": 9, "success": true, "result": "x", "logLines": []})
    );
}

#[tokio::test]
async fn identities_come_and_go() {
    let server = TestServer::start().await;
    let mut client = Client::open(&server).await;
    client.connect(0).await;
    let token = server.token("ann", 60);
    client.send(json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": token})).await;
    client.send(modify(0, &[add(0, "messages:who", json!({})), add(1, "messages:list", json!({}))])).await;
    let transition = client.next().await;
    let version = json!({"querySet": 1, "identity": 1, "ts": transition["endVersion"]["ts"]});
    assert_eq!(transition["endVersion"], version, "the first Transition has it all");
    assert_eq!(transition["modifications"][0]["value"], "ann");
    client.send(json!({"type": "Authenticate", "baseVersion": 1, "tokenType": "None"})).await;
    let transition = client.next().await;
    assert_eq!(transition["endVersion"]["identity"], 2);
    assert_eq!(transition["modifications"].as_array().expect("a list").len(), 1);
    assert_eq!(transition["modifications"][0]["value"], "nobody");
    let key = &server.admin_key;
    client
        .send(json!({
            "type": "Authenticate", "baseVersion": 2, "tokenType": "Admin", "value": key,
            "impersonating": {"subject": "eve", "issuer": "https://x"},
        }))
        .await;
    client.send(modify(1, &[add(2, "inner:secret", json!({}))])).await;
    let mut values = Vec::new();
    while values.len() < 2 {
        let transition = client.next().await;
        for modification in transition["modifications"].as_array().expect("a list") {
            values.push(modification["value"].clone());
        }
    }
    assert_eq!(values, [json!("eve"), json!(42)]);
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let server = TestServer::start().await;
    let expired = server.token("ann", -60);
    for (kind, value, text) in [
        ("User", expired.as_str(), "Token expired"),
        ("User", "x.y.z", ""),
        ("Admin", "carnitas|00", "deploy key"),
    ] {
        let mut client = Client::open(&server).await;
        client.connect(0).await;
        client
            .send(json!({"type": "Authenticate", "baseVersion": 0, "tokenType": kind, "value": value}))
            .await;
        client.mutate(0, "messages:send", json!({"body": "never"})).await;
        let (messages, close) = client.rest().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(
            (&messages[0]["type"], &messages[0]["baseVersion"], &messages[0]["authUpdateAttempted"]),
            (&json!("AuthError"), &json!(0), &json!(true))
        );
        assert!(messages[0]["error"].as_str().expect("text").contains(text), "{messages:?}");
        assert_eq!(close, None);
    }
}

#[tokio::test]
async fn a_token_that_ends_while_it_serves_is_refused() {
    let server = TestServer::start().await;
    let token = server.token("ann", 2);
    let mut client = Client::open(&server).await;
    client.connect(0).await;
    client.send(json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": token})).await;
    client.send(modify(0, &[])).await;
    let (messages, _) = client.rest().await;
    let last = messages.last().expect("messages");
    assert_eq!((&last["type"], &last["authUpdateAttempted"]), (&json!("AuthError"), &json!(false)), "{last}");
}

#[tokio::test]
async fn violations_of_the_protocol_are_fatal() {
    let server = TestServer::start().await;
    for (frame, text) in [
        (Message::text("{"), "InvalidMessage"),
        (Message::text(r#"{"type":"Dance"}"#), "InvalidMessage"),
        (Message::text(modify(7, &[]).to_string()), "BaseVersionMismatch"),
        (Message::text(json!({"type": "Connect", "sessionId": SESSION}).to_string()), "AlreadyConnected"),
        (Message::binary(Bytes::from_static(b"x")), "BinaryMessage"),
        (Message::text("x".repeat((17 << 20) + 1)), "MessageTooLarge"),
    ] {
        let mut client = Client::connected(&server).await;
        // A message that is too large may not be taken whole.
        let _ = client.socket.send(frame).await;
        let (messages, close) = client.rest().await;
        assert_eq!(messages[0]["type"], "FatalError");
        assert!(messages[0]["error"].as_str().expect("text").starts_with(text), "{messages:?}");
        assert_eq!(close, None);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_is_served() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server).await;
    client.mutate(0, "messages:send", json!({"body": "x"})).await;
    let response = client.next().await;
    let transition = client.next().await;
    assert_eq!(transition["type"], "Transition");
    let mut client = Client::open(&server).await;
    client
        .send(json!({"type": "Connect", "sessionId": SESSION, "connectionCount": 1, "lastCloseReason": null,
            "maxObservedTimestamp": transition["endVersion"]["ts"], "clientTs": 0}))
        .await;
    client.send(modify(0, &[add(0, "messages:list", json!({}))])).await;
    client.mutate(0, "messages:send", json!({"body": "x"})).await;
    let mut messages = [client.next().await, client.next().await];
    messages.sort_by_key(|message| message["type"].to_string());
    assert_eq!(messages[0], response);
    assert_eq!(messages[1]["modifications"][0]["value"], json!(["x"]));
}

#[tokio::test]
async fn a_client_from_the_future_is_turned_away() {
    let server = TestServer::start().await;
    let mut client = Client::open(&server).await;
    client
        .send(json!({"type": "Connect", "sessionId": SESSION, "connectionCount": 1, "lastCloseReason": null,
            "maxObservedTimestamp": "/////////38=", "clientTs": 0}))
        .await;
    let (messages, close) = client.rest().await;
    assert_eq!((messages.len(), close), (0, Some((1011, "InternalServerError".to_owned()))));
}

#[tokio::test]
async fn too_many_mutations_are_refused_as_overload() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server).await;
    // All in one go, so that none can be answered before the last has arrived.
    for request_id in 0..20_000 {
        let message = json!({"type": "Mutation", "requestId": request_id, "udfPath": "messages:send", "args": [{"body": "x"}]});
        if client.socket.feed(Message::text(message.to_string())).await.is_err() {
            break;
        }
    }
    let _ = client.socket.flush().await;
    let (_, close) = client.rest().await;
    assert_eq!(close, Some((1013, "TooManyConcurrentMutations".to_owned())));
}

#[tokio::test]
async fn large_transitions_come_in_chunks_to_those_who_take_them() {
    let server = TestServer::start().await;
    for (path, is_chunked) in [("/api/1.48.0/sync", true), ("/api/1.27.0/sync", false), ("/api/sync", false)]
    {
        let mut client = Client::open_path(&server, path).await;
        client.connect(0).await;
        client.send(modify(0, &[add(0, "messages:big", json!({}))])).await;
        let mut text = String::new();
        let transition = loop {
            let message = client.next().await;
            if message["type"] == "Transition" {
                break message;
            }
            assert_eq!(message["type"], "TransitionChunk");
            text.push_str(message["chunk"].as_str().expect("text"));
            if message["partNumber"].as_u64() == message["totalParts"].as_u64().map(|parts| parts - 1) {
                break serde_json::from_str(&text).expect("JSON");
            }
        };
        assert_eq!(!text.is_empty(), is_chunked, "{path}");
        let value = transition["modifications"][0]["value"].as_str().expect("text");
        assert_eq!(value.chars().count(), 4_000_000);
    }
}

#[tokio::test]
async fn other_requests_to_a_socket_url_are_refused() {
    let server = TestServer::start().await;
    for (path, code) in [
        ("/api/1.48.0/sync", "WebSocketUpgradeRequired"),
        ("/api/x/sync", "InvalidVersion"),
        ("/api/0.19.0/sync", "ClientVersionUnsupported"),
    ] {
        let response = reqwest::get(format!("{}{path}", server.url)).await.expect("an answer");
        assert_eq!(response.status(), 400);
        assert!(response.text().await.expect("text").contains(code));
    }
}

#[tokio::test]
async fn sockets_close_when_the_server_stops() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server).await;
    server.stop.send(true).expect("somebody listens");
    let (_, close) = client.rest().await;
    assert_eq!(close, Some((1001, "ServerShutdown".to_owned())));
    let ended = tokio::time::timeout(Duration::from_secs(5), server.served).await;
    ended.expect("in time").expect("no panic").expect("no error");
    assert_eq!(server.state.sockets.open.load(std::sync::atomic::Ordering::Relaxed), 0);
}
