//! The renewal of a token pair: one at a time, its answer kept before it is used.
//!
//! The order is all: the keeper notes what is about to be spent, Drift is asked, and the answer goes to the keeper with nothing
//! between. Each attempt asks once under the keeper's right, so that processes which share tokens share the attempts,
//! and the pauses between them, too.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use tokio::sync::OwnedMutexGuard;

use super::{Credentials, Held, Token, due_at};
use crate::exchange::Core;
use crate::oauth::{self, OAuthError};
use crate::{
    App, Auth, Begun, Closing, Ended, Error, Failure, KeeperError, Need, Renewal, Secret, TokenKeeper,
    TokenPair, TransportKind, deadline,
};

/// What whoever renews finds, and leaves to the next.
#[derive(Default)]
pub(super) struct Turn {
    /// A pair that was given but could not be kept yet: the refresh token before it is worth nothing any more.
    pending: Option<(TokenPair, Renewal)>,
    /// How the last renewal failed, if it did and that may pass.
    failed: Option<(Need, Passing)>,
}

/// A failure that may pass.
#[derive(Clone)]
enum Passing {
    Unrenewed { what: String, last: Option<Failure> },
    Keeper(KeeperError),
}

impl Passing {
    fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Unrenewed { what, last } => {
                Some(Self::Unrenewed { what: what.clone(), last: last.clone() })
            }
            Error::Keeper(error) => Some(Self::Keeper(error.clone())),
            _ => None,
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Unrenewed { what, last } => Error::Unrenewed { what, last },
            Self::Keeper(error) => Error::Keeper(error),
        }
    }
}

const REFUSED: &str = "the refresh token is exhausted or was revoked";
pub(crate) const SPENT: &str = "the refresh token was sent before, and the answer to that was lost";
/// Not the tokens are refused but the app that shows them.
pub(crate) const APP_REFUSED: &str = "the app's id or secret is not accepted";
const NO_REFRESH: &str = "it has expired and there is no refresh token";
const REVOKED: &str = "it was revoked, or was never valid";
const NO_HEADER: &str = "it holds characters no token has";
const BUSY: &str = "another process has been renewing it for too long";

/// What came of one attempt.
enum Asked {
    Given(TokenPair),
    Refused,
    Failed { error: Error, last: Option<Failure>, nothing_sent: bool },
}

impl Credentials {
    /// Renew, unless somebody else has done so since `seen` was seen.
    pub(super) async fn renew(
        self: &Arc<Self>,
        core: &Arc<Core>,
        seen: Option<u64>,
        need: Need,
    ) -> Result<(), Error> {
        let before = self.rounds.load(Ordering::Acquire);
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let now = core.seams.clock.now();
        match self.held() {
            Held::Alive(token) if Some(token.generation) != seen => Ok(()),
            Held::Dead { reason, found_at, .. } if self.rests(now, found_at) => {
                Err(Error::Unauthorized { reason })
            }
            _ => match self.shared_failure(&turn, before, need) {
                Some(failure) => Err(failure),
                None => self.renew_in(core, turn, need).await,
            },
        }
    }

    /// The failure of a renewal that ended while the caller waited for its turn: it is the caller's, too.
    pub(super) fn shared_failure(&self, turn: &Turn, before: u64, need: Need) -> Option<Error> {
        let (tried, failure) = turn.failed.as_ref()?;
        let counts = self.rounds.load(Ordering::Acquire) != before && (*tried == Need::Now || *tried == need);
        counts.then(|| failure.clone().into_error())
    }

    /// Renew, as the one whose turn it is; carried through even if the caller goes away.
    pub(super) fn renew_in(
        self: &Arc<Self>,
        core: &Arc<Core>,
        mut turn: OwnedMutexGuard<Turn>,
        need: Need,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let (credentials, core) = (Arc::clone(self), Arc::clone(core));
        let renewal = tokio::spawn(async move {
            let ended = credentials.renew_now(&core, &mut turn, need).await;
            turn.failed = ended.as_ref().err().and_then(Passing::of).map(|failure| (need, failure));
            credentials.rounds.fetch_add(1, Ordering::Release);
            ended
        });
        Box::pin(async move {
            renewal.await.unwrap_or(Err(Error::Unauthorized { reason: "the renewal was broken off" }))
        })
    }

