//! Logs: one stream, on stderr, as text for people or one JSON object a line for machines.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use crate::config::{Config, LogFormat};

/// Begin to log as the configuration says. A second call in one process changes nothing.
pub(crate) fn begin(config: &Config) {
    // The directives were parsed once when the configuration was read; a failure here cannot happen.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_default();
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = SubscriberBuilder::default().with_env_filter(filter).with_writer(io::stderr);
    let _ = match config.log_format {
        LogFormat::Text => tracing::subscriber::set_global_default(builder.with_ansi(colours).finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(builder.json().finish()),
    };
}

#[cfg(test)]
mod tests {
    use crate::documents;

    #[test]
    fn the_page_about_metrics_holds_the_list() {
        documents::holds("metrics.md", "metrics", &telemetry::Metrics::table());
    }
}
