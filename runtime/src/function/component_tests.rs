//! Calls between components: random trees of nested calls with throws, compared with a model; identity, environment and
//! handles at the border.

use std::collections::BTreeMap;
use std::sync::Arc;

use fusion_schema::{Object, Value, object};
use proptest::prelude::*;

use super::testing::{ManualClock, Settings, call, mount, runner, value};
use super::*;
use crate::auth::Identity;
use crate::database::{ComponentId, EnvironmentBinding, Transaction};
use crate::system::all;
use crate::system::components::Components;
use crate::{Error, Result};

/// The components of these tests, the app first.
const COMPONENTS: [&str; 4] = ["", "a", "a/inner", "b"];

/// What a function of a tree does.
#[derive(Clone, Debug)]
enum Step {
    /// Inserts a document into the component's own table.
    Write(u8),
    /// Schedules a function.
    Job,
    /// Calls the same function in a component, and goes on if it fails.
    Call(usize, Vec<Self>),
    /// Fails.
    Throw,
}

fn plan(steps: &[Step]) -> Value {
    let step = |step: &Step| match step {
        Step::Write(number) => object! { "op" => "write", "value" => f64::from(*number) },
        Step::Job => object! { "op" => "job" },
        Step::Call(component, steps) => {
            object! { "component" => COMPONENTS[*component], "op" => "call", "steps" => plan(steps) }
        }
        Step::Throw => object! { "op" => "throw" },
    };
    Value::Array(steps.iter().map(|it| Value::Object(step(it))).collect())
}

/// The function of every component: does what its plan says and gives what its own table holds then.
fn run(ctx: &mut MutationCtx<'_>, args: Object) -> Result<Value> {
    for step in args.get("steps").and_then(Value::as_array).unwrap_or_default() {
        let step = step.as_object().ok_or_else(|| Error::function("no step"))?;
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("op") {
            "write" => {
                let value = step.get("value").cloned().unwrap_or(Value::Null);
                ctx.db().insert_any("things", object! { "value" => value })?;
            }
            "job" => {
                let own = ctx.execution().current().cloned().ok_or_else(|| Error::function("no function"))?;
                ctx.execution().schedule(
                    f64::from(u32::MAX),
                    &own,
                    object! { "steps" => Vec::<Value>::new() },
                )?;
            }
            "call" => {
                let path = FunctionPath::parse("tree:run")?.in_component(text("component"));
                let args = object! { "steps" => step.get("steps").cloned().unwrap_or(Value::Null) };
                // A failure is caught: what the child did is gone, and nothing else.
                let _ = ctx.execution().run_nested(&path, FunctionKind::Mutation, args);
            }
            _ => return Err(Error::application(object! { "code" => "THROWN" })),
        }
    }
    Ok(Value::from(ctx.tx().count("things")? as f64))
}

/// What a component holds: the values of its documents, and how many jobs it has.
type Held = BTreeMap<&'static str, (Vec<u8>, usize)>;

fn model(held: &mut Held, component: &'static str, steps: &[Step]) -> bool {
    for step in steps {
        match step {
            Step::Write(number) => held.entry(component).or_default().0.push(*number),
            Step::Job => held.entry(component).or_default().1 += 1,
            Step::Call(child, steps) => {
                let before = held.clone();
                if !model(held, COMPONENTS[*child], steps) {
                    *held = before;
                }
            }
            Step::Throw => return false,
        }
    }
    true
}

fn held(tx: &mut Transaction, component: &str) -> (Vec<u8>, usize) {
    let id = tx.snapshot().catalog().component_at(component).unwrap();
    tx.inside(id, |tx| {
        let value = |row: &crate::database::Document| {
            row.fields().get("value").and_then(Value::as_f64).unwrap_or_default() as u8
        };
        // The clock stands still, so that the order of transactions does not show in the order of creation.
        let mut things: Vec<u8> = all(tx, "things").unwrap().iter().map(value).collect();
        things.sort_unstable();
        (things, all(tx, "_scheduled_functions").unwrap().len())
    })
}

fn app() -> Application {
    let mut app = Application::new("test");
    app.module("tree", Visibility::Public, (), |module| {
        module
            .mutation("run", run)
            .query("variable", |ctx: &mut QueryCtx<'_>, args: Object| {
                let name = args.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                Ok(ctx.execution().env(&name)?.map_or(Value::Null, Value::from))
            })
            .query("page", |ctx: &mut QueryCtx<'_>, _: Object| {
                ctx.execution().check_paginate()?;
                Ok(true)
            });
    });
    app
}

