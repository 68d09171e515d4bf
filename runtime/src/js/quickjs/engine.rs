//! [`QuickJs`]: compiles modules and makes isolates.

use rquickjs::{Context, Ctx, Module, Runtime, WriteOptions};

use super::isolate::QuickJsIsolate;
use super::modules::ImportRecorder;
use super::thrown;
use crate::js::isolate::{
    Bytecode, Compiled, Engine, Isolate, IsolateOptions, Positions, ScriptError, Stopped,
};

/// Memory that compiling one module may take.
const COMPILE_MEMORY_MAX: usize = 1 << 30;
/// Stack that QuickJS may use, in bytes. Threads that run it have more.
pub(super) const STACK_MAX: usize = 2 << 20;

/// The QuickJS engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuickJs;

impl Engine for QuickJs {
    fn version(&self) -> &'static str {
        // The engine's version and the pointer width decide what bytecode means.
        concat!("rquickjs-0.14 fusion-", env!("CARGO_PKG_VERSION"))
    }

    fn compile(&self, path: &str, source: &str, positions: Positions) -> Result<Compiled, ScriptError> {
        let no_memory = |_| ScriptError::Stopped(Stopped::OutOfMemory);
        let runtime = Runtime::new().map_err(no_memory)?;
        runtime.set_memory_limit(COMPILE_MEMORY_MAX);
        runtime.set_max_stack_size(STACK_MAX);
        let imports = ImportRecorder::default();
        runtime.set_loader(imports.clone(), imports.clone());
        let context = Context::full(&runtime).map_err(no_memory)?;
        let bytecode = context.with(|ctx| {
            let compiled = Module::declare(ctx.clone(), path, source).and_then(|module| {
                let strip_debug = positions == Positions::Dropped;
                module.write(WriteOptions { strip_source: true, strip_debug, ..WriteOptions::default() })
            });
            compiled.map(Bytecode::new).map_err(|error| thrown::script_error(&ctx, error))
        })?;
        Ok(Compiled { bytecode, imports: imports.take() })
    }

    fn isolate(&self, options: IsolateOptions) -> Result<Box<dyn Isolate>, ScriptError> {
        Ok(Box::new(QuickJsIsolate::new(options)?))
    }
}

/// Brings a compiled module into a context.
#[expect(unsafe_code, reason = "the one way to load bytecode")]
pub(super) fn load<'js>(ctx: &Ctx<'js>, bytecode: &Bytecode) -> rquickjs::Result<Module<'js>> {
    // SAFETY: a `Bytecode` is made by `QuickJs::compile` of this build only, or read from a store under the name of
    // this build with its checksum right (`Bytecode::new` is private to this room).
    unsafe { Module::load(ctx.clone(), bytecode.bytes()) }
}
