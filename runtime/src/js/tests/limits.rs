//! What bad code gets: a clear error, and the next call is served.

use std::time::Duration;

use super::app::App;
use crate::clock::Moment;
use crate::js::hangs::HANGS_MAX;
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
export const hangs = query(async () => "a".repeat(120_000).indexOf("a".repeat(60_000) + "b"));
export const hangsInside = query(async (ctx) => await ctx.runQuery("bad:hangs"));
export const actionHangs = action(async () => "a".repeat(120_000).indexOf("a".repeat(60_000) + "b"));
const sparse = () => { const list = []; list[1_700_000_000] = 1; return list; };
export const sparseArray = query(async (ctx, { method, args }) => {
  const list = sparse();
  return typeof list[method](...(args ?? []));
});
export const sparseLoop = query(async (ctx, { method }) => sparse()[method](Boolean));
export const sparseKept = query(async () => {
  const list = sparse();
  const piece = [list.slice(-1), list.slice(5, 7).length, list.slice(1_700_000_000)[0], list.slice(9e9).length];
  return [...piece, [3, 1, 2].sort().concat([4]).join(), [1].flat.length, list.slice.name];
});
export const expands = query(async (ctx, { code }) => typeof (0, eval)(code));
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
    let app = app();
    let free = || {
        let started = Moment::now();
        while app.js.hangs().count() > 0 {
            assert!(started.elapsed() < Duration::from_secs(120), "the loops never end");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    for path in ["bad:hangs", "bad:actionHangs", "bad:hangsInside"] {
        let error = app.fails(path, "{}");
        assert!(error.contains("Function execution timed out (maximum duration: "), "{path}: {error}");
        // The one inside may hold the one outside.
        if path != "bad:hangsInside" {
            assert_eq!(app.ok("bad:good", "{}"), r#""good""#);
        }
        free();
    }
    // Their number has a bound.
    let held = [0; HANGS_MAX].map(|_| {
        let run = app.js.hangs().run("a function").unwrap();
        let running = run.begin();
        run.give_up();
        running
    });
    let outcome = app.call("bad:good", r#"{"again":true}"#);
    assert_eq!(outcome.result.unwrap_err().code, "TooManyHangingFunctions");
    drop(held);
    assert_eq!(app.ok("bad:good", "{}"), r#""good""#);
}

#[test]
fn arrays_of_empty_places_are_refused_where_the_engine_would_hang() {
    let app = app();
    let started = Moment::now();
    let methods = [
        ("join", ""),
        ("toString", ""),
        ("sort", ""),
        ("reverse", ""),
        ("shift", ""),
        ("unshift", "1"),
        ("concat", "[1]"),
        ("slice", ""),
        ("splice", "0,1"),
        ("flat", ""),
        ("copyWithin", "1,0"),
    ];
    for (method, args) in methods {
        let error = app.fails("bad:sparseArray", &format!(r#"{{"method":"{method}","args":[{args}]}}"#));
        let name = if method == "toString" { "join" } else { method };
        let expected =
            format!("Uncaught RangeError: The array is too long for {name}(): it has 1700000001 places");
        assert!(error.starts_with(&expected), "{error}");
    }
    // These look at the clock.
    for method in
        ["indexOf", "includes", "lastIndexOf", "every", "map", "filter", "find", "forEach", "reduce"]
    {
        let result = app.run("bad:sparseLoop", &format!(r#"{{"method":"{method}"}}"#));
        let text = result.unwrap_or_else(|error| error);
        let is_told = ["timed out", "out of memory"].iter().any(|part| text.contains(part));
        assert!(is_told || method == "find", "{method}: {text}");
    }
    assert_eq!(app.ok("bad:sparseKept", "{}"), r#"[[1],2,1,0,"1,2,3,4",0,"slice"]"#);
    assert_eq!(app.js.hangs().count(), 0);
    assert!(started.elapsed() < Duration::from_secs(120), "it took {:?}", started.elapsed());
}

#[test]
fn values_that_grow_end_in_an_error() {
    let app = app();
    for (code, expected) in [
        ("'[' .repeat(1e6)", "string"),
        ("JSON.parse('['.repeat(1e6))", "Maximum call stack size exceeded"),
        ("JSON.parse('[1,'.repeat(1e5) + '1' + ']'.repeat(1e5))", "Maximum call stack size exceeded"),
        (
            "let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; JSON.stringify(o)",
            "Maximum call stack size exceeded",
        ),
        ("7n ** 100000000n", "BigInt is too large"),
        ("2n ** 1048000n * 2n ** 1048000n", "BigInt is too large"),
        ("'x'.repeat(2 ** 29)", "out of memory"),
        (
            "'x'.repeat(2 ** 30)",
            "Invalid string length|invalid string length|out of memory|invalid repeat count",
        ),
        ("'x'.padEnd(2 ** 29, 'abc')", "out of memory"),
        ("new Array(4e9).fill(1)", "out of memory|timed out"),
        ("Array.from({ length: 4e9 })", "out of memory|timed out"),
        ("[...new Array(4e9)]", "out of memory|timed out"),
        ("JSON.stringify(new Array(4e9))", "out of memory|timed out"),
        ("/^(a+)+$/.test('a'.repeat(60) + 'b')", "timed out"),
        ("'a'.repeat(50000).match(/(.*)*b/)", "timed out"),
        ("new Uint8Array(2 ** 32)", "out of memory|invalid array buffer length|invalid length"),
        ("new ArrayBuffer(200 << 20)", "out of memory"),
    ] {
        let code = code.replace('"', "'");
        let text = app.run("bad:expands", &format!(r#"{{"code":"{code}"}}"#)).unwrap_or_else(|error| error);
        assert!(expected.split('|').any(|part| text.contains(part)), "{code}: {text}");
    }
    assert_eq!(app.ok("bad:good", "{}"), r#""good""#);
}

#[test]
fn promises_that_never_settle_are_told() {
    check("bad:never", "it waits for a promise that can never settle");
    check("bad:actionNever", "it waits for a promise that can never settle");
}

#[test]
fn memory_and_stack_are_bounded() {
    check(
        "bad:bomb",
        "Uncaught Error: JavaScript execution ran out of memory (maximum memory usage: 128 MB)",
    );
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
