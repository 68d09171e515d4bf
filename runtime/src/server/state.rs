//! [`ServerState`]: what the handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::{Semaphore, watch};

use super::origin::TrustedProxies;
use crate::auth::{Authenticator, DevIssuer};
use crate::clock::{Clock, TestClock};
use crate::database::Database;
use crate::function::live::LiveQueries;
use crate::function::{Deployment, FunctionRunner};
use crate::limits::Limits;
use crate::log_streams::LogStreams;
use crate::push::Pushes;
use crate::session::socket::SocketContext;
use crate::snapshot::Snapshots;
use crate::streaming_export::StreamingExport;

/// How the server presents itself.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// What `/version` answers.
    pub version: String,
    /// Whether clients are shown neither log lines nor the details of errors.
    pub redact_logs: bool,
    /// Whether `/metrics` answers.
    pub has_metrics: bool,
    /// The development issuer, where its routes are to be served.
    pub dev_issuer: Option<DevIssuer>,
    /// The path to which a browser that asks for `/` is sent.
    pub home: Option<&'static str>,
    /// The proxies whose word about the addresses of callers counts.
    pub trusted_proxies: TrustedProxies,
    /// The clock that administrators may set forward, where tests are to: that of the database.
    pub test_clock: Option<Arc<TestClock>>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct ServerState {
    /// Runs functions.
    pub runner: Arc<FunctionRunner>,
    /// Verifies tokens and admin keys.
    pub authenticator: Arc<Authenticator>,
    /// Takes pushed code.
    pub pushes: Arc<Pushes>,
    /// How the server presents itself.
    pub config: ServerConfig,
    /// Imports and exports.
    pub snapshots: Snapshots,
    /// What data connectors read.
    pub streaming_export: StreamingExport,
    /// Where events are sent to.
    pub log_streams: LogStreams,
    /// What sockets need.
    pub sockets: Arc<SocketContext>,
    /// Room for HTTP requests.
    pub(super) requests: Arc<Semaphore>,
}

impl ServerState {
    /// The state of a server that stops when `shutdown` becomes true. To be called inside of an async runtime, where
    /// imports, exports and log streams then run.
    pub fn new(
        runner: Arc<FunctionRunner>,
        live: LiveQueries,
        authenticator: Arc<Authenticator>,
        pushes: Arc<Pushes>,
        config: ServerConfig,
        shutdown: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let deployment = runner.deployment();
        let requests = Arc::new(Semaphore::new(deployment.limits().concurrent_http_requests_max));
        let sockets = Arc::new(SocketContext {
            runner: runner.clone(),
            live,
            database: deployment.database.clone(),
            authenticator: authenticator.clone(),
            clock: deployment.clock().clone(),
            redact: config.redact_logs,
            shutdown: shutdown.clone(),
            open: Arc::new(AtomicUsize::new(0)),
        });
        let snapshots = Snapshots::start(runner.clone());
        let streaming_export = StreamingExport::new(deployment.database.clone());
        let name = authenticator.admin_keys().instance_name();
        let log_streams = LogStreams::start(runner.clone(), name, shutdown);
        Arc::new(Self {
            snapshots,
            streaming_export,
            log_streams,
            runner,
            authenticator,
            pushes,
            config,
            sockets,
            requests,
        })
    }

    /// What functions can reach.
    pub fn deployment(&self) -> &Arc<Deployment> {
        self.runner.deployment()
    }

    /// The data.
    pub fn database(&self) -> &Database {
        &self.deployment().database
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &**self.deployment().clock()
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        self.deployment().limits()
    }
}
