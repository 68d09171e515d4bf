//! Nothing of one call is seen by another; what is fixed stays fixed.

use super::app::App;
use crate::function::{Application, MutationCtx, QueryCtx, Visibility};
use crate::limits::Limits;
use fusion_schema::Object;

const MODULE: &str = r#"
import { query, mutation, action } from "./_deps/convex.js";
let count = 0;
export const taint = query(async () => {
  const seen = [count, globalThis.leak ?? null, Object.prototype.leak ?? null, [].leak ?? null];
  count += 1; seen.push(typeof Map.prototype.leak);
  Map.prototype.leak = 1;
  globalThis.leak = 1;
  Object.prototype.leak = 2;
  Array.prototype.leak = 3;
  Array.prototype.push = () => { throw new Error("mine"); };
  return seen;
});
const loadedAt = Date.now();
const drawn = Math.random();
export const loaded = query(async () => [loadedAt, drawn]);
export const random = query(async () => [Math.random(), Math.random()]);
export const polluted = query(async () => { delete globalThis.Convex; Object.prototype.then = 1; return 1; });
const flag = process.env.FLAG ?? "unset";
export const env = query(async () => [flag, process.env.FLAG ?? "unset", process.env.CONVEX_SITE_URL]);
export const waits = action(async () => { setTimeout(() => {}, 3_600_000); return "done"; });
"#;

fn app() -> App {
    App::new(&[("a.js", MODULE)])
}

#[test]
fn a_call_leaves_nothing_behind() {
    let app = app();
    for _ in 0..4 {
        assert_eq!(app.ok("a:taint", "{}"), r#"[0,null,null,null,"undefined"]"#);
    }
    app.run("a:polluted", "{}").ok();
    assert_eq!(app.ok("a:taint", "{}"), r#"[0,null,null,null,"undefined"]"#);
}

#[test]
fn a_module_that_changes_built_ins_hides_no_functions_of_others() {
    const POLLUTING: &str = r#"
import { query } from "./_deps/convex.js";
Object.prototype.isPublic = true;
Object.prototype.isQuery = true;
Object.prototype.leak = 1;
Array.prototype.sort = () => { throw new Error("polluted"); };
export const seen = query(async () => [].leak);
"#;
    const GOOD: &str = r#"
import { query, internalMutation } from "./_deps/convex.js";
export const list = query(async () => [3, 1, 2].sort().join() + typeof [].leak);
export const inner = internalMutation(async () => 1);
export const helper = { not: "a function" };
"#;
    let app = App::new(&[("a.js", POLLUTING), ("good.js", GOOD)]);
    assert_eq!(app.ok("good:list", "{}"), r#""1,2,3undefined""#);
    let found = super::app::analyze(super::app::sources(&[("a.js", POLLUTING), ("good.js", GOOD)])).unwrap();
    let names: Vec<_> = found["good.js"].functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["inner", "list"]);
    assert_eq!(found["good.js"].functions[0].visibility, Some(Visibility::Internal));
}

#[test]
fn loading_sees_a_fixed_time_and_calls_their_own() {
    let app = app();
    let first = app.ok("a:loaded", "{}");
    assert!(first.starts_with("[1600000000000,0."), "{first}");
    assert_eq!(app.ok("a:loaded", "{}"), first);
    assert_ne!(app.ok("a:random", r#"{"a":1}"#), app.ok("a:random", r#"{"a":2}"#));
}

#[test]
fn a_changed_variable_is_seen_by_code_that_was_loaded_ahead() {
    let app = app();
    for _ in 0..3 {
        assert_eq!(app.ok("a:env", "{}"), r#"["unset","unset","http://site"]"#);
    }
    for value in ["on", "off"] {
        app.set_env("FLAG", value);
        for _ in 0..3 {
            assert_eq!(app.ok("a:env", "{}"), format!(r#"["{value}","{value}","http://site"]"#));
        }
    }
}

#[test]
fn a_timer_does_not_outlive_its_call() {
    let app = app();
    assert_eq!(app.ok("a:waits", "{}"), r#""done""#);
    assert_eq!(app.ok("a:taint", "{}"), r#"[0,null,null,null,"undefined"]"#);
}

const NESTED: &str = r#"
import { query, mutation } from "./_deps/convex.js";
export const down = query(async (ctx, { n }) => n === 0 ? 0 : 1 + await ctx.runQuery("n:down", { n: n - 1 }));
export const viaRust = mutation(async (ctx, { n }) => {
  await ctx.db.insert("t", { from: "js" });
  return n === 0 ? (await ctx.db.query("t").collect()).length : await ctx.runMutation("native:up", { n });
});
export const fails = mutation(async (ctx) => { await ctx.db.insert("t", { from: "js" }); throw new Error("no"); });
export const count = query(async (ctx) => (await ctx.db.query("t").collect()).length);
export const stale = mutation(async (ctx) => {
  await ctx.db.insert("t", { from: "js" });
  return [await ctx.runQuery("n:count"), await ctx.runStaleQuery("n:count")];
});
"#;

/// Calls the mutation in JavaScript, one less deep.
fn up(ctx: &mut MutationCtx<'_>, args: Object) -> crate::Result<f64> {
    let n = args.get("n").and_then(fusion_schema::Value::as_f64).unwrap_or_default();
    ctx.run_mutation("n:viaRust", fusion_schema::object! { "n" => n - 1.0 })
}

/// Catches what a mutation in JavaScript throws.
fn catches(ctx: &mut MutationCtx<'_>, _: Object) -> crate::Result<String> {
    let failed = ctx.run_mutation::<()>("n:fails", fusion_schema::object! {});
    Ok(failed.map_or_else(|error| error.message().to_owned(), |()| String::new()))
}

fn count(ctx: &mut QueryCtx<'_>, _: Object) -> crate::Result<f64> {
    ctx.run_query("n:count", fusion_schema::object! {})
}

fn nested() -> App {
    let mut native = Application::new("test");
    native.module("native", Visibility::Public, (), |module| {
        module.mutation("up", up).mutation("catches", catches).query("count", count);
    });
    App::beside(native, &[("n.js", NESTED)], Limits::default())
}

#[test]
fn calls_nest_as_deep_as_they_may() {
    let app = nested();
    assert_eq!(app.ok("n:down", r#"{"n":8}"#), "8");
    let error = app.fails("n:down", r#"{"n":9}"#);
    assert!(error.contains("at most 8 levels deep"), "{error}");
}

#[test]
fn rust_and_javascript_share_a_transaction() {
    let app = nested();
    assert_eq!(app.ok("n:viaRust", r#"{"n":3}"#), "4");
    assert!(app.ok("native:catches", "{}").starts_with("\"Uncaught Error: no\\n    at "));
    assert_eq!(app.ok("native:count", "{}"), "4");
    assert_eq!(app.ok("n:stale", "{}"), "[5,4]");
}
