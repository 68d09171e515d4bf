//! [`Objects`]: the functions, memories, tables and globals that a script has to do with, by number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use memmap2::{MmapMut, MmapOptions};
use rquickjs::{
    Array, ArrayBuffer, ArrayBufferSource, BigInt, Ctx, Function, IntoJs, Null, Persistent, Value,
};
use wasmi::{
    Engine, Extern, ExternRef, F32, F64, Func, FuncType, Global, Memory, MemoryType, Nullable, Ref, RefType,
    ResourceLimiter, Store, Table, Val, ValType,
};
use wasmi_core::LimiterError;

use super::{Answer, Failure, PAGE};

/// What an object costs of the memory that all of them may take: more than any of them does.
const OBJECT_COST: usize = 256;
/// Most instances of modules.
const INSTANCES_MAX: usize = 1_000;

/// What a script has a handle of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Func(Func),
    Memory(Memory),
    Table(Table),
    Global(Global),
}

impl From<Extern> for Item {
    fn from(item: Extern) -> Self {
        match item {
            Extern::Func(func) => Self::Func(func),
            Extern::Memory(memory) => Self::Memory(memory),
            Extern::Table(table) => Self::Table(table),
            Extern::Global(global) => Self::Global(global),
        }
    }
}

impl From<Item> for Extern {
    fn from(item: Item) -> Self {
        match item {
            Item::Func(func) => Self::Func(func),
            Item::Memory(memory) => Self::Memory(memory),
            Item::Table(table) => Self::Table(table),
            Item::Global(global) => Self::Global(global),
        }
    }
}

/// What all objects may still take together.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> bool {
        let is_enough = bytes <= self.left;
        if is_enough {
            self.left -= bytes;
        }
        is_enough
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.take(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.take(desired.saturating_sub(current).saturating_mul(size_of::<u64>())))
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        INSTANCES_MAX
    }
}

/// The bytes of a memory as long as it has its present size: the backing of an `ArrayBuffer`.
struct View {
    start: *mut u8,
    length: usize,
}

#[expect(unsafe_code, reason = "the binding asks for a promise about memory")]
// SAFETY: the bytes are in a region of `Objects`, which never moves. It goes with `Wasm::end_call`, after which no
// script runs that could still have the buffer.
unsafe impl ArrayBufferSource for View {
    fn as_ptr(&self) -> *mut u8 {
        self.start
    }

    fn len(&self) -> usize {
        self.length
    }
}

/// An `ArrayBuffer` that shows a memory, and how long it is.
struct Buffer {
    memory: Memory,
    shown: Persistent<ArrayBuffer<'static>>,
    length: usize,
}

/// See the module's documentation.
pub(super) struct Objects {
    pub(super) store: Store<Budget>,
    items: Vec<Item>,
    /// The number of each item by what it prints of itself, which names its place in the store: the interpreter's
    /// handles cannot be compared, and the same function is to be the same object always.
    numbers: HashMap<String, usize>,
    /// References to values of the script, by the number that it gives them.
    externs: Vec<ExternRef>,
    /// Functions of the script that modules import.
    imports: Vec<Persistent<Function<'static>>>,
    buffers: HashMap<usize, Buffer>,
    memory_max: usize,
    /// What memories consist of. The store has references to it, so it goes after the store.
    regions: Vec<MmapMut>,
}

impl Objects {
    pub(super) fn new(engine: &Engine, memory_max: usize) -> Self {
        let mut store = Store::new(engine, Budget { left: memory_max });
        store.limiter(|budget| budget);
        Self {
            store,
            items: Vec::new(),
            numbers: HashMap::new(),
            externs: Vec::new(),
            imports: Vec::new(),
            buffers: HashMap::new(),
            memory_max,
            regions: Vec::new(),
        }
    }

    /// Takes from what all objects may take together.
    pub(super) fn take(&mut self, bytes: usize) -> Answer<()> {
        take(&mut self.store, bytes)
    }

