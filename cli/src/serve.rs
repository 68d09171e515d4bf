//! Starting, running and stopping a server: the composition root.
//!
//! [`serve`] puts the engine together around an application, says where it can be reached, and stops it when it is
//! asked to: no new requests, sockets are closed, what was written is synced.

pub(crate) mod credentials;
mod listeners;
mod logging;
mod memory;
#[cfg(feature = "quickjs")]
mod node;
pub(crate) mod options;
pub(crate) mod pages;
mod ready;
pub(crate) mod shutdown;
pub(crate) mod web;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fusion_runtime::auth::{Authenticator, DevIssuer, Provider};
use fusion_runtime::clock::{Clock, SystemClock, TestClock};
use fusion_runtime::database::{Database, DatabaseOptions};
use fusion_runtime::function::alarm::Alarm;
use fusion_runtime::function::{Application, Caller, Deployment, FunctionCall, FunctionPath, FunctionRunner};
#[cfg(feature = "quickjs")]
use fusion_runtime::js::{JsRuntime, web::fetch};
use fusion_runtime::limits::Limits;
#[cfg(not(feature = "quickjs"))]
use fusion_runtime::push::scripts::NoScripts;
use fusion_runtime::push::scripts::Scripts;
use fusion_runtime::push::{self, Pushes};
use fusion_runtime::scheduler::Scheduler;
use fusion_runtime::server::{self, ServerConfig, ServerState};
use fusion_runtime::store::StoreOptions;
use fusion_runtime::system::blobs::Blobs;
use fusion_runtime::system::environment::Environment;
use fusion_runtime::system::file_storage::FileStorage;
use fusion_schema::Object;
use serde_json::json;
use tokio::sync::watch;

use self::credentials::Credentials;
use self::listeners::{listen, local_url};
use self::ready::{Addresses, ReadyFiles};
use self::shutdown::StopSignals;
use crate::failure::{Failure, Result};
use crate::output;

pub use options::{Durability, LogFormat, ServerOptions};

/// How long requests that are being answered may take once the server was asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(7);
/// How long everything may take once the server was asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(9);
/// The path of the development issuer under the API's URL.
const DEV_ISSUER_PATH: &str = "/_dev/issuer";

/// What is served, beside the options.
#[derive(Debug)]
pub struct Served {
    /// The functions and tables.
    pub application: Application,
    /// Whether this is for development: on this machine only unless told otherwise, and with an issuer of tokens for
    /// a demo operator.
    pub development: bool,
    /// A mutation to run once the server is ready, such as one that makes demo data where there is none.
    pub seed: Option<FunctionPath>,
    /// A query that tells which outside services are real and which are built in: a list of objects with `service`,
    /// `mode` and `detail`.
    pub services: Option<FunctionPath>,
    /// Where users may come from, beside the issuers that the options name and that are pushed.
    pub sign_in: Option<SignIn>,
    /// A folder of pages to serve under `/app/`.
    pub pages: Option<PathBuf>,
    /// Whether the pages of Fusion Chat are served.
    pub has_chat: bool,
}

/// Who signs users in, as environment variables of the deployment say. They are read when the server starts.
#[derive(Clone, Copy, Debug)]
pub struct SignIn {
    /// The variable with the issuer's URL.
    pub variable: &'static str,
    /// Whom its tokens are for.
    pub audience: &'static str,
    /// The variable with the id of the pages at the issuer. Tokens for it are taken, too.
    pub client_variable: &'static str,
    /// The variable with the key of a service whose own script signs users in.
    pub key_variable: &'static str,
    /// The host of that script, which the operators' pages may load, by the key.
    pub script_host: fn(&str) -> Option<String>,
}

