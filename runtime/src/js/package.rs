//! [`Package`]: all modules of a deployment, compiled.
//!
//! Modules are compiled once, when they arrive; the bytecode can be kept beside the sources and is good for the
//! engine that wrote it ([`Package::bytecode`], [`Package::from_bytecode`]).

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use memchr::memmem;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::isolate::{Bytecode, Engine, Import, Modules, Positions, ScriptError};
use super::node::{Bundle, NodeDependency};
use super::prelude::{CompiledPrelude, names_its_globals};
use super::source_map::SourceMap;
use super::syscalls::import::{KnownVariables, Reads};
use crate::{Error, Result};

/// In which world a module is meant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Environment {
    /// An isolate of the server.
    Isolate,
    /// Node.js (`"use node"`).
    Node,
}

impl Environment {
    /// As pushes spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Node => "node",
        }
    }

    /// Reads what pushes spell.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Isolate, Self::Node].into_iter().find(|environment| environment.name() == name)
    }
}

/// A module as it was bundled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSource {
    /// Its path, such as `messages.js`.
    pub path: String,
    /// The JavaScript.
    pub source: String,
    /// The JSON of its source map.
    pub source_map: Option<String>,
    /// Where it runs.
    pub environment: Environment,
}

/// What modules see while they are loaded; the same for every load of one push.
#[derive(Clone, Debug, PartialEq)]
pub struct UdfConfig {
    /// The version of the npm package `convex` that the modules were bundled with.
    pub server_version: String,
    /// The seed of `Math.random()`.
    pub import_phase_rng_seed: [u8; 32],
    /// The time, in milliseconds since the epoch.
    pub import_phase_unix_ms: f64,
    /// What modules for Node.js import from npm.
    pub node_dependencies: Vec<NodeDependency>,
}

impl Default for UdfConfig {
    fn default() -> Self {
        Self {
            server_version: String::new(),
            import_phase_rng_seed: [0; 32],
            import_phase_unix_ms: 0.0,
            node_dependencies: Vec::new(),
        }
    }
}

/// A module of a package.
#[derive(Debug)]
pub(super) struct PackageModule {
    pub(super) source: ModuleSource,
    /// `None` for modules that are not for isolates.
    bytecode: Option<Bytecode>,
    map: OnceLock<Option<SourceMap>>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Package {
    modules: BTreeMap<String, PackageModule>,
    engine: String,
    udf_config: ArcSwap<UdfConfig>,
    /// What modules read of the environment when they were last loaded; `None` for those that listed it.
    reads: Mutex<BTreeMap<String, Option<KnownVariables>>>,
    /// The lazy globals that the modules can name, once an isolate was made.
    lazy_globals: OnceLock<Arc<[&'static str]>>,
    /// Its modules for Node.js as files, once they are needed.
    node_bundle: tokio::sync::OnceCell<Arc<Bundle>>,
}

impl Package {
    /// Compiles modules.
    ///
    /// # Errors
    /// `InvalidModules` with file and line for a syntax error, an import that leads nowhere, or a path that is
    /// there twice.
    pub fn new(engine: &dyn Engine, modules: Vec<ModuleSource>) -> Result<Arc<Self>> {
        Self::compile(engine, modules, &BTreeMap::new())
    }

    /// Compiles modules, except those whose code is found among `stored`, which [`Package::bytecode`] gave. Whatever
    /// is wrong with `stored` (another engine, other sources, a flipped bit) only costs the time to compile.
    ///
    /// # Errors
    /// As [`Package::new`].
    pub fn from_bytecode(
        engine: &dyn Engine,
        modules: Vec<ModuleSource>,
        stored: &[u8],
    ) -> Result<Arc<Self>> {
        Self::compile(engine, modules, &read_stored(engine.version(), stored).unwrap_or_default())
    }

    fn compile(
        engine: &dyn Engine,
        modules: Vec<ModuleSource>,
        stored: &BTreeMap<[u8; 32], Bytecode>,
    ) -> Result<Arc<Self>> {
        let mut imports = Vec::new();
        let mut compiled = BTreeMap::new();
        for source in modules {
            let path = source.path.clone();
            let mut module = PackageModule { source, bytecode: None, map: OnceLock::new() };
            if module.source.environment == Environment::Isolate {
                module.bytecode = match stored.get(&source_hash(&module.source)) {
                    Some(bytecode) => Some(bytecode.clone()),
                    None => {
                        let result = engine.compile(&path, &module.source.source, Positions::Kept);
                        let result = result.map_err(|error| invalid_module(&module, &error))?;
                        imports.push((path.clone(), result.imports));
                        Some(result.bytecode)
                    }
                };
            }
            if compiled.insert(path.clone(), module).is_some() {
                return Err(invalid(format!("The module {path} is there twice.")));
            }
        }
        let package = Self {
            modules: compiled,
            engine: engine.version().to_owned(),
            udf_config: ArcSwap::default(),
            reads: Mutex::default(),
            lazy_globals: OnceLock::new(),
            node_bundle: tokio::sync::OnceCell::new(),
        };
        for (path, imports) in &imports {
            package.check_imports(path, imports)?;
        }
        Ok(Arc::new(package))
    }

    fn check_imports(&self, path: &str, imports: &[Import]) -> Result<()> {
        for Import { specifier, path: target } in imports {
            let found = target.as_ref().is_some_and(|target| {
                self.modules.get(target).is_some_and(|module| module.bytecode.is_some())
            });
            if !found {
                let hint = if target.is_none() {
                    "Only modules of the same bundle can be imported; actions that need Node.js begin with \"use node\"."
                } else {
                    "There is no such module in this push."
                };
                return Err(invalid(format!("Could not resolve \"{specifier}\" imported by {path}. {hint}")));
            }
        }
        Ok(())
    }

    /// The code of all modules, to be stored beside them.
    pub fn bytecode(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        for module in self.modules.values() {
            if let Some(bytecode) = &module.bytecode {
                entries.push((source_hash(&module.source), bytecode.bytes()));
            }
        }
        write_stored(&self.engine, &entries)
    }

    /// The modules as they arrived, in order of their paths.
    pub fn sources(&self) -> impl Iterator<Item = &ModuleSource> {
        self.modules.values().map(|module| &module.source)
    }

    /// What its modules see while they are loaded.
    pub fn udf_config(&self) -> Arc<UdfConfig> {
        self.udf_config.load_full()
    }

    /// Sets what its modules see while they are loaded; analysis does so too.
    pub fn set_udf_config(&self, config: UdfConfig) {
        self.udf_config.store(Arc::new(config));
    }

    pub(super) const fn node_bundle(&self) -> &tokio::sync::OnceCell<Arc<Bundle>> {
        &self.node_bundle
    }

    /// Notes what a module and those below it read of the environment.
    pub(super) fn remember(&self, path: &str, reads: &Reads) {
        let variables = (!reads.all).then(|| reads.variables.clone());
        self.reads.lock().insert(path.to_owned(), variables);
    }

    /// What a module will read of the environment, if that is known and it can be loaded ahead of time.
    pub(super) fn remembered(&self, path: &str) -> Option<KnownVariables> {
        self.reads.lock().get(path)?.clone()
    }

    /// The modules that are no shared chunks, by path.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &PackageModule)> {
        self.modules.iter().filter(|(path, _)| !path.starts_with("_deps/"))
    }

    pub(super) fn module(&self, path: &str) -> Option<&PackageModule> {
        self.modules.get(path)
    }
}

impl Modules for Package {
    fn bytecode(&self, path: &str) -> Option<&Bytecode> {
        self.modules.get(path)?.bytecode.as_ref()
    }

