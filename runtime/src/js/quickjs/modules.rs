//! Imports: paths are resolved against the importing module's, and found among the package's modules.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result};

use super::engine;
use crate::js::isolate::{Import, Modules};

/// What the paths begin with that the host asks for, which are relative to nothing.
pub(super) const ABSOLUTE: &str = "convex:/";

pub(super) struct PathResolver;

impl Resolver for PathResolver {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        resolve(base, name).ok_or_else(|| Error::new_resolving(base, name))
    }
}

/// The path that `name` means in the module `base`; `None` for names of packages and paths that lead outside.
pub(super) fn resolve(base: &str, name: &str) -> Option<String> {
    if let Some(path) = name.strip_prefix(ABSOLUTE) {
        return Some(path.to_owned());
    }
    if !name.starts_with("./") && !name.starts_with("../") {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

pub(super) struct PackageLoader {
    pub(super) modules: Arc<dyn Modules>,
}

impl Loader for PackageLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        match self.modules.bytecode(name) {
            Some(bytecode) => engine::load(ctx, bytecode),
            None => Err(Error::new_loading(name)),
        }
    }
}

/// Notes what a module imports while it is compiled, and gives empty modules for it.
#[derive(Clone, Default)]
pub(super) struct ImportRecorder {
    imports: Rc<RefCell<Vec<Import>>>,
}

impl ImportRecorder {
    pub(super) fn take(&self) -> Vec<Import> {
        std::mem::take(&mut *self.imports.borrow_mut())
    }
}

impl Resolver for ImportRecorder {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        self.imports.borrow_mut().push(Import { specifier: name.to_owned(), path: resolve(base, name) });
        Ok(name.to_owned())
    }
}

impl Loader for ImportRecorder {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        Module::declare(ctx.clone(), name, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_importing_module() {
        assert_eq!(resolve("a/b.js", "./c.js").as_deref(), Some("a/c.js"));
        assert_eq!(resolve("a/b.js", "../_deps/X.js").as_deref(), Some("_deps/X.js"));
        assert_eq!(resolve("b.js", "./_deps/X.js").as_deref(), Some("_deps/X.js"));
        assert_eq!(resolve("b.js", "convex:/x.js").as_deref(), Some("x.js"));
        assert_eq!(resolve("b.js", "../x.js"), None);
        assert_eq!(resolve("b.js", "fs"), None);
    }
}
