//! Giving connections up: the grant is revoked at Drift, the data key destroyed, what worked for it stopped, and the
//! organization's data kept or erased.
//!
//! The order is what makes it safe to be cut off anywhere. First the connection is marked, in one transaction with the end
//! of its schedules, of its waiting jobs, and with a job that carries the rest through should this process die: from then
//! on its tokens serve their own revocation and nothing else. Then Drift is asked, within a deadline. Then the secrets and
//! their data key are destroyed. Where Drift was not reached the sealed tokens stay, for that one purpose, and are tried
//! again until Drift answers or [`RETRIES_MS`] have passed; then they are destroyed whatever came of it.
//!
//! Sketch: a thousand connections, [`CONCURRENCY`] at once, each a deadline of [`DEADLINE_MS`] where Drift is dead: 16 rounds
//! of 2.5 s are 40 s; nobody has measured it. Where it answers, the three commits of each are the limit.

use std::sync::Arc;

use drift::{Auth, Client, Error};
use futures_util::{StreamExt as _, stream};
use model::{ConnectionId, JobId, Millis, OrgId};
use serde::{Deserialize, Serialize};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::connections::{self, Connection, ConnectionKind, ConnectionState};
use store::disconnects::{self, Data, Disconnect, Revocation};
use store::queue::{self, NewJob};
use store::vault::VaultError;
use store::{StoreError, Tx, erasure, notices};

use crate::clients;
use crate::connection::{Connections, Purpose};
use crate::error::{Doing, EngineError};
use crate::job::Job as _;
use crate::jobs::{ASKING_DRIFT, RevokeConnection};
use crate::schedules;

/// Connections that are ended at once.
pub const CONCURRENCY: usize = 64;
/// How long Drift may take to revoke one grant, a renewal of its token included, in milliseconds.
pub const DEADLINE_MS: u64 = 2_500;
/// For how long an unreachable Drift is asked again before the tokens are destroyed unrevoked, in milliseconds.
pub const RETRIES_MS: i64 = 24 * 60 * 60 * 1_000;
/// When the job that carries a disconnect through first runs, after it was asked for, in milliseconds.
const FIRST_RETRY_MS: i64 = 60_000;
/// Connections read in one page.
const PAGE: u32 = 500;
/// The kind of notices about grants that were given up unrevoked.
const NOTICE: &str = "disconnect";

/// Whether Drift is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoking {
    /// It is, and again later where it is not reached.
    Ask,
    /// It is not: the secrets are destroyed at once, and the vault need not open.
    Skip,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What becomes of the data.
    pub data: Data,
    /// Whether Drift is asked.
    pub revoking: Revoking,
}

/// Which connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    One(ConnectionId),
    /// Those of an organization.
    Org(OrgId),
    /// All.
    All,
}

/// What happened to one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    pub connection_id: ConnectionId,
    /// For whom it acted.
    pub organization: OrgId,
    /// What Drift made of the revocation: `revoked`, `refused`, `gone`, `unreachable`, `by_hand`, `not_asked`.
    pub outcome: String,
    /// Whether its secrets are destroyed; if not, the revocation is tried again.
    pub destroyed: bool,
    /// Rows that were erased; `None` where the data is kept, or the erasure still to come.
    pub erased: Option<u64>,
}

impl Connections {
    /// Give connections up. Answers what happened to each; one that has ended before is not among them.
    ///
    /// # Errors
    /// When the store or the vault fails. What was done until then stays done, and is carried on by the queue.
    pub async fn disconnect(
        &self,
        selection: &Selection,
        plan: Plan,
        who: &Who,
    ) -> Result<Vec<Ended>, EngineError> {
        let chosen = self.chosen(selection).await?;
        for page in chosen.chunks(PAGE as usize) {
            self.ask(page, plan.data, who).await?;
        }
        // Once all are marked, nothing uses any of them: only then the slow part begins.
        let all = stream::iter(chosen).map(|one| async move { self.end(&one, plan.revoking, who).await });
        let ended: Vec<_> = all.buffered(CONCURRENCY).collect().await;
        ended.into_iter().filter_map(Result::transpose).collect()
    }

    async fn chosen(&self, selection: &Selection) -> Result<Vec<Connection>, EngineError> {
        const DOING: &str = "read the connections";
        let org = match selection {
            Selection::One(id) => {
                let found = connections::of_id(&self.db, id).await.doing(DOING)?;
                let live = found.filter(|one| one.state != ConnectionState::Disconnected);
                return Ok(live.into_iter().collect());
            }
            Selection::Org(org) => Some(*org),
            Selection::All => None,
        };
        let (mut all, mut after) = (Vec::new(), ConnectionId(String::new()));
        loop {
            let page = connections::not_ended(&self.db, org, &after, PAGE).await.doing(DOING)?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.connection_id.clone();
            all.extend(page);
        }
    }

