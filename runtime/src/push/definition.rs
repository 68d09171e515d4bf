//! The app's definition: what `convex.config.js` exports.
//!
//! Deliberately absent: components; an app that uses some is refused until they can be served.

use serde_json::{Map, Value as Json, json};

use super::request::StartPushRequest;
use crate::{Error, Result};

/// A definition that was evaluated.
#[derive(Clone, Debug)]
pub struct Definition {
    /// As responses have it.
    pub json: Json,
    /// The environment variables that the app declares as required.
    pub required_variables: Vec<String>,
}

/// Fails if a push brings components.
///
/// # Errors
/// `InvalidConvexConfig`.
pub fn refuse_components(request: &StartPushRequest) -> Result<()> {
    if request.component_definitions.is_empty() && request.app_definition.dependencies.is_empty() {
        return Ok(());
    }
    Err(no_components())
}

fn no_components() -> Error {
    Error::bad_request(
        "InvalidConvexConfig",
        "This app uses components in convex.config.ts. Components are not available in this version of Fusion yet; remove `app.use(..)` to push the rest.",
    )
}

impl Definition {
    /// The definition of an app that has none.
    pub fn empty() -> Self {
        Self { json: complete(Map::new()), required_variables: Vec::new() }
    }

    /// Reads what the module exported.
    ///
    /// # Errors
    /// `InvalidConvexConfig` if it is no definition of an app, or uses components.
    pub fn read(json: Json) -> Result<Self> {
        let invalid = |what: &str| {
            Error::bad_request("InvalidConvexConfig", format!("convex.config.ts is not valid: {what}"))
        };
        let Json::Object(fields) = json else {
            return Err(invalid("its default export must be made with defineApp()."));
        };
        let kind = fields.get("definitionType").and_then(|kind| kind.get("type")).and_then(Json::as_str);
        if kind.is_some_and(|kind| kind != "app") {
            return Err(invalid("the root must be made with defineApp(), not with defineComponent()."));
        }
        let has = |name: &str| match fields.get(name) {
            Some(Json::Array(list)) => !list.is_empty(),
            Some(Json::Object(map)) => !map.is_empty(),
            _ => false,
        };
        if has("childComponents") || has("httpMounts") {
            return Err(no_components());
        }
        let mut required_variables = Vec::new();
        for variable in fields.get("envVars").and_then(Json::as_array).into_iter().flatten() {
            let name = variable.get(0).and_then(Json::as_str);
            let name = name.ok_or_else(|| invalid("an environment variable has no name."))?;
            let is_optional = variable.get(1).and_then(|how| how.get("optional")).and_then(Json::as_bool);
            if !is_optional.unwrap_or(false) {
                required_variables.push(name.to_owned());
            }
        }
        required_variables.sort_unstable();
        Ok(Self { json: complete(fields), required_variables })
    }
}

/// A definition with every field that clients require.
fn complete(mut fields: Map<String, Json>) -> Json {
    fields.insert("path".to_owned(), "".into());
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
pub fn check_variables(required: &[String], is_set: impl Fn(&str) -> bool) -> Result<()> {
    let missing: Vec<&str> = required.iter().map(String::as_str).filter(|name| !is_set(name)).collect();
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

    #[test]
    fn definitions_are_completed_and_components_refused() {
        let definition = Definition::read(json!({
            "definitionType": {"type": "app"}, "childComponents": [], "httpMounts": {},
            "envVars": [["B", {"type": "value", "value": "{\"type\":\"string\"}", "optional": false}],
                        ["A", {"type": "value", "value": "{\"type\":\"string\"}"}],
                        ["C", {"type": "value", "value": "{\"type\":\"string\"}", "optional": true}]],
        }))
        .unwrap();
        assert_eq!(definition.required_variables, ["A", "B"]);
        assert_eq!(definition.json["path"], "");
        assert_eq!(definition.json["exports"]["type"], "branch");
        for (json, words) in [
            (json!({"childComponents": [{"name": "limiter"}]}), "Components are not available"),
            (json!({"httpMounts": {"/a/": "_reference/childComponent/a"}}), "Components are not available"),
            (json!({"definitionType": {"type": "childComponent"}}), "defineApp()"),
            (json!(null), "defineApp()"),
        ] {
            let error = Definition::read(json).unwrap_err();
            assert_eq!(error.code(), "InvalidConvexConfig");
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn missing_variables_are_named_as_clients_look_for_them() {
        let required = ["A".to_owned(), "B".to_owned(), "C".to_owned()];
        assert!(check_variables(&required, |_| true).is_ok());
        let error = check_variables(&required, |name| name == "B").unwrap_err();
        assert_eq!(error.code(), "MissingEnvironmentVariables");
        assert!(error.message().contains("are not set: A, C."), "{error}");
    }
}
