//! Writing `convex/_generated`: the types that functions and pages are written against, declaration by declaration those
//! that the official command line writes.
//!
//! Deliberately absent: types of documents spelled out (`codegen.staticDataModel`); the ones derived from the schema's
//! module say the same.

mod api;
mod component;
mod data_model;
mod server;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::bundle::{Component, Components, entry_points_in};
use crate::failure::{Failure, Result};
use crate::output;
use crate::project::{GENERATED_FOLDER, Project, module_in};

/// A generated file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Generated {
    /// Its name in the folder of generated files.
    pub(crate) name: &'static str,
    /// What is in it.
    pub(crate) content: String,
}

/// What a push found out about an app, as far as the generated files show it.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    /// The environment variables it declares, with their validators: as in its definition.
    pub(crate) environment: Vec<(String, EnvironmentVariable)>,
    /// Its functions, in the form of `function-spec`; only for `codegen.staticApi`.
    pub(crate) functions: Option<Vec<Json>>,
    /// The components it uses.
    pub(crate) children: Vec<ChildComponent>,
    /// The components that are pushed from their sources.
    pub(crate) sources: Vec<SourceComponent>,
}

/// A component that an app or another component uses.
#[derive(Clone, Debug)]
pub(crate) struct ChildComponent {
    /// The name of the instance.
    pub(crate) name: String,
    /// The type of its functions.
    pub(crate) type_of: ChildType,
}

/// Where the type of a component's functions comes from.
#[derive(Clone, Debug)]
pub(crate) enum ChildType {
    /// The file that was generated for the component; this is its folder as an import sees it.
    Imported(String),
    /// Its functions, in the form of `function-spec`.
    Spelled(Vec<Json>),
}

/// A component that is pushed from its sources: it has generated files of its own, always in TypeScript.
#[derive(Debug)]
pub(crate) struct SourceComponent {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What is known of it.
    pub(crate) analysis: Analysis,
    /// What it offers, in the form of `function-spec`.
    pub(crate) exports: Vec<Json>,
}

/// An environment variable that an app declares.
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentVariable {
    /// The validator of its value.
    pub(crate) validator: Json,
    /// Whether it may be missing.
    pub(crate) is_optional: bool,
}

/// The files for a project. Before a push, when nothing is known of what is in its modules, `analysis` is `None`.
pub(crate) fn generate(project: &Project, analysis: Option<&Analysis>) -> Result<Vec<Generated>> {
    let typescript = match project.settings.codegen.file_type.as_deref() {
        None | Some("js/dts") => false,
        Some("ts") => true,
        Some(other) => {
            return Err(Failure::new(format!(
                "convex.json: codegen.fileType is \"ts\" or \"js/dts\", not {other:?}"
            )));
        }
    };
    let nothing = Analysis::default();
    let analysis = analysis.unwrap_or(&nothing);
    let modules = module_names(project, &project.functions)?;
    let has_schema = project.module("schema").is_some();
    let mut files = if typescript {
        typescript_files(&modules, analysis, has_schema)?
    } else {
        vec![
            Generated { name: "api.d.ts", content: api::declarations(&modules, analysis)? },
            Generated { name: "api.js", content: api::javascript() },
            Generated { name: "dataModel.d.ts", content: data_model::declarations(has_schema) },
            Generated { name: "server.d.ts", content: server::declarations(analysis)? },
            Generated { name: "server.js", content: server::javascript() },
        ]
    };
    if project.settings.generate_common_js_api && !typescript {
        files.push(Generated { name: "api_cjs.cjs", content: api::common_js() });
        files.push(Generated { name: "api_cjs.d.cts", content: api::declarations(&modules, analysis)? });
    }
    Ok(files)
}

/// The files for a component that is pushed from its sources.
fn generate_component(project: &Project, component: &SourceComponent) -> Result<Vec<Generated>> {
    let modules = module_names(project, &component.folder)?;
    let has_schema = module_in(&component.folder, "schema").is_some();
    let mut files = typescript_files(&modules, &component.analysis, has_schema)?;
    files.push(Generated { name: "component.ts", content: component::typescript(&component.exports)? });
    Ok(files)
}

fn typescript_files(modules: &[String], analysis: &Analysis, has_schema: bool) -> Result<Vec<Generated>> {
    Ok(vec![
        Generated { name: "api.ts", content: api::typescript(modules, analysis)? },
        Generated { name: "dataModel.ts", content: data_model::declarations(has_schema) },
        Generated { name: "server.ts", content: server::typescript(analysis)? },
    ])
}

/// The modules in a folder of functions.
fn module_names(project: &Project, folder: &Path) -> Result<Vec<String>> {
    let mut modules: Vec<_> = entry_points_in(project, folder)?.into_iter().map(|entry| entry.name).collect();
    modules.sort();
    Ok(modules)
}

/// Writes the files of the project's own components, too: those of `components` before a push, and what a push found out
/// about them.
pub(crate) fn write_components(project: &Project, analysis: &Analysis, missing: bool) -> Result {
    for component in &analysis.sources {
        let files = generate_component(project, component)?;
        write_to(&component.folder.join(GENERATED_FOLDER), &files, missing)?;
    }
    Ok(())
}

