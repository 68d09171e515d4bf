//! The code that was pushed: `_modules` says which modules there are, `_code_blobs` has their sources and what was
//! compiled from them, `_code_config` everything else a push brings. Instances of a component share the code of its
//! definition, by whose path its modules are known.
//!
//! Contents are addressed by their SHA-256, compressed and cut into parts, so a module that did not change is not
//! written again and a version that is gone takes its contents along.
//!
//! Deliberately absent: what the code means (`push`), and schemas (`pushed_schemas`).

use std::collections::BTreeSet;

use fusion_schema::{DocumentId, Object, Value, object};
use sha2::{Digest, Sha256};

use super::{all, equal, range};
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const MODULES: &str = "_modules";
const BLOBS: &str = "_code_blobs";
const CONFIG: &str = "_code_config";

/// Bytes of a blob in one row.
const PART_SIZE: usize = 1 << 20;
/// A level at which compressing 4 MB of JavaScript takes some 20 ms.
const COMPRESSION_LEVEL: i32 = 1;

/// Where a module's functions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleEnvironment {
    /// In the server.
    Isolate,
    /// In Node.js (`"use node"`).
    Node,
}

impl ModuleEnvironment {
    /// The name in requests and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Node => "node",
        }
    }

    /// The environment of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "isolate" => Some(Self::Isolate),
            "node" => Some(Self::Node),
            _ => None,
        }
    }
}

/// A module as it was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModule {
    /// Its path with extension, e.g. `messages.js`.
    pub path: String,
    /// Where its functions run.
    pub environment: ModuleEnvironment,
    /// The SHA-256 of its source and source map in hexadecimal: the name of its content.
    pub sha256: String,
    /// What it exports, as JSON text; `None` for modules without functions of their own, like shared chunks.
    pub analysis: Option<String>,
}

/// The text of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleContent {
    /// The JavaScript.
    pub source: String,
    /// Its source map, as JSON text.
    pub source_map: Option<String>,
}

impl ModuleContent {
    /// The hash by which clients and rows know it: hexadecimal SHA-256 of source and source map.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.source.as_bytes());
        hash.update(self.source_map.as_deref().unwrap_or_default().as_bytes());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Bytes of both texts.
    pub fn size(&self) -> usize {
        self.source.len() + self.source_map.as_ref().map_or(0, String::len)
    }

    /// Both texts in one blob: the length of the source, the source, the map.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size() + 9);
        bytes.extend_from_slice(&(self.source.len() as u64).to_le_bytes());
        bytes.extend_from_slice(self.source.as_bytes());
        if let Some(map) = &self.source_map {
            bytes.push(1);
            bytes.extend_from_slice(map.as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (source, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let source_map = match rest.split_first() {
            None => None,
            Some((_, map)) => Some(text(map)?),
        };
        Some(Self { source: text(source)?, source_map })
    }
}

/// A content as it is stored; made outside of the transaction, for compressing takes a while.
#[derive(Clone, Debug)]
pub struct CodeBlob {
    name: String,
    compressed: Vec<u8>,
}

impl CodeBlob {
    /// The blob of a module's content.
    ///
    /// # Errors
    /// If it cannot be compressed.
    pub fn of_content(sha256: &str, content: &ModuleContent) -> Result<Self> {
        Self::new(content_name(sha256), &content.to_bytes())
    }

    /// The blob of the compiled code of a definition.
    ///
    /// # Errors
    /// If it cannot be compressed.
    pub fn of_bytecode(definition: &str, bytes: &[u8]) -> Result<Self> {
        Self::new(bytecode_name(definition), bytes)
    }

    fn new(name: String, bytes: &[u8]) -> Result<Self> {
        let compressed = zstd::bulk::compress(bytes, COMPRESSION_LEVEL)
            .map_err(|error| Error::internal("a module could not be compressed").with_source(error))?;
        Ok(Self { name, compressed })
    }

    /// Bytes it takes.
    pub fn size(&self) -> usize {
        self.compressed.len()
    }
}

/// The blob of what was compiled of all modules of a definition.
fn bytecode_name(definition: &str) -> String {
    if definition.is_empty() { "bytecode".to_owned() } else { format!("bytecode:{definition}") }
}

fn content_name(sha256: &str) -> String {
    format!("source:{sha256}")
}

/// What a push brings beside modules and a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeConfig {
    /// The folder of the functions in the project.
    pub functions: String,
    /// The version of the `convex` package that pushed.
    pub server_version: String,
    /// The version of Node.js the project asks for.
    pub node_version: Option<String>,
    /// What modules for Node.js import from npm, as JSON text of a list.
    pub node_dependencies: String,
    /// The seed of random numbers while modules are loaded.
    pub import_phase_rng_seed: [u8; 32],
    /// The time while modules are loaded, in milliseconds since the epoch.
    pub import_phase_unix_ms: f64,
    /// The auth providers, as JSON text of a list.
    pub auth_providers: String,
}

impl CodeConfig {
    fn to_object(&self) -> Object {
        object! {
            "authProviders" => self.auth_providers.as_str(),
            "functions" => self.functions.as_str(),
            "importPhaseRngSeed" => Value::Bytes(self.import_phase_rng_seed.to_vec()),
            "importPhaseUnixMs" => self.import_phase_unix_ms,
            "nodeDependencies" => self.node_dependencies.as_str(),
            "nodeVersion" => self.node_version.as_deref().map_or(Value::Null, Value::from),
            "serverVersion" => self.server_version.as_str(),
        }
    }

