//! Queries, mutations and actions from call to result.

use std::time::Duration;

use fusion_schema::{Value, json, object};

use super::app::App;
use crate::clock::Moment;
use crate::function::testing::{call, value};

const MESSAGES: &str = r#"
import { query, mutation, action, internalQuery, strangeQuery, ConvexError } from "./_deps/convex.js";
export const strange = strangeQuery(async () => 1);
export const whoAmI = query(async (ctx) => {
  let who = "caught";
  try {
    who = await ctx.auth.getUserIdentity();
  } catch {}
  return who;
});
export const many = action(async (ctx) => {
  const found = await Promise.all([...Array(30).keys()].map((n) => ctx.runQuery("messages:echo", { n })));
  return found.map(({ n }) => n).join();
});
export const files = action(async (ctx) => {
  const id = await ctx.storage.store(new Blob(["hello"], { type: "text/x" }));
  const read = await (await ctx.storage.get(id)).text();
  const { size, contentType } = await ctx.storage.getMetadata(id);
  const url = await ctx.storage.getUrl(id);
  await ctx.storage.delete(id);
  return [read, size, contentType, url.startsWith("http://cloud/api/storage/"), await ctx.storage.get(id), await ctx.storage.getUrl(id)];
});
const stored = async (ctx, text) => await ctx.storage.store(new Blob([text], { type: "text/x" }));
const read = async (ctx, id) => {
  const blob = await ctx.storage.get(id);
  return blob && [await blob.text(), blob.type];
};
export const storeFile = mutation(async (ctx, { text }) => {
  const id = await stored(ctx, text);
  return [id, await read(ctx, id)];
});
export const readFile = mutation(async (ctx, { id }) => await read(ctx, id));
export const storeAndFail = mutation(async (ctx) => {
  throw new Error(await ctx.storage.getUrl(await stored(ctx, "lost")));
});
export const storeAround = mutation(async (ctx) => {
  let url;
  try {
    await ctx.runMutation("messages:storeAndFail");
  } catch (error) {
    url = error.message;
  }
  return [await stored(ctx, "kept"), url];
});
export const storeWrong = mutation(async (ctx) => await ctx.storage.store(new Blob(["a"]), { sha256: "A".repeat(43) + "=" }));
export const storeInQuery = query(async (ctx) => await ctx.meta.perform("1.0/storageStore", { blob: "", contentType: null }));
export const sign = mutation(async (ctx, options) => await ctx.auth.signJwt(options));
export const wrongFile = action(async (ctx) => await ctx.storage.get("nonsense"));
export const schedules = mutation(async (ctx) => {
  const id = await ctx.scheduler.runAfter(60_000, "messages:send", { body: "later" });
  const { state, name, scheduledTime } = await ctx.db.system.get(id);
  await ctx.scheduler.cancel(id);
  return [state.kind, name, scheduledTime - Date.now(), (await ctx.db.system.get(id)).state.kind];
});
export const meta = query(async (ctx) => {
  const { name } = await ctx.meta.metadata();
  const handle = await ctx.meta.handle("messages:echo");
  const echoed = await ctx.meta.perform("1.0/runUdf", { udfType: "query", functionHandle: handle, args: { a: 1 } });
  return [name, handle, echoed, (await ctx.meta.metrics()).documentsRead];
});
export const unknown = query(async (ctx, { op }) => op.startsWith("a:") ? await ctx.meta.perform(op, {}) : ctx.meta.performSync(op, {}));
export const search = query(async (ctx) => ctx.meta.performSync("1.0/queryStream", {
  query: { source: { type: "Search", indexName: "messages.by_body", filters: [] }, operators: [] },
}));
export const list = query(async (ctx, { table }) => (await ctx.db.query(table ?? "messages").collect()).map((m) => m.body));
export const send = mutation(async (ctx, { body }) => await ctx.db.insert("messages", { body }));
export const get = query(async (ctx, { id, table }) => table ? await ctx.db.get(table, id) : await ctx.db.get(id));
export const edit = mutation(async (ctx, { id }) => {
  await ctx.db.patch(id, { extra: 1, body: undefined });
  const patched = await ctx.db.get(id);
  await ctx.db.replace(id, { body: "replaced" });
  const replaced = await ctx.db.get(id);
  await ctx.db.delete(id);
  return [patched, replaced, await ctx.db.get(id)].map((d) => d && Object.keys(d).sort().join());
});
export const sendAll = mutation(async (ctx, { bodies }) => {
  await Promise.all(bodies.map((body) => ctx.db.insert("messages", { body })));
  return await ctx.runQuery("messages:list");
});
export const echo = query(async (ctx, args) => args);
export const sum = action(async (ctx, { bodies }) => {
  for (const body of bodies) await ctx.runMutation("messages:send", { body });
  const found = await ctx.runQuery("messages:list");
  return { found, inner: await ctx.runAction("messages:requestId"), own: ctx.requestId.length };
});
export const requestId = action(async (ctx) => ctx.requestId.length);
export const secret = internalQuery(async () => "secret");
export const time = query(async () => {
  const times = [Date.now()];
  for (let i = 0; i < 1e5; i++) {}
  return [...times, Date.now()];
});
export const page = query(async (ctx, { cursor }) => {
  const { page, continueCursor, isDone } = await ctx.db.query("messages").paginate({ cursor, numItems: 2 });
  return { page: page.map((m) => m.body), continueCursor, isDone };
});
export const normalize = query(async (ctx, { id }) => [ctx.db.normalizeId("messages", id), ctx.db.normalizeId("others", id)]);
"#;

