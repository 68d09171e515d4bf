//! What the endpoints of a push answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::finish::Changes;
use super::graph::Instance;
use super::pending::{Pending, SchemaStatus};
use super::prepare::{Prepared, node_dependencies};
use super::scripts::dependencies_id;
use crate::auth::Provider;
use crate::system::components::MountChange;
use crate::system::modules::ModuleChanges;

/// The answer to the start of a push.
pub(super) fn started(pending: &Pending) -> Json {
    let prepared = &pending.prepared;
    let packages: Map<String, Json> = prepared.code.keys().map(|path| (path.clone(), json!({}))).collect();
    let schema_ids: Map<String, Json> = prepared
        .schemas
        .keys()
        .map(|path| (path.clone(), pending.schemas.get(path).map(ToString::to_string).into()))
        .collect();
    let diffs: Map<String, Json> =
        prepared.schemas.iter().map(|(path, schema)| (path.clone(), schema.indexes.to_json())).collect();
    json!({
        "environmentVariables": prepared.variables,
        "externalDepsId": dependencies_id(&node_dependencies(&prepared.config)),
        "componentDefinitionPackages": packages,
        "appAuth": prepared.providers.iter().map(Provider::to_json).collect::<Vec<_>>(),
        "analysis": analysis(prepared),
        "app": instance(prepared, None),
        "schemaChange": {
            "allocatedComponentIds": pending.allocated,
            "schemaIds": schema_ids,
            "indexDiffs": diffs,
            "pushId": pending.id,
        },
        "shadowed": prepared.shadowed.to_json(),
    })
}

/// What is known of each definition.
fn analysis(prepared: &Prepared) -> Json {
    let encoded = |value: &fusion_schema::Value| -> Json {
        // Written by ourselves.
        serde_json::from_str(&fusion_schema::json::encode(value)).unwrap_or_default()
    };
    let described = prepared.definitions.iter().filter_map(|(path, definition)| {
        let code = prepared.code.get(path)?;
        let seed = fusion_schema::Value::Bytes(code.config.import_phase_rng_seed.to_vec());
        let time = fusion_schema::Value::Int64(code.config.import_phase_unix_ms as i64);
        let schema = prepared
            .instances
            .iter()
            .find(|instance| instance.definition == *path)
            .map_or("", |instance| instance.path.as_str());
        let described = json!({
            "definition": definition.json,
            "schema": prepared.schemas.get(schema).and_then(|schema| schema.json.as_ref()),
            "functions": code.descriptions(),
            "udfConfig": {
                "serverVersion": code.config.server_version,
                "importPhaseRngSeed": encoded(&seed),
                "importPhaseUnixTimestamp": encoded(&time),
            },
        });
        Some((path.clone(), described))
    });
    Json::Object(described.collect())
}

/// An instance with all below it; `None` is the app.
fn instance(prepared: &Prepared, this: Option<&Instance>) -> Json {
    let (path, definition) = this.map_or(("", ""), |this| (&*this.path, &*this.definition));
    let children = prepared.instances.iter().filter(|child| child.parent == path);
    let children: Map<String, Json> =
        children.map(|child| (child.name.clone(), instance(prepared, Some(child)))).collect();
    let code = prepared.code.get(definition);
    let mounts = prepared.definitions.get(definition).map(|definition| definition.http_mounts.keys());
    let exports = code.filter(|_| this.is_some()).map(|code| code.exports().of_instance(path));
    json!({
        "definitionPath": definition,
        "componentPath": path,
        "args": {},
        "childComponents": children,
        "httpRoutes": {
            "httpModuleRoutes": code.and_then(super::code::Code::routes),
            "mounts": mounts.into_iter().flatten().collect::<Vec<_>>(),
        },
        "exports": exports.unwrap_or_else(|| json!({})),
    })
}

/// The answer to a question how far the schemas are.
pub(super) fn waited(pending: &Pending, status: SchemaStatus) -> Json {
    match status {
        SchemaStatus::Complete => json!({"type": "complete"}),
        SchemaStatus::Overtaken => json!({"type": "raceDetected"}),
        SchemaStatus::Failed(violation) => json!({
            "type": "failed", "error": violation.message, "componentPath": pending.path_of(violation.component),
            "tableName": violation.table,
        }),
        SchemaStatus::InProgress(components) => {
            let components = components.into_iter().map(|(component, progress)| {
                let progress = json!({
                    "schemaValidationComplete": progress.is_validated,
                    "indexesComplete": progress.indexes_complete,
                    "indexesTotal": progress.indexes_total,
                });
                (pending.path_of(component).to_owned(), progress)
            });
            json!({"type": "inProgress", "components": components.collect::<Map<_, _>>()})
        }
    }
}

/// What `finish_push` answers about modules.
fn module_diff(changes: &ModuleChanges) -> Json {
    json!({"added": changes.added, "removed": changes.removed, "changed": changes.changed})
}

/// The answer to the end of a push.
pub(super) fn finished(pending: &Pending, changes: &Changes) -> Json {
    let prepared = &pending.prepared;
    let former = changes.former_config.as_ref();
    let texts = |list: &str| -> Vec<String> {
        let list: Vec<Json> = serde_json::from_str(list).unwrap_or_default();
        list.iter().map(Json::to_string).collect()
    };
    let (old_auth, new_auth) =
        (texts(former.map_or("[]", |config| &config.auth_providers)), texts(&prepared.config.auth_providers));
    let without = |list: &[String], other: &[String]| -> Vec<String> {
        list.iter().filter(|text| !other.contains(text)).cloned().collect()
    };
    let definitions: BTreeMap<&String, Json> =
        prepared.definitions.keys().map(|path| (path, json!({}))).collect();
    let app = ("", "modify");
    let components = changes.components.iter().map(|(path, change)| (path.as_str(), change.name()));
    let diffs: BTreeMap<&str, Json> = std::iter::once(app)
        .chain(components)
        .map(|(path, change)| (path, component_diff(prepared, changes, path, change)))
        .collect();
    json!({
        "authDiff": {"added": without(&new_auth, &old_auth), "removed": without(&old_auth, &new_auth)},
        "definitionDiffs": definitions,
        "componentDiffs": diffs,
        "shadowed": prepared.shadowed.to_json(),
    })
}

fn component_diff(prepared: &Prepared, changes: &Changes, path: &str, change: &str) -> Json {
    let definition = changes.definition_of(prepared, path);
    let is_gone = change == MountChange::Unmount.name();
    let modules = changes.modules.get(definition).cloned().unwrap_or_default();
    let schema = prepared.schemas.get(path);
    let former = changes.former_config.as_ref().filter(|_| path.is_empty());
    let version = &prepared.config.server_version;
    let versions = former
        .filter(|config| config.server_version != *version)
        .map(|config| json!({"previous_version": config.server_version, "next_version": version}));
    let (old, new) = (changes.former_schemas.get(path), schema.and_then(|schema| schema.json.as_ref()));
    let schemas = (old != new && !is_gone).then(
        || json!({"previous_schema": old.map(Json::to_string), "next_schema": new.map(Json::to_string)}),
    );
    let crons = changes.crons.get(path).cloned().unwrap_or_default();
    json!({
        "diffType": {"type": change},
        "moduleDiff": module_diff(&modules),
        "udfConfigDiff": versions,
        "cronDiff": {"added": crons.added, "updated": crons.updated, "deleted": crons.deleted},
        "indexDiff": schema.map_or_else(|| super::schema::IndexDiff::default().to_json(), |schema| schema.indexes.to_json()),
        "schemaDiff": schemas,
    })
}
