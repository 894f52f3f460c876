//! The gate before the network: a connection that was given up makes no call, whoever still holds a client of it.
//!
//! A disconnect is asked for in one process while others, and jobs in the middle of their work, hold access tokens. Each client
//! of a connection goes through a gate that looks into the store before a call, at most every [`LOOK_MS`], and again as
//! often while a call is under way; a call that is under way when the connection is given up is dropped. It knows
//! nothing of tokens, and notes the last use of the connection by the way.

use std::sync::Arc;

use bytes::Bytes;
use drift::{Limits, Seams, Transport, TransportError, TransportKind};
use futures_util::future::BoxFuture;
use model::{Clock, ConnectionId, Millis};
use store::connections::{self, USE_MS};
use store::{Db, StoreError};
use tokio::sync::Mutex;

/// For how long what was seen in the store is believed, in milliseconds.
pub(crate) const LOOK_MS: u64 = 500;

/// A transport that one connection's calls go through.
pub(super) struct Gate {
    inner: Arc<dyn Transport>,
    db: Db,
    clock: Arc<dyn Clock>,
    connection: ConnectionId,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the connection was last seen not to be given up.
    open_at: Option<Millis>,
    /// When its use was last noted from here.
    noted_at: Option<Millis>,
}

impl Gate {
    /// A gate before the transport of these seams.
    pub(super) fn before(seams: &Seams, db: Db, connection: ConnectionId) -> Self {
        let (inner, clock) = (Arc::clone(&seams.transport), Arc::clone(&seams.clock));
        Self { inner, db, clock, connection, seen: Mutex::default() }
    }

    /// Whether a call may be made now.
    async fn pass(&self) -> Result<(), TransportError> {
        let mut seen = self.seen.lock().await;
        let now = self.clock.now();
        let look_ms = i64::try_from(LOOK_MS).unwrap_or(i64::MAX);
        if seen.open_at.is_some_and(|at| (0..look_ms).contains(&now.since(at))) {
            return Ok(());
        }
        let found = connections::of_id(&self.db, &self.connection).await.map_err(unseen)?;
        let Some(found) = found.filter(|found| !found.state.is_given_up()) else {
            return Err(TransportError::new(TransportKind::Withdrawn));
        };
        seen.open_at = Some(now);
        let is_noted = |at: Option<Millis>| at.is_some_and(|at| (0..USE_MS).contains(&now.since(at)));
        if is_noted(seen.noted_at) || is_noted(found.last_used_at) {
            return Ok(());
        }
        seen.noted_at = Some(now);
        drop(seen);
        if let Err(error) = connections::note_use(&self.db, &self.connection, now).await {
            // Not worth a call: the next one notes it.
            tracing::debug!(connection.id = %self.connection, %error, "The use of a connection could not be noted");
        }
        Ok(())
    }
}

/// A store that cannot be read keeps calls back; nothing was sent, so they are tried again.
fn unseen(error: StoreError) -> TransportError {
    TransportError::because(TransportKind::Connect, error)
}

impl Transport for Gate {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            self.pass().await?;
            let mut sending = self.inner.send(request, limits);
            loop {
                match drift::deadline(&*self.clock, LOOK_MS, &mut sending).await {
                    Ok(sent) => return sent,
                    Err(_) => self.pass().await?,
                }
            }
        })
    }
}
