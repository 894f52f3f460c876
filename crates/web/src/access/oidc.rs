//! Signing in through an identity provider (OpenID Connect): the code flow with state, nonce and PKCE.
//!
//! A browser is sent to the provider and comes back with a code (`begin`, `finish`). The code is exchanged for an identity
//! (`provider`), whose signature, issuer, audience, nonce and times the `openidconnect` crate verifies by our clock. Who that
//! is here is decided by issuer and subject alone (`user`), and what they may by `rules`. State and browser are bound to each
//! other in the store and good once; nonce and verifier are hashes of what the browser alone holds, so that nothing of them is kept.

mod begin;
mod carry;
mod finish;
mod provider;
mod rules;
mod user;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use drift::Transport;
use model::{Clock, Secret};
use tokio::sync::Mutex;
use url::Url;

pub(crate) use begin::begin;
pub(crate) use finish::{Finished, Returned, Why, finish};
pub use rules::{Rule, RuleError};

/// The path under which the provider sends browsers back.
pub const CALLBACK: &str = "/sign-in/oidc/callback";

/// What the settings say about the provider.
#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// Its address, word for word as it names itself in its tokens.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What we show to exchange a code.
    pub secret: OidcSecret,
    /// What is asked for besides `openid`, such as `email`.
    pub scopes: Vec<String>,
    /// Domains of verified mail addresses that may come in; empty: any.
    pub domains: Vec<String>,
    /// Which claims make somebody what.
    pub rules: Vec<Rule>,
    /// Where browsers reach this node.
    pub public_url: Url,
}

/// Where the client's secret is.
#[derive(Debug, Clone)]
pub enum OidcSecret {
    /// Nowhere: a public client, by PKCE alone.
    None,
    /// Here.
    Held(Secret),
    /// In a file, read for every exchange.
    File(PathBuf),
}

/// The provider, as the doors know it; clones share what was read from it.
#[derive(Clone)]
pub struct Oidc {
    options: Arc<OidcOptions>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    kept: Arc<Mutex<Option<provider::Kept>>>,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Oidc {
    /// A provider that is reached by this transport; it is not asked before somebody signs in.
    #[must_use]
    pub fn new(options: OidcOptions, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { options: Arc::new(options), transport, clock, kept: Arc::default() }
    }

    /// What people call it: the host of its address.
    pub(crate) fn name(&self) -> String {
        let host = Url::parse(&self.options.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_else(|| "the identity provider".to_owned())
    }
}