    /// Mark connections as being given up, and stop what works for them: one transaction.
    async fn ask(&self, page: &[Connection], data: Data, who: &Who) -> Result<(), EngineError> {
        const DOING: &str = "mark connections as being given up";
        let now = self.seams.clock.now();
        let mut tx = self.db.begin().await.doing(DOING)?;
        let mut jobs = Vec::with_capacity(page.len());
        for one in page {
            let (id, org) = (&one.connection_id, one.org_id);
            if !disconnects::ask(&mut tx, (id, org), data, now).await.doing(DOING)? {
                continue;
            }
            queue::cancel_waiting(&mut tx, org, ASKING_DRIFT).await.doing(DOING)?;
            for (kind, _) in schedules::defaults(org) {
                store::schedules::remove(&mut tx, org, kind).await.doing(DOING)?;
            }
            self.end_pause(&mut tx, org, (who, "disconnected"), now).await?;
            notices::dismiss(&mut tx, org, clients::NOTICE, None).await.doing(DOING)?;
            let object = Object::new(ObjectKind::Connection, id.0.as_str());
            let entry = NewEntry::done(now, who, Action::ConnectionDisconnect, object).org(org);
            audit::append(&mut tx, &entry.because(word(data))).doing(DOING)?;
            jobs.push(self.later(id, now.plus(FIRST_RETRY_MS)));
        }
        queue::enqueue(&mut tx, &jobs, now).await.doing(DOING)?;
        tx.commit().await.doing(DOING)
    }

    /// The job that carries a disconnect through. It belongs to no organization, so that no pause holds it.
    fn later(&self, id: &ConnectionId, due_at: Millis) -> NewJob {
        let job = RevokeConnection { connection: id.clone() };
        NewJob {
            job_id: JobId::new(self.seams.clock.as_ref(), self.seams.entropy.as_ref()),
            kind: RevokeConnection::KIND.to_owned(),
            org: OrgId(0),
            key: job.key(),
            priority: RevokeConnection::PRIORITY,
            due_at,
            payload: serde_json::to_string(&job).expect("a payload is plain data with text keys"),
            signals: 1,
            trace: None,
        }
    }

    /// Carry the disconnect of a connection on by one try; `None` when nobody asked for one, or it is over.
    ///
    /// # Errors
    /// When the store or the vault fails; it can be tried again.
    pub async fn end(
        &self,
        connection: &Connection,
        revoking: Revoking,
        who: &Who,
    ) -> Result<Option<Ended>, EngineError> {
        let id = &connection.connection_id;
        let known = disconnects::get(&self.db, id).await.doing("read how far a disconnect has come")?;
        let Some(known) = known.filter(|known| !known.is_over()) else { return Ok(None) };
        let (outcome, destroyed) = match known.ended_at {
            Some(_) => (known.outcome.unwrap_or(Revocation::NotAsked), true),
            None => self.revoke_and_destroy(connection, &known, revoking, who).await?,
        };
        let erased = match known.data {
            Data::Erase if destroyed => Some(self.erase(&known).await?),
            Data::Erase | Data::Keep => None,
        };
        Ok(Some(Ended {
            connection_id: id.clone(),
            organization: connection.org_id,
            outcome: outcome.as_str().to_owned(),
            destroyed,
            erased,
        }))
    }

    async fn revoke_and_destroy(
        &self,
        connection: &Connection,
        known: &Disconnect,
        revoking: Revoking,
        who: &Who,
    ) -> Result<(Revocation, bool), EngineError> {
        const DOING: &str = "note what became of a disconnect";
        let outcome = match revoking {
            Revoking::Ask => self.revoke(connection).await,
            Revoking::Skip => Revocation::NotAsked,
        };
        let (id, org, now) = (&connection.connection_id, connection.org_id, self.seams.clock.now());
        let is_last = now.since(known.asked_at) >= RETRIES_MS;
        let destroys = outcome != Revocation::Unreachable || is_last;
        let mut tx = self.db.begin().await.doing(DOING)?;
        if !disconnects::tried(&mut tx, id, outcome, now).await.doing(DOING)? {
            tx.rollback().await.doing(DOING)?;
            return Ok((outcome, true));
        }
        audit::append(&mut tx, &revocation_entry(connection, outcome, who, now)).doing(DOING)?;
        if destroys {
            let keys = disconnects::end(&mut tx, id, now).await.doing(DOING)?;
            let object = Object::new(ObjectKind::Key, id.0.as_str());
            let entry = NewEntry::done(now, who, Action::KeyDestroy, object).org(org);
            audit::append(&mut tx, &entry.amount(keys.try_into().unwrap_or(i64::MAX))).doing(DOING)?;
            if outcome == Revocation::Unreachable {
                self.say_unrevoked(&mut tx, connection, now).await?;
            }
        } else {
            let after = backoff_ms(known.attempts);
            queue::enqueue(&mut tx, &[self.later(id, now.plus(after))], now).await.doing(DOING)?;
        }
        tx.commit().await.doing(DOING)?;
        tracing::info!(org.id = %org, connection.id = %id, disconnect.outcome = outcome.as_str(),
            disconnect.destroyed = destroys, "Disconnected organization {org}: {}", outcome.as_str());
        Ok((outcome, destroys))
    }

