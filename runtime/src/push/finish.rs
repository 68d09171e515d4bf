//! The end of a push: one commit, after which everything new runs the pushed code.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fusion_schema::{Object, Value, object};
use serde_json::{Value as Json, json};

use super::pending::{Pending, SchemaStatus};
use super::request::FinishPushRequest;
use super::{Pushes, module_diff};
use crate::database::{BuildStep, SchemaBuild, Switched, Timestamp, Transaction};
use crate::system::crons::{CronChanges, Crons};
use crate::system::environment::Environment;
use crate::system::events::{Events, PUSH};
use crate::system::modules::{CodeBlob, CodeConfig, ModuleChanges, Modules};
use crate::system::pushed_schemas::PushedSchemas;
use crate::{Error, Result};

/// Bytes of contents that are written in one transaction.
const BLOBS_AT_ONCE: usize = 4 << 20;

/// What the commit changed.
struct Changes {
    modules: ModuleChanges,
    crons: CronChanges,
    /// Hashes whose contents nobody needs any more.
    unused: Vec<String>,
    former_config: Option<CodeConfig>,
    former_schema: Option<Json>,
}

impl Pushes {
    /// Ends a push: everything it brings is in place, or nothing.
    ///
    /// # Errors
    /// `ConcurrentPush` while another one ends; `RaceDetected` if another push or a change of environment variables came
    /// between; `MissingEnvironmentVariables`; `SchemaValidationFailed`.
    pub async fn finish(self: &Arc<Self>, request: FinishPushRequest) -> Result<Json> {
        self.blocking(move |pushes| {
            let FinishPushRequest { start_push, dry_run } = request;
            let Some(pending) = pushes.find(start_push.schema_change.push_id.as_ref()) else {
                return Err(overtaken());
            };
            if dry_run {
                return Ok(json!({
                    "authDiff": {"added": [], "removed": []}, "definitionDiffs": {}, "componentDiffs": {},
                }));
            }
            let Some(_turn) = pushes.finishing.try_lock() else {
                return Err(Error::bad_request(
                    "ConcurrentPush",
                    "Another push to this deployment is being finished. Push again.",
                ));
            };
            let finished = pushes.finish_pending(&pending, &start_push.environment_variables);
            let mut current = pushes.current.lock();
            if current.as_ref().is_some_and(|current| current.id == pending.id) {
                current.take();
            }
            drop(current);
            pending.abandon();
            finished
        })
        .await
    }

    fn finish_pending(
        self: &Arc<Self>,
        pending: &Arc<Pending>,
        variables: &super::scripts::Variables,
    ) -> Result<Json> {
        match pending.status() {
            SchemaStatus::Complete => {}
            SchemaStatus::Failed(violation) => return Err(not_matching(violation.message)),
            SchemaStatus::Overtaken => return Err(overtaken()),
            SchemaStatus::InProgress(_) => {
                return Err(Error::bad_request(
                    "SchemaNotReady",
                    "The schema of this push is still being prepared. Wait for it with wait_for_schema.",
                ));
            }
        }
        self.store_contents(pending)?;
        let build = pending.take_build().ok_or_else(overtaken)?;
        let (changes, ts) = self.switch(pending, build, variables)?;
        self.database().wait_durable(ts)?;
        self.is_damaged.store(false, Ordering::Relaxed);
        pending.prepared.package.activate();
        self.set_providers(pending.prepared.providers.clone());
        let deployment = self.runner.deployment();
        deployment.alarm.ring();
        self.clean_up(pending, &changes);
        Ok(answer(pending, &changes))
    }

    /// Writes the contents that are new. They mean nothing until modules name them.
    fn store_contents(&self, pending: &Pending) -> Result<()> {
        let mut blobs: Vec<CodeBlob> = Vec::new();
        let mut contents = pending.prepared.contents.iter().peekable();
        while let Some((sha256, content)) = contents.next() {
            blobs.push(CodeBlob::of_content(sha256, content)?);
            let size: usize = blobs.iter().map(CodeBlob::size).sum();
            if size >= BLOBS_AT_ONCE || contents.peek().is_none() {
                self.write(|tx| blobs.iter().try_for_each(|blob| Modules::new(tx).put(blob)))?;
                blobs.clear();
            }
        }
        Ok(())
    }

