//! The full set of modules of a push: what the client sent, and what it only named by hash because the server has it.

use std::collections::BTreeMap;

use super::request::{AppDefinition, ModuleBody};
use super::scripts::{ModuleSource, environment};
use crate::database::Transaction;
use crate::function::FunctionPath;
use crate::system::modules::{ModuleContent, ModuleEnvironment, Modules};
use crate::{Error, Result};

/// Most modules of a deployment.
const MODULES_MAX: usize = 4_096;
/// Most bytes of all sources and source maps.
const MODULES_SIZE_MAX: usize = 256 << 20;
/// The module that says who vouches for users.
pub const AUTH_CONFIG: &str = "auth.config.js";

/// A module with its hash.
#[derive(Clone, Debug)]
pub struct PushedModule {
    /// Its path with extension.
    pub path: String,
    /// Where its functions run.
    pub environment: ModuleEnvironment,
    /// The name of its content.
    pub sha256: String,
    /// Its text.
    pub content: ModuleContent,
    /// Whether the server has the content already.
    pub is_stored: bool,
}

impl PushedModule {
    /// The module as scripts are made of it.
    pub fn to_source(&self) -> ModuleSource {
        ModuleSource {
            path: self.path.clone(),
            source: self.content.source.clone(),
            source_map: self.content.source_map.clone(),
            environment: environment(self.environment),
        }
    }

    /// Whether its exports are functions, rather than being shared code or settings.
    pub fn has_functions(&self) -> bool {
        !self.path.starts_with("_deps/") && self.path != AUTH_CONFIG
    }
}

/// The modules of a push by path.
///
/// # Errors
/// `InvalidModules` for paths and environments that are none, twice the same path, hashes the server does not have.
pub fn module_set(app: AppDefinition, tx: &mut Transaction) -> Result<BTreeMap<String, PushedModule>> {
    let mut modules = all_changed(app.functions.into_iter().chain(app.changed_modules))?;
    if !app.unchanged_module_hashes.is_empty() {
        let stored: BTreeMap<_, _> =
            Modules::new(tx).list()?.into_iter().map(|module| (module.path.clone(), module)).collect();
        for named in app.unchanged_module_hashes {
            let environment = environment_of(&named.path, &named.environment)?;
            let known = stored
                .get(&named.path)
                .is_some_and(|module| module.sha256 == named.sha256 && module.environment == environment);
            let content = if known { Modules::new(tx).content(&named.sha256)? } else { None };
            let Some(content) = content else {
                return Err(invalid(format!(
                    "The module {} was left out because the server should have it already, but it has not. Push again; if that does not help, push with `--push-all-modules`.",
                    named.path
                )));
            };
            let (path, sha256) = (named.path, named.sha256);
            add(&mut modules, PushedModule { path, environment, sha256, content, is_stored: true })?;
        }
    }
    Ok(modules)
}

/// The modules of a push that are all there, by path.
///
/// # Errors
/// `InvalidModules` for paths and environments that are none, and twice the same path.
pub fn all_changed(bodies: impl IntoIterator<Item = ModuleBody>) -> Result<BTreeMap<String, PushedModule>> {
    let mut modules = BTreeMap::new();
    for body in bodies {
        let ModuleBody { path, source, source_map, environment } = body;
        let environment = environment_of(&path, environment.as_deref().unwrap_or("isolate"))?;
        let content = ModuleContent { source, source_map };
        let sha256 = content.sha256();
        add(&mut modules, PushedModule { path, environment, sha256, content, is_stored: false })?;
    }
    Ok(modules)
}

/// Fails if there are too many modules, or too large ones.
///
/// # Errors
/// `InvalidModules`; `ModulesTooLarge`.
pub fn check_size<'a>(modules: impl Iterator<Item = &'a PushedModule>) -> Result<()> {
    let (mut count, mut size) = (0, 0);
    for module in modules {
        count += 1;
        size += module.content.size();
    }
    if count > MODULES_MAX {
        return Err(invalid(format!(
            "The deployment has {count} modules; at most {MODULES_MAX} are allowed."
        )));
    }
    if size > MODULES_SIZE_MAX {
        return Err(Error::bad_request(
            "ModulesTooLarge",
            format!(
                "All modules together have {size} bytes; at most {MODULES_SIZE_MAX} are allowed. Look for large dependencies."
            ),
        ));
    }
    Ok(())
}

