//! The log of a test, at the finest level.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

/// What was logged since [`capture`]. Each test runs in a process of its own.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Log everything from now on.
pub(crate) fn capture() -> Log {
    let log = Log::default();
    let logged = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    logged.with_writer(log.clone()).init();
    tracing::trace!("TRACE begins");
    log
}
