//! Live queries with the real runner and database.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use fusion_schema::{Doc, Object, Schema, Table, Typed, Value, object};

use super::{LiveSession, LiveUpdate};
use crate::Result;
use crate::auth::{Identity, UserIdentity};
use crate::clock::SystemClock;
use crate::database::{Order, Query, QuerySource, Timestamp};
use crate::function::testing::{call, runner, value};
use crate::function::{Application, FunctionRunner, MutationCtx, Outcome, QueryCtx, Visibility};

#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "boards",
    index(name = "by_name", fields("name")),
    search(name = "by_text", field = "text", filters("isPrivate"))
)]
struct Board {
    name: String,
    text: String,
    is_private: bool,
}

#[derive(Typed)]
struct Named {
    name: String,
}

fn board(ctx: &mut QueryCtx<'_>, name: &str) -> Result<Option<Doc<Board>>> {
    ctx.db().query::<Board>().index("by_name").eq("name", name).first()
}

fn read(ctx: &mut QueryCtx<'_>, args: Named) -> Result<String> {
    let Some(board) = board(ctx, &args.name)? else { return Ok("nothing".to_owned()) };
    if !board.is_private {
        return Ok(board.text.clone());
    }
    let user = ctx.identity()?;
    let org = user.as_ref().and_then(|user| user.claim("orgId")).and_then(Value::as_str).unwrap_or("nobody");
    Ok(format!("{} for {org}", board.text))
}

fn write(ctx: &mut MutationCtx<'_>, args: Board) -> Result<()> {
    let found = ctx.db().query::<Board>().index("by_name").eq("name", &*args.name).first()?;
    match found {
        Some(mut board) => {
            board.text = args.text;
            board.is_private = args.is_private;
            ctx.db().save(board)
        }
        None => ctx.db().insert(args).map(drop),
    }
}

/// A runner, and how often `boards:read` and `boards:search` ran.
fn start() -> (Arc<FunctionRunner>, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let (counter, searches) = (runs.clone(), runs.clone());
    let mut app = Application::new("test").schema(Schema::new(vec![Board::definition()]));
    app.module("boards", Visibility::Public, (), |module| {
        module
            .query("read", move |ctx: &mut QueryCtx<'_>, args: Named| {
                counter.fetch_add(1, Ordering::SeqCst);
                read(ctx, args)
            })
            .mutation("write", write)
            .query("search", move |ctx: &mut QueryCtx<'_>, args: Named| {
                searches.fetch_add(1, Ordering::SeqCst);
                let query = ctx.db().query::<Board>();
                let query = query
                    .with_search_index("by_text", |q| q.search("text", args.name).eq("isPrivate", false));
                let names: Vec<String> = query.take(3)?.into_iter().map(|board| board.name.clone()).collect();
                Ok(names.join(" "))
            })
            .query("count", |ctx: &mut QueryCtx<'_>, args: Named| {
                let scan = QuerySource::FullTableScan { table: args.name, order: Order::Asc };
                let mut stream = ctx.tx().query(&Query { source: scan, operators: Vec::new() })?;
                let mut count = 0_i64;
                while stream.next(ctx.tx())?.is_some() {
                    count += 1;
                }
                Ok(count.to_string())
            })
            .mutation("make", |ctx: &mut MutationCtx<'_>, args: Named| {
                ctx.tx().insert(&args.name, Object::new()).map(drop)
            });
    });
    let runner = runner(app, Arc::new(SystemClock));
    runner.deployment().database.apply_schema(&Schema::new(vec![Board::definition()])).unwrap();
    hear_of_everything(&runner);
    (runner, runs)
}

/// Waits until the live queries have heard of all that is published: before that they keep no results of it.
fn hear_of_everything(runner: &FunctionRunner) {
    let ts = runner.deployment().database.published().ts();
    let mut client = Client::new(runner, Identity::Anonymous);
    client.session.want_ts(ts);
    client.wait_until("the timestamp", |client, _| client.ts >= ts);
}

async fn set(runner: &Arc<FunctionRunner>, name: &str, text: &str, is_private: bool) -> Timestamp {
    let args = object! { "name" => name, "text" => text, "isPrivate" => is_private };
    let outcome = runner.mutation(call("boards:write", args)).await;
    assert!(outcome.result.is_ok(), "{outcome:?}");
    outcome.ts
}