impl SignIn {
    /// The issuer, once for each audience, if the variable is set to one. A wrong one must not keep the server from
    /// starting: it could not be set right then.
    fn providers(self, database: &Database) -> Vec<Provider> {
        let checked = variable(database, self.variable).and_then(|domain| {
            let client = variable(database, self.client_variable)?.filter(|client| client != self.audience);
            let audiences = [Some(self.audience.to_owned()), client];
            let of =
                |audience| domain.as_ref().map(|domain| json!({"domain": domain, "applicationID": audience}));
            Provider::list_from_json(&audiences.into_iter().flatten().filter_map(of).collect::<Vec<_>>())
        });
        checked.unwrap_or_else(|error| {
            output::talk(format_args!(
                "warning: the environment variable {} names no issuer: {}",
                self.variable,
                error.message()
            ));
            Vec::new()
        })
    }

    /// The host of the script that signs users in, if there is one.
    fn script_host(self, database: &Database) -> Option<String> {
        let key = variable(database, self.key_variable).ok().flatten()?;
        let host = (self.script_host)(&key);
        if host.is_none() {
            output::talk(format_args!(
                "warning: the environment variable {} is no publishable key",
                self.key_variable
            ));
        }
        host
    }
}

/// An environment variable of the deployment that is not empty.
fn variable(database: &Database, name: &str) -> fusion_runtime::Result<Option<String>> {
    let variable = Environment::new(&mut database.begin_query(), database.secrets()).get(name)?;
    let value = variable.map(|variable| variable.value.trim().to_owned());
    Ok(value.filter(|value| !value.is_empty()))
}

/// Where a server can be reached, and with which key.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// URL of the API.
    pub(crate) url: String,
    /// URL of the HTTP actions.
    pub(crate) site_url: String,
    /// A key of an administrator.
    pub(crate) admin_key: String,
}

/// Runs a server until it is asked to stop.
///
/// # Errors
/// Why it could not be started, or did not end as it should.
pub fn serve(options: &ServerOptions, served: Served) -> Result {
    serve_with(options, served, async |_| std::future::pending().await)
}

/// Runs a server, and beside it what ends it: until that has ended or the server is asked to stop.
///
/// # Errors
/// Why either failed.
pub(crate) fn serve_with(
    options: &ServerOptions,
    served: Served,
    beside: impl AsyncFnOnce(Running) -> Result,
) -> Result {
    logging::start(options.log_format)?;
    // Every client is an open file.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("fusion").build().map_err(
            |error| Failure::new(format!("the threads of the server could not be started: {error}")),
        )?;
    let result = runtime.block_on(run(&options.without_empty(), served, beside));
    // Work that nobody waits for does not keep the process.
    runtime.shutdown_background();
    result
}

async fn run(options: &ServerOptions, served: Served, beside: impl AsyncFnOnce(Running) -> Result) -> Result {
    // From the beginning: whoever starts a server may change their mind at once.
    let mut signals = StopSignals::catch()?;
    let server = Server::start(options, served).await?;
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        result = beside(server.running.clone()) => result,
    };
    output::talk("Stopping.");
    let stopped = tokio::select! {
        result = server.stop() => result,
        () = signals.next() => Err(Failure::new("stopped at once, as asked twice")),
        () = tokio::time::sleep(STOP_TIMEOUT) => {
            // Whatever was acknowledged is durable; what was not may be lost.
            tracing::warn!("stopping took too long: it was cut short");
            Ok(())
        }
    };
    if stopped.is_ok() {
        output::talk("Stopped.");
    }
    ended.and(stopped)
}

/// The providers that the options name.
fn providers(options: &ServerOptions) -> Result<Vec<Provider>> {
    let Some(text) = &options.auth_providers else { return Ok(Vec::new()) };
    let list: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!("--auth-providers is no JSON list: {error}"))
            .hint(r#"--auth-providers '[{"domain":"https://issuer.example","applicationID":"convex"}]'"#)
    })?;
    Ok(Provider::list_from_json(&list)?)
}

/// A running server.
struct Server {
    database: Database,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<fusion_runtime::Result<()>>,
    background: [tokio::task::JoinHandle<()>; 2],
    running: Running,
    _ready: ReadyFiles,
}