    fn lazy_globals(&self, prelude: &CompiledPrelude) -> Arc<[&'static str]> {
        let list = || {
            let modules = self.modules.values().filter(|module| module.bytecode.is_some());
            let sources: Vec<&str> = modules.map(|module| module.source.source.as_str()).collect();
            let names_any = sources.iter().any(|source| !names_its_globals(source));
            prelude.lazy_globals(|name| {
                let finder = memmem::Finder::new(name);
                names_any || sources.iter().any(|source| finder.find(source.as_bytes()).is_some())
            })
        };
        self.lazy_globals.get_or_init(list).clone()
    }
}

impl PackageModule {
    /// Its source map, read when it is first needed.
    pub(super) fn map(&self) -> Option<&SourceMap> {
        self.map.get_or_init(|| SourceMap::parse(self.source.source_map.as_deref()?)).as_ref()
    }
}

fn invalid(message: String) -> Error {
    Error::bad_request("InvalidModules", message)
}

fn invalid_module(module: &PackageModule, error: &ScriptError) -> Error {
    let ModuleSource { path, source, .. } = &module.source;
    let ScriptError::Thrown(thrown) = error else {
        return invalid(format!("The module {path} could not be compiled: {error}"));
    };
    let mut message = format!("Failed to compile {path}: {}", thrown.text());
    if let Some(frame) = thrown.frames.first() {
        message.push_str(&format!("\n    at {path}:{}:{}", frame.line, frame.column));
        if let Some(line) = source.lines().nth(frame.line.saturating_sub(1) as usize) {
            const WIDTH: usize = 200;
            message.push_str("\n    ");
            message.extend(line.trim().chars().take(WIDTH));
        }
    }
    invalid(message)
}

fn source_hash(module: &ModuleSource) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(module.path.as_bytes());
    hasher.update([0]);
    hasher.update(module.source.as_bytes());
    hasher.finalize().into()
}

// ---- stored code: the engine's version, then modules by the hash of path and source, then a checksum of it all

const HASH: usize = 32;

fn write_stored(engine: &str, entries: &[([u8; HASH], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let put = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    put(&mut out, engine.as_bytes());
    for (hash, bytes) in entries {
        out.extend_from_slice(hash);
        put(&mut out, bytes);
    }
    let checksum: [u8; HASH] = Sha256::digest(&out).into();
    out.extend_from_slice(&checksum);
    out
}

fn read_stored(engine: &str, stored: &[u8]) -> Option<BTreeMap<[u8; HASH], Bytecode>> {
    let (mut rest, checksum) = stored.split_last_chunk::<HASH>()?;
    if <[u8; HASH]>::from(Sha256::digest(rest)) != *checksum {
        return None;
    }
    fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
        rest.split_off(..length as usize)
    }
    if take(&mut rest)? != engine.as_bytes() {
        return None;
    }
    let mut found = BTreeMap::new();
    while !rest.is_empty() {
        let hash = *rest.split_off(..HASH)?.first_chunk::<HASH>()?;
        found.insert(hash, Bytecode::new(take(&mut rest)?));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_code_is_read_back_by_the_same_engine_only() {
        let stored = write_stored("engine 1", &[([1; HASH], b"one"), ([2; HASH], b"")]);
        let found = read_stored("engine 1", &stored).unwrap();
        assert_eq!(found[&[1; HASH]].bytes(), b"one");
        assert_eq!(found.len(), 2);
        assert!(read_stored("engine 2", &stored).is_none());
        for position in [0, 5, 40, stored.len() - 1] {
            let mut flipped = stored.clone();
            flipped[position] ^= 1;
            assert!(read_stored("engine 1", &flipped).is_none(), "{position}");
        }
        assert!(read_stored("engine 1", &[]).is_none());
    }
}
