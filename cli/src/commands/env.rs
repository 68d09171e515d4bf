//! `fusion env`.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use crate::client::{Deployment, Target};
use crate::dotenv;
use crate::failure::{Failure, Result};
use crate::output;

/// Variables that say which deployment is meant; a file with them in it does not set them on the deployment.
const CLIENT_VARIABLES: [&str; 14] = [
    "CONVEX_DEPLOYMENT",
    "CONVEX_DEPLOY_KEY",
    "CONVEX_SELF_HOSTED_URL",
    "CONVEX_SELF_HOSTED_ADMIN_KEY",
    "CONVEX_URL",
    "CONVEX_SITE_URL",
    "VITE_CONVEX_URL",
    "VITE_CONVEX_SITE_URL",
    "NEXT_PUBLIC_CONVEX_URL",
    "NEXT_PUBLIC_CONVEX_SITE_URL",
    "EXPO_PUBLIC_CONVEX_URL",
    "REACT_APP_CONVEX_URL",
    "PUBLIC_CONVEX_URL",
    "NUXT_PUBLIC_CONVEX_URL",
];

/// Read and change the environment variables of a deployment.
#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    Set(Set),
    Get(Get),
    List(List),
    Remove(Remove),
}

/// Set a variable, or all variables of a `.env` file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion env set GREETING 'hello world'
  pbpaste | fusion env set API_KEY            a secret that is not for the shell's history
  fusion env set --from-file .env.convex --force")]
pub(crate) struct Set {
    /// Name of the variable, or NAME=VALUE. Without it a `.env` file is read.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Value; without it the value is read from stdin or from the file.
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,

    /// File to read instead of stdin.
    #[arg(long, value_name = "PATH")]
    from_file: Option<PathBuf>,

    /// Overwrite variables that have another value, when a `.env` file is read.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    target: Target,
}

/// Print the value of a variable.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion env get GREETING")]
pub(crate) struct Get {
    /// Name of the variable.
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    target: Target,
}

/// Print all variables in the form of a `.env` file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion env list > .env.convex               to edit, and set with: fusion env set --force < .env.convex")]
pub(crate) struct List {
    /// Print the names only.
    #[arg(long)]
    names_only: bool,

    /// Print the values too, which is the default.
    #[arg(long, conflicts_with = "names_only")]
    include_values: bool,

    /// Print one JSON object of names and values.
    #[arg(long, conflicts_with = "names_only")]
    json: bool,

    #[command(flatten)]
    target: Target,
}

/// Remove a variable. It is no error if it is not there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion env remove GREETING")]
#[command(visible_aliases = ["rm", "unset"])]
pub(crate) struct Remove {
    /// Name of the variable.
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Env) -> Result {
    match command {
        Env::Set(command) => set(command).await,
        Env::Get(Get { name, target }) => {
            let variables = list(&target.deployment()?).await?;
            match variables.into_iter().find(|(known, _)| *known == name) {
                Some((_, value)) => output::data(value),
                None => Err(Failure::new(format!("there is no environment variable {name:?}"))
                    .hint(format!("fusion env set {name} VALUE"))),
            }
        }
        Env::List(List { names_only, include_values: _, json, target }) => {
            let variables = list(&target.deployment()?).await?;
            if json {
                let object: serde_json::Map<_, _> =
                    variables.into_iter().map(|(name, value)| (name, json!(value))).collect();
                return output::data(format!("{:#}", Json::Object(object)));
            }
            if variables.is_empty() {
                output::talk("There are no environment variables.");
            }
            variables.into_iter().try_for_each(|(name, value)| {
                if names_only {
                    output::data(name)
                } else {
                    output::data(format!("{name}={}", dotenv::format(&value)))
                }
            })
        }
        Env::Remove(Remove { name, target }) => {
            update(&target.deployment()?, vec![(name.clone(), None)]).await?;
            output::talk(format_args!("Removed {name}"));
            Ok(())
        }
    }
}

async fn set(command: Set) -> Result {
    let Set { name, value, from_file, force, target } = command;
    let Some(name) = name else {
        return set_from_file(&target, from_file.as_deref(), force).await;
    };
    let (name, value) = match (name.split_once('='), value) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("pass either NAME=VALUE or NAME VALUE, not both")
                .hint("quote a value with spaces: fusion env set NAME 'the value'"));
        }
        (Some((name, value)), None) => (name.to_owned(), value.to_owned()),
        (None, Some(value)) => (name, value),
        // What an editor or `echo` puts at the end is not part of a secret.
        (None, None) => (name, read_input(from_file.as_deref())?.trim_end_matches(['\r', '\n']).to_owned()),
    };
    update(&target.deployment()?, vec![(name.clone(), Some(value))]).await?;
    output::talk(format_args!("Set {name}"));
    Ok(())
}

async fn set_from_file(target: &Target, file: Option<&Path>, force: bool) -> Result {
    let mut wanted = dotenv::parse(&read_input(file)?);
    wanted.retain(|(name, _)| {
        let own = CLIENT_VARIABLES.contains(&name.as_str());
        if own {
            output::talk(format_args!("Skipped {name}: it says which deployment is meant"));
        }
        !own
    });
    let deployment = target.deployment()?;
    let existing = list(&deployment).await?;
    let former = |name: &str| existing.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    wanted.retain(|(name, value)| former(name) != Some(value));
    let conflicts: Vec<_> =
        wanted.iter().map(|(name, _)| name.as_str()).filter(|name| former(name).is_some()).collect();
    if !force && !conflicts.is_empty() {
        return Err(Failure::new(format!(
            "these variables have other values already: {}",
            conflicts.join(", ")
        ))
        .hint("add --force to overwrite them"));
    }
    if wanted.is_empty() {
        output::talk("Nothing to set.");
        return Ok(());
    }
    let count = wanted.len();
    update(&deployment, wanted.into_iter().map(|(name, value)| (name, Some(value))).collect()).await?;
    output::talk(format_args!("Set {count} {}", if count == 1 { "variable" } else { "variables" }));
    Ok(())
}

/// The content of the file, or of stdin if something is piped in.
fn read_input(file: Option<&Path>) -> Result<String> {
    if let Some(file) = file {
        return std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error));
    }
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        output::talk(
            "Type what to set, then Ctrl-D on a line of its own. It does not end up in the shell's history.",
        );
    }
    let mut content = String::new();
    stdin
        .read_to_string(&mut content)
        .map_err(|error| Failure::new(format!("stdin could not be read: {error}")))?;
    Ok(content)
}

/// All variables, by name.
async fn list(deployment: &Deployment) -> Result<Vec<(String, String)>> {
    let variables = deployment.system_query("_system/cli/queryEnvironmentVariables", json!({})).await?;
    let text = |variable: &Json, field: &str| variable[field].as_str().unwrap_or_default().to_owned();
    let variables = variables.as_array().into_iter().flatten();
    Ok(variables.map(|variable| (text(variable, "name"), text(variable, "value"))).collect())
}

/// Sets or (with `None`) removes variables, all or none.
async fn update(deployment: &Deployment, changes: Vec<(String, Option<String>)>) -> Result {
    let changes: Vec<_> =
        changes.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    deployment.post("/api/update_environment_variables", &json!({"changes": changes}), None).await?;
    Ok(())
}
