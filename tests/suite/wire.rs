//! What bad input gets on the socket: the message and the close that clients expect, and a process that goes on.

use std::io;
use std::time::Duration;

use fusion_tests::http::{self, call};
use fusion_tests::process::Server;
use fusion_tests::random::Random;
use fusion_tests::sync::{
    ServerMessage, Socket, add_query, connect_message, decode_ts, modify_query_set_message, mutation_message,
    remove_query,
};
use serde_json::json;
use tokio::time::timeout;

use crate::{fixture, run};

const PATIENCE: Duration = Duration::from_secs(20);

async fn connected(server: &Server) -> io::Result<Socket> {
    let mut socket = Socket::open(server.address()).await?;
    socket.send(connect_message(&Random::new(Random::fresh_seed()).uuid(), 0, None)).await?;
    Ok(socket)
}

/// Reads until the server closes; returns the kinds and errors of its messages.
async fn until_closed(mut socket: Socket) -> io::Result<Vec<(String, Option<String>)>> {
    let mut messages = Vec::new();
    let closed = timeout(PATIENCE, async {
        while let Ok(Some(text)) = socket.next().await {
            let Ok(message) = ServerMessage::parse(&text) else { continue };
            messages.push((message.kind.to_owned(), message.error));
        }
    });
    closed.await.map_err(|_| io::Error::other("the server did not close"))?;
    Ok(messages)
}

/// Reads the next message of a kind.
async fn next_of(socket: &mut Socket, kind: &str) -> io::Result<String> {
    let found = timeout(PATIENCE, async {
        while let Some(text) = socket.next().await? {
            if ServerMessage::parse(&text)?.kind == kind {
                return Ok(text.to_string());
            }
        }
        Err(io::Error::other(format!("closed before a {kind}")))
    });
    found.await.map_err(|_| io::Error::other(format!("no {kind} came")))?
}

/// Sends one message on a fresh connection and expects a `FatalError` that contains `fragment`.
async fn expect_fatal(server: &Server, message: &str, fragment: &str) -> io::Result<()> {
    let mut socket = connected(server).await?;
    socket.send(message.to_owned()).await?;
    let messages = until_closed(socket).await?;
    let fatal = messages.iter().find(|(kind, _)| kind == "FatalError");
    let text = fatal.and_then(|(_, error)| error.as_deref()).unwrap_or_default();
    assert!(text.contains(fragment), "{message:.200} got {messages:?}, without {fragment:?}");
    Ok(())
}

#[test]
fn messages_outside_the_protocol_are_fatal_for_their_connection_only() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        expect_fatal(&server, "{", "").await?;
        expect_fatal(&server, r#"{"type":"Nonsense"}"#, "").await?;
        expect_fatal(&server, r#"{"type":"Mutation","requestId":-1,"udfPath":"a:b","args":[{}]}"#, "")
            .await?;
        expect_fatal(&server, &modify_query_set_message(3, 4, &[]), "BaseVersionMismatch").await?;
        let twice = [add_query(0, "a:b", "{}", None), add_query(0, "a:c", "{}", None)];
        expect_fatal(&server, &modify_query_set_message(0, 1, &twice), "").await?;
        expect_fatal(&server, &modify_query_set_message(0, 1, &[remove_query(9)]), "").await?;
        let mut socket = connected(&server).await?;
        socket.send_binary(vec![1, 2, 3]).await?;
        until_closed(socket).await?;
        assert_eq!(call(&server, "counters:get", json!({"name": "x"})).await?, json!(0.0));
        Ok(())
    })
}

#[test]
fn a_client_that_has_seen_the_future_is_refused() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let mut socket = Socket::open(server.address()).await?;
        let session = Random::new(3).uuid();
        socket.queue(connect_message(&session, 1, Some(i64::MAX as u64))).await?;
        socket.send(modify_query_set_message(0, 1, &[])).await?;
        let messages = until_closed(socket).await?;
        assert!(!messages.iter().any(|(kind, _)| kind == "Transition"), "{messages:?}");
        Ok(())
    })
}

#[test]
fn bad_credentials_get_an_auth_error_that_does_not_advance_the_identity() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        for (token_type, value) in [("User", "no.token.at-all"), ("User", "x"), ("Admin", "nobody|0123")] {
            let mut socket = connected(&server).await?;
            let message =
                json!({"type": "Authenticate", "baseVersion": 0, "tokenType": token_type, "value": value});
            socket.send(message.to_string()).await?;
            let text = next_of(&mut socket, "AuthError").await?;
            let error: serde_json::Value = serde_json::from_str(&text)?;
            assert_eq!(error["baseVersion"], json!(0), "{text}");
            assert_eq!(error["authUpdateAttempted"], json!(true), "{text}");
            assert!(error["error"].as_str().is_some_and(|error| error.len() > 10), "{text}");
            until_closed(socket).await?;
        }
        Ok(())
    })
}

