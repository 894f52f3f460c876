//! The real network: HTTP over kept-alive connections, TLS by rustls with the system's roots.
//!
//! Redirects are never followed, since the token would go along. Nothing is decompressed and no cookie is kept.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;

use crate::guard::{self, AddressGuard, GuardedResolver, Lookup};
use crate::vendor::certificate_end;
use crate::{Limits, Transport, TransportError, TransportKind};

/// Bytes that are set aside at once for a body whose length was told.
const PREALLOCATED_BYTES_MAX: u64 = 1024 * 1024;

/// How the network is reached.
#[derive(Clone)]
pub struct HttpOptions {
    /// Further authorities to trust, each text holding one or more PEM certificates.
    pub roots_pem: Vec<Vec<u8>>,
    /// Addresses for names, in place of the system's resolver: for a double that serves the real host names. The
    /// port counts, too, unless it is 0.
    pub resolve: Vec<(String, SocketAddr)>,
    /// Whether the proxies named by `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are used.
    pub proxies: bool,
    /// Longest wait for a connection, in milliseconds.
    pub connect_ms: u64,
    /// Idle connections kept for each host.
    pub idle_per_host_max: usize,
    /// What we call ourselves.
    pub user_agent: String,
    /// Which addresses may be reached; `None`: all. Proxies are not used then, for they would resolve names themselves.
    pub guard: Option<AddressGuard>,
    /// Asks for the addresses of a name, where there is a guard; `None`: the system's resolver.
    pub lookup: Option<Lookup>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            roots_pem: Vec::new(),
            resolve: Vec::new(),
            proxies: true,
            connect_ms: 10_000,
            idle_per_host_max: 256,
            user_agent: concat!("longshore/", env!("CARGO_PKG_VERSION")).to_owned(),
            guard: None,
            lookup: None,
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("resolve", &self.resolve)
            .field("proxies", &self.proxies)
            .field("guarded", &self.guard.is_some())
            .finish_non_exhaustive()
    }
}

/// The real network.
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    guard: Option<AddressGuard>,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("guarded", &self.guard.is_some()).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// Set up connections; nothing is connected yet.
    ///
    /// # Errors
    /// [`TransportKind::Tls`] for roots that are no PEM certificates; [`TransportKind::Protocol`] for a user agent
    /// that is no header value.
    pub fn new(options: HttpOptions) -> Result<Self, TransportError> {
        // Ours is the only provider in the build; somebody may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = Vec::new();
        for pem in &options.roots_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| TransportError::because(TransportKind::Tls, error))?;
            if certificates.is_empty() {
                return Err(TransportError::because(TransportKind::Tls, "no PEM certificate in the roots"));
            }
            roots.extend(certificates);
        }
        if options.user_agent.parse::<http::HeaderValue>().is_err() {
            return Err(TransportError::because(
                TransportKind::Protocol,
                "the user agent is no header value",
            ));
        }
        let with_system = builder(&options).tls_certs_merge(roots.clone());
        // A machine without system roots (a bare container) still reaches plain HTTP, and hosts under `roots_pem`.
        let client = with_system
            .build()
            .or_else(|_| builder(&options).tls_certs_only(roots).build())
            .map_err(|error| TransportError::because(TransportKind::Tls, error))?;
        Ok(Self { client, guard: options.guard })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the transport")]
fn builder(options: &HttpOptions) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(&options.user_agent)
        .connect_timeout(Duration::from_millis(options.connect_ms))
        .pool_max_idle_per_host(options.idle_per_host_max)
        .tcp_nodelay(true)
        .tls_info(true)
        .referer(false);
    if !options.proxies || options.guard.is_some() {
        builder = builder.no_proxy();
    }
    if let Some(guard) = &options.guard {
        let (guard, fixed) = (Arc::clone(guard), options.resolve.clone());
        let lookup = options.lookup.clone().unwrap_or_else(guard::system_lookup);
        return builder.dns_resolver(GuardedResolver { guard, lookup, fixed });
    }
    for (host, address) in &options.resolve {
        builder = builder.resolve(host, *address);
    }
    builder
}

impl Transport for HttpTransport {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(failure)?;
            if let Some(guard) = &self.guard {
                guard::check_literal(guard, request.url())
                    .map_err(|refused| TransportError::because(TransportKind::Forbidden, refused))?;
            }
            let mut response = self.client.execute(request).await.map_err(failure)?;
            let mut whole = http::Response::new(Bytes::new());
            *whole.status_mut() = response.status();
            *whole.headers_mut() = std::mem::take(response.headers_mut());
            let shown = response.extensions().get::<reqwest::tls::TlsInfo>();
            if let Some(end) = shown.and_then(|shown| shown.peer_certificate()).and_then(certificate_end) {
                whole.extensions_mut().insert(end);
            }
            *whole.body_mut() = body(response, limits.body_bytes_max).await?;
            Ok(whole)
        })
    }
}

/// The whole body, given up as soon as it is larger than allowed. A body of one chunk is not copied.
async fn body(mut response: reqwest::Response, bytes_max: u64) -> Result<Bytes, TransportError> {
    let told = response.content_length();
    let fits = |length: usize| u64::try_from(length).is_ok_and(|length| length <= bytes_max);
    if told.is_some_and(|told| told > bytes_max) {
        return Err(TransportError::new(TransportKind::TooLarge));
    }
    let Some(first) = response.chunk().await.map_err(failure)? else { return Ok(Bytes::new()) };
    if !fits(first.len()) {
        return Err(TransportError::new(TransportKind::TooLarge));
    }
    if told == u64::try_from(first.len()).ok() {
        return Ok(first);
    }
    let ahead = told.unwrap_or(0).min(PREALLOCATED_BYTES_MAX);
    let mut whole = BytesMut::with_capacity(usize::try_from(ahead).unwrap_or(0).max(first.len()));
    whole.extend_from_slice(&first);
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if !fits(whole.len() + chunk.len()) {
            return Err(TransportError::new(TransportKind::TooLarge));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// What happened, without the URL, which may hold personal data.
fn failure(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let kind = if is_refused(&error) {
        TransportKind::Forbidden
    } else if is_tls(&error) {
        TransportKind::Tls
    } else if error.is_connect() {
        TransportKind::Connect
    } else if error.is_timeout() {
        TransportKind::Timeout
    } else if error.is_builder() {
        TransportKind::Protocol
    } else {
        TransportKind::Cut
    };
    TransportError::because(kind, error)
}

/// Whether the guard refused an address of the name.
fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<guard::Refused>() || error.source().is_some_and(is_refused)
}

/// Whether the handshake failed, rather than the connection under it. `rustls` errors travel inside IO errors, which
/// name what they carry as their content, not as their source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || inside.is_some_and(|inside| is_tls(inside))
        || error.source().is_some_and(is_tls)
}
