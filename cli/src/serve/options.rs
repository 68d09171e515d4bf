//! The options of `dev` and `serve`, spelled like those of the original server where it has them, and their
//! environment names.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use fusion_runtime::limits::Limits;
use fusion_runtime::server::TrustedProxies;
use fusion_runtime::store;

use crate::failure::{Failure, Result};

/// The ports of the original server.
const API_PORT: u16 = 3210;
const SITE_PORT: u16 = 3211;
/// The data folder, unless another one is named.
const DATA_FOLDER: &str = ".fusion";

/// Document bodies kept in memory, in MiB.
const MEMORY_BUDGET_MIB: usize = 1024;

/// How a server is started. An option that is empty, as container files like to set variables, counts as not set.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct ServerOptions {
    /// Port of the API; 0 picks a free one.
    #[arg(long, value_name = "PORT", env = "PORT", hide_env_values = true, default_value_t = API_PORT, value_parser = port_or(API_PORT))]
    pub port: u16,

    /// Port of the HTTP actions; 0 picks a free one.
    #[arg(
        long,
        alias = "site-proxy-port",
        value_name = "PORT",
        env = "SITE_PROXY_PORT", hide_env_values = true,
        default_value_t = SITE_PORT,
        value_parser = port_or(SITE_PORT)
    )]
    pub site_port: u16,

    /// Address to listen on [default: 127.0.0.1 for `dev`, 0.0.0.0 for `serve`].
    #[arg(long, hide_short_help = true, value_name = "ADDRESS")]
    pub interface: Option<IpAddr>,

    /// Folder for all data.
    #[arg(long, value_name = "FOLDER", env = "DATA_DIR", hide_env_values = true, default_value = DATA_FOLDER, value_parser = data_folder)]
    pub data_dir: PathBuf,

    /// Folder for stored files [default: `files` in the data folder].
    #[arg(long, hide_short_help = true, value_name = "FOLDER", env = "STORAGE_DIR", hide_env_values = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub local_storage: Option<PathBuf>,

    /// When a write is acknowledged.
    #[arg(long, value_enum, default_value_t = Durability::Full)]
    pub durability: Durability,

    /// MiB of document bodies kept in memory; others are read back from disk when needed.
    #[arg(long, hide_short_help = true, value_name = "MIB", default_value_t = MEMORY_BUDGET_MIB)]
    pub memory_budget: usize,

    /// Name of the instance, part of its admin keys [default: the one saved in the data folder, or `fusion`].
    #[arg(long, hide_short_help = true, value_name = "NAME", env = "INSTANCE_NAME", hide_env_values = true)]
    pub instance_name: Option<String>,

    /// Secret of the instance, 64 hexadecimal digits [default: the one saved in the data folder, or a new one].
    #[arg(
        long,
        hide_short_help = true,
        value_name = "SECRET",
        env = "INSTANCE_SECRET",
        hide_env_values = true
    )]
    pub instance_secret: Option<String>,

    /// Public URL of the API, if it is not this machine's [default: http://127.0.0.1:PORT].
    #[arg(
        long,
        hide_short_help = true,
        value_name = "URL",
        env = "CONVEX_CLOUD_ORIGIN",
        hide_env_values = true,
        requires = "convex_site"
    )]
    pub convex_origin: Option<String>,

    /// Public URL of the HTTP actions [default: http://127.0.0.1:PORT].
    #[arg(
        long,
        hide_short_help = true,
        value_name = "URL",
        env = "CONVEX_SITE_ORIGIN",
        hide_env_values = true,
        requires = "convex_origin"
    )]
    pub convex_site: Option<String>,

    /// Providers whose tokens are accepted, as a JSON list in the form of `convex/auth.config.ts`.
    #[arg(long, hide_short_help = true, value_name = "JSON", env = "AUTH_PROVIDERS", hide_env_values = true)]
    pub auth_providers: Option<String>,

    /// Node.js 20 or newer, for actions that begin with "use node" [default: `node` on the PATH].
    #[arg(long, hide_short_help = true, value_name = "PROGRAM", env = "FUSION_NODE", hide_env_values = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub node: Option<PathBuf>,

    /// What actions in Node.js may reach on this machine.
    #[arg(long, hide_short_help = true, value_enum, env = "FUSION_NODE_ACCESS", hide_env_values = true, default_value_t = NodeAccess::Sandbox)]
    pub node_access: NodeAccess,

    /// Let packages of `node.externalPackages` run their install scripts.
    #[arg(long, hide_short_help = true, env = "FUSION_NODE_INSTALL_SCRIPTS", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub node_install_scripts: bool,

    /// Proxies in front of the server, whose `X-Forwarded-For` or `Forwarded` tells functions the addresses of callers: IP
    /// addresses and networks, like 127.0.0.1,10.0.0.0/8 [default: none].
    #[arg(
        long,
        hide_short_help = true,
        value_name = "ADDRESSES",
        env = "FUSION_TRUSTED_PROXIES",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub trusted_proxies: TrustedProxies,

    /// Show clients neither log lines nor the details of errors.
    #[arg(long, hide_short_help = true, env = "REDACT_LOGS_TO_CLIENT", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub redact_logs_to_client: bool,

    /// Do not serve /metrics.
    #[arg(long, hide_short_help = true, env = "DISABLE_METRICS_ENDPOINT", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub disable_metrics_endpoint: bool,

    /// Let administrators set the clock forward (POST /api/test_clock), for tests of what is scheduled.
    #[arg(long, hide_short_help = true)]
    pub test_clock: bool,

    /// Form of the log on stderr. What is logged is set with RUST_LOG.
    #[arg(long, hide_short_help = true, value_enum, default_value_t = LogFormat::Human)]
    pub log_format: LogFormat,

    /// Folder to serve the pages from (the dashboards, the widget) instead of those inside the binary.
    #[arg(long, hide_short_help = true, value_name = "FOLDER")]
    pub web_dir: Option<PathBuf>,

    /// File to write {"url", "siteUrl", "dashboardUrl", "adminKey", "pid"} to once the server is ready.
    #[arg(long, hide_short_help = true, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Once it is on the disk.
    Full,
    /// Once the operating system has it; a power failure can lose the last moments.
    Relaxed,
}

