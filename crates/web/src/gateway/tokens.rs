//! The verification tokens that are right, held in memory as hashes: a request is judged without a look at the database.
//!
//! Comparing hashes of equal length takes the same time whatever was sent, and every token that could be right is
//! compared, found or not. A path of a connection that is not known is compared with a hash that nothing has.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use model::{Clock, OrgId, Secret, wiping};
use sha2::{Digest as _, Sha256};
use store::vault::Vault;
use store::{Db, StoreError, connections, honey};
use subtle::{Choice, ConstantTimeEq as _};

/// The kind under which a connection's verification token is sealed.
pub const WEBHOOK_TOKEN: &str = "webhook_token";

/// How often connections' tokens are read anew, in milliseconds.
const FRESH_MS: u64 = 30_000;

type Hash = [u8; 32];

/// Which path a token came on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The one for all.
    Common,
    /// That of a connection.
    Connection(&'a str),
}

/// The right tokens.
#[derive(Debug, Default)]
pub struct GatewayTokens {
    common: RwLock<Vec<Hash>>,
    /// Decoys: whoever shows one is somebody who took it.
    honey: RwLock<Vec<Hash>>,
    connections: RwLock<HashMap<String, (OrgId, Hash)>>,
}

impl GatewayTokens {
    /// Tokens of the common path: one app's, or two while one takes the other's place. Empty ones are left out, for
    /// they would be easy to guess.
    #[must_use]
    pub fn new(common: &[Secret]) -> Self {
        let tokens = Self::default();
        tokens.set_common(common);
        tokens
    }

    /// Replace the tokens of the common path.
    pub fn set_common(&self, common: &[Secret]) {
        let hashes =
            common.iter().filter(|token| !token.is_empty()).map(|token| hash(token.expose().as_bytes()));
        *self.common.write().unwrap_or_else(PoisonError::into_inner) = hashes.collect();
    }

    /// Read the tokens of all connections anew; answers how many there are. Call it at the start, and from time to time.
    ///
    /// # Errors
    /// The vault's or the database's error; the tokens are as before then.
    pub async fn load(&self, db: &Db, vault: &Vault) -> Result<usize, StoreError> {
        let found = connections::secrets_of_kind(db, WEBHOOK_TOKEN, vault).await?;
        *self.honey.write().unwrap_or_else(PoisonError::into_inner) = honey::hashes(db).await?;
        let hashed = found.into_iter().filter(|(_, _, token)| !token.is_empty());
        let loaded: HashMap<String, (OrgId, Hash)> =
            hashed.map(|(id, org, token)| (id.0, (org, hash(token.expose().as_bytes())))).collect();
        let count = loaded.len();
        *self.connections.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(count)
    }

    /// [`GatewayTokens::load`] from time to time, for as long as the future is polled: a token that was set in another
    /// process holds here within half a minute. A failure is told and tried again.
    pub async fn keep_fresh(&self, db: &Db, vault: &Vault, clock: &dyn Clock) {
        loop {
            clock.sleep(FRESH_MS).await;
            if let Err(error) = self.load(db, vault).await {
                tracing::warn!("Could not read the connections' verification tokens anew: {error}");
            }
        }
    }

    /// Whether any token could be right: without one every webhook is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.common.read().unwrap_or_else(PoisonError::into_inner).is_empty()
            && self.connections.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether this token is right on this path.
    pub(super) fn is_right(&self, place: Place<'_>, token: &[u8]) -> bool {
        let given = hash(token);
        match place {
            Place::Common => {
                let common = self.common.read().unwrap_or_else(PoisonError::into_inner);
                let any = common.iter().fold(Choice::from(0), |any, right| any | right.ct_eq(&given));
                any.into()
            }
            Place::Connection(id) => {
                let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
                let (known, right) = match connections.get(id) {
                    Some((_, right)) => (Choice::from(1), *right),
                    None => (Choice::from(0), Hash::default()),
                };
                (known & right.ct_eq(&given)).into()
            }
        }
    }

    /// Whether this token, which was refused, is a decoy's.
    pub(super) fn is_honey(&self, token: &[u8]) -> bool {
        self.honey.read().unwrap_or_else(PoisonError::into_inner).contains(&hash(token))
    }

    /// The organization of a connection that has a token.
    pub(super) fn org(&self, connection: &str) -> Option<OrgId> {
        let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
        connections.get(connection).map(|(org, _)| *org)
    }
}

fn hash(token: &[u8]) -> Hash {
    wiping(|| Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_of_a_rotation_is_right_and_no_other() {
        let tokens = GatewayTokens::new(&[Secret::new("old"), Secret::new("new"), Secret::new("")]);
        let right = |token: &str| tokens.is_right(Place::Common, token.as_bytes());
        assert!(right("old") && right("new"));
        assert!(!right("") && !right("newer"));
        assert!(!tokens.is_right(Place::Connection("c1"), b"new"), "a connection's path has its own");
        assert!(GatewayTokens::new(&[]).is_empty());
    }
}