/// What is there to generate for components of which nothing is known yet.
pub(crate) fn unknown_components(components: &Components) -> Analysis {
    let source = |component: &Component| SourceComponent {
        folder: component.folder.clone(),
        analysis: Analysis::default(),
        exports: Vec::new(),
    };
    let sources = components.list.iter().filter(|component| component.is_source()).map(source);
    Analysis { sources: sources.collect(), ..Analysis::default() }
}

/// Writes the files, but only those that changed, so that nobody who watches them wakes up for nothing. With `missing`
/// only those that are not there, because what is there may know more.
pub(crate) fn write(project: &Project, files: &[Generated], missing: bool) -> Result {
    write_to(&project.generated(), files, missing)
}

fn write_to(folder: &Path, files: &[Generated], missing: bool) -> Result {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    for Generated { name, content } in files {
        write_changed(&folder.join(name), content, missing)?;
    }
    Ok(())
}

/// Writes a file if its content is another one.
pub(crate) fn write_changed(path: &Path, content: &str, missing: bool) -> Result {
    match std::fs::read_to_string(path) {
        Ok(former) if missing || former == content => return Ok(()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::file(path, &error));
        }
        _ => {}
    }
    std::fs::write(path, content).map_err(|error| Failure::file(path, &error))
}

/// Prints the files instead of writing them.
pub(crate) fn print(project: &Project, files: &[Generated]) -> Result {
    let folder = project.generated();
    files.iter().try_for_each(|Generated { name, content }| {
        output::data(format_args!("# {}\n{content}", project.shown(&folder.join(name))))
    })
}

/// The comment at the top of every file.
fn header(about: &str) -> String {
    format!(
        "/* eslint-disable */\n/**\n * {about}\n *\n * Generated by Fusion: written anew by `fusion dev` and `fusion codegen`, so do not edit it.\n * @module\n */\n\n"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn project(settings: &str) -> Result<(tempfile::TempDir, Project), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let functions = folder.path().join("convex");
        for (name, content) in [
            ("messages.ts", "export const list = 1"),
            ("lib/text-tools.ts", "export const a = 1"),
            ("delete.js", ""),
            ("api.js", ""),
            ("schema.ts", "export default 1"),
        ] {
            let path = functions.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(path, content)?;
        }
        std::fs::write(folder.path().join("convex.json"), settings)?;
        let project = Project::open(folder.path())?;
        Ok((folder, project))
    }

    /// All files in one text.
    fn text(files: &[Generated]) -> String {
        files.iter().map(|file| format!("=== {}\n{}", file.name, file.content)).collect()
    }

    #[test]
    fn the_files_of_a_project() -> Result<(), Box<dyn std::error::Error>> {
        let (_folder, project) = project("{}")?;
        insta::assert_snapshot!("generated", text(&generate(&project, None)?));
        Ok(())
    }

    #[test]
    fn the_files_of_a_project_in_typescript() -> Result<(), Box<dyn std::error::Error>> {
        let (_folder, project) = project(r#"{"codegen": {"fileType": "ts", "staticApi": true}}"#)?;
        let string = json!({"type": "string"});
        let variable = |is_optional| EnvironmentVariable { validator: string.clone(), is_optional };
        let analysis = Analysis {
            environment: vec![("KEY".to_owned(), variable(false)), ("MAY_MISS".to_owned(), variable(true))],
            functions: Some(vec![json!({"identifier": "messages.js:list", "functionType": "Query",
                "visibility": {"kind": "public"}, "args": {"type": "object", "value": {}}, "returns": string})]),
            children: vec![
                ChildComponent {
                    name: "limiter".to_owned(),
                    type_of: ChildType::Imported("@convex-dev/rate-limiter".to_owned()),
                },
                ChildComponent {
                    name: "counter".to_owned(),
                    type_of: ChildType::Spelled(vec![
                        json!({"identifier": "lib.js:add", "functionType": "Mutation",
                        "visibility": {"kind": "public"}, "args": {"type": "object", "value": {
                            "row": {"fieldType": {"type": "id", "tableName": "rows"}, "optional": false}}},
                        "returns": string}),
                    ]),
                },
            ],
            sources: Vec::new(),
        };
        insta::assert_snapshot!("generated_typescript", text(&generate(&project, Some(&analysis))?));
        Ok(())
    }

    #[test]
    fn only_what_changed_is_written() -> Result<(), Box<dyn std::error::Error>> {
        let (_folder, project) = project("{}")?;
        let files = generate(&project, None)?;
        write(&project, &files, false)?;
        let path = project.generated().join("api.js");
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(&path)?.set_modified(long_ago)?;
        write(&project, &files, false)?;
        assert_eq!(std::fs::metadata(&path)?.modified()?, long_ago);

        std::fs::write(&path, "mine")?;
        write(&project, &files, true)?;
        assert_eq!(std::fs::read_to_string(&path)?, "mine");
        write(&project, &files, false)?;
        assert_ne!(std::fs::read_to_string(&path)?, "mine");
        Ok(())
    }
}