fn app() -> App {
    App::new(&[("messages.js", MESSAGES)])
}

#[test]
fn a_mutation_writes_and_a_query_reads() {
    let app = app();
    let id = app.ok("messages:send", r#"{"body":"hello"}"#);
    assert_eq!(app.ok("messages:list", "{}"), r#"["hello"]"#);
    let document = app.ok("messages:get", &format!(r#"{{"id":{id}}}"#));
    assert!(document.contains(r#""body":"hello""#) && document.contains("_creationTime"), "{document}");
    assert_eq!(app.ok("messages:get", &format!(r#"{{"id":{id},"table":"messages"}}"#)), document);
    assert_eq!(
        app.ok("messages:edit", &format!(r#"{{"id":{id}}}"#)),
        r#"["_creationTime,_id,extra","_creationTime,_id,body",null]"#
    );
    assert_eq!(app.ok("messages:list", "{}"), "[]");
}

#[test]
fn ids_are_checked() {
    let app = app();
    let id = app.ok("messages:send", r#"{"body":"hello"}"#);
    assert!(
        app.fails("messages:get", &format!(r#"{{"id":{id},"table":"others"}}"#)).starts_with(
            "Uncaught Error: Invalid argument `id` for `db.get`: expected to be an Id<\"others\">, got Id<\"messages\"> instead."
        )
    );
    assert!(
        app.fails("messages:get", r#"{"id":"nonsense"}"#)
            .contains("Invalid argument `id` for `db.get`: Unable to decode ID")
    );
    assert_eq!(app.ok("messages:normalize", &format!(r#"{{"id":{id}}}"#)), format!("[{id},null]"));
}

#[test]
fn calls_of_one_turn_run_in_their_order() {
    let app = app();
    assert_eq!(app.ok("messages:sendAll", r#"{"bodies":["a","b","c","d"]}"#), r#"["a","b","c","d"]"#);
    let first = app.ok("messages:page", r#"{"cursor":null}"#);
    assert!(first.contains(r#""page":["a","b"]"#) && first.contains(r#""isDone":false"#), "{first}");
    let cursor = serde_json::from_str::<serde_json::Value>(&first).unwrap()["continueCursor"].to_string();
    let second = app.ok("messages:page", &format!(r#"{{"cursor":{cursor}}}"#));
    assert!(second.contains(r#""page":["c","d"]"#), "{second}");
}

#[test]
fn values_keep_their_types() {
    let app = app();
    for args in [
        r#"{"a":{"$integer":"AQAAAAAAAAA="},"b":{"$bytes":"AAEC"},"c":[null,true,1.5,"é😀"]}"#,
        r#"{"a":{"$float":"AAAAAAAAAIA="}}"#,
    ] {
        assert_eq!(app.ok("messages:echo", args), args);
    }
}

#[test]
fn an_action_calls_the_others() {
    let app = app();
    assert_eq!(
        app.ok("messages:sum", r#"{"bodies":["a","b"]}"#),
        r#"{"found":["a","b"],"inner":16,"own":16}"#
    );
}

#[test]
fn the_thread_is_found_ready_for_the_next_call() {
    let app = app();
    for number in 0..20 {
        assert_eq!(app.ok("messages:echo", &format!(r#"{{"n":{number}}}"#)), format!(r#"{{"n":{number}}}"#));
    }
    assert!(app.js.threads().idle() <= 3, "{} threads wait", app.js.threads().idle());
}

#[test]
fn a_shared_run_that_asks_who_calls_is_run_again() {
    let app = app();
    let outcome = app.wait(app.runner.query(call("messages:whoAmI", object! {}), None));
    // The script cannot catch that the first run was ended.
    assert_eq!(value(&outcome), Ok(Value::Null));
}

#[test]
fn an_action_may_have_many_calls_under_way() {
    let expected: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    assert_eq!(app().ok("messages:many", "{}"), format!("\"{}\"", expected.join(",")));
}

#[test]
fn many_calls_at_once_are_all_answered() {
    let app = app();
    let calls = (0..200).map(|n| app.runner.any(call("messages:echo", object! { "n" => f64::from(n) })));
    let outcomes = app.wait(futures_util::future::join_all(calls));
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(value(outcome).map(|value| json::encode(&value)), Ok(format!(r#"{{"n":{n}}}"#)));
    }
}

#[test]
fn files_are_stored_and_read() {
    let app = app();
    assert_eq!(app.ok("messages:files", "{}"), r#"["hello",5,"text/x",true,null,null]"#);
    assert!(app.fails("messages:wrongFile", "{}").starts_with("Uncaught Error: Invalid storage ID"));
}

#[test]
fn mutations_store_files_that_go_with_them() {
    let app = app();
    let files = &app.runner.deployment().files;
    let uuid = |text: &str| {
        let (_, rest) = text.split_once("http://cloud/api/storage/").expect("a URL");
        rest[..36].to_owned()
    };
    let gone = |uuid: &str| {
        let began = Moment::now();
        while app.wait(files.blobs().exists(uuid)).unwrap() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the content of a failed mutation is still there"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let stored = app.ok("messages:storeFile", r#"{"text":"hello"}"#);
    assert!(stored.ends_with(r#",["hello","text/x"]]"#), "{stored}");
    let id = stored.split('"').nth(1).unwrap();
    assert_eq!(app.ok("messages:readFile", &format!(r#"{{"id":"{id}"}}"#)), r#"["hello","text/x"]"#);
    gone(&uuid(&app.fails("messages:storeAndFail", "{}")));
    // What a nested mutation stored goes with it alone.
    let around = app.ok("messages:storeAround", "{}");
    gone(&uuid(&around));
    let id = around.split('"').nth(1).unwrap();
    assert_eq!(app.ok("messages:readFile", &format!(r#"{{"id":"{id}"}}"#)), r#"["kept","text/x"]"#);
    let error = app.fails("messages:storeWrong", "{}");
    assert!(error.contains("The content's SHA-256 is "), "{error}");
    let error = app.fails("messages:storeInQuery", "{}");
    assert!(error.contains("Unknown async operation 1.0/storageStore"), "{error}");
}

#[test]
fn mutations_sign_tokens_with_the_deployments_key() {
    let app = app();
    let token = app.ok("messages:sign", r#"{"claims":{"sub":"ada"},"expiresInSeconds":60}"#);
    let payload = token.trim_matches('"').split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&"http://cloud".into(), &"ada".into()));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
    let error = app.fails("messages:sign", r#"{"claims":{"exp":1},"expiresInSeconds":60}"#);
    assert!(error.starts_with("Uncaught Error: The claim `exp` is reserved."), "{error}");
    let error = app.fails("messages:sign", r#"{"expiresInSeconds":3601}"#);
    assert!(error.contains("at most 3600"), "{error}");
}

#[test]
fn functions_are_scheduled_and_canceled() {
    assert_eq!(app().ok("messages:schedules", "{}"), r#"["pending","messages.js:send",60000,"canceled"]"#);
}

#[test]
fn a_function_learns_about_its_call() {
    let app = app();
    let learned = app.ok("messages:meta", "{}");
    let ends = learned.strip_prefix(r#"["messages:meta","function://"#).and_then(|rest| rest.split_once('"'));
    assert_eq!(ends.map(|(_, rest)| rest), Some(r#",{"a":1},{"remaining":32000,"used":0}]"#), "{learned}");
    assert_eq!(app.ok("messages:meta", "{}"), learned);
}

#[test]
fn what_the_server_cannot_do_is_named() {
    let app = app();
    let error = app.fails("messages:unknown", r#"{"op":"a:x"}"#);
    assert!(error.starts_with("Uncaught Error: Unknown async operation a:x"), "{error}");
    let error = app.fails("messages:unknown", r#"{"op":"1.0/x"}"#);
    assert!(error.starts_with("Uncaught Error: Unknown operation 1.0/x"), "{error}");
    assert!(app.fails("messages:search", "{}").contains("Index messages.by_body not found."));
    assert!(app.fails("messages:strange", "{}").contains("neither public nor internal"));
}