    fn from_object(fields: &Object) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(Value::Bytes(seed)) = fields.get("importPhaseRngSeed") else { return None };
        Some(Self {
            functions: text("functions")?,
            server_version: text("serverVersion")?,
            node_version: text("nodeVersion"),
            // Earlier versions had none.
            node_dependencies: text("nodeDependencies").unwrap_or_else(|| "[]".to_owned()),
            import_phase_rng_seed: seed.as_slice().try_into().ok()?,
            import_phase_unix_ms: fields.get("importPhaseUnixMs").and_then(Value::as_f64)?,
            auth_providers: text("authProviders")?,
        })
    }
}

/// Which modules a push brought and took away, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleChanges {
    /// Modules that are new.
    pub added: Vec<String>,
    /// Modules that are there as before but with other code.
    pub changed: Vec<String>,
    /// Modules that are gone.
    pub removed: Vec<String>,
}

/// The pushed code of the app, or of the definition of a component, as one transaction sees it.
pub struct Modules<'a> {
    tx: &'a mut Transaction,
    definition: &'a str,
}

/// What a row says.
fn module_of(row: &Document) -> Result<StoredModule> {
    let text = |name: &str| row.fields().get(name).and_then(Value::as_str);
    let read = || {
        Some(StoredModule {
            path: text("path")?.to_owned(),
            environment: ModuleEnvironment::parse(text("environment")?)?,
            sha256: text("sha256")?.to_owned(),
            analysis: text("analysis").map(str::to_owned),
        })
    };
    read().ok_or_else(|| Error::internal(format!("the row {} of a module is damaged", row.id())))
}

impl std::fmt::Debug for Modules<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modules").finish_non_exhaustive()
    }
}

impl<'a> Modules<'a> {
    /// The app's code in this transaction, which is freed of its limits: contents are larger than what functions read.
    pub const fn new(tx: &'a mut Transaction) -> Self {
        Self::of(tx, "")
    }

    /// As [`Modules::new`], the code of the definition at that path; `""` is the app's.
    pub const fn of(tx: &'a mut Transaction, definition: &'a str) -> Self {
        tx.lift_limits();
        Self { tx, definition }
    }

    fn rows(&mut self) -> Result<Vec<(DocumentId, StoredModule)>> {
        let rows = all(self.tx, MODULES)?;
        let own = rows.iter().filter(|row| definition_of(row.fields()) == self.definition);
        own.map(|row| Ok((row.id(), module_of(row)?))).collect()
    }

    /// The module at a path.
    ///
    /// # Errors
    /// If its row is damaged.
    pub fn find(&mut self, path: &str) -> Result<Option<StoredModule>> {
        // Those of the same path in other definitions are few.
        let rows = range(self.tx, MODULES, "by_path", vec![equal("path", path)], usize::MAX)?;
        rows.iter().find(|row| definition_of(row.fields()) == self.definition).map(module_of).transpose()
    }

