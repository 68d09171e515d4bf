//! `WebAssembly` within its limits, and gone when a call ends. What it gives is compared with Node's in `tests/js/web`.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::js::isolate::{Engine, Isolate, IsolateOptions, NoModules, ScriptError, StopSignal};
use crate::js::op::OpValue;
use crate::js::prelude::{CompiledPrelude, PreludeModule};
use crate::js::quickjs::QuickJs;
use crate::js::state::Phase;
use crate::js::{runtime, testing, web};

/// A memory, a function that never ends, and one that calls the script.
const MODULE: &str = r#"(module
    (import "env" "call" (func $call))
    (memory (export "memory") 1)
    (global (export "count") (mut i32) (i32.const 0))
    (func (export "forever") (loop $again (br $again)))
    (func (export "callForever") (loop $again (call $call) (br $again)))
    (func (export "fillForever") (drop (memory.grow (i32.const 500)))
        (loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000)) (br $again)))
    (func (export "growForever") (loop $again (drop (memory.grow (i32.const 0))) (br $again)))
    (func (export "call") (call $call))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))"#;

/// An isolate that has run `load` and runs `body` when it is called. Both see the module's bytes as `bytes`, and `make`,
/// which makes an instance with a function of the script.
fn isolate(load: &str, body: &str) -> Box<dyn Isolate> {
    let bytes = wat::parse_str(MODULE).unwrap();
    let source = format!(
        "const bytes = new Uint8Array({bytes:?});
        const make = (call, module = new WebAssembly.Module(bytes)) => new WebAssembly.Instance(module, {{ env: {{ call }} }}).exports;
        {load};
        internals.run = async (...args) => {{ {body} }};"
    );
    let module =
        PreludeModule { name: "test", source: Box::leak(source.into_boxed_str()), globals: &[], eager: true };
    let modules: Vec<PreludeModule> =
        web::PRELUDES.iter().copied().flatten().copied().chain([module]).collect();
    let isolate = QuickJs.isolate(IsolateOptions {
        state: testing::op_state(Phase::Query).unwrap(),
        modules: Arc::new(NoModules),
        prelude: Arc::new(CompiledPrelude::new(&QuickJs, &modules).unwrap()),
        ops: runtime::op_tables(),
        memory_max: 64 << 20,
        time: Duration::from_secs(20),
        stop: Arc::new(StopSignal::default()),
        tasks: testing::tasks(),
        is_rewound: true,
    });
    isolate.unwrap()
}

fn call(isolate: &mut dyn Isolate) -> Result<String, ScriptError> {
    match isolate.call("run", Vec::new())? {
        OpValue::String(text) => Ok(text),
        other => panic!("{other:?}"),
    }
}

fn run(body: &str) -> Result<String, ScriptError> {
    call(&mut *isolate("", body))
}

#[test]
fn what_goes_on_for_too_long_is_stopped() {
    for body in [
        "make(() => {}).forever();",
        "for (;;) try { make(() => {}).forever(); } catch {}",
        "make(() => {}).callForever();",
        "make(() => {}).fillForever();",
        "make(() => {}).growForever();",
        "const { callForever } = make(() => make(() => {}).forever()); callForever();",
    ] {
        let mut isolate = isolate("", body);
        isolate.set_limits(Duration::from_millis(200), Arc::default());
        let started = Moment::now();
        assert_eq!(call(&mut *isolate).unwrap_err().to_string(), "The script used up its time.", "{body}");
        assert!(started.elapsed() < Duration::from_secs(15), "{body}");
        assert!(!isolate.rewind());
    }
}

#[test]
fn a_stop_reaches_a_module() {
    let mut isolate = isolate("", "make(() => {}).forever();");
    let stop = Arc::new(StopSignal::default());
    isolate.set_limits(Duration::from_secs(60), stop.clone());
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        stop.stop();
    });
    assert_eq!(call(&mut *isolate).unwrap_err().to_string(), "The script was stopped.");
    stopping.join().unwrap();
}

#[test]
fn calls_by_turns_have_an_end() {
    let body = r#"
        let exports;
        exports = make(() => exports.call());
        try { exports.call(); } catch (error) { return `${error instanceof RangeError} ${error.message}`; }
    "#;
    // As in earnest: see `pool`.
    let thread = std::thread::Builder::new().stack_size(crate::js::pool::STACK_SIZE);
    let text = thread.spawn(|| run(body).unwrap()).unwrap().join().unwrap();
    assert_eq!(text, "true Maximum call stack size exceeded");
}

