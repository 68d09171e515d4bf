//! A runner over a database in memory, for tests of this crate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fusion_schema::{Object, Value};

use super::alarm::Alarm;
use super::registry::{ComponentFunctions, FunctionEntry};
use super::{Application, Caller, Deployment, FunctionCall, FunctionPath, FunctionRunner, Outcome};
use crate::auth::Identity;
use crate::clock::Clock;
use crate::database::{Database, DatabaseOptions, EnvironmentBinding};
use crate::system::blobs::Blobs;
use crate::system::components::{Components, Mount};
use crate::system::file_storage::FileStorage;

/// A clock that stands still until it is told.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn at_ms(ms: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(ms * 1_000_000)))
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_ns(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A runner with the application's functions. In an async test its files live in that runtime.
pub(crate) fn runner(app: Application, clock: Arc<dyn Clock>) -> Arc<FunctionRunner> {
    runner_on(Database::open(DatabaseOptions { clock, ..DatabaseOptions::in_memory() }).unwrap(), app)
}

pub(crate) fn runner_on(database: Database, app: Application) -> Arc<FunctionRunner> {
    let files = FileStorage::new(Blobs::in_memory(), database.secrets().clone(), "http://cloud");
    let deployment = Deployment {
        name: "test".to_owned(),
        database,
        files,
        cloud_origin: "http://cloud".to_owned(),
        site_origin: "http://site".to_owned(),
        alarm: Alarm::default(),
    };
    FunctionRunner::new(deployment, app.build().unwrap()).unwrap()
}

/// What a component is mounted with.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) http_prefix: Option<String>,
    pub(crate) environment: Vec<(String, EnvironmentBinding)>,
}

/// Makes these the components that are mounted, each with the functions of the app; parents come before their children.
pub(crate) async fn mount(
    runner: &Arc<FunctionRunner>,
    app: fn() -> Application,
    paths: &[&str],
    settings: fn(&str) -> Settings,
) {
    let database = runner.deployment().database.clone();
    let of_path = |path: &&str| {
        let Settings { http_prefix, environment } = settings(path);
        let (path, definition) = ((*path).to_owned(), "defined".to_owned());
        Mount { path, new: database.new_component(), definition, http_prefix, environment }
    };
    let mounts: Vec<Mount> = paths.iter().map(of_path).collect();
    runner.write(move |tx, _| Components::new(tx).apply(&mounts)).await.unwrap();
    let components = paths.iter().map(|component| {
        let own = app().build().unwrap();
        let entries = own.iter().filter(|entry| !entry.path.is_system());
        let functions = entries
            .map(|entry| FunctionEntry { path: entry.path.in_component(component), ..(**entry).clone() })
            .collect();
        ComponentFunctions { path: (*component).to_owned(), functions, ..ComponentFunctions::default() }
    });
    let registry = app().build().unwrap().with_components(Vec::new(), components).unwrap();
    let placing = runner.clone();
    tokio::task::spawn_blocking(move || placing.set_registry(registry)).await.unwrap().unwrap();
}

pub(crate) fn call(path: &str, args: Object) -> FunctionCall {
    FunctionCall::new(FunctionPath::parse(path).unwrap(), args, Identity::Anonymous, Caller::HttpApi)
}

/// The returned value, or the text of the error without its request id.
pub(crate) fn value(outcome: &Outcome) -> Result<Value, String> {
    match &outcome.result {
        Ok(returned) => Ok(returned.to_value()),
        Err(error) => Err(error.detail().to_owned()),
    }
}