/// A runner whose functions are those of the app in each component, too.
async fn mounted() -> Arc<FunctionRunner> {
    let runner = runner(app(), ManualClock::at_ms(1_000));
    let settings = |path: &str| Settings {
        http_prefix: (path == "a").then(|| "/a/".to_owned()),
        environment: vec![
            ("BOUND".to_owned(), EnvironmentBinding::Value("bound".to_owned())),
            ("KEY".to_owned(), EnvironmentBinding::Variable("APP_KEY".to_owned())),
        ],
    };
    mount(&runner, app, &COMPONENTS[1..], settings).await;
    runner
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        6 => any::<u8>().prop_map(Step::Write),
        2 => Just(Step::Job),
        1 => Just(Step::Throw),
    ];
    let step = leaf.prop_recursive(4, 40, 5, |inner| {
        (0..COMPONENTS.len(), prop::collection::vec(inner, 0..5))
            .prop_map(|(to, steps)| Step::Call(to, steps))
    });
    prop::collection::vec(step, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_call_that_fails_takes_back_its_own_and_nothing_else(trees in prop::collection::vec(steps(), 1..4)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let runner = mounted().await;
            let mut expected = Held::new();
            for tree in &trees {
                let before = expected.clone();
                let ends = model(&mut expected, "", tree);
                if !ends {
                    expected = before;
                }
                let outcome = runner.mutation(call("tree:run", object! { "steps" => plan(tree) })).await;
                let own = expected.get("").map_or(0, |(things, _)| things.len());
                match value(&outcome) {
                    Ok(count) => assert_eq!((ends, count), (true, Value::from(own as f64))),
                    Err(_) => assert!(!ends),
                }
            }
            let mut tx = runner.deployment().database.begin_query();
            for component in COMPONENTS {
                let (mut things, jobs) = expected.get(component).cloned().unwrap_or_default();
                things.sort_unstable();
                assert_eq!(held(&mut tx, component), (things, jobs), "{component}");
            }
        });
    }
}

/// A call by an administrator into a component.
async fn ask(
    runner: &Arc<FunctionRunner>,
    path: &str,
    component: &str,
    args: Object,
) -> Result<Value, String> {
    let admin = Identity::Admin { acting_as: None };
    let path = FunctionPath::parse(path).unwrap().in_component(component);
    value(&runner.any(FunctionCall::new(path, args, admin, Caller::Tester)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_sees_its_own_variables_only() {
    let runner = mounted().await;
    let set = |name: &str| crate::system::environment::EnvironmentChange {
        name: name.to_owned(),
        value: Some(format!("app's {name}")),
    };
    runner.update_environment(vec![set("APP_KEY"), set("OTHER")]).await.unwrap();
    let seen = async |component: &str, name: &str| {
        ask(&runner, "tree:variable", component, object! { "name" => name }).await.unwrap()
    };
    assert_eq!(seen("a", "BOUND").await, Value::from("bound"));
    assert_eq!(seen("a", "KEY").await, Value::from("app's APP_KEY"));
    // Its parent has no such variable.
    assert_eq!(seen("a/inner", "KEY").await, Value::Null);
    assert_eq!(seen("a", "OTHER").await, Value::Null);
    assert_eq!(seen("", "BOUND").await, Value::Null);
    assert_eq!(seen("a", "CONVEX_SITE_URL").await, Value::from("http://site/a"));
    assert_eq!(seen("b", "CONVEX_SITE_URL").await, Value::from("http://site"));
    assert_eq!(seen("b", "CONVEX_CLOUD_URL").await, Value::from("http://cloud"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_reach_the_app_only_and_pages_are_for_the_app() {
    let runner = mounted().await;
    assert_eq!(ask(&runner, "tree:page", "", Object::new()).await, Ok(Value::Boolean(true)));
    let error = ask(&runner, "tree:page", "a/inner", Object::new()).await.unwrap_err();
    assert!(error.contains("paginate() is only supported in the app"), "{error}");
    assert!(ask(&runner, "tree:page", "nowhere", Object::new()).await.is_err());
    let inside = FunctionPath::parse("tree:page").unwrap().in_component("a");
    let anybody = FunctionCall::new(inside, Object::new(), Identity::Anonymous, Caller::HttpApi);
    let error = value(&runner.query(anybody, None).await).unwrap_err();
    assert!(error.contains("Could not find public function"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmounted_component_keeps_its_data_until_it_is_deleted() {
    let runner = mounted().await;
    let write = object! { "steps" => plan(&[Step::Write(7)]) };
    ask(&runner, "tree:run", "a/inner", write).await.unwrap();
    let unmounted = runner.write(|tx, _| Components::new(tx).apply(&[])).await.unwrap();
    assert_eq!(unmounted.len(), 3);
    let database = runner.deployment().database.clone();
    let mut tx = database.begin_query();
    assert_eq!(held(&mut tx, "a/inner"), (vec![7], 0));
    assert_eq!(tx.snapshot().catalog().active_components().collect::<Vec<_>>(), [ComponentId::ROOT]);
    let document = tx
        .snapshot()
        .catalog()
        .component(tx.snapshot().catalog().component_at("a").unwrap())
        .unwrap()
        .document;
    drop(tx);
    let deleting = database.clone();
    let deleted =
        tokio::task::spawn_blocking(move || crate::system::components::delete_component(&deleting, document));
    deleted.await.unwrap().unwrap();
    let now = database.published();
    assert_eq!(now.catalog().component_at("a/inner"), None);
    assert_eq!(now.catalog().component_at("a"), None);
    assert!(now.catalog().component_at("b").is_some());
}