impl Server {
    async fn start(options: &ServerOptions, served: Served) -> Result<Self> {
        let mut limits = options::limits()?;
        limits.body_bytes_max = options.memory_budget.saturating_mul(1 << 20);
        let limits = Arc::new(limits);
        let mut providers = providers(options)?;
        let test_clock = options.test_clock.then(Arc::<TestClock>::default);
        let clock: Arc<dyn Clock> = match &test_clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        };
        credentials::create_folder(&options.data_dir)?;
        let mut credentials = Credentials::load(
            &options.data_dir,
            options.instance_name.as_deref(),
            options.instance_secret.as_deref(),
        )?;
        let secrets = Arc::new(credentials.secrets());

        // The database has the data folder for itself from here on.
        let database = Database::open(DatabaseOptions {
            store: StoreOptions {
                folder: Some(options.data_dir.clone()),
                durability: options.durability.into(),
            },
            limits,
            clock: clock.clone(),
            secrets: secrets.clone(),
            on_fatal: Arc::new(stop_at_once),
        })?;
        credentials.save()?;
        for provider in served.sign_in.map(|sign_in| sign_in.providers(&database)).unwrap_or_default() {
            if !providers.contains(&provider) {
                providers.push(provider);
            }
        }
        let script_host = served.sign_in.and_then(|sign_in| sign_in.script_host(&database));

        let interface = options.interface.unwrap_or(IpAddr::V4(if served.development {
            Ipv4Addr::LOCALHOST
        } else {
            Ipv4Addr::UNSPECIFIED
        }));
        let (api, port) = listen(interface, options.port, "--port")?;
        let (site, site_port) = listen(interface, options.site_port, "--site-port")?;
        let local = Addresses { url: local_url(interface, port), site_url: local_url(interface, site_port) };
        let origin = |given: &Option<String>, local: &str| {
            given.as_deref().unwrap_or(local).trim_end_matches('/').to_owned()
        };
        let cloud_origin = origin(&options.convex_origin, &local.url);
        let site_origin = origin(&options.convex_site, &local.site_url);

        let admin_keys = credentials.admin_keys();
        let admin_key = admin_keys.issue();
        let mut authenticator = Authenticator::new(admin_keys, clock, options.redact_logs_to_client)?;
        authenticator.set_providers(providers.clone());
        let mut dev_issuer = None;
        if served.development {
            let issuer = DevIssuer::new(format!("{cloud_origin}{DEV_ISSUER_PATH}"), &secrets)?;
            authenticator = authenticator.with_built_in(issuer.provider(), &issuer.jwks())?;
            dev_issuer = Some(issuer);
        }

        let registry = served.application.build()?;
        match push::stored_schema(&database, registry.schema()) {
            Ok(schema) => drop(database.adopt_schema(&schema)?),
            // What is in force stays in force.
            Err(error) => warn_of_pushed_code(&error),
        }
        let files = options.local_storage.clone().unwrap_or_else(|| options.data_dir.join("files"));
        let files = FileStorage::new(Blobs::local(&files)?, secrets, cloud_origin.as_str());
        let deployment = Deployment {
            name: authenticator.admin_keys().instance_name().to_owned(),
            database: database.clone(),
            files,
            cloud_origin,
            site_origin,
            alarm: Alarm::default(),
        };
        let runner = FunctionRunner::new(deployment, registry)?;

        let authenticator = Arc::new(authenticator);
        let limits = runner.deployment().limits().clone();
        let pushes = Pushes::new(runner.clone(), scripts(limits, options)?, authenticator.clone(), providers);
        let restoring = pushes.clone();
        let restored = tokio::task::spawn_blocking(move || restoring.restore());
        if let Ok(Err(error)) = restored.await {
            warn_of_pushed_code(&error);
        }

