//! `WebAssembly` for scripts: [`Wasm`] runs modules in the interpreter `wasmi`, because QuickJS has none. The prelude's
//! `webassembly.js` makes the classes of the JavaScript API over the few functions here; an engine that has
//! `WebAssembly` needs neither.
//!
//! Scripts know objects by number ([`objects`]), and values as numbers, big integers, and numbers of what is referred to.
//! Modules are changed a little before they are compiled ([`binary`]). A module that calls a function of the script is
//! interrupted and goes on with the result, so that nothing of the interpreter is in use while the script runs, which may
//! call modules itself.
//!
//! What is made in a call goes with it. Modules that were compiled while the application was loaded stay as long as
//! their isolate; instances made then keep an isolate from being used again, because their memory cannot be put back.
//!
//! Running time counts as the script's own, and memory has the same bound as the script's. Absent: threads, exceptions,
//! garbage-collected types, memories of 64 bits.

mod binary;
mod objects;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use rquickjs::convert::List;
use rquickjs::{Array, ArrayBuffer, Ctx, IntoJs, Object, TypedArray, Value};
use wasmi::errors::ErrorKind;
use wasmi::{
    CompilationMode, Config, Engine, Extern, ExternType, Func, FuncType, Global, Instance, MemoryType,
    Module, Mutability, RefType, ResumableCall, Table, TableType, TrapCode, Val, ValType,
};

use self::binary::Prepared;
use self::objects::{ImportCall, Item, Objects, out_of_memory};
use super::ops::Shared;

/// Bytes of a page, the unit in which memories grow.
const PAGE: usize = 64 << 10;
/// What a module may do, in the interpreter's unit (about one instruction), before it is looked whether the script is
/// to stop: some 30 ms.
const SLICE: u64 = 5_000_000;
/// Calls within calls in a module.
const RECURSION_MAX: usize = 20_000;
/// Bytes of the interpreter's stack, which is not the thread's.
const STACK_MAX: usize = 4 << 20;

/// What a compiled module takes beside its code, in bytes: more than it does.
const MODULE_COST: usize = 8 << 10;
/// How often a module's bytes are there: as they are, and as the interpreter has them.
const CODE_FACTOR: usize = 2;
/// The share of a module's bytes that each of its instances takes at most, beside memories and tables: one in so many.
const INSTANCE_SHARE: usize = 4;

/// The global that makes an isolate need this.
const GLOBAL: &str = "WebAssembly";

/// Whether a script that mentions these globals may want it.
pub(super) fn is_wanted(lazy_globals: &[&'static str]) -> bool {
    lazy_globals.contains(&GLOBAL)
}

/// Why a script did not get what it asked for.
enum Failure {
    /// A function of the script threw, or the binding failed.
    Script(rquickjs::Error),
    /// An error of a class.
    Thrown(&'static str, String),
}

impl Failure {
    fn thrown(class: &'static str, message: impl Into<String>) -> Self {
        Self::Thrown(class, message.into())
    }

    fn type_error(message: impl Into<String>) -> Self {
        Self::thrown("TypeError", message)
    }

    fn range_error(message: impl Into<String>) -> Self {
        Self::thrown("RangeError", message)
    }
}

impl From<rquickjs::Error> for Failure {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error)
    }
}

type Answer<T> = Result<T, Failure>;

/// A compiled module.
struct Code {
    module: Module,
    prepared: Prepared,
}

