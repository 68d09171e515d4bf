//! What a push sends and gets, as JSON. Fields of answers that nothing here needs are left out, except of the answer to
//! `start_push`, which goes back as it came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::bundle::{Environment, Module, NodeDependency};

/// What `get_config_hashes` answers: the modules that are there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigHashes {
    #[serde(default)]
    pub(super) module_hashes: Vec<ModuleHash>,
}

/// A module that is there.
#[derive(Debug, Deserialize)]
pub(super) struct ModuleHash {
    pub(super) path: String,
    pub(super) hash: String,
    #[serde(default)]
    pub(super) environment: String,
}

/// The body of `start_push` and `evaluate_push`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartPush<'a> {
    pub(super) admin_key: &'a str,
    pub(super) dry_run: bool,
    pub(super) functions: &'a str,
    pub(super) app_definition: AppDefinition<'a>,
    pub(super) component_definitions: Vec<ComponentDefinition<'a>>,
    pub(super) node_dependencies: &'a [NodeDependency],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node_version: Option<&'a str>,
    pub(super) for_codegen: bool,
}

/// An app: everything that is bundled.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppDefinition<'a> {
    pub(super) definition: &'a Module,
    pub(super) dependencies: &'a [String],
    pub(super) schema: Option<&'a Module>,
    pub(super) changed_modules: Vec<&'a Module>,
    pub(super) unchanged_module_hashes: Vec<UnchangedModule<'a>>,
    pub(super) udf_server_version: &'a str,
}

/// A component: everything that is bundled.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentDefinition<'a> {
    pub(super) definition_path: &'a str,
    pub(super) definition: &'a Module,
    pub(super) dependencies: &'a [String],
    pub(super) schema: Option<&'a Module>,
    pub(super) functions: &'a [Module],
    pub(super) udf_server_version: &'a str,
}

/// A module that is there and stays as it is.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct UnchangedModule<'a> {
    pub(super) path: &'a str,
    pub(super) environment: Environment,
    pub(super) sha256: String,
}

/// What waiting for the schema answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub(super) enum SchemaStatus {
    /// It goes on: how far each component is.
    InProgress { components: BTreeMap<String, ComponentStatus> },
    /// Data does not match the schema.
    Failed { error: String, component_path: String, table_name: Option<String> },
    /// Another push has taken its place.
    RaceDetected,
    /// All is checked and filled.
    Complete,
}

/// How far a component is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentStatus {
    pub(super) schema_validation_complete: bool,
    pub(super) indexes_complete: u64,
    pub(super) indexes_total: u64,
}

/// How the indexes of an app change.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IndexDiff {
    pub(super) added_indexes: Vec<Index>,
    pub(super) removed_indexes: Vec<Index>,
    pub(super) enabled_indexes: Vec<Index>,
    pub(super) disabled_indexes: Vec<Index>,
}

/// An index: `name` is that of its table, a dot and its own.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) fields: Vec<String>,
    pub(super) search_field: Option<String>,
    pub(super) vector_field: Option<String>,
    pub(super) dimensions: Option<Json>,
    pub(super) filter_fields: Vec<String>,
    pub(super) staged: bool,
}

impl IndexDiff {
    /// That of the app in a `schemaChange`.
    pub(super) fn of(schema_change: &Json) -> Self {
        let diff = schema_change.pointer("/indexDiffs/").cloned().unwrap_or_default();
        // What cannot be read is not shown.
        serde_json::from_value(diff).unwrap_or_default()
    }
}

/// The modules of a bundle that a deployment has and those it has not.
pub(super) fn partition<'a>(
    modules: &'a [Module],
    known: &[ModuleHash],
) -> (Vec<UnchangedModule<'a>>, Vec<&'a Module>) {
    let known: BTreeMap<_, _> = known.iter().map(|module| (module.path.as_str(), module)).collect();
    let (mut unchanged, mut changed) = (Vec::new(), Vec::new());
    for module in modules {
        let environment = match module.environment {
            Environment::Isolate => "isolate",
            Environment::Node => "node",
        };
        let hash = module.hash();
        let same = known
            .get(module.path.as_str())
            .is_some_and(|known| known.hash == hash && known.environment == environment);
        if same {
            unchanged.push(UnchangedModule {
                path: &module.path,
                environment: module.environment,
                sha256: hash,
            });
        } else {
            changed.push(module);
        }
    }
    (unchanged, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_that_changed_are_sent() {
        let module = |path: &str, source: &str, environment| Module {
            path: path.to_owned(),
            source: source.to_owned(),
            source_map: None,
            environment,
        };
        let modules = [
            module("same.js", "1", Environment::Isolate),
            module("changed.js", "2", Environment::Isolate),
            module("moved.js", "1", Environment::Node),
            module("new.js", "1", Environment::Isolate),
        ];
        let known = |path: &str| ModuleHash {
            path: path.to_owned(),
            hash: modules[0].hash(),
            environment: "isolate".to_owned(),
        };
        let known = [known("same.js"), known("changed.js"), known("moved.js"), known("gone.js")];
        let (unchanged, changed) = partition(&modules, &known);
        assert_eq!(unchanged.iter().map(|module| module.path).collect::<Vec<_>>(), ["same.js"]);
        assert_eq!(
            changed.iter().map(|module| module.path.as_str()).collect::<Vec<_>>(),
            ["changed.js", "moved.js", "new.js"]
        );
    }

    #[test]
    fn statuses_are_read() -> Result<(), serde_json::Error> {
        let status: SchemaStatus = serde_json::from_str(
            r#"{"type":"failed","error":"no","componentPath":"","tableName":"messages"}"#,
        )?;
        assert!(
            matches!(status, SchemaStatus::Failed { table_name: Some(table), .. } if table == "messages")
        );
        let status: SchemaStatus = serde_json::from_str(
            r#"{"type":"inProgress","components":{"":{"schemaValidationComplete":false,"indexesComplete":1,"indexesTotal":3}}}"#,
        )?;
        assert!(
            matches!(status, SchemaStatus::InProgress { components } if components[""].indexes_total == 3)
        );
        assert!(matches!(serde_json::from_str(r#"{"type":"complete"}"#)?, SchemaStatus::Complete));
        assert!(matches!(serde_json::from_str(r#"{"type":"raceDetected"}"#)?, SchemaStatus::RaceDetected));
        Ok(())
    }
}