#[test]
fn a_replayed_mutation_answers_with_its_first_result_and_does_not_run_again() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let session = Random::new(Random::fresh_seed()).uuid();
        let mutation = mutation_message(7, "counters:add", r#"{"name":"x","by":3}"#);
        let mut answers = Vec::new();
        for connection in 0..3 {
            let mut socket = Socket::open(server.address()).await?;
            socket.queue(connect_message(&session, connection, None)).await?;
            socket.queue(modify_query_set_message(0, 1, &[])).await?;
            // Twice on the same connection, too.
            socket.queue(mutation.clone()).await?;
            socket.send(mutation.clone()).await?;
            for _ in 0..2 {
                let text = next_of(&mut socket, "MutationResponse").await?;
                let message = ServerMessage::parse(&text)?;
                answers.push((
                    message.result.map(|result| result.get().to_owned()),
                    message.ts.map(str::to_owned),
                ));
                let ts = decode_ts(message.ts.unwrap_or_default())?;
                let transition = next_of(&mut socket, "Transition").await?;
                let end = ServerMessage::parse(&transition)?.end_version.map(|version| version.ts.to_owned());
                assert!(decode_ts(&end.unwrap_or_default())? >= ts, "{transition}");
            }
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(call(&server, "counters:get", json!({"name": "x"})).await?, json!(3.0));
        Ok(())
    })
}

#[test]
fn two_connections_of_one_session_apply_a_mutation_once() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let session = Random::new(Random::fresh_seed()).uuid();
        for request in 0..20 {
            let mutation = mutation_message(request, "counters:add", r#"{"name":"once","by":1}"#);
            let mut sockets = Vec::new();
            for _ in 0..4 {
                let mut socket = Socket::open(server.address()).await?;
                socket.queue(connect_message(&session, 0, None)).await?;
                socket.send(mutation.clone()).await?;
                sockets.push(socket);
            }
            for socket in &mut sockets {
                next_of(socket, "MutationResponse").await?;
            }
        }
        assert_eq!(call(&server, "counters:get", json!({"name": "once"})).await?, json!(20.0));
        Ok(())
    })
}

#[test]
fn a_query_with_wrong_arguments_fails_alone() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let mut socket = connected(&server).await?;
        let queries = [
            add_query(0, "counters:get", r#"{"name":"x"}"#, None),
            add_query(1, "counters:get", r#"{"name":1}"#, None),
            add_query(2, "nowhere:get", "{}", None),
            add_query(3, "counters:add", r#"{"name":"x","by":1}"#, None),
        ];
        socket.send(modify_query_set_message(0, 1, &queries)).await?;
        let text = next_of(&mut socket, "Transition").await?;
        let mut transition = ServerMessage::parse(&text)?;
        transition.modifications.sort_by_key(|change| change.query_id);
        let kinds: Vec<_> = transition.modifications.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, ["QueryUpdated", "QueryFailed", "QueryFailed", "QueryFailed"], "{text}");
        let texts: Vec<_> =
            transition.modifications.iter().filter_map(|change| change.error_message.as_deref()).collect();
        assert!(texts[0].contains("ArgumentValidationError"), "{}", texts[0]);
        assert!(texts[1].contains("Could not find public function for 'nowhere:get'"), "{}", texts[1]);
        assert!(texts[2].contains("as Query, but it is defined as Mutation"), "{}", texts[2]);
        Ok(())
    })
}

#[test]
fn a_client_that_does_not_read_costs_a_bounded_queue_and_catches_up() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let mut lazy = connected(&server).await?;
        let query = add_query(0, "messages:list", r#"{"channel":"big"}"#, None);
        lazy.send(modify_query_set_message(0, 1, &[query])).await?;
        let text = "x".repeat(20_000);
        for _ in 0..200 {
            call(&server, "messages:send", json!({"channel": "big", "body": text})).await?;
        }
        // 200 full results would be 400 MB; what was queued in vain would show in memory.
        let resident = server.resident_bytes()?;
        assert!(resident < 400_000_000, "{resident} bytes resident");
        let (mut transitions, mut rows) = (0, 0);
        while rows < 200 {
            let message = next_of(&mut lazy, "Transition").await?;
            transitions += 1;
            if let Some(value) =
                ServerMessage::parse(&message)?.modifications.first().and_then(|change| change.value)
            {
                rows = serde_json::from_str::<Vec<serde_json::Value>>(value.get())?.len();
            }
        }
        assert!(transitions < 190, "{transitions} transitions were queued for a client that did not read");
        Ok(())
    })
}

#[test]
fn oversized_and_malformed_requests_get_their_status() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let post = async |path: &str, body: &[u8]| {
            let headers = "Content-Type: application/json\r\n";
            http::request(server.address(), "POST", path, headers, body).await
        };
        assert_eq!(post("/api/mutation", b"{").await?.status, 400);
        assert_eq!(post("/api/mutation", b"[]").await?.status, 400);
        let large = json!({"path": "messages:send", "args": {"channel": "x", "body": "y".repeat(1_100_000)}});
        let answer = post("/api/mutation", large.to_string().as_bytes()).await?.json()?;
        assert_eq!(answer["status"], "error", "a document over 1 MiB: {answer:.300}");
        assert_eq!(post("/api/nothing", b"{}").await?.status, 404);
        let ts = json!({"path": "counters:get", "args": {"name": "x"}, "ts": "AAAA"});
        assert_eq!(post("/api/query_at_ts", ts.to_string().as_bytes()).await?.status, 400);
        assert_eq!(call(&server, "counters:get", json!({"name": "x"})).await?, json!(0.0));
        Ok(())
    })
}
