//! Pushes with components: what is answered, and what becomes of instances from push to push.

use serde_json::{Value as Json, json};

use super::deploy::{app, table};
use crate::push::testing::{module, query};
use crate::server::testing::TestServer;

/// A push of an app that uses components: `uses` has the name and the path of each, `definitions` the modules of those that
/// are pushed by path.
fn with_components(uses: &[(&str, &str)], definitions: &[(&str, Vec<Json>)]) -> Json {
    let mut request = app(&[module("app.js", &query("get", "app"))]);
    let child = |(name, path): &(&str, &str)| json!({"name": name, "path": path, "args": []});
    let children: Vec<_> = uses.iter().map(child).collect();
    let paths: Vec<_> = definitions.iter().map(|(path, _)| path).collect();
    request["appDefinition"]["definition"] =
        module("convex.config.js", &json!({"definition": {"childComponents": children}}));
    request["appDefinition"]["dependencies"] = json!(paths);
    // The schemas of all of them change in one commit.
    request["appDefinition"]["schema"] =
        module("schema.js", &json!({"schema": table(if uses.len() == 1 { "string" } else { "number" })}));
    let component = |(path, modules): &(&str, Vec<Json>)| {
        let name = path.rsplit('/').next();
        let definition = json!({"definition": {"definitionType": {"type": "childComponent", "name": name}}});
        json!({
            "definitionPath": path, "definition": module("convex.config.js", &definition), "dependencies": [],
            "schema": module("schema.js", &json!({"schema": table("number")})), "functions": modules,
            "udfServerVersion": "1.48.0",
        })
    };
    request["componentDefinitions"] = definitions.iter().map(component).collect();
    request
}

fn diff_types(end: &Json) -> Json {
    let diffs = end["componentDiffs"].as_object().expect("diffs").iter();
    diffs.map(|(path, diff)| (path.clone(), diff["diffType"]["type"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_made_modified_unmounted_and_mounted_again() {
    let server = TestServer::start().await;
    let counter = || ("c/counter", vec![module("lib.js", &query("get", "counter"))]);
    let two = with_components(&[("one", "c/counter"), ("two", "c/counter")], &[counter()]);
    let start = server.ok("/api/deploy2/start_push", &two).await;
    assert_eq!(start["analysis"]["c/counter"]["definition"]["definitionType"]["name"], "counter");
    assert_eq!(
        start["analysis"]["c/counter"]["definition"]["exports"]["branch"][0],
        json!(["lib", {"type": "branch", "branch": [["get", {"type": "leaf", "leaf": "_reference/function/lib.js:get"}]]}])
    );
    assert_eq!(
        start["app"]["childComponents"]["two"]["exports"]["lib"]["children"]["get"]["resource"]["path"],
        json!({"component": "two", "udfPath": "lib.js:get"})
    );
    let allocated = start["schemaChange"]["allocatedComponentIds"].as_object().expect("ids").clone();
    assert_eq!(allocated.keys().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(start["schemaChange"]["indexDiffs"]["one"]["added_indexes"][0]["name"], "t.by_n");
    assert!(start["schemaChange"]["schemaIds"]["two"].is_string());

    let end = server.push(&two).await;
    assert_eq!(diff_types(&end), json!({"": "modify", "one": "create", "two": "create"}));
    assert_eq!(end["componentDiffs"]["one"]["moduleDiff"]["added"], json!(["lib.js"]));
    let one = with_components(&[("one", "c/counter")], &[counter()]);
    let end = server.push(&one).await;
    assert_eq!(diff_types(&end), json!({"": "modify", "one": "modify", "two": "unmount"}));
    let end = server.push(&two).await;
    assert_eq!(diff_types(&end), json!({"": "modify", "one": "modify", "two": "remount"}));
    assert_eq!(end["componentDiffs"]["two"]["indexDiff"]["added_indexes"], json!([]));
    // The code goes with the last instance.
    let end = server.push(&app(&[])).await;
    assert_eq!(diff_types(&end), json!({"": "modify", "one": "unmount", "two": "unmount"}));
    assert_eq!(end["componentDiffs"]["one"]["moduleDiff"]["removed"], json!(["lib.js"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_with_a_bad_component_changes_nothing() {
    let server = TestServer::start().await;
    let one = |modules: Vec<Json>| with_components(&[("one", "c/counter")], &[("c/counter", modules)]);
    server.push(&one(vec![module("lib.js", &query("get", "old"))])).await;
    let mut node = module("images.js", &query("get", 1.0));
    node["environment"] = json!("node");
    let mut twice = one(vec![]);
    twice["componentDefinitions"] =
        json!([twice["componentDefinitions"][0], twice["componentDefinitions"][0]]);
    let throwing = module("lib.js", &json!({"throws": "oh no"}));
    for (request, code, words) in [
        (one(vec![node]), "NodeActionsNotSupported", "images.js of the component c/counter"),
        (one(vec![throwing]), "InvalidModules", "in the component c/counter"),
        (twice, "InvalidDefinition", "pushed twice"),
        (with_components(&[("one", "c/none")], &[]), "InvalidDefinition", "not among its dependencies"),
    ] {
        let (found, message) = server.refused("/api/deploy2/start_push", &request).await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(words), "{message}");
    }
    let end = server.push(&one(vec![module("lib.js", &query("get", "new"))])).await;
    assert_eq!(end["componentDiffs"]["one"]["moduleDiff"]["changed"], json!(["lib.js"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_tell_the_functions_of_components_apart() {
    let server = TestServer::start().await;
    let counter = ("c/counter", vec![module("app.js", &query("get", "counter"))]);
    server.push(&with_components(&[("one", "c/counter")], &[counter])).await;
    for (component, times) in [("", 1), ("one", 2)] {
        for _ in 0..times {
            let call = json!({"path": "app:get", "componentPath": component, "args": {}});
            assert_eq!(server.post_json("/api/function", &call).await.0, 200);
        }
    }
    let path = "udf_rate?path=app.js:get&udfType=Query&metric=invocations";
    for (component, count) in [("", 1.0), ("&componentPath=one", 2.0)] {
        let series = server.chart(&format!("{path}{component}")).await;
        let values = series.as_array().unwrap().iter().filter_map(|point| point[1].as_f64());
        assert_eq!(values.sum::<f64>(), count, "{component}");
    }
    let top = server.chart("function_call_count_top_k").await;
    let names: Vec<&Json> = top.as_array().unwrap().iter().map(|function| &function[0]).collect();
    assert_eq!(names, [&json!("one/app.js:get"), &json!("app.js:get")]);
    let rows = |name: &str| format!("table_rate?name={name}&metric=rowsRead&componentPath=one");
    assert_eq!(server.chart(&rows("t")).await.as_array().unwrap().len(), 10);
    let window = "&window=%7B%22start%22:%7B%22secs_since_epoch%22:1%7D,%22end%22:%7B%22secs_since_epoch%22:2%7D,%22num_buckets%22:1%7D";
    let unknown = format!("/api/app_metrics/{path}&componentPath=none{window}");
    assert_eq!(server.get_json(&unknown).await.0, 404);
}
