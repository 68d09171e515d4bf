//! `POST /api/test_clock`: lets time pass at once on a server that was started for tests.
//!
//! What is scheduled becomes due as if the time had passed, and tokens expire; timers that run already (of sockets, of
//! `setTimeout`, of time limits) go on by the machine's clock.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::errors::{ApiError, ok};
use super::request::{Sender, json_body};
use super::state::ServerState;
use crate::clock::Clock as _;
use crate::error::Error;

/// The most that one request can advance the clock: a hundred years, in milliseconds.
const ADVANCE_MAX_MS: f64 = 100.0 * 366.0 * 24.0 * 3_600_000.0;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AdvanceBody {
    advance_ms: f64,
}

/// `POST /api/test_clock` `{"advanceMs": n}`, for administrators: answers the server's time then, `{"nowMs": n}`.
pub(super) async fn advance(
    State(state): State<Arc<ServerState>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    Sender::admin(&state, &parts.headers, &parts.uri).await?;
    let clock = state.config.test_clock.as_ref().ok_or_else(|| {
        Error::not_found(
            "NoTestClock",
            "This server goes by the machine's clock. Start it with `--test-clock`.",
        )
    })?;
    let AdvanceBody { advance_ms } = json_body(body).await?;
    if !(0.0..=ADVANCE_MAX_MS).contains(&advance_ms) {
        let what = format!(
            "`advanceMs` is {advance_ms}, which must be a number of milliseconds from 0 to {ADVANCE_MAX_MS}."
        );
        return Err(Error::bad_request("InvalidAdvance", what).into());
    }
    clock.advance(Duration::from_secs_f64(advance_ms / 1_000.0));
    state.deployment().alarm.ring();
    Ok(ok(&json!({"nowMs": clock.unix_ms()})))
}
