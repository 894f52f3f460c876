//! Keeping connections away from addresses that must not be reached.
//!
//! The addresses of a name are held against the guard in the moment they are resolved, and the connection is made to
//! one of just these: a name that would answer differently a moment later is not asked again. One address out of
//! reach refuses the whole name, since which of them is tried is up to the connector.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether a connection to an address may be made.
pub type AddressGuard = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Asks for the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The address, or one of the name's, must not be reached. Neither is repeated.
#[derive(Debug, thiserror::Error)]
#[error("the address must not be reached")]
pub(crate) struct Refused;

/// A resolver whose answers have passed the guard.
pub(crate) struct GuardedResolver {
    pub(crate) guard: AddressGuard,
    pub(crate) lookup: Lookup,
    /// Addresses for names in place of the lookup's. They must pass, too.
    pub(crate) fixed: Vec<(String, SocketAddr)>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let guard = Arc::clone(&self.guard);
        let fixed: Vec<SocketAddr> = self
            .fixed
            .iter()
            .filter(|(host, _)| host.eq_ignore_ascii_case(&name))
            .map(|(_, address)| *address)
            .collect();
        let lookup = Arc::clone(&self.lookup);
        Box::pin(async move {
            let addresses = if fixed.is_empty() { lookup(name).await? } else { fixed };
            if addresses.iter().all(|address| guard(address.ip())) {
                Ok(Box::new(addresses.into_iter()) as Addrs)
            } else {
                Err(Refused.into())
            }
        })
    }
}

/// The system's resolver. Port 0 stands for the port of the URL.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) }))
}

/// Hold a host that is written as an address against the guard; names are held when they are resolved.
pub(crate) fn check_literal(guard: &AddressGuard, url: &url::Url) -> Result<(), Refused> {
    let address: IpAddr = match url.host() {
        Some(url::Host::Ipv4(address)) => address.into(),
        Some(url::Host::Ipv6(address)) => address.into(),
        Some(url::Host::Domain(_)) | None => return Ok(()),
    };
    if guard(address) { Ok(()) } else { Err(Refused) }
}
