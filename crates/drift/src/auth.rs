//! The token that goes with every call, and its renewal.
//!
//! However many callers find a token expired, one of them renews it and the others wait for that; among processes the
//! keeper sees to it that one does. A renewal runs to its end even when the caller that began it goes away: a service that
//! rotates refresh tokens has already thrown the old one away, and the new one must be kept before anything else
//! happens. A renewal that fails for now fails for all who waited for it, and a token that still lives is used meanwhile.

mod inspect;
mod renew;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;
use model::{Entropy, Millis};
use serde_json::json;

use crate::exchange::Core;
use crate::{Auth, Class, Error, Need, Scope, Secret, TokenPair};
use inspect::Inspected;
use renew::Turn;
pub(crate) use renew::{APP_REFUSED, SPENT};

/// A token is renewed this long before it expires, or a tenth of its remaining life if that is shorter; and up to half as
/// long earlier, so that processes which share it do not all ask in the same moment.
const AHEAD_MS_MAX: i64 = 60_000;
/// For how long a renewal ahead of time that failed is not tried again while the token lives.
const REST_MS: i64 = 10_000;
/// For how long what a living token may do is not asked again.
const ALIVE_MS: i64 = 60_000;
/// With a dead token, how often the keeper is asked whether somebody has connected again.
const RELOAD_MS: i64 = 5_000;

/// What is known of a connection's token.
pub(crate) struct Credentials {
    auth: Auth,
    held: RwLock<Held>,
    /// Held by whoever inspects or renews.
    turn: Arc<tokio::sync::Mutex<Turn>>,
    /// Renewals that have come to an end, whichever.
    rounds: AtomicU64,
    /// Inspections that have begun.
    inspections: AtomicU64,
}

#[derive(Clone)]
enum Held {
    /// Not asked for yet.
    Unread,
    Alive(Arc<Token>),
    /// Could not be renewed.
    Dead {
        token: Arc<Token>,
        reason: &'static str,
        found_at: Millis,
    },
}

/// One access token.
pub(crate) struct Token {
    /// Rises with every new token.
    generation: u64,
    pub(crate) header: HeaderValue,
    pair: TokenPair,
    due_at: Option<Millis>,
    /// Not renewed ahead of time before this.
    rests_until: AtomicI64,
    inspected: RwLock<Option<Inspected>>,
}

/// What a refused call should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is a new token: call again.
    Renewed,
    /// The token is alive and may do this, as far as known: call again, once.
    Doubtful,
    /// The token is alive and may not do this.
    Forbidden,
}

impl Token {
    fn new(generation: u64, pair: TokenPair, due_at: Option<Millis>) -> Option<Self> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", pair.access.expose())).ok()?;
        header.set_sensitive(true);
        let rests_until = AtomicI64::new(i64::MIN);
        Some(Self { generation, header, pair, due_at, rests_until, inspected: RwLock::new(None) })
    }

    /// Whether it should be renewed before it is used.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        let rests = self.rests_until.load(Ordering::Relaxed) > now.0 && !self.is_expired(now);
        self.due_at.is_some_and(|due_at| due_at <= now) && !rests
    }

    fn rest(&self, now: Millis) {
        self.rests_until.store(now.plus(REST_MS).0, Ordering::Relaxed);
    }

    /// The body of the calls that are about it.
    pub(crate) fn as_json(&self) -> Bytes {
        json!({ "access_token": self.pair.access.expose() }).to_string().into()
    }

    fn is_expired(&self, now: Millis) -> bool {
        self.pair.expires_at.is_some_and(|at| at <= now)
    }

    /// What a recent inspection found.
    fn inspected(&self, now: Millis) -> Option<Inspected> {
        let inspected = self.inspected.read().unwrap_or_else(PoisonError::into_inner).clone();
        inspected.filter(|inspected| (0..ALIVE_MS).contains(&now.since(inspected.at)))
    }
}

impl Credentials {
    pub(crate) fn new(auth: Auth) -> Result<Self, Error> {
        let held = match &auth {
            Auth::Private(token) => Held::Alive(private(token)?),
            Auth::OAuth { .. } => Held::Unread,
        };
        Ok(Self {
            auth,
            held: RwLock::new(held),
            turn: Arc::default(),
            rounds: AtomicU64::new(0),
            inspections: AtomicU64::new(0),
        })
    }

