//! The data browser's functions against a deployment in memory, and its filters against a naive model.

use std::sync::Arc;

use base64::Engine as _;
use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::{DocumentId, Object, Validator, Value, json, object};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::auth::Identity;
use crate::function::testing::{ManualClock, call, runner, value};
use crate::function::{Application, FunctionRunner, MutationCtx, QueryCtx, Visibility};

#[derive(fusion_schema::Typed)]
struct Many {
    documents: Vec<Value>,
}

fn app() -> Application {
    let things = TableDefinition::new("things", Validator::Any).index("by_a_b", ["a", "b"]).search_index(
        "by_text",
        "text",
        ["a"],
    );
    let strict = TableDefinition::new(
        "strict",
        Validator::object([("n", fusion_schema::validator::FieldValidator::required(Validator::Float64))]),
    );
    let mut app = Application::new("test").schema(Schema::new(vec![things, strict]));
    app.module("m", Visibility::Public, (), |module| {
        module
            .query("get", |_: &mut QueryCtx<'_>, (): ()| Ok(1.0))
            .mutation("fill", |ctx: &mut MutationCtx<'_>, args: Many| {
                for document in args.documents {
                    let Value::Object(fields) = document else { continue };
                    ctx.db().insert_any("things", fields)?;
                }
                Ok(())
            })
            .mutation("later", |ctx: &mut MutationCtx<'_>, (): ()| {
                ctx.scheduler().run_after(60_000.0, "m:later", ())
            });
    });
    app
}

fn start() -> Arc<FunctionRunner> {
    let runner = runner(app(), ManualClock::at_ms(1_700_000_000_000));
    runner.deployment().database.adopt_schema(runner.registry().schema()).unwrap();
    runner
}

/// What an administrator gets, as JSON.
async fn ask(runner: &Arc<FunctionRunner>, path: &str, args: Json) -> Result<Json, String> {
    let Ok(Value::Object(args)) = json::from_serde(&args) else { return Err("no object".to_owned()) };
    let mut call = call(&format!("_system/frontend/{path}"), args);
    call.identity = Identity::Admin { acting_as: None };
    let answer = value(&runner.any(call).await)?;
    Ok(serde_json::from_str(&json::encode(&answer)).unwrap())
}

async fn ok(runner: &Arc<FunctionRunner>, path: &str, args: Json) -> Json {
    ask(runner, path, args).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}

async fn fill(runner: &Arc<FunctionRunner>, documents: Vec<Value>) {
    let outcome = runner.mutation(call("m:fill", object! { "documents" => documents })).await;
    value(&outcome).unwrap();
}

fn encoded(filters: &Json) -> String {
    base64::engine::general_purpose::STANDARD.encode(filters.to_string())
}

fn first_page(table: &str, filters: &Json) -> Json {
    json!({"paginationOpts": {"numItems": 1_000, "cursor": null}, "table": table, "filters": encoded(filters),
        "componentId": null})
}

async fn filtered(runner: &Arc<FunctionRunner>, filters: Json) -> Vec<Json> {
    let page = ok(runner, "paginatedTableDocuments", first_page("things", &filters)).await;
    page["page"].as_array().unwrap().clone()
}

