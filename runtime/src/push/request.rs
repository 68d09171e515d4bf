//! What clients send: the bodies of `deploy2/*`, read but not yet believed.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::scripts::NodeDependency;
use crate::{Error, Result};

/// A push: the app's definition, schema and modules.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartPushRequest {
    /// Whether nothing is to change.
    #[serde(default)]
    pub dry_run: bool,
    /// The folder of the functions in the project.
    #[serde(default = "functions_folder")]
    pub functions: String,
    /// The app.
    pub app_definition: AppDefinition,
    /// The components it uses.
    #[serde(default)]
    pub component_definitions: Vec<ComponentDefinition>,
    /// What modules for Node.js import from npm.
    #[serde(default)]
    pub node_dependencies: Vec<NodeDependency>,
    /// The version of Node.js the project asks for.
    #[serde(default)]
    pub node_version: Option<String>,
}

/// The app of a push.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppDefinition {
    /// `convex.config.js`.
    #[serde(default)]
    pub definition: Option<ModuleBody>,
    /// The paths of the definitions it imports.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// `schema.js`.
    #[serde(default)]
    pub schema: Option<ModuleBody>,
    /// The modules the server does not have.
    #[serde(default)]
    pub changed_modules: Vec<ModuleBody>,
    /// The modules it has.
    #[serde(default)]
    pub unchanged_module_hashes: Vec<ModuleHash>,
    /// All modules, from clients that do not know hashes.
    #[serde(default)]
    pub functions: Vec<ModuleBody>,
    /// The version of the `convex` package.
    pub udf_server_version: String,
}

/// The definition of a component, with all its modules.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentDefinition {
    /// Its path from the app's functions.
    pub definition_path: String,
    /// `convex.config.js`.
    pub definition: Option<ModuleBody>,
    /// The paths of the definitions it imports.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// `schema.js`.
    #[serde(default)]
    pub schema: Option<ModuleBody>,
    /// Its modules.
    #[serde(default)]
    pub functions: Vec<ModuleBody>,
    /// The version of the `convex` package.
    #[serde(default)]
    pub udf_server_version: String,
}

/// A module.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleBody {
    /// Its path.
    pub path: String,
    /// The JavaScript.
    pub source: String,
    /// Its source map.
    #[serde(default)]
    pub source_map: Option<String>,
    /// `isolate` or `node`; very old clients leave it out.
    #[serde(default)]
    pub environment: Option<String>,
}

impl fmt::Debug for ModuleBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleBody").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A module by its hash.
#[derive(Debug, Deserialize)]
pub struct ModuleHash {
    /// Its path.
    pub path: String,
    /// `isolate` or `node`.
    pub environment: String,
    /// The SHA-256 of source and source map.
    pub sha256: String,
}

/// The end of a push.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishPushRequest {
    /// What the start of the push answered.
    pub start_push: StartPushEcho,
    /// Whether nothing is to change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What the server needs of its own answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartPushEcho {
    /// The environment variables as they were.
    pub environment_variables: BTreeMap<String, String>,
    /// Which push it is.
    pub schema_change: SchemaChangeEcho,
}

/// What names a push in the answers to its start.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaChangeEcho {
    /// Which push it is.
    #[serde(default)]
    pub push_id: Option<String>,
}

/// A question how far a schema has come.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitForSchemaRequest {
    /// Which push it is.
    pub schema_change: SchemaChangeEcho,
    /// How long to wait for a change, in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<f64>,
}

fn functions_folder() -> String {
    "convex/".to_owned()
}

/// Reads a body.
///
/// # Errors
/// `BadJsonBody`.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::bad_request("BadJsonBody", format!("The body of the request cannot be read: {error}."))
    })
}