/// What an isolate has of WebAssembly.
struct World {
    engine: Engine,
    modules: Vec<Code>,
    /// What was made beside them.
    objects: Option<Objects>,
    /// Bytes that modules may still have.
    left: usize,
    memory_max: usize,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Wasm {
    memory_max: usize,
    world: RefCell<Option<World>>,
    /// How many modules there were when the isolate was marked.
    kept: Cell<usize>,
}

impl Code {
    /// Where what the script has to give is among the imports as the interpreter lists them, in the module's order: the
    /// interpreter has functions first, then tables, memories and globals.
    fn places(&self) -> Vec<usize> {
        let mut listed: [VecDeque<usize>; 4] = Default::default();
        for (place, import) in self.module.imports().enumerate() {
            listed[usize::from(kind_of(import.ty()))].push_back(place);
        }
        let place = |kind: &u8| listed.get_mut(usize::from(*kind))?.pop_front();
        self.prepared.imports.iter().filter_map(place).collect()
    }
}

/// The kind of an import, as modules spell it.
const fn kind_of(ty: &ExternType) -> u8 {
    match ty {
        ExternType::Func(_) => binary::FUNCTION_KIND,
        ExternType::Table(_) => binary::TABLE_KIND,
        ExternType::Memory(_) => binary::MEMORY_KIND,
        ExternType::Global(_) => binary::GLOBAL_KIND,
    }
}

impl World {
    fn new(memory_max: usize) -> Self {
        let mut config = Config::default();
        config
            .consume_fuel(true)
            .compilation_mode(CompilationMode::LazyTranslation)
            .set_max_recursion_depth(RECURSION_MAX)
            .set_max_stack_height(STACK_MAX)
            .allow_start_fn(false);
        Self {
            engine: Engine::new(&config),
            modules: Vec::new(),
            objects: None,
            left: memory_max,
            memory_max,
        }
    }

    fn objects(&mut self) -> &mut Objects {
        self.objects.get_or_insert_with(|| Objects::new(&self.engine, self.memory_max))
    }

    fn code(&self, number: usize) -> Answer<&Code> {
        self.modules.get(number).ok_or_else(|| Failure::type_error("This module belongs to another call."))
    }

    /// Reads a module. The engine keeps what it reads, also if that turns out to be no module.
    fn read(&mut self, bytes: &[u8]) -> Answer<Code> {
        let cost = bytes.len() * CODE_FACTOR + MODULE_COST;
        self.left = self.left.checked_sub(cost).ok_or_else(out_of_memory)?;
        let prepared = Prepared::new(bytes);
        let module = Module::new(&self.engine, &prepared.bytes).map_err(|error| compile_error(&error))?;
        // The start function was not read as such.
        let start = prepared.start.as_deref().and_then(|start| module.get_export(start));
        if let Some(ExternType::Func(ty)) = start
            && !(ty.params().is_empty() && ty.results().is_empty())
        {
            return Err(Failure::thrown("CompileError", "the start function has parameters or results"));
        }
        Ok(Code { module, prepared })
    }

    fn compile(&mut self, bytes: &[u8]) -> Answer<usize> {
        let code = self.read(bytes)?;
        self.modules.push(code);
        Ok(self.modules.len() - 1)
    }
}

impl Wasm {
    pub(super) fn new(memory_max: usize) -> Self {
        Self { memory_max, ..Self::default() }
    }

    /// Whether nothing is there that could not be made as it was before.
    pub(super) fn is_at_rest(&self) -> bool {
        self.world.borrow().as_ref().is_none_or(|world| world.objects.is_none())
    }

    /// Remembers which modules are to stay.
    pub(super) fn mark(&self) {
        self.kept.set(self.world.borrow().as_ref().map_or(0, |world| world.modules.len()));
    }

    /// Lets go of what a call made. Nothing of the script may run any more before the isolate is put back.
    pub(super) fn end_call(&self, ctx: &Ctx<'_>) {
        let objects = self.world.borrow_mut().as_mut().and_then(|world| world.objects.take());
        if let Some(mut objects) = objects {
            objects.detach_all(ctx);
        }
    }

    /// Lets go of the modules that a call compiled; gives whether that is possible.
    pub(super) fn rewind(&self) -> bool {
        let mut world = self.world.borrow_mut();
        if self.kept.get() == 0 {
            *world = None;
            return true;
        }
        // The engine keeps the code of every module until it goes itself.
        world.as_ref().is_none_or(|world| world.modules.len() == self.kept.get())
    }

    fn with<T>(&self, body: impl FnOnce(&mut World) -> Answer<T>) -> Answer<T> {
        body(self.world.borrow_mut().get_or_insert_with(|| World::new(self.memory_max)))
    }

