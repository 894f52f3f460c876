//! Whether the process lives, whether it can take work, and what it counts.

use std::sync::Arc;

use axum::extract::State as Given;
use axum::response::{IntoResponse, Response};
use drift::deadline;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use store::{Db, SCHEMA_VERSION, inbox};
use telemetry::Metrics;

use crate::router::State;

/// Time for the database to answer, in milliseconds.
const ANSWER_MS_MAX: u64 = 2_000;

/// Whether work can be taken, and if not, why.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<&'static str>,
}

/// The process answers: nothing else is asked.
pub(crate) async fn live() -> &'static str {
    "live\n"
}

/// Whether the process can do its work now: 200, or 503 with the reasons.
pub(crate) async fn ready(Given(state): Given<Arc<State>>) -> Response {
    let mut reasons = Vec::new();
    if state.stopping.is_begun() {
        reasons.push("stopping");
    }
    if state.gateway.as_ref().is_some_and(|gateway| !gateway.is_alive()) {
        reasons.push("the gateway takes no events");
    }
    if state.db.disk_has_refused() {
        reasons.push("the disk has refused what was to be kept: start the process anew");
    }
    reasons.extend(database(&state).await);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(Readiness { ready: reasons.is_empty(), reasons })).into_response()
}

async fn database(state: &State) -> Option<&'static str> {
    match deadline(state.clock.as_ref(), ANSWER_MS_MAX, state.db.schema_version()).await {
        Ok(Ok(SCHEMA_VERSION)) => None,
        Ok(Ok(_)) => Some("the database has another schema"),
        Ok(Err(_)) => Some("the database does not answer"),
        Err(_) => Some("the database does not answer in time"),
    }
}

/// Everything that is counted, in the OpenMetrics text format.
pub(crate) async fn metrics(Given(state): Given<Arc<State>>) -> Response {
    // What cannot be read is told as it last was.
    let _ = deadline(state.clock.as_ref(), ANSWER_MS_MAX, look(&state, &state.db)).await;
    ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], state.metrics.encode()).into_response()
}

/// What is a state and not a count is looked at when it is asked for.
async fn look(state: &State, db: &Db) {
    if let Ok(counts) = inbox::counts(db).await {
        let age_ms = counts.oldest_at.map_or(0, |at| state.clock.now().since(at).max(0));
        state.metrics.inbox_unrouted.set(counts.unrouted);
        state.metrics.inbox_unrouted_age_seconds.set(age_ms as f64 / 1_000.0);
    }
}