fn name(name: &str) -> Object {
    object! { "name" => name }
}

fn member_of(org: &str) -> Identity {
    let claims = serde_json::json!({ "issuer": "https://i", "subject": "s", "orgId": org });
    Identity::User(Arc::new(UserIdentity::from_impersonation_json(&claims).unwrap()))
}

struct Client {
    session: LiveSession,
    woken: Receiver<()>,
    known: HashMap<u32, String>,
    ts: Timestamp,
}

impl Client {
    fn new(runner: &FunctionRunner, identity: Identity) -> Self {
        let (sender, woken) = channel();
        let session = runner.live_queries().session(Arc::new(move || {
            let _ = sender.send(());
        }));
        session.set_identity(identity);
        Self { session, woken, known: HashMap::new(), ts: 0 }
    }

    fn poll(&mut self) -> LiveUpdate {
        let update = self.session.poll();
        assert!(update.ts >= self.ts);
        self.ts = update.ts;
        for (query_id, result) in &update.changes {
            self.known.insert(*query_id, result.json.as_ref().unwrap().trim_matches('"').to_owned());
        }
        update
    }

    fn wait_until(&mut self, what: &str, is_reached: impl Fn(&Self, &LiveUpdate) -> bool) {
        loop {
            let update = self.poll();
            if is_reached(self, &update) {
                return;
            }
            self.woken.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("waited for {what}"));
        }
    }

    fn wait_for(&mut self, query_id: u32, text: &str) {
        self.wait_until(text, |client, _| client.known.get(&query_id).is_some_and(|known| known == text));
    }
}

#[tokio::test]
async fn two_organisations_share_a_result_until_its_data_become_private() {
    let (runner, runs) = start();
    set(&runner, "b", "open", false).await;
    hear_of_everything(&runner);
    let mut clients = [Client::new(&runner, member_of("one")), Client::new(&runner, member_of("two"))];
    for client in &mut clients {
        client.session.add(7, call("boards:read", name("b")), None);
        client.wait_for(7, "open");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1, "both are shown one result");
    set(&runner, "b", "secret", true).await;
    clients[0].wait_for(7, "secret for one");
    clients[1].wait_for(7, "secret for two");
    assert_eq!(runs.load(Ordering::SeqCst), 4, "trapped, then once for each organisation");
    let mut colleague = Client::new(&runner, member_of("one"));
    colleague.session.add(1, call("boards:read", name("b")), None);
    colleague.wait_for(1, "secret for one");
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    // Another token of the same person's changes nothing; another organisation's does.
    colleague.session.set_identity(member_of("one"));
    assert!(colleague.poll().is_settled);
    colleague.session.set_identity(member_of("two"));
    colleague.wait_for(1, "secret for two");
    set(&runner, "b", "open again", false).await;
    for (client, query_id) in clients.iter_mut().chain([&mut colleague]).zip([7, 7, 1]) {
        client.wait_for(query_id, "open again");
    }
}

#[tokio::test]
async fn a_new_subscription_sees_what_was_answered_before() {
    let (runner, _) = start();
    // Its result is what a newcomer would be shown at once.
    let mut other = Client::new(&runner, Identity::Anonymous);
    other.session.add(0, call("boards:read", name("b")), None);
    other.wait_for(0, "nothing");
    let mut client = Client::new(&runner, Identity::Anonymous);
    let (sender, receiver) = channel();
    let args = object! { "name" => "b", "text" => "new", "isPrivate" => false };
    // Whoever hears of the outcome may subscribe before the live queries have heard of the commit.
    let done = move |outcome: Outcome| {
        assert!(outcome.result.is_ok());
        client.session.add(0, call("boards:read", name("b")), None);
        client.poll();
        let _ = sender.send(client);
    };
    // Not alone, so that its answer comes from the thread that publishes, before others hear of the commit.
    let _company = runner.counted(|_| ());
    runner.submit_mutation(call("boards:write", args), None, done);
    let mut client = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_ne!(client.known.get(&0).map(String::as_str), Some("nothing"), "it was shown what was before");
    client.wait_for(0, "new");
}

