//! The one place that decides who may come in.
//!
//! Every route is hung behind a door (`doors`), which says whether it is public, for whoever signed in, or for whoever holds
//! a permission; there is no other way to add a route. A door asks who comes (`caller`: the key of the settings, an API key,
//! a session), holds a browser's request against its form's text (`forged`), finds the organization that is meant among
//! those the caller belongs to, and looks the permission up in `model`'s table of roles. What belongs to another
//! organization answers exactly as what does not exist.

mod caller;
mod cookies;
mod doors;
mod forged;
pub(crate) mod next;
pub mod oidc;
pub(crate) mod one_time;
mod org;
mod settings_key;
mod sign_in;
#[cfg(test)]
mod tests;
pub(crate) mod totp;
mod uses;

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;
use model::{Clock, Entropy};
use store::Db;
use store::vault::Vault;
use tokio::sync::Semaphore;
use url::Url;

pub use caller::{Caller, Who};
pub(crate) use cookies::{Cookie, clear, read, set};
pub use doors::{Declared, Needs, Surface};
pub(crate) use doors::{Doors, Meeting, OfOrg, Opened};
pub use one_time::link_path;
pub(crate) use org::visible;
pub use settings_key::SettingsKey;
pub(crate) use sign_in::{Answer, Given, confirm, hash, sign_in};
pub(crate) use uses::Rows;
pub use uses::UseBook;

use self::oidc::Oidc;
use crate::serve::Peer;
use crate::source::Sources;

/// Passwords hashed at once, at most: each takes 19 MiB and a processor.
const HASHES_MAX: usize = 4;

/// How the doors are guarded.
#[derive(Debug, Clone, Default)]
pub struct AccessOptions {
    /// The key of the settings: it opens everything. `None`: there is none.
    pub key: Option<SettingsKey>,
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where browsers reach this node, if it is known.
    pub public_url: Option<Url>,
    /// Whether anybody may read the metrics, which name organizations by number.
    pub metrics_public: bool,
    /// The identity provider through which people sign in. `None`: by password alone.
    pub oidc: Option<Oidc>,
}

/// What the doors know.
#[derive(Clone)]
pub struct Access {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) vault: Vault,
    options: Arc<AccessOptions>,
    proxies: Arc<Sources>,
    hashing: Arc<Semaphore>,
    uses: Arc<UseBook>,
}

impl Access {
    /// Doors on this store.
    #[must_use]
    pub fn new(
        db: Db,
        vault: Vault,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
        options: AccessOptions,
    ) -> Self {
        let proxies = Sources { allowed: Vec::new(), trusted_proxies: options.trusted_proxies.clone() };
        let (options, proxies) = (Arc::new(options), Arc::new(proxies));
        let (hashing, uses) = (Arc::new(Semaphore::new(HASHES_MAX)), Arc::default());
        Self { db, clock, entropy, vault, options, proxies, hashing, uses }
    }

    /// Who read what through these doors: to be flushed from time to time.
    #[must_use]
    pub const fn uses(&self) -> &Arc<UseBook> {
        &self.uses
    }

    /// The identity provider, if there is one.
    pub(crate) fn oidc(&self) -> Option<&Oidc> {
        self.options.oidc.as_ref()
    }

    /// What the metrics ask for.
    pub(crate) fn metrics_need(&self) -> Needs {
        if self.options.metrics_public {
            Needs::Public
        } else {
            Needs::Everywhere(model::Permission::MetricsRead)
        }
    }

    /// Whether the browser's side of the connection is encrypted, as far as that can be believed.
    pub(crate) fn is_https(&self, peer: Option<Peer>, headers: &HeaderMap) -> bool {
        let told = headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
        let by_proxy = told && peer.is_some_and(|peer| self.proxies.is_trusted(peer.0.ip()));
        by_proxy || self.options.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// Where a request comes from, as far as that can be believed.
    pub(crate) fn address(&self, peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
        self.proxies.sender(peer?.0.ip(), headers)
    }
}
