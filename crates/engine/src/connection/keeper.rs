//! The client's token keeper on the store: what was refreshed is sealed and committed before it is used.

use std::sync::Arc;

use drift::{KeeperError, TokenKeeper, TokenPair};
use futures_util::future::BoxFuture;
use model::{Clock, ConnectionId, OrgId};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::vault::Vault;
use store::{Db, connections};

use super::tokens_of;

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
    pub(super) connection_id: ConnectionId,
    pub(super) org: OrgId,
    pub(super) purpose: Purpose,
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
        Box::pin(async {
            self.check().await?;
            let tokens = connections::tokens(&self.db, &self.connection_id, &self.vault)
                .await
                .map_err(|error| KeeperError::because("the stored token could not be read", error))?
                .ok_or_else(|| KeeperError::new("the connection has no token"))?;
            Ok(TokenPair {
                access: tokens.access,
                refresh: tokens.refresh,
                expires_at: tokens.expires_at,
                org: Some(self.org),
            })
        })
    }

    fn save<'a>(&'a self, pair: &'a TokenPair) -> BoxFuture<'a, Result<(), KeeperError>> {
        Box::pin(async move {
            let failed = |error| KeeperError::because("the renewed token could not be stored", error);
            let (tokens, now) = (tokens_of(pair), self.clock.now());
            let mut tx = self.db.begin().await.map_err(failed)?;
            if !connections::hold(&mut tx, &self.connection_id, now).await.map_err(failed)? {
                return Err(KeeperError::new(GIVEN_UP));
            }
            connections::save_tokens(&mut tx, &self.connection_id, &tokens, &self.vault, now)
                .await
                .map_err(failed)?;
            let who = Who::node();
            let object = Object::new(ObjectKind::Connection, self.connection_id.0.as_str());
            let entry = NewEntry::done(now, &who, Action::TokenRefresh, object).org(self.org);
            audit::append(&mut tx, &entry).map_err(failed)?;
            tx.commit().await.map_err(failed)
        })
    }
}
