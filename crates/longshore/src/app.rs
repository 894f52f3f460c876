//! What every command is given.

use std::sync::Arc;

use drift::OsEntropy;
use model::{Clock, Entropy};

use crate::config::Config;
use crate::lifecycle::Interrupt;
use crate::output::Output;

/// The configuration, the output, the seams of time and randomness, and the wish to stop.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) output: Output,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) interrupt: Interrupt,
}

impl App {
    /// The application on this clock and the real randomness. Needs a runtime: it listens for signals.
    pub(crate) fn new(config: Config, output: Output, clock: Arc<dyn Clock>) -> Self {
        Self {
            config: Arc::new(config),
            output,
            clock,
            entropy: Arc::new(OsEntropy),
            interrupt: Interrupt::listen(output),
        }
    }

    /// The same application with other settings.
    pub(crate) fn with(&self, config: Config) -> Self {
        Self { config: Arc::new(config), ..self.clone() }
    }
}
