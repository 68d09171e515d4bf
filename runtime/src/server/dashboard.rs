//! Endpoints of a dashboard's data and settings pages that are no function calls.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fusion_schema::{DocumentId, Object, Validator, Value, object};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::errors::{ApiError, ok};
use super::request::{Sender, component_of, json_body, parameter};
use super::state::ServerState;
use crate::database::staging::{Contents, Target};
use crate::database::{Catalog, ComponentId, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::function::FunctionPath;
use crate::function::execution::component_not_found;
use crate::system::components;
use crate::system::events::Events;
use crate::system::indexes;
use crate::system::jobs::Jobs;
use crate::system::modules::Modules;

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// Rows changed in one transaction.
const BATCH: usize = 4_000;
/// How often a deletion of tables that lost against a change of tables begins.
const ATTEMPTS: usize = 5;
/// Most tables that one request deletes.
const TABLES_MAX: usize = 1_000;

fn done() -> Response {
    StatusCode::OK.into_response()
}

/// The JSON body of a request from an administrator.
async fn admin_body<T: DeserializeOwned>(state: &ServerState, request: Request<Body>) -> Result<T> {
    let (parts, body) = request.into_parts();
    Sender::admin(state, &parts.headers, &parts.uri).await?;
    json_body(body).await
}

/// Does something again when tables or the schema changed meanwhile, so that it was in vain.
fn repeated<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Conflict && left > 0 => {}
            result => return result,
        }
    }
}

/// As [`component_of`], of what the query string says.
fn component_of_uri(state: &ServerState, uri: &Uri) -> Result<ComponentId> {
    let named = |name| parameter(uri, name);
    component_of(state, named("component").or_else(|| named("componentId")).as_deref())
}

/// `GET /api/get_indexes?componentId=`
pub(super) async fn get_indexes(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let component = component_of_uri(&state, request.uri())?;
    let found = indexes::list(state.database().published().catalog(), component, None);
    let found: Vec<Json> = found.iter().map(indexes::IndexDescription::to_json).collect();
    Ok(ok(&json!({ "indexes": found })))
}

/// `GET /api/shapes2?component=`: what documents look like, as far as the schema says. Nothing is read for it.
pub(super) async fn shapes2(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let component = component_of_uri(&state, request.uri())?;
    let snapshot = state.database().published();
    let tables = snapshot.catalog().tables_in(component).filter(|table| !table.number.is_system());
    let shapes: serde_json::Map<String, Json> = tables
        .map(|table| {
            let shape = match snapshot.document_count(table.id) {
                0 => json!({"type": "Never"}),
                _ => document_shape(snapshot.catalog(), component, &table.name),
            };
            (table.name.clone(), shape)
        })
        .collect();
    Ok(ok(&Json::Object(shapes)))
}

/// The shape of the documents of a table; unknown where no schema is enforced.
fn document_shape(catalog: &Catalog, component: ComponentId, table: &str) -> Json {
    let schema = catalog.schema_in(component).filter(|schema| schema.schema_validation);
    let Some(definition) = schema.and_then(|schema| schema.table(table)) else {
        return json!({"type": "Unknown"});
    };
    let system = [("_creationTime", float()), ("_id", json!({"type": "Id", "tableName": table}))];
    match &definition.document_type {
        Validator::Union(members) => {
            let members: Vec<Json> = members.iter().map(|member| shape(member, &system)).collect();
            json!({"type": "Union", "shapes": members})
        }
        other => shape(other, &system),
    }
}

fn float() -> Json {
    json!({"type": "Float64", "float64Range": {"hasSpecialValues": false}})
}

