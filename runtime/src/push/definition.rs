//! A definition of the app or of a component: what a `convex.config.js` exports.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::database::EnvironmentBinding;
use crate::{Error, Result};

/// What a mount leads to.
const CHILD_REFERENCE: &str = "_reference/childComponent/";

/// A definition that was evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Where it is, from the app's functions; `""` for the app.
    pub path: String,
    /// As responses have it.
    pub json: Json,
    /// The name of its instances that are given none; `""` for the app.
    pub name: String,
    /// The components it uses.
    pub children: Vec<Child>,
    /// What the app's own HTTP routes stand under.
    pub http_prefix: Option<String>,
    /// The components whose HTTP routes it mounts, by what they stand under.
    pub http_mounts: BTreeMap<String, String>,
    /// The environment variables it declares.
    pub variables: Vec<Variable>,
}

/// A component that a definition uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The name of the instance.
    pub name: String,
    /// The path of its definition.
    pub path: String,
    /// Its environment variables.
    pub environment: Vec<(String, EnvironmentBinding)>,
}

/// An environment variable that a definition declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether it may be missing.
    pub is_optional: bool,
}

impl Definition {
    /// The definition of an app that has none.
    pub fn empty() -> Self {
        Self {
            path: String::new(),
            json: complete(Map::new(), ""),
            name: String::new(),
            children: Vec::new(),
            http_prefix: None,
            http_mounts: BTreeMap::new(),
            variables: Vec::new(),
        }
    }

    /// Reads what a module exported; the app is at the path `""`.
    ///
    /// # Errors
    /// `InvalidDefinition` if it is no definition of its kind.
    pub fn read(path: &str, json: Json) -> Result<Self> {
        let reader = Reader { path };
        let Json::Object(fields) = json else {
            return Err(
                reader.invalid("its default export must be made with defineApp() or defineComponent().")
            );
        };
        let kind = fields.get("definitionType");
        let name = match (kind.and_then(|kind| kind.get("type")).and_then(Json::as_str), path) {
            (None | Some("app"), "") => String::new(),
            (_, "") => {
                return Err(
                    reader.invalid("the app must be made with defineApp(), not with defineComponent().")
                );
            }
            (Some("childComponent"), _) => reader.component_name(kind.and_then(|kind| kind.get("name")))?,
            _ => {
                return Err(
                    reader.invalid("a component must be made with defineComponent(), not with defineApp().")
                );
            }
        };
        let http_prefix = match fields.get("httpPrefix") {
            None | Some(Json::Null) => None,
            Some(prefix) => Some(reader.http_prefix(prefix.as_str().unwrap_or_default())?),
        };
        let children = reader.children(fields.get("childComponents"))?;
        let http_mounts = reader.http_mounts(fields.get("httpMounts"), &children)?;
        let variables = reader.variables(fields.get("envVars"))?;
        let json = complete(fields, path);
        Ok(Self { path: path.to_owned(), json, name, children, http_prefix, http_mounts, variables })
    }

    /// The names of the variables that must be set.
    pub fn required_variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().filter(|variable| !variable.is_optional).map(|variable| variable.name.as_str())
    }

    /// Says in its description what the component exports.
    pub fn set_exports(&mut self, exports: Json) {
        if let Json::Object(fields) = &mut self.json {
            fields.insert("exports".to_owned(), exports);
        }
    }
}

/// Reads the parts of one definition.
struct Reader<'a> {
    path: &'a str,
}