    fn with_objects<T>(&self, body: impl FnOnce(&mut Objects) -> Answer<T>) -> Answer<T> {
        self.with(|world| body(world.objects()))
    }
}

/// Puts the functions for `webassembly.js` in place, as `internals.wasm`.
pub(super) fn install<'js>(
    ctx: &Ctx<'js>,
    shared: &Rc<Shared>,
    internals: &Object<'js>,
) -> rquickjs::Result<()> {
    let host = Object::new(ctx.clone())?;
    // A function of the host: with the isolate, the context, and what the script gave.
    macro_rules! function {
        ($name:literal, |$shared:ident, $ctx:ident $(, $arg:ident: $ty:ty)*| $body:expr) => {
            let called = shared.clone();
            let function = move |$ctx: Ctx<'js>, $($arg: $ty),*| {
                let $shared = &*called;
                answer(&$ctx, $body)
            };
            host.set($name, shared.function(ctx, function)?)?;
        };
    }
    function!("validate", |shared, ctx, bytes: TypedArray<'js, u8>| {
        shared.wasm.with(|world| match world.read(&copy_of(&bytes)) {
            Ok(_) => Ok(true),
            // What is wrong nobody asks.
            Err(Failure::Thrown("CompileError", _)) => Ok(false),
            Err(other) => Err(other),
        })
    });
    function!("compile", |shared, ctx, bytes: TypedArray<'js, u8>| {
        shared.wasm.with(|world| world.compile(&copy_of(&bytes)))
    });
    function!("imports", |shared, ctx, module: usize| imports(shared, &ctx, module));
    function!("exports", |shared, ctx, module: usize| exports(shared, &ctx, module));
    function!("customSections", |shared, ctx, module: usize, name: String| {
        custom_sections(shared, &ctx, module, &name)
    });
    function!("instantiate", |shared, ctx, module: usize, imports: Array<'js>| {
        instantiate(shared, &ctx, module, &imports)
    });
    function!("call", |shared, ctx, func: usize, args: Array<'js>| call(shared, &ctx, func, &args));
    function!("funcType", |shared, ctx, func: usize| shared.wasm.with_objects(|objects| {
        let ty = objects.func(func)?.ty(&objects.store);
        Ok(signature(&ty))
    }));
    function!("memoryNew", |shared, ctx, minimum: u32, maximum: Option<u32>| {
        shared.wasm.with_objects(|objects| {
            let memory = objects.new_memory(MemoryType::new(minimum, maximum))?;
            objects.number(Item::Memory(memory))
        })
    });
    function!("memoryBuffer", |shared, ctx, memory: usize| {
        shared.wasm.with_objects(|objects| objects.buffer(&ctx, memory))
    });
    function!("memoryGrow", |shared, ctx, memory: usize, pages: u32| {
        shared.wasm.with_objects(|objects| {
            let grown = objects.memory(memory)?.grow(&mut objects.store, u64::from(pages));
            // Also by nothing: what showed the memory shows it no longer.
            objects.detach(&ctx, memory)?;
            Ok(grown.map_or(-1.0, |pages| pages as f64))
        })
    });
    function!("tableNew", |shared,
                           ctx,
                           element: String,
                           minimum: u32,
                           maximum: Option<u32>,
                           init: Value<'js>| {
        shared.wasm.with_objects(|objects| {
            let element = ref_type(&element)?;
            let init = objects.read_ref(&init, element)?;
            let table = Table::new(&mut objects.store, TableType::new(element, minimum, maximum), init);
            let table = table.map_err(|_| Failure::range_error("could not allocate the table"))?;
            objects.number(Item::Table(table))
        })
    });
    function!("tableType", |shared, ctx, table: usize| shared.wasm.with_objects(|objects| {
        let table = objects.table(table)?;
        Ok(List((ref_letter(table.ty(&objects.store).element()),)))
    }));
    function!("tableSize", |shared, ctx, table: usize| shared.wasm.with_objects(|objects| {
        let table = objects.table(table)?;
        Ok(table.size(&objects.store) as f64)
    }));
    function!("tableGrow", |shared, ctx, table: usize, count: u32, init: Value<'js>| {
        shared.wasm.with_objects(|objects| {
            let table = objects.table(table)?;
            let init = objects.read_ref(&init, table.ty(&objects.store).element())?;
            let grown = table.grow(&mut objects.store, u64::from(count), init);
            Ok(grown.map_or(-1.0, |size| size as f64))
        })
    });
    // Gives a list of one, nothing where there is no such place: the place may hold nothing.
    function!("tableGet", |shared, ctx, table: usize, place: u32| shared.wasm.with_objects(|objects| {
        match objects.table(table)?.get(&objects.store, u64::from(place)) {
            Some(found) => {
                let list = Array::new(ctx.clone())?;
                list.set(0, objects.shown_ref(&ctx, found)?)?;
                Ok(Some(list))
            }
            None => Ok(None),
        }
    }));
    function!("tableSet", |shared, ctx, table: usize, place: u32, value: Value<'js>| {
        shared.wasm.with_objects(|objects| {
            let table = objects.table(table)?;
            let value = objects.read_ref(&value, table.ty(&objects.store).element())?;
            Ok(table.set(&mut objects.store, u64::from(place), value).is_ok())
        })
    });
    function!("globalNew", |shared, ctx, ty: String, is_mutable: bool, value: Value<'js>| {
        shared.wasm.with_objects(|objects| {
            let value = objects.read(&value, val_type(&ty)?)?;
            let mutability = if is_mutable { Mutability::Var } else { Mutability::Const };
            let global = Global::new(&mut objects.store, value, mutability);
            objects.number(Item::Global(global))
        })
    });
    function!("globalType", |shared, ctx, global: usize| shared.wasm.with_objects(|objects| {
        let ty = objects.global(global)?.ty(&objects.store);
        Ok(List((letter(ty.content()), ty.mutability().is_mut())))
    }));
    function!("globalGet", |shared, ctx, global: usize| shared.wasm.with_objects(|objects| {
        let value = objects.global(global)?.get(&objects.store);
        objects.shown(&ctx, &value)
    }));
    function!("globalSet", |shared, ctx, global: usize, value: Value<'js>| {
        shared.wasm.with_objects(|objects| {
            let global = objects.global(global)?;
            let value = objects.read(&value, global.ty(&objects.store).content())?;
            Ok(global.set(&mut objects.store, value).is_ok())
        })
    });
    internals.set("wasm", host)
}

