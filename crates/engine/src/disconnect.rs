//! Giving connections up: the grant is revoked at Drift, the data key destroyed, what worked for it stopped, and the
//! organization's data kept or erased.
//!
//! The order is what makes it safe to be cut off anywhere. First the connection is marked, in one transaction with the end
//! of its schedules, of its waiting jobs, and with a job that carries the rest through should this process die: from then
//! on its tokens serve their own revocation and nothing else, in every process ([`crate::connection`]'s gate). Then Drift is
//! asked, within a deadline. Then the secrets and their data key are destroyed. Where Drift gave no answer that settles it
//! the sealed tokens stay, for that one purpose, and are tried again until it does, or until the time that was set has run
//! out; then they are destroyed, and the outcome says that they were not revoked.
//!
//! Sketch: a thousand connections, [`CONCURRENCY`] at once, each a deadline of [`DEADLINE_MS`] where Drift is silent: 16
//! rounds of 2.5 s are 40 s. Where it answers, the three commits of each are the limit.

mod revoke;

use futures_util::{StreamExt as _, stream};
use model::{ConnectionId, JobId, Millis, OrgId};
use serde::{Deserialize, Serialize};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::connections::{self, Connection, ConnectionState};
use store::disconnects::{self, Because, Data, Disconnect, Left, Order, Revocation};
use store::notices::{self, NewNotice};
use store::{Tx, erasure, queue};

use crate::connection::Connections;
use crate::error::{Doing, EngineError};

/// Connections that are ended at once.
pub const CONCURRENCY: usize = 64;
/// How long Drift may take to revoke one grant, a renewal of its token included, in milliseconds.
pub const DEADLINE_MS: u64 = 2_500;
/// When the job that carries a disconnect through first runs, after it was asked for, in milliseconds.
const FIRST_RETRY_MS: i64 = 60_000;
/// Connections read in one page.
const PAGE: u32 = 500;

/// Whether Drift is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoking {
    /// It is, and again later where it gave no answer that settles it.
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
    /// For how long it is asked again, in milliseconds, before the secrets are destroyed unrevoked.
    pub retries_ms: i64,
    /// Why.
    pub because: Because,
}

