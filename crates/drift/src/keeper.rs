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
/// Several processes may share one: before it refreshes, the client loads again and takes what another has saved.
pub trait TokenKeeper: Send + Sync + 'static {
    /// The pair last saved.
    fn load(&self) -> BoxFuture<'_, Result<TokenPair, KeeperError>>;

    /// Keep this pair; the new tokens are used only after this has returned.
    fn save<'a>(&'a self, pair: &'a TokenPair) -> BoxFuture<'a, Result<(), KeeperError>>;
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
