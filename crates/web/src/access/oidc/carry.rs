//! The way to the provider: the project's transport, with its bounds, for the crate that speaks the protocol.

use std::sync::Arc;

use bytes::Bytes;
use drift::{Limits, Transport, TransportError, deadline};
use futures_util::future::{BoxFuture, FutureExt as _};
use model::Clock;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// How long an answer is waited for, in milliseconds.
const ANSWER_MS_MAX: u64 = 10_000;
/// Documents and keys are a few kilobytes.
const BODY_BYTES_MAX: u64 = 256 * 1_024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CarryError {
    #[error("the provider's document leads from https to http")]
    Downgrade,
    #[error("the provider did not answer within {ANSWER_MS_MAX} ms")]
    Late,
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// Carries requests; what an `https` issuer names must be `https`, too.
pub(super) struct Carrier {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) https: bool,
}

impl<'c> AsyncHttpClient<'c> for Carrier {
    type Error = CarryError;
    type Future = BoxFuture<'static, Result<HttpResponse, CarryError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let (transport, clock) = (Arc::clone(&self.transport), Arc::clone(&self.clock));
        let is_plain = request.uri().scheme_str() != Some("https");
        if self.https && is_plain {
            return futures_util::future::ready(Err(CarryError::Downgrade)).boxed();
        }
        async move {
            let limits = Limits { body_bytes_max: BODY_BYTES_MAX };
            let sending = transport.send(request.map(Bytes::from), limits);
            let answer = deadline(clock.as_ref(), ANSWER_MS_MAX, sending).await;
            Ok(answer.map_err(|_| CarryError::Late)??.map(|body| body.to_vec()))
        }
        .boxed()
    }
}
