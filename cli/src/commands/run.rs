//! `fusion run`.

use std::ops::ControlFlow;

use clap::Args;
use serde_json::{Value as Json, json};

use crate::client::Target;
use crate::failure::{Failure, Result};
use crate::function_name::canonical_path;
use crate::inline_query;
use crate::output;
use crate::project::Project;
use crate::push::{Push, PushOptions};
use crate::spinner::Spinner;
use crate::watch::{Watched, watch};

/// Run a function, or a query written on the spot, and print its result.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion run messages:list
  fusion run messages:send '{\"author\": \"amy\", \"body\": \"hello\"}'
  fusion run --push messages:list                 push this folder's functions first
  fusion run --identity '{\"subject\": \"u1\"}' users:me
  fusion run --component rateLimiter lib:resetRateLimit '{\"name\": \"signUp\"}'
  fusion run --inline-query 'await ctx.db.query(\"messages\").take(5)'")]
pub(crate) struct Run {
    /// Function to run: `module:function`, `folder/module:function` or `api.folder.module.function`.
    #[arg(value_name = "FUNCTION", required_unless_present = "inline_query")]
    function: Option<String>,

    /// Arguments: one JSON object; JSON5 and Convex's `{"$integer": …}` are understood.
    #[arg(value_name = "ARGS", default_value = "{}")]
    args: String,

    /// Act as a user: a JSON object such as '{"subject": "u1", "email": "amy@example.com"}'.
    #[arg(long, value_name = "JSON")]
    identity: Option<String>,

    /// Component the function is in, or whose tables an inline query reads: `name` or `outer/inner`.
    #[arg(long, value_name = "PATH")]
    component: Option<String>,

    /// Print the result again whenever it changes, until stopped; for queries.
    #[arg(long, short)]
    watch: bool,

    /// Push the functions of this folder first.
    #[arg(long)]
    push: bool,

    /// Run this JavaScript as a query that can only read: an expression, statements that return, or a module that
    /// exports a query as its default.
    #[arg(long, value_name = "JAVASCRIPT", conflicts_with_all = ["function", "watch", "identity"])]
    inline_query: Option<String>,

    #[command(flatten)]
    options: PushOptions,

    #[command(flatten)]
    target: Target,
}

/// What is to be run.
enum Job {
    Function { path: String, args: Json, identity: Option<Json> },
    InlineQuery(String),
}

impl Run {
    fn job(&self) -> Result<Job> {
        if let Some(text) = &self.inline_query {
            if text.trim().is_empty() {
                return Err(Failure::usage("there is nothing after --inline-query")
                    .hint("fusion run --inline-query 'await ctx.db.query(\"messages\").take(5)'"));
            }
            return Ok(Job::InlineQuery(inline_query::module(text)));
        }
        let name = self.function.as_deref().unwrap_or_default();
        let path = canonical_path(name).ok_or_else(|| {
            Failure::usage(format!("{name:?} has too few parts")).hint("fusion run api.module.function")
        })?;
        let args = parse_object("arguments", &self.args)?;
        let identity = self.identity.as_deref().map(parse_identity).transpose()?;
        Ok(Job::Function { path, args, identity })
    }
}

pub(super) async fn run(command: Run) -> Result {
    let job = command.job()?;
    let deployment = command.target.deployment()?;
    if command.push {
        let push = Push {
            project: &Project::here()?,
            deployment: &deployment,
            options: &command.options,
            dry_run: false,
            confirm: None,
            message: None,
            spinner: &Spinner::new(),
        };
        push.run().await.map_err(|error| error.failure)?;
    }
    let (log_lines, result) = match job {
        Job::InlineQuery(module) => deployment.inline_query(&module, command.component.as_deref()).await?,
        Job::Function { path, args, identity } if command.watch => {
            let query = Watched {
                path: &path,
                args: &args,
                component: command.component.as_deref(),
                identity: identity.as_ref(),
            };
            return watch(&deployment, &query, |value| {
                output::data(format!("{value:#}")).map(ControlFlow::Continue)
            })
            .await;
        }
        Job::Function { path, args, identity } => {
            deployment.call(&path, &args, command.component.as_deref(), identity.as_ref()).await?
        }
    };
    log_lines.iter().for_each(output::talk);
    match result? {
        // What a function returns that returns nothing.
        Json::Null => Ok(()),
        value => output::data(format!("{value:#}")),
    }
}

fn parse_object(what: &str, text: &str) -> Result<Json> {
    let value: Json = json5::from_str(text).map_err(|error| {
        Failure::usage(format!("the {what} cannot be read: {error}"))
            .hint("fusion run module:function '{\"name\": \"value\"}'")
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Failure::usage(format!("the {what} must be a JSON object")))
    }
}

/// An identity with what may be left out filled in.
fn parse_identity(text: &str) -> Result<Json> {
    let mut identity = parse_object("identity", text)?;
    for (name, value) in [("subject", "fusion-run"), ("issuer", "https://convex.test")] {
        if identity.get(name).is_none() {
            identity[name] = json!(value);
        }
    }
    Ok(identity)
}
