//! The network seam in process: requests go straight into the sandbox's router.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use drift::{Limits, Transport, TransportError, TransportKind};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::ServiceExt;

/// A path that is answered with 404 whatever the sandbox holds.
pub(crate) type NotFound = Arc<Mutex<Option<String>>>;

/// Calls a router as if over a wire.
pub(crate) struct InProcess {
    pub(crate) router: axum::Router,
    pub(crate) not_found: NotFound,
    /// A path whose calls are cut off without an answer.
    pub(crate) silent: NotFound,
}

impl Transport for InProcess {
    fn send<'a>(
        &'a self,
        mut request: http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            if self.silent.lock().unwrap().as_deref() == Some(request.uri().path()) {
                return Err(TransportError::new(TransportKind::Cut));
            }
            if self.not_found.lock().unwrap().as_deref() == Some(request.uri().path()) {
                let body = Bytes::from_static(br#"{"error":{"type":"not_found","message":"no such thing"}}"#);
                return Ok(http::Response::builder().status(404).body(body).unwrap());
            }
            if let Some(authority) = request.uri().authority().map(ToString::to_string) {
                request
                    .headers_mut()
                    .insert(http::header::HOST, authority.parse().expect("an authority is a header"));
            }
            let answer =
                self.router.clone().oneshot(request.map(Body::from)).await.expect("a router does not fail");
            let (head, body) = answer.into_parts();
            let bytes_max = usize::try_from(limits.body_bytes_max).expect("a bound fits the memory");
            let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
                let too_large = error.source().is_some_and(|source| source.is::<LengthLimitError>());
                TransportError::new(if too_large || error.is::<LengthLimitError>() {
                    TransportKind::TooLarge
                } else {
                    TransportKind::Cut
                })
            })?;
            Ok(http::Response::from_parts(head, body.to_bytes()))
        })
    }
}