    async fn renew_now(&self, core: &Arc<Core>, turn: &mut Turn, need: Need) -> Result<(), Error> {
        let Auth::OAuth { app, keeper } = &self.auth else { return Err(self.die(core, REVOKED)) };
        if let Some(given) = turn.pending.take() {
            return self.keep(core, &**keeper, given, turn).await;
        }
        let is_first = matches!(self.held(), Held::Unread);
        if self.take_kept(core, &**keeper).await? {
            return Ok(());
        }
        let token = match self.held() {
            Held::Alive(token) => token,
            Held::Dead { reason, .. } => return Err(self.die(core, reason)),
            Held::Unread => return Err(Error::Unauthorized { reason: "there is no token" }),
        };
        let Some(refresh) = &token.pair.refresh else { return Err(self.die(core, NO_REFRESH)) };
        // Nobody knew until now how long it lives.
        let is_alive = is_first && !token.is_expired(core.seams.clock.now());
        let need = if is_alive { Need::Ahead } else { need };
        let attempts_max = if need == Need::Ahead { 1 } else { core.config.attempts_max };
        let mut attempts = 0;
        loop {
            let renewal = match keeper.begin(need, core.config.deadline_ms).await.map_err(Error::Keeper)? {
                Begun::Renew(renewal) => renewal,
                Begun::Replaced(pair) => return self.take(core, pair).map(drop),
                Begun::Refused { unanswered } => return Err(self.die(core, refused(unanswered))),
                Begun::Busy => return Err(Error::Unrenewed { what: BUSY.to_owned(), last: None }),
            };
            attempts += 1;
            match ask(core, app, refresh).await {
                Asked::Given(pair) => {
                    let pair = TokenPair {
                        refresh: pair.refresh.or_else(|| Some(refresh.clone())),
                        org: pair.org.or(token.pair.org),
                        ..pair
                    };
                    return self.keep(core, &**keeper, (pair, renewal), turn).await;
                }
                Asked::Refused => return self.give_up(core, &**keeper, &renewal).await,
                Asked::Failed { error, last, nothing_sent } => {
                    let rest_ms = core.backoff_ms(renewal.failures.saturating_add(1));
                    let ended = Ended::Failed { rest_ms, nothing_sent };
                    keeper.end(&renewal, ended).await.map_err(Error::Keeper)?;
                    if let Error::Unauthorized { reason } = error {
                        return Err(self.die(core, reason));
                    }
                    if attempts >= attempts_max || last.is_none() {
                        return Err(error);
                    }
                    tracing::debug!(attempts, rest_ms, "Trying again to renew the access token");
                    core.seams.clock.sleep(rest_ms).await;
                }
            }
        }
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

    /// Drift refuses: for good, unless another process has saved a newer pair meanwhile.
    async fn give_up(&self, core: &Core, keeper: &dyn TokenKeeper, renewal: &Renewal) -> Result<(), Error> {
        let closing = keeper.end(renewal, Ended::Refused).await.map_err(Error::Keeper)?;
        if self.take_kept(core, keeper).await? {
            return Ok(());
        }
        if closing == Closing::Overtaken {
            return Err(Error::Unrenewed { what: BUSY.to_owned(), last: None });
        }
        Err(self.die(core, refused(renewal.unanswered)))
    }

    /// Save a pair, then use it. A pair that cannot be saved stays pending: the next caller tries to save it again.
    async fn keep(
        &self,
        core: &Core,
        keeper: &dyn TokenKeeper,
        (pair, renewal): (TokenPair, Renewal),
        turn: &mut Turn,
    ) -> Result<(), Error> {
        match keeper.end(&renewal, Ended::Renewed(&pair)).await {
            Ok(Closing::Ours) => {}
            Ok(Closing::Overtaken) => return self.take_kept(core, keeper).await.map(drop),
            Err(error) => {
                turn.pending = Some((pair, renewal));
                return Err(Error::Keeper(error));
            }
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
        let due_at = due_at(&pair, core.seams.clock.now(), &*core.seams.entropy);
        let token = Token::new(generation, pair, due_at).ok_or(Error::Unauthorized { reason: NO_HEADER })?;
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

/// Why a refresh token that was sent so often before is refused.
const fn refused(unanswered: i64) -> &'static str {
    if unanswered > 0 { SPENT } else { REFUSED }
}

/// Spend the refresh token once. Whatever the token endpoint says of itself is no answer to the call that waits.
async fn ask(core: &Arc<Core>, app: &App, refresh: &Secret) -> Asked {
    let asking = oauth::refresh_once(core, app, refresh);
    let Ok(answer) = deadline(&*core.seams.clock, core.config.deadline_ms, asking).await else {
        return Asked::failed(Failure::Transport(TransportKind::Timeout));
    };
    match answer {
        Ok(pair) => Asked::Given(pair),
        Err(Error::OAuth(OAuthError::Refused { .. })) => Asked::Refused,
        Err(Error::OAuth(OAuthError::App { .. })) => {
            let error = Error::Unauthorized { reason: APP_REFUSED };
            Asked::Failed { error, last: None, nothing_sent: true }
        }
        // Taken back by our own side.
        Err(error @ Error::Unauthorized { .. }) => Asked::Failed { error, last: None, nothing_sent: false },
        Err(Error::Exhausted { last, .. }) => Asked::failed(last),
        Err(error @ (Error::Tls { .. } | Error::InvalidConfig { .. } | Error::HostNotAllowed { .. })) => {
            Asked::Failed { error, last: None, nothing_sent: true }
        }
        Err(error) => {
            let error = Error::Unrenewed { what: error.to_string(), last: None };
            Asked::Failed { error, last: None, nothing_sent: false }
        }
    }
}

impl Asked {
    fn failed(last: Failure) -> Self {
        let nothing_sent = last.nothing_sent();
        let error = Error::Unrenewed { what: last.to_string(), last: Some(last.clone()) };
        Self::Failed { error, last: Some(last), nothing_sent }
    }
}
