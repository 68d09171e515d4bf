//! Components: which ones a project uses, and bundling them.
//!
//! A component is a folder with a `convex.config`, in the project or in a package. Esbuild finds out which definitions
//! import which; then each is bundled by itself, and imports of other definitions lead to where the server puts them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use super::entry_points::entry_points_in;
use super::esbuild::{Build, Esbuild, Platform, normalized};
use super::external::External;
use super::source_map::relative;
use super::{Bundle, DEFINITION, Environment, Module, build_modules, build_one};
use crate::failure::{Failure, Result};
use crate::project::Project;

/// The folder from which the server's modules import definitions.
const IMPORTS: &str = "./_componentDeps/";

/// A component that a project uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    /// Its path from the project's functions; the server knows it by that.
    pub(crate) path: String,
    /// Its folder, absolute.
    pub(crate) folder: PathBuf,
    /// How it is imported, without the name of the definition: `@convex-dev/workpool`.
    pub(crate) specifier: Option<String>,
    /// The file with its definition, absolute.
    definition: PathBuf,
}

impl Component {
    /// Whether it is to be pushed from its sources, so that code is generated for it.
    pub(crate) fn is_source(&self) -> bool {
        self.definition.extension().is_some_and(|extension| extension == "ts")
    }
}

/// The components of a project, and who uses whom.
#[derive(Debug, Default)]
pub(crate) struct Components {
    /// All of them, in the order in which they are found.
    pub(crate) list: Vec<Component>,
    /// For each definition (`""` is the app's) the paths of those it imports.
    uses: BTreeMap<String, Vec<String>>,
    /// For each definition the packages it imports definitions from, as it names them, with their paths.
    packages: BTreeMap<String, Vec<(String, String)>>,
    /// The project's files that say so.
    pub(crate) inputs: Vec<PathBuf>,
}

/// A component with everything that is bundled of it.
#[derive(Debug)]
pub(crate) struct ComponentBundle {
    /// Its path from the project's functions.
    pub(crate) path: String,
    /// Its definition.
    pub(crate) definition: Module,
    /// The paths of the definitions that this one imports.
    pub(crate) dependencies: Vec<String>,
    /// Its schema, if it has one.
    pub(crate) schema: Option<Module>,
    /// Everything else.
    pub(crate) modules: Vec<Module>,
}

/// Finds the components of a project.
pub(crate) async fn components(project: &Project) -> Result<Components> {
    match project.module(DEFINITION) {
        Some(_) => find(&Esbuild::find(project)?, project).await,
        None => Ok(Components::default()),
    }
}

/// As [`components`].
pub(super) async fn find(esbuild: &Esbuild, project: &Project) -> Result<Components> {
    let Some(app) = project.module(DEFINITION) else { return Ok(Components::default()) };
    let run = definition_run(esbuild, &project.functions);
    let build = run.entries(std::slice::from_ref(&app)).finish().await?;
    let mut components = Components { inputs: build.inputs, ..Components::default() };
    let inputs = build.metafile.get("inputs").and_then(Json::as_object);
    let inputs = inputs.into_iter().flatten().filter(|(path, _)| is_definition(path));
    let absolute = |path: &str| normalized(&project.root.join(path));
    let mut specifiers = BTreeMap::new();
    let mut files = Vec::new();
    for (path, input) in inputs {
        let (mut uses, mut packages) = (Vec::new(), Vec::new());
        for import in input.get("imports").and_then(Json::as_array).into_iter().flatten() {
            let text = |name: &str| import.get(name).and_then(Json::as_str);
            let Some(imported) = text("path").filter(|path| is_definition(path)).map(absolute) else {
                continue;
            };
            if let Some(specifier) = text("original") {
                let end = specifier.find("/convex.config").unwrap_or(specifier.len());
                specifiers.insert(imported.clone(), specifier[..end].to_owned());
                if !specifier.starts_with(['.', '/']) {
                    packages.push((specifier.to_owned(), definition_path(project, &imported)));
                }
            }
            uses.push(definition_path(project, &imported));
        }
        uses.dedup();
        let file = absolute(path);
        let is_app = file == app;
        let name = if is_app { String::new() } else { definition_path(project, &file) };
        components.uses.insert(name.clone(), uses);
        components.packages.insert(name, packages);
        if !is_app {
            files.push(file);
        }
    }
    for definition in files {
        components.list.push(Component {
            path: definition_path(project, &definition),
            folder: definition.parent().unwrap_or(&definition).to_owned(),
            specifier: specifiers.get(&definition).cloned(),
            definition,
        });
    }
    Ok(components)
}

