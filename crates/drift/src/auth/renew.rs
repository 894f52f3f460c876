//! The renewal of a token pair: one at a time, kept before it is used.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::OwnedMutexGuard;

use super::{Credentials, Held, Token};
use crate::exchange::Core;
use crate::oauth::{self, OAuthError};
use crate::{App, Auth, Error, TokenKeeper, TokenPair};

/// A pair that was given but could not be kept yet: the refresh token before it is worth nothing any more.
pub(super) type Pending = Option<TokenPair>;

const REFUSED: &str = "the refresh token is exhausted or was revoked";
/// Not the tokens are refused but the app that shows them.
pub(crate) const APP_REFUSED: &str = "the app's id or secret is not accepted";
const NO_REFRESH: &str = "it has expired and there is no refresh token";
const REVOKED: &str = "it was revoked, or was never valid";
const NO_HEADER: &str = "it holds characters no token has";

impl Credentials {
    /// Renew, unless somebody else has done so since `seen` was seen.
    pub(super) async fn renew(self: &Arc<Self>, core: &Arc<Core>, seen: Option<u64>) -> Result<(), Error> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let now = core.seams.clock.now();
        match self.held() {
            Held::Alive(token) if Some(token.generation) != seen => Ok(()),
            Held::Dead { reason, found_at, .. } if self.rests(now, found_at) => {
                Err(Error::Unauthorized { reason })
            }
            _ => self.renew_in(core, turn).await,
        }
    }

    /// Renew, as the one whose turn it is; carried through even if the caller goes away.
    pub(super) fn renew_in(
        self: &Arc<Self>,
        core: &Arc<Core>,
        mut turn: OwnedMutexGuard<Pending>,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let (credentials, core) = (Arc::clone(self), Arc::clone(core));
        let renewal = tokio::spawn(async move { credentials.renew_now(&core, &mut turn).await });
        Box::pin(async move {
            renewal.await.unwrap_or(Err(Error::Unauthorized { reason: "the renewal was broken off" }))
        })
    }

    async fn renew_now(&self, core: &Arc<Core>, pending: &mut Pending) -> Result<(), Error> {
        let Auth::OAuth { app, keeper } = &self.auth else { return Err(self.die(core, REVOKED)) };
        if let Some(pair) = pending.take() {
            return self.keep(core, &**keeper, pair, pending).await;
        }
        if self.take_kept(core, &**keeper).await? {
            return Ok(());
        }
        let (Held::Alive(token) | Held::Dead { token, .. }) = self.held() else {
            return Err(Error::Unauthorized { reason: "there is no token" });
        };
        if let Held::Dead { reason, .. } = self.held() {
            return Err(self.die(core, reason));
        }
        let Some(pair) = self.refresh(core, app, &token).await? else {
            // Another process may have refreshed between our look at the keeper and our own try.
            let replaced = self.take_kept(core, &**keeper).await?;
            return if replaced { Ok(()) } else { Err(self.die(core, REFUSED)) };
        };
        self.keep(core, &**keeper, pair, pending).await
    }

    /// Take what the keeper holds, if that is another pair than ours and still good.
    async fn take_kept(&self, core: &Core, keeper: &dyn TokenKeeper) -> Result<bool, Error> {
        let kept = keeper.load().await.map_err(Error::Keeper)?;
        let ours = match self.held() {
            Held::Alive(token) | Held::Dead { token, .. } => Some(token),
            Held::Unread => None,
        };
        if ours.is_some_and(|ours| ours.pair.access.expose() == kept.access.expose()) {
            return Ok(false);
        }
        let token = self.take(core, kept)?;
        Ok(!token.is_due(core.seams.clock.now()))
    }

    /// A new pair, or `None` when Drift has refused it for good.
    async fn refresh(&self, core: &Arc<Core>, app: &App, token: &Token) -> Result<Option<TokenPair>, Error> {
        let Some(refresh) = &token.pair.refresh else { return Err(self.die(core, NO_REFRESH)) };
        match oauth::refresh_with(core, app, refresh).await {
            Ok(mut pair) => {
                pair.refresh = pair.refresh.or_else(|| Some(refresh.clone()));
                pair.org = pair.org.or(token.pair.org);
                Ok(Some(pair))
            }
            Err(Error::OAuth(OAuthError::Refused { .. })) => Ok(None),
            Err(Error::OAuth(OAuthError::App { .. })) => Err(self.die(core, APP_REFUSED)),
            Err(error) => Err(error),
        }
    }

    /// Save a pair, then use it. A pair that cannot be saved stays pending: the next caller tries to save it again.
    async fn keep(
        &self,
        core: &Core,
        keeper: &dyn TokenKeeper,
        pair: TokenPair,
        pending: &mut Pending,
    ) -> Result<(), Error> {
        if let Err(error) = keeper.save(&pair).await {
            *pending = Some(pair);
            return Err(Error::Keeper(error));
        }
        let token = self.take(core, pair)?;
        tracing::info!(token.generation = token.generation, "Renewed the access token");
        Ok(())
    }

    fn take(&self, core: &Core, pair: TokenPair) -> Result<Arc<Token>, Error> {
        let generation = match self.held() {
            Held::Alive(token) | Held::Dead { token, .. } => token.generation + 1,
            Held::Unread => 1,
        };
        let token = Token::new(generation, pair, core.seams.clock.now())
            .ok_or(Error::Unauthorized { reason: NO_HEADER })?;
        let token = Arc::new(token);
        self.hold(Held::Alive(Arc::clone(&token)));
        Ok(token)
    }

    fn die(&self, core: &Core, reason: &'static str) -> Error {
        if let Held::Alive(token) | Held::Dead { token, .. } = self.held() {
            tracing::info!(reason, "The access token is dead; somebody must connect again");
            self.hold(Held::Dead { token, reason, found_at: core.seams.clock.now() });
        }
        Error::Unauthorized { reason }
    }
}
