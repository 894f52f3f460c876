//! The four ways in which the outside world enters a client.

use std::sync::Arc;

use model::{Clock, Entropy};

use crate::{HttpOptions, HttpTransport, OsEntropy, Recorder, SystemClock, Transport, TransportError};

/// Network, time, randomness, and an ear for what was called.
#[derive(Clone)]
pub struct Seams {
    /// Carries requests.
    pub transport: Arc<dyn Transport>,
    /// Tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Gives jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Hears of every attempt; `None` costs nothing.
    pub recorder: Option<Arc<dyn Recorder>>,
}

impl Seams {
    /// The real world: the network, the machine's clock and the operating system's randomness.
    ///
    /// # Errors
    /// When the TLS configuration cannot be built.
    pub fn system() -> Result<Self, TransportError> {
        Ok(Self {
            transport: Arc::new(HttpTransport::new(HttpOptions::default())?),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            recorder: None,
        })
    }
}

impl std::fmt::Debug for Seams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seams").finish_non_exhaustive()
    }
}
