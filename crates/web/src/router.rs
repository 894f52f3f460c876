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

use crate::access::{Access, Declared, Doors, Needs, Opened, Surface};
use crate::answer::{self, Refusal, secured};
use crate::gateway::Gateway;
use crate::install::Install;
use crate::pages::connect;
use crate::{api, health, pages};

/// What the doors need.
#[derive(Clone)]
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
    /// Who may come in.
    pub access: Access,
    /// Whether the admin API and the pages are answered.
    pub console: Console,
}

/// Whether the admin API and the pages are answered.
#[derive(Clone)]
pub enum Console {
    /// They are, and connections are made from them in this way.
    Open(Arc<Install>),
    /// Their paths do not exist.
    Absent,
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

/// Health, metrics, the webhook paths if there is a gateway, the admin API and the pages if there is a console.
pub fn router(state: State) -> Router {
    open(state).router.fallback(answer::not_found).layer(MapResponseLayer::new(secured))
}

/// Every route that [`router`] has, with what its door asks for.
#[must_use]
pub fn declared(state: State) -> Vec<Declared> {
    open(state).declared
}

fn open(state: State) -> Opened {
    let access = state.access.clone();
    let console = state.console.clone();
    let mut doors = Doors::new(&access, Surface::Machine)
        .at(("get", "/livez"), Needs::Public, get(health::live).fallback(answer::only_get))
        .at(("get", "/readyz"), Needs::Public, get(health::ready).fallback(answer::only_get))
        .at(("get", "/metrics"), access.metrics_need(), get(health::metrics).fallback(answer::only_get));
    if state.gateway.is_some() {
        // The gateway compares its own tokens.
        doors = doors
            .at(("post", "/webhooks/drift"), Needs::Public, post(common).fallback(answer::only_post))
            .at(
                ("post", "/webhooks/drift/{connection_id}"),
                Needs::Public,
                post(of_connection).fallback(answer::only_post),
            );
    }
    let opened = doors.open(Arc::new(state));
    match console {
        Console::Open(install) => {
            let opened = opened.with(api::open(&access, &install)).with(pages::open(&access));
            opened.with(connect::open(&access, &install))
        }
        Console::Absent => opened,
    }
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