#[tokio::test]
async fn documents_are_added_changed_and_deleted() {
    let runner = start();
    let added =
        ok(&runner, "addDocument", json!({"table": "things", "documents": [{"a": 1}, {"a": 2}]})).await;
    assert_eq!(added, json!({"success": true}));
    let scan = ok(&runner, "listTableScan", json!({"table": "things", "limit": 10})).await;
    assert_eq!((&scan[0]["a"], &scan[1]["a"]), (&json!(2), &json!(1)));
    let ids: Vec<&str> = scan.as_array().unwrap().iter().map(|row| row["_id"].as_str().unwrap()).collect();

    let replaced = json!({"id": ids[0], "document": {"b": "x", "c": {"d": 1, "e": 2}}});
    assert_eq!(ok(&runner, "replaceDocument", replaced).await["success"], true);
    let undefined = "__CONVEX_PLACEHOLDER_undefined_1234";
    let fields = json!({"b": undefined, "c": {"d": undefined, "e": 2}, "f": true});
    let patch = json!({"table": "things", "fields": fields, "ids": [ids[0]]});
    assert_eq!(ok(&runner, "patchDocumentsFields", patch).await["success"], true);
    let found = ok(&runner, "getById", json!({"id": ids[0]})).await;
    assert_eq!((found.get("b"), &found["c"], &found["f"]), (None, &json!({"e": 2}), &json!(true)));
    ok(&runner, "patchDocumentsFields", json!({"table": "things", "fields": {"all": 1}})).await;
    assert_eq!(ok(&runner, "getById", json!({"id": ids[1]})).await["all"], 1);

    let wanted = json!({"ids": [{"id": ids[1], "tableName": "things"}, {"id": "x", "tableName": "things"},
        {"id": ids[0], "tableName": "strict"}]});
    let listed = ok(&runner, "listById", wanted).await;
    assert_eq!((&listed[0]["_id"], &listed[1], &listed[2]), (&json!(ids[1]), &Json::Null, &Json::Null));

    let delete = |id: &str| json!({"toDelete": [{"id": id, "tableName": "things"}]});
    assert_eq!(ok(&runner, "deleteDocuments", delete(ids[0])).await, json!({"success": true}));
    let again = ok(&runner, "deleteDocuments", delete(ids[0])).await;
    assert_eq!(again["success"], false);
    assert!(again["error"].as_str().unwrap().contains("nonexistent document"), "{again}");
    assert_eq!(ok(&runner, "tableSize", json!({"tableName": "things", "componentId": null})).await, 1);
    assert_eq!(ok(&runner, "tableSize:sizeOfAllTables", json!({})).await, 1);
}

#[tokio::test]
async fn a_change_happens_whole_or_not_at_all() {
    let runner = start();
    let documents = json!([{"a": 1}, {"_id": "x"}]);
    let answer = ok(&runner, "addDocument", json!({"table": "things", "documents": documents})).await;
    assert_eq!(answer["success"], false);
    let wrong = json!({"table": "strict", "documents": [{"n": 1}, {"n": "text"}]});
    let error = ask(&runner, "addDocument", wrong).await.unwrap_err();
    assert!(error.starts_with("Uncaught ConvexError"), "{error}");
    for (path, args) in [
        ("addDocument", json!({"table": "_storage", "documents": [{}]})),
        ("addDocument", json!({"table": "things", "documents": [1]})),
        ("replaceDocument", json!({"id": "nothing", "document": {}})),
        ("patchDocumentsFields", json!({"table": "things", "fields": {}, "ids": ["x"]})),
        ("patchDocumentsFields", json!({"table": "_tables", "fields": {}})),
        ("deleteDocuments", json!({"toDelete": [{"id": "x", "tableName": "_tables"}]})),
    ] {
        let answer = ok(&runner, path, args.clone()).await;
        assert_eq!(answer["success"], false, "{path} {args}");
    }
    for (path, args) in [
        ("createTable", json!({"table": "_mine"})),
        ("clearTablePage", json!({"tableName": "_storage", "cursor": null})),
        ("clearTablePage", json!({"tableName": "things", "cursor": "x"})),
        ("paginatedTableDocuments", first_page("_environment_variables", &json!({}))),
        ("getById", json!({"id": "x", "componentId": "other"})),
        ("fileStorageV2:deleteFile", json!({"storageId": "x"})),
    ] {
        ask(&runner, path, args).await.expect_err(path);
    }
    assert_eq!(ok(&runner, "tableSize:sizeOfAllTables", json!({})).await, 0);
}