impl Components {
    /// The paths of the definitions that one imports.
    pub(super) fn uses(&self, path: &str) -> &[String] {
        self.uses.get(path).map_or(&[], Vec::as_slice)
    }

    /// The component at a path.
    pub(crate) fn get(&self, path: &str) -> Option<&Component> {
        self.list.iter().find(|component| component.path == path)
    }

    /// Bundles the definition in a file; what it imports of others leads to where the server puts them.
    pub(super) async fn bundle_definition(
        &self,
        esbuild: &Esbuild,
        path: &str,
        file: &Path,
    ) -> Result<Build> {
        let folder = file.parent().unwrap_or(file);
        let mut run = definition_run(esbuild, folder);
        let used = self.uses(path).iter().filter_map(|path| self.get(path));
        // A package is named as it is imported: links may lead to its files.
        let packages = self.packages.get(path).into_iter().flatten();
        let mut external: Vec<(String, &str)> =
            packages.map(|(specifier, path)| (specifier.clone(), path.as_str())).collect();
        for component in used {
            run = run.arg(format!("--external:{}", component.definition.display()));
        }
        for (specifier, _) in &external {
            run = run.arg(format!("--external:{specifier}"));
        }
        let mut build = run.entries(&[file.to_owned()]).finish().await?;
        build.modules.retain(|module| module.path == format!("{DEFINITION}.js"));
        // This is how esbuild writes a file that stays where it is: from the folder it writes to.
        let used = self.uses(path).iter().filter_map(|path| self.get(path));
        external.extend(
            used.map(|component| (relative(&component.definition, &build.out), component.path.as_str())),
        );
        for module in &mut build.modules {
            for (written, path) in &external {
                let imported = Json::from(format!("{IMPORTS}{}", URL_SAFE_NO_PAD.encode(path)));
                let from = format!("from {}", Json::from(written.as_str()));
                module.source = module.source.replace(&from, &format!("from {imported}"));
            }
        }
        Ok(build)
    }

    /// Bundles a component; files and warnings are noted in the app's bundle.
    pub(super) async fn bundle(
        &self,
        esbuild: &Esbuild,
        project: &Project,
        component: &Component,
        app: &mut Bundle,
    ) -> Result<ComponentBundle> {
        let folder = &component.folder;
        let (node, isolate): (Vec<_>, Vec<_>) = entry_points_in(project, folder)?
            .into_iter()
            .partition(|entry| entry.environment == Environment::Node);
        if let Some(entry) = node.first() {
            return Err(Failure::new(format!(
                "\"use node\" is not supported in components: {}",
                project.shown(&entry.path)
            ))
            .hint("move what needs Node to the app"));
        }
        let none = External::default();
        let (modules, schema, definition) = tokio::join!(
            build_modules(esbuild, project, folder, isolate, Environment::Isolate, &none),
            build_one(esbuild, project, folder, "schema"),
            self.bundle_definition(esbuild, &component.path, &component.definition),
        );
        let (modules, schema, definition) = (modules?, schema?, definition?);
        let schema = app.add(schema).into_iter().find(|module| module.path == "schema.js");
        let modules = app.add(modules);
        let definition = app.add(definition).into_iter().next().ok_or_else(|| {
            Failure::new(format!("esbuild wrote no definition of the component {}", component.path))
        })?;
        Ok(ComponentBundle {
            path: component.path.clone(),
            definition,
            dependencies: self.uses(&component.path).to_vec(),
            schema,
            modules,
        })
    }
}

/// Options for definitions. White space stays, so that each import has a line of its own and its end can change without
/// the source map being wrong.
fn definition_run(esbuild: &Esbuild, folder: &Path) -> super::esbuild::Run {
    esbuild
        .run(Platform::Browser)
        .arg("--minify-syntax")
        .arg("--minify-identifiers")
        .arg("--sourcemap")
        .arg(format!("--outbase={}", folder.display()))
}

fn is_definition(path: &str) -> bool {
    let base = path.rsplit('/').next().unwrap_or(path);
    ["convex.config.ts", "convex.config.js"].contains(&base)
}

/// The way from the project's functions to the folder of a definition.
fn definition_path(project: &Project, file: &Path) -> String {
    relative(file.parent().unwrap_or(file), &project.functions)
}
