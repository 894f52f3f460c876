//! The admin API: what an operator asks and does over HTTP, the same as on the command line.
//!
//! One bearer token opens it, compared in constant time before anything is looked at; without a token in the settings
//! there is no API. Every request is about one organization, and every query is scoped by it. Bodies and answers are
//! bounded.
//!
//! Each file is one endpoint: its request, its answer, its error, its handler, its description. The router and the OpenAPI
//! document are both made from `ENDPOINTS`, so neither knows a path that the other does not.

mod ask;
mod by;
mod caller;
mod describe;
mod problem;

mod consumers;
mod dead_letters;
mod document;
mod explain_conversation;
mod explain_event;
mod pause;
mod pauses;
mod replay;
mod replay_dead_letters;
mod resume;
mod set_consumer;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use model::{Clock, Entropy, Secret};
use store::Db;
use tower::util::MapResponseLayer;

use self::describe::Described;
use crate::answer::secured;

/// A request's body, at most, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What the endpoints work with.
#[derive(Clone)]
pub struct Api {
    /// The store.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the ids of jobs that are asked for.
    pub entropy: Arc<dyn Entropy>,
    /// What opens the API; `None`: it is not set up, and answers 404.
    pub token: Option<Secret>,
}

/// All endpoints, in the order of the document.
const ENDPOINTS: &[Described] = &[
    status::DESCRIBED,
    explain_conversation::DESCRIBED,
    explain_event::DESCRIBED,
    replay::DESCRIBED,
    dead_letters::DESCRIBED,
    replay_dead_letters::DESCRIBED,
    pauses::DESCRIBED,
    pause::DESCRIBED,
    resume::DESCRIBED,
    consumers::DESCRIBED,
    set_consumer::PAUSE,
    set_consumer::RESUME,
    set_consumer::REWIND,
    document::DESCRIBED,
];

/// The API under `/api/v1`, to be merged into the router of the doors, which answers all other paths.
pub fn router(api: Api) -> axum::Router {
    let mut router = axum::Router::new();
    for endpoint in ENDPOINTS {
        router = router.route(endpoint.path, (endpoint.route)());
    }
    router
        .route_layer(middleware::from_fn_with_state(api.clone(), caller::verify))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(MapResponseLayer::new(secured))
        .with_state(api)
}

/// The OpenAPI document of the API.
#[must_use]
pub fn document() -> serde_json::Value {
    describe::document(ENDPOINTS)
}
