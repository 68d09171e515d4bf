//! What the command line asks, and environment variables and files on the way.

use bytes::Bytes;
use fusion_schema::{Object, Value, json, object};
use futures_util::stream;

use super::testing::{ManualClock, call, runner, value};
use super::*;
use crate::auth::Identity;
use crate::database::ComponentId;
use crate::system::environment::EnvironmentChange;
use crate::system::files::Files;
use crate::{Error, Result};

fn app() -> Application {
    let mut app = Application::new("test");
    app.module("m", Visibility::Public, (), |module| {
        module
            .query("greeting", |ctx: &mut QueryCtx<'_>, (): ()| ctx.env("GREETING"))
            .mutation("fill", |ctx: &mut MutationCtx<'_>, (): ()| {
                for number in 0..3 {
                    ctx.db().insert_any("things", object! { "number" => f64::from(number) })?;
                }
                Ok(())
            })
            .query("url", |ctx: &mut QueryCtx<'_>, args: OfFile| ctx.storage().get_url(args.id))
            .mutation("delete", |ctx: &mut MutationCtx<'_>, args: OfFile| ctx.storage().delete(args.id))
            .mutation("writeSystem", |ctx: &mut MutationCtx<'_>, (): ()| {
                ctx.db().insert_any("_storage", Object::new()).map(drop)
            });
    });
    app
}

#[derive(fusion_schema::Typed)]
struct OfFile {
    id: fusion_schema::Id<fusion_schema::table::StoredFile>,
}

async fn ask(runner: &std::sync::Arc<FunctionRunner>, path: &str, args: Object) -> Result<String, String> {
    let mut call = call(path, args);
    call.identity = Identity::Admin { acting_as: None };
    value(&runner.any(call).await).map(|value| json::encode(&value))
}

fn start() -> std::sync::Arc<FunctionRunner> {
    runner(app(), ManualClock::at_ms(1_700_000_000_000))
}

fn page(items: f64) -> Object {
    object! { "cursor" => Value::Null, "numItems" => items }
}

#[tokio::test]
async fn tables_are_listed_and_shown() {
    let runner = start();
    ask(&runner, "m:fill", object! {}).await.unwrap();
    let tables = ask(&runner, "_system/cli/tables", object! { "paginationOpts" => page(10_000.0) }).await;
    assert_eq!(tables.unwrap(), r#"{"continueCursor":"end","isDone":true,"page":[{"name":"things"}]}"#);
    let data = object! { "order" => "desc", "paginationOpts" => page(2.0), "table" => "things" };
    let data = ask(&runner, "_system/cli/tableData", data).await.unwrap();
    assert!(data.contains(r#""isDone":false"#) && data.contains(r#""number":2"#), "{data}");
    let hidden =
        object! { "order" => "asc", "paginationOpts" => page(2.0), "table" => "_environment_variables" };
    assert!(ask(&runner, "_system/cli/tableData", hidden).await.is_err());
    let size = |table: &str| object! { "tableName" => table };
    assert_eq!(ask(&runner, "_system/cli/tableSize", size("things")).await.unwrap(), "3");
    assert_eq!(ask(&runner, "_system/cli/tableSize", size("nothing")).await.unwrap(), "0");
    let before = ask(&runner, "_system/cli/queryTable", size("things")).await.unwrap();
    ask(&runner, "m:fill", object! {}).await.unwrap();
    assert_ne!(ask(&runner, "_system/cli/queryTable", size("things")).await.unwrap(), before);
}

#[tokio::test]
async fn functions_are_listed() {
    let runner = start();
    let spec = ask(&runner, "_system/cli/modules:apiSpec", object! {}).await.unwrap();
    assert!(spec.contains(r#""functionType":"Mutation","identifier":"m.js:fill""#), "{spec}");
    assert!(spec.contains(r#""visibility":{"kind":"public"}"#), "{spec}");
    assert!(!spec.contains("_system"), "{spec}");
    assert_eq!(ask(&runner, "_system/cli/convexUrl:cloudUrl", object! {}).await.unwrap(), "\"http://cloud\"");
}

fn set(name: &str, value: Option<&str>) -> EnvironmentChange {
    EnvironmentChange { name: name.to_owned(), value: value.map(str::to_owned) }
}

#[tokio::test]
async fn environment_variables_are_sealed_and_read_back() {
    let runner = start();
    runner.update_environment(vec![set("GREETING", Some("hello"))]).await.unwrap();
    assert_eq!(ask(&runner, "m:greeting", object! {}).await.unwrap(), "\"hello\"");
    let list = ask(&runner, "_system/cli/queryEnvironmentVariables", object! {}).await.unwrap();
    assert!(list.contains(r#""name":"GREETING","value":"hello""#), "{list}");
    let stored =
        crate::system::all(&mut runner.deployment().database.begin_query(), "_environment_variables");
    assert!(!stored.unwrap()[0].json().contains("hello"));

    let named = |name: &str| object! { "name" => name };
    let get = "_system/cli/queryEnvironmentVariables:get";
    assert!(ask(&runner, get, named("GREETING")).await.unwrap().contains("hello"));
    // Older command lines learn from these where the deployment is.
    let site = ask(&runner, get, named("CONVEX_SITE_URL")).await.unwrap();
    assert_eq!(site, r#"{"name":"CONVEX_SITE_URL","value":"http://site"}"#);
    runner.update_environment(vec![set("GREETING", None)]).await.unwrap();
    assert_eq!(ask(&runner, get, named("GREETING")).await.unwrap(), "null");
    assert_eq!(ask(&runner, "m:greeting", object! {}).await.unwrap(), "null");
}

#[tokio::test]
async fn wrong_variables_are_refused_and_change_nothing() {
    let runner = start();
    for (name, value, code) in [
        ("1A", "x".to_owned(), "EnvironmentVariableNameInvalid"),
        ("A-B", "x".to_owned(), "EnvironmentVariableNameInvalid"),
        ("", "x".to_owned(), "EnvironmentVariableNameInvalid"),
        (&"A".repeat(257), "x".to_owned(), "EnvironmentVariableNameTooLong"),
        ("A", "x".repeat((8 << 10) + 1), "EnvironmentVariableValueTooLarge"),
        ("CONVEX_SITE_URL", "x".to_owned(), "EnvVarNameForbidden"),
    ] {
        let changes = vec![set("FINE", Some("x")), set(name, Some(&value))];
        assert_eq!(runner.update_environment(changes).await.unwrap_err().code(), code, "{name}");
    }
    let many = (0..513).map(|number| set(&format!("V{number}"), Some("x"))).collect();
    assert_eq!(runner.update_environment(many).await.unwrap_err().code(), "EnvironmentVariableLimitExceeded");
    assert_eq!(ask(&runner, "_system/cli/queryEnvironmentVariables", object! {}).await.unwrap(), "[]");
}

fn pieces(texts: &[&'static str]) -> impl futures_util::Stream<Item = Result<Bytes, Error>> + Send + use<> {
    stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_file_is_stored_read_and_deleted() {
    let runner = start();
    let id = runner
        .store_file(ComponentId::ROOT, pieces(&["hel", "lo"]), Some("text/plain".to_owned()), None)
        .await
        .unwrap();
    let file = Files::new(&mut runner.deployment().database.begin_query()).get(id).unwrap().unwrap();
    assert_eq!((file.size, file.content_type.as_deref()), (5, Some("text/plain")));
    assert_eq!(file.sha256, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    let files = &runner.deployment().files;
    assert_eq!(files.read(&file.uuid).await.unwrap(), "hello");
    let by_uuid = Files::new(&mut runner.deployment().database.begin_query()).by_uuid(&file.uuid);
    assert_eq!(by_uuid.unwrap(), Some(file.clone()));

    let of_file = || object! { "id" => id };
    assert_eq!(
        ask(&runner, "m:url", of_file()).await.unwrap(),
        format!("\"http://cloud/api/storage/{}\"", file.uuid)
    );
    ask(&runner, "m:delete", of_file()).await.unwrap();
    assert_eq!(ask(&runner, "m:url", of_file()).await.unwrap(), "null");
    assert!(ask(&runner, "m:delete", of_file()).await.unwrap_err().contains("not found"));
    for _ in 0..1_000 {
        if files.read(&file.uuid).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the content is still there");
}

#[tokio::test]
async fn a_file_with_the_wrong_digest_is_refused() {
    let runner = start();
    let error =
        runner.store_file(ComponentId::ROOT, pieces(&["hello"]), None, Some([0; 32])).await.unwrap_err();
    assert_eq!(error.code(), "Sha256Mismatch");
    assert_eq!(
        ask(&runner, "_system/cli/tableSize", object! { "tableName" => "_storage" }).await.unwrap(),
        "0"
    );
}

#[tokio::test]
async fn an_upload_url_is_good_for_an_hour() {
    let runner = start();
    let files = &runner.deployment().files;
    let url = files.generate_upload_url(1_000.0, None).unwrap();
    let token = url.strip_prefix("http://cloud/api/storage/upload?token=").unwrap();
    files.check_upload_token(token, 3_600_999.0).unwrap();
    assert_eq!(files.check_upload_token(token, 3_601_000.0).unwrap_err().code(), "StorageTokenExpired");
    assert_eq!(files.check_upload_token("nonsense", 0.0).unwrap_err().code(), "StorageTokenInvalid");
}

#[tokio::test]
async fn functions_cannot_write_system_tables() {
    let error = ask(&start(), "m:writeSystem", object! {}).await.unwrap_err();
    assert_eq!(error, "Uncaught Error: System tables can only be accessed with db.system.");
}
