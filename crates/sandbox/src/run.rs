//! From options to a served sandbox in one call, for the command line and for examples.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use model::{Clock, Entropy};
use tokio::net::TcpListener;

use crate::options::Options;
use crate::sandbox::{Sandbox, SandboxError};
use crate::tls::{Authority, TlsError};

/// Where to listen.
#[derive(Debug, Clone)]
pub struct BindOptions {
    /// The address; this machine alone by default.
    pub address: IpAddr,
    /// The port; 0 for any free one.
    pub port: u16,
    /// TLS under Drift's host names; `None` for plain HTTP.
    pub tls: Option<TlsOptions>,
}

/// How to serve TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// Where the certificate authority is kept; `None` for a new one that lives as long as the process.
    pub folder: Option<PathBuf>,
    /// Present the certificate of this host instead of Drift's: a fault that every client must notice.
    pub certificate_for: Option<String>,
}

impl Default for BindOptions {
    fn default() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0, tls: None }
    }
}

/// What a served sandbox can be reached by.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Address and port, as bound.
    pub address: SocketAddr,
    /// Scheme, host and port for a client on this machine.
    pub url: String,
    /// The file with the certificate to trust, when the authority is kept in a folder.
    pub authority_file: Option<PathBuf>,
    /// The certificate to trust, as PEM.
    pub authority_pem: Option<String>,
}

/// Why a sandbox is not serving.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be made.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket could not be opened.
    #[error(
        "could not listen on {address}\nhint: choose another port (0 for any free one); ports below 1024 need root"
    )]
    Bind {
        /// Where it was tried.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Make a sandbox and serve it until `shutdown` is ready.
///
/// `ready` is called once, when connections are accepted: with the sandbox, for its token and log, and with the
/// addresses.
///
/// # Errors
/// When the world, TLS or the socket cannot be set up; never once `ready` was called.
pub async fn run(
    options: Options,
    bind: BindOptions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    ready: impl FnOnce(&Sandbox, &Listening) + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let sandbox = Sandbox::new(options, clock, entropy)?;
    let authority = match &bind.tls {
        None => None,
        Some(TlsOptions { folder: Some(folder), .. }) => Some(Authority::in_folder(folder)?),
        Some(_) => Some(Authority::generate()?),
    };
    let wanted = SocketAddr::new(bind.address, bind.port);
    let refused = |source| RunError::Bind { address: wanted, source };
    let listener = TcpListener::bind(wanted).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let scheme = if authority.is_some() { "https" } else { "http" };
    let folder = bind.tls.as_ref().and_then(|tls| tls.folder.as_deref());
    let listening = Listening {
        address,
        url: format!("{scheme}://{}", reachable(address)),
        authority_file: folder.map(Authority::certificate_path),
        authority_pem: authority.as_ref().map(|authority| authority.pem().to_owned()),
    };
    ready(&sandbox, &listening);
    match authority {
        None => sandbox.serve(listener, shutdown).await,
        Some(authority) => {
            let certificate_for = bind.tls.and_then(|tls| tls.certificate_for);
            sandbox.serve_tls(listener, &authority, certificate_for.as_deref(), shutdown).await?;
        }
    }
    Ok(())
}

/// The address as a client on this machine would write it: "any address" is not one to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
