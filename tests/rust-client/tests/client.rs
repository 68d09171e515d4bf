//! The official Rust client, crate `convex`, against a real server process.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use convex::{ConvexClient, FunctionResult, Value};
use fusion_rust_client::fixture;
use fusion_rust_client::process::free_port;
use futures_util::StreamExt;
use tokio::time::timeout;

type Outcome = Result<(), Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(30);

fn args<const N: usize>(pairs: [(&str, Value); N]) -> BTreeMap<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn counter(name: &str) -> BTreeMap<String, Value> {
    args([("name", name.into())])
}

fn add(name: &str, by: f64) -> BTreeMap<String, Value> {
    args([("name", name.into()), ("by", by.into())])
}

fn value(result: FunctionResult) -> Result<Value, String> {
    match result {
        FunctionResult::Value(value) => Ok(value),
        FunctionResult::ErrorMessage(message) => Err(message),
        FunctionResult::ConvexError(error) => Err(format!("{}: {:?}", error.message, error.data)),
    }
}

#[tokio::test]
async fn queries_mutations_actions_and_subscriptions() -> Outcome {
    let (launch, _folder) = fixture()?;
    let server = launch.start()?;
    let mut client = ConvexClient::new(&server.url).await?;
    assert_eq!(value(client.query("counters:get", counter("a")).await?)?, Value::Float64(0.0));
    let mut subscription = client.subscribe("counters:get", counter("a")).await?;
    let first = timeout(PATIENCE, subscription.next()).await?.ok_or("the subscription ended")?;
    assert_eq!(value(first)?, Value::Float64(0.0));
    assert_eq!(value(client.mutation("counters:add", add("a", 2.0)).await?)?, Value::Float64(2.0));
    let second = timeout(PATIENCE, subscription.next()).await?.ok_or("the subscription ended")?;
    assert_eq!(value(second)?, Value::Float64(2.0));
    let anything = Value::Array(vec![
        Value::Int64(i64::MIN),
        Value::Bytes(vec![0, 255]),
        Value::Null,
        Value::Float64(f64::INFINITY),
    ]);
    let echoed = client.action("values:actionEcho", args([("value", anything.clone())])).await?;
    assert_eq!(value(echoed)?, anything);
    Ok(())
}

#[tokio::test]
async fn errors_carry_their_message_and_data() -> Outcome {
    let (launch, _folder) = fixture()?;
    let server = launch.start()?;
    let mut client = ConvexClient::new(&server.url).await?;
    match client.query("values:fail", args([("text", "plainly".into())])).await? {
        FunctionResult::ErrorMessage(message) => assert!(message.contains("plainly"), "{message}"),
        other => panic!("{other:?}"),
    }
    let data = Value::Object(args([("code", Value::Int64(7))]));
    match client.mutation("values:mutationFailWith", args([("value", data.clone())])).await? {
        FunctionResult::ConvexError(error) => assert_eq!(error.data, data),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_finds_the_server_again_after_crashes() -> Outcome {
    let (launch, _folder) = fixture()?;
    let launch = launch.port(free_port()?);
    let mut server = launch.start()?;
    let client = ConvexClient::new(&server.url).await?;
    let mut subscription = client.clone().subscribe("counters:get", counter("crash")).await?;
    // Nothing is in flight when the server is killed: this client opens a new session with every connection, so
    // no server can tell whether what it sends again was done already.
    for crash in 1..=3_i32 {
        let call = async { client.clone().mutation("counters:add", add("crash", 1.0)).await };
        value(timeout(PATIENCE, call).await??)?;
        let expected = Value::Float64(f64::from(crash));
        let shown = timeout(PATIENCE, async {
            while let Some(result) = subscription.next().await {
                if value(result).as_ref() == Ok(&expected) {
                    return true;
                }
            }
            false
        });
        assert!(shown.await?, "the subscription ended");
        server.kill()?;
        server = launch.start()?;
    }
    Ok(())
}
