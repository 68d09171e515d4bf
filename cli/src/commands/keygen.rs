//! `fusion keygen`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fusion_runtime::auth::{AdminKeys, InstanceSecret, Secrets};

use crate::failure::{Failure, Result};
use crate::output;
use crate::serve::credentials::Credentials;
use crate::serve::options::data_folder;

/// Make keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keygen {
    AdminKey(AdminKey),
}

/// Print an admin key: of the instance in the data folder, or of the one whose name and secret are given.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion keygen admin-key                     of the server whose data is in .fusion
  fusion keygen admin-key --instance-name NAME --instance-secret SECRET")]
pub(crate) struct AdminKey {
    /// Name of the instance.
    #[arg(
        long,
        value_name = "NAME",
        env = "INSTANCE_NAME",
        hide_env_values = true,
        requires = "instance_secret"
    )]
    instance_name: Option<String>,

    /// Secret of the instance: 64 hexadecimal digits.
    #[arg(
        long,
        value_name = "SECRET",
        env = "INSTANCE_SECRET",
        hide_env_values = true,
        requires = "instance_name"
    )]
    instance_secret: Option<String>,

    /// Data folder of the instance.
    #[arg(long, value_name = "FOLDER", env = "DATA_DIR", hide_env_values = true, default_value = ".fusion", value_parser = data_folder)]
    data_dir: PathBuf,
}

pub(super) fn run(command: Keygen) -> Result {
    let Keygen::AdminKey(AdminKey { instance_name, instance_secret, data_dir }) = command;
    let keys = match (instance_name, instance_secret) {
        (Some(name), Some(secret)) if !name.is_empty() && !secret.is_empty() => {
            let secret = InstanceSecret::parse(&secret).map_err(|error| {
                Failure::usage(error.message())
                    .hint("fusion keygen admin-key --instance-name NAME --instance-secret SECRET")
            })?;
            AdminKeys::new(name, Secrets::new(secret))
        }
        _ => Credentials::saved(&data_dir)?
            .ok_or_else(|| {
                Failure::new(format!("no server ever ran on the data folder {}", data_dir.display()))
                    .hint("fusion keygen admin-key --instance-name NAME --instance-secret SECRET")
            })?
            .admin_keys(),
    };
    output::data(keys.issue())
}
