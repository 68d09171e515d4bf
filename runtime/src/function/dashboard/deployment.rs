//! The deployment as a whole: its URLs and version, settings, imports, exports and events.

use fusion_schema::{Object, Page, PaginationOptions, Typed, Value, json, object};

use super::{AddModule, Component, Root, capped};
use crate::Result;
use crate::function::context::{QueryCtx, page_value};
use crate::system::deployment_state::DeploymentState;
use crate::system::environment::Environment;
use crate::system::events::{EventFilter, Events};
use crate::system::exports::Exports;
use crate::system::imports::Imports;
use crate::system::log_streams::LogStreams;
use crate::system::modules::{ModuleEnvironment, Modules};

/// The version of Node.js that projects get which do not ask for one.
const NODE_VERSION: &str = "20";

pub(super) fn register(module: &mut AddModule<'_>) {
    module("components", &|module| {
        module.query("list", |ctx: &mut QueryCtx<'_>, _: Root| Ok(components(ctx)));
    });
    module("getVersion", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            let config = Modules::new(ctx.tx()).config()?;
            Ok(config.map_or(Value::Null, |config| Value::String(config.server_version)))
        });
    });
    module("convexCloudUrl", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            Ok(ctx.execution().deployment().cloud_origin.clone())
        });
    });
    module("convexSiteUrl", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            Ok(ctx.execution().deployment().site_origin.clone())
        });
    });
    module("deploymentState", &|module| {
        module.query("deploymentState", |ctx: &mut QueryCtx<'_>, _: Root| {
            Ok(object! { "state" => DeploymentState::new(ctx.tx()).name()? })
        });
    });
    module("backendState", &|module| {
        // Why it does not run: for those who keep the server, by a limit of use, or by choice.
        module.query("backendState", |ctx: &mut QueryCtx<'_>, _: Root| {
            let user = DeploymentState::new(ctx.tx()).name()?;
            Ok(object! { "system" => "running", "usage_limit" => "running", "user" => user })
        });
    });
    module("listEnvironmentVariables", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            let secrets = ctx.execution().deployment().secrets().clone();
            let variables = Environment::new(ctx.tx(), &secrets).list()?;
            Ok(variables.iter().map(|variable| variable.to_value()).collect::<Vec<_>>())
        });
    });
    module("listAuthProviders", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| auth_providers(ctx));
    });
    module("listConfiguredSinks", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
            let secrets = ctx.execution().deployment().secrets().clone();
            LogStreams::new(ctx.tx(), &secrets).shown()
        });
    });
    module("node", &|module| {
        module.query("version", |ctx: &mut QueryCtx<'_>, _: Root| {
            let has_any = Modules::new(ctx.tx())
                .list()?
                .iter()
                .any(|module| module.environment == ModuleEnvironment::Node);
            let version = Modules::new(ctx.tx()).config()?.and_then(|config| config.node_version);
            let version = version.unwrap_or_else(|| NODE_VERSION.to_owned());
            Ok(if has_any { Value::String(format!("nodejs{version}.x")) } else { Value::Null })
        });
    });
    module("deploymentEvents", &|module| {
        module.query("lastPushEvent", |ctx: &mut QueryCtx<'_>, _: Root| {
            Ok(Events::new(ctx.tx()).last_push()?.unwrap_or(Value::Null))
        });
    });
    module("paginatedDeploymentEvents", &|module| {
        module.query("default", events);
    });
    module("listDeploymentEventsFromTime", &|module| {
        module.query("default", |ctx: &mut QueryCtx<'_>, args: FromTime| {
            Events::new(ctx.tx()).since(args.from_timestamp)
        });
    });
    module("snapshotImport", &|module| {
        module.query("list", |ctx: &mut QueryCtx<'_>, _: Root| Imports::new(ctx.tx()).list());
    });
    module("latestExport", &|module| {
        module
            .query("default", |ctx: &mut QueryCtx<'_>, _: Root| {
                Ok(Exports::new(ctx.tx()).latest()?.unwrap_or(Value::Null))
            })
            .query("latestCloudExport", |_: &mut QueryCtx<'_>, _: Root| Ok(Value::Null))
            .query("canExportFileStorage", |_: &mut QueryCtx<'_>, _: Root| Ok(true));
    });
}

/// The app and all components, mounted or not, in the order of their paths.
fn components(ctx: &mut QueryCtx<'_>) -> Vec<Object> {
    let mut components: Vec<_> = ctx.tx().snapshot().catalog().components().cloned().collect();
    components.sort_by(|a, b| a.path.cmp(&b.path));
    let app = object! {
        "args" => Object::new(), "httpPrefix" => Value::Null, "id" => "", "name" => Value::Null,
        "path" => "", "state" => "active",
    };
    let shown = components.iter().map(|component| {
        object! {
            "args" => Object::new(),
            "httpPrefix" => component.http_prefix.as_deref().map_or(Value::Null, Value::from),
            "id" => component.document,
            "name" => component.name.as_str(),
            "path" => &*component.path,
            "state" => if component.is_active { "active" } else { "unmounted" },
        }
    });
    std::iter::once(app).chain(shown).collect()
}

#[derive(Typed)]
struct FromTime {
    from_timestamp: f64,
    component_id: Option<Component>,
}

#[derive(Typed)]
struct Filters {
    min_date: Option<f64>,
    max_date: Option<f64>,
    author_member_ids: Option<Vec<Value>>,
    actions: Option<Vec<String>>,
}

#[derive(Typed)]
struct EventPage {
    pagination_opts: PaginationOptions,
    filters: Option<Filters>,
    component_id: Option<Component>,
}

/// A page of what administrators did, newest first.
fn events(ctx: &mut QueryCtx<'_>, args: EventPage) -> Result<Page<Value>> {
    let filter = args.filters.map_or_else(EventFilter::default, |filters| EventFilter {
        min_ms: filters.min_date,
        max_ms: filters.max_date,
        actions: filters.actions,
        members: filters.author_member_ids,
    });
    let page = Events::new(ctx.tx()).page(filter, &capped(args.pagination_opts))?;
    page_value(page, |row| Ok(row.to_value()))
}

/// The providers of tokens that the last push named.
fn auth_providers(ctx: &mut QueryCtx<'_>) -> Result<Value> {
    let config = Modules::new(ctx.tx()).config()?;
    let providers = config.and_then(|config| json::decode(&config.auth_providers).ok());
    Ok(providers.unwrap_or(Value::Array(Vec::new())))
}