impl Plan {
    /// Somebody asked; Drift is asked for as long as usual.
    #[must_use]
    pub const fn asked(data: Data) -> Self {
        Self { data, revoking: Revoking::Ask, retries_ms: disconnects::RETRIES_MS, because: Because::Asked }
    }
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
    /// What Drift made of the revocation: one of [`Revocation::ALL`].
    pub outcome: String,
    /// Whether its secrets are destroyed; if not, the revocation is tried again.
    pub destroyed: bool,
    /// What became of the data: `kept`, `erased`, `shared` (kept, for another connection of the organization is in use), or
    /// `to_erase` while that is still to come.
    pub data: String,
    /// Rows that were erased now.
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
        if *selection == Selection::All {
            self.end_links(who).await?;
        }
        for page in chosen.chunks(PAGE as usize) {
            self.begin(page, plan, who).await?;
        }
        // Once all are marked, nothing uses any of them: only then the slow part begins.
        let ids = chosen.into_iter().map(|one| one.connection_id);
        let all = stream::iter(ids).map(|id| async move { self.end(&id, plan.revoking, who).await });
        let ended: Vec<_> = all.buffered(CONCURRENCY).collect().await;
        ended.into_iter().filter_map(Result::transpose).collect()
    }

    async fn chosen(&self, selection: &Selection) -> Result<Vec<Connection>, EngineError> {
        const DOING: &str = "read the connections";
        let org = match selection {
            Selection::One(id) => {
                let found = connections::of_id(&self.db, id).await.doing(DOING)?;
                return Ok(found.into_iter().collect());
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

    /// End the links that would connect any organization.
    async fn end_links(&self, who: &Who) -> Result<(), EngineError> {
        const DOING: &str = "end the links to connect with";
        let mut tx = self.db.begin().await.doing(DOING)?;
        disconnects::end_links(&mut tx, None, who, self.seams.clock.now()).await.doing(DOING)?;
        tx.commit().await.doing(DOING)
    }

    /// Mark connections as being given up, and stop what works for them: one transaction.
    async fn begin(&self, page: &[Connection], plan: Plan, who: &Who) -> Result<(), EngineError> {
        const DOING: &str = "mark connections as being given up";
        let now = self.seams.clock.now();
        let mut tx = self.db.begin().await.doing(DOING)?;
        for one in page {
            let order = Order {
                data: plan.data,
                until_at: now.plus(plan.retries_ms),
                because: plan.because,
                who,
                job_id: self.job_id(),
                due_at: now.plus(FIRST_RETRY_MS),
            };
            disconnects::begin(&mut tx, one, order, now).await.doing(DOING)?;
        }
        tx.commit().await.doing(DOING)
    }

    fn job_id(&self) -> JobId {
        JobId::new(self.seams.clock.as_ref(), self.seams.entropy.as_ref())
    }

    /// Carry the disconnect of a connection on by one try; `None` when nobody asked for one, or it is over.
    ///
    /// # Errors
    /// When the store or the vault fails; it can be tried again.
    pub async fn end(
        &self,
        id: &ConnectionId,
        revoking: Revoking,
        who: &Who,
    ) -> Result<Option<Ended>, EngineError> {
        const DOING: &str = "read how far a disconnect has come";
        let known = disconnects::get(&self.db, id).await.doing(DOING)?;
        let Some(mut known) = known.filter(|known| !known.is_over()) else { return Ok(None) };
        let Some(connection) = connections::of_id(&self.db, id).await.doing(DOING)? else { return Ok(None) };
        let (outcome, destroyed) = match known.ended_at {
            Some(_) => (known.outcome.unwrap_or(Revocation::NotAsked), true),
            None => self.revoke_and_destroy(&connection, &known, revoking, who).await?,
        };
        let mut erased = None;
        if destroyed && known.data == Data::Erase {
            let (left, rows) = self.erase(&known).await?;
            (known.left, erased) = (Some(left), rows);
        }
        Ok(Some(Ended {
            connection_id: id.clone(),
            organization: connection.org_id,
            outcome: outcome.as_str().to_owned(),
            destroyed,
            data: known.data_word().to_owned(),
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
        let mut outcome = match revoking {
            // Whoever connected the organization again has destroyed the older secrets, and needs the app to stay in Drift.
            _ if connection.state == ConnectionState::Disconnected => Revocation::Replaced,
            Revoking::Ask => self.revoke(connection).await,
            Revoking::Skip => Revocation::NotAsked,
        };
        let (id, now) = (&connection.connection_id, self.seams.clock.now());
        if outcome == Revocation::Unreachable && now >= known.until_at {
            outcome = Revocation::Unrevoked;
        }
        let destroys = outcome != Revocation::Unreachable;
        let mut tx = self.db.begin().await.doing(DOING)?;
        if !disconnects::tried(&mut tx, id, outcome, now).await.doing(DOING)? {
            // Another process has ended it meanwhile, and what came of its try is what counts.
            tx.rollback().await.doing(DOING)?;
            let ended = disconnects::get(&self.db, id).await.doing(DOING)?;
            return Ok((ended.and_then(|ended| ended.outcome).unwrap_or(outcome), true));
        }
        audit::append(&mut tx, &revocation_entry(connection, outcome, who, now)).doing(DOING)?;
        if destroys {
            self.destroy(&mut tx, connection, outcome, (who, now)).await?;
        } else {
            let due_at = now.plus(backoff_ms(known.attempts)).min(known.until_at.max(now.plus(1)));
            let again = disconnects::carrier(id, self.job_id(), due_at);
            queue::enqueue(&mut tx, &[again], now).await.doing(DOING)?;
        }
        tx.commit().await.doing(DOING)?;
        tracing::info!(org.id = %connection.org_id, connection.id = %id, disconnect.outcome = outcome.as_str(),
            disconnect.destroyed = destroys, "Disconnected organization {}: {}", connection.org_id, outcome.as_str());
        Ok((outcome, destroys))
    }

    /// The end of the secrets, in the transaction that notes why; what a person still has to do is said in a notice.
    async fn destroy(
        &self,
        tx: &mut Tx,
        connection: &Connection,
        outcome: Revocation,
        (who, now): (&Who, Millis),
    ) -> Result<(), EngineError> {
        const DOING: &str = "destroy the secrets of a connection";
        let (id, org) = (&connection.connection_id, connection.org_id);
        let keys = disconnects::end(tx, id, now).await.doing(DOING)?;
        let object = Object::new(ObjectKind::Key, id.0.as_str());
        let entry = NewEntry::done(now, who, Action::KeyDestroy, object).org(org);
        audit::append(tx, &entry.amount(keys.try_into().unwrap_or(i64::MAX))).doing(DOING)?;
        if let Some(left) = outcome.left_to_do() {
            let message = format!("Connection {id} was given up and its secrets are destroyed here; {left}");
            let (kind, subject) = (disconnects::NOTICE, id.0.as_str());
            let notice = NewNotice { org, kind, subject, message: &message };
            notices::raise(tx, &notice, now).await.doing(DOING)?;
        }
        Ok(())
    }

    /// Erase the organization's data, unless another connection of it is in use: then it is that one's data, too.
    async fn erase(&self, known: &Disconnect) -> Result<(Left, Option<u64>), EngineError> {
        const DOING: &str = "erase the organization's data";
        let current = connections::get(&self.db, known.org_id).await.doing(DOING)?;
        let (left, rows) = match current {
            Some(current) if !current.state.is_given_up() => (Left::Shared, None),
            _ => (Left::Erased, Some(erasure::erase(&self.db, known.org_id).await.doing(DOING)?)),
        };
        let mut tx = self.db.begin().await.doing(DOING)?;
        let now = self.seams.clock.now();
        disconnects::left(&mut tx, &known.connection_id, left, now).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok((left, rows))
    }
}

/// A minute, doubled with every try, to an hour.
fn backoff_ms(attempts: i64) -> i64 {
    (FIRST_RETRY_MS << attempts.clamp(0, 6)).min(60 * FIRST_RETRY_MS)
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
