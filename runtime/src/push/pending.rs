//! A push that has begun and is not finished: its schema is prepared in the background.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fusion_schema::DocumentId;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::prepare::Prepared;
use crate::Result;
use crate::clock::Moment;
use crate::database::{BuildProgress, BuildStep, ComponentId, Database, SchemaBuild, SchemaViolation};
use crate::system::components::Mount;

/// How long a push may stay unfinished before it is given up.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// How often a prepared schema looks at what was written since.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(50);

/// How far the schema of a push has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SchemaStatus {
    /// Documents are validated and indexes built: how far each component is.
    InProgress(Vec<(ComponentId, BuildProgress)>),
    /// It fits all data.
    Complete,
    /// A document does not match.
    Failed(SchemaViolation),
    /// Another push came before, or it took too long.
    Overtaken,
}

/// See the module's documentation.
pub(super) struct Pending {
    pub(super) id: String,
    /// The rows of the schemas by component, if the push is no dry run.
    pub(super) schemas: BTreeMap<String, DocumentId>,
    pub(super) prepared: Prepared,
    /// The ids of the components that it would make, by path.
    pub(super) allocated: BTreeMap<String, String>,
    /// The paths of the components.
    paths: BTreeMap<ComponentId, String>,
    /// Gone once the push is finished or has failed.
    build: Mutex<Option<SchemaBuild>>,
    status: watch::Sender<SchemaStatus>,
}

/// Called when the status becomes final, or `Complete` for the first time.
pub(super) type OnStatus = Box<dyn Fn(&SchemaStatus) + Send>;

impl Pending {
    pub(super) fn new(
        id: String,
        schemas: BTreeMap<String, DocumentId>,
        prepared: Prepared,
        database: &Database,
    ) -> Self {
        let snapshot = database.published();
        let component = |path: &str| {
            let new = || prepared.mounts.iter().find(|mount| mount.path == path).map(|mount| mount.new.id);
            snapshot.catalog().component_at(path).or_else(new)
        };
        let wanted = prepared.schemas.iter();
        let wanted = wanted.filter_map(|(path, schema)| Some((component(path)?, schema.immediate.clone())));
        let wanted: Vec<_> = wanted.collect();
        let paths = prepared.schemas.keys().filter_map(|path| Some((component(path)?, path.clone())));
        let paths = paths.collect();
        let is_new = |mount: &&Mount| snapshot.catalog().component_at(&mount.path).is_none();
        let new = prepared.mounts.iter().filter(is_new);
        let allocated = new.map(|mount| (mount.path.clone(), mount.new.document.to_string())).collect();
        let build = database.build_schemas(wanted);
        let (status, _) = watch::channel(SchemaStatus::InProgress(build.progress_of_components().collect()));
        Self { id, schemas, prepared, allocated, paths, build: Mutex::new(Some(build)), status }
    }

    /// Starts to prepare the schema.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(super) fn start(self: &Arc<Self>, database: Database, on_status: OnStatus) -> Result<()> {
        // Small schemas are done before anybody asks.
        let pending = self.clone();
        std::thread::Builder::new()
            .name("schema".to_owned())
            .spawn(move || pending.run(&database, &on_status))
            .map(drop)
            .map_err(|error| crate::Error::internal("a thread could not be started").with_source(error))
    }

    fn run(&self, database: &Database, on_status: &OnStatus) {
        let begun = Moment::now();
        let mut was_complete = false;
        while !database.is_closing() {
            if begun.elapsed() > AGE_MAX {
                self.abandon();
            }
            let stepping = Moment::now();
            let mut guard = self.build.lock();
            let Some(build) = guard.as_mut() else { return };
            let step = build.advance();
            let progress = build.progress_of_components().collect();
            let status = match step {
                Ok(BuildStep::Working) => SchemaStatus::InProgress(progress),
                Ok(BuildStep::CaughtUp) => SchemaStatus::Complete,
                Ok(BuildStep::Violated(violation)) => {
                    guard.take();
                    SchemaStatus::Failed(violation)
                }
                Err(error) => {
                    tracing::error!(%error, source = ?std::error::Error::source(&error), "a schema could not be prepared");
                    guard.take();
                    SchemaStatus::Overtaken
                }
            };
            drop(guard);
            let is_new = match &status {
                SchemaStatus::InProgress(_) => false,
                SchemaStatus::Complete => !std::mem::replace(&mut was_complete, true),
                SchemaStatus::Failed(_) | SchemaStatus::Overtaken => true,
            };
            if is_new {
                on_status(&status);
            }
            let is_complete = status == SchemaStatus::Complete;
            self.set_status(status);
            // While there is much to do others get a part of the processor, too.
            std::thread::sleep(if is_complete { FOLLOW_INTERVAL } else { stepping.elapsed() / 4 });
        }
    }

    pub(super) fn set_status(&self, status: SchemaStatus) {
        self.status.send_if_modified(|current| {
            // What is over stays over.
            let is_over = matches!(current, SchemaStatus::Failed(_) | SchemaStatus::Overtaken);
            let changes = !is_over && *current != status;
            if changes {
                *current = status;
            }
            changes
        });
    }

    /// The path of a component of this push.
    pub(super) fn path_of(&self, component: ComponentId) -> &str {
        self.paths.get(&component).map_or("", String::as_str)
    }

    pub(super) fn status(&self) -> SchemaStatus {
        self.status.borrow().clone()
    }

    /// Waits until the schema is prepared, has failed, or has come further; at most for `patience`.
    pub(super) async fn wait(&self, patience: Duration) -> SchemaStatus {
        let mut changes = self.status.subscribe();
        let first = changes.borrow_and_update().clone();
        if !matches!(first, SchemaStatus::InProgress(_)) {
            return first;
        }
        // The sender lives as long as this push; running out of time is no error.
        let _ = tokio::time::timeout(patience, changes.changed()).await;
        self.status()
    }

    /// Gives the push up.
    pub(super) fn abandon(&self) {
        self.build.lock().take();
        self.set_status(SchemaStatus::Overtaken);
    }

    /// Takes the prepared schema to switch to it.
    pub(super) fn take_build(&self) -> Option<SchemaBuild> {
        self.build.lock().take()
    }
}