    /// The number of an item: the one it has, or a new one.
    pub(super) fn number(&mut self, item: Item) -> Answer<usize> {
        let next = self.items.len();
        match self.numbers.entry(format!("{item:?}")) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(new) => {
                take(&mut self.store, OBJECT_COST)?;
                new.insert(next);
                self.items.push(item);
                Ok(next)
            }
        }
    }

    pub(super) fn item(&self, number: usize) -> Answer<Item> {
        self.items
            .get(number)
            .copied()
            .ok_or_else(|| Failure::type_error("This object belongs to another call."))
    }

    pub(super) fn func(&self, number: usize) -> Answer<Func> {
        match self.item(number)? {
            Item::Func(func) => Ok(func),
            _ => Err(wrong_kind()),
        }
    }

    pub(super) fn memory(&self, number: usize) -> Answer<Memory> {
        match self.item(number)? {
            Item::Memory(memory) => Ok(memory),
            _ => Err(wrong_kind()),
        }
    }

    pub(super) fn table(&self, number: usize) -> Answer<Table> {
        match self.item(number)? {
            Item::Table(table) => Ok(table),
            _ => Err(wrong_kind()),
        }
    }

    pub(super) fn global(&self, number: usize) -> Answer<Global> {
        match self.item(number)? {
            Item::Global(global) => Ok(global),
            _ => Err(wrong_kind()),
        }
    }

    /// A function that calls one of the script.
    pub(super) fn import<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        ty: &FuncType,
        function: Function<'js>,
    ) -> Answer<Func> {
        self.take(OBJECT_COST)?;
        let import = self.imports.len();
        self.imports.push(Persistent::save(ctx, function));
        Ok(Func::new(&mut self.store, ty.clone(), move |_caller, args, _results| {
            Err(wasmi::Error::host(ImportCall { import, args: args.to_vec() }))
        }))
    }

    pub(super) fn imported(&self, import: usize) -> Option<Persistent<Function<'static>>> {
        self.imports.get(import).cloned()
    }

    /// A new memory.
    #[expect(unsafe_code, reason = "the interpreter takes memory from outside for good")]
    pub(super) fn new_memory(&mut self, ty: MemoryType) -> Answer<Memory> {
        let cannot = || Failure::range_error("could not allocate memory");
        let most = ty.maximum().unwrap_or(u64::MAX).min((self.memory_max / PAGE) as u64);
        if ty.minimum() > most {
            return Err(cannot());
        }
        // Addresses; memory only where it is used.
        let length = (most as usize * PAGE).max(PAGE);
        let mut region = MmapOptions::new().len(length).no_reserve_swap().map_anon().map_err(|_| cannot())?;
        // SAFETY: the region stays where it is until `self` goes, which lets go of the store first. Nobody else has
        // this memory but the `ArrayBuffer`s that show it (`View`); the interpreter keeps a pointer, not the reference.
        let bytes = unsafe { std::slice::from_raw_parts_mut(region.as_mut_ptr(), length) };
        let memory = Memory::new_static(&mut self.store, ty, bytes).map_err(|_| cannot())?;
        self.regions.push(region);
        Ok(memory)
    }

    /// What shows a memory to scripts, until it grows.
    pub(super) fn buffer<'js>(&mut self, ctx: &Ctx<'js>, number: usize) -> Answer<ArrayBuffer<'js>> {
        self.detach_outgrown(ctx)?;
        let memory = self.memory(number)?;
        if let Some(buffer) = self.buffers.get(&number) {
            let shown = buffer.shown.clone().restore(ctx)?;
            // A script can have moved its bytes to another buffer.
            if shown.as_raw().is_some() || buffer.length == 0 {
                return Ok(shown);
            }
        }
        let (start, length) = (memory.data_ptr(&self.store), memory.data_size(&self.store));
        if !self.regions.iter().any(|region| region.as_ptr() == start.cast_const()) {
            return Err(Failure::range_error("WebAssembly: this memory cannot be shown"));
        }
        let shown = ArrayBuffer::from_source(ctx.clone(), View { start, length })?;
        let kept = Persistent::save(ctx, shown.clone());
        self.buffers.insert(number, Buffer { memory, shown: kept, length });
        Ok(shown)
    }

    /// Lets the modules run for so long.
    pub(super) fn set_fuel(&mut self, fuel: u64) {
        // Cannot fail: the engine counts.
        let _ = self.store.set_fuel(fuel);
    }

    /// Detaches what shows a memory.
    pub(super) fn detach(&mut self, ctx: &Ctx<'_>, number: usize) -> Answer<()> {
        if let Some(buffer) = self.buffers.remove(&number) {
            buffer.shown.restore(ctx)?.detach();
        }
        Ok(())
    }

    /// Detaches what showed memories that have grown since.
    pub(super) fn detach_outgrown(&mut self, ctx: &Ctx<'_>) -> Answer<()> {
        let Self { buffers, store, .. } = self;
        let outgrown = buffers.extract_if(|_, buffer| buffer.memory.data_size(&*store) != buffer.length);
        for (_, buffer) in outgrown {
            buffer.shown.restore(ctx)?.detach();
        }
        Ok(())
    }

    /// Detaches all buffers: the memory they show is about to go.
    pub(super) fn detach_all(&mut self, ctx: &Ctx<'_>) {
        for (_, buffer) in self.buffers.drain() {
            if let Ok(mut shown) = buffer.shown.restore(ctx) {
                shown.detach();
            }
        }
    }

    /// The value of some type that a script gave.
    pub(super) fn read(&mut self, value: &Value<'_>, ty: ValType) -> Answer<Val> {
        let number = || value.as_number().ok_or_else(wrong_kind);
        Ok(match ty {
            ValType::I32 => Val::I32(value.as_int().ok_or_else(wrong_kind)?),
            ValType::I64 => Val::I64(
                value.clone().into_big_int().ok_or_else(wrong_kind)?.to_i64().map_err(Failure::Script)?,
            ),
            ValType::F32 => Val::F32(F32::from(number()? as f32)),
            ValType::F64 => Val::F64(F64::from(number()?)),
            ValType::V128 => return Err(wrong_kind()),
            ValType::FuncRef => match self.read_ref(value, RefType::Func)? {
                Ref::Func(func) => Val::FuncRef(func),
                Ref::Extern(_) => return Err(wrong_kind()),
            },
            ValType::ExternRef => match self.read_ref(value, RefType::Extern)? {
                Ref::Extern(value) => Val::ExternRef(value),
                Ref::Func(_) => return Err(wrong_kind()),
            },
        })
    }

    /// The reference that a script gave: nothing, or the number of a function or of a value.
    pub(super) fn read_ref(&mut self, value: &Value<'_>, ty: RefType) -> Answer<Ref> {
        if value.is_null() {
            return Ok(Ref::null(ty));
        }
        let number = usize::try_from(value.as_int().ok_or_else(wrong_kind)?).map_err(|_| wrong_kind())?;
        Ok(match ty {
            RefType::Func => Ref::Func(Nullable::Val(self.func(number)?)),
            RefType::Extern => {
                while self.externs.len() <= number {
                    self.take(OBJECT_COST)?;
                    let next = self.externs.len();
                    self.externs.push(ExternRef::new(&mut self.store, next));
                }
                Ref::Extern(Nullable::Val(self.externs[number]))
            }
        })
    }

    /// A value as scripts get it: numbers, and numbers of what is referred to.
    pub(super) fn shown<'js>(&mut self, ctx: &Ctx<'js>, value: &Val) -> Answer<Value<'js>> {
        Ok(match value {
            Val::I32(value) => value.into_js(ctx)?,
            Val::I64(value) => BigInt::from_i64(ctx.clone(), *value)?.into_value(),
            Val::F32(value) => f64::from(f32::from(*value)).into_js(ctx)?,
            Val::F64(value) => f64::from(*value).into_js(ctx)?,
            Val::V128(_) => return Err(wrong_kind()),
            Val::FuncRef(func) => self.shown_ref(ctx, Ref::Func(*func))?,
            Val::ExternRef(value) => self.shown_ref(ctx, Ref::Extern(*value))?,
        })
    }

    pub(super) fn shown_ref<'js>(&mut self, ctx: &Ctx<'js>, value: Ref) -> Answer<Value<'js>> {
        let number = match value {
            Ref::Func(Nullable::Val(func)) => Some(self.number(Item::Func(func))?),
            Ref::Extern(Nullable::Val(value)) => value.data(&self.store).downcast_ref::<usize>().copied(),
            Ref::Func(Nullable::Null) | Ref::Extern(Nullable::Null) => None,
        };
        Ok(match number {
            Some(number) => number.into_js(ctx)?,
            None => Null.into_js(ctx)?,
        })
    }

    /// Values of some types that a script gave: none, one, or a list.
    pub(super) fn read_all(&mut self, given: &Value<'_>, types: &[ValType]) -> Answer<Vec<Val>> {
        match types {
            [] => Ok(Vec::new()),
            [ty] => Ok(vec![self.read(given, *ty)?]),
            types => {
                let list =
                    given.as_array().filter(|list| list.len() == types.len()).ok_or_else(wrong_kind)?;
                let pairs = list.iter::<Value<'_>>().zip(types);
                pairs.map(|(value, ty)| self.read(&value?, *ty)).collect()
            }
        }
    }

    /// Values as scripts get them: nothing, one, or a list.
    pub(super) fn shown_all<'js>(&mut self, ctx: &Ctx<'js>, values: &[Val]) -> Answer<Value<'js>> {
        match values {
            [] => Ok(Value::new_undefined(ctx.clone())),
            [value] => self.shown(ctx, value),
            values => {
                let list = Array::new(ctx.clone())?;
                for (place, value) in values.iter().enumerate() {
                    list.set(place, self.shown(ctx, value)?)?;
                }
                Ok(list.into_value())
            }
        }
    }
}

/// Interrupts a module because it calls a function of the script.
#[derive(Debug)]
pub(super) struct ImportCall {
    pub(super) import: usize,
    pub(super) args: Vec<Val>,
}

impl std::fmt::Display for ImportCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a function of the script is called")
    }
}

impl wasmi::errors::HostError for ImportCall {}

fn take(store: &mut Store<Budget>, bytes: usize) -> Answer<()> {
    if store.data_mut().take(bytes) { Ok(()) } else { Err(out_of_memory()) }
}

fn wrong_kind() -> Failure {
    Failure::type_error("WebAssembly: a value of the wrong kind was given.")
}

pub(super) fn out_of_memory() -> Failure {
    Failure::range_error("out of memory")
}
