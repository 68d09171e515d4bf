//! Bundling: from a project's files to the modules that a deployment runs, with the esbuild that the project's `convex`
//! package brings.
//!
//! The modules are those that the official command line makes, but for the names of shared chunks: esbuild derives them
//! from where it writes, which is a temporary folder here.

mod components;
mod entry_points;
mod esbuild;
mod external;
mod source_map;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub(crate) use self::components::{Component, ComponentBundle, Components, components};
pub(crate) use self::entry_points::{EntryPoint, entry_points, entry_points_in};
use self::esbuild::{Build, Esbuild, Platform};
use self::external::External;
pub(crate) use self::external::NodeDependency;
use crate::failure::{Failure, Result};
use crate::project::{Project, module_in};

/// The definition of an app whose project has none.
const EMPTY_DEFINITION: &str =
    "import { defineApp } from \"convex/server\";\nconst app = defineApp();\nexport default app;";
/// The name of the definition's module.
const DEFINITION: &str = "convex.config";

/// Where a module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Environment {
    /// In the server.
    Isolate,
    /// In Node.
    Node,
}

/// A module as a deployment runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Module {
    /// Such as `messages.js`.
    pub(crate) path: String,
    /// The JavaScript.
    pub(crate) source: String,
    /// Where in the project's files it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_map: Option<String>,
    /// Where it runs.
    pub(crate) environment: Environment,
}

impl Module {
    /// By which a deployment knows it again: SHA-256 of the source and then the source map, in hexadecimal.
    pub(crate) fn hash(&self) -> String {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        hash.update(&self.source);
        hash.update(self.source_map.as_deref().unwrap_or_default());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a project is bundled to.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// The app's definition (`convex.config.ts`).
    pub(crate) definition: Module,
    /// The paths of the components that it imports.
    pub(crate) dependencies: Vec<String>,
    /// The schema, if the project has one.
    pub(crate) schema: Option<Module>,
    /// Everything else.
    pub(crate) modules: Vec<Module>,
    /// What its modules for Node import from npm.
    pub(crate) node_dependencies: Vec<NodeDependency>,
    /// The components that the app uses, and those that these use.
    pub(crate) components: Vec<ComponentBundle>,
    /// Where they are and who uses whom.
    pub(crate) found: Components,
    /// The project's files that it was made of; packages are not among them.
    pub(crate) inputs: Vec<PathBuf>,
    /// What esbuild warns of.
    pub(crate) warnings: Vec<String>,
}

/// Bundles a project.
pub(crate) async fn bundle(project: &Project) -> Result<Bundle> {
    let esbuild = Esbuild::find(project)?;
    let entries = entry_points(project)?;
    let (node, isolate): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.environment == Environment::Node);
    // Each in a process of its own, all at once.
    let folder = &project.functions;
    let external = External::find(project)?;
    let none = External::default();
    let (isolate, node, schema, auth, components) = tokio::join!(
        build_modules(&esbuild, project, folder, isolate, Environment::Isolate, &none),
        build_modules(&esbuild, project, folder, node, Environment::Node, &external),
        build_one(&esbuild, project, folder, "schema"),
        build_one(&esbuild, project, folder, "auth.config"),
        components::find(&esbuild, project),
    );
    // A mistake in a shared file is found by several; one of them is enough.
    let (isolate, node, schema, auth, components) = (isolate?, node?, schema?, auth?, components?);
    let definition = build_definition(&esbuild, project, &components).await?;

