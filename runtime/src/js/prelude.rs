//! The prelude: JavaScript that makes an isolate's globals before any module of an application runs.
//!
//! Each module is the body of `(function (globalThis, ops, internals) { … })`. `ops` are the host functions,
//! `internals` is an object that only prelude modules share: they leave there what others need, among it the
//! functions that the host calls. `internals.load(name)` runs a module that has not run yet. A module that names
//! globals runs when one of them is first touched; it then must define them.

use super::isolate::{Bytecode, Engine, ScriptError};

/// A part of the prelude.
#[derive(Clone, Copy, Debug)]
pub struct PreludeModule {
    /// Its name, for `internals.load` and stack traces.
    pub name: &'static str,
    /// The body of its function.
    pub source: &'static str,
    /// The globals it defines when the first of them is touched.
    pub globals: &'static [&'static str],
    /// Whether it runs at once.
    pub eager: bool,
}

/// The prelude as an engine compiled it, once per process.
#[derive(Debug)]
pub struct CompiledPrelude {
    /// The modules in order, each with its code.
    pub modules: Vec<(PreludeModule, Bytecode)>,
}

/// What paths of prelude modules begin with; no module of an application has such a path.
pub const PRELUDE_PATH: &str = "fusion:";

impl CompiledPrelude {
    /// Compiles all modules.
    ///
    /// # Errors
    /// A syntax error, which is a defect.
    pub fn new<'a>(
        engine: &dyn Engine,
        modules: impl IntoIterator<Item = &'a PreludeModule>,
    ) -> Result<Self, ScriptError> {
        let modules: Vec<PreludeModule> = modules.into_iter().copied().collect();
        let globals = PreludeModule { name: "globals", source: "", globals: &[], eager: true };
        let mut compiled = vec![(globals, compile(engine, globals.name, &lazy_globals(&modules))?)];
        for module in modules {
            compiled.push((module, compile(engine, module.name, module.source)?));
        }
        Ok(Self { modules: compiled })
    }
}

fn compile(engine: &dyn Engine, name: &str, body: &str) -> Result<Bytecode, ScriptError> {
    // The body begins on the first line, so that positions in stack traces stay right.
    let source = format!("export default (function (globalThis, ops, internals) {{{body}\n}});");
    engine.compile(&format!("{PRELUDE_PATH}{name}"), &source).map(|compiled| compiled.bytecode)
}

/// A body that makes the globals of lazy modules getters, which run the module and then are gone.
fn lazy_globals(modules: &[PreludeModule]) -> String {
    let mut body = r#"
        const define = Object.defineProperty;
        const lazy = (name, module) => define(globalThis, name, {
            configurable: true,
            enumerable: false,
            get() {
                delete globalThis[name];
                internals.load(module);
                return globalThis[name];
            },
            set(value) {
                define(globalThis, name, { configurable: true, enumerable: false, writable: true, value });
            },
        });
    "#
    .to_owned();
    for PreludeModule { name, globals, .. } in modules.iter().filter(|module| !module.eager) {
        for global in *globals {
            body.push_str(&format!("lazy({global:?}, {name:?});"));
        }
    }
    body
}
