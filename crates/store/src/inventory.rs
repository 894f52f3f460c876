//! Connections as people and programs are shown them: what each is good for, when it was last used, and how far giving it up
//! has come. Without secrets, and without personal data.

use model::{ConnectionId, Millis, OrgId};
use serde::Serialize;

use crate::connections::{self, Connection};
use crate::db::Db;
use crate::disconnects::{self, Disconnect};
use crate::error::StoreError;

/// A connection as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// For whom it acts.
    pub organization: OrgId,
    /// Its id.
    pub connection_id: ConnectionId,
    /// How it was obtained.
    pub kind: &'static str,
    /// What it is good for.
    pub state: &'static str,
    /// What Drift said it may do.
    pub scopes: Vec<String>,
    /// When it was granted.
    pub created_at: Millis,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Millis>,
    /// When the access token ends.
    pub expires_at: Option<Millis>,
    /// How far giving it up has come; `None` when nobody asked for that.
    pub disconnect: Option<Progress>,
}

/// How far giving a connection up has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// When it was asked for.
    pub asked_at: Millis,
    /// Until when Drift is asked to revoke.
    pub until_at: Millis,
    /// What the last try came to.
    pub outcome: Option<&'static str>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was tried last.
    pub tried_at: Option<Millis>,
    /// When the secrets were destroyed.
    pub destroyed_at: Option<Millis>,
    /// What is, or is to be, of the data: `kept`, `erased`, `shared`, `to_erase`.
    pub data: &'static str,
    /// When it was erased, or found to be shared.
    pub data_at: Option<Millis>,
    /// What a person still has to do in Drift.
    pub left_to_do: Option<&'static str>,
}

/// The connections of an organization, newest first (at most a hundred), or all, oldest first (at most a thousand).
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: Option<OrgId>) -> Result<Vec<Known>, StoreError> {
    let found = match org {
        Some(org) => connections::of_org(db, org).await?,
        None => connections::list(db).await?,
    };
    let mut known = Vec::with_capacity(found.len());
    for one in found {
        known.push(shown(db, one).await?);
    }
    Ok(known)
}

/// One connection.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, connection: &ConnectionId) -> Result<Option<Known>, StoreError> {
    match connections::of_id(db, connection).await? {
        Some(found) => shown(db, found).await.map(Some),
        None => Ok(None),
    }
}

async fn shown(db: &Db, one: Connection) -> Result<Known, StoreError> {
    let disconnect = match one.state.is_given_up() {
        true => disconnects::get(db, &one.connection_id).await?.map(Progress::from),
        false => None,
    };
    Ok(Known {
        organization: one.org_id,
        connection_id: one.connection_id,
        kind: one.kind.as_str(),
        state: one.state.as_str(),
        scopes: one.scopes,
        created_at: one.created_at,
        last_used_at: one.last_used_at,
        expires_at: one.expires_at,
        disconnect,
    })
}

impl From<Disconnect> for Progress {
    fn from(known: Disconnect) -> Self {
        Self {
            asked_at: known.asked_at,
            until_at: known.until_at,
            outcome: known.outcome.map(disconnects::Revocation::as_str),
            attempts: known.attempts,
            tried_at: known.tried_at,
            destroyed_at: known.ended_at,
            data: known.data_word(),
            data_at: known.left_at,
            left_to_do: known.outcome.and_then(disconnects::Revocation::left_to_do),
        }
    }
}
