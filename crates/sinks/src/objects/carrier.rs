//! The object store's client on our own network seam: same certificates, same proxies, a deadline for each request, whole
//! answers of a bounded size, no redirects, and no other host than those of the store and of its credentials.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use drift::{Limits, Transport, TransportKind};
use http_body_util::BodyExt as _;
use model::Clock;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use url::Url;

/// How long one request may take, in milliseconds: a piece of 8 MiB over a slow line.
const REQUEST_MS_MAX: u64 = 120_000;
/// How long a machine's own service for credentials may take: it answers at once or is not there.
const NEAR_MS_MAX: u64 = 3_000;
/// The largest answer: a range that is read back, or a thousand names.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Where S3 says in which region a bucket lies.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// The ways out.
#[derive(Clone)]
pub struct Network {
    /// To the store.
    pub transport: Arc<dyn Transport>,
    /// To the machine's own service for credentials, which no proxy must be asked for.
    pub near: Arc<dyn Transport>,
    /// For deadlines and leases.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Blocked {
    /// The machine's service for credentials is not there.
    #[error("the machine has no service for credentials")]
    Near,
    /// The host is none of those that may be asked.
    #[error("the host is none of the store's")]
    Elsewhere,
    /// There was no answer.
    #[error("{0}")]
    Network(TransportKind),
}

/// The hosts that may be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts {
    /// Endpoints that were named: scheme, host and port must be theirs; a bucket's name may stand before the host.
    pub(super) endpoints: Vec<Url>,
    /// Names of the provider, and all below them, over TLS.
    pub(super) names: &'static [&'static str],
    /// The machine's own services for credentials.
    pub(super) near: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Store,
    Near,
    Nowhere,
}

impl Hosts {
    fn reached(&self, uri: &http::Uri) -> Reached {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Reached::Nowhere };
        let is_below =
            |name: &str| host == name || host.strip_suffix(name).is_some_and(|head| head.ends_with('.'));
        let is_endpoint = |endpoint: &Url| {
            let port = uri.port_u16().or(if scheme == "https" { Some(443) } else { Some(80) });
            endpoint.scheme() == scheme
                && endpoint.port_or_known_default() == port
                && endpoint.host_str().is_some_and(is_below)
        };
        if self.near.iter().any(|near| near == host) {
            return Reached::Near;
        }
        let is_named = scheme == "https" && self.names.iter().any(|name| is_below(name));
        if is_named || self.endpoints.iter().any(is_endpoint) { Reached::Store } else { Reached::Nowhere }
    }
}

/// Carries the client's requests.
#[derive(Debug, Clone)]
pub(super) struct Carrier {
    network: Network,
    hosts: Arc<Hosts>,
    region: Arc<Mutex<Option<String>>>,
}

impl Carrier {
    pub(super) fn new(network: Network, hosts: Hosts) -> Self {
        Self { network, hosts: Arc::new(hosts), region: Arc::default() }
    }

    /// In which region the bucket lies, when an answer has said so.
    pub(super) fn region(&self) -> Option<String> {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (transport, ms) = match self.hosts.reached(request.uri()) {
            Reached::Store => (&self.network.transport, REQUEST_MS_MAX),
            Reached::Near => (&self.network.near, NEAR_MS_MAX),
            Reached::Nowhere => return Err(HttpError::new(HttpErrorKind::Unknown, Blocked::Elsewhere)),
        };
        let is_near = ms == NEAR_MS_MAX;
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let limits = Limits { body_bytes_max: ANSWER_BYTES_MAX };
        let sending = transport.send(http::Request::from_parts(parts, body), limits);
        let answer = drift::deadline(self.network.clock.as_ref(), ms, sending).await;
        let kind = match answer {
            Ok(Ok(answer)) => return Ok(self.noted(answer)),
            Ok(Err(error)) => error.kind,
            Err(_) => TransportKind::Timeout,
        };
        // A service that is not there need not be asked again.
        if is_near {
            return Err(HttpError::new(HttpErrorKind::Unknown, Blocked::Near));
        }
        Err(HttpError::new(again(kind), Blocked::Network(kind)))
    }

    fn noted(&self, answer: http::Response<Bytes>) -> HttpResponse {
        let region = answer.headers().get(REGION_HEADER).and_then(|value| value.to_str().ok());
        let is_name =
            |text: &&str| text.len() <= 32 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if let Some(region) = region.filter(is_name) {
            *self.region.lock().unwrap_or_else(PoisonError::into_inner) = Some(region.to_owned());
        }
        answer.map(Into::into)
    }
}

/// What the client makes of a failure: which it tries again, and whether only when that is safe.
fn again(kind: TransportKind) -> HttpErrorKind {
    match kind {
        TransportKind::Connect => HttpErrorKind::Connect,
        TransportKind::Timeout => HttpErrorKind::Timeout,
        TransportKind::Cut => HttpErrorKind::Interrupted,
        TransportKind::Tls
        | TransportKind::Forbidden
        | TransportKind::TooLarge
        | TransportKind::Protocol
        | TransportKind::Withdrawn => HttpErrorKind::Unknown,
    }
}

impl HttpService for Carrier {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.carry(request))
    }
}

impl HttpConnector for Carrier {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hosts: &Hosts, uri: &str, expected: Reached) {
        assert_eq!(hosts.reached(&uri.parse().unwrap()), expected, "{uri}");
    }

    #[test]
    fn only_the_stores_own_hosts_are_asked() {
        let aws =
            Hosts { names: &["amazonaws.com"], near: vec!["169.254.169.254".to_owned()], ..Hosts::default() };
        check(&aws, "https://lake.s3.eu-west-1.amazonaws.com/a", Reached::Store);
        check(&aws, "https://sts.eu-west-1.amazonaws.com/", Reached::Store);
        check(&aws, "http://lake.s3.eu-west-1.amazonaws.com/a", Reached::Nowhere);
        check(&aws, "https://evilamazonaws.com/", Reached::Nowhere);
        check(&aws, "https://amazonaws.com.evil.test/", Reached::Nowhere);
        check(&aws, "http://169.254.169.254/latest/", Reached::Near);

        let own = Hosts { endpoints: vec![Url::parse("http://s3.lan:9000").unwrap()], ..Hosts::default() };
        check(&own, "http://s3.lan:9000/lake/a", Reached::Store);
        check(&own, "http://lake.s3.lan:9000/a", Reached::Store);
        check(&own, "http://s3.lan:9001/lake/a", Reached::Nowhere);
        check(&own, "https://s3.lan:9000/lake/a", Reached::Nowhere);
        check(&own, "http://169.254.169.254/latest/", Reached::Nowhere);
    }
}
