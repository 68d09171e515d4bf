//! What a push finds out about an app and its components, as far as the generated files show it.

use serde_json::{Value as Json, json};

use crate::bundle::Components;
use crate::codegen::{Analysis, ChildComponent, ChildType, EnvironmentVariable, SourceComponent};
use crate::failure::{Failure, Result};
use crate::project::Project;

/// Reads the answer to the start of a push.
pub(super) fn analysis(project: &Project, components: &Components, started: &Json) -> Result<Analysis> {
    let reader = Reader { project, components, definitions: started.get("analysis").unwrap_or(&Json::Null) };
    let mut app = reader.definition("")?;
    for component in components.list.iter().filter(|component| component.is_source()) {
        // One that nobody uses is not evaluated.
        if reader.definitions.get(&component.path).is_some() {
            app.sources.push(SourceComponent {
                folder: component.folder.clone(),
                analysis: reader.definition(&component.path)?,
                exports: reader.functions(&component.path),
            });
        }
    }
    Ok(app)
}

struct Reader<'a> {
    project: &'a Project,
    components: &'a Components,
    /// By the path of each definition.
    definitions: &'a Json,
}

impl Reader<'_> {
    fn definition(&self, path: &str) -> Result<Analysis> {
        let bad = || Failure::new("the server's analysis of the app cannot be read");
        let definition = &self.definitions[path]["definition"];
        let mut environment = Vec::new();
        for variable in definition["envVars"].as_array().into_iter().flatten() {
            let name = variable.get(0).and_then(Json::as_str).ok_or_else(bad)?;
            let declared = variable.get(1).ok_or_else(bad)?;
            let variable = EnvironmentVariable {
                validator: parsed(&declared["value"]).ok_or_else(bad)?,
                is_optional: declared["optional"] == true,
            };
            environment.push((name.to_owned(), variable));
        }
        let mut children = Vec::new();
        for child in definition["childComponents"].as_array().into_iter().flatten() {
            let (name, path) =
                (child["name"].as_str().ok_or_else(bad)?, child["path"].as_str().ok_or_else(bad)?);
            children.push(ChildComponent { name: name.to_owned(), type_of: self.type_of(path) });
        }
        let functions = self.project.settings.codegen.static_api.then(|| self.functions(path));
        Ok(Analysis { environment, functions, children, sources: Vec::new() })
    }

    fn type_of(&self, path: &str) -> ChildType {
        if self.project.settings.codegen.legacy_component_api {
            return ChildType::Spelled(self.functions(path));
        }
        let specifier = self.components.get(path).and_then(|component| component.specifier.as_deref());
        // What is imported by its place may be imported from another place.
        let specifier = specifier.filter(|specifier| !specifier.starts_with('.') && *specifier != path);
        ChildType::Imported(specifier.map_or_else(|| format!("../{path}"), str::to_owned))
    }

    /// The functions of a definition in the form of `function-spec`.
    fn functions(&self, path: &str) -> Vec<Json> {
        let modules = self.definitions[path]["functions"].as_object().into_iter().flatten();
        let in_module = |(path, module): (&String, &Json)| {
            let path = path.clone();
            let functions = module["functions"].as_array().cloned().unwrap_or_default();
            functions.into_iter().map(move |function| {
                json!({
                    "identifier": format!("{path}:{}", function["name"].as_str().unwrap_or_default()),
                    "functionType": function["udfType"],
                    "visibility": function["visibility"],
                    "args": parsed(&function["args"]),
                    "returns": parsed(&function["returns"]),
                })
            })
        };
        modules.flat_map(in_module).collect()
    }
}

/// JSON that is in a string of JSON.
fn parsed(text: &Json) -> Option<Json> {
    serde_json::from_str(text.as_str()?).ok()
}
