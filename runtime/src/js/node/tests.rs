//! Node actions on the Node.js of this machine, without a server around them.

use std::time::Duration;

use tempfile::TempDir;

use super::{NodeAccess, NodeOptions};
use crate::js::tests::app::App;
use crate::limits::Limits;

const ISOLATE: &str = r#"
import { query, mutation, action } from "./_deps/convex.js";
export const add = mutation({ handler: async (ctx, { n }) => { await ctx.db.insert("numbers", { n }); return n; } });
export const sum = query({ handler: async (ctx) => (await ctx.db.query("numbers").collect()).reduce((s, d) => s + d.n, 0) });
export const viaNode = action({ handler: async (ctx, args) => await ctx.runAction("work:sumOf", args) });
"#;

const NODE: &str = r#"
import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { ConvexError, action } from "./_deps/node/convex.js";
const place = (handler) => action({ handler });
export const sumOf = place(async (ctx, { numbers }) => {
  for (const n of numbers) await ctx.runMutation("store:add", { n });
  return await ctx.runQuery("store:sum", {});
});
export const pid = place(async () => process.pid);
export const environment = place(async () => ({ ...process.env }));
export const folder = place(async () => { writeFileSync("own.txt", "x"); return process.cwd(); });
export const read = place(async (_, { path }) => readFileSync(path, "utf8"));
export const spawn = place(async () => spawnSync("/bin/true").status);
function deep() { throw new TypeError("no such thing"); }
export const fails = place(async () => { deep(); });
export const failsWithData = place(async () => { throw new ConvexError({ code: 7 }); });
export const prints = place(async () => { console.log("a", 1); console.warn({ b: 2 }); process.stdout.write("raw\n"); return null; });
export const rejects = place(async () => { Promise.reject(new Error("nobody waits")); await new Promise((r) => setTimeout(r, 20)); return "done"; });
export const throwsBeside = place(async () => { setTimeout(() => { throw new RangeError("beside"); }, 1); await new Promise(() => {}); });
export const exits = place(async () => process.exit(3));
export const waits = place(async (_, { ms }) => { await new Promise((r) => setTimeout(r, ms)); return process.pid; });
export const spins = place(async () => { for (;;); });
export const dies = place(async () => process.kill(process.pid, "SIGKILL"));
export const fills = place(async () => { const kept = []; for (;;) kept.push(new Array(100_000).fill(Math.random())); });
export const size = place(async (_, { text }) => text.length);
export const unawaited = place(async (ctx) => { ctx.runQuery("store:sum", {}); return null; });
"#;

struct Deployment {
    app: App,
    folder: TempDir,
}

fn deployment(limits: Limits) -> Deployment {
    deployment_with(NODE, limits, NodeAccess::Sandbox)
}

fn deployment_with(module: &str, limits: Limits, access: NodeAccess) -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let options = NodeOptions {
        program: None,
        search_path: "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin".into(),
        npm_environment: Vec::new(),
        folder: folder.path().join("node"),
        access,
        install_scripts: false,
    };
    let app = App::with_node(&[("store.js", ISOLATE)], &[("work.js", module)], limits, options);
    Deployment { app, folder }
}

