//! Which path leads where.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Given};
use axum::routing::{get, post};
use http::Request;
use model::Clock;
use store::Db;
use telemetry::Metrics;
use tower::util::MapResponseLayer;

use crate::answer::{self, Refusal, secured};
use crate::gateway::Gateway;
use crate::health;

/// What the doors need.
pub struct State {
    /// The store.
    pub db: Db,
    /// The gateway; without one the webhook paths do not exist.
    pub gateway: Option<Arc<Gateway>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the process is about to end: it is not ready then.
    pub stopping: Stopping,
}

/// The wish to stop, as the doors see it; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// From now on the process is not ready for more.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Health, metrics, and the webhook paths if there is a gateway. Unknown paths are answered here: a router that is merged
/// into this one has no fallback of its own.
pub fn router(state: State) -> Router {
    let mut router = Router::new()
        .route("/livez", get(health::live).fallback(answer::only_get))
        .route("/readyz", get(health::ready).fallback(answer::only_get))
        .route("/metrics", get(health::metrics).fallback(answer::only_get));
    if state.gateway.is_some() {
        router = router
            .route("/webhooks/drift", post(common).fallback(answer::only_post))
            .route("/webhooks/drift/{connection_id}", post(of_connection).fallback(answer::only_post));
    }
    router.fallback(answer::not_found).layer(MapResponseLayer::new(secured)).with_state(Arc::new(state))
}

async fn common(Given(state): Given<Arc<State>>, request: Request<Body>) -> Result<(), Refusal> {
    webhook(&state, None, request).await
}

async fn of_connection(
    Given(state): Given<Arc<State>>,
    Path(connection): Path<String>,
    request: Request<Body>,
) -> Result<(), Refusal> {
    webhook(&state, Some(&connection), request).await
}

async fn webhook(state: &State, connection: Option<&str>, request: Request<Body>) -> Result<(), Refusal> {
    match &state.gateway {
        Some(gateway) => gateway.answer(connection, request).await,
        None => Err(answer::not_found().await),
    }
}
