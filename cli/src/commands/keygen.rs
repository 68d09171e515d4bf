//! `fusion keygen`.

use clap::{Args, Subcommand};
use fusion_runtime::auth::{AdminKeys, InstanceSecret, Secrets};

use crate::failure::{Failure, Result};
use crate::output;

/// Make keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keygen {
    AdminKey(AdminKey),
}

/// Print an admin key for an instance.
#[derive(Args, Debug)]
pub(crate) struct AdminKey {
    /// Name of the instance.
    #[arg(long, value_name = "NAME", env = "INSTANCE_NAME")]
    instance_name: String,

    /// Secret of the instance: 64 hexadecimal digits.
    #[arg(long, value_name = "SECRET", env = "INSTANCE_SECRET", hide_env_values = true)]
    instance_secret: String,
}

pub(super) fn run(command: Keygen) -> Result {
    let Keygen::AdminKey(AdminKey { instance_name, instance_secret }) = command;
    let secret = InstanceSecret::parse(&instance_secret).map_err(|error| {
        Failure::usage(error.message())
            .hint("fusion keygen admin-key --instance-name NAME --instance-secret SECRET")
    })?;
    output::data(AdminKeys::new(instance_name, Secrets::new(secret)).issue())
}