#[test]
fn an_action_reaches_the_database_and_is_reached_from_isolates() {
    let Deployment { app, folder: _folder } = deployment(Limits::default());
    assert_eq!(app.ok("work:sumOf", r#"{"numbers":[1,2,3]}"#), "6");
    assert_eq!(app.ok("store:viaNode", r#"{"numbers":[4]}"#), "10");
    assert_eq!(app.ok("work:size", &format!(r#"{{"text":"{}"}}"#, "ä".repeat(4 << 20))), "4194304");
    let outcome = app.call("work:unawaited", "{}");
    assert!(outcome.log_lines[0].messages[0].starts_with("1 unawaited operation: [query]"));
}

#[test]
fn errors_tell_their_place_and_carry_data() {
    let Deployment { app, folder: _folder } = deployment(Limits::default());
    let error = app.fails("work:fails", "{}");
    assert!(error.contains("Uncaught TypeError: no such thing\n    at deep (work.js:15:25)\n"), "{error}");
    assert!(app.fails("work:failsWithData", "{}").contains(r#"Uncaught ConvexError: {"code":7"#));
    assert!(app.fails("work:exits", "{}").contains("process.exit(3) is not available in actions"));
}

#[test]
fn what_is_printed_goes_to_the_log_of_the_call() {
    let Deployment { app, folder: _folder } = deployment(Limits::default());
    let lines: Vec<_> = app
        .call("work:prints", "{}")
        .log_lines
        .iter()
        .map(|line| format!("{} {}", line.level.name(), line.messages.join(" ")))
        .collect();
    assert_eq!(lines, ["LOG 'a' 1", "WARN { b: 2 }", "LOG raw"]);
}

#[test]
fn an_error_beside_a_call_ends_that_call_alone() {
    let Deployment { app, folder: _folder } = deployment(Limits::default());
    let outcome = app.call("work:rejects", "{}");
    let printed = &outcome.log_lines[0].messages[0];
    assert!(printed.starts_with("Uncaught (in promise) Error: nobody waits"), "{printed}");
    let before = app.ok("work:pid", "{}");
    let (waited, thrown) = app.wait(async {
        use crate::function::testing::{call, value};
        let args = |json| match fusion_schema::json::decode(json) {
            Ok(fusion_schema::Value::Object(args)) => args,
            other => panic!("{other:?}"),
        };
        let waiting = app.runner.any(call("work:waits", args(r#"{"ms":300}"#)));
        let throwing = app.runner.any(call("work:throwsBeside", args("{}")));
        let (waited, thrown) = tokio::join!(waiting, throwing);
        (value(&waited), value(&thrown))
    });
    assert!(waited.is_ok(), "{waited:?}");
    assert!(thrown.unwrap_err().contains("Uncaught RangeError: beside"));
    assert_ne!(app.ok("work:pid", "{}"), before, "the process was replaced");
}

#[test]
fn a_process_that_dies_fails_its_calls_and_the_next_one_is_served() {
    let limits = Limits { node_memory_max: 64 << 20, ..Limits::default() };
    let Deployment { app, folder: _folder } = deployment(limits);
    let error = app.fails("work:dies", "{}");
    assert!(error.contains("process that ran this action ended unexpectedly (signal 9)"), "{error}");
    let error = app.fails("work:fills", "{}");
    assert!(error.contains("ran out of memory (maximum memory usage: 64 MB)"), "{error}");
    assert_eq!(app.ok("work:sumOf", r#"{"numbers":[1]}"#), "1");
}

#[test]
fn an_action_that_goes_on_for_ever_is_given_up_and_keeps_nobody_waiting() {
    let limits = Limits { node_action_timeout: Duration::from_millis(1_500), ..Limits::default() };
    let Deployment { app, folder: _folder } = deployment(limits);
    app.ok("work:pid", "{}");
    let error = app.fails("work:spins", "{}");
    assert!(error.contains("Function execution timed out (maximum duration: 1.5s)"), "{error}");
    app.ok("work:pid", "{}");
}

#[test]
fn an_action_sees_its_variables_and_its_folder_and_nothing_else() {
    let Deployment { app, folder } = deployment(Limits::default());
    app.set_env("COLOR", "blue");
    let environment = app.ok("work:environment", "{}");
    assert!(environment.contains(r#""COLOR":"blue""#), "{environment}");
    assert!(!environment.contains("CARGO") && !environment.contains("HOME"), "{environment}");
    assert!(app.ok("work:folder", "{}").contains("/node/work/"));
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    let read = |path: &str| app.fails("work:read", &format!(r#"{{"path":"{path}"}}"#));
    assert!(read(&secret.display().to_string()).contains("Access to this API has been restricted"));
    assert!(read("/proc/self/environ").contains("restricted"));
    assert!(app.fails("work:spawn", "{}").contains("restricted"));
    let before = app.ok("work:pid", "{}");
    app.set_env("COLOR", "red");
    assert!(app.ok("work:environment", "{}").contains(r#""COLOR":"red""#));
    assert_ne!(app.ok("work:pid", "{}"), before, "modules read variables when they are loaded");
    let Deployment { app, folder: _folder } = deployment_with(NODE, Limits::default(), NodeAccess::Full);
    assert_eq!(app.ok("work:spawn", "{}"), "0");
}

#[test]
fn processes_are_shared_when_there_are_more_calls_and_end_when_there_are_none() {
    let limits = Limits { node_processes_max: 2, ..Limits::default() };
    let Deployment { app, folder: _folder } = deployment(limits);
    let pids = app.wait(async {
        let calls = (0..20).map(|_| {
            use crate::function::testing::{call, value};
            let args = match fusion_schema::json::decode(r#"{"ms":200}"#) {
                Ok(fusion_schema::Value::Object(args)) => args,
                other => panic!("{other:?}"),
            };
            let running = app.runner.any(call("work:waits", args));
            async move { format!("{:?}", value(&running.await).unwrap()) }
        });
        futures_util::future::join_all(calls).await
    });
    let distinct: std::collections::BTreeSet<_> = pids.iter().collect();
    assert!(distinct.len() <= 2, "{distinct:?}");
    let node = app.js.node();
    assert!(!node.ids().is_empty());
    node.end_idle(Duration::ZERO);
    assert_eq!(node.ids(), Vec::<u32>::new());
    app.ok("work:pid", "{}");
}
