//! Putting a node together: its store and its vault, the workers, the doors.
//!
//! A database that is just starting, or starts again, is waited for: machines start their services in any order, and a node that
//! gave up would have to be started by somebody. A failure that does not pass is told at once.

use std::sync::Arc;

use store::access::links::Link;
use store::access::users;
use store::vault::Vault;
use store::{Db, wake};
use telemetry::Metrics;
use tokio::task::JoinSet;
use web::Stopping;

use super::{alarm, doors, uses, witness, work};
use crate::app::App;
use crate::database::{self, Missing};
use crate::failure::Failure;
use crate::links;

/// How long the database is waited for, and how often it is tried, in milliseconds.
const WAIT_MS: i64 = 30_000;
const TRY_EVERY_MS: u64 = 500;

/// A node that is about to serve.
pub(super) struct Node {
    pub(super) db: Db,
    pub(super) vault: Vault,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stopping: Stopping,
    pub(super) parts: JoinSet<()>,
    /// What hears of other nodes' commits, as long as this is held.
    pub(super) ears: JoinSet<()>,
    pub(super) doors: doors::Doors,
    pub(super) watch: uses::Watch,
    /// How many organizations are connected.
    pub(super) organizations: usize,
    /// The link to become the owner, while there is nobody who can sign in.
    pub(super) owner: Option<String>,
}

/// Start a node, once its database lets it.
pub(super) async fn start(app: &App, listening: &str) -> Result<Node, Failure> {
    let until = app.clock.now().plus(WAIT_MS);
    let (mut stop, mut is_told) = (app.interrupt.stop(), false);
    loop {
        match Box::pin(attempt(app, listening)).await {
            Err(failure) if failure.is_passing && app.clock.now() < until && !stop.is_set() => {
                if !is_told {
                    app.output.note(&format!("{failure}; trying again for {} s", WAIT_MS / 1_000));
                    is_told = true;
                }
            }
            ended => return ended,
        }
        tokio::select! {
            () = app.clock.sleep(TRY_EVERY_MS) => {}
            () = stop.wait() => {}
        }
    }
}

async fn attempt(app: &App, listening: &str) -> Result<Node, Failure> {
    let db = database::open(app, Missing::Make).await?;
    let node = with(app, &db, listening).await;
    if node.is_err() {
        db.close().await;
    }
    node
}

/// Everything that may fail comes before the doors, whose parts are not taken back.
async fn with(app: &App, db: &Db, listening: &str) -> Result<Node, Failure> {
    let serving = &app.config.serving;
    let vault = database::vault(app, db).await?;
    let organizations = connected(app, db).await?;
    let owner = if serving.roles.console { first_owner(app, db, listening).await? } else { None };
    let (metrics, stopping) = (Arc::new(Metrics::new()), Stopping::default());
    let (mut parts, mut ears) = (JoinSet::new(), JoinSet::new());
    ears.spawn(wake::listen(db.clone(), app.clock.clone()));
    if serving.roles.worker {
        work::start(app, db, &vault, &metrics, &mut parts).await?;
    }
    parts.spawn(alarm::watch(db.clone(), app.clock.clone(), metrics.clone(), app.interrupt.stop()));
    parts.spawn(witness::run(app.clone(), db.clone(), vault.clone()));
    let doors = doors::open(app, db, &vault, &metrics, (stopping.clone(), listening)).await?;
    let watch = uses::Watch::new(app, db, &metrics, doors.uses());
    parts.spawn(watch.clone().run());
    let db = db.clone();
    Ok(Node { db, vault, metrics, stopping, parts, ears, doors, watch, organizations, owner })
}

/// While there is nobody who can sign in, each start makes a link to become the owner.
async fn first_owner(app: &App, db: &Db, listening: &str) -> Result<Option<String>, Failure> {
    let failed = |error| Failure::store("read or change the users of", &app.config.database, &error);
    if users::count(db).await.map_err(failed)? > 0 {
        return Ok(None);
    }
    let link = links::make(app, db, &Link::Owner, listening).await.map_err(failed)?;
    Ok(Some(link.url.to_string()))
}

async fn connected(app: &App, db: &Db) -> Result<usize, Failure> {
    let known = store::connections::list(db).await;
    let known =
        known.map_err(|error| Failure::store("read the connections of", &app.config.database, &error))?;
    Ok(known.iter().filter(|one| !one.state.is_given_up()).count())
}
