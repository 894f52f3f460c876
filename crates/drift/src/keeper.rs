//! Who we are towards Drift, and where tokens are kept.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use model::{Millis, OrgId, Secret};

/// By what right calls are made.
#[derive(Clone)]
pub enum Auth {
    /// A private app's token: does not expire, ends when it is revoked.
    Private(Secret),
    /// A public app's token pair: expires after about two hours and is refreshed.
    OAuth {
        /// The app.
        app: App,
        /// Where its tokens are kept.
        keeper: Arc<dyn TokenKeeper>,
    },
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private(_) => "Private(***)",
            Self::OAuth { .. } => "OAuth(***)",
        })
    }
}

/// A public app, as registered at dev.drift.com.
#[derive(Debug, Clone)]
pub struct App {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: Secret,
}

/// What an authorization gives.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// The token that goes with every call.
    pub access: Secret,
    /// The token that buys the next access token; may be replaced with every refresh.
    pub refresh: Option<Secret>,
    /// When the access token dies; `None` when that was not told.
    pub expires_at: Option<Millis>,
    /// The organization it opens.
    pub org: Option<OrgId>,
}

/// Keeps a token pair where it survives the process.
///
/// A refresh token may be good for one use, so two must not spend it, and an answer must not get lost. A keeper that
/// several processes share gives the right to renew to one of them ([`TokenKeeper::begin`]), notes that the token is about
/// to be spent before Drift is asked, and hears how it ended ([`TokenKeeper::end`]). For a keeper that one client
/// has to itself, `load` and `save` are enough.
pub trait TokenKeeper: Send + Sync + 'static {
    /// The pair last saved.
    fn load(&self) -> BoxFuture<'_, Result<TokenPair, KeeperError>>;

    /// Keep this pair; the new tokens are used only after this has returned.
    fn save<'a>(&'a self, pair: &'a TokenPair) -> BoxFuture<'a, Result<(), KeeperError>>;

    /// Ask for the right to spend the refresh token of the pair that was last loaded, saved or handed out here. Waits, within
    /// bounds, while another has it, unless the token still lives. The right ends with [`TokenKeeper::end`], or some time
    /// after `patience_ms`, within which Drift's answer is awaited.
    fn begin(&self, need: Need, patience_ms: u64) -> BoxFuture<'_, Result<Begun, KeeperError>> {
        let _ = (need, patience_ms);
        Box::pin(async { Ok(Begun::Renew(Renewal::default())) })
    }

    /// Say how a renewal ended. A pair is kept before anything else happens to it.
    fn end<'a>(
        &'a self,
        renewal: &'a Renewal,
        ended: Ended<'a>,
    ) -> BoxFuture<'a, Result<Closing, KeeperError>> {
        let _ = renewal;
        Box::pin(async move {
            if let Ended::Renewed(pair) = ended {
                self.save(pair).await?;
            }
            Ok(Closing::Ours)
        })
    }

    /// Hear what Drift says that the token may do, separated by spaces.
    fn seen<'a>(&'a self, scopes: &'a str) -> BoxFuture<'a, ()> {
        let _ = scopes;
        Box::pin(async {})
    }
}

/// Why a token is to be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It will expire: there is no hurry, and one attempt is enough for now.
    Ahead,
    /// Nothing can be done without.
    Now,
}

/// The right to spend a refresh token, once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// The how-manieth attempt of the connection this is; none has the number of another.
    pub attempt: i64,
    /// Which pair's refresh token is spent: pairs are numbered as they are saved.
    pub version: i64,
    /// How often this refresh token was sent before without an answer that was kept: Drift may hold it for spent.
    pub unanswered: i64,
    /// Attempts that have failed in a row, whoever made them.
    pub failures: u32,
}

/// What came of asking for the right to renew.
#[derive(Debug, Clone)]
pub enum Begun {
    /// It is ours.
    Renew(Renewal),
    /// Another has renewed: this is the pair to use.
    Replaced(TokenPair),
    /// Drift has refused this refresh token before.
    Refused {
        /// As in [`Renewal::unanswered`].
        unanswered: i64,
    },
    /// Another had the right for longer than can be waited for.
    Busy,
}

/// How a renewal ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// With a new pair.
    Renewed(&'a TokenPair),
    /// Drift refuses the refresh token for good.
    Refused,
    /// Without an answer that says either.
    Failed {
        /// How long nobody should ask again, in milliseconds.
        rest_ms: u64,
        /// Whether the refresh token has surely not been sent.
        nothing_sent: bool,
    },
}

/// Whether the end of a renewal counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It did.
    Ours,
    /// Another has saved a newer pair meanwhile, which holds.
    Overtaken,
}

/// Tokens could not be read or kept.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct KeeperError {
    /// What happened, without secrets.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl KeeperError {
    /// A failure told in words, which must hold no secret.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A failure with its cause.
    #[must_use]
    pub fn because(
        message: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { message: message.into(), source: Some(Arc::new(source)) }
    }
}

/// Keeps the pair in memory: for examples, tests and short runs.
#[derive(Debug)]
pub struct MemoryKeeper {
    pair: Mutex<TokenPair>,
}

impl MemoryKeeper {
    /// A keeper that holds `pair`.
    #[must_use]
    pub const fn new(pair: TokenPair) -> Self {
        Self { pair: Mutex::new(pair) }
    }

    /// The pair it holds now.
    #[must_use]
    pub fn pair(&self) -> TokenPair {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TokenKeeper for MemoryKeeper {
    fn load(&self) -> BoxFuture<'_, Result<TokenPair, KeeperError>> {
        Box::pin(async { Ok(self.pair()) })
    }

    fn save<'a>(&'a self, pair: &'a TokenPair) -> BoxFuture<'a, Result<(), KeeperError>> {
        Box::pin(async move {
            *self.pair.lock().unwrap_or_else(PoisonError::into_inner) = pair.clone();
            Ok(())
        })
    }
}