/// What a function of the host gives: text only where the script is to throw an error, with the class in its first line.
fn answer<'js>(ctx: &Ctx<'js>, result: Answer<impl IntoJs<'js>>) -> rquickjs::Result<Value<'js>> {
    match result {
        Ok(value) => value.into_js(ctx),
        Err(Failure::Thrown(class, message)) => format!("{class}\n{message}").into_js(ctx),
        Err(Failure::Script(error)) => Err(error),
    }
}

/// A copy of bytes that a script gave.
#[expect(unsafe_code, reason = "the binding has no safe way to read a buffer at once")]
fn copy_of(bytes: &TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: the array holds the buffer, and no script runs before the copy is made.
    unsafe { bytes.as_bytes() }.unwrap_or_default().to_vec()
}

/// `[module, name, kind, type]` of each import.
fn imports<'js>(shared: &Shared, ctx: &Ctx<'js>, module: usize) -> Answer<Array<'js>> {
    shared.wasm.with(|world| {
        let code = world.code(module)?;
        let list = Array::new(ctx.clone())?;
        let imports: Vec<_> = code.module.imports().collect();
        for (number, place) in code.places().into_iter().enumerate() {
            let import = &imports[place];
            let (kind, ty) = described(import.ty());
            list.set(number, List((import.module(), import.name(), kind, ty)))?;
        }
        Ok(list)
    })
}

/// `[name, kind, type]` of each export.
fn exports<'js>(shared: &Shared, ctx: &Ctx<'js>, module: usize) -> Answer<Array<'js>> {
    shared.wasm.with(|world| {
        let code = world.code(module)?;
        let list = Array::new(ctx.clone())?;
        for (place, name) in code.prepared.exports.iter().enumerate() {
            let ty = code.module.get_export(name).ok_or_else(out_of_memory)?;
            let (kind, ty) = described(&ty);
            list.set(place, List((name.as_str(), kind, ty)))?;
        }
        Ok(list)
    })
}

fn custom_sections<'js>(shared: &Shared, ctx: &Ctx<'js>, module: usize, name: &str) -> Answer<Array<'js>> {
    shared.wasm.with(|world| {
        let list = Array::new(ctx.clone())?;
        let sections = world.code(module)?.module.custom_sections();
        for (place, section) in sections.filter(|section| section.name() == name).enumerate() {
            list.set(place, ArrayBuffer::new_copy(ctx.clone(), section.data())?)?;
        }
        Ok(list)
    })
}

