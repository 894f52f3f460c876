//! What the program tells of itself while it runs: the log, and the traces.
//!
//! The log is one stream on stderr, as text for people or one JSON object a line for machines. Traces go to an
//! OpenTelemetry collector when `otlp_url` names one; without it no span costs more than a look at a flag.

mod otlp;
mod spans;

use std::io::{self, IsTerminal};
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use self::spans::Spans;
use crate::config::{Config, LogFormat};
use crate::failure::Failure;
use crate::network;

/// How long the end of the program waits for the last spans to be taken, in milliseconds.
const FLUSH_MS_MAX: u64 = 3_000;
/// Spans of these crates are exported; those of libraries would tell of the exporter's own calls, without end.
const OURS: [&str; 7] = ["longshore", "web", "engine", "store", "sinks", "drift", "telemetry"];

/// The running telemetry; to be ended when the program ends.
#[must_use]
pub(crate) struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Begin to log and to trace as the configuration says. A second call in one process changes nothing.
///
/// # Errors
/// Only for traces: certificates or an address that cannot be used.
pub(crate) fn begin(config: &Config, runtime: &Handle) -> Result<Telemetry, Failure> {
    let provider = match &config.otlp_url {
        Some(url) => Some(otlp::provider(url, network::transport_to(config, url)?, runtime)?),
        None => None,
    };
    let traces = provider.as_ref().map(|provider| Spans::new(provider).with_filter(FilterFn::new(is_ours)));
    let _ = tracing::subscriber::set_global_default(Registry::default().with(traces).with(log(config)));
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Send what is still held, for at most a few seconds. Blocks: not to be called from within the runtime.
    pub(crate) fn end(self) {
        if let Some(provider) = self.provider {
            // What could not be sent was told in the log by the exporter itself.
            let _ = provider.shutdown_with_timeout(Duration::from_millis(FLUSH_MS_MAX));
        }
    }
}

/// The log, with its own filter: what is traced does not depend on what is logged.
fn log<S>(config: &Config) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    // The directives were parsed once when the configuration was read; a failure here cannot happen.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_default();
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = fmt::layer().with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => layer.with_ansi(colours).with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let (part, _) = metadata.target().split_once("::").unwrap_or((metadata.target(), ""));
    let told = if metadata.is_span() { Level::INFO } else { Level::ERROR };
    *metadata.level() <= told && OURS.contains(&part)
}

#[cfg(test)]
mod tests {
    use crate::documents;

    #[test]
    fn the_page_about_metrics_holds_the_list() {
        documents::holds("metrics.md", "metrics", &telemetry::Metrics::table());
    }
}