    async fn say_unrevoked(&self, tx: &mut Tx, one: &Connection, now: Millis) -> Result<(), EngineError> {
        let message = format!(
            "Drift was not reached for a day to revoke connection {}: its tokens are destroyed here; remove the app in Drift, too",
            one.connection_id
        );
        let subject = one.connection_id.0.as_str();
        let notice = notices::NewNotice { org: one.org_id, kind: NOTICE, subject, message: &message };
        notices::raise(tx, &notice, now).await.doing("raise a notice").map(drop)
    }

    /// Ask Drift to take the grant back, within the deadline.
    async fn revoke(&self, connection: &Connection) -> Revocation {
        if connection.kind == ConnectionKind::Private {
            return Revocation::ByHand;
        }
        let asking = self.uninstall(connection);
        match drift::deadline(self.seams.clock.as_ref(), DEADLINE_MS, asking).await {
            Ok(Ok(())) => Revocation::Revoked,
            Ok(Err(outcome)) => outcome,
            Err(_) => Revocation::Unreachable,
        }
    }

    /// The call itself; the error is what became of the revocation.
    async fn uninstall(&self, connection: &Connection) -> Result<(), Revocation> {
        let app = self.app(&connection.connection_id).await.map_err(|error| unopened(connection, &error))?;
        let keeper = Arc::new(self.keeper(connection, Purpose::Revoking));
        let config = self.config.clone().attempts_max(1).deadline_ms(DEADLINE_MS);
        let auth = Auth::OAuth { app: app.clone(), keeper };
        let client = Client::new(config, self.seams.clone(), auth).map_err(|error| judge(&error))?;
        client.uninstall(&app).await.map(drop).map_err(|error| judge(&error))
    }

    /// Erase the organization's data, unless another connection of it is in use.
    async fn erase(&self, known: &Disconnect) -> Result<u64, EngineError> {
        const DOING: &str = "erase the organization's data";
        let current = connections::get(&self.db, known.org_id).await.doing(DOING)?;
        let erased = match current {
            Some(current) if !current.state.is_given_up() => 0,
            _ => erasure::erase(&self.db, known.org_id).await.doing(DOING)?,
        };
        let mut tx = self.db.begin().await.doing(DOING)?;
        disconnects::erased(&mut tx, &known.connection_id, self.seams.clock.now()).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(erased)
    }
}

/// What a failed revocation means. Drift's definite no is final; everything else may pass.
fn judge(error: &Error) -> Revocation {
    match error {
        Error::Unauthorized { .. } => Revocation::Gone,
        Error::Forbidden { .. }
        | Error::Validation { .. }
        | Error::Conflict { .. }
        | Error::NotFound { .. } => Revocation::Refused,
        Error::Api { status, .. } if (400..500).contains(status) && !matches!(status, 408 | 429) => {
            Revocation::Refused
        }
        _ => Revocation::Unreachable,
    }
}

/// Secrets that are not there, or do not open, cannot revoke anything, now or later; a store that fails may recover.
fn unopened(connection: &Connection, error: &EngineError) -> Revocation {
    let (id, text) = (&connection.connection_id, crate::error::chain(error));
    tracing::warn!(connection.id = %id, error = %text, "The secrets to revoke {id} with do not open");
    match error {
        EngineError::Store {
            source: StoreError::Vault(VaultError::Damaged | VaultError::Destroyed), ..
        }
        | EngineError::Connection(_) => Revocation::Gone,
        _ => Revocation::Unreachable,
    }
}

/// A minute, doubled with every try, to an hour.
fn backoff_ms(attempts: i64) -> i64 {
    (FIRST_RETRY_MS << attempts.clamp(0, 6)).min(60 * FIRST_RETRY_MS)
}

const fn word(data: Data) -> &'static str {
    match data {
        Data::Keep => "keep_data",
        Data::Erase => "erase_data",
    }
}

fn revocation_entry<'a>(
    connection: &'a Connection,
    outcome: Revocation,
    who: &'a Who,
    now: Millis,
) -> NewEntry<'a> {
    let object = Object::new(ObjectKind::Connection, connection.connection_id.0.as_str());
    let entry = match outcome {
        Revocation::Revoked => NewEntry::done(now, who, Action::TokenRevoke, object),
        other => NewEntry::failed(now, who, Action::TokenRevoke, object, other.as_str()),
    };
    entry.org(connection.org_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_ever_later_and_at_least_hourly() {
        let waits: Vec<i64> = (0..8).map(|attempts| backoff_ms(attempts) / 60_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
