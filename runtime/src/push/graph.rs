//! The definitions of a push, which use each other, and the tree of instances they make.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::Definition;
use super::scripts::{ImportedDefinition, ModuleSource, Scripts, Variables};
use crate::database::{EnvironmentBinding, child_path};
use crate::{Error, Result};

/// Most definitions of a push.
const DEFINITIONS_MAX: usize = 256;
/// Most instances of components in a deployment.
const INSTANCES_MAX: usize = 512;

/// A module with a definition, not yet evaluated.
#[derive(Debug)]
pub struct DefinitionModule {
    /// The module.
    pub module: ModuleSource,
    /// The paths of the definitions it imports.
    pub dependencies: Vec<String>,
}

/// An instance of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The names on the way from the app to it.
    pub path: String,
    /// The path of what uses it; `""` is the app.
    pub parent: String,
    /// Its name there.
    pub name: String,
    /// The path of its definition.
    pub definition: String,
    /// Its environment variables.
    pub environment: Vec<(String, EnvironmentBinding)>,
    /// What its HTTP routes stand under in those of its parent.
    pub http_prefix: Option<String>,
}

/// Evaluates definitions, those that are used before those that use them. The app is at the path `""`; it alone sees
/// `variables`.
///
/// # Errors
/// `CyclicImport`; `InvalidDefinition`, with what a module throws.
pub fn evaluate(
    scripts: &dyn Scripts,
    modules: &BTreeMap<String, DefinitionModule>,
    variables: &Variables,
) -> Result<BTreeMap<String, Definition>> {
    if modules.len() > DEFINITIONS_MAX {
        return Err(invalid(format!(
            "This push has {} definitions of components; at most {DEFINITIONS_MAX} are allowed.",
            modules.len()
        )));
    }
    let mut evaluation = Evaluation { scripts, modules, variables, done: BTreeMap::new(), begun: Vec::new() };
    for path in modules.keys() {
        evaluation.evaluate(path)?;
    }
    Ok(evaluation.done.into_iter().map(|(path, (definition, _))| (path, definition)).collect())
}

struct Evaluation<'a> {
    scripts: &'a dyn Scripts,
    modules: &'a BTreeMap<String, DefinitionModule>,
    variables: &'a Variables,
    done: BTreeMap<String, (Definition, ImportedDefinition)>,
    /// The definitions whose dependencies are being evaluated, each used by the one before.
    begun: Vec<&'a str>,
}

impl<'a> Evaluation<'a> {
    fn evaluate(&mut self, path: &'a str) -> Result<()> {
        if self.done.contains_key(path) {
            return Ok(());
        }
        if self.begun.contains(&path) {
            let from = self.begun.iter().position(|begun| *begun == path).unwrap_or_default();
            let names: Vec<_> = self.begun.iter().skip(from).copied().chain([path]).map(named).collect();
            return Err(Error::bad_request(
                "CyclicImport",
                format!("These definitions of components use each other in a circle: {}.", names.join(" → ")),
            ));
        }
        let Some((path, source)) = self.modules.get_key_value(path) else {
            return Err(invalid(format!("The definition {} is missing in this push.", named(path))));
        };
        self.begun.push(path);
        for dependency in &source.dependencies {
            self.evaluate(dependency)?;
        }
        self.begun.pop();
        let imported: Vec<ImportedDefinition> = source
            .dependencies
            .iter()
            .filter_map(|dependency| self.done.get(dependency))
            .map(|(_, imported)| imported.clone())
            .collect();
        let none = Variables::new();
        let variables = if path.is_empty() { self.variables } else { &none };
        let export = self.scripts.evaluate_definition(&source.module, &imported, variables)?;
        let definition = Definition::read(path, export.clone())?;
        for child in &definition.children {
            self.check_child(&definition, &child.path, &child.environment)?;
        }
        let imported =
            ImportedDefinition { path: path.clone(), default_name: definition.name.clone(), export };
        self.done.insert(path.clone(), (definition, imported));
        Ok(())
    }

