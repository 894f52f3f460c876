//! The client's token keeper on the store: one process at a time renews, what is to be spent is committed before Drift is
//! asked, and what Drift gave is sealed and committed before it is used.
//!
//! Who does not get the right to renew waits for what comes of it: woken where bells are heard, and looking by itself in
//! between. A look takes no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use drift::{Begun, Closing, Ended, KeeperError, Need, Renewal, TokenKeeper, TokenPair};
use futures_util::future::{BoxFuture, select};
use model::{Clock, ConnectionId, Entropy, OrgId};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::connections::{self, Connection, ConnectionState};
use store::renewals::{self, Ask, Asked, Right, Sent};
use store::vault::Vault;
use store::wake::Channel;
use store::{Db, StoreError, grants};

use super::{standing, tokens_of};

/// How much longer than Drift's answer is waited for the right to renew lasts, in milliseconds: time to keep what was given.
const KEEPING_MS: i64 = 10_000;
/// How long another's renewal is waited for, in lives of its right: a holder dies, another takes over, and that is it.
const WAIT_LIVES: i64 = 2;
/// How often a waiter looks, in milliseconds; and up to as much more, so that waiters do not look at once.
const LOOK_MS: u64 = 100;

/// What a connection's tokens are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For the work that the connection is there for; not once it was given up.
    Working,
    /// To be revoked.
    Revoking,
}

/// Keeps one connection's token pair.
pub(crate) struct StoreKeeper {
    pub(super) db: Db,
    pub(super) vault: Vault,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) connection_id: ConnectionId,
    pub(super) org: OrgId,
    pub(super) purpose: Purpose,
    /// A name that no other process has.
    pub(super) holder: String,
    /// The version of the pair that the client was given last.
    pub(super) version: AtomicI64,
}

const GIVEN_UP: &str = "the connection was given up";

impl StoreKeeper {
    /// Of a connection that was given up no token is handed out but for its own revocation.
    async fn check(&self) -> Result<(), KeeperError> {
        if self.purpose == Purpose::Revoking {
            return Ok(());
        }
        let found = connections::of_id(&self.db, &self.connection_id)
            .await
            .map_err(|error| KeeperError::because("the connection could not be read", error))?;
        match found {
            Some(found) if !found.state.is_given_up() => Ok(()),
            _ => Err(KeeperError::new(GIVEN_UP)),
        }
    }
}

impl TokenKeeper for StoreKeeper {
    fn load(&self) -> BoxFuture<'_, Result<TokenPair, KeeperError>> {
        Box::pin(self.read())
    }

    fn save<'a>(&'a self, pair: &'a TokenPair) -> BoxFuture<'a, Result<(), KeeperError>> {
        let right = Right { attempt: 0, version: self.known(), unanswered: 0, failures: 0 };
        Box::pin(async move { self.keep(pair, right).await.map(drop).map_err(unstored) })
    }

    fn begin(&self, need: Need, patience_ms: u64) -> BoxFuture<'_, Result<Begun, KeeperError>> {
        let life_ms = i64::try_from(patience_ms).unwrap_or(i64::MAX).saturating_add(KEEPING_MS);
        Box::pin(self.right(need, life_ms))
    }

    fn end<'a>(
        &'a self,
        renewal: &'a Renewal,
        ended: Ended<'a>,
    ) -> BoxFuture<'a, Result<Closing, KeeperError>> {
        let right = Right {
            attempt: renewal.attempt,
            version: renewal.version,
            unanswered: renewal.unanswered,
            failures: i64::from(renewal.failures),
        };
        Box::pin(async move {
            match ended {
                Ended::Renewed(pair) => self.keep(pair, right).await.map_err(unstored),
                Ended::Refused => self.refuse(right).await.map_err(unwritten),
                Ended::Failed { rest_ms, nothing_sent } => {
                    let sent = if nothing_sent { Sent::Nothing } else { Sent::Perhaps };
                    self.fail(right, rest_ms, sent).await.map_err(unwritten)
                }
            }
        })
    }

    fn seen<'a>(&'a self, scopes: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let noted = async {
                let mut tx = self.db.begin().await?;
                grants::scopes_seen(&mut tx, &self.connection_id, scopes, self.clock.now()).await?;
                tx.commit().await
            };
            if let Err(error) = noted.await {
                tracing::debug!(error = %error, "What a token may do was not noted");
            }
        })
    }
}