    /// Every module, sorted by path.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn list(&mut self) -> Result<Vec<StoredModule>> {
        let mut modules: Vec<_> = self.rows()?.into_iter().map(|(_, module)| module).collect();
        modules.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(modules)
    }

    /// The names of all contents that modules have, whosever they are.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn all_contents(&mut self) -> Result<BTreeSet<String>> {
        let rows = all(self.tx, MODULES)?;
        let names = rows.iter().filter_map(|row| row.fields().get("sha256").and_then(Value::as_str));
        Ok(names.map(str::to_owned).collect())
    }

    /// Makes these the modules. Their contents must be stored.
    ///
    /// # Errors
    /// If a row is damaged.
    pub fn replace(&mut self, modules: &[StoredModule]) -> Result<ModuleChanges> {
        let mut changes = ModuleChanges::default();
        let stored = self.rows()?;
        for (id, old) in &stored {
            match modules.iter().find(|new| new.path == old.path) {
                None => {
                    self.tx.delete(*id)?;
                    changes.removed.push(old.path.clone());
                }
                Some(new) if new == old => {}
                Some(new) => {
                    self.tx.replace(*id, row(new, self.definition))?;
                    changes.changed.push(new.path.clone());
                }
            }
        }
        for new in modules.iter().filter(|new| !stored.iter().any(|(_, old)| old.path == new.path)) {
            self.tx.insert(MODULES, row(new, self.definition))?;
            changes.added.push(new.path.clone());
        }
        for paths in [&mut changes.added, &mut changes.changed, &mut changes.removed] {
            paths.sort_unstable();
        }
        Ok(changes)
    }

    /// The content of that hash; `None` if it is not stored.
    ///
    /// # Errors
    /// If what is stored is damaged.
    pub fn content(&mut self, sha256: &str) -> Result<Option<ModuleContent>> {
        let Some(bytes) = self.blob(&content_name(sha256))? else { return Ok(None) };
        let content = ModuleContent::from_bytes(&bytes).filter(|content| content.sha256() == sha256);
        content.map(Some).ok_or_else(|| {
            Error::internal(format!("The stored module {sha256} is damaged. Push the code again."))
        })
    }

    fn parts(&mut self, name: &str) -> Result<Vec<(DocumentId, Vec<u8>)>> {
        let rows = range(self.tx, BLOBS, "by_name", vec![equal("name", name)], usize::MAX)?;
        let part = |row: &Document| match row.fields().get("content") {
            Some(Value::Bytes(bytes)) => (row.id(), bytes.clone()),
            _ => (row.id(), Vec::new()),
        };
        Ok(rows.iter().map(part).collect())
    }

    fn blob(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let parts = self.parts(name)?;
        if parts.is_empty() {
            return Ok(None);
        }
        let compressed: Vec<u8> = parts.into_iter().flat_map(|(_, part)| part).collect();
        zstd::stream::decode_all(&*compressed).map(Some).map_err(|error| {
            Error::internal(format!("The stored code {name} is damaged. Push the code again."))
                .with_source(error)
        })
    }

    /// Stores a blob unless it is there, whole.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn put(&mut self, blob: &CodeBlob) -> Result<()> {
        let stored = self.parts(&blob.name)?;
        if stored.iter().flat_map(|(_, part)| part).eq(&blob.compressed) {
            return Ok(());
        }
        for (id, _) in stored {
            self.tx.delete(id)?;
        }
        for (position, part) in blob.compressed.chunks(PART_SIZE).enumerate() {
            let row = object! {
                "content" => Value::Bytes(part.to_vec()), "name" => blob.name.as_str(), "part" => position as f64,
            };
            self.tx.insert(BLOBS, row)?;
        }
        Ok(())
    }

    /// Removes the content of that hash.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn remove_content(&mut self, sha256: &str) -> Result<()> {
        for (id, _) in self.parts(&content_name(sha256))? {
            self.tx.delete(id)?;
        }
        Ok(())
    }

    /// The compiled code of all modules; empty if there is none. Only the engine that wrote it can say whether it is
    /// any good.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn bytecode(&mut self) -> Result<Vec<u8>> {
        Ok(self.blob(&bytecode_name(self.definition))?.unwrap_or_default())
    }

    /// Removes the compiled code.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn remove_bytecode(&mut self) -> Result<()> {
        for (id, _) in self.parts(&bytecode_name(self.definition))? {
            self.tx.delete(id)?;
        }
        Ok(())
    }

    /// Puts compiled code in place of what was there.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn set_bytecode(&mut self, blob: &CodeBlob) -> Result<()> {
        self.put(blob)
    }

    /// What the last push brought beside modules; `None` before the first one.
    ///
    /// # Errors
    /// If the row is damaged.
    pub fn config(&mut self) -> Result<Option<CodeConfig>> {
        let rows = all(self.tx, CONFIG)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let config = CodeConfig::from_object(row.fields());
        config.map(Some).ok_or_else(|| Error::internal("the row of the pushed code's settings is damaged"))
    }

    /// Sets what the push brought beside modules.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn set_config(&mut self, config: &CodeConfig) -> Result<()> {
        match all(self.tx, CONFIG)?.first() {
            Some(row) => self.tx.replace(row.id(), config.to_object()).map(drop),
            None => self.tx.insert(CONFIG, config.to_object()).map(drop),
        }
    }
}

