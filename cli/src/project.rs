//! [`Project`]: a folder with functions in TypeScript, its `convex.json` and the packages installed in it.
//!
//! Deliberately absent: the settings that say how to deploy to somebody's cloud.

pub(crate) mod env_file;
pub(crate) mod packages;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::failure::{Failure, Result};

/// The file with a project's settings.
pub(crate) const SETTINGS_FILE: &str = "convex.json";
/// The folder of the functions, unless the settings name another one.
pub(crate) const DEFAULT_FUNCTIONS: &str = "convex/";
/// The folder in it that is written by code generation.
pub(crate) const GENERATED_FOLDER: &str = "_generated";

/// A folder with functions in TypeScript.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// The folder with `package.json`, absolute.
    pub(crate) root: PathBuf,
    /// The folder of the functions, absolute.
    pub(crate) functions: PathBuf,
    /// What `convex.json` says.
    pub(crate) settings: Settings,
}

/// What `convex.json` says. What is unknown in it is not our business.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Settings {
    functions: Option<String>,
    /// About functions that run in Node.
    pub(crate) node: NodeSettings,
    /// Whether `api_cjs.cjs` is written too, for `require`.
    #[serde(rename = "generateCommonJSApi")]
    pub(crate) generate_common_js_api: bool,
    /// What the generated files look like.
    pub(crate) codegen: CodegenSettings,
    /// About bundling.
    pub(crate) bundler: BundlerSettings,
    /// The compiler that checks types: `tsc` or `tsgo`.
    pub(crate) typescript_compiler: Option<String>,
}

/// About functions that run in Node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeSettings {
    /// Packages that the server is to install instead of finding them in the bundle.
    pub(crate) external_packages: Vec<String>,
    /// The version of Node to run them in.
    pub(crate) node_version: Option<String>,
}

/// What the generated files look like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CodegenSettings {
    /// Types of the `api` from validators rather than from the modules.
    pub(crate) static_api: bool,
    /// Types of documents from the evaluated schema rather than from its module.
    pub(crate) static_data_model: bool,
    /// `ts` for TypeScript files instead of `.js` with `.d.ts`.
    pub(crate) file_type: Option<String>,
    /// Types of components spelled out rather than imported from the components.
    pub(crate) legacy_component_api: bool,
}

/// About bundling.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BundlerSettings {
    /// Whether source maps carry the sources.
    pub(crate) include_sources_content: bool,
}

impl Project {
    /// The project in a folder. Its folder of functions need not exist.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let root = folder.canonicalize().map_err(|error| Failure::file(folder, &error))?;
        let settings = read_settings(&root.join(SETTINGS_FILE))?;
        let functions = root.join(settings.functions_folder());
        // Without the last slash and any `./`, as paths are compared by their parts.
        let functions = functions.components().collect();
        Ok(Self { root, functions, settings })
    }

    /// The project in a folder if there are functions in it. What code generation wrote are no functions.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>> {
        let project = Self::open(folder)?;
        let mut entries = std::fs::read_dir(&project.functions).into_iter().flatten().flatten();
        Ok(entries.any(|entry| entry.file_name() != GENERATED_FOLDER).then_some(project))
    }

    /// The project in the folder of this process, for a command that needs one.
    pub(crate) fn here() -> Result<Self> {
        let project = Self::open(Path::new("."))?;
        let has_functions = Self::find(&project.root)?.is_some();
        if has_functions {
            return Ok(project);
        }
        let functions = project.shown(&project.functions);
        Err(Failure::new(format!("there are no functions in this folder: `{functions}` is empty or missing"))
            .hint("go to the folder with package.json, or make an app with `fusion init my-app`"))
    }

    /// The folder of generated files.
    pub(crate) fn generated(&self) -> PathBuf {
        self.functions.join(GENERATED_FOLDER)
    }

    /// The file of that name in the functions' folder, in TypeScript or JavaScript.
    pub(crate) fn module(&self, name: &str) -> Option<PathBuf> {
        module_in(&self.functions, name)
    }

    /// A path as people see it: from the project's folder.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

impl Settings {
    /// The folder of the functions as it is written in the settings.
    pub(crate) fn functions_folder(&self) -> &str {
        self.functions.as_deref().filter(|folder| !folder.is_empty()).unwrap_or(DEFAULT_FUNCTIONS)
    }
}

/// The file of that name in a folder, in TypeScript or JavaScript.
pub(crate) fn module_in(folder: &Path, name: &str) -> Option<PathBuf> {
    ["ts", "js"]
        .iter()
        .map(|extension| folder.join(format!("{name}.{extension}")))
        .find(|path| path.is_file())
}

fn read_settings(path: &Path) -> Result<Settings> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(error) => return Err(Failure::file(path, &error)),
    };
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{SETTINGS_FILE} cannot be read: {error}")))
}

/// A JSON file; `None` if there is none.
pub(crate) fn read_json(path: &Path) -> Result<Option<Json>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_name_the_folder_of_the_functions() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().canonicalize()?;
        assert!(Project::find(&root)?.is_none());

        std::fs::create_dir_all(root.join("convex/_generated"))?;
        assert!(Project::find(&root)?.is_none(), "what codegen writes are no functions");
        std::fs::write(root.join("convex/messages.ts"), "")?;
        assert_eq!(Project::find(&root)?.map(|project| project.functions), Some(root.join("convex")));

        std::fs::write(
            root.join(SETTINGS_FILE),
            r#"{"$schema": "x", "functions": "./src/convex/", "node": {"externalPackages": ["sharp"]}}"#,
        )?;
        let project = Project::open(&root)?;
        assert_eq!(project.functions, root.join("src/convex"));
        assert_eq!(project.settings.node.external_packages, ["sharp"]);

        std::fs::write(root.join(SETTINGS_FILE), "{")?;
        let failure = Project::open(&root).expect_err("half a file");
        assert!(failure.to_string().starts_with("error: convex.json cannot be read: "), "{failure}");
        Ok(())
    }
}