#[tokio::test]
async fn a_table_is_made_and_cleared_page_by_page() {
    let runner = start();
    ok(&runner, "createTable", json!({"table": "fresh"})).await;
    let mapping = ok(&runner, "getTableMapping", json!({"componentId": null})).await;
    let names: Vec<&str> = mapping.as_object().unwrap().values().filter_map(Json::as_str).collect();
    for name in ["fresh", "things", "_storage", "_file_storage", "_scheduled_jobs", "_scheduled_functions"] {
        assert!(names.contains(&name), "{name}: {mapping}");
    }
    for _ in 0..3 {
        fill(&runner, (0..2_000).map(|a| Value::Object(object! { "a" => f64::from(a) })).collect()).await;
    }
    let (mut cursor, mut deleted) = (Json::Null, Vec::new());
    loop {
        let page = ok(&runner, "clearTablePage", json!({"tableName": "things", "cursor": cursor})).await;
        deleted.push(page["deleted"].as_f64().unwrap());
        cursor = page["continueCursor"].clone();
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(deleted, [4_000.0, 2_000.0]);
    assert_eq!(ok(&runner, "tableSize", json!({"tableName": "things"})).await, 0);
}

#[tokio::test]
async fn schemas_indexes_and_functions_are_described() {
    let runner = start();
    let schemas = ok(&runner, "getSchemas", json!({})).await;
    let active: Json = serde_json::from_str(schemas["active"].as_str().unwrap()).unwrap();
    assert_eq!(active["tables"][0]["tableName"], "things");
    let indexes = ok(&runner, "indexes", json!({"tableName": "things", "tableNamespace": null})).await;
    assert_eq!(
        (&indexes[0]["name"], &indexes[0]["fields"]),
        (&json!("by_a_b"), &json!(["a", "b", "_creationTime"]))
    );
    assert_eq!(indexes[1]["fields"], json!({"searchField": "text", "filterFields": ["a"]}));
    let modules = ok(&runner, "modules:list", json!({})).await;
    assert_eq!(modules[0][0], "m.js");
    assert_eq!(modules[0][1]["functions"][0]["name"], "fill");
    assert_eq!(modules[0][1]["functions"][0]["udfType"], "Mutation");
    let validator = ok(&runner, "modules:argsValidator", json!({"function": "m:get"})).await;
    assert_eq!(validator, r#"{"type":"object","value":{}}"#);
    assert_eq!(ok(&runner, "modules:argsValidator", json!({"function": "m:none"})).await, Json::Null);
    assert_eq!(ok(&runner, "modules:argsValidator", json!({"function": "::"})).await, Json::Null);
}

#[tokio::test]
async fn waiting_jobs_are_shown_with_their_arguments() {
    let runner = start();
    let id = value(&runner.mutation(call("m:later", object! {})).await).unwrap();
    for path in [Json::Null, json!("m:later"), json!("m.js:later")] {
        let args = json!({"paginationOpts": {"numItems": 10, "cursor": null}, "udfPath": path});
        let page = ok(&runner, "paginatedScheduledJobs", args).await;
        let job = &page["page"][0];
        assert_eq!((&job["udfPath"], &job["state"]["type"]), (&json!("m.js:later"), &json!("pending")));
        assert_eq!(job["_id"].as_str(), id.as_str());
        assert_eq!(
            job["nextTs"],
            serde_json::from_str::<Json>(&json::encode(&Value::Int64(1_700_000_060_000_000_000))).unwrap()
        );
    }
    let none = json!({"paginationOpts": {"numItems": 10, "cursor": null}, "udfPath": "m:get"});
    assert_eq!(ok(&runner, "paginatedScheduledJobs", none).await["page"], json!([]));
    let args = ok(&runner, "scheduler:getArgs", json!({"argsId": id.as_str()})).await;
    assert_eq!(
        args,
        serde_json::from_str::<Json>(&json::encode(&Value::Object(
            object! { "args" => Value::Bytes(b"[{}]".to_vec()) }
        )))
        .unwrap()
    );
    assert_eq!(ok(&runner, "scheduler:getArgs", json!({"argsId": "x"})).await, Json::Null);
}

#[tokio::test]
async fn calls_of_dashboards_are_neither_counted_nor_logged() {
    let runner = start();
    ok(&runner, "tableSize", json!({"tableName": "things"})).await;
    ok(&runner, "createTable", json!({"table": "fresh"})).await;
    assert!(runner.metrics().all().is_empty());
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_one_ended() {
    let runner = start();
    fill(&runner, (0..10).map(|a| Value::Object(object! { "a" => f64::from(a) })).collect()).await;
    let even = encoded(
        &json!({"clauses": [{"field": "a", "op": "anyOf", "value": [0, 2, 4, 6, 8]}], "order": "asc"}),
    );
    let (mut cursor, mut seen, mut pages) = (Json::Null, Vec::new(), Vec::new());
    loop {
        let options = json!({"numItems": 2, "cursor": cursor});
        let args = json!({"paginationOpts": options, "table": "things", "filters": even});
        let page = ok(&runner, "paginatedTableDocuments", args).await;
        seen.extend(page["page"].as_array().unwrap().iter().map(|row| row["a"].as_f64().unwrap()));
        pages.push((cursor, page["continueCursor"].clone()));
        cursor = page["continueCursor"].clone();
        if page["isDone"] == true {
            break;
        }
    }
    assert_eq!(seen, [0.0, 2.0, 4.0, 6.0, 8.0]);
    // Between two cursors lies what lay there.
    let options = json!({"numItems": 9, "cursor": pages[1].0, "endCursor": pages[1].1});
    let args = json!({"paginationOpts": options, "table": "things", "filters": even});
    let again = ok(&runner, "paginatedTableDocuments", args).await;
    assert_eq!(again["page"].as_array().unwrap().len(), 2);
    assert_eq!(again["page"][0]["a"], 4);
}

#[tokio::test]
async fn one_page_looks_at_a_bounded_number_of_documents() {
    let runner = start();
    for _ in 0..3 {
        fill(&runner, (0..4_000).map(|_| Value::Object(object! { "a" => 1.0 })).collect()).await;
    }
    let page = ok(
        &runner,
        "paginatedTableDocuments",
        first_page("things", &json!({"clauses": [{"field": "a", "op": "eq", "value": 2}]})),
    )
    .await;
    assert_eq!(
        (&page["page"], &page["isDone"], &page["pageStatus"]),
        (&json!([]), &json!(false), &json!("SplitRequired"))
    );
}

#[tokio::test]
async fn an_id_is_found_at_once() {
    let runner = start();
    fill(&runner, vec![Value::Object(object! { "a" => 1.0 }), Value::Object(object! { "a" => 2.0 })]).await;
    let all = filtered(&runner, json!({})).await;
    let by_id = |id: &Json, a: f64| json!({"clauses": [{"field": "_id", "op": "eq", "value": id}, {"field": "a", "op": "eq", "value": a}]});
    assert_eq!(filtered(&runner, by_id(&all[0]["_id"], 2.0)).await, all[..1]);
    assert_eq!(filtered(&runner, by_id(&all[0]["_id"], 1.0)).await, Vec::<Json>::new());
    assert_eq!(filtered(&runner, by_id(&json!("x"), 1.0)).await, Vec::<Json>::new());
}

#[tokio::test]
async fn indexes_narrow_a_page() {
    let runner = start();
    let documents = (0..6).map(|n| {
        Value::Object(object! { "a" => f64::from(n % 2), "b" => f64::from(n), "text" => if n < 3 { "apple" } else { "pear" } })
    });
    fill(&runner, documents.collect()).await;
    let b = |rows: Vec<Json>| rows.iter().map(|row| row["b"].as_f64().unwrap()).collect::<Vec<_>>();
    let eq = json!({"type": "indexEq", "enabled": true, "value": 1});
    let above = json!({"type": "indexRange", "enabled": true, "lowerOp": "gt", "lowerValue": 1, "upperOp": "lte", "upperValue": 5});
    let off = json!({"type": "indexEq", "enabled": false, "value": 7});
    let on = |clauses: Json| json!({"order": "asc", "index": {"name": "by_a_b", "clauses": clauses}});
    assert_eq!(b(filtered(&runner, on(json!([eq]))).await), [1.0, 3.0, 5.0]);
    assert_eq!(b(filtered(&runner, on(json!([eq, above]))).await), [3.0, 5.0]);
    assert_eq!(b(filtered(&runner, on(json!([eq, off]))).await), [1.0, 3.0, 5.0]);
    assert_eq!(b(filtered(&runner, on(json!([]))).await), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    let search = json!({"index": {"name": "by_text", "search": "app", "clauses": [{"field": "a", "enabled": true, "value": 0}]}});
    let mut found = b(filtered(&runner, search).await);
    found.sort_by(f64::total_cmp);
    assert_eq!(found, [0.0, 2.0]);

    for (filters, text) in [
        (on(json!([off, eq])), "needs an equality on every field before"),
        (on(json!([above, eq])), "needs an equality on every field before"),
        (on(json!([eq, eq, eq, eq])), "has only 3 fields"),
        (on(json!([{"type": "other"}])), "indexEq"),
        (on(json!([{"type": "indexRange", "lowerOp": "eq"}])), "lower bound"),
        (json!({"index": {"name": "none", "clauses": []}}), "no index \"none\""),
        (json!({"index": {"name": "by_a_b", "search": "x", "clauses": []}}), "no search index"),
        (json!({"index": {"name": "by_text", "search": 1, "clauses": []}}), "must be a string"),
        (
            json!({"index": {"name": "by_text", "search": "x", "clauses": [{"field": "b"}]}}),
            "not a filter field",
        ),
        (json!({"index": {}}), "Choose an index"),
        (json!({"index": {"name": "by_a_b", "clauses": 1}}), "must be an array"),
        (json!({"clauses": 1}), "must be an array"),
        (json!({"order": "up"}), "\"asc\" or \"desc\""),
    ] {
        let page = ok(&runner, "paginatedTableDocuments", first_page("things", &filters)).await;
        assert_eq!((&page["isDone"], &page["continueCursor"]), (&json!(true), &json!("")), "{filters}");
        let error = page["page"][0]["error"].as_str().unwrap_or_default();
        assert!(error.contains(text), "{filters}: {page}");
    }
}

#[tokio::test]
async fn filters_that_make_no_sense_say_which_and_why() {
    let runner = start();
    let clauses = json!([
        {"field": "a", "op": "eq", "value": 1},
        {"op": "eq", "value": 1},
        {"field": "a"},
        {"field": "a", "op": "like", "value": 1},
        {"field": "a", "op": "type", "value": "float"},
        {"field": "a", "op": "anyOf", "value": 1},
        {"field": "a", "op": "eq", "value": {"$integer": "no"}},
        {"field": "a", "op": "like", "value": 1, "enabled": false},
    ]);
    let errors = filtered(&runner, json!({ "clauses": clauses })).await;
    let positions: Vec<f64> = errors.iter().map(|error| error["filter"].as_f64().unwrap()).collect();
    assert_eq!(positions, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for text in ["%%%", "e30=x", "MQ==", ""] {
        let mut args = first_page("things", &json!({}));
        args["filters"] = json!(text);
        let page = ok(&runner, "paginatedTableDocuments", args).await;
        assert_eq!(page["page"][0]["filter"], -1, "{text}: {page}");
    }
}

/// Values that meet each other in comparisons, and some that are of a type of their own.
fn some_value() -> impl Strategy<Value = Option<Value>> {
    let id = DocumentId::new(fusion_schema::TableNumber(10_001), [7; 16]);
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        (-2..3_i64).prop_map(|n| Some(Value::Int64(n))),
        (-2..3_i32).prop_map(|n| Some(Value::Float64(f64::from(n)))),
        any::<bool>().prop_map(|b| Some(Value::Boolean(b))),
        "[ab]{0,2}".prop_map(|text| Some(Value::String(text))),
        Just(Some(Value::from(id))),
        Just(Some(Value::Bytes(vec![1, 2]))),
        Just(Some(Value::Array(vec![Value::Float64(1.0)]))),
        Just(Some(Value::Object(object! { "x" => 1.0 }))),
    ]
}

const TYPES: [&str; 10] =
    ["string", "boolean", "number", "bigint", "null", "id", "array", "object", "bytes", "unset"];

/// A filter as people could put it together: field, operator, values.
type SomeFilter = (String, usize, Vec<Option<Value>>, usize);

fn some_filter() -> impl Strategy<Value = SomeFilter> {
    let field = prop_oneof![Just("a".to_owned()), Just("b".to_owned()), Just("a.x".to_owned())];
    (field, 0..10_usize, prop::collection::vec(some_value(), 1..4), 0..TYPES.len())
}

const OPERATORS: [&str; 10] = ["eq", "neq", "gt", "gte", "lt", "lte", "anyOf", "noneOf", "type", "notype"];

fn encoded_value(value: Option<&Value>) -> Json {
    value.map_or_else(
        || json!({"$undefined": null}),
        |value| serde_json::from_str(&json::encode(value)).unwrap(),
    )
}

fn as_json((field, operator, values, kind): &SomeFilter) -> Json {
    let value = match OPERATORS[*operator] {
        "anyOf" | "noneOf" => values.iter().map(|value| encoded_value(value.as_ref())).collect(),
        "type" | "notype" => json!(TYPES[*kind]),
        _ => encoded_value(values[0].as_ref()),
    };
    json!({"id": "x", "field": field, "op": OPERATORS[*operator], "value": value, "enabled": true})
}

/// What the words say, said once more.
fn model((field, operator, values, kind): &SomeFilter, document: &Object) -> bool {
    let found = match field.as_str() {
        "a.x" => match document.get("a") {
            Some(Value::Object(inner)) => inner.get("x"),
            _ => None,
        },
        name => document.get(name),
    };
    let first = values[0].as_ref();
    let kinds: &[&str] = match found {
        None => &["unset"],
        Some(Value::Null) => &["null"],
        Some(Value::Boolean(_)) => &["boolean"],
        Some(Value::Float64(_)) => &["number"],
        Some(Value::Int64(_)) => &["bigint"],
        Some(Value::String(text)) if text.len() > 2 => &["string", "id"],
        Some(Value::String(_)) => &["string"],
        Some(Value::Bytes(_)) => &["bytes"],
        Some(Value::Array(_)) => &["array"],
        _ => &["object"],
    };
    match OPERATORS[*operator] {
        "eq" => found == first,
        "neq" => found != first,
        "gt" => found > first,
        "gte" => found >= first,
        "lt" => found < first,
        "lte" => found <= first,
        "anyOf" => values.iter().any(|value| value.as_ref() == found),
        "noneOf" => values.iter().all(|value| value.as_ref() != found),
        "type" => kinds.contains(&TYPES[*kind]),
        _ => !kinds.contains(&TYPES[*kind]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn filters_are_what_their_words_say(
        documents in prop::collection::vec((some_value(), some_value()), 1..20),
        filters in prop::collection::vec(some_filter(), 0..4),
        ascending in any::<bool>(),
    ) {
        let documents: Vec<Object> = documents
            .into_iter()
            .enumerate()
            .map(|(n, (a, b))| {
                let mut fields = object! { "n" => n as f64 };
                a.map(|a| fields.insert("a", a));
                b.map(|b| fields.insert("b", b));
                fields
            })
            .collect();
        let mut expected: Vec<f64> = documents
            .iter()
            .filter(|document| filters.iter().all(|filter| model(filter, document)))
            .filter_map(|document| document.get("n").and_then(Value::as_f64))
            .collect();
        if !ascending {
            expected.reverse();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let runner = start();
            fill(&runner, documents.into_iter().map(Value::Object).collect()).await;
            let clauses: Vec<Json> = filters.iter().map(as_json).collect();
            filtered(&runner, json!({"clauses": clauses, "order": if ascending { "asc" } else { "desc" }})).await
        });
        let found: Vec<f64> = found.iter().map(|row| row["n"].as_f64().unwrap_or(-1.0)).collect();
        prop_assert_eq!(found, expected);
    }
}
