//! Pushes over HTTP, with scripts that only pretend: what evaluates JavaScript is tested elsewhere.

use std::io::Write as _;
use std::time::Duration;

use fusion_schema::object;
use serde_json::{Value as Json, json};

use crate::database::{CommitExtras, Database, DatabaseOptions};
use crate::push::testing::{module, query};
use crate::server::testing::TestServer;
use crate::system::environment::EnvironmentChange;

impl TestServer {
    async fn send(&self, path: &str, encoding: &str, body: Vec<u8>, key: &str) -> (u16, Json) {
        let mut request = reqwest::Client::new().post(format!("{}{path}", self.url)).body(body);
        request = request
            .header("Authorization", format!("Convex {key}"))
            .header("Convex-Client", "npm-cli-1.48.0")
            .header("Content-Type", "application/json");
        if !encoding.is_empty() {
            request = request.header("Content-Encoding", encoding);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    /// An answer to an administrator; the body is compressed as the command line does it.
    async fn deploy(&self, path: &str, body: &Json) -> (u16, Json) {
        let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 22);
        writer.write_all(body.to_string().as_bytes()).unwrap();
        self.send(path, "br", writer.into_inner(), &self.admin_key).await
    }

    pub(super) async fn ok(&self, path: &str, body: &Json) -> Json {
        let (status, answer) = self.deploy(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(super) async fn refused(&self, path: &str, body: &Json) -> (String, String) {
        let (status, answer) = self.deploy(path, body).await;
        assert_eq!(status, 400, "{path}: {answer}");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }

    pub(super) async fn wait(&self, start: &Json) -> Json {
        loop {
            let body = json!({"schemaChange": start["schemaChange"], "timeoutMs": 5_000, "dryRun": false});
            let status = self.ok("/api/deploy2/wait_for_schema", &body).await;
            if status["type"] != "inProgress" {
                return status;
            }
        }
    }

    /// A whole push; gives the answer to its end.
    pub(super) async fn push(&self, request: &Json) -> Json {
        let start = self.ok("/api/deploy2/start_push", request).await;
        assert_eq!(self.wait(&start).await, json!({"type": "complete"}));
        self.ok("/api/deploy2/finish_push", &json!({"startPush": start, "dryRun": false})).await
    }

    async fn call(&self, path: &str) -> Json {
        let body = json!({"path": path, "args": {}, "format": "json"}).to_string();
        let (_, answer) = self.send("/api/query", "", body.into_bytes(), &self.admin_key).await;
        answer.get("value").or_else(|| answer.get("errorMessage")).cloned().unwrap_or_default()
    }

    fn insert(&self, table: &str, n: impl Into<fusion_schema::Value>) -> String {
        let database = self.state.database();
        let mut tx = database.begin_mutation();
        let id = tx.insert(table, object! {"n" => n.into()}).unwrap();
        let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
        database.wait_durable(ts).unwrap();
        id.to_string()
    }

    async fn set_variable(&self, name: &str, value: &str) {
        let change = EnvironmentChange { name: name.to_owned(), value: Some(value.to_owned()) };
        self.state.runner.update_environment(vec![change]).await.unwrap();
    }
}

pub(super) fn app(modules: &[Json]) -> Json {
    json!({
        "adminKey": "", "dryRun": false, "functions": "convex/",
        "appDefinition": {
            "definition": null, "dependencies": [], "schema": null, "changedModules": modules,
            "unchangedModuleHashes": [], "udfServerVersion": "1.48.0",
        },
        "componentDefinitions": [], "nodeDependencies": [],
    })
}

fn with_schema(mut app: Json, schema: &Json) -> Json {
    app["appDefinition"]["schema"] = module("schema.js", &json!({"schema": schema}));
    app
}

/// A table `t` of documents `{n: <type>}`, with an index.
pub(super) fn table(kind: &str) -> Json {
    json!({"tables": [{
        "tableName": "t", "indexes": [{"indexDescriptor": "by_n", "fields": ["n"]}], "stagedDbIndexes": [],
        "searchIndexes": [], "vectorIndexes": [],
        "documentType": {"type": "object", "value": {"n": {"fieldType": {"type": kind}, "optional": false}}},
    }], "schemaValidation": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_code_is_live_after_the_end_of_the_push_and_not_before() {
    let server = TestServer::start().await;
    let hashes = server.ok("/api/get_config_hashes", &json!({"version": "1.48.0", "adminKey": ""})).await;
    assert_eq!(hashes["config"], json!({"functions": "convex/", "authInfo": []}));
    assert_eq!(hashes["moduleHashes"], json!([]));

    let request = app(&[module("app.js", &query("get", "one")), module("other.js", &query("get", 1.0))]);
    let start = server.ok("/api/deploy2/start_push", &request).await;
    for key in ["environmentVariables", "externalDepsId", "componentDefinitionPackages", "appAuth", "app"] {
        assert!(start.get(key).is_some(), "{key}");
    }
    let analysis = &start["analysis"][""];
    assert_eq!(analysis["definition"]["path"], "");
    assert_eq!(analysis["functions"]["app.js"]["functions"][0]["udfType"], "Query");
    assert_eq!(analysis["udfConfig"]["serverVersion"], "1.48.0");
    assert!(analysis["udfConfig"]["importPhaseRngSeed"]["$bytes"].is_string());
    assert_eq!(server.wait(&start).await, json!({"type": "complete"}));
    assert!(server.call("app:get").await.as_str().unwrap().contains("Could not find"));

    let end = server.ok("/api/deploy2/finish_push", &json!({"startPush": start, "dryRun": false})).await;
    let diff = &end["componentDiffs"][""];
    assert_eq!(diff["moduleDiff"]["added"], json!(["app.js", "other.js"]));
    for key in ["diffType", "moduleDiff", "udfConfigDiff", "cronDiff", "indexDiff", "schemaDiff"] {
        assert!(diff.get(key).is_some(), "{key}");
    }
    assert_eq!(server.call("app:get").await, "one");
    server.ok("/api/deploy2/report_push_completed", &json!({"adminKey": "", "spans": []})).await;

    // Only what changed is sent again; what is not named is gone.
    let hashes = server.ok("/api/get_config_hashes", &json!({"version": "1.48.0"})).await;
    let known = hashes["moduleHashes"][1].clone();
    assert_eq!(known["path"], "other.js");
    let mut request = app(&[module("new.js", &query("get", 3.0))]);
    request["appDefinition"]["unchangedModuleHashes"] =
        json!([{"path": "other.js", "environment": "isolate", "sha256": known["hash"]}]);
    let end = server.push(&request).await;
    let diff = &end["componentDiffs"][""]["moduleDiff"];
    assert_eq!((&diff["added"], &diff["removed"]), (&json!(["new.js"]), &json!(["app.js"])));
    assert_eq!(server.call("other:get").await, 1.0);
    assert_eq!(server.call("new:get").await, 3.0);
    assert!(server.call("app:get").await.as_str().unwrap().contains("Could not find"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_the_old_code_goes_on() {
    let server = TestServer::start().await;
    server.push(&app(&[module("app.js", &query("get", "old"))])).await;
    let broken = json!({"path": "app.js", "source": "{", "environment": "isolate"});
    let throwing = module("app.js", &json!({"throws": "oh no"}));
    let cron = module("crons.js", &json!({"crons": {"c": {"path": "app:get"}}}));
    let schema = |schema: Json| with_schema(app(&[]), &schema);
    let mut component = app(&[]);
    component["componentDefinitions"] = json!([{"definitionPath": "limiter"}]);
    let mut definition = app(&[]);
    definition["appDefinition"]["definition"] =
        module("convex.config.js", &json!({"definition": {"childComponents": [{"name": "limiter"}]}}));
    let mut unknown = app(&[]);
    unknown["appDefinition"]["unchangedModuleHashes"] =
        json!([{"path": "x.js", "environment": "isolate", "sha256": "00"}]);
    let mut references = table("string");
    references["tables"][0]["documentType"]["value"]["n"]["fieldType"] =
        json!({"type": "id", "tableName": "none"});
    let mut reserved = table("string");
    reserved["tables"][0]["indexes"][0]["fields"] = json!(["n", "_creationTime"]);
    let auth = |providers: Json| app(&[module("auth.config.js", &json!({"providers": providers}))]);
    for (request, code, words) in [
        (app(&[broken]), "InvalidModules", "app.js: SyntaxError"),
        (app(&[throwing]), "InvalidModules", "oh no"),
        (app(&[module("app.js", &query("get", "new")), cron]), "InvalidCron", "no mutation or action"),
        (schema(json!({"tables": "x"})), "InvalidSchema", "\"tables\" must be an array"),
        (schema(references), "MissingTable", "\"none\""),
        (schema(reserved), "IndexFieldsContainCreationTime", "_creationTime"),
        (component, "InvalidDefinition", "without a definition"),
        (definition, "InvalidDefinition", "\"limiter\" has no path"),
        (unknown, "InvalidModules", "x.js was left out"),
        (app(&[module("a b.js", &json!({}))]), "InvalidModules", "no valid path"),
        (auth(json!([{"domain": "nonsense", "applicationID": "a"}])), "InvalidProviderDomainUrl", "nonsense"),
        (auth(json!({})), "InvalidAuthConfig", "providers"),
    ] {
        let (found, message) = server.refused("/api/deploy2/start_push", &request).await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(server.call("app:get").await, "old");
    let hashes = server.ok("/api/get_config_hashes", &json!({})).await;
    assert_eq!(hashes["moduleHashes"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_push_and_bodies_must_be_sound() {
    let server = TestServer::start().await;
    let (status, answer) =
        server.send("/api/deploy2/start_push", "", b"{}".to_vec(), "carnitas|0123456789").await;
    assert_eq!(status, 403, "{answer}");
    for (encoding, body, code) in [
        ("br", vec![0xFF; 100], "CorruptBody"),
        ("", b"{".to_vec(), "BadJsonBody"),
        ("", b"{}".to_vec(), "BadJsonBody"),
        ("lzma", b"{}".to_vec(), "UnsupportedContentEncoding"),
    ] {
        let (status, answer) =
            server.send("/api/deploy2/start_push", encoding, body, &server.admin_key).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some(code)), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_does_not_fit_the_data_fails_with_the_document() {
    let server = TestServer::start().await;
    server.push(&with_schema(app(&[module("app.js", &query("get", "old"))]), &table("any"))).await;
    let id = server.insert("t", "text");
    let request = with_schema(app(&[module("app.js", &query("get", "new"))]), &table("number"));
    let start = server.ok("/api/deploy2/start_push", &request).await;
    let status = server.wait(&start).await;
    assert_eq!((&status["type"], &status["tableName"]), (&json!("failed"), &json!("t")));
    let begin = format!("Document with ID \"{id}\" in table \"t\" does not match the schema: ");
    assert!(status["error"].as_str().unwrap().starts_with(&begin), "{status}");
    let finish = json!({"startPush": start, "dryRun": false});
    assert_eq!(server.refused("/api/deploy2/finish_push", &finish).await.0, "SchemaValidationFailed");
    assert_eq!(server.call("app:get").await, "old");
    // Without enforcement it is only a description.
    let mut lenient = table("number");
    lenient["schemaValidation"] = json!(false);
    server.push(&with_schema(app(&[module("app.js", &query("get", "new"))]), &lenient)).await;
    assert_eq!(server.call("app:get").await, "new");
    server.insert("t", "text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_during_a_push_that_breaks_only_the_new_schema_fails_the_push() {
    let server = TestServer::start().await;
    let request = with_schema(app(&[]), &table("number"));
    let start = server.ok("/api/deploy2/start_push", &request).await;
    assert_eq!(server.wait(&start).await["type"], "complete");
    server.insert("t", "text");
    // Either the follower has noticed, or the end of the push does.
    let finish = json!({"startPush": start, "dryRun": false});
    let (code, message) = server.refused("/api/deploy2/finish_push", &finish).await;
    assert_eq!(code, "SchemaValidationFailed", "{message}");
    assert!(
        server
            .state
            .database()
            .published()
            .catalog()
            .schema()
            .as_ref()
            .is_none_or(|schema| schema.table("t").is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_push_overtakes_an_unfinished_one() {
    let server = TestServer::start().await;
    let first = server.ok("/api/deploy2/start_push", &app(&[module("a.js", &query("get", 1.0))])).await;
    let second = server.ok("/api/deploy2/start_push", &app(&[module("a.js", &query("get", 2.0))])).await;
    assert_eq!(server.wait(&first).await, json!({"type": "raceDetected"}));
    let finish = |start: &Json| json!({"startPush": start, "dryRun": false});
    assert_eq!(server.refused("/api/deploy2/finish_push", &finish(&first)).await.0, "RaceDetected");
    assert_eq!(server.wait(&second).await, json!({"type": "complete"}));
    server.ok("/api/deploy2/finish_push", &finish(&second)).await;
    assert_eq!(server.call("a:get").await, 2.0);
    assert_eq!(server.refused("/api/deploy2/finish_push", &finish(&second)).await.0, "RaceDetected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_checks_everything_and_changes_nothing() {
    let server = TestServer::start().await;
    server.insert("t", "text");
    let real = server.ok("/api/deploy2/start_push", &app(&[module("a.js", &query("get", 1.0))])).await;
    let mut request = with_schema(app(&[module("a.js", &query("get", 2.0))]), &table("number"));
    request["dryRun"] = json!(true);
    let dry = server.ok("/api/deploy2/start_push", &request).await;
    let added = &dry["schemaChange"]["indexDiffs"][""]["added_indexes"];
    assert_eq!(added[0]["name"], "t.by_n");
    assert_eq!(server.wait(&dry).await["type"], "failed");
    let end = server.ok("/api/deploy2/finish_push", &json!({"startPush": dry, "dryRun": true})).await;
    assert_eq!(end["componentDiffs"], json!({}));
    // The real push was not disturbed.
    assert_eq!(server.wait(&real).await["type"], "complete");
    server.ok("/api/deploy2/finish_push", &json!({"startPush": real, "dryRun": false})).await;
    assert_eq!(server.call("a:get").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_and_changed_settings_are_events() {
    let server = TestServer::start().await;
    let ask = async |path: &str, args: Json| {
        let body =
            json!({"path": format!("_system/frontend/{path}"), "args": args, "format": "json"}).to_string();
        server.send("/api/function", "", body.into_bytes(), &server.admin_key).await.1["value"].clone()
    };
    assert_eq!(ask("deploymentEvents:lastPushEvent", json!({})).await, Json::Null);
    server.push(&app(&[module("a.js", &query("f", "1"))])).await;
    server.set_variable("NAME", "secret").await;
    let push = ask("deploymentEvents:lastPushEvent", json!({})).await;
    assert_eq!(
        (&push["action"], &push["metadata"]["modules"]["added"]),
        (&json!("push_config"), &json!(["a.js"]))
    );
    let filters = json!({"minDate": 0, "actions": ["create_environment_variable"]});
    let options = json!({"numItems": 10, "cursor": null});
    let page = ask("paginatedDeploymentEvents", json!({"paginationOpts": options, "filters": filters})).await;
    assert_eq!(page["page"][0]["metadata"], json!({"variable_name": "NAME"}));
    assert_eq!(page["page"].as_array().unwrap().len(), 1);
    assert!(!page.to_string().contains("secret"));
    assert_eq!(ask("getVersion", json!({})).await, "1.48.0");
    let modules = ask("modules:list", json!({})).await;
    let names: Vec<&Json> = modules.as_array().unwrap().iter().map(|module| &module[0]).collect();
    assert!(names.contains(&&json!("a.js")) && names.contains(&&json!("messages.js")), "{names:?}");
    let client = reqwest::Client::new().get(format!("{}/api/get_source_code?path=a.js", server.url));
    let source = client.header("Authorization", format!("Convex {}", server.admin_key)).send().await.unwrap();
    assert!(source.text().await.unwrap().contains("functions"));
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_variables_are_checked_at_the_end_of_the_push() {
    let server = TestServer::start().await;
    let mut request = app(&[module("a.js", &query("get", 1.0))]);
    request["appDefinition"]["definition"] = module(
        "convex.config.js",
        &json!({"definition": {"definitionType": {"type": "app"}, "envVars": [
            ["NEEDED", {"type": "value", "value": "{\"type\":\"string\"}"}],
            ["CONVEX_SITE_URL", {"type": "value", "value": "{\"type\":\"string\"}"}],
            ["WANTED", {"type": "value", "value": "{\"type\":\"string\"}", "optional": true}]]}}),
    );
    let start = server.ok("/api/deploy2/start_push", &request).await;
    server.wait(&start).await;
    let finish = json!({"startPush": start, "dryRun": false});
    let (code, message) = server.refused("/api/deploy2/finish_push", &finish).await;
    assert_eq!(code, "MissingEnvironmentVariables");
    assert!(message.contains("are not set: NEEDED."), "{message}");

    let start = server.ok("/api/deploy2/start_push", &request).await;
    server.wait(&start).await;
    server.set_variable("NEEDED", "x").await;
    let finish = json!({"startPush": start, "dryRun": false});
    assert_eq!(server.refused("/api/deploy2/finish_push", &finish).await.0, "RaceDetected");
    server.push(&request).await;
    assert_eq!(server.call("a:get").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn crons_and_providers_follow_the_push() {
    let server = TestServer::start().await;
    let jobs = json!({"functions": [{"name": "run", "udfType": "Mutation", "value": "ran"}]});
    let crons = |crons: Json| module("crons.js", &json!({"crons": crons}));
    let auth = |domain: &str| {
        module(
            "auth.config.js",
            &json!({"providers": {"providers": [{"domain": domain, "applicationID": "a"}]}}),
        )
    };
    let every = |seconds: u64| json!({"path": "jobs:run", "seconds": seconds});
    let first = app(&[
        module("jobs.js", &jobs),
        crons(json!({"kept": every(3600), "changed": every(3600), "gone": every(3600)})),
        auth("https://one.example"),
    ]);
    let end = server.push(&first).await;
    assert_eq!(end["componentDiffs"][""]["cronDiff"]["added"], json!(["changed", "gone", "kept"]));
    assert_eq!(end["authDiff"]["added"][0], r#"{"applicationID":"a","domain":"https://one.example"}"#);
    let providers = || server.state.authenticator.providers();
    assert_eq!(providers()[0].issuer(), "https://one.example");
    let second = app(&[
        module("jobs.js", &jobs),
        crons(json!({"kept": every(3600), "changed": every(60), "new": every(60)})),
        auth("https://two.example"),
    ]);
    let end = server.push(&second).await;
    assert_eq!(
        end["componentDiffs"][""]["cronDiff"],
        json!({"added": ["new"], "updated": ["changed"], "deleted": ["gone"]})
    );
    assert_eq!(end["authDiff"]["removed"].as_array().unwrap().len(), 1);
    assert_eq!(providers()[0].issuer(), "https://two.example");
    let end = server.push(&app(&[])).await;
    assert_eq!(end["componentDiffs"][""]["cronDiff"]["deleted"].as_array().unwrap().len(), 3);
    assert!(providers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_modules_stand_before_native_ones_until_they_are_removed() {
    let server = TestServer::start().await;
    let pushed = app(&[
        module("messages.js", &query("list", "pushed")),
        module("http.js", &json!({"routes": ["/pushed"]})),
    ]);
    let end = server.push(&pushed).await;
    assert_eq!(end["shadowed"]["modules"], json!(["messages"]));
    assert!(end["shadowed"]["httpRoutes"].as_array().unwrap().contains(&json!("GET /hello")));
    assert_eq!(server.call("messages:list").await, "pushed");
    assert!(server.call("messages:who").await.as_str().unwrap().contains("Could not find"));
    assert_eq!(server.call("inner:secret").await, 42.0, "other modules stay");
    let get = |path: &str| reqwest::get(format!("{}{path}", server.site_url));
    assert_eq!(get("/pushed").await.unwrap().text().await.unwrap(), "/pushed");
    assert_eq!(get("/hello").await.unwrap().status(), 404);

    server.push(&app(&[])).await;
    assert_eq!(server.call("messages:who").await, "nobody");
    assert!(get("/hello").await.unwrap().text().await.unwrap().starts_with("hello from"));
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_indexes_do_not_hold_up_a_push_and_come_later() {
    let server = TestServer::start().await;
    server.insert("t", 1.0);
    let mut staged = table("number");
    let index = staged["tables"][0]["indexes"].take();
    staged["tables"][0]["stagedDbIndexes"] = index;
    staged["tables"][0]["indexes"] = json!([]);
    server.push(&with_schema(app(&[]), &staged)).await;
    let is_staged = || {
        let catalog = server.state.database().published().catalog().clone();
        catalog.table("t").unwrap().index("by_n").map(|index| index.staged)
    };
    tokio::time::timeout(Duration::from_secs(10), async {
        while is_staged().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(is_staged(), Some(true));
    let start = server.ok("/api/deploy2/start_push", &with_schema(app(&[]), &table("number"))).await;
    let diff = &start["schemaChange"]["indexDiffs"][""];
    assert_eq!(diff["enabled_indexes"][0]["name"], "t.by_n");
    assert_eq!(diff["added_indexes"], json!([]));
    server.wait(&start).await;
    server.ok("/api/deploy2/finish_push", &json!({"startPush": start, "dryRun": false})).await;
    assert_eq!(is_staged(), Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_evaluated_table_by_table() {
    let server = TestServer::start().await;
    server.push(&with_schema(app(&[]), &table("number"))).await;
    server.insert("t", 1.0);
    let evaluate = async |schema: &Json| {
        let answer = server.ok("/api/deploy2/evaluate_schema", &with_schema(app(&[]), schema)).await;
        let evaluation = &answer["componentSchemaEvaluations"][""];
        let table = evaluation["tables"].as_array().unwrap().iter().find(|table| table["name"] == "t");
        let index = evaluation["indexes"].as_array().unwrap().iter().find(|index| index["name"] == "t.by_n");
        (table.cloned().unwrap(), index.cloned().unwrap())
    };
    let (found, index) = evaluate(&table("number")).await;
    assert_eq!((&found["outcome"], &found["numDocs"]), (&json!("supersetOfEnforced"), &json!(1)));
    assert_eq!((&index["change"], &index["needsBackfill"]), (&json!("identical"), &json!(false)));
    let mut changed = table("string");
    changed["tables"][0]["indexes"][0]["fields"] = json!(["n", "m"]);
    let (found, index) = evaluate(&changed).await;
    assert_eq!(found["outcome"], "mustWalk");
    assert_eq!((&index["change"], &index["needsBackfill"]), (&json!("added"), &json!(true)));
    let answer = server.ok("/api/deploy2/evaluate_push", &with_schema(app(&[]), &changed)).await;
    assert_eq!(answer["schemaChange"]["indexDiffs"][""]["removed_indexes"][0]["name"], "t.by_n");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_code_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::open(DatabaseOptions::in_memory().with_folder(folder.path())).unwrap();
    let server = TestServer::start_on(open(), |_| {}).await;
    let modules = [
        module("app.js", &query("get", "kept")),
        module(
            "auth.config.js",
            &json!({"providers": [{"domain": "https://one.example", "applicationID": "a"}]}),
        ),
        module("_deps/A.js", &json!({})),
    ];
    server.push(&with_schema(app(&modules), &table("number"))).await;
    server.state.database().close();
    drop(server);

    let database = open();
    let native = fusion_schema::Schema::default();
    assert!(crate::push::stored_schema(&database, &native).unwrap().table("t").is_some());
    let server = TestServer::start_on(database, |_| {}).await;
    assert!(server.call("app:get").await.as_str().unwrap().contains("Could not find"));
    server.state.pushes.restore().unwrap();
    assert_eq!(server.call("app:get").await, "kept");
    assert_eq!(server.state.authenticator.providers()[0].issuer(), "https://one.example");
    let hashes = server.ok("/api/get_config_hashes", &json!({})).await;
    assert_eq!(hashes["moduleHashes"].as_array().unwrap().len(), 3);
    assert_eq!(hashes["config"]["authInfo"][0]["applicationID"], "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_code_keeps_nobody_from_starting_and_the_next_push_repairs_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::open(DatabaseOptions::in_memory().with_folder(folder.path())).unwrap();
    let server = TestServer::start_on(open(), |_| {}).await;
    let request = app(&[module("app.js", &query("get", "kept"))]);
    server.push(&request).await;
    let database = server.state.database();
    let mut tx = database.begin_mutation();
    for blob in crate::system::all(&mut tx, "_code_blobs").unwrap() {
        tx.patch(blob.id(), vec![("content".to_owned(), Some(fusion_schema::Value::Bytes(vec![1])))])
            .unwrap();
    }
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();
    database.close();
    drop(server);

    let server = TestServer::start_on(open(), |_| {}).await;
    let error = server.state.pushes.restore().unwrap_err();
    assert!(error.message().contains("damaged. Push the code again."), "{error}");
    assert_eq!(server.call("inner:secret").await, 42.0, "what is compiled in is there");
    let hashes = server.ok("/api/get_config_hashes", &json!({})).await;
    assert_eq!(hashes["moduleHashes"], json!([]));
    server.push(&request).await;
    assert_eq!(server.call("app:get").await, "kept");
    server.state.pushes.restore().unwrap();
    assert_eq!(server.call("app:get").await, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_finish_one_push_at_once_one_does() {
    let server = TestServer::start().await;
    let start = server.ok("/api/deploy2/start_push", &app(&[module("a.js", &query("get", 1.0))])).await;
    server.wait(&start).await;
    let finish = json!({"startPush": start, "dryRun": false});
    let (one, other) = tokio::join!(
        server.deploy("/api/deploy2/finish_push", &finish),
        server.deploy("/api/deploy2/finish_push", &finish)
    );
    let mut answers = [one, other];
    answers.sort_by_key(|(status, _)| *status);
    assert_eq!((answers[0].0, answers[1].0), (200, 400), "{answers:?}");
    let code = answers[1].1["code"].as_str().unwrap();
    assert!(["ConcurrentPush", "RaceDetected"].contains(&code), "{code}");
    assert_eq!(server.call("a:get").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_query_runs_once_for_administrators() {
    let server = TestServer::start().await;
    let body = |exports: &Json, more: Json| {
        let mut body = json!({
            "adminKey": server.admin_key, "args": {}, "format": "convex_encoded_json",
            "bundle": {"path": "testQuery.js", "source": exports.to_string()},
        });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        body.to_string().into_bytes()
    };
    let send = async |body: Vec<u8>, header: Option<&str>| {
        let mut request =
            reqwest::Client::new().post(format!("{}/api/run_test_function", server.url)).body(body);
        if let Some(header) = header {
            request = request.header("Authorization", header);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Json>().await.unwrap())
    };
    let one = query("default", 1.5);
    let success = json!({"status": "success", "value": 1.5});
    // The dashboard has the key in the body only.
    assert_eq!(send(body(&one, json!({})), None).await, (200, success.clone()));
    let key = format!("Convex {}", server.admin_key);
    assert_eq!(send(body(&one, json!({"adminKey": null})), Some(&key)).await, (200, success));
    let refused = async |body: Vec<u8>, header: Option<&str>| {
        let (status, answer) = send(body, header).await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let code = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused(body(&one, json!({"adminKey": "x|1"})), None).await, code(403, "BadDeployKey"));
    assert_eq!(refused(body(&one, json!({"adminKey": null})), None).await, code(403, "BadDeployKey"));
    // A header counts, whatever the body says.
    assert_eq!(refused(body(&one, json!({})), Some("Convex x|1")).await, code(403, "BadDeployKey"));
    assert_eq!(
        refused(body(&one, json!({"componentId": "abc"})), None).await,
        code(404, "ComponentNotFound")
    );
    let mutation = json!({"functions": [{"name": "default", "udfType": "Mutation"}]});
    assert_eq!(refused(body(&mutation, json!({})), None).await, code(400, "InvalidInlineQuery"));
    assert_eq!(refused(body(&query("other", 1), json!({})), None).await, code(400, "InvalidInlineQuery"));
    let throwing = json!({"throws": "no"});
    assert_eq!(refused(body(&throwing, json!({})), None).await, code(400, "InvalidModules"));
    assert_eq!(
        server.call("testQuery:default").await.as_str().map(|text| text.contains("Could not find")),
        Some(true)
    );
}