#[tokio::test]
async fn a_thousand_sessions_cost_one_run() {
    let (runner, runs) = start();
    let mut clients: Vec<_> = (0..1_000).map(|_| Client::new(&runner, Identity::Anonymous)).collect();
    for client in &mut clients {
        client.session.add(0, call("boards:read", name("b")), None);
    }
    clients.iter_mut().for_each(|client| client.wait_for(0, "nothing"));
    set(&runner, "b", "new", false).await;
    clients.iter_mut().for_each(|client| client.wait_for(0, "new"));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_session_reaches_the_timestamp_it_wants_though_nothing_it_shows_changed() {
    let (runner, runs) = start();
    let mut client = Client::new(&runner, Identity::Anonymous);
    client.session.add(0, call("boards:read", name("b")), None);
    client.wait_for(0, "nothing");
    let ts = set(&runner, "other", "x", false).await;
    client.session.want_ts(ts);
    client.wait_until("the timestamp", |client, update| client.ts >= ts && update.is_settled);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn single_calls_share_a_result_as_long_as_it_holds() {
    let (runner, runs) = start();
    let ask = async |org: &str| {
        let mut call = call("boards:read", name("b"));
        call.identity = member_of(org);
        let outcome = runner.query(call, None).await;
        value(&outcome).unwrap()
    };
    assert_eq!((ask("one").await, ask("two").await), (Value::from("nothing"), Value::from("nothing")));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    set(&runner, "other", "x", false).await;
    ask("one").await;
    assert_eq!(runs.load(Ordering::SeqCst), 1, "nothing it read has changed");
    for round in 0..20 {
        set(&runner, "b", &round.to_string(), round % 2 == 1).await;
        let text = if round % 2 == 1 { format!("{round} for one") } else { round.to_string() };
        assert_eq!(ask("one").await, Value::from(text), "a call sees what was answered before");
    }
    hear_of_everything(&runner);
    assert_eq!(ask("two").await, Value::from("19 for two"));
    let mut client = Client::new(&runner, member_of("two"));
    client.session.add(0, call("boards:read", name("b")), None);
    client.wait_for(0, "19 for two");
    assert_eq!(runs.load(Ordering::SeqCst), 22, "a subscription is shown what a call left");
}

#[tokio::test]
async fn other_functions_run_all_queries_again() {
    let (runner, runs) = start();
    let mut client = Client::new(&runner, Identity::Anonymous);
    client.session.add(0, call("boards:read", name("b")), None);
    client.wait_for(0, "nothing");
    let mut app = Application::new("test").schema(Schema::new(vec![Board::definition()]));
    app.module("boards", Visibility::Public, (), |module| {
        module.query("read", |_: &mut QueryCtx<'_>, _: Named| Ok("something else".to_owned()));
    });
    runner.set_registry(app.build().unwrap()).unwrap();
    client.wait_for(0, "something else");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_query_of_a_table_that_does_not_exist_sees_it_come() {
    let (runner, _) = start();
    let mut client = Client::new(&runner, Identity::Anonymous);
    client.session.add(0, call("boards:count", name("strange")), None);
    client.wait_for(0, "0");
    for count in 1..4 {
        assert!(runner.mutation(call("boards:make", name("strange"))).await.result.is_ok());
        client.wait_for(0, &count.to_string());
    }
}

#[tokio::test]
async fn a_search_runs_again_when_what_it_looks_for_comes_or_goes() {
    let (runner, runs) = start();
    set(&runner, "a", "hello world", false).await;
    hear_of_everything(&runner);
    let mut client = Client::new(&runner, Identity::Anonymous);
    client.session.add(0, call("boards:search", name("world hel")), None);
    client.wait_for(0, "a");
    for (board, text, is_private) in
        [("b", "something else", false), ("c", "hello", true), ("b", "he", false)]
    {
        let ts = set(&runner, board, text, is_private).await;
        client.session.want_ts(ts);
        client.wait_until("the timestamp", |client, update| client.ts >= ts && update.is_settled);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1, "nothing it looks for has changed");
    set(&runner, "b", "help", false).await;
    client.wait_for(0, "a b");
    set(&runner, "c", "worldly hello", false).await;
    client.wait_for(0, "a b c");
    set(&runner, "a", "gone", false).await;
    client.wait_for(0, "b c");
    let answer = runner.query(call("boards:search", name("world hel")), None).await;
    assert_eq!(value(&answer).unwrap(), Value::from("b c"));
    assert_eq!(runs.load(Ordering::SeqCst), 4, "a call is shown what the subscription is");
}
