//! The admin API: what an operator asks and does over HTTP, the same as on the command line.
//!
//! Each endpoint stands behind a door of `access`, which asks for a permission in the organization that the request is about;
//! every query is scoped by it. Bodies and answers are bounded.
//!
//! Each file is one endpoint: its request, its answer, its error, its handler, its description. The router and the OpenAPI
//! document are both made from `ENDPOINTS`, so neither knows a path that the other does not.

pub(crate) mod ask;
mod by;
mod caller;
mod describe;
pub(crate) mod problem;

mod acknowledge_notice;
mod connections;
mod consumers;
mod create_share_link;
mod dead_letters;
mod disconnect_connection;
mod document;
mod explain_conversation;
mod explain_event;
mod export_conversation;
mod exposure;
mod pause;
mod pauses;
mod replay;
mod replay_dead_letters;
mod resume;
mod revoke_share_link;
mod set_consumer;
mod share_links;
mod show_connection;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use model::{Clock, Entropy};
use store::Db;

use self::describe::Described;
use crate::access::{Access, Doors, Opened, Surface};
use crate::install::Install;

/// A request's body, at most, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What the endpoints work with.
#[derive(Clone)]
struct Api {
    db: Db,
    clock: Arc<dyn Clock>,
    /// For the ids of jobs that are asked for.
    entropy: Arc<dyn Entropy>,
    /// For what is signed.
    access: Access,
    /// For where browsers reach this node.
    install: Arc<Install>,
}

/// All endpoints, in the order of the document.
const ENDPOINTS: &[Described] = &[
    status::DESCRIBED,
    explain_conversation::DESCRIBED,
    explain_event::DESCRIBED,
    export_conversation::DESCRIBED,
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
    exposure::DESCRIBED,
    acknowledge_notice::DESCRIBED,
    connections::DESCRIBED,
    show_connection::DESCRIBED,
    disconnect_connection::KEEP,
    disconnect_connection::ERASE,
    share_links::DESCRIBED,
    create_share_link::DESCRIBED,
    revoke_share_link::DESCRIBED,
    document::DESCRIBED,
];

/// The API under `/api/v1`.
pub(crate) fn open(access: &Access, install: &Arc<Install>) -> Opened {
    let api = Api {
        db: access.db.clone(),
        clock: access.clock.clone(),
        entropy: access.entropy.clone(),
        access: access.clone(),
        install: Arc::clone(install),
    };
    let doors = ENDPOINTS.iter().fold(Doors::new(access, Surface::Machine), |doors, endpoint| {
        doors.at((endpoint.method, endpoint.path), endpoint.needs, (endpoint.route)())
    });
    let opened = doors.open(api);
    Opened { router: opened.router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)), ..opened }
}

/// The OpenAPI document of the API.
#[must_use]
pub fn document() -> serde_json::Value {
    describe::document(ENDPOINTS)
}
