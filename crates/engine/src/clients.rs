//! One client and one pace for each organization of a process, shared by all who make calls for it. On PostgreSQL the pace
//! draws from a budget that all nodes keep together.
//!
//! A client is opened from the sealed connection when it is first needed, and anew when the organization has been connected
//! again; the pace stays, for the budget is the organization's and not the token's. One that Drift refuses is closed, and
//! what was refused is written down where a person sees it: the connection's state, a notice, and the pause of
//! the organization's jobs, which ends by itself when somebody connects again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift::{Client, Pace};
use model::{ConnectionId, Millis, OrgId};
use store::audit::{self, Who};
use store::connections::{self, Connection, ConnectionState};
use store::notices::{self, NewNotice};
use store::pauses;
use store::{StoreError, Tx};

use crate::budget;
use crate::calls::CallBook;
use crate::connection::{Connections, state_entry};
use crate::error::{Doing, EngineError};

/// The kind of notices about connections.
pub const NOTICE: &str = notices::OF_CONNECTION;
/// What the reasons of pauses that a connection caused begin with; only those end when somebody connects again.
pub const PAUSE_REASON: &str = pauses::OF_CONNECTION;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody has connected the organization, or Drift no longer takes the connection.
    #[error("{PAUSE_REASON}{what}; connect again with \"longshore connect\"")]
    Closed {
        /// What is the matter with it.
        what: &'static str,
    },
    /// Somebody gave the connection up: there is nothing left to be done by it.
    #[error("the organization was disconnected")]
    GivenUp,
    /// The connection was replaced meanwhile: the next attempt has the new one.
    #[error("the connection was replaced while the call was made")]
    Replaced,
    /// The connection could not be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The clients of a process. Cheap to share; hold one.
pub struct Clients {
    connections: Connections,
    book: Arc<CallBook>,
    held: Mutex<Held>,
    /// One opening at a time: two clients of one connection would renew its token against each other.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    open: HashMap<OrgId, Open>,
    paces: HashMap<OrgId, Arc<Pace>>,
}

struct Open {
    connection_id: ConnectionId,
    expires_at: Option<Millis>,
    client: Client,
}

impl Clients {
    /// Nothing is opened yet. Every call is entered in `book`.
    #[must_use]
    pub fn new(connections: Connections, book: Arc<CallBook>) -> Self {
        Self { connections, book, held: Mutex::default(), opening: tokio::sync::Mutex::new(()) }
    }

    /// The book that every call is entered in.
    #[must_use]
    pub const fn book(&self) -> &Arc<CallBook> {
        &self.book
    }

    /// How connections are made and opened here.
    #[must_use]
    pub const fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The organization's client, at [`drift::Priority::Asked`]; take it [`Client::at`] another.
    ///
    /// # Errors
    /// [`ClientError::Closed`] when the organization is not connected, or Drift has refused the connection; otherwise when
    /// the store or the vault fails.
    pub async fn client(&self, org: OrgId) -> Result<Client, ClientError> {
        let connection = self.connection(org).await?;
        if let Some(client) = self.opened(&connection) {
            return Ok(client);
        }
        let _turn = self.opening.lock().await;
        if let Some(client) = self.opened(&connection) {
            return Ok(client);
        }
        let Connections { db, config, seams, .. } = &self.connections;
        let new_pace = || budget::pace(db, org, config, seams);
        let pace = Arc::clone(self.lock().paces.entry(org).or_insert_with(new_pace));
        let ear = self.book.ear(org, seams.recorder.clone());
        let opened = self.connections.open_sharing(org, pace, ear).await?;
        let client = opened.client.clone();
        let open = Open {
            connection_id: opened.connection.connection_id,
            expires_at: opened.connection.expires_at,
            client: opened.client,
        };
        self.lock().open.insert(org, open);
        Ok(client)
    }

    /// The pace of an organization, where there has been a call.
    #[must_use]
    pub fn pace(&self, org: OrgId) -> Option<Arc<Pace>> {
        self.lock().paces.get(&org).cloned()
    }

    /// Drift no longer takes the token: close the client, and write down what that means. Answers what to tell whoever
    /// made the call.
    pub async fn refused(&self, org: OrgId, error: &drift::Error) -> ClientError {
        match self.note_refused(org, error).await {
            Ok(known) => known,
            Err(error) => ClientError::Engine(error),
        }
    }

    async fn note_refused(&self, org: OrgId, error: &drift::Error) -> Result<ClientError, EngineError> {
        const DOING: &str = "note that the connection was refused";
        let closed = self.lock().open.remove(&org);
        let db = &self.connections.db;
        let Some(now_held) = connections::get(db, org).await.doing(DOING)? else {
            return Ok(ClientError::Closed { what: "the organization is not connected" });
        };
        if now_held.state.is_given_up() {
            return Ok(ClientError::GivenUp);
        }
        let is_replaced = closed.is_some_and(|closed| {
            closed.connection_id != now_held.connection_id || closed.expires_at != now_held.expires_at
        });
        if is_replaced {
            return Ok(ClientError::Replaced);
        }
        let has_expired =
            matches!(error, drift::Error::Unauthorized { reason } if reason.contains("expired"));
        let state = if has_expired { ConnectionState::Expired } else { ConnectionState::Revoked };
        let mut tx = db.begin().await.doing(DOING)?;
        connections::set_state(&mut tx, &now_held.connection_id, state).await.doing(DOING)?;
        let (who, now) = (Who::node(), self.connections.seams.clock.now());
        audit::append(&mut tx, &state_entry(now, &who, &now_held, state)).doing(DOING)?;
        say_refused(&mut tx, org, state, now).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        tracing::warn!(org.id = %org, connection.state = state.as_str(), "Drift refuses the connection of organization {org}");
        Ok(ClientError::Closed { what: what_is_wrong(state) })
    }

    async fn connection(&self, org: OrgId) -> Result<Connection, ClientError> {
        let found = connections::get(&self.connections.db, org)
            .await
            .doing("read the connection of an organization")?;
        let connection = found.ok_or(ClientError::Closed { what: "the organization is not connected" })?;
        match connection.state {
            ConnectionState::Active => Ok(connection),
            state if state.is_given_up() => Err(ClientError::GivenUp),
            state => Err(ClientError::Closed { what: what_is_wrong(state) }),
        }
    }

    fn opened(&self, connection: &Connection) -> Option<Client> {
        let held = self.lock();
        let open = held.open.get(&connection.org_id)?;
        (open.connection_id == connection.connection_id).then(|| open.client.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raise the notice that Drift no longer takes an organization's connection.
pub(crate) async fn say_refused(
    tx: &mut Tx,
    org: OrgId,
    state: ConnectionState,
    now: Millis,
) -> Result<(), StoreError> {
    let message = format!(
        "Drift no longer accepts the connection of organization {org} ({}): its jobs wait; connect again with \"longshore connect\"",
        state.as_str()
    );
    let notice = NewNotice { org, kind: NOTICE, subject: state.as_str(), message: &message };
    notices::raise(tx, &notice, now).await.map(drop)
}

const fn what_is_wrong(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Active => "it was replaced",
        ConnectionState::Expired => "its token has expired",
        ConnectionState::Revoked => "its token was revoked",
        ConnectionState::Disconnecting | ConnectionState::Disconnected => "the organization was disconnected",
    }
}
