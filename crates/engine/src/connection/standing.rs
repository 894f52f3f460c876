//! What is written down when Drift takes a grant no longer, and taken back when it works again: the connection's state, the
//! audit log, and a notice that says what happened and the way out. The pause of the organization's jobs is asked
//! for by the first of them that finds the connection closed.

use model::{Millis, OrgId};
use store::audit::{self, Action, NewEntry, Object, Who};
use store::connections::{self, Connection, ConnectionState};
use store::notices::{self, NewNotice};
use store::{StoreError, Tx, pauses};

use super::state_entry;
use crate::clients;

/// Write down that the grant is good for nothing, and why.
pub(crate) async fn lose(
    tx: &mut Tx,
    connection: &Connection,
    state: ConnectionState,
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    connections::set_state(tx, &connection.connection_id, state).await?;
    audit::append(tx, &state_entry(now, who, connection, state))?;
    let org = connection.org_id;
    let message = message(org, state);
    let notice = NewNotice { org, kind: clients::NOTICE, subject: state.as_str(), message: &message };
    notices::raise(tx, &notice, now).await.map(drop)
}

/// Write down that a grant that was given up for lost works after all.
pub(crate) async fn regain(
    tx: &mut Tx,
    connection: &Connection,
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    let active = ConnectionState::Active;
    connections::set_state(tx, &connection.connection_id, active).await?;
    audit::append(tx, &state_entry(now, who, connection, active))?;
    resume(tx, connection.org_id, who, now).await
}

/// What waited for the organization's connection goes on, and what was said about it is taken back.
pub(crate) async fn resume(tx: &mut Tx, org: OrgId, who: &Who, now: Millis) -> Result<(), StoreError> {
    if pauses::resume_of_connection(tx, org).await? {
        let entry = NewEntry::done(now, who, Action::PauseEnd, Object::org(org)).org(org);
        audit::append(tx, &entry.because("connected"))?;
    }
    notices::dismiss(tx, org, clients::NOTICE, None).await.map(drop)
}

fn message(org: OrgId, state: ConnectionState) -> String {
    match state {
        ConnectionState::Exhausted => format!(
            "The tokens of organization {org} are exhausted: a process ended, or got no answer, after it had sent the refresh token \
             to Drift and before it could keep the next one, and Drift takes the old one no more: its jobs wait; connect again \
             with \"longshore connect\""
        ),
        state => format!(
            "Drift no longer accepts the connection of organization {org} ({}): its jobs wait; connect again with \"longshore connect\"",
            state.as_str()
        ),
    }
}
