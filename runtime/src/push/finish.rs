//! The end of a push: one commit, after which everything new runs the pushed code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fusion_schema::{Object, Value, object};
use serde_json::{Value as Json, json};

use super::definition::Definition;
use super::pending::{Pending, SchemaStatus};
use super::prepare::Prepared;
use super::request::FinishPushRequest;
use super::{Pushes, answers};
use crate::database::{BuildStep, SchemaBuild, Switched, Timestamp, Transaction};
use crate::system::components::{Components, MountChange};
use crate::system::crons::{CronChanges, Crons};
use crate::system::environment::Environment;
use crate::system::events::{Events, PUSH};
use crate::system::function_handles::FunctionHandles;
use crate::system::modules::{CodeBlob, CodeConfig, ModuleChanges, Modules};
use crate::system::pushed_schemas::PushedSchemas;
use crate::{Error, Result};

/// Bytes of contents that are written in one transaction.
const BLOBS_AT_ONCE: usize = 4 << 20;

/// What the commit changed.
pub(super) struct Changes {
    /// By definition.
    pub(super) modules: BTreeMap<String, ModuleChanges>,
    /// By component.
    pub(super) crons: BTreeMap<String, CronChanges>,
    /// What became of each instance.
    pub(super) components: Vec<(String, MountChange)>,
    /// Hashes whose contents nobody needs any more.
    unused: Vec<String>,
    /// Definitions that are gone.
    gone: Vec<String>,
    pub(super) former_config: Option<CodeConfig>,
    /// By component.
    pub(super) former_schemas: BTreeMap<String, Json>,
    /// The definitions of the instances that were there.
    former_definitions: BTreeMap<String, String>,
}

impl Changes {
    /// The definition of an instance, be it gone.
    pub(super) fn definition_of<'a>(&'a self, prepared: &'a Prepared, path: &str) -> &'a str {
        let instance = prepared.instances.iter().find(|instance| instance.path == path);
        let former = || self.former_definitions.get(path).map_or("", String::as_str);
        instance.map_or_else(former, |instance| instance.definition.as_str())
    }
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
        self.activate(&pending.prepared.code);
        self.set_providers(pending.prepared.providers.clone());
        let deployment = self.runner.deployment();
        deployment.alarm.ring();
        self.clean_up(pending, &changes);
        Ok(answers::finished(pending, &changes))
    }

    /// Writes the contents that are new. They mean nothing until modules name them.
    fn store_contents(&self, pending: &Pending) -> Result<()> {
        let mut blobs: Vec<CodeBlob> = Vec::new();
        let all: BTreeMap<_, _> = pending.prepared.code.values().flat_map(|code| &code.contents).collect();
        let mut contents = all.into_iter().peekable();
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
        pending.prepared.code.iter().try_for_each(|(path, code)| {
            let blob = CodeBlob::of_bytecode(path, &code.package.bytecode())?;
            self.write(|tx| Modules::of(tx, path).set_bytecode(&blob))
        })
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
        self.note_status(pending, &status);
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
        let app = prepared.definitions.get("");
        super::definition::check_variables(
            app.into_iter().flat_map(Definition::required_variables),
            |name| now.contains_key(name) || deployment.system_variable(name).is_some(),
        )?;

        let catalog = tx.snapshot().catalog().clone();
        let former_definitions =
            catalog.components().map(|known| (known.path.to_string(), known.definition.clone())).collect();
        let components = Components::new(tx).apply(&prepared.mounts)?;
        let former_paths: BTreeSet<String> =
            Components::new(tx).definitions()?.into_iter().map(|definition| definition.path).collect();
        Components::new(tx).set_definitions(&prepared.stored_definitions())?;
        let now_ms = deployment.clock().unix_ms();
        FunctionHandles::new(tx).sync(prepared.registry.handle_targets(), now_ms)?;

        let former = Modules::new(tx).all_contents()?;
        let former_config = Modules::new(tx).config()?;
        let active = PushedSchemas::new(tx).all_active()?;
        let former_schemas = active.into_iter().map(|(path, active)| (path, active.schema)).collect();
        let mut modules = BTreeMap::new();
        let mut gone = Vec::new();
        for (path, code) in &prepared.code {
            modules.insert(path.clone(), Modules::of(tx, path).replace(&code.modules)?);
        }
        for path in former_paths.into_iter().filter(|path| !prepared.code.contains_key(path)) {
            modules.insert(path.clone(), Modules::of(tx, &path).replace(&[])?);
            gone.push(path);
        }
        Modules::new(tx).set_config(&prepared.config)?;
        let ids: Vec<_> = pending.schemas.values().copied().collect();
        // Those that are not mounted any more keep their data and what it looks like.
        PushedSchemas::new(tx).activate(&ids, |path| !prepared.schemas.contains_key(path))?;
        let now_ns = deployment.clock().unix_ns();
        let crons = Crons::new(tx).sync(&prepared.registry.cron_specs(), now_ns)?;
        let needed = Modules::new(tx).all_contents()?;
        let unused = former.difference(&needed).cloned().collect();
        let changes = Changes {
            modules,
            crons,
            components,
            unused,
            gone,
            former_config,
            former_schemas,
            former_definitions,
        };
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
        let removed =
            self.write(|tx| changes.gone.iter().try_for_each(|path| Modules::of(tx, path).remove_bytecode()));
        if let Err(error) = removed {
            tracing::warn!(%error, "former compiled code could not be removed and takes up room");
        }
        if let Err(error) = self.store_bytecode(pending) {
            tracing::warn!(%error, "compiled code could not be stored: the next start will take longer");
        }
        let database = self.database().clone();
        let snapshot = database.published();
        let staged = pending.prepared.schemas.iter().filter(|(_, schema)| schema.joined != schema.immediate);
        let staged = staged.filter_map(|(path, schema)| {
            Some((snapshot.catalog().component_at(path)?, schema.joined.clone()))
        });
        let staged: Vec<_> = staged.collect();
        if staged.is_empty() {
            return;
        }
        let build = move || {
            for (component, schema) in staged {
                if let Err(error) = database.adopt_schema_in(component, &schema) {
                    tracing::error!(%error, "staged indexes could not be built");
                }
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
    let (old, new) = (changes.former_schemas.get(""), prepared.schemas.get(""));
    let new = new.and_then(|new| new.json.as_ref());
    let schemas = (old != new)
        .then(|| Value::Object(object! { "next_schema" => schema(new), "previous_schema" => schema(old) }));
    let version = prepared.config.server_version.as_str();
    let former = changes.former_config.as_ref().map(|config| config.server_version.as_str());
    let versions = (former != Some(version)).then(|| {
        Value::Object(object! {
            "next_version" => version, "previous_version" => former.map_or(Value::Null, Value::from),
        })
    });
    let modules = changes.modules.get("").cloned().unwrap_or_default();
    let crons = changes.crons.get("").cloned().unwrap_or_default();
    let components: Object = changes
        .components
        .iter()
        .filter(|(_, change)| *change != MountChange::Modify)
        .take(NAMES_MAX)
        .map(|(path, change)| (path.clone(), Value::from(change.name())))
        .collect();
    object! {
        "components" => components,
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
