//! Endpoints for data connectors: [`crate::streaming_export`] over HTTP. Parameters are those of the query string or,
//! of a POST, the fields of a JSON object.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use fusion_schema::json::Format;
use serde_json::{Map, Value as Json};

use super::errors::{ApiError, json, ok};
use super::request::{BODY_SIZE_MAX, Sender, component_of, percent_decode, read_body};
use super::state::ServerState;
use super::udf_response::parse_format;
use crate::database::{ComponentId, Timestamp};
use crate::error::{Error, Result};
use crate::streaming_export::{DeltasRequest, Description, ListRequest, Selection};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

/// What an administrator asks for.
struct Parameters(Map<String, Json>);

impl Parameters {
    /// Reads a request that may have these parameters.
    async fn of(state: &ServerState, request: Request, known: &[&str]) -> Result<Self> {
        let (parts, body) = request.into_parts();
        Sender::admin(state, &parts.headers, &parts.uri).await?;
        let query = parts.uri.query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name), Json::String(percent_decode(value)))
        });
        let mut found: Map<String, Json> = pairs.filter(|(name, _)| name != "adminKey").collect();
        if parts.method == Method::POST {
            let body = read_body(body, BODY_SIZE_MAX).await?;
            let fields: Map<String, Json> = if body.is_empty() {
                Map::new()
            } else {
                serde_json::from_slice(&body).map_err(|error| {
                    Error::bad_request(
                        "BadJsonBody",
                        format!("The body of the request must be a JSON object: {error}."),
                    )
                })?
            };
            found.extend(fields);
        }
        found.retain(|_, value| !value.is_null());
        match found.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(found)),
            Some(name) => Err(Error::bad_request(
                "UnknownParameter",
                format!("There is no parameter \"{name}\" here. There are: {}.", known.join(", ")),
            )),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::bad_request("InvalidParameter", format!("{name} must be a text."))),
        }
    }

    /// A timestamp, as a number or as text.
    fn timestamp(&self, name: &str) -> Result<Option<Timestamp>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let found = match value {
            Json::String(text) if text.is_empty() => return Ok(None),
            Json::String(text) => text.parse().ok(),
            number => number.as_u64(),
        };
        let found = found.filter(|ts| i64::try_from(*ts).is_ok());
        found.map(Some).ok_or_else(|| {
            Error::bad_request(
                "InvalidTimestamp",
                format!("{name} must be a timestamp in whole nanoseconds since the epoch, not {value}."),
            )
        })
    }

    fn is_set(&self, name: &str) -> Result<bool> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(Json::String(text)) if text == "true" => Ok(true),
            Some(Json::String(text)) if text == "false" => Ok(false),
            Some(_) => Err(Error::bad_request("InvalidParameter", format!("{name} must be true or false."))),
        }
    }

    fn format(&self) -> Result<Format> {
        parse_format(self.text("format")?, None)
    }

    fn component(&self, state: &ServerState) -> Result<ComponentId> {
        component_of(state, self.text("component")?)
    }

    /// Which tables: a name alone means a table of the app.
    fn selection(&self, state: &ServerState) -> Result<Selection> {
        let table = self.text("tableName")?.filter(|name| !name.is_empty()).map(str::to_owned);
        if let Some(name) = table.as_ref().filter(|name| name.starts_with('_')) {
            return Err(Error::bad_request(
                "InvalidTableName",
                format!("tableName must be a table of your own, which \"{name}\" is not."),
            ));
        }
        let component = match self.text("component")? {
            None => table.is_some().then(String::new),
            Some(_) => {
                let component = self.component(state)?;
                let now = state.database().published();
                Some(now.catalog().component_path(component).unwrap_or_default().to_owned())
            }
        };
        Ok(Selection { component, table })
    }
}

/// Reads from a thread that may wait.
async fn reading<T: Send + 'static>(read: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|error| Error::internal("reading for a connector ended early").with_source(error))?
}

/// `GET` and `POST /api/list_snapshot`
pub(super) async fn list_snapshot(State(state): Shared, request: Request) -> Answer {
    let known = ["snapshot", "cursor", "tableName", "component", "format"];
    let parameters = Parameters::of(&state, request, &known).await?;
    let request = ListRequest {
        snapshot: parameters.timestamp("snapshot")?,
        cursor: parameters.text("cursor")?.filter(|cursor| !cursor.is_empty()).map(str::to_owned),
        selection: parameters.selection(&state)?,
        format: parameters.format()?,
    };
    let page = reading(move || state.streaming_export.list_snapshot(&request)).await?;
    Ok(json(StatusCode::OK, page))
}

/// `GET` and `POST /api/document_deltas`
pub(super) async fn document_deltas(State(state): Shared, request: Request) -> Answer {
    let known = ["cursor", "tableName", "component", "format"];
    let parameters = Parameters::of(&state, request, &known).await?;
    let cursor = parameters.timestamp("cursor")?.ok_or_else(|| {
        Error::bad_request(
            "MissingCursor",
            "cursor is missing: pass the snapshot that list_snapshot gave, or the cursor of the last page.",
        )
    })?;
    let (selection, format) = (parameters.selection(&state)?, parameters.format()?);
    let request = DeltasRequest { cursor, selection, format };
    let page = reading(move || state.streaming_export.document_deltas(&request)).await?;
    Ok(json(StatusCode::OK, page))
}

/// `GET /api/json_schemas?deltaSchema=&format=&component=`
pub(super) async fn json_schemas(State(state): Shared, request: Request) -> Answer {
    let parameters = Parameters::of(&state, request, &["deltaSchema", "format", "component"]).await?;
    let component = parameters.component(&state)?;
    let (format, is_delta) = (parameters.format()?, parameters.is_set("deltaSchema")?);
    Ok(ok(&state.streaming_export.json_schemas(Description { component, format, is_delta })))
}

/// `GET /api/get_table_column_names?component=`
pub(super) async fn get_table_column_names(State(state): Shared, request: Request) -> Answer {
    let parameters = Parameters::of(&state, request, &["component"]).await?;
    let component = parameters.component(&state)?;
    Ok(ok(&reading(move || state.streaming_export.column_names(component)).await?))
}

/// `GET /api/test_streaming_export_connection`
pub(super) async fn test_connection(State(state): Shared, request: Request) -> Answer {
    Parameters::of(&state, request, &[]).await?;
    Ok(ok(&Json::Null))
}