    /// A token to call with.
    pub(crate) async fn ready(self: &Arc<Self>, core: &Arc<Core>) -> Result<Arc<Token>, Error> {
        let now = core.seams.clock.now();
        let seen = match self.held() {
            Held::Alive(token) if !token.is_due(now) => return Ok(token),
            Held::Alive(token) => Some(token.generation),
            Held::Dead { reason, found_at, .. } if self.rests(now, found_at) => {
                return Err(Error::Unauthorized { reason });
            }
            Held::Dead { token, .. } => Some(token.generation),
            Held::Unread => None,
        };
        let need = match self.held() {
            Held::Alive(token) if !token.is_expired(now) => Need::Ahead,
            _ => Need::Now,
        };
        if let Err(error) = self.renew(core, seen, need).await {
            return self.alive_still(core, error);
        }
        match self.held() {
            Held::Alive(token) => Ok(token),
            Held::Dead { reason, .. } => Err(Error::Unauthorized { reason }),
            Held::Unread => Err(Error::Unauthorized { reason: "there is no token" }),
        }
    }

    /// A token that could not be renewed ahead of time is used while it lives.
    fn alive_still(&self, core: &Core, error: Error) -> Result<Arc<Token>, Error> {
        let now = core.seams.clock.now();
        match self.held() {
            Held::Alive(token) if error.class() == Class::Retryable && !token.is_expired(now) => {
                token.rest(now);
                Ok(token)
            }
            _ => Err(error),
        }
    }

    /// A call with `token` was refused: find out why, and renew the token if that is dead.
    ///
    /// That it lives is believed only if it was asked about after the refusal: it may have died since, before its time.
    /// What it may not do stays so for as long as it lives.
    pub(crate) async fn refused(
        self: &Arc<Self>,
        core: &Arc<Core>,
        token: &Arc<Token>,
        scope: Option<Scope>,
    ) -> Result<Verdict, Error> {
        let begun = self.inspections.load(Ordering::Acquire);
        if self.is_replaced(token) {
            return Ok(Verdict::Renewed);
        }
        let now = core.seams.clock.now();
        if token.inspected(now).is_some_and(|known| known.verdict(scope) == Verdict::Forbidden) {
            return Ok(Verdict::Forbidden);
        }
        let before = self.rounds.load(Ordering::Acquire);
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if self.is_replaced(token) {
            return Ok(Verdict::Renewed);
        }
        if let Some(known) = token.inspected(now).filter(|known| known.number > begun) {
            return Ok(known.verdict(scope));
        }
        if let Some(failure) = self.shared_failure(&turn, before, Need::Now) {
            return Err(failure);
        }
        if !token.is_expired(now)
            && let Some(inspected) = self.inspect(core, token).await?
        {
            let verdict = inspected.verdict(scope);
            self.hear(&inspected).await;
            *token.inspected.write().unwrap_or_else(PoisonError::into_inner) = Some(inspected);
            return Ok(verdict);
        }
        self.renew_in(core, turn, Need::Now).await?;
        Ok(Verdict::Renewed)
    }

    async fn inspect(&self, core: &Arc<Core>, token: &Token) -> Result<Option<Inspected>, Error> {
        let number = self.inspections.fetch_add(1, Ordering::AcqRel) + 1;
        inspect::token(core, token, number).await
    }

    /// The keeper hears what a living token may do.
    async fn hear(&self, inspected: &Inspected) {
        if let (Auth::OAuth { keeper, .. }, Some(scopes)) = (&self.auth, inspected.scopes()) {
            keeper.seen(scopes).await;
        }
    }

    /// With a dead private token nothing can change; with a dead pair somebody may connect again.
    fn rests(&self, now: Millis, found_at: Millis) -> bool {
        matches!(self.auth, Auth::Private(_)) || (0..RELOAD_MS).contains(&now.since(found_at))
    }

    fn is_replaced(&self, token: &Token) -> bool {
        matches!(self.held(), Held::Alive(held) if held.generation != token.generation)
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, held: Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// When a pair should be renewed.
fn due_at(pair: &TokenPair, now: Millis, entropy: &dyn Entropy) -> Option<Millis> {
    let expires_at = pair.expires_at?;
    let ahead = AHEAD_MS_MAX.min(expires_at.since(now).max(0) / 10);
    let earlier = entropy.below(ahead.unsigned_abs() / 2 + 1);
    Some(expires_at.plus(-ahead).plus(-i64::try_from(earlier).unwrap_or_default()))
}

fn private(token: &Secret) -> Result<Arc<Token>, Error> {
    let invalid = |what: &str| Error::InvalidConfig { what: what.to_owned() };
    if token.is_empty() {
        return Err(invalid("the token is empty"));
    }
    let pair = TokenPair { access: token.clone(), refresh: None, expires_at: None, org: None };
    Token::new(0, pair, None).map(Arc::new).ok_or_else(|| invalid("the token holds characters no token has"))
}