impl StoreKeeper {
    fn known(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    async fn read(&self) -> Result<TokenPair, KeeperError> {
        self.check().await?;
        let pair = connections::pair(&self.db, &self.connection_id, &self.vault)
            .await
            .map_err(|error| KeeperError::because("the stored token could not be read", error))?
            .ok_or_else(|| KeeperError::new("the connection has no token"))?;
        self.version.store(pair.version, Ordering::Release);
        Ok(TokenPair {
            access: pair.tokens.access,
            refresh: pair.tokens.refresh,
            expires_at: pair.tokens.expires_at,
            org: Some(self.org),
        })
    }

    /// Take the right to renew, or wait for what comes of another's renewal.
    async fn right(&self, need: Need, life_ms: i64) -> Result<Begun, KeeperError> {
        let gives_up_at = self.clock.now().plus(life_ms.saturating_mul(WAIT_LIVES));
        loop {
            let rung = Box::pin(self.db.rung(Channel::Renewals));
            match self.look(life_ms).await.map_err(unwritten)? {
                Asked::Granted(right) => {
                    return Ok(Begun::Renew(Renewal {
                        attempt: right.attempt,
                        version: right.version,
                        unanswered: right.unanswered,
                        failures: u32::try_from(right.failures).unwrap_or(u32::MAX),
                    }));
                }
                Asked::Replaced => return self.read().await.map(Begun::Replaced),
                Asked::Refused(unanswered) => return Ok(Begun::Refused { unanswered }),
                Asked::Wait(_) if need == Need::Ahead => return Ok(Begun::Busy),
                Asked::Wait(_) if self.clock.now() >= gives_up_at => return Ok(Begun::Busy),
                Asked::Wait(_) => {}
            }
            drop(select(rung, self.clock.sleep(LOOK_MS + self.entropy.below(LOOK_MS))).await);
        }
    }

    /// See how it stands, and take the right where that seems free.
    async fn look(&self, life_ms: i64) -> Result<Asked, StoreError> {
        let (version, now) = (self.known(), self.clock.now());
        match renewals::state(&self.db, &self.connection_id).await? {
            Some(state) if state.version == version && state.free_at > now => {
                return Ok(Asked::Wait(state.free_at));
            }
            Some(state) if state.version == version => {}
            _ => return Ok(Asked::Replaced),
        }
        let ask =
            Ask { connection: &self.connection_id, version, holder: &self.holder, until: now.plus(life_ms) };
        let mut tx = self.db.begin().await?;
        let asked = renewals::ask(&mut tx, &ask, now).await?;
        match asked {
            Asked::Granted(_) => tx.commit().await?,
            _ => tx.rollback().await?,
        }
        Ok(asked)
    }

    /// Keep a pair, unless a newer one was kept meanwhile. One that comes late may mend what was given up.
    async fn keep(&self, pair: &TokenPair, right: Right) -> Result<Closing, StoreError> {
        let (known, now) = (self.connection().await?, self.clock.now());
        let mut tx = self.db.begin().await?;
        // In this order whoever ends a connection locks, too.
        let is_held = connections::hold(&mut tx, &self.connection_id, now).await?;
        if !is_held || !renewals::keep(&mut tx, &self.connection_id, &right, now).await? {
            tx.rollback().await?;
            return Ok(Closing::Overtaken);
        }
        connections::save_tokens(&mut tx, &self.connection_id, &tokens_of(pair), &self.vault, now).await?;
        let who = Who::node();
        let object = Object::new(ObjectKind::Connection, self.connection_id.0.as_str());
        let entry = NewEntry::done(now, &who, Action::TokenRefresh, object).org(self.org);
        audit::append(&mut tx, &entry)?;
        // Read after the right was let go of: whoever refuses takes it first.
        let state = connections::state(&mut tx, &self.connection_id).await?;
        let is_lost = matches!(
            state,
            Some(ConnectionState::Expired | ConnectionState::Exhausted | ConnectionState::Revoked)
        );
        if let (Some(known), true) = (known, is_lost) {
            standing::regain(&mut tx, &known, &who, now).await?;
        }
        tx.commit().await?;
        self.version.store(right.version + 1, Ordering::Release);
        Ok(Closing::Ours)
    }

    async fn refuse(&self, right: Right) -> Result<Closing, StoreError> {
        let known = self.connection().await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let is_held = connections::hold(&mut tx, &self.connection_id, now).await?;
        if !is_held || !renewals::refuse(&mut tx, &self.connection_id, &right).await? {
            tx.rollback().await?;
            return Ok(Closing::Overtaken);
        }
        let is_spent = right.unanswered > 0;
        let state = if is_spent { ConnectionState::Exhausted } else { ConnectionState::Revoked };
        let held = connections::state(&mut tx, &self.connection_id).await?;
        if let (Some(known), Some(ConnectionState::Active)) = (known, held) {
            standing::lose(&mut tx, &known, state, &Who::node(), now).await?;
        }
        tx.commit().await?;
        tracing::warn!(org.id = %self.org, connection.state = state.as_str(), "Drift refuses the refresh token");
        Ok(Closing::Ours)
    }

    async fn fail(&self, right: Right, rest_ms: u64, sent: Sent) -> Result<Closing, StoreError> {
        let retry_at = self.clock.now().plus(i64::try_from(rest_ms).unwrap_or(i64::MAX));
        let mut tx = self.db.begin().await?;
        renewals::fail(&mut tx, &self.connection_id, &right, retry_at, sent).await?;
        tx.commit().await?;
        Ok(Closing::Ours)
    }

    async fn connection(&self) -> Result<Option<Connection>, StoreError> {
        connections::of_id(&self.db, &self.connection_id).await
    }
}

fn unstored(error: StoreError) -> KeeperError {
    KeeperError::because("the renewed token could not be stored", error)
}

fn unwritten(error: StoreError) -> KeeperError {
    KeeperError::because("how the token's renewal stands could not be read or written", error)
}