/// Makes an instance: `[start, exports]`, the number of the function that is to be called first, if there is one, and
/// those of the exports in order. Imports are numbers of objects and functions of the script.
fn instantiate<'js>(
    shared: &Shared,
    ctx: &Ctx<'js>,
    module: usize,
    given: &Array<'js>,
) -> Answer<List<(Option<usize>, Vec<usize>)>> {
    shared.wasm.with(|world| {
        let code = world.code(module)?;
        let wanted: Vec<ExternType> = code.module.imports().map(|import| import.ty().clone()).collect();
        let places = code.places();
        let module = code.module.clone();
        let names = code.prepared.exports.clone();
        let start = code.prepared.start.clone();
        let size = code.prepared.bytes.len();
        let objects = world.objects();
        objects.take(size / INSTANCE_SHARE)?;
        let mut externs: Vec<Option<Extern>> = vec![None; wanted.len()];
        for (value, place) in given.iter::<Value<'js>>().zip(places) {
            let value = value?;
            externs[place] = Some(match (value.as_function(), &wanted[place]) {
                (Some(function), ExternType::Func(ty)) => objects.import(ctx, ty, function.clone())?.into(),
                _ => {
                    let number = value.as_int().and_then(|number| usize::try_from(number).ok());
                    objects.item(number.unwrap_or(usize::MAX))?.into()
                }
            });
        }
        // What the script does not give are memories of the module's own.
        let made = externs.into_iter().zip(wanted).map(|(given, wanted)| match (given, wanted) {
            (Some(given), _) => Ok(given),
            (None, ExternType::Memory(ty)) => objects.new_memory(ty).map(Extern::from),
            (None, _) => Err(Failure::type_error("an import is missing")),
        });
        let externs = made.collect::<Answer<Vec<Extern>>>()?;
        objects.set_fuel(u64::MAX / 2);
        let instance =
            Instance::new(&mut objects.store, &module, &externs).map_err(|error| link_error(&error))?;
        objects.detach_outgrown(ctx)?;
        let mut number = |name: &str| {
            let export = instance.get_export(&objects.store, name).ok_or_else(out_of_memory)?;
            objects.number(export.into())
        };
        let numbers = names.iter().map(|name| number(name)).collect::<Answer<_>>()?;
        let start = start.map(|start| number(&start)).transpose()?;
        Ok(List((start, numbers)))
    })
}

/// Calls a function with values of its types.
fn call<'js>(shared: &Shared, ctx: &Ctx<'js>, func: usize, args: &Array<'js>) -> Answer<Value<'js>> {
    let wasm = &shared.wasm;
    let (func, args, mut results) = wasm.with_objects(|objects| {
        let func = objects.func(func)?;
        let ty = func.ty(&objects.store);
        let args = args.iter::<Value<'js>>().zip(ty.params());
        let args = args.map(|(value, ty)| objects.read(&value?, *ty)).collect::<Answer<Vec<Val>>>()?;
        let results: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        Ok((func, args, results))
    })?;
    let result = run(shared, ctx, func, &args, &mut results);
    wasm.with_objects(|objects| {
        objects.detach_outgrown(ctx)?;
        result?;
        objects.shown_all(ctx, &results)
    })
}

fn run(shared: &Shared, ctx: &Ctx<'_>, func: Func, args: &[Val], results: &mut [Val]) -> Answer<()> {
    let wasm = &shared.wasm;
    let mut state = wasm.with_objects(|objects| {
        objects.set_fuel(SLICE);
        func.call_resumable(&mut objects.store, args, results).map_err(|error| trapped(&error))
    })?;
    loop {
        state = match state {
            ResumableCall::Finished => return Ok(()),
            ResumableCall::OutOfFuel(call) => {
                if shared.watch.is_over() {
                    return Err(Failure::thrown("RuntimeError", "The script was stopped."));
                }
                wasm.with_objects(|objects| {
                    objects.set_fuel(call.required_fuel().max(SLICE));
                    call.resume(&mut objects.store, results).map_err(|error| trapped(&error))
                })?
            }
            ResumableCall::HostTrap(call) => {
                let Some(ImportCall { import, args }) = call.host_error().downcast_ref() else {
                    return Err(trapped(&call.into_host_error()));
                };
                let ty = wasm.with_objects(|objects| Ok(call.host_func().ty(&objects.store)))?;
                let given = call_import(shared, ctx, *import, args, &ty)?;
                wasm.with_objects(|objects| {
                    objects.set_fuel(SLICE);
                    call.resume(&mut objects.store, &given, results).map_err(|error| trapped(&error))
                })?
            }
        };
    }
}