#[test]
fn all_memories_together_have_an_end() {
    // 64 MiB are 1,024 pages.
    let body = r#"
        const exports = make(() => {});
        const grown = [exports.grow(500), exports.grow(1000), exports.grow(400), exports.grow(400)];
        const refused = (f) => { try { return f(); } catch (error) { return error.constructor.name; } };
        const large = refused(() => new WebAssembly.Memory({ initial: 2000 }));
        return JSON.stringify([grown, large, refused(() => new WebAssembly.Memory({ initial: 500 })), refused(() => exports.memory.grow(500))]);
    "#;
    assert_eq!(run(body).unwrap(), r#"[[1,-1,501,-1],"RangeError","RangeError","RangeError"]"#);
}

#[test]
fn what_is_made_without_end_ends() {
    for what in [
        "new WebAssembly.Module(bytes)",
        "WebAssembly.validate(bytes)",
        "WebAssembly.validate(bytes.slice(0, 60))",
        "make(() => {})",
        "new WebAssembly.Global({ value: 'i32' })",
        "new WebAssembly.Table({ initial: 1e5, element: 'anyfunc' })",
        "new WebAssembly.Memory({ initial: 1 })",
    ] {
        let body = format!(
            "const made = []; try {{ for (;;) made.push({what}); }} catch (error) {{ made.length = 0; return `${{error?.constructor.name}}`; }}"
        );
        match run(&body) {
            // Nothing is thrown, not even an error, where the script's own memory was used up first.
            Ok(text) => {
                assert!(["RangeError", "LinkError", "undefined"].contains(&&*text), "{what}: {text}");
            }
            Err(error) => assert_eq!(error.to_string(), "The script used up its memory.", "{what}"),
        }
    }
}

#[test]
fn nothing_of_a_call_is_left() {
    let body = r#"
        const { memory, peek, poke, count, grow } = make(() => {});
        const seen = [peek(5), new Uint8Array(memory.buffer)[6], count.value, memory.buffer.byteLength];
        poke(5, 7);
        new Uint8Array(memory.buffer)[6] = 8;
        count.value = 3;
        grow(2);
        memory.buffer;
        return seen.join();
    "#;
    let mut isolate = isolate("", body);
    isolate.mark();
    let used = isolate.memory_used();
    for round in 0..20 {
        assert_eq!(call(&mut *isolate).unwrap(), "0,0,0,65536", "round {round}");
        assert!(isolate.rewind());
        assert_eq!(isolate.memory_used(), used);
        if round % 3 == 0 {
            isolate.rest();
        }
    }
}

#[test]
fn modules_that_were_compiled_while_loading_stay() {
    let mut marked = isolate(
        "const module = new WebAssembly.Module(bytes)",
        "const { poke, peek } = make(() => {}, module); const seen = peek(1); poke(1, 1); return `${seen}`;",
    );
    marked.mark();
    for _ in 0..3 {
        assert_eq!(call(&mut *marked).unwrap(), "0");
        assert!(marked.rewind());
    }
    // The engine would keep what each call compiles.
    let mut compiling =
        isolate("const module = new WebAssembly.Module(bytes)", "make(() => {}); return 'a';");
    compiling.mark();
    call(&mut *compiling).unwrap();
    assert!(!compiling.rewind());
}

#[test]
fn an_isolate_whose_modules_made_instances_is_used_once() {
    let mut isolate = isolate("const { poke } = make(() => {})", "poke(1, 1); return 'a';");
    isolate.mark();
    assert_eq!(call(&mut *isolate).unwrap(), "a");
    assert!(!isolate.rewind());
}

#[test]
fn what_shows_a_memory_outlives_it_nowhere() {
    // The engine moves the bytes of a buffer without asking whose they are: they are still the memory's.
    let body = r#"
        const { memory, peek, poke, grow } = make(() => {});
        const moved = memory.buffer.transfer();
        const view = new Uint8Array(moved);
        view[1] = 5;
        const seen = [peek(1), grow(3), view.length];
        poke(70000, 9);
        view[2] = 6;
        const copy = structuredClone(memory.buffer, { transfer: [memory.buffer] });
        return [...seen, view[1], memory.buffer.byteLength, new Uint8Array(memory.buffer)[70000], copy.byteLength, peek(2)].join();
    "#;
    let mut isolate = isolate("", body);
    isolate.mark();
    for _ in 0..3 {
        assert_eq!(call(&mut *isolate).unwrap(), "5,1,65536,5,262144,9,262144,6");
        assert!(isolate.rewind());
    }
}