    /// Stores the compiled code, which saves the next start of the server the time to compile.
    fn store_bytecode(&self, pending: &Pending) -> Result<()> {
        let blob = CodeBlob::of_bytecode(&pending.prepared.package.bytecode())?;
        self.write(|tx| Modules::new(tx).set_bytecode(&blob))
    }

    fn switch(
        &self,
        pending: &Pending,
        mut build: SchemaBuild,
        variables: &super::scripts::Variables,
    ) -> Result<(Changes, Timestamp)> {
        loop {
            // Whatever was written since is caught up with before the lock is taken, and once more under it.
            loop {
                match build.advance()? {
                    BuildStep::Working => {}
                    BuildStep::CaughtUp => break,
                    BuildStep::Violated(violation) => return Err(self.violated(pending, violation)),
                }
            }
            let registry = pending.prepared.registry.clone();
            match self.database().switch(build, Some(registry), |tx| self.rows(pending, variables, tx))? {
                Switched::Done { value, ts, .. } => return Ok((value, ts)),
                Switched::Behind(behind) => build = *behind,
                Switched::Violated(violation) => return Err(self.violated(pending, violation)),
            }
        }
    }

    fn violated(&self, pending: &Pending, violation: crate::database::SchemaViolation) -> Error {
        let status = SchemaStatus::Failed(violation.clone());
        if let Some(row) = pending.schema {
            self.note_status(row, &status);
        }
        pending.set_status(status);
        not_matching(violation.message)
    }

    /// The rows that change with the code.
    fn rows(
        &self,
        pending: &Pending,
        variables: &super::scripts::Variables,
        tx: &mut Transaction,
    ) -> Result<Changes> {
        let prepared = &pending.prepared;
        let deployment = self.runner.deployment();
        let now: super::scripts::Variables = Environment::new(tx, deployment.secrets())
            .list()?
            .into_iter()
            .map(|variable| (variable.name, variable.value))
            .collect();
        if now != prepared.variables || now != *variables {
            return Err(Error::bad_request(
                "RaceDetected",
                "Environment variables changed while this push was being made. Push again.",
            ));
        }
        super::definition::check_variables(&prepared.definition.required_variables, |name| {
            now.contains_key(name) || deployment.system_variable(name).is_some()
        })?;

        let former: Vec<String> = Modules::new(tx).list()?.into_iter().map(|module| module.sha256).collect();
        let former_config = Modules::new(tx).config()?;
        let former_schema = PushedSchemas::new(tx).active()?.map(|active| active.schema);
        let modules = Modules::new(tx).replace(&prepared.modules)?;
        Modules::new(tx).set_config(&prepared.config)?;
        PushedSchemas::new(tx).activate(pending.schema)?;
        let now_ns = deployment.clock().unix_ns();
        let mut crons = Crons::new(tx).sync(&prepared.registry.cron_specs(), now_ns)?;
        let crons = crons.remove("").unwrap_or_default();
        let is_unused = |sha256: &String| !prepared.modules.iter().any(|module| module.sha256 == *sha256);
        let unused = former.into_iter().filter(is_unused).collect();
        let changes = Changes { modules, crons, unused, former_config, former_schema };
        Events::new(tx).record(PUSH, event(pending, &changes))?;
        Ok(changes)
    }

