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
        let bytecode = compile(engine, globals.name, &lazy_globals(&modules))?;
        let mut compiled = vec![CompiledModule { module: globals, bytecode, ops: Some(Vec::new()) }];
        for module in modules {
            let bytecode = compile(engine, module.name, module.source)?;
            compiled.push(CompiledModule { module, bytecode, ops: named_ops(module.source) });
        }
        Ok(Self { modules: compiled })
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
    // The body begins on the first line, so that positions in stack traces stay right.
    let source = format!("export default (function (globalThis, ops, internals) {{{body}\n}});");
    engine.compile(&format!("{PRELUDE_PATH}{name}"), &source).map(|compiled| compiled.bytecode)
}

/// A body that makes the globals of lazy modules getters, which run the module and then are gone.
fn lazy_globals(modules: &[PreludeModule]) -> String {
    let names: Vec<[&str; 2]> = modules
        .iter()
        .filter(|module| !module.eager)
        .flat_map(|module| module.globals.iter().map(|global| [*global, module.name]))
        .collect();
    // Every isolate runs this: one descriptor serves for all, and nothing is called for each.
    let mut body = format!("const names = {:?};", names.as_flattened());
    body.push_str(
        r#"
        const define = Object.defineProperty;
        const descriptor = { __proto__: null, configurable: true, enumerable: false, get: undefined, set: undefined };
        for (let i = 0; i < names.length; i += 2) {
            const name = names[i];
            descriptor.get = () => {
                delete globalThis[name];
                internals.load(names[i + 1]);
                return globalThis[name];
            };
            descriptor.set = (value) => {
                define(globalThis, name, { __proto__: null, configurable: true, enumerable: false, writable: true, value });
            };
            define(globalThis, name, descriptor);
        }
        "#,
    );
    body
}

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