    /// Fails unless a component that is used is known and gets the variables it requires.
    fn check_child(
        &self,
        user: &Definition,
        path: &str,
        environment: &[(String, EnvironmentBinding)],
    ) -> Result<()> {
        let Some((child, _)) = self.done.get(path).filter(|_| !path.is_empty()) else {
            return Err(invalid(format!(
                "{} uses the component {}, which is not among its dependencies.",
                named(&user.path),
                named(path)
            )));
        };
        let is_bound = |name: &str| environment.iter().any(|(bound, _)| bound == name);
        let missing: Vec<_> = child.required_variables().filter(|name| !is_bound(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(invalid(format!(
            "{} must give the component {} these environment variables: {}. Write `use(component, {{ env: {{ .. }} }})`.",
            named(&user.path),
            named(path),
            missing.join(", ")
        )))
    }
}

/// All instances of components, parents before children.
///
/// # Errors
/// `InvalidDefinition` if there are too many.
pub fn instances(definitions: &BTreeMap<String, Definition>) -> Result<Vec<Instance>> {
    let mut instances: Vec<Instance> = Vec::new();
    // The place of an instance in the list and what its definition is.
    let mut open: Vec<(String, &Definition)> =
        definitions.get("").map(|app| (String::new(), app)).into_iter().collect();
    while let Some((parent, definition)) = open.pop() {
        for child in &definition.children {
            if instances.len() >= INSTANCES_MAX {
                return Err(invalid(format!(
                    "The components of this app use each other so often that there would be more than {INSTANCES_MAX} of them."
                )));
            }
            let path = child_path(&parent, &child.name);
            let mounted = definition.http_mounts.iter().find(|(_, name)| **name == child.name);
            instances.push(Instance {
                path: path.clone(),
                parent: parent.clone(),
                name: child.name.clone(),
                definition: child.path.clone(),
                environment: child.environment.clone(),
                http_prefix: mounted.map(|(prefix, _)| prefix.clone()),
            });
            open.extend(definitions.get(&child.path).map(|definition| (path, definition)));
        }
    }
    instances.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(instances)
}

/// The definitions of which there are instances.
pub fn used(instances: &[Instance]) -> BTreeSet<&str> {
    instances.iter().map(|instance| instance.definition.as_str()).chain([""]).collect()
}

fn named(path: &str) -> &str {
    if path.is_empty() { "the app" } else { path }
}

fn invalid(message: String) -> Error {
    Error::bad_request("InvalidDefinition", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::js::Environment;
    use crate::push::testing::FakeScripts;

    /// Definitions by path: the fields of each and the paths it imports.
    fn modules(all: &[(&str, Json, &[&str])]) -> BTreeMap<String, DefinitionModule> {
        let module = |(path, definition, dependencies): &(&str, Json, &[&str])| {
            let mut definition = definition.clone();
            let name = path.rsplit('/').next();
            definition["definitionType"] = match *path {
                "" => json!({"type": "app"}),
                _ => json!({"type": "childComponent", "name": name, "args": []}),
            };
            let module = ModuleSource {
                path: "convex.config.js".to_owned(),
                source: json!({"definition": definition}).to_string(),
                source_map: None,
                environment: Environment::Isolate,
            };
            let dependencies = dependencies.iter().map(|path| (*path).to_owned()).collect();
            ((*path).to_owned(), DefinitionModule { module, dependencies })
        };
        all.iter().map(module).collect()
    }

    fn uses(children: &[(&str, &str)]) -> Json {
        let child = |(name, path): &(&str, &str)| json!({"name": name, "path": path, "args": []});
        json!({"childComponents": children.iter().map(child).collect::<Vec<_>>()})
    }

    fn refused(all: &[(&str, Json, &[&str])]) -> Error {
        evaluate(&FakeScripts, &modules(all), &Variables::new()).unwrap_err()
    }

    #[test]
    fn a_definition_may_be_used_often_and_at_any_depth() {
        let all = modules(&[
            ("", uses(&[("one", "c/a"), ("two", "c/a"), ("b", "c/b")]), &["c/a", "c/b"]),
            ("c/a", uses(&[("inner", "c/b")]), &["c/b"]),
            ("c/b", uses(&[]), &[]),
            ("c/unused", uses(&[]), &[]),
        ]);
        let definitions = evaluate(&FakeScripts, &all, &Variables::new()).unwrap();
        assert_eq!(definitions.len(), 4);
        let instances = instances(&definitions).unwrap();
        let described: Vec<_> = instances
            .iter()
            .map(|instance| (&*instance.path, &*instance.parent, &*instance.name, &*instance.definition))
            .collect();
        assert_eq!(
            described,
            [
                ("b", "", "b", "c/b"),
                ("one", "", "one", "c/a"),
                ("one/inner", "one", "inner", "c/b"),
                ("two", "", "two", "c/a"),
                ("two/inner", "two", "inner", "c/b"),
            ]
        );
        assert_eq!(used(&instances).into_iter().collect::<Vec<_>>(), ["", "c/a", "c/b"]);
    }

    #[test]
    fn circles_and_gaps_are_refused() {
        let error = refused(&[
            ("", uses(&[("a", "a")]), &["a"]),
            ("a", uses(&[("b", "b")]), &["b"]),
            ("b", uses(&[("a", "a")]), &["a"]),
        ]);
        assert_eq!(error.code(), "CyclicImport");
        assert!(error.message().contains("a → b → a"), "{error}");
        let error = refused(&[("", uses(&[("a", "a")]), &["a"])]);
        assert_eq!(error.code(), "InvalidDefinition");
        assert!(error.message().contains("a is missing"), "{error}");
        let error = refused(&[("", uses(&[("a", "a")]), &[])]);
        assert!(error.message().contains("not among its dependencies"), "{error}");
        let declares = json!({"envVars": [["KEY", {"type": "value", "value": "{\"type\":\"string\"}"}]]});
        let error = refused(&[("", uses(&[("a", "a")]), &["a"]), ("a", declares, &[])]);
        assert!(error.message().contains("environment variables: KEY"), "{error}");
    }

    #[test]
    fn the_number_of_instances_is_bounded() {
        let paths: Vec<String> = (0..12).map(|n| format!("d{n}")).collect();
        let mut all = vec![("", uses(&[("a", "d0")]), vec!["d0"])];
        for (n, path) in paths.iter().enumerate() {
            let next = paths.get(n + 1).map(String::as_str);
            let children: Vec<_> = next.iter().flat_map(|next| [("a", *next), ("b", *next)]).collect();
            all.push((path, uses(&children), next.into_iter().collect()));
        }
        let all: Vec<_> = all.iter().map(|(path, json, deps)| (*path, json.clone(), &deps[..])).collect();
        let definitions = evaluate(&FakeScripts, &modules(&all), &Variables::new()).unwrap();
        assert!(instances(&definitions).unwrap_err().message().contains("more than 512"));
    }
}
