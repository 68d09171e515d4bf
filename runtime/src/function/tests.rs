//! The runner end to end: queries, mutations, actions, nesting, replays, order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use fusion_schema::{Doc, Id, Object, Schema, Table, Typed, Value, object};

use super::testing::{ManualClock, call, runner, runner_on, value};
use super::*;
use crate::auth::Identity;
use crate::limits::SESSION_MUTATIONS_MAX;
use crate::{Error, Result};

#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "counters", index(name = "by_name", fields("name")))]
struct Counter {
    name: String,
    value: f64,
}

#[derive(Typed)]
struct Named {
    name: String,
}

#[derive(Typed)]
struct Touch {
    id: Id<Counter>,
}

fn read(ctx: &mut QueryCtx<'_>, args: Named) -> Result<f64> {
    let counter = find(ctx, &args.name)?;
    Ok(counter.map_or(0.0, |counter| counter.value))
}

fn find(ctx: &mut QueryCtx<'_>, name: &str) -> Result<Option<Doc<Counter>>> {
    ctx.db().query::<Counter>().filter(name_is(name)).first()
}

fn name_is(name: &str) -> crate::database::Expression {
    use crate::database::Expression;
    Expression::field("name").eq(Expression::literal(name))
}

fn add(ctx: &mut MutationCtx<'_>, args: Named) -> Result<f64> {
    ctx.log(LogLevel::Log, format!("adding to {}", args.name));
    let value = match find(ctx, &args.name)? {
        Some(mut counter) => {
            counter.value += 1.0;
            let value = counter.value;
            ctx.db().save(counter)?;
            value
        }
        None => {
            ctx.db().insert(Counter { name: args.name, value: 1.0 })?;
            1.0
        }
    };
    Ok(value)
}

fn add_then_fail(ctx: &mut MutationCtx<'_>, args: Named) -> Result<()> {
    add(ctx, args)?;
    Err(Error::application(object! { "code" => "NO" }))
}

fn catching(ctx: &mut MutationCtx<'_>, (): ()) -> Result<String> {
    ctx.run_mutation::<f64>("counters:add", object! { "name" => "kept" })?;
    let failed = ctx.run_mutation::<()>("counters:addThenFail", object! { "name" => "undone" });
    Ok(failed.unwrap_err().message().to_owned())
}

fn failing(ctx: &mut MutationCtx<'_>, (): ()) -> Result<()> {
    ctx.run_mutation("counters:addThenFail", object! { "name" => "undone" })
}

fn deeper(ctx: &mut MutationCtx<'_>, (): ()) -> Result<f64> {
    ctx.run_mutation("counters:deeper", ())
}