fn add(modules: &mut BTreeMap<String, PushedModule>, module: PushedModule) -> Result<()> {
    check_path(&module.path)?;
    if modules.contains_key(&module.path) {
        return Err(invalid(format!("The module {} was pushed twice.", module.path)));
    }
    modules.insert(module.path.clone(), module);
    Ok(())
}

fn environment_of(path: &str, name: &str) -> Result<ModuleEnvironment> {
    ModuleEnvironment::parse(name).ok_or_else(|| {
        invalid(format!("The module {path} is for the environment \"{name}\"; use \"isolate\" or \"node\"."))
    })
}

/// Fails unless functions of the module can be named.
fn check_path(path: &str) -> Result<()> {
    let module = path.strip_suffix(".js").filter(|module| !module.starts_with("_system/"));
    // Any function's name will do.
    let named = module.map(|module| FunctionPath::from_parts(module, "default"));
    match named {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(invalid(format!("The module {path} has no valid path: {}", error.message()))),
        None => Err(invalid(format!(
            "The module {path} has no valid path: it must end in .js and not be one of the server's own."
        ))),
    }
}

fn invalid(message: String) -> Error {
    Error::bad_request("InvalidModules", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::database::{Database, DatabaseOptions};
    use crate::system::modules::{CodeBlob, StoredModule};

    fn set(database: &Database, changed: Json, unchanged: Json) -> Result<BTreeMap<String, PushedModule>> {
        let app = json!({
            "changedModules": changed, "unchangedModuleHashes": unchanged, "udfServerVersion": "1.48.0"
        });
        module_set(serde_json::from_value(app).unwrap(), &mut database.begin_mutation())
    }

    fn module(path: &str, source: &str) -> Json {
        json!({"path": path, "source": source, "environment": "isolate"})
    }

    #[test]
    fn unchanged_modules_come_from_the_server() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        let content = ModuleContent { source: "b".to_owned(), source_map: Some("{}".to_owned()) };
        let sha256 = content.sha256();
        let stored = StoredModule {
            path: "b.js".to_owned(),
            environment: ModuleEnvironment::Isolate,
            sha256: sha256.clone(),
            analysis: None,
        };
        let mut tx = database.begin_mutation();
        Modules::new(&mut tx).put(&CodeBlob::of_content(&sha256, &content).unwrap()).unwrap();
        Modules::new(&mut tx).replace(&[stored]).unwrap();
        database.commit(tx, crate::database::CommitExtras::default()).unwrap();

        let unchanged = |path: &str, environment: &str, sha256: &str| json!([{"path": path, "environment": environment, "sha256": sha256}]);
        let modules =
            set(&database, json!([module("a.js", "a")]), unchanged("b.js", "isolate", &sha256)).unwrap();
        assert_eq!(modules.keys().collect::<Vec<_>>(), ["a.js", "b.js"]);
        assert_eq!(modules["b.js"].content, content);
        assert!(modules["b.js"].is_stored && !modules["a.js"].is_stored);
        for wrong in [
            unchanged("c.js", "isolate", &sha256),
            unchanged("b.js", "node", &sha256),
            unchanged("b.js", "isolate", &"0".repeat(64)),
        ] {
            let error = set(&database, json!([]), wrong).unwrap_err();
            assert!(error.message().contains("left out because the server should have it"), "{error}");
        }
        let error = set(&database, json!([module("b.js", "x")]), unchanged("b.js", "isolate", &sha256));
        assert!(error.unwrap_err().message().contains("pushed twice"));
    }

    #[test]
    fn paths_that_name_no_module_are_refused() {
        let database = Database::open(DatabaseOptions::in_memory()).unwrap();
        for path in ["a.ts", "a", "../a.js", "/a.js", "a b.js", "_system/cli/tables.js", ".js", "a//b.js"] {
            let error = set(&database, json!([module(path, "")]), json!([])).expect_err(path);
            assert_eq!(error.code(), "InvalidModules", "{path}");
        }
        for path in ["a.js", "a/b-c.d.js", "_deps/ABC.js", "_deps/node/ABC.js", "crons.js"] {
            assert!(set(&database, json!([module(path, "")]), json!([])).is_ok(), "{path}");
        }
    }
}
