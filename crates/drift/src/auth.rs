//! The token that goes with every call, and its renewal.
//!
//! However many callers find a token expired, one of them renews it and the others wait for that. A renewal runs to
//! its end even when the caller that began it goes away: a service that rotates refresh tokens has already thrown
//! the old one away, and the new one must be kept before anything else happens.

mod inspect;
mod renew;

use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;
use model::Millis;

use crate::exchange::Core;
use crate::{Auth, Error, Scope, Secret, TokenPair};
use inspect::Inspected;
pub(crate) use renew::APP_REFUSED;
use renew::Pending;

/// A token is renewed this long before it expires, or a tenth of its remaining life if that is shorter.
const AHEAD_MS_MAX: i64 = 60_000;
/// For how long a token that was found alive is not asked about again.
const ALIVE_MS: i64 = 60_000;
/// With a dead token, how often the keeper is asked whether somebody has connected again.
const RELOAD_MS: i64 = 5_000;

/// What is known of a connection's token.
pub(crate) struct Credentials {
    auth: Auth,
    held: RwLock<Held>,
    /// Held by whoever inspects or renews.
    turn: Arc<tokio::sync::Mutex<Pending>>,
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
    fn new(generation: u64, pair: TokenPair, now: Millis) -> Option<Self> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", pair.access.expose())).ok()?;
        header.set_sensitive(true);
        let due_at = pair.expires_at.map(|at| {
            let left = at.since(now).max(0);
            at.plus(-AHEAD_MS_MAX.min(left / 10))
        });
        Some(Self { generation, header, pair, due_at, inspected: RwLock::new(None) })
    }

    /// Whether it should be renewed before it is used.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        self.due_at.is_some_and(|due_at| due_at <= now)
    }

    pub(crate) const fn access(&self) -> &Secret {
        &self.pair.access
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
        Ok(Self { auth, held: RwLock::new(held), turn: Arc::default() })
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
        self.renew(core, seen).await?;
        match self.held() {
            Held::Alive(token) => Ok(token),
            Held::Dead { reason, .. } => Err(Error::Unauthorized { reason }),
            Held::Unread => Err(Error::Unauthorized { reason: "there is no token" }),
        }
    }

    /// A call with `token` was refused: find out why, and renew the token if that is dead.
    pub(crate) async fn refused(
        self: &Arc<Self>,
        core: &Arc<Core>,
        token: &Arc<Token>,
        scope: Option<Scope>,
    ) -> Result<Verdict, Error> {
        if self.is_replaced(token) {
            return Ok(Verdict::Renewed);
        }
        let now = core.seams.clock.now();
        if let Some(inspected) = token.inspected(now) {
            return Ok(inspected.verdict(scope));
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if self.is_replaced(token) {
            return Ok(Verdict::Renewed);
        }
        if let Some(inspected) = token.inspected(now) {
            return Ok(inspected.verdict(scope));
        }
        if !token.is_expired(now)
            && let Some(inspected) = inspect::token(core, token).await?
        {
            let verdict = inspected.verdict(scope);
            *token.inspected.write().unwrap_or_else(PoisonError::into_inner) = Some(inspected);
            return Ok(verdict);
        }
        self.renew_in(core, turn).await?;
        Ok(Verdict::Renewed)
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

fn private(token: &Secret) -> Result<Arc<Token>, Error> {
    let invalid = |what: &str| Error::InvalidConfig { what: what.to_owned() };
    if token.is_empty() {
        return Err(invalid("the token is empty"));
    }
    let pair = TokenPair { access: token.clone(), refresh: None, expires_at: None, org: None };
    Token::new(0, pair, Millis(0))
        .map(Arc::new)
        .ok_or_else(|| invalid("the token holds characters no token has"))
}