/// Calls a function of the script that a module imports.
fn call_import(
    shared: &Shared,
    ctx: &Ctx<'_>,
    import: usize,
    args: &[Val],
    ty: &FuncType,
) -> Answer<Vec<Val>> {
    let (function, args) = shared.wasm.with_objects(|objects| {
        objects.detach_outgrown(ctx)?;
        let args = args.iter().map(|arg| objects.shown(ctx, arg)).collect::<Answer<Vec<_>>>()?;
        Ok((objects.imported(import).ok_or_else(out_of_memory)?, args))
    })?;
    let mut call = rquickjs::function::Args::new(ctx.clone(), args.len());
    call.push_args(args)?;
    let given: Value<'_> = function.restore(ctx)?.call_arg(call)?;
    shared.wasm.with_objects(|objects| objects.read_all(&given, ty.results()))
}

/// The kind of what is imported or exported, and its type: the letters of a function's values, before and after, or the
/// letter of a global's value and whether it can change.
fn described(ty: &ExternType) -> (&'static str, Vec<String>) {
    match ty {
        ExternType::Func(ty) => ("function", signature(ty)),
        ExternType::Memory(_) => ("memory", Vec::new()),
        ExternType::Table(_) => ("table", Vec::new()),
        ExternType::Global(ty) => {
            let mutable = ty.mutability().is_mut().then_some("mutable");
            let ty = std::iter::once(letter(ty.content())).chain(mutable);
            ("global", ty.map(str::to_owned).collect())
        }
    }
}

/// The letters of what a function takes and of what it gives.
fn signature(ty: &FuncType) -> Vec<String> {
    [ty.params(), ty.results()].map(|types| types.iter().map(|ty| letter(*ty)).collect()).into()
}

/// How `webassembly.js` spells types.
const LETTERS: [(&str, ValType); 7] = [
    ("i", ValType::I32),
    ("I", ValType::I64),
    ("f", ValType::F32),
    ("F", ValType::F64),
    ("V", ValType::V128),
    ("c", ValType::FuncRef),
    ("e", ValType::ExternRef),
];

fn letter(ty: ValType) -> &'static str {
    LETTERS.iter().find(|(_, other)| *other == ty).map_or("", |(letter, _)| letter)
}

fn val_type(letter: &str) -> Answer<ValType> {
    let found = LETTERS.iter().find(|(other, _)| *other == letter);
    found.map(|(_, ty)| *ty).ok_or_else(|| Failure::type_error("WebAssembly: there is no such type."))
}

fn ref_letter(ty: RefType) -> &'static str {
    letter(ty.into())
}

fn ref_type(letter: &str) -> Answer<RefType> {
    Ok(if val_type(letter)? == ValType::FuncRef { RefType::Func } else { RefType::Extern })
}

fn compile_error(error: &wasmi::Error) -> Failure {
    Failure::thrown("CompileError", error.to_string())
}

fn link_error(error: &wasmi::Error) -> Failure {
    match error.kind() {
        // What segments are copied to is not there.
        ErrorKind::TrapCode(_) => trapped(error),
        _ => Failure::thrown("LinkError", error.to_string()),
    }
}

/// The error of a module that was ended, in the words that scripts know from V8.
fn trapped(error: &wasmi::Error) -> Failure {
    let text = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => "unreachable",
        Some(TrapCode::MemoryOutOfBounds) => "memory access out of bounds",
        Some(TrapCode::TableOutOfBounds) => "table index is out of bounds",
        Some(TrapCode::IndirectCallToNull | TrapCode::BadSignature) => {
            "null function or function signature mismatch"
        }
        Some(TrapCode::IntegerDivisionByZero) => "divide by zero",
        Some(TrapCode::IntegerOverflow) => "divide result unrepresentable",
        Some(TrapCode::BadConversionToInteger) => "float unrepresentable in integer range",
        Some(TrapCode::StackOverflow) => return Failure::range_error("Maximum call stack size exceeded"),
        _ => return Failure::thrown("RuntimeError", error.to_string()),
    };
    Failure::thrown("RuntimeError", text)
}