fn app() -> Application {
    let mut app = Application::new("test").schema(Schema::new(vec![Counter::definition()]));
    app.module("counters", Visibility::Public, (), |module| {
        module
            .query("read", read)
            .mutation("add", add)
            .mutation("addThenFail", add_then_fail)
            .mutation("peek", |ctx: &mut MutationCtx<'_>, args: Named| read(ctx, args))
            .mutation("catching", catching)
            .mutation("failing", failing)
            .mutation("deeper", deeper)
            .mutation("panics", |_: &mut MutationCtx<'_>, (): ()| -> Result<()> {
                panic!("expected by the test")
            })
            .query("touch", |ctx: &mut QueryCtx<'_>, args: Touch| Ok(ctx.db().get(args.id)?.is_some()))
            .query("who", |ctx: &mut QueryCtx<'_>, (): ()| Ok(ctx.identity()?.is_some()))
            .query("time", |ctx: &mut QueryCtx<'_>, (): ()| Ok(ctx.now()))
            .query("site", |ctx: &mut QueryCtx<'_>, (): ()| ctx.env("CONVEX_SITE_URL"))
            .action("twice", |ctx: ActionCtx<()>, args: Named| async move {
                ctx.run_mutation::<f64>("counters:add", object! { "name" => args.name.as_str() }).await?;
                ctx.run_mutation::<f64>("counters:add", object! { "name" => args.name.as_str() }).await?;
                ctx.log(LogLevel::Info, "done");
                ctx.run_query::<f64>("counters:read", object! { "name" => args.name }).await
            })
            .action("failingAction", |ctx: ActionCtx<()>, (): ()| async move {
                ctx.run_mutation::<()>("counters:failing", ()).await
            });
    });
    app
}

fn name(text: &str) -> Object {
    object! { "name" => text }
}

fn clock() -> Arc<ManualClock> {
    ManualClock::at_ms(1_700_000_000_000)
}

#[tokio::test]
async fn a_query_sees_what_a_mutation_wrote() {
    let runner = runner(app(), clock());
    let outcome = runner.mutation(call("counters:add", name("a"))).await;
    assert_eq!(value(&outcome), Ok(Value::from(1.0)));
    assert_eq!(outcome.log_lines[0].to_string(), "[LOG] 'adding to a'");
    assert!(outcome.ts > 0);
    let outcome = runner.query(call("counters.js:read", name("a")), None).await;
    assert_eq!(value(&outcome), Ok(Value::from(1.0)));
    assert_eq!(
        value(&runner.query(call("counters:site", object! {}), None).await),
        Ok(Value::from("http://site"))
    );
}

#[tokio::test]
async fn arguments_are_checked_before_the_function_runs() {
    let runner = runner(app(), clock());
    let error = value(&runner.query(call("counters:read", object! {}), None).await).unwrap_err();
    assert!(
        error.starts_with("ArgumentValidationError: Object is missing the required field `name`."),
        "{error}"
    );
    // An id of another table is no argument either.
    let id = fusion_schema::DocumentId::new(fusion_schema::TableNumber(10_007), [0; 16]);
    let error = value(&runner.query(call("counters:touch", object! { "id" => id }), None).await).unwrap_err();
    assert!(error.starts_with("ArgumentValidationError: "), "{error}");
}

#[tokio::test]
async fn what_cannot_be_found_says_so() {
    let runner = runner(app(), clock());
    let missing = call("no:where", object! {});
    let public = "Could not find public function for 'no:where'. Did you forget to run `npx convex dev`?";
    assert_eq!(value(&runner.query(missing.clone(), None).await), Err(public.to_owned()));
    assert_eq!(value(&runner.mutation(missing.clone()).await), Err(public.to_owned()));
    assert_eq!(value(&runner.action(missing.clone()).await), Err(public.to_owned()));
    assert_eq!(value(&runner.any(missing).await), Err(public.replace("public ", "")));
    let wrong = value(&runner.query(call("counters:add", name("a")), None).await).unwrap_err();
    assert_eq!(wrong, "Trying to execute counters.js:add as Query, but it is defined as Mutation.");
}

#[tokio::test]
async fn a_failed_nested_mutation_undoes_its_own_writes_only() {
    let runner = runner(app(), clock());
    let message = value(&runner.mutation(call("counters:catching", object! {})).await).unwrap();
    assert_eq!(message, Value::from(r#"Uncaught ConvexError: {"code":"NO"}"#));
    assert_eq!(value(&runner.query(call("counters:read", name("kept")), None).await), Ok(Value::from(1.0)));
    assert_eq!(value(&runner.query(call("counters:read", name("undone")), None).await), Ok(Value::from(0.0)));
}

#[tokio::test]
async fn errors_wrap_each_other_and_keep_their_data() {
    let runner = runner(app(), clock());
    let outcome = runner.action(call("counters:failingAction", object! {})).await;
    let error = outcome.result.unwrap_err();
    assert_eq!(
        error.detail(),
        r#"Uncaught ConvexError: Uncaught ConvexError: Uncaught ConvexError: {"code":"NO"}"#
    );
    assert_eq!(error.data, Some(Value::Object(object! { "code" => "NO" })));
    assert_eq!(error.message.matches("Request ID").count(), 1);
}

#[tokio::test]
async fn nesting_is_bounded() {
    let runner = runner(app(), clock());
    let error = value(&runner.mutation(call("counters:deeper", object! {})).await).unwrap_err();
    assert!(error.contains("at most 8 levels deep"), "{error}");
}

#[tokio::test]
async fn a_panic_fails_its_call_alone() {
    let runner = runner(app(), clock());
    let error = runner.mutation(call("counters:panics", object! {})).await.result.unwrap_err();
    assert!(error.is_system());
    assert!(!error.message.contains("expected by the test"), "{}", error.message);
    assert_eq!(value(&runner.mutation(call("counters:add", name("a"))).await), Ok(Value::from(1.0)));
}

#[tokio::test]
async fn an_action_calls_and_prints() {
    let runner = runner(app(), clock());
    let outcome = runner.action(call("counters:twice", name("a"))).await;
    assert_eq!(value(&outcome), Ok(Value::from(2.0)));
    assert_eq!(outcome.log_lines[0].to_string(), "[INFO] 'done'");
}

#[tokio::test]
async fn a_shared_run_is_trapped_by_the_identity() {
    let runner = runner(app(), clock());
    let run = |path: &str, access| {
        let tx = runner.deployment().database.begin_query();
        runner.run_query(&call(path, object! {}), tx, None, access)
    };
    let trapped = run("counters:who", IdentityAccess::Trap);
    assert!(trapped.observed.identity && trapped.outcome.result.is_err());
    let open = run("counters:who", IdentityAccess::Open);
    assert!(open.observed.identity && !open.observed.clock);
    assert_eq!(value(&open.outcome), Ok(Value::from(false)));
    let time = run("counters:time", IdentityAccess::Trap);
    assert!(time.observed.clock && !time.observed.identity);
    assert_eq!(value(&time.outcome), Ok(Value::from(1_700_000_000_000.0)));
}

/// Submits mutations of one session and waits for all outcomes, in the order they came.
fn submit(runner: &Arc<FunctionRunner>, requests: &[(u32, &str, &str)]) -> Vec<(u32, Outcome)> {
    let (sender, outcomes) = channel();
    for (request_id, path, counter) in requests {
        let (sender, request_id) = (sender.clone(), *request_id);
        let session = SessionRequest { session_id: 7, request_id };
        runner.submit_mutation(call(path, name(counter)), Some(session), move |outcome| {
            sender.send((request_id, outcome)).unwrap();
        });
    }
    drop(sender);
    outcomes.iter().collect()
}

#[test]
fn mutations_of_a_session_run_in_order() {
    let runner = runner(app(), clock());
    let requests: Vec<_> = (0..200).map(|number| (number, "counters:add", "a")).collect();
    let outcomes = submit(&runner, &requests);
    assert_eq!(outcomes.len(), 200);
    for (place, (request_id, outcome)) in outcomes.iter().enumerate() {
        assert_eq!(*request_id as usize, place);
        assert_eq!(value(outcome), Ok(Value::from(place as f64 + 1.0)));
    }
    assert!(outcomes.windows(2).all(|pair| pair[0].1.ts < pair[1].1.ts));
}

#[test]
fn nobody_hears_of_a_mutation_before_it_is_durable() {
    let runner = runner(app(), clock());
    let (sender, outcomes) = channel();
    for request_id in 0..50 {
        // Every second one only reads what the one before it wrote, and every third fails.
        let path = ["counters:add", "counters:peek", "counters:addThenFail"][request_id as usize % 3];
        let (sender, database) = (sender.clone(), runner.deployment().database.clone());
        let session = SessionRequest { session_id: 7, request_id };
        runner.submit_mutation(call(path, name("a")), Some(session), move |outcome| {
            sender.send((outcome.ts, database.published().ts())).unwrap();
        });
    }
    drop(sender);
    let mut latest = 0;
    for (ts, published) in outcomes {
        assert!(ts >= latest && ts <= published, "{latest} {ts} {published}");
        latest = ts;
    }
    assert!(latest > 0);
}

#[test]
fn a_replay_gets_the_recorded_answer() {
    let runner = runner(app(), clock());
    let first = submit(&runner, &[(0, "counters:add", "a"), (1, "counters:add", "a")]);
    let again =
        submit(&runner, &[(0, "counters:add", "a"), (1, "counters:add", "a"), (2, "counters:add", "a")]);
    for ((_, first), (_, again)) in first.iter().zip(&again) {
        assert_eq!((value(first), first.ts), (value(again), again.ts));
        assert_eq!(first.log_lines, again.log_lines);
    }
    assert_eq!(value(&again[2].1), Ok(Value::from(3.0)));
}

#[test]
fn a_runner_started_later_recognises_replays() {
    let before = runner(app(), clock());
    let first = submit(
        &before,
        &[(3, "counters:addThenFail", "a"), (4, "counters:add", "a"), (9, "counters:add", "a")],
    );
    let after = runner_on(before.deployment().database.clone(), app());
    let mut again = submit(
        &after,
        &[
            (3, "counters:add", "a"),
            (4, "counters:add", "a"),
            (9, "counters:add", "a"),
            (10, "counters:add", "a"),
        ],
    );
    // Answers from records need not wait for the disk.
    again.sort_by_key(|(request_id, _)| *request_id);
    // The failed one runs now.
    assert_eq!(value(&again[0].1), Ok(Value::from(3.0)));
    assert_eq!((value(&again[1].1), again[1].1.ts), (value(&first[1].1), first[1].1.ts));
    assert_eq!((value(&again[2].1), again[2].1.ts), (value(&first[2].1), first[2].1.ts));
    assert_eq!(value(&again[3].1), Ok(Value::from(4.0)));
}

#[test]
fn a_failed_mutation_leaves_no_record() {
    let runner = runner(app(), clock());
    let failed = submit(&runner, &[(0, "counters:addThenFail", "a")]);
    assert_eq!(value(&failed[0].1), Err(r#"Uncaught ConvexError: {"code":"NO"}"#.to_owned()));
    let again = submit(&runner, &[(0, "counters:add", "a")]);
    assert_eq!(value(&again[0].1), Ok(Value::from(1.0)));
}

#[test]
fn a_session_cannot_queue_without_end() {
    let (started, begun) = channel();
    let (release, gate) = channel::<()>();
    let gate = parking_lot::Mutex::new(gate);
    let mut app = Application::new("test");
    app.module("slow", Visibility::Public, (), |module| {
        module.mutation("wait", move |_: &mut MutationCtx<'_>, (): ()| {
            started.send(()).unwrap();
            gate.lock().recv().map_err(|error| Error::function(error.to_string()))
        });
        module.mutation("nothing", |_: &mut MutationCtx<'_>, (): ()| Ok(()));
    });
    let runner = runner(app, clock());
    let (sender, outcomes) = channel();
    let submit = |path: &str, request_id| {
        let sender = sender.clone();
        let session = SessionRequest { session_id: 1, request_id };
        runner.submit_mutation(call(path, object! {}), Some(session), move |outcome| {
            sender.send(outcome).unwrap();
        });
    };
    submit("slow:wait", 0);
    begun.recv().unwrap();
    for request_id in 1..=SESSION_MUTATIONS_MAX as u32 {
        submit("slow:nothing", request_id);
    }
    submit("slow:nothing", 5_000);
    let refused = outcomes.recv().unwrap().result.unwrap_err();
    assert_eq!(refused.code, "TooManyConcurrentMutations");
    release.send(()).unwrap();
    assert!(outcomes.iter().take(SESSION_MUTATIONS_MAX + 1).all(|outcome| outcome.result.is_ok()));
}

#[test]
fn concurrent_writers_of_one_document_all_succeed() {
    let runner = runner(app(), clock());
    let (sender, outcomes) = channel();
    let (sessions, each) = (8, 40);
    for session in 0..sessions {
        for request_id in 0..each {
            let sender = sender.clone();
            let session = SessionRequest { session_id: session, request_id };
            runner.submit_mutation(call("counters:add", name("hot")), Some(session), move |outcome| {
                sender.send(value(&outcome)).unwrap();
            });
        }
    }
    drop(sender);
    let results: Vec<_> = outcomes.iter().collect();
    assert_eq!(results.iter().find(|result| result.is_err()), None);
    let mut values: Vec<f64> = results.into_iter().filter_map(|value| value.unwrap().as_f64()).collect();
    values.sort_by(f64::total_cmp);
    let expected: Vec<f64> = (1..=sessions as u32 * each).map(f64::from).collect();
    assert_eq!(values, expected);
}

#[test]
fn a_transaction_that_keeps_losing_takes_the_head() {
    let runner = runner(app(), clock());
    let attempts = AtomicUsize::new(0);
    let database = &runner.deployment().database;
    let (id, _) = runner
        .transact(|mut tx| {
            let value = tx.insert("t", object! { "n" => 0.0 })?;
            Ok(mutations::Attempt { tx, commit: true, record: None, value })
        })
        .unwrap();
    let bump =
        |tx: &mut crate::database::Transaction| tx.patch(id, vec![("n".to_owned(), Some(Value::from(1.0)))]);
    let ran = runner.transact(|mut tx| {
        bump(&mut tx)?;
        if attempts.fetch_add(1, Ordering::SeqCst) < 2 {
            let mut other = database.begin_mutation();
            bump(&mut other)?;
            database.commit(other, crate::database::CommitExtras::default())?;
        }
        Ok(mutations::Attempt { tx, commit: true, record: None, value: () })
    });
    assert!(ran.is_ok());
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    assert_eq!(database.commit_metrics().leases.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_an_action_read_inside_is_not_for_clients() {
    let mut app = Application::new("test");
    app.module("inner", Visibility::Internal, (), |module| {
        module.query("secret", |_: &mut QueryCtx<'_>, (): ()| Ok(7.0));
    });
    app.module("m", Visibility::Public, (), |module| {
        module.action("reads", |ctx: ActionCtx<()>, (): ()| async move {
            ctx.run_query::<f64>("inner:secret", ()).await
        });
    });
    let runner = runner(app, clock());
    assert_eq!(value(&runner.action(call("m:reads", object! {})).await), Ok(Value::from(7.0)));
    let error = value(&runner.query(call("inner:secret", object! {}), None).await).unwrap_err();
    assert!(error.starts_with("Could not find public function"), "{error}");
    assert_eq!(value(&runner.action(call("m:reads", object! {})).await), Ok(Value::from(7.0)));
}

fn request(method: &str) -> http::HttpRequest {
    axum::http::Request::builder().method(method).uri("http://site/x").body(http::HttpBody::empty()).unwrap()
}

#[tokio::test]
async fn http_actions_answer_requests() {
    let mut app = Application::new("test");
    app.http("from the services", |routes| {
        routes
            .route("/greet", "GET", |ctx: ActionCtx<&'static str>, _| async move {
                ctx.log(LogLevel::Log, "greeting");
                Ok(http::HttpResponse::new(http::HttpBody::from(*ctx.services())))
            })
            .prefix("/who/", "POST", |ctx: ActionCtx<&'static str>, _| async move {
                ctx.identity()?;
                Ok(http::HttpResponse::new(http::HttpBody::empty()))
            });
    });
    let runner = runner(app, clock());
    let answer = async |method: &str, path: &str, identity: Identity| {
        runner.http_action(path, identity, Arc::default(), request(method)).await.result
    };
    let response = answer("GET", "/greet", Identity::Anonymous).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(body, "from the services");
    let missing = answer("POST", "/greet", Identity::Anonymous).await.unwrap_err();
    assert_eq!((missing.kind, missing.code.as_str()), (crate::ErrorKind::NotFound, "NoMatchingRoute"));

    // Credentials that could not be used fail only those who ask for them.
    let unusable = Identity::Invalid(Error::unauthenticated("InvalidAuthHeader", "expired"));
    assert!(answer("GET", "/greet", unusable.clone()).await.is_ok());
    let error = answer("POST", "/who/x", unusable).await.unwrap_err();
    assert_eq!(error.detail(), "Uncaught Error: expired");
    assert!(answer("POST", "/who/x", Identity::Anonymous).await.is_ok());

    let (entries, _) = runner.log().since(0.0);
    let first = entries[0].to_json(false);
    assert_eq!((first["kind"].as_str(), first["udfType"].as_str()), (Some("Progress"), Some("HttpAction")));
    assert_eq!(entries[1].to_json(false)["success"]["status"], "200");
}

#[tokio::test]
async fn executions_are_logged_and_counted() {
    let runner = runner(app(), clock());
    runner.mutation(call("counters:add", name("a"))).await;
    runner.mutation(call("counters:addThenFail", name("a"))).await;
    let (entries, _) = runner.log().since(0.0);
    let logged: Vec<_> = entries.iter().map(|entry| entry.to_json(true)).collect();
    assert_eq!(logged[0]["identifier"], "counters:add");
    assert_eq!(logged[0]["logLines"][0]["messages"][0], "'adding to a'");
    assert!(logged[0]["usageStats"]["databaseWriteBytes"].as_f64().unwrap() > 0.0);
    assert_eq!(logged[1]["error"], r#"Uncaught ConvexError: {"code":"NO"}"#);
    let metrics = runner.metrics().of(&FunctionPath::parse("counters:addThenFail").unwrap());
    assert_eq!((metrics.calls.load(Ordering::Relaxed), metrics.errors.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn internal_functions_are_for_tools_with_the_key() {
    let mut app = Application::new("test");
    app.module("inner", Visibility::Internal, (), |module| {
        module.query("secret", |_: &mut QueryCtx<'_>, (): ()| Ok(7.0));
    });
    let runner = runner(app, clock());
    let mut secret = call("inner:secret", object! {});
    assert!(value(&runner.any(secret.clone()).await).unwrap_err().starts_with("Could not find function"));
    secret.identity = Identity::Admin { acting_as: None };
    assert_eq!(value(&runner.any(secret).await), Ok(Value::from(7.0)));
}

#[tokio::test]
async fn the_runs_of_one_request_form_a_tree() {
    let mut app = Application::new("test");
    app.module("m", Visibility::Public, (), |module| {
        module.query("inner", |_: &mut QueryCtx<'_>, (): ()| Ok(1.0)).action(
            "outer",
            |ctx: ActionCtx<()>, (): ()| async move {
                ctx.log(LogLevel::Log, "here");
                ctx.run_query::<f64>("m:inner", ()).await
            },
        );
    });
    let runner = runner(app, ManualClock::at_ms(1_000));
    value(&runner.any(call("m:outer", object! {})).await).unwrap();
    let (entries, _) = runner.log().since(0.0);
    let entries: Vec<serde_json::Value> = entries.iter().map(|entry| entry.to_json(true)).collect();
    let of = |kind: &str, function: &str| {
        let found = entries.iter().find(|entry| entry["kind"] == kind && entry["identifier"] == function);
        found.unwrap_or_else(|| panic!("{kind} of {function}: {entries:?}"))
    };
    let (outer, inner) = (of("Completion", "m:outer"), of("Completion", "m:inner"));
    assert_eq!(of("Progress", "m:outer")["executionId"], outer["executionId"]);
    assert_eq!(inner["parentExecutionId"], outer["executionId"]);
    assert_ne!(inner["executionId"], outer["executionId"]);
    assert!(outer["parentExecutionId"].is_null());
    assert_eq!(inner["requestId"], outer["requestId"]);
}
