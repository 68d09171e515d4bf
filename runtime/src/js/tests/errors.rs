//! Errors from where they are thrown to what callers see.

use fusion_schema::json;

use super::app::App;

const MODULE: &str = r#"
import { query, mutation, action, ConvexError } from "./_deps/convex.js";
const helper = () => { throw new TypeError("wrong"); };
export const fails = query({ handler: async function handler() { return helper(); } });
export const app = query(async () => { throw new ConvexError({ code: "TAKEN", n: 1 }); });
export const text = query(async () => { throw new ConvexError("plain"); });
class FooError extends ConvexError { name = "FooError"; }
export const foo = query(async () => { throw new FooError("sub"); });
export const outer = mutation(async (ctx, { name }) => await ctx.runQuery(name));
export const catches = mutation(async (ctx) => {
  try {
    await ctx.runMutation("errors:writesAndFails");
  } catch (e) {
    return { message: e.message.split("\n")[0], isConvex: e instanceof ConvexError, data: e.data, left: await ctx.db.query("t").collect() };
  }
});
export const writesAndFails = mutation(async (ctx) => {
  await ctx.db.insert("t", { a: 1 });
  throw new ConvexError({ why: "no" });
});
export const act = action(async (ctx) => await ctx.runQuery("errors:app"));
export const badId = query(async function lookUp(ctx) { await ctx.db.query("t").first(); return await ctx.db.get("bad"); });
async function first(ctx) { await ctx.db.query("t").first(); await ctx.meta.metadata(); return await second(ctx); }
async function second(ctx) { await ctx.meta.metadata(); await null; throw new TypeError("after awaits"); }
export const awaits = query(async function handler(ctx) { return await first(ctx); });
export const unnoted = query(async function handler(ctx) { await null; throw new Error("alone"); });
export const thrown = query(async () => { throw "a string"; });
export const nothing = query(async () => { throw undefined; });
export const missing = query(async (ctx) => await ctx.runQuery("errors:nowhere"));
export const dom = query(async () => { throw new DOMException("odd", "DataError"); });
"#;

fn app() -> App {
    App::new(&[("errors.js", MODULE)])
}

#[test]
fn the_place_is_told() {
    let error = app().fails("errors:fails", "{}");
    assert!(error.starts_with("Uncaught TypeError: wrong\n    at helper (errors.js:3:"), "{error}");
    assert!(error.contains("\n    at handler (errors.js:4:"), "{error}");
    assert!(!error.contains("<null>") && !error.contains("native"), "{error}");
    assert!(error.ends_with(")\n"), "{error}");
}

#[test]
fn places_are_mapped_to_what_people_wrote() {
    let source = "import { query } from './_deps/convex.js';\nexport const f = query(async function handler() { throw new Error('x'); });\n";
    let map = r#"{"version":3,"sources":["../convex/errors.ts"],"names":[],"mappings":"AAUA;AACA"}"#;
    let app = App::mapped(&[("errors.js", source, map)]);
    assert_eq!(
        app.fails("errors:f", "{}").lines().take(2).collect::<Vec<_>>(),
        ["Uncaught Error: x", "    at handler (../convex/errors.ts:12:1)"]
    );
}

#[test]
fn data_of_a_convex_error_arrives() {
    let app = app();
    let outcome = app.call("errors:app", "{}");
    let error = outcome.result.unwrap_err();
    assert!(
        error.detail().starts_with("Uncaught ConvexError: {\"code\":\"TAKEN\",\"n\":1}\n    at "),
        "{}",
        error.detail()
    );
    assert_eq!(json::encode(&error.data.unwrap()), r#"{"code":"TAKEN","n":1.0}"#.replace("1.0", "1"));
    let first_frame = |path: &str| app.fails(path, "{}").lines().nth(1).unwrap().to_owned();
    assert!(app.fails("errors:text", "{}").starts_with("Uncaught ConvexError: plain\n"));
    assert!(first_frame("errors:text").starts_with("    at <anonymous> (errors.js:6:"));
    assert!(app.fails("errors:foo", "{}").starts_with("Uncaught FooError: sub\n"));
    assert!(first_frame("errors:foo").starts_with("    at <anonymous> (errors.js:8:"));
}

#[test]
fn a_nested_error_becomes_the_message_of_the_outer_one() {
    let app = app();
    let error = app.call("errors:outer", r#"{"name":"errors:app"}"#).result.unwrap_err();
    let text = error.detail();
    assert!(
        text.starts_with("Uncaught ConvexError: Uncaught ConvexError: {\"code\":\"TAKEN\",\"n\":1}\n    at "),
        "{text}"
    );
    assert!(text.contains("\n\n    at "), "{text}");
    assert!(error.data.is_some());
    assert!(app.fails("errors:act", "{}").starts_with("Uncaught ConvexError: Uncaught ConvexError: {"));
    let text = app.fails("errors:outer", r#"{"name":"errors:fails"}"#);
    assert!(text.starts_with("Uncaught Error: Uncaught TypeError: wrong\n    at helper"), "{text}");
}

#[test]
fn the_place_of_a_failed_call_to_the_server_is_told() {
    let app = app();
    let error = app.fails("errors:badId", "{}");
    let lines: Vec<_> = error.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        lines[1..4],
        [
            "    at perform (_deps/convex.js",
            "    at async get (_deps/convex.js",
            "    at async lookUp (errors.js"
        ],
        "{error}"
    );
}

#[test]
fn functions_that_wait_for_the_one_that_throws_are_told() {
    let app = app();
    let frames = |path: &str| -> Vec<String> {
        let error = app.fails(path, "{}");
        let lines = error.lines().skip(1).filter(|line| line.contains("(errors.js:"));
        lines.map(|line| line.split(" (").next().unwrap().trim().to_owned()).collect()
    };
    assert_eq!(frames("errors:awaits"), ["at second", "at async first", "at async handler"]);
    assert_eq!(frames("errors:unnoted"), ["at handler"]);
}

#[test]
fn a_caught_error_takes_back_what_was_written() {
    let caught = app().ok("errors:catches", "{}");
    assert!(caught.contains(r#""isConvex":true"#) && caught.contains(r#""left":[]"#), "{caught}");
    assert!(caught.contains(r#""data":{"why":"no"}"#), "{caught}");
    assert!(caught.contains(r#""message":"Uncaught ConvexError: {\"why\":\"no\"}""#), "{caught}");
}

#[test]
fn anything_can_be_thrown() {
    let app = app();
    assert!(app.fails("errors:thrown", "{}").starts_with("Uncaught Error: a string"));
    assert!(app.fails("errors:nothing", "{}").starts_with("Uncaught Error: undefined"));
    assert!(app.fails("errors:dom", "{}").starts_with("Uncaught DataError: odd"));
    let missing = app.fails("errors:missing", "{}");
    assert!(missing.contains("Could not find function for 'errors:nowhere'"), "{missing}");
}