    let mut bundle = Bundle {
        definition: Module {
            path: format!("{DEFINITION}.js"),
            source: String::new(),
            source_map: None,
            environment: Environment::Isolate,
        },
        dependencies: components.uses("").to_vec(),
        schema: None,
        modules: Vec::new(),
        node_dependencies: external.dependencies(&node.metafile)?,
        components: Vec::new(),
        found: Components::default(),
        inputs: components.inputs.clone(),
        warnings: Vec::new(),
    };
    bundle.schema = bundle.add(schema).into_iter().find(|module| module.path == "schema.js");
    for build in [isolate, node, auth] {
        let modules = bundle.add(build);
        bundle.modules.extend(modules);
    }
    let definition = bundle.add(definition).into_iter().next();
    bundle.definition = definition.ok_or_else(|| Failure::new("esbuild wrote no definition of the app"))?;
    for component in &components.list {
        let component = components.bundle(&esbuild, project, component, &mut bundle).await?;
        bundle.components.push(component);
    }
    bundle.found = components;
    bundle.inputs.sort();
    bundle.inputs.dedup();
    bundle.warnings.dedup();
    Ok(bundle)
}

impl Bundle {
    /// Takes over what a build says beside its modules.
    fn add(&mut self, build: Build) -> Vec<Module> {
        self.inputs.extend(build.inputs);
        self.warnings.extend(build.warnings);
        build.modules
    }
}

/// The modules of one environment in a folder, with what they share, and without what is external.
async fn build_modules(
    esbuild: &Esbuild,
    project: &Project,
    folder: &Path,
    entries: Vec<EntryPoint>,
    environment: Environment,
    external: &External,
) -> Result<Build> {
    if entries.is_empty() {
        return Ok(Build::default());
    }
    let entries: Vec<_> = entries.into_iter().map(|entry| entry.path).collect();
    let (platform, chunks) = match environment {
        Environment::Isolate => (Platform::Browser, "_deps/[hash]"),
        Environment::Node => (Platform::Node, "_deps/node/[hash]"),
    };
    let run = external.names().fold(esbuild.run(platform), |run, name| run.arg(format!("--external:{name}")));
    let mut build = run
        .arg("--splitting")
        .arg(format!("--chunk-names={chunks}"))
        .functions(project, folder)
        .entries(&entries)
        .finish()
        .await?;
    build.modules.iter_mut().for_each(|module| module.environment = environment);
    Ok(build)
}

/// One module with everything it needs in it; nothing if there is no such file.
async fn build_one(esbuild: &Esbuild, project: &Project, folder: &Path, name: &str) -> Result<Build> {
    let Some(path) = module_in(folder, name) else { return Ok(Build::default()) };
    let other = path.with_extension("js");
    if path != other && other.exists() {
        return Err(Failure::new(format!(
            "there are both {} and {}",
            project.shown(&path),
            project.shown(&other)
        ))
        .hint("remove one of them"));
    }
    esbuild.run(Platform::Browser).functions(project, folder).entries(&[path]).finish().await
}

/// The definition of the app: the project's, or one of an app without anything.
async fn build_definition(esbuild: &Esbuild, project: &Project, components: &Components) -> Result<Build> {
    match project.module(DEFINITION) {
        Some(path) => components.bundle_definition(esbuild, "", &path).await,
        None => {
            let run = esbuild.run(Platform::Browser).arg("--minify").arg("--sourcemap");
            run.stdin(EMPTY_DEFINITION, &format!("{DEFINITION}.js")).finish().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_over_the_source_and_then_its_map() {
        let module = |source: &str, source_map: Option<&str>| Module {
            path: "a.js".to_owned(),
            source: source.to_owned(),
            source_map: source_map.map(str::to_owned),
            environment: Environment::Isolate,
        };
        // printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(module("abc", None).hash(), abc);
        assert_eq!(module("a", Some("bc")).hash(), abc);
        assert_ne!(module("a", Some("b")).hash(), abc);
    }

    #[test]
    fn modules_are_sent_as_the_server_reads_them() -> Result<(), serde_json::Error> {
        let module = Module {
            path: "a.js".to_owned(),
            source: "1".to_owned(),
            source_map: None,
            environment: Environment::Node,
        };
        assert_eq!(serde_json::to_string(&module)?, r#"{"path":"a.js","source":"1","environment":"node"}"#);
        Ok(())
    }
}
