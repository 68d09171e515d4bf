//! What bad code gets: a clear error, and the next call is served.

use std::time::Duration;

use super::app::App;
use crate::clock::Moment;
use crate::limits::Limits;

const BAD: &str = r#"
import { query, action, mutation } from "./_deps/convex.js";
export const good = query(async () => "good");
export const spins = query(async () => { for (;;) {} });
export const spinsInVain = query(async () => { for (;;) { try { for (;;) {} } catch {} } });
export const spinsAsync = query(async () => { for (;;) await null; });
export const regex = query(async () => /^(a+)+$/.test("a".repeat(60) + "b"));
export const never = query(async () => await new Promise(() => {}));
export const bomb = query(async () => { const a = []; for (;;) a.push(new Array(100000).fill(a.length)); });
export const string = query(async () => "x".repeat(100 << 20));
export const stack = query(async () => { const f = () => f() + 1; return f(); });
export const late = query(async () => { Promise.reject(new Error("late")); return "answered"; });
export const caughtLate = query(async () => {
  const failing = (async () => { throw new Error("handled"); })();
  const all = Promise.all([...Array(300).keys()].map(async (n) => { throw new Error(`handled ${n}`); }));
  await null;
  await failing.catch(() => {});
  await all.catch(() => {});
  return "caught";
});
export const lateHelper = mutation(async (ctx) => {
  const helper = async () => { await ctx.db.query("t").collect(); throw new TypeError("after all"); };
  helper();
  await ctx.db.insert("t", {});
  await ctx.meta.metadata();
  return "written";
});
export const lateOdd = query(async () => {
  Promise.reject("text");
  Promise.reject({ get message() { for (;;); }, stack: "x" });
  return "odd";
});
export const lateTimer = action(async () => {
  setTimeout(() => { throw new Error("in a timer"); }, 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return "waited";
});
export const unawaited = action(async (ctx) => { ctx.runQuery("bad:slow"); setTimeout(() => {}, 60_000); return "gone"; });
export const slow = query(async () => { for (let i = 0; i < 3e6; i++); return 1; });
export const map = query(async () => new Map());
export const actionNever = action(async () => await new Promise(() => {}));
export const actionSpins = action(async () => { for (;;) {} });
export const hangs = query(async () => { const a = []; a.length = 2 ** 30; return a.join("").length; });
export const sleeps = query(async (ctx) => { for (let i = 0; i < 2000; i++) await ctx.meta.metadata(); return "awake"; });
"#;

fn app() -> App {
    let limits = Limits {
        function_timeout: Duration::from_millis(300),
        action_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    App::with_limits(&[("bad.js", BAD)], limits)
}

fn check(path: &str, expected: &str) {
    let app = app();
    let started = Moment::now();
    let error = app.fails(path, "{}");
    assert!(error.contains(expected), "{path}: {error}");
    assert!(started.elapsed() < Duration::from_secs(8), "{path} took {:?}", started.elapsed());
    assert_eq!(app.ok("bad:good", "{}"), r#""good""#);
}

#[test]
fn endless_code_is_stopped() {
    for path in ["bad:spins", "bad:spinsInVain", "bad:spinsAsync", "bad:regex"] {
        check(path, "Uncaught Error: Function execution timed out (maximum duration: 300ms)");
    }
    check("bad:actionSpins", "Function execution timed out (maximum duration: 1s)");
}

#[test]
fn a_loop_of_the_engine_itself_is_given_up() {
    check("bad:hangs", "Uncaught Error: Function execution timed out (maximum duration: 300ms)");
}

#[test]
fn promises_that_never_settle_are_told() {
    check("bad:never", "it waits for a promise that can never settle");
    check("bad:actionNever", "it waits for a promise that can never settle");
}

#[test]
fn memory_and_stack_are_bounded() {
    check("bad:bomb", "Uncaught Error: JavaScript execution ran out of memory (maximum memory usage: 64 MB)");
    check("bad:string", "Uncaught Error: JavaScript execution ran out of memory");
    check("bad:stack", "Uncaught RangeError: Maximum call stack size exceeded");
}

/// What a call gives and prints.
fn printed(app: &App, path: &str) -> (String, Vec<String>) {
    let outcome = app.call(path, "{}");
    let lines = outcome.log_lines.iter().map(ToString::to_string).collect();
    (outcome.result.unwrap().json().to_string(), lines)
}

#[test]
fn what_is_rejected_and_not_handled_is_logged() {
    let app = app();
    let (value, lines) = printed(&app, "bad:late");
    assert_eq!(value, r#""answered""#);
    assert_eq!(lines.len(), 1);
    let expected = "[ERROR] Uncaught (in promise) Error: late\n    at <anonymous> (bad.js:12:";
    assert!(lines[0].starts_with(expected), "{lines:?}");
    let (value, lines) = printed(&app, "bad:lateHelper");
    assert_eq!(value, r#""written""#);
    assert!(
        lines.len() == 1
            && lines[0].starts_with("[ERROR] Uncaught (in promise) TypeError: after all\n    at "),
        "{lines:?}"
    );
    assert_eq!(printed(&app, "bad:caughtLate"), (r#""caught""#.to_owned(), Vec::new()));
    let (value, lines) = printed(&app, "bad:lateOdd");
    assert_eq!(
        (value.as_str(), &lines[0]),
        (r#""odd""#, &"[ERROR] Uncaught (in promise) Error: text".to_owned())
    );
    assert_eq!(app.ok("bad:good", "{}"), r#""good""#);
    assert_eq!(app.ok("bad:sleeps", "{}"), r#""awake""#);
}

#[test]
fn actions_are_told_what_they_left_undone() {
    let app = app();
    let (value, lines) = printed(&app, "bad:lateTimer");
    assert_eq!(value, r#""waited""#);
    assert!(
        lines.len() == 1 && lines[0].starts_with("[ERROR] Uncaught (in promise) Error: in a timer\n    at "),
        "{lines:?}"
    );
    let (value, lines) = printed(&app, "bad:unawaited");
    assert_eq!(value, r#""gone""#);
    assert_eq!(
        lines,
        [
            "[WARN] 1 unawaited operation: [query]. Async operations should be awaited or they might not run. See https://docs.convex.dev/functions/actions#dangling-promises for more information."
        ]
    );
    assert_eq!(app.ok("bad:good", "{}"), r#""good""#);
}

#[test]
fn values_that_are_none_are_refused() {
    check("bad:map", "Uncaught Error: Map<> is not a supported Convex type.");
}
