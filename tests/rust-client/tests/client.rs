//! The official Rust client, crate `convex`, against a real server process.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use convex::{ConvexClient, FunctionResult, Value};
use fusion_rust_client::fixture;
use fusion_rust_client::process::free_port;
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};

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
    let anything = Value::Array(vec![Value::Int64(i64::MIN), Value::Bytes(vec![0, 255]), Value::Null, Value::Float64(f64::INFINITY)]);
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
async fn mutations_in_flight_survive_a_crash_of_the_server_exactly_once() -> Outcome {
    const CALLS: usize = 60;
    let (launch, _folder) = fixture()?;
    let launch = launch.port(free_port()?);
    let mut server = launch.start()?;
    let client = ConvexClient::new(&server.url).await?;
    let mut subscription = client.clone().subscribe("counters:get", counter("crash")).await?;
    let calls: Vec<_> = (0..CALLS)
        .map(|i| {
            let mut client = client.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(10 * i as u64)).await;
                client.mutation("counters:add", add("crash", 1.0)).await
            })
        })
        .collect();
    for _ in 0..3 {
        sleep(Duration::from_millis(150)).await;
        server.kill()?;
        server = launch.start()?;
    }
    for call in calls {
        value(timeout(PATIENCE, call).await???)?;
    }
    let expected = Value::Float64(CALLS as f64);
    assert_eq!(value(client.clone().query("counters:get", counter("crash")).await?)?, expected);
    let converged = timeout(PATIENCE, async {
        while let Some(result) = subscription.next().await {
            if value(result).as_ref() == Ok(&expected) {
                return true;
            }
        }
        false
    });
    assert!(converged.await?, "the subscription ended");
    Ok(())
}