/// The shape of the values that a validator lets pass; an object has the `extra` fields, too.
fn shape(validator: &Validator, extra: &[(&str, Json)]) -> Json {
    let plain = |name: &str| json!({"type": name});
    let inner = |validator: &Validator| shape(validator, &[]);
    match validator {
        Validator::Null => plain("Null"),
        Validator::Boolean | Validator::Literal(Value::Boolean(_)) => plain("Boolean"),
        Validator::String | Validator::Literal(Value::String(_)) => plain("String"),
        Validator::Bytes => plain("Bytes"),
        Validator::Float64 | Validator::Literal(Value::Float64(_)) => float(),
        Validator::Int64 | Validator::CommitTs | Validator::Literal(Value::Int64(_)) => plain("Int64"),
        Validator::Any | Validator::Literal(_) => plain("Unknown"),
        Validator::Id(table) => json!({"type": "Id", "tableName": table}),
        Validator::Array(element) => json!({"type": "Array", "shape": inner(element)}),
        Validator::Object(object) => {
            let field = |name: &str, optional: bool, shape: Json| json!({"fieldName": name, "optional": optional, "shape": shape});
            let extra = extra.iter().map(|(name, shape)| field(name, false, shape.clone()));
            let own = object
                .fields
                .iter()
                .map(|(name, validator)| field(name, validator.optional, inner(&validator.validator)));
            json!({"type": "Object", "fields": extra.chain(own).collect::<Vec<_>>()})
        }
        Validator::Record { keys, values } => json!({
            "type": "Record", "keyShape": inner(keys), "valueShape": {"optional": false, "shape": inner(values)},
        }),
        Validator::Union(members) if members.is_empty() => plain("Never"),
        Validator::Union(members) => {
            json!({"type": "Union", "shapes": members.iter().map(inner).collect::<Vec<_>>()})
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteTables {
    table_names: Vec<String>,
    component_id: Option<String>,
}

/// `POST /api/delete_tables`: tables with all their documents, unless the schema has them.
pub(super) async fn delete_tables(State(state): Shared, request: Request) -> Answer {
    let body: DeleteTables = admin_body(&state, request).await?;
    let component = component_of(&state, body.component_id.as_deref())?;
    if body.table_names.len() > TABLES_MAX {
        return Err(
            Error::bad_request("TooManyTables", format!("At most {TABLES_MAX} tables at once.")).into()
        );
    }
    let database = state.database().clone();
    let deleted = tokio::task::spawn_blocking(move || {
        let snapshot = database.published();
        let schema = snapshot.catalog().schema_in(component).cloned();
        for name in &body.table_names {
            if schema.as_ref().is_some_and(|schema| schema.table(name).is_some()) {
                return Err(Error::bad_request(
                    "TableInSchema",
                    format!(
                        "The table \"{name}\" is part of the schema. Take it out of the schema and push first."
                    ),
                ));
            }
        }
        let known = |name: &String| {
            snapshot.catalog().table_in(component, name).is_some_and(|table| !table.number.is_system())
        };
        if let Some(unknown) = body.table_names.iter().find(|name| !known(name)) {
            return Err(Error::not_found("TableNotFound", format!("There is no table \"{unknown}\".")));
        }
        let target = |name: &String| Target {
            component,
            name: name.clone(),
            number: None,
            contents: Contents::Remove,
        };
        let names: Vec<Value> = body.table_names.iter().map(|name| Value::from(name.as_str())).collect();
        let what = || object! { "table_names" => names.clone() };
        let ts = repeated(|| {
            let staging = database.stage(body.table_names.iter().map(target).collect())?;
            staging.commit(|tx| Events::new(tx).record("delete_tables", what()))
        })?;
        database.wait_durable(ts)
    });
    deleted.await.map_err(|error| Error::internal("deleting tables ended early").with_source(error))??;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteComponent {
    component_id: String,
}

/// `POST /api/delete_component`: a component that is not mounted any more, with its data.
pub(super) async fn delete_component(State(state): Shared, request: Request) -> Answer {
    let body: DeleteComponent = admin_body(&state, request).await?;
    let document =
        DocumentId::decode(&body.component_id).map_err(|_| component_not_found(&body.component_id))?;
    let database = state.database().clone();
    let deleted =
        tokio::task::spawn_blocking(move || repeated(|| components::delete_component(&database, document)));
    let uuids = deleted
        .await
        .map_err(|error| Error::internal("deleting a component ended early").with_source(error))??;
    for uuid in uuids {
        state.deployment().files.delete_later(uuid);
    }
    note(&state, "delete_component", object! { "component_id" => body.component_id }).await?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelJob {
    id: String,
    component_id: Option<String>,
}

/// `POST /api/cancel_job`
pub(super) async fn cancel_job(State(state): Shared, request: Request) -> Answer {
    let body: CancelJob = admin_body(&state, request).await?;
    let component = component_of(&state, body.component_id.as_deref())?;
    let id = DocumentId::decode(&body.id).map_err(|_| {
        Error::bad_request("InvalidJobId", format!("\"{}\" is not the ID of a scheduled function.", body.id))
    })?;
    state.runner.cancel_job(component, id).await?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelAllJobs {
    component_id: Option<String>,
    component_path: Option<String>,
    udf_path: Option<String>,
    start_next_ts: Option<Json>,
    end_next_ts: Option<Json>,
}

/// A time in nanoseconds, as a number or, because those do not fit a double, as text; in milliseconds.
fn milliseconds(time: Option<&Json>) -> Result<Option<f64>> {
    let ns = match time {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) => text.parse::<f64>().ok(),
        Some(number) => number.as_f64(),
    };
    let ns = ns.filter(|ns| ns.is_finite());
    ns.map(|ns| Some(ns / 1e6)).ok_or_else(|| {
        Error::bad_request("BadJsonBody", "A time must be a number of nanoseconds since the epoch.")
    })
}

/// `POST /api/cancel_all_jobs`: all that wait, or those of one function or of some time.
pub(super) async fn cancel_all_jobs(State(state): Shared, request: Request) -> Answer {
    let body: CancelAllJobs = admin_body(&state, request).await?;
    let component = component_of(&state, body.component_id.as_deref().or(body.component_path.as_deref()))?;
    let start = milliseconds(body.start_next_ts.as_ref())?.unwrap_or(f64::NEG_INFINITY);
    let end = milliseconds(body.end_next_ts.as_ref())?.unwrap_or(f64::INFINITY);
    let name = body.udf_path.map(|path| FunctionPath::parse(&path).map(|path| path.with_extension()));
    let name = name.transpose()?;
    loop {
        let name = name.clone();
        let canceled = state
            .runner
            .write(move |tx, now| {
                tx.inside(component, |tx| {
                    Jobs::new(tx).cancel_pending(name.as_deref(), start..end, now, BATCH)
                })
            })
            .await?;
        if canceled < BATCH {
            break;
        }
    }
    let function = name.as_deref().map_or(Value::Null, Value::from);
    note(&state, "cancel_all_scheduled_functions", object! { "udf_path" => function }).await?;
    Ok(done())
}

/// Notes what an administrator did.
async fn note(state: &ServerState, action: &'static str, what: Object) -> Result<()> {
    state.runner.write(move |tx, _| Events::new(tx).record(action, what.clone())).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfComponent {
    component_id: Option<String>,
}

/// `POST /api/delete_scheduled_functions_table`: forgets every job, those that wait included.
pub(super) async fn delete_scheduled_functions_table(State(state): Shared, request: Request) -> Answer {
    let body: OfComponent = admin_body(&state, request).await?;
    let component = component_of(&state, body.component_id.as_deref())?;
    let remove = move |tx: &mut Transaction, _| tx.inside(component, |tx| Jobs::new(tx).remove_oldest(BATCH));
    while state.runner.write(remove).await? == BATCH {}
    note(&state, "delete_scheduled_jobs_table", Object::new()).await?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CanonicalUrl {
    request_destination: String,
    url: Option<String>,
}

/// `POST /api/v1/update_canonical_url` and `/api/update_canonical_url`: the URLs are given at the start of the server, so only what they are can be
/// confirmed.
pub(super) async fn update_canonical_url(State(state): Shared, request: Request) -> Answer {
    let body: CanonicalUrl = admin_body(&state, request).await?;
    let deployment = state.deployment();
    let (present, option) = match body.request_destination.as_str() {
        "convexCloud" => (&deployment.cloud_origin, "--convex-origin"),
        "convexSite" => (&deployment.site_origin, "--convex-site"),
        other => {
            return Err(Error::bad_request(
                "BadJsonBody",
                format!("requestDestination must be \"convexCloud\" or \"convexSite\", not \"{other}\"."),
            )
            .into());
        }
    };
    match body.url.as_deref().map(|url| url.trim_end_matches('/')) {
        Some(url) if url != present.as_str() => Err(Error::bad_request(
            "CanonicalUrlFixed",
            format!("This server was started with {present}. Start it with `{option} {url}` to change that."),
        )
        .into()),
        _ => Ok(done()),
    }
}

/// `GET /api/get_source_code?path=&component=`: what developers wrote, where the push brought it along, else what was
/// made of it; null for modules that were not pushed.
pub(super) async fn get_source_code(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let component = component_of_uri(&state, request.uri())?;
    let path = parameter(request.uri(), "path").ok_or_else(|| {
        Error::bad_request("MissingParameter", "The parameter `path` is missing: a module, as in dir/mod.js.")
    })?;
    let deployment = state.deployment().clone();
    let content = state.runner.blocking(move || {
        let mut tx = deployment.database.begin_query();
        let definition = tx.snapshot().catalog().component(component).map(|meta| meta.definition.clone());
        let mut modules = Modules::of(&mut tx, definition.as_deref().unwrap_or_default());
        modules.find(&path)?.map(|module| modules.content(&module.sha256)).transpose().map(Option::flatten)
    });
    let source = content.await?.map(|content| {
        let original = content.source_map.as_deref().and_then(original_source);
        original.unwrap_or(content.source)
    });
    Ok(ok(&json!(source)))
}

/// The text of the developers' file in a source map: the last one, which is the module itself; those before it are what
/// was bundled in.
fn original_source(source_map: &str) -> Option<String> {
    let map: Json = serde_json::from_str(source_map).ok()?;
    map.get("sourcesContent")?.as_array()?.last()?.as_str().map(str::to_owned)
}
