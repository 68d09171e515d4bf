//! Pushes: how code comes in, and how a deployment changes from one version of it to the next.
//!
//! ```text
//! start_push ──► evaluate: modules, schema, auth, definition, crons   (nothing has changed if that fails)
//!                schema pending: documents validated, indexes built in the background
//! wait_for_schema ──► complete | failed | overtaken
//! finish_push ──► one commit: environment checked, schema, indexes, modules, crons, auth, and the functions
//! ```
//!
//! The functions are attached to the very commit, so that whoever holds a snapshot runs the code that belongs to it;
//! running subscriptions are run again. A push that is not finished leaves nothing behind but a row that says so.
//!
//! - [`Pushes`]: the pushes of a deployment;  [`request`]: what clients send;
//! - [`prepare`]: evaluating one;  [`module_set`], `code`, [`definition`], [`graph`], [`schema`], [`analysis`]: its parts;
//! - [`joining`]: pushed and native functions side by side;  `pending`, `finish`: the second half;
//! - `inline_query`: code that is not pushed but run once.
//!
//! Deliberately absent: HTTP (`server`) and running JavaScript (`js`, behind [`scripts`]).

pub mod analysis;
mod answers;
mod code;
pub mod definition;
mod finish;
pub mod graph;
mod inline_query;
pub mod joining;
pub mod module_set;
mod pending;
mod prepare;
pub mod request;
pub mod schema;
pub mod scripts;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use self::pending::{Pending, SchemaStatus};
use self::prepare::{Evaluator, Outline, Prepared};
use self::request::{StartPushRequest, WaitForSchemaRequest};
use self::scripts::Scripts;
use crate::auth::{Authenticator, Provider};
use crate::database::Database;
use crate::function::FunctionRunner;
use crate::function::mutations::Attempt;
use crate::system::modules::Modules;
use crate::system::pushed_schemas::{PushedSchemas, SchemaState};
use crate::{Error, Result};

/// How long a question for a schema may wait.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// See the module's documentation.
pub struct Pushes {
    runner: Arc<FunctionRunner>,
    scripts: Arc<dyn Scripts>,
    authenticator: Arc<Authenticator>,
    /// Providers that are there whatever is pushed.
    fixed_providers: Vec<Provider>,
    current: Mutex<Option<Arc<Pending>>>,
    /// The latest dry run, which overtakes nobody.
    dry: Mutex<Option<Arc<Pending>>>,
    finishing: Mutex<()>,
    /// Whether what is stored could not be put in place.
    is_damaged: AtomicBool,
}

impl std::fmt::Debug for Pushes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let current = self.current.lock().as_ref().map(|pending| pending.id.clone());
        f.debug_struct("Pushes").field("current", &current).finish_non_exhaustive()
    }
}

impl Drop for Pushes {
    fn drop(&mut self) {
        for pending in [self.current.get_mut().take(), self.dry.get_mut().take()].into_iter().flatten() {
            pending.abandon();
        }
    }
}

/// The schema of a deployment at its start: that of the application joined with the pushed one.
///
/// # Errors
/// If the stored schema cannot be read.
pub fn stored_schema(
    database: &Database,
    native: &fusion_schema::table::Schema,
) -> Result<fusion_schema::table::Schema> {
    let mut tx = database.begin_query();
    let active = PushedSchemas::new(&mut tx).active()?;
    let pushed = active.map(|active| schema::read(&active.schema, native)).transpose()?;
    Ok(schema::join(native, pushed.as_ref()))
}

impl Pushes {
    /// The pushes of a deployment. `fixed_providers` vouch for users beside those that are pushed.
    pub fn new(
        runner: Arc<FunctionRunner>,
        scripts: Arc<dyn Scripts>,
        authenticator: Arc<Authenticator>,
        fixed_providers: Vec<Provider>,
    ) -> Arc<Self> {
        Arc::new(Self {
            runner,
            scripts,
            authenticator,
            fixed_providers,
            current: Mutex::default(),
            dry: Mutex::default(),
            finishing: Mutex::default(),
            is_damaged: AtomicBool::new(false),
        })
    }

