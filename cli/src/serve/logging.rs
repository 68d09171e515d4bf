//! The log of the process: on stderr, filtered by `RUST_LOG`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::options::LogFormat;
use crate::failure::{Failure, Result};

/// Starts logging. Doing it twice changes nothing.
pub(super) fn start(format: LogFormat) -> Result {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()
        .map_err(|error| Failure::usage(format!("RUST_LOG cannot be read: {error}")).hint("RUST_LOG=info"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match format {
        LogFormat::Human => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    Ok(())
}