    /// What can wait: contents that nobody needs go, and staged indexes are built.
    fn clean_up(self: &Arc<Self>, pending: &Arc<Pending>, changes: &Changes) {
        let removed = self
            .write(|tx| changes.unused.iter().try_for_each(|sha256| Modules::new(tx).remove_content(sha256)));
        if let Err(error) = removed {
            tracing::warn!(%error, "former code could not be removed and takes up room");
        }
        if let Err(error) = self.store_bytecode(pending) {
            tracing::warn!(%error, "compiled code could not be stored: the next start will take longer");
        }
        let schema = &pending.prepared.schema;
        if schema.joined == schema.immediate {
            return;
        }
        let (pushes, schema) = (self.clone(), schema.joined.clone());
        let build = move || {
            if let Err(error) = pushes.database().adopt_schema(&schema) {
                tracing::error!(%error, "staged indexes could not be built");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("staged indexes".to_owned()).spawn(build) {
            tracing::error!(%error, "staged indexes could not be built");
        }
    }
}

fn overtaken() -> Error {
    Error::bad_request("RaceDetected", "Another push to this deployment came between. Push again.")
}

fn not_matching(message: String) -> Error {
    Error::bad_request("SchemaValidationFailed", format!("Schema validation failed.\n{message}"))
}

/// What the list of events says of a push.
fn event(pending: &Pending, changes: &Changes) -> Object {
    /// Names that one event tells.
    const NAMES_MAX: usize = 1_000;
    /// Bytes of a schema that one event tells.
    const SCHEMA_MAX: usize = 100_000;
    let names = |names: &[String]| -> Vec<Value> {
        names.iter().take(NAMES_MAX).map(|name| Value::from(name.as_str())).collect()
    };
    let prepared = &pending.prepared;
    let schema = |schema: Option<&Json>| {
        let text = schema.map(Json::to_string).filter(|text| text.len() <= SCHEMA_MAX);
        text.map_or(Value::Null, Value::String)
    };
    let schemas = (changes.former_schema != prepared.schema.json).then(|| {
        Value::Object(object! {
            "next_schema" => schema(prepared.schema.json.as_ref()),
            "previous_schema" => schema(changes.former_schema.as_ref()),
        })
    });
    let version = prepared.config.server_version.as_str();
    let former = changes.former_config.as_ref().map(|config| config.server_version.as_str());
    let versions = (former != Some(version)).then(|| {
        Value::Object(object! {
            "next_version" => version, "previous_version" => former.map_or(Value::Null, Value::from),
        })
    });
    let (modules, crons) = (&changes.modules, &changes.crons);
    object! {
        "crons" => object! {
            "added" => names(&crons.added), "deleted" => names(&crons.deleted), "updated" => names(&crons.updated),
        },
        "modules" => object! {
            "added" => names(&modules.added), "changed" => names(&modules.changed), "removed" => names(&modules.removed),
        },
        "schema" => schemas.unwrap_or(Value::Null),
        "server_version" => versions.unwrap_or(Value::Null),
    }
}

/// The answer to the end of a push.
fn answer(pending: &Pending, changes: &Changes) -> Json {
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
    let version = &prepared.config.server_version;
    let versions = former
        .filter(|config| config.server_version != *version)
        .map(|config| json!({"previous_version": config.server_version, "next_version": version}));
    let schemas = (changes.former_schema != prepared.schema.json).then(|| {
        json!({
            "previous_schema": changes.former_schema.as_ref().map(Json::to_string),
            "next_schema": prepared.schema.json.as_ref().map(Json::to_string),
        })
    });
    json!({
        "authDiff": {"added": without(&new_auth, &old_auth), "removed": without(&old_auth, &new_auth)},
        "definitionDiffs": {"": {}},
        "componentDiffs": {"": {
            "diffType": {"type": "modify"},
            "moduleDiff": module_diff(&changes.modules),
            "udfConfigDiff": versions,
            "cronDiff": {
                "added": changes.crons.added, "updated": changes.crons.updated, "deleted": changes.crons.deleted,
            },
            "indexDiff": prepared.schema.indexes.to_json(),
            "schemaDiff": schemas,
        }},
        "shadowed": prepared.shadowed.to_json(),
    })
}