        let (stop, stopping) = watch::channel(false);
        let config = ServerConfig {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            redact_logs: options.redact_logs_to_client,
            has_metrics: !options.disable_metrics_endpoint,
            dev_issuer,
            home: Some(web::DASHBOARD),
            trusted_proxies: options.trusted_proxies.clone(),
            test_clock,
        };
        let state = ServerState::new(
            runner.clone(),
            runner.live_queries().clone(),
            authenticator,
            pushes,
            config,
            stopping.clone(),
        );
        let pages = served.pages.as_deref().map_or_else(axum::Router::new, pages::router);
        let pages =
            pages.merge(web::router(served.has_chat, options.web_dir.clone(), script_host.as_deref()));
        let serving = tokio::spawn(server::serve(state, api, Some(site), pages, stopping));

        let background =
            [tokio::spawn(Scheduler::new(runner.clone()).run()), tokio::spawn(memory::give_back())];

        if let Some(seed) = served.seed {
            let call = FunctionCall::new(
                seed,
                Object::new(),
                fusion_runtime::auth::Identity::System,
                Caller::Tester,
            );
            if let Err(error) = runner.mutation(call).await.result {
                return Err(Failure::new(format!("the demo data could not be made: {}", error.message)));
            }
        }
        let ready = ReadyFiles::write(&local, &admin_key, &options.data_dir, options.ready_file.as_deref())?;
        ready::announce(&local, &admin_key, options.durability, served.development, served.has_chat);
        if served.pages.is_some() {
            output::talk(format_args!("The app's page: {}{}/", local.url, pages::PATH));
        }
        if let Some(services) = served.services {
            let call = FunctionCall::new(
                services,
                Object::new(),
                fusion_runtime::auth::Identity::System,
                Caller::Tester,
            );
            match runner.query(call, None).await.result {
                Ok(list) => ready::announce_services(&list.to_value()),
                Err(error) => tracing::warn!(error = error.message, "the services could not be listed"),
            }
        }
        let running = Running { url: local.url, site_url: local.site_url, admin_key };
        Ok(Self { database, stop, serving, background, running, _ready: ready })
    }

    /// Takes no more requests, lets those that run end, and makes everything durable.
    async fn stop(self) -> Result {
        // Fails only if nobody listens any more, which is what is wanted.
        let _ = self.stop.send(true);
        match tokio::time::timeout(DRAIN_TIMEOUT, self.serving).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "a listener failed"),
            Ok(Err(error)) => tracing::warn!(%error, "a listener failed"),
            Err(_) => tracing::warn!("requests took too long and were cut off"),
        }
        // Mutations end on their own threads; actions end here, as in a crash, and are noted as failed next time.
        self.background.iter().for_each(tokio::task::JoinHandle::abort);
        let database = self.database;
        tokio::task::spawn_blocking(move || database.close())
            .await
            .map_err(|error| Failure::new(format!("the database could not be closed: {error}")))
    }
}

/// Pushed code that cannot be run must not keep the server from starting: the next push repairs it.
fn warn_of_pushed_code(error: &fusion_runtime::Error) {
    tracing::error!(%error, source = ?std::error::Error::source(error), "the pushed code could not be loaded");
    output::talk(format_args!(
        "warning: the pushed functions are not available: {}\nhint: push them again, e.g. with `npx convex deploy`",
        error.message()
    ));
}

/// Ends the process when nobody knows what the disk holds: going on could acknowledge what is lost.
fn stop_at_once(reason: &str) {
    output::talk(format_args!("error: {reason}\nhint: check the disk, then start again"));
    std::process::exit(1);
}

/// What runs pushed code.
#[cfg(feature = "quickjs")]
fn scripts(limits: Arc<Limits>, options: &ServerOptions) -> Result<Arc<dyn Scripts>> {
    let tasks = tokio::runtime::Handle::current();
    let runtime = JsRuntime::new(limits, fetch::client()?, tasks, Some(node::options(options)))?;
    Ok(Arc::new(runtime))
}

/// What runs pushed code: nothing.
#[cfg(not(feature = "quickjs"))]
fn scripts(_: Arc<Limits>, _: &ServerOptions) -> Result<Arc<dyn Scripts>> {
    Ok(Arc::new(NoScripts))
}
