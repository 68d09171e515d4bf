//! Ops as scripts see them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::js::isolate::{Completer, Engine, Isolate, IsolateOptions, NoModules, ScriptError, StopSignal};
use crate::js::op::{Op, OpError, OpTable, OpValue};
use crate::js::prelude::{CompiledPrelude, PreludeModule};
use crate::js::quickjs::QuickJs;
use crate::js::state::Phase;
use crate::js::testing;

/// Settles the promise of the last `held`.
pub(super) static HELD: Mutex<Option<Completer>> = Mutex::new(None);

const OPS: OpTable = &[
    ("echo", Op::Sync(|_, mut args| Ok(args.remove(0)))),
    ("fail", Op::Sync(|_, _| Err(OpError::new("RangeError", "x".repeat(1_000))))),
    ("fail_dom", Op::Async(|_, _| Box::pin(async { Err(OpError::new("DataError", "bad data")) }))),
    (
        "later",
        Op::Async(|_, args| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(OpValue::List(args))
            })
        }),
    ),
    (
        "elsewhere",
        Op::Deferred(|_, args, completer| {
            std::thread::spawn(move || completer.complete(Ok(OpValue::List(args))));
        }),
    ),
    ("dropped", Op::Deferred(|_, _, _| {})),
    ("late", Op::Sync(|_, _| Ok(OpValue::String("late".to_owned())))),
    (
        "held",
        Op::Deferred(|_, _, completer| {
            HELD.lock().replace(completer);
        }),
    ),
    (
        "keep",
        Op::Sync(|state, _| {
            state.resources.add(1_u8);
            Ok(OpValue::Number(state.resources.len() as f64))
        }),
    ),
    ("long", Op::Async(|_, _| Box::pin(std::future::pending()))),
];

/// Calls `internals.run`, whose body is given.
fn run(body: &str) -> Result<OpValue, ScriptError> {
    isolate(body)?.call("run", Vec::new())
}

/// An isolate with the body of `internals.run`.
pub(super) fn isolate(body: &str) -> Result<Box<dyn Isolate>, ScriptError> {
    let source: &'static str =
        Box::leak(format!("internals.run = async (...args) => {{ {body} }};").into_boxed_str());
    let lazy = PreludeModule {
        name: "lazy",
        source: "globalThis.Lazy = 'there'; internals.count = (internals.count ?? 0) + 1; internals.late = ops.late;",
        globals: &["Lazy"],
        eager: false,
    };
    let module = PreludeModule { name: "test", source, globals: &[], eager: true };
    QuickJs.isolate(IsolateOptions {
        state: testing::op_state(Phase::Query)?,
        modules: Arc::new(NoModules),
        prelude: Arc::new(CompiledPrelude::new(&QuickJs, &[lazy, module])?),
        ops: const { &[OPS] },
        memory_max: 64 << 20,
        time: Duration::from_secs(1),
        stop: Arc::new(StopSignal::default()),
        tasks: testing::tasks(),
        is_rewound: true,
    })
}

fn text(body: &str) -> String {
    match run(body) {
        Ok(OpValue::String(text)) => text,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn values_go_through_unchanged() {
    let body = r#"
        const values = [undefined, null, true, -0.5, "é\u{1F600}", [1, [2]], { b: 1, a: { c: null } }];
        return values.map((value) => JSON.stringify(ops.echo(value)) ?? "undefined").join(" ");
    "#;
    assert_eq!(text(body), r#"undefined null true -0.5 "é😀" [1,[2]] {"b":1,"a":{"c":null}}"#);
}

#[test]
fn bytes_of_every_kind_of_view_become_a_byte_array() {
    let body = r#"
        const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
        const views = [buffer, new Uint8Array(buffer, 1, 2), new DataView(buffer, 6), new Uint16Array(buffer, 2, 1), new Float64Array(buffer)];
        return views.map((view) => {
            const bytes = ops.echo(view);
            return bytes instanceof Uint8Array ? bytes.join("") : "no";
        }).join(" ");
    "#;
    assert_eq!(text(body), "12345678 23 78 34 12345678");
}

#[test]
fn what_cannot_be_given_is_a_type_error() {
    for value in ["() => 1", "Symbol('a')", "1n", "'\\ud800'"] {
        let body = format!("try {{ ops.echo({value}); return 'taken'; }} catch (e) {{ return e.name; }}");
        assert_eq!(text(&body), "TypeError", "{value}");
    }
}

#[test]
fn errors_are_of_their_class_and_whole() {
    let body = "try { ops.fail(); } catch (e) { return `${e instanceof RangeError} ${e.message.length}`; }";
    assert_eq!(text(body), "true 1000");
    let body = "try { await ops.fail_dom(); } catch (e) { return `${e instanceof DOMException} ${e.name} ${e.message}`; }";
    assert_eq!(text(body), "true DataError bad data");
}

#[test]
fn promises_of_ops_settle() {
    let body = "return JSON.stringify(await Promise.all([ops.later(1), ops.elsewhere(2), ops.later(3)]));";
    assert_eq!(text(body), "[[1],[2],[3]]");
    let body = "try { await ops.dropped(); } catch (e) { return e.message; }";
    assert_eq!(text(body), "The server dropped this operation.");
}

#[test]
fn waiting_costs_no_time_and_pending_work_may_be_left_behind() {
    let body = "ops.long(); for (let i = 0; i < 300; i++) await ops.later(); return 'done';";
    assert_eq!(text(body), "done");
}

#[test]
fn what_goes_on_for_too_long_is_stopped() {
    for body in ["for (;;) {}", "for (;;) try { for (;;) {} } catch {}", "for (;;) await null;"] {
        let error = run(body).unwrap_err();
        assert_eq!(error.to_string(), "The script used up its time.", "{body}");
    }
    assert_eq!(
        run("await new Promise(() => {});").unwrap_err().to_string(),
        "The script waits for a promise that can never settle."
    );
}

#[test]
fn memory_has_an_end() {
    let body = "const a = []; for (;;) a.push(new Uint8Array(1 << 20));";
    assert_eq!(run(body).unwrap_err().to_string(), "The script used up its memory.");
    let body = "const a = []; for (;;) a.push({ a: [] });";
    assert_eq!(run(body).unwrap_err().to_string(), "The script used up its memory.");
}

#[test]
fn a_lazy_module_runs_when_one_of_its_globals_is_touched() {
    let body = "const before = internals.count; const seen = Lazy + Lazy; return `${before} ${seen} ${internals.count}`;";
    assert_eq!(text(body), "undefined therethere 1");
    assert_eq!(text("globalThis.Lazy = 3; return `${Lazy} ${internals.count}`;"), "3 undefined");
    assert_eq!(
        text("internals.load('lazy'); internals.load('lazy'); return `${Lazy} ${internals.count}`;"),
        "there 1"
    );
}
