//! Endpoints of imports: uploads in parts, the start, the confirmation.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fusion_schema::DocumentId;
use futures_util::{Stream, TryStreamExt as _};
use serde::Deserialize;
use serde_json::json;

use super::errors::{ApiError, ok};
use super::request::{Sender, json_body, parameter};
use super::state::ServerState;
use crate::error::{Error, Result};
use crate::system::imports::{ImportFormat, ImportMode};

type Shared = State<Arc<ServerState>>;
type Answer = Result<Response, ApiError>;

fn content(body: Body) -> impl Stream<Item = Result<Bytes>> + Send {
    body.into_data_stream().map_err(|error| {
        Error::bad_request("ClientDisconnect", "The body of the upload did not arrive whole.")
            .with_source(error)
    })
}

/// The path of a component that is there; empty for the app.
fn component_path(state: &ServerState, path: Option<String>) -> Result<String> {
    let path = path.unwrap_or_default();
    if state.database().published().catalog().component_at(&path).is_some() {
        return Ok(path);
    }
    Err(Error::bad_request(
        "ComponentNotFound",
        format!("Component \"{path}\" not found: this deployment does not have it. Leave out --component."),
    ))
}

/// `POST /api/import/start_upload`
pub(super) async fn start_upload(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    Ok(ok(&json!({"uploadToken": state.snapshots.start_upload()?})))
}

/// `POST /api/import/upload_part?uploadToken=&partNumber=`
pub(super) async fn upload_part(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let token = parameter(request.uri(), "uploadToken").unwrap_or_default();
    let number = parameter(request.uri(), "partNumber").and_then(|number| number.parse().ok()).unwrap_or(0);
    let part = state.snapshots.upload_part(&token, number, content(request.into_body())).await?;
    Ok(ok(&json!(part)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FinishBody {
    import: ImportBody,
    upload_token: String,
    part_tokens: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportBody {
    table_name: Option<String>,
    component_path: Option<String>,
    mode: String,
    format: String,
}

/// `POST /api/import/finish_upload`
pub(super) async fn finish_upload(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let FinishBody { import, upload_token, part_tokens } = json_body(body).await?;
    let component = component_path(&state, import.component_path)?;
    let format = ImportFormat::parse(&import.format, import.table_name.as_deref())?;
    let mode = ImportMode::parse(&import.mode)?;
    let id = state.snapshots.finish_upload(&upload_token, &part_tokens, format, mode, &component).await?;
    Ok(ok(&json!({"importId": id.to_string()})))
}

/// `POST /api/import?tableName=&format=&mode=`: the whole file at once, done without being asked again.
pub(super) async fn import(State(state): Shared, request: Request) -> Answer {
    Sender::admin(&state, request.headers(), request.uri()).await?;
    let uri = request.uri().clone();
    let named = |name: &str| parameter(&uri, name);
    let component = component_path(&state, named("componentPath"))?;
    let format = ImportFormat::parse(&named("format").unwrap_or_default(), named("tableName").as_deref())?;
    let mode = ImportMode::parse(named("mode").as_deref().unwrap_or("requireEmpty"))?;
    let written =
        state.snapshots.import_at_once(format, mode, &component, content(request.into_body())).await?;
    Ok(ok(&json!({"numWritten": written})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfImport {
    import_id: String,
}

impl OfImport {
    fn id(&self) -> Result<DocumentId> {
        DocumentId::decode(&self.import_id).map_err(|_| {
            Error::bad_request(
                "InvalidImportId",
                format!("\"{}\" is not the ID of an import.", self.import_id),
            )
        })
    }
}

/// `POST /api/perform_import`
pub(super) async fn perform(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let id = json_body::<OfImport>(body).await?.id()?;
    state.snapshots.confirm(id).await?;
    Ok(StatusCode::OK.into_response())
}

/// `POST /api/cancel_import`
pub(super) async fn cancel(State(state): Shared, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let id = json_body::<OfImport>(body).await?.id()?;
    state.snapshots.cancel(id).await?;
    Ok(StatusCode::OK.into_response())
}