impl From<Durability> for store::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Full => Self::Full,
            Durability::Relaxed => Self::Relaxed,
        }
    }
}

/// What actions in Node.js may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NodeAccess {
    /// Their code and packages, the system's libraries, the network, and a temporary folder.
    Sandbox,
    /// Whatever the server may: all files, other programs, threads.
    Full,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// A JSON object in each line.
    Json,
}

impl ServerOptions {
    /// The options, without those that are empty texts.
    pub(super) fn without_empty(&self) -> Self {
        let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        Self {
            instance_name: text(&self.instance_name),
            instance_secret: text(&self.instance_secret),
            convex_origin: text(&self.convex_origin),
            convex_site: text(&self.convex_site),
            auth_providers: text(&self.auth_providers),
            node: self.node.clone().filter(|program| !program.as_os_str().is_empty()),
            local_storage: self.local_storage.clone().filter(|folder| !folder.as_os_str().is_empty()),
            ..self.clone()
        }
    }
}

fn port_or(default: u16) -> impl Fn(&str) -> Result<u16, String> + Clone {
    move |text| {
        if text.is_empty() {
            return Ok(default);
        }
        text.parse().map_err(|_| "a port is a number from 0 to 65535".to_owned())
    }
}

/// Reads the name of the data folder.
#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
pub(crate) fn data_folder(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(if text.is_empty() { DATA_FOLDER } else { text }))
}

/// The limits, as the environment changes them.
pub(super) fn limits() -> Result<Limits> {
    let mut limits = Limits::default();
    // Names and values that are no text are none of ours.
    for (name, value) in std::env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string())
            && !value.is_empty()
        {
            limits.set(&name, &value).map_err(|message| {
                Failure::usage(message).hint(format!("unset {name} to use the default"))
            })?;
        }
    }
    Ok(limits)
}