impl Reader<'_> {
    fn invalid(&self, what: &str) -> Error {
        let file = if self.path.is_empty() {
            "convex.config".to_owned()
        } else {
            format!("{}/convex.config", self.path)
        };
        Error::bad_request("InvalidDefinition", format!("{file} is not valid: {what}"))
    }

    fn component_name(&self, name: Option<&Json>) -> Result<String> {
        let name = name.and_then(Json::as_str).unwrap_or_default();
        let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let is_valid = name.bytes().next().is_some_and(is_start)
            && name.bytes().all(|byte| is_start(byte) || byte.is_ascii_digit())
            && name.len() <= 64;
        if is_valid {
            return Ok(name.to_owned());
        }
        Err(self.invalid(&format!(
            "\"{name}\" is no name of a component. Use letters, digits and underscores, and begin with a letter."
        )))
    }

    fn http_prefix(&self, prefix: &str) -> Result<String> {
        let is_valid = prefix.starts_with('/') && prefix.ends_with('/') && !prefix.contains(['*', '?', '#']);
        if is_valid {
            return Ok(prefix.to_owned());
        }
        Err(self.invalid(&format!("the prefix \"{prefix}\" of HTTP routes must begin and end with \"/\".")))
    }

    fn children(&self, list: Option<&Json>) -> Result<Vec<Child>> {
        let mut names = BTreeSet::new();
        let mut children = Vec::new();
        for child in list.and_then(Json::as_array).into_iter().flatten() {
            let name = self.component_name(child.get("name"))?;
            if !names.insert(name.clone()) {
                return Err(self.invalid(&format!(
                    "two components are named \"{name}\". Give one of them another name: `use(component, {{ name: \"..\" }})`."
                )));
            }
            let path = child.get("path").and_then(Json::as_str).filter(|path| !path.is_empty());
            let path = path.ok_or_else(|| self.invalid(&format!("the component \"{name}\" has no path.")))?;
            let environment = child.get("env").and_then(Json::as_array).into_iter().flatten();
            let environment = environment.map(|entry| self.binding(&name, entry)).collect::<Result<_>>()?;
            children.push(Child { path: path.to_owned(), environment, name });
        }
        Ok(children)
    }

    fn binding(&self, child: &str, entry: &Json) -> Result<(String, EnvironmentBinding)> {
        let how = entry.get(1);
        let text = |name: &str| how.and_then(|how| how.get(name)).and_then(Json::as_str).map(str::to_owned);
        let name = entry.get(0).and_then(Json::as_str);
        let binding = match text("type").as_deref() {
            Some("value") => text("value").map(EnvironmentBinding::Value),
            Some("envVar") => text("name").map(EnvironmentBinding::Variable),
            _ => None,
        };
        match (name, binding) {
            (Some(name), Some(binding)) => Ok((name.to_owned(), binding)),
            _ => Err(self.invalid(&format!("an environment variable of \"{child}\" cannot be read."))),
        }
    }

    fn http_mounts(&self, mounts: Option<&Json>, children: &[Child]) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        for (prefix, reference) in mounts.and_then(Json::as_object).into_iter().flatten() {
            let name = reference.as_str().and_then(|reference| reference.strip_prefix(CHILD_REFERENCE));
            let child = name.filter(|name| children.iter().any(|child| child.name == *name));
            let child = child.ok_or_else(|| {
                self.invalid(&format!("the HTTP routes under \"{prefix}\" belong to no component it uses."))
            })?;
            found.insert(self.http_prefix(prefix)?, child.to_owned());
        }
        Ok(found)
    }

    fn variables(&self, list: Option<&Json>) -> Result<Vec<Variable>> {
        let mut variables = Vec::new();
        for variable in list.and_then(Json::as_array).into_iter().flatten() {
            let name = variable.get(0).and_then(Json::as_str);
            let name = name.ok_or_else(|| self.invalid("an environment variable has no name."))?;
            let validator = variable.get(1).and_then(|how| how.get("value")).and_then(Json::as_str);
            let validator = validator.and_then(|text| serde_json::from_str(text).ok());
            if !validator.as_ref().is_some_and(is_string_like) {
                return Err(self.invalid(&format!(
                    "the environment variable {name} must be a string: v.string(), a v.literal(\"..\") or a union of these."
                )));
            }
            let is_optional = variable.get(1).and_then(|how| how.get("optional")).and_then(Json::as_bool);
            variables.push(Variable { name: name.to_owned(), is_optional: is_optional.unwrap_or(false) });
        }
        variables.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(variables)
    }
}

/// Whether a validator (as JSON) accepts strings only.
fn is_string_like(validator: &Json) -> bool {
    match validator.get("type").and_then(Json::as_str) {
        Some("string") => true,
        Some("literal") => validator.get("value").is_some_and(Json::is_string),
        Some("union") => {
            validator.get("value").and_then(Json::as_array).is_some_and(|all| all.iter().all(is_string_like))
        }
        _ => false,
    }
}

