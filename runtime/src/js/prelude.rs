//! The prelude: JavaScript that makes an isolate's globals before any module of an application runs.
//!
//! Each module is the body of `(function (globalThis, ops, internals) { … })`. `ops` are the host functions,
//! `internals` is an object that only prelude modules share: they leave there what others need, among it the
//! functions that the host calls. `internals.load(name)` runs a module that has not run yet. A module that names
//! globals runs when one of them is first touched; it then must define them.

use std::sync::Arc;

use super::isolate::{Bytecode, Engine, Positions, ScriptError};

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
    /// The modules in order.
    pub modules: Vec<CompiledModule>,
}

/// A part of the prelude, compiled.
#[derive(Debug)]
pub struct CompiledModule {
    /// What it is.
    pub module: PreludeModule,
    /// Its code.
    pub bytecode: Bytecode,
    /// The names of the ops it calls: an isolate needs no others until it loads another module. `None` if it computes
    /// names, and so may call any.
    pub ops: Option<Vec<&'static str>>,
}

/// What paths of prelude modules begin with; no module of an application has such a path. Stack traces do not show them.
const PRELUDE_PATH: &str = "fusion:";

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
        let bytecode = compile(engine, globals.name, LAZY_GLOBALS)?;
        let mut compiled = vec![CompiledModule { module: globals, bytecode, ops: Some(Vec::new()) }];
        for module in modules {
            let bytecode = compile(engine, module.name, module.source)?;
            compiled.push(CompiledModule { module, bytecode, ops: named_ops(module.source) });
        }
        Ok(Self { modules: compiled })
    }

    /// The lazy globals that are mentioned, each followed by the name of the module that defines it.
    pub fn lazy_globals(&self, is_mentioned: impl Fn(&str) -> bool) -> Arc<[&'static str]> {
        let lazy = self.modules.iter().map(|compiled| compiled.module).filter(|module| !module.eager);
        lazy.flat_map(|module| module.globals.iter().map(move |global| [*global, module.name]))
            .filter(|[global, _]| is_mentioned(global))
            .flatten()
            .collect()
    }
}

/// The names after `ops.` in a source; `None` if it says `ops[…]`.
fn named_ops(source: &'static str) -> Option<Vec<&'static str>> {
    if source.contains("ops[") {
        return None;
    }
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let mut names: Vec<_> = source
        .match_indices("ops.")
        .filter(|(place, _)| {
            source[..*place].chars().next_back().is_none_or(|before| ends(before) && before != '.')
        })
        .map(|(place, found)| source[place + found.len()..].split(ends).next().unwrap_or_default())
        .collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}

fn compile(engine: &dyn Engine, name: &str, body: &str) -> Result<Bytecode, ScriptError> {
    let source = format!("export default (function (globalThis, ops, internals) {{{body}\n}});");
    let path = format!("{PRELUDE_PATH}{name}");
    engine.compile(&path, &source, Positions::Dropped).map(|compiled| compiled.bytecode)
}

/// Whether a module can only mean the globals that its source names. Code that is made at run time can name others.
pub(super) fn names_its_globals(source: &str) -> bool {
    !source.contains("eval(") && !source.contains("new Function")
}

/// Makes the globals of lazy modules getters, which run the module and then are gone. Every isolate runs this: one
/// descriptor serves for all, one function is getter and setter, and nothing is called for each but what defines it.
const LAZY_GLOBALS: &str = r#"
    const names = internals.lazyGlobals;
    const define = Object.defineProperty;
    const descriptor = { __proto__: null, configurable: true, enumerable: false, get: undefined, set: undefined };
    for (let i = 0; i < names.length; i += 2) {
        const name = names[i];
        descriptor.get = descriptor.set = (...value) => {
            if (value.length > 0) {
                const own = { __proto__: null, configurable: true, enumerable: false, writable: true, value: value[0] };
                define(globalThis, name, own);
                return;
            }
            delete globalThis[name];
            internals.load(names[i + 1]);
            return globalThis[name];
        };
        define(globalThis, name, descriptor);
    }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ops_of_a_module_are_those_it_names() {
        let source = "ops.b(1); const x = ops.a_1; internals.ops.c; drops.d(); f(ops.b);";
        assert_eq!(named_ops(source), Some(vec!["a_1", "b"]));
        assert_eq!(named_ops("ops[name]();"), None);
    }
}
