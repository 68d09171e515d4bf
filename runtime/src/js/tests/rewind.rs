//! Isolates that are put back to how they were.

use std::sync::Arc;
use std::time::Duration;

use super::ops::{HELD, isolate};
use crate::js::isolate::{Isolate, ScriptError, StopSignal};
use crate::js::op::OpValue;

fn marked(body: &str) -> Box<dyn Isolate> {
    let mut isolate = isolate(body).unwrap();
    isolate.mark();
    isolate
}

fn call(isolate: &mut dyn Isolate, args: &[&str]) -> Result<String, ScriptError> {
    isolate.set_limits(Duration::from_secs(1), Arc::default());
    match isolate.call("run", args.iter().map(|arg| OpValue::String((*arg).to_owned())).collect())? {
        OpValue::String(text) => Ok(text),
        other => panic!("{other:?}"),
    }
}

/// Does what code can do to its world, and tells what it found.
const TAINT: &str = r#"
    const seen = [typeof leak, typeof [].leak, internals.count ?? 0, typeof Object.getOwnPropertyDescriptor(Map.prototype, "size").get, ops.keep(),
        Object.isFrozen(Promise.prototype), typeof internals.kept];
    globalThis.leak = 1;
    Object.prototype.leak = Array.prototype.leak = () => seen;
    Object.defineProperty(Map.prototype, "size", { value: 1 });
    seen.push(Lazy, internals.late());
    internals.kept = Array.from({ length: 2_000 }, (_, i) => ({ [`name${args[0]}-${i}`]: new Uint8Array(i), text: "x".repeat(i) }));
    ops.long();
    ops.late = internals.load = null;
    Promise.reject(new Error("nobody waits")).then(() => {});
    (function loop(n) { return n === 0 ? 0 : 1 + loop(n - 1); })(500);
    Object.freeze(Promise.prototype);
    for (const key of ["Symbol", "JSON", "ArrayBuffer", "Object"]) delete globalThis[key];
    return seen.join();
"#;

#[test]
fn nothing_of_a_call_is_left() {
    let mut isolate = marked(TAINT);
    let used = isolate.memory_used();
    for round in 0..30 {
        let seen = call(&mut *isolate, &[&round.to_string()]).unwrap();
        assert_eq!(seen, "undefined,undefined,0,function,1,false,undefined,there,late", "round {round}");
        assert!(isolate.memory_used() > used);
        assert_eq!(isolate.take_unhandled().len(), 1);
        assert_eq!(isolate.pending_ops(), ["long"]);
        assert!(isolate.rewind());
        assert_eq!((isolate.take_unhandled().len(), isolate.pending_ops().len()), (0, 0));
        assert_eq!(isolate.memory_used(), used, "round {round}");
    }
}

#[test]
fn what_was_thrown_is_no_reason_to_begin_anew() {
    let mut isolate = marked("if (args[0] === 'no') throw new RangeError(args[0]); return args[0];");
    for _ in 0..3 {
        assert_eq!(
            call(&mut *isolate, &["no"]).unwrap_err().to_string().lines().next(),
            Some("RangeError: no")
        );
        assert!(isolate.rewind());
        assert_eq!(call(&mut *isolate, &["yes"]).unwrap(), "yes");
        assert!(isolate.rewind());
    }
}

#[test]
fn an_isolate_at_rest_goes_on_where_it_was_marked() {
    let mut isolate = marked(TAINT);
    let used = isolate.memory_used();
    for _ in 0..3 {
        call(&mut *isolate, &["0"]).unwrap();
        isolate.rest();
        isolate.rest();
        let seen = call(&mut *isolate, &["1"]).unwrap();
        assert_eq!(seen, "undefined,undefined,0,function,1,false,undefined,there,late");
        isolate.rest();
        assert_eq!(isolate.memory_used(), used);
    }
    isolate.rest();
    assert!(isolate.rewind());
    isolate.rest();
    // It can also end while it rests.
}

#[test]
fn a_stopped_or_unmarked_isolate_is_of_no_use() {
    let mut isolate = marked("for (;;) {}");
    assert!(call(&mut *isolate, &[]).is_err());
    assert!(!isolate.rewind());
    let mut isolate = super::ops::isolate("return 'a';").unwrap();
    call(&mut *isolate, &[]).unwrap();
    assert!(!isolate.rewind());
    isolate.rest();
    assert_eq!(call(&mut *isolate, &[]).unwrap(), "a");
}

#[test]
fn what_the_host_holds_for_the_modules_cannot_be_put_back() {
    // The host holds a part of it, so that a copy of the engine's memory is not all.
    for body in ["ops.long(); return 'a';", "ops.keep(); return 'a';", "Promise.reject(1); return 'a';"] {
        let mut isolate = isolate(body).unwrap();
        call(&mut *isolate, &[]).unwrap();
        isolate.mark();
        assert!(!isolate.rewind(), "{body}");
    }
}

#[test]
fn results_that_come_late_are_not_taken_for_those_of_the_next_call() {
    let mut isolate =
        marked("if (args[0] === 'hold') { ops.held(); return 'held'; } return `${await ops.held()}`;");
    assert_eq!(call(&mut *isolate, &["hold"]).unwrap(), "held");
    let late = HELD.lock().take().unwrap();
    assert!(isolate.rewind());
    let settle = std::thread::spawn(move || {
        // Both have the same number.
        let own = loop {
            match HELD.lock().take() {
                Some(completer) => break completer,
                None => std::thread::yield_now(),
            }
        };
        late.complete(Ok(OpValue::String("late".to_owned())));
        own.complete(Ok(OpValue::String("own".to_owned())));
    });
    assert_eq!(call(&mut *isolate, &["wait"]).unwrap(), "own");
    settle.join().unwrap();
}

#[test]
fn a_stop_reaches_the_call_that_waits() {
    let mut isolate = marked("await ops.long();");
    for _ in 0..2 {
        let mut other = marked("return 'a';");
        call(&mut *other, &[]).unwrap();
        assert!(other.rewind());
        let stop = Arc::new(StopSignal::default());
        other.set_limits(Duration::from_secs(1), stop.clone());
        isolate.set_limits(Duration::from_secs(1), stop.clone());
        let stopping = std::thread::spawn(move || stop.stop());
        assert_eq!(isolate.call("run", Vec::new()).unwrap_err().to_string(), "The script was stopped.");
        stopping.join().unwrap();
        isolate = marked("await ops.long();");
    }
}
