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

#[test]
fn what_comes_late_is_nobodys() {
    assert_eq!(app().ok("bad:late", "{}"), r#""answered""#);
    assert_eq!(app().ok("bad:sleeps", "{}"), r#""awake""#);
}

#[test]
fn values_that_are_none_are_refused() {
    check("bad:map", "Uncaught Error: Map<> is not a supported Convex type.");
}