/// A definition with every field that clients require.
fn complete(mut fields: Map<String, Json>, path: &str) -> Json {
    fields.insert("path".to_owned(), path.into());
    for (name, default) in [
        ("definitionType", json!({"type": "app"})),
        ("childComponents", json!([])),
        ("httpMounts", json!({})),
        ("exports", json!({"type": "branch", "branch": []})),
    ] {
        fields.entry(name).or_insert(default);
    }
    Json::Object(fields)
}

/// Fails unless all required variables are set.
///
/// # Errors
/// `MissingEnvironmentVariables`, in the words in which clients look for the names.
pub fn check_variables<'a>(
    required: impl Iterator<Item = &'a str>,
    is_set: impl Fn(&str) -> bool,
) -> Result<()> {
    let missing: Vec<&str> = required.filter(|name| !is_set(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::bad_request(
        "MissingEnvironmentVariables",
        format!(
            "Environment variables that convex.config.ts requires are not set: {}. Set them with `npx convex env set NAME VALUE`.",
            missing.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRING: &str = "{\"type\":\"string\"}";

    #[test]
    fn definitions_are_completed() {
        let definition = Definition::read(
            "",
            json!({
                "definitionType": {"type": "app"},
                "httpPrefix": "/api/",
                "childComponents": [{"name": "limiter", "path": "../limiter", "args": [],
                    "env": [["URL", {"type": "value", "value": "https://x"}], ["KEY", {"type": "envVar", "name": "B"}]]}],
                "httpMounts": {"/lim/": "_reference/childComponent/limiter"},
                "envVars": [["B", {"type": "value", "value": STRING, "optional": false}],
                            ["A", {"type": "value", "value": STRING}],
                            ["C", {"type": "value", "value": STRING, "optional": true}]],
            }),
        )
        .unwrap();
        assert_eq!(definition.required_variables().collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(definition.json["path"], "");
        assert_eq!(definition.json["exports"]["type"], "branch");
        assert_eq!(definition.http_mounts["/lim/"], "limiter");
        assert_eq!(definition.http_prefix.as_deref(), Some("/api/"));
        let [child] = &definition.children[..] else { panic!("one child: {definition:?}") };
        assert_eq!((child.name.as_str(), child.path.as_str()), ("limiter", "../limiter"));
        assert_eq!(
            child.environment,
            [
                ("URL".to_owned(), EnvironmentBinding::Value("https://x".to_owned())),
                ("KEY".to_owned(), EnvironmentBinding::Variable("B".to_owned())),
            ]
        );
        let component = json!({"definitionType": {"type": "childComponent", "name": "counter", "args": []}});
        assert_eq!(Definition::read("../counter", component).unwrap().name, "counter");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let child = |name: &str| json!({"name": name, "path": "x"});
        let number = json!([["A", {"type": "value", "value": "{\"type\":\"number\"}"}]]);
        let component = json!({"definitionType": {"type": "childComponent", "name": "a"}});
        for (path, json, words) in [
            ("", json!(null), "defineApp()"),
            ("", component.clone(), "defineApp()"),
            ("x", json!({"definitionType": {"type": "app"}}), "x/convex.config is not valid"),
            ("x", json!({"definitionType": {"type": "childComponent", "name": "a-b"}}), "\"a-b\" is no name"),
            ("", json!({"childComponents": [child("a"), child("a")]}), "two components are named \"a\""),
            ("", json!({"childComponents": [child("")]}), "is no name"),
            (
                "",
                json!({"childComponents": [{"name": "a", "path": "x", "env": [["A", {"type": "?"}]]}]}),
                "of \"a\"",
            ),
            ("", json!({"httpMounts": {"/a/": "_reference/childComponent/a"}}), "belong to no component"),
            ("", json!({"httpPrefix": "api"}), "must begin and end"),
            ("", json!({"envVars": number}), "must be a string"),
        ] {
            let error = Definition::read(path, json).unwrap_err();
            assert_eq!(error.code(), "InvalidDefinition");
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn missing_variables_are_named_as_clients_look_for_them() {
        let required = ["A", "B", "C"];
        assert!(check_variables(required.into_iter(), |_| true).is_ok());
        let error = check_variables(required.into_iter(), |name| name == "B").unwrap_err();
        assert_eq!(error.code(), "MissingEnvironmentVariables");
        assert!(error.message().contains("are not set: A, C."), "{error}");
    }
}