fn row(module: &StoredModule, definition: &str) -> Object {
    let mut row = object! {
        "analysis" => module.analysis.as_deref().map_or(Value::Null, Value::from),
        "environment" => module.environment.name(),
        "path" => module.path.as_str(),
        "sha256" => module.sha256.as_str(),
    };
    if !definition.is_empty() {
        row.insert("definition", definition);
    }
    row
}

fn definition_of(row: &Object) -> &str {
    row.get("definition").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Database, DatabaseOptions};

    fn module(path: &str, source: &str) -> (StoredModule, ModuleContent) {
        let content = ModuleContent { source: source.to_owned(), source_map: None };
        let module = StoredModule {
            path: path.to_owned(),
            environment: ModuleEnvironment::Isolate,
            sha256: content.sha256(),
            analysis: None,
        };
        (module, content)
    }

    #[test]
    fn hashes_are_those_that_clients_compute() {
        let (module, _) = module("a.js", "abc");
        assert_eq!(module.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let content = ModuleContent { source: "a".to_owned(), source_map: Some("bc".to_owned()) };
        assert_eq!(content.sha256(), module.sha256);
    }

    #[test]
    fn contents_of_any_size_come_back_and_go() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        // Noise does not compress, so this one takes several rows.
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + (state >> 58) as u8)
        };
        let large: String = (0..5 << 20).map(|_| noise()).collect();
        for source in ["", "x", "é\u{0}\n", &large] {
            for source_map in [None, Some(String::new()), Some("{}".to_owned())] {
                let content = ModuleContent { source: source.to_owned(), source_map };
                let sha256 = content.sha256();
                Modules::new(&mut tx).remove_content(&sha256).unwrap();
                let blob = CodeBlob::of_content(&sha256, &content).unwrap();
                Modules::new(&mut tx).put(&blob).unwrap();
                let written = tx.metrics().documents_written;
                Modules::new(&mut tx).put(&blob).unwrap();
                assert_eq!(tx.metrics().documents_written, written);
                assert_eq!(Modules::new(&mut tx).content(&sha256).unwrap(), Some(content));
            }
        }
        let (stored, content) = module("a.js", "x");
        let damage = CodeBlob { name: content_name(&stored.sha256), compressed: vec![1, 2, 3] };
        Modules::new(&mut tx).put(&damage).unwrap();
        assert!(Modules::new(&mut tx).content(&stored.sha256).is_err());
        let whole = CodeBlob::of_content(&stored.sha256, &content).unwrap();
        Modules::new(&mut tx).put(&whole).unwrap();
        assert_eq!(Modules::new(&mut tx).content(&stored.sha256).unwrap(), Some(content));
        Modules::new(&mut tx).remove_content(&stored.sha256).unwrap();
        assert_eq!(Modules::new(&mut tx).content(&stored.sha256).unwrap(), None);
    }

    #[test]
    fn only_what_changed_is_written() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        let first = [module("b.js", "1").0, module("a.js", "1").0, module("c.js", "1").0];
        let changes = Modules::new(&mut tx).replace(&first).unwrap();
        assert_eq!(changes.added, ["a.js", "b.js", "c.js"]);
        let before = tx.metrics().documents_written;
        let second = [module("a.js", "1").0, module("c.js", "2").0, module("d.js", "1").0];
        let changes = Modules::new(&mut tx).replace(&second).unwrap();
        assert_eq!(tx.metrics().documents_written - before, 3);
        let paths = |text: &str| vec![text.to_owned()];
        assert_eq!(
            changes,
            ModuleChanges { added: paths("d.js"), changed: paths("c.js"), removed: paths("b.js") }
        );
        assert_eq!(Modules::new(&mut tx).list().unwrap(), second);
    }

    #[test]
    fn settings_come_back() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let mut tx = database.begin_mutation();
        assert_eq!(Modules::new(&mut tx).config().unwrap(), None);
        for node_version in [None, Some("20".to_owned())] {
            let config = CodeConfig {
                functions: "convex/".to_owned(),
                server_version: "1.48.0".to_owned(),
                node_version,
                node_dependencies: r#"[{"name":"sharp","version":"0.33.5"}]"#.to_owned(),
                import_phase_rng_seed: [7; 32],
                import_phase_unix_ms: 1.7e12,
                auth_providers: "[]".to_owned(),
            };
            Modules::new(&mut tx).set_config(&config).unwrap();
            assert_eq!(Modules::new(&mut tx).config().unwrap(), Some(config));
        }
    }
}