    fn database(&self) -> &Database {
        &self.runner.deployment().database
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            deployment: self.runner.deployment(),
            scripts: &*self.scripts,
            native: self.runner.native_registry(),
        }
    }

    /// Does work that blocks beside the functions' own threads.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let pushes = self.clone();
        tokio::task::spawn_blocking(move || work(&pushes))
            .await
            .map_err(|error| Error::internal("a push ended early").with_source(error))?
    }

    /// Puts the stored code in place, at the start of the server. Blocks.
    ///
    /// # Errors
    /// Why the stored code cannot be run; the native functions are in place then.
    pub fn restore(&self) -> Result<()> {
        let restored = self.restore_stored();
        self.is_damaged.store(restored.is_err(), Ordering::Relaxed);
        restored
    }

    fn restore_stored(&self) -> Result<()> {
        let schema = self.evaluator().active_schema("");
        let Some(restored) = self.evaluator().restore((*schema).clone())? else { return Ok(()) };
        self.activate(&restored.code);
        self.set_providers(restored.providers);
        self.runner.set_registry(restored.registry)?;
        announce(&restored.shadowed);
        Ok(())
    }

    /// Has isolates for this code be made ready.
    fn activate(&self, code: &std::collections::BTreeMap<String, code::Code>) {
        let packages: Vec<_> = code.values().map(|code| code.package.clone()).collect();
        self.scripts.activate(&packages);
    }

    fn set_providers(&self, pushed: Vec<Provider>) {
        let mut providers = self.fixed_providers.clone();
        providers.extend(pushed.into_iter().filter(|provider| !self.fixed_providers.contains(provider)));
        self.authenticator.set_providers(providers);
    }

    /// The modules that are in place, as `get_config_hashes` answers.
    ///
    /// # Errors
    /// If what is stored is damaged.
    pub async fn config_hashes(self: &Arc<Self>) -> Result<Json> {
        self.blocking(|pushes| {
            let mut tx = pushes.database().begin_query();
            if pushes.is_damaged.load(Ordering::Relaxed) {
                // Whoever is told that nothing is here sends everything, which repairs it.
                return Ok(json!({
                    "config": {"functions": "convex/", "authInfo": []},
                    "moduleHashes": [], "udfServerVersion": null, "nodeVersion": null,
                }));
            }
            let config = Modules::new(&mut tx).config()?;
            let modules: Vec<Json> = Modules::new(&mut tx)
                .list()?
                .into_iter()
                .map(|module| {
                    json!({"path": module.path, "hash": module.sha256, "environment": module.environment.name()})
                })
                .collect();
            let functions = config.as_ref().map_or("convex/", |config| &config.functions);
            let auth: Option<Json> =
                config.as_ref().and_then(|config| serde_json::from_str(&config.auth_providers).ok());
            Ok(json!({
                "config": {"functions": functions, "authInfo": auth.unwrap_or_else(|| json!([]))},
                "moduleHashes": modules,
                "udfServerVersion": config.as_ref().map(|config| &config.server_version),
                "nodeVersion": config.as_ref().and_then(|config| config.node_version.as_ref()),
            }))
        })
        .await
    }

    /// Begins a push: evaluates it and has its schema prepared in the background.
    ///
    /// # Errors
    /// What is wrong with the push; nothing has changed then.
    pub async fn start(self: &Arc<Self>, request: StartPushRequest) -> Result<Json> {
        self.blocking(move |pushes| {
            let dry_run = request.dry_run;
            let prepared = pushes.evaluator().prepare(request)?;
            let pending = if dry_run { pushes.begin_dry(prepared)? } else { pushes.begin(prepared)? };
            announce(&pending.prepared.shadowed);
            Ok(answers::started(&pending))
        })
        .await
    }

    fn begin(self: &Arc<Self>, prepared: Prepared) -> Result<Arc<Pending>> {
        // One at a time: rows and memory tell the same order of pushes.
        let mut current = self.current.lock();
        let rows = self.write(|tx| PushedSchemas::new(tx).begin(prepared.schema_texts()))?;
        let pending = Arc::new(Pending::new(new_id(), rows, prepared, self.database()));
        if let Some(former) = current.replace(pending.clone()) {
            former.abandon();
        }
        drop(current);
        let (pushes, noted) = (Arc::downgrade(self), Arc::downgrade(&pending));
        pending.start(
            self.database().clone(),
            Box::new(move |status| {
                if let (Some(pushes), Some(pending)) = (pushes.upgrade(), noted.upgrade()) {
                    pushes.note_status(&pending, status);
                }
            }),
        )?;
        Ok(pending)
    }

    fn begin_dry(&self, prepared: Prepared) -> Result<Arc<Pending>> {
        let pending = Arc::new(Pending::new(new_id(), Default::default(), prepared, self.database()));
        if let Some(former) = self.dry.lock().replace(pending.clone()) {
            former.abandon();
        }
        pending.start(self.database().clone(), Box::new(|_| {}))?;
        Ok(pending)
    }

    /// Keeps the rows of pending schemas up to date, for those who look at the table.
    fn note_status(&self, pending: &Pending, status: &SchemaStatus) {
        let failed = match status {
            SchemaStatus::Failed(violation) => Some((pending.path_of(violation.component), violation)),
            _ => None,
        };
        let noted = self.write(|tx| {
            for (component, row) in &pending.schemas {
                let state = match (status, failed) {
                    (SchemaStatus::InProgress(_), _) => return Ok(()),
                    (SchemaStatus::Complete, _) => SchemaState::Validated,
                    (_, Some((path, violation))) if path == component => SchemaState::Failed {
                        error: violation.message.clone(),
                        table: Some(violation.table.clone()),
                    },
                    _ => SchemaState::Overwritten,
                };
                let is_open = PushedSchemas::new(tx).get(*row)?.is_some_and(|schema| {
                    matches!(schema.state, SchemaState::Pending | SchemaState::Validated)
                });
                if is_open {
                    PushedSchemas::new(tx).set_state(*row, &state)?;
                }
            }
            Ok(())
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "the state of a pushed schema could not be noted");
        }
    }

    /// Writes rows in a transaction of their own and waits until they are durable. Blocks.
    fn write<T>(&self, mut body: impl FnMut(&mut crate::database::Transaction) -> Result<T>) -> Result<T> {
        let (value, ts) = self.runner.transact(|mut tx| {
            let value = body(&mut tx)?;
            Ok(Attempt { tx, commit: true, record: None, value })
        })?;
        self.database().wait_durable(ts)?;
        Ok(value)
    }

    fn find(&self, id: Option<&String>) -> Option<Arc<Pending>> {
        let id = id?;
        let found = |pending: &Mutex<Option<Arc<Pending>>>| {
            pending.lock().as_ref().filter(|pending| pending.id == *id).cloned()
        };
        found(&self.current).or_else(|| found(&self.dry))
    }

    /// How far the schema of a push has come: waits for a change for as long as the client wants.
    pub async fn wait_for_schema(&self, request: WaitForSchemaRequest) -> Json {
        let Some(pending) = self.find(request.schema_change.push_id.as_ref()) else {
            return json!({"type": "raceDetected"});
        };
        let patience = request.timeout_ms.filter(|ms| ms.is_finite() && *ms >= 0.0).unwrap_or(10_000.0);
        let patience = Duration::from_secs_f64((patience / 1_000.0).min(PATIENCE_MAX.as_secs_f64()));
        answers::waited(&pending, pending.wait(patience).await)
    }

    /// What a push would change of the schemas, without evaluating its functions.
    ///
    /// # Errors
    /// What is wrong with the schemas or definitions.
    pub async fn evaluate(self: &Arc<Self>, request: StartPushRequest) -> Result<Json> {
        self.blocking(move |pushes| {
            let outline = pushes.outline(request)?;
            let by_component = |of: fn(&prepare::EvaluatedSchema) -> Json| -> Json {
                outline.schemas.iter().map(|(path, schema)| (path.clone(), of(schema))).collect()
            };
            Ok(json!({"schemaChange": {
                "allocatedComponentIds": {},
                "schemaIds": by_component(|_| Json::Null),
                "indexDiffs": by_component(|schema| schema.indexes.to_json()),
            }}))
        })
        .await
    }

    /// What a push would have to do to the data.
    ///
    /// # Errors
    /// What is wrong with the schemas or definitions.
    pub async fn evaluate_schema(self: &Arc<Self>, request: StartPushRequest) -> Result<Json> {
        self.blocking(move |pushes| {
            let outline = pushes.outline(request)?;
            let snapshot = pushes.database().published();
            let mut evaluations = serde_json::Map::new();
            for (path, schema) in &outline.schemas {
                let active = pushes.evaluator().active_schema(path);
                let component = snapshot.catalog().component_at(path);
                let mut evaluation = schema::evaluate(&snapshot, component, &active, &schema.joined);
                let instance = outline.instances.iter().find(|instance| instance.path == *path);
                evaluation["definitionPath"] = instance.map_or("", |instance| &instance.definition).into();
                evaluations.insert(path.clone(), evaluation);
            }
            let known: BTreeSet<String> =
                snapshot.catalog().components().map(|component| component.definition.clone()).collect();
            let new =
                outline.definitions.into_keys().filter(|path| !path.is_empty() && !known.contains(path));
            Ok(json!({
                "componentSchemaEvaluations": evaluations,
                "newComponentDefinitions": new.collect::<Vec<_>>(),
            }))
        })
        .await
    }

    fn outline(&self, mut request: StartPushRequest) -> Result<Outline> {
        let evaluator = self.evaluator();
        let seen = evaluator.with_system_variables(&evaluator.variables()?);
        evaluator.outline(&mut request, &seen)
    }
}

/// What the pushed modules stand in front of goes to the log, where whoever wonders will look.
fn announce(shadowed: &joining::Shadowed) {
    if !shadowed.is_empty() {
        tracing::info!(
            modules = shadowed.modules.join(", "),
            crons = shadowed.crons.join(", "),
            routes = shadowed.routes.join(", "),
            "pushed modules take the place of built-in ones"
        );
    }
}

fn new_id() -> String {
    uuid::Builder::from_random_bytes(crate::clock::random_bytes()).into_uuid().to_string()
}
