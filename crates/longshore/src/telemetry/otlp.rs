//! The way of spans to a collector: OTLP over HTTP, in batches, from a queue with a bound.
//!
//! Requests go through [`drift::Transport`] like all others, so that `ca_file` and `resolve` hold here too. The
//! exporter runs on a thread of its own that has no runtime; each request is handed to ours.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drift::{Limits, SystemClock, Transport};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tokio::runtime::Handle;
use url::Url;

use crate::failure::{Failure, chain};

/// Spans that wait to be sent; what comes when it is full is dropped, and the log says so.
const QUEUE_SPANS_MAX: usize = 8_192;
/// Spans in one request.
const BATCH_SPANS_MAX: usize = 512;
/// How long a span waits for others, in milliseconds.
const BATCH_MS: u64 = 1_000;
/// How long a collector may take for one batch, retries included, in milliseconds.
const EXPORT_MS_MAX: u64 = 5_000;
/// A collector's answer is a few bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Where collectors take traces, after the address that is configured.
const PATH: &str = "v1/traces";

/// Where spans are made and whence they are sent.
///
/// # Errors
/// [`Failure`] for an address the exporter does not take.
pub(super) fn provider(
    url: &Url,
    transport: Arc<dyn Transport>,
    runtime: &Handle,
) -> Result<SdkTracerProvider, Failure> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector { transport, runtime: runtime.clone() })
        .with_endpoint(endpoint(url).as_str())
        .with_timeout(Duration::from_millis(EXPORT_MS_MAX))
        .build()
        .map_err(|error| Failure::usage(format!("otlp_url cannot be used: {}", chain(&error))))?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS_MAX)
        .with_max_export_batch_size(BATCH_SPANS_MAX)
        .with_scheduled_delay(Duration::from_millis(BATCH_MS))
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let resource = Resource::builder()
        .with_service_name("longshore")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build())
}

/// The address of the traces below the collector's; an address that already names them is taken as it is.
fn endpoint(url: &Url) -> Url {
    let mut url = url.clone();
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with(PATH) {
        url.set_path(&format!("{path}/{PATH}"));
    }
    url
}

/// The exporter's way to the network.
struct Collector {
    transport: Arc<dyn Transport>,
    runtime: Handle,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

type Answer = Result<http::Response<Bytes>, HttpError>;

impl HttpClient for Collector {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let transport = self.transport.clone();
        let sent = self.runtime.spawn(async move {
            let sending = transport.send(request, Limits { body_bytes_max: ANSWER_BYTES_MAX });
            drift::deadline(&SystemClock, EXPORT_MS_MAX, sending).await
        });
        Box::pin(async move { Ok(sent.await???) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use drift::{HttpOptions, HttpTransport};
    use tokio::net::TcpListener;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::spans::Spans;
    use super::*;

    const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    type Bodies = Arc<Mutex<Vec<u8>>>;

    /// A collector on a port of this machine, which keeps what it is sent.
    async fn collector(bodies: Bodies) -> Url {
        let keep = async |State(bodies): State<Bodies>, body: Bytes| bodies.lock().unwrap().extend(body);
        let router = Router::new().route("/v1/traces", post(keep)).with_state(bodies);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Url::parse(&url).unwrap()
    }

    fn holds(body: &[u8], part: &[u8]) -> bool {
        body.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_span_with_a_stored_trace_is_exported_under_that_trace() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let bodies = Bodies::default();
        let url = runtime.block_on(collector(bodies.clone()));
        let options = HttpOptions { proxies: false, ..HttpOptions::default() };
        let transport = Arc::new(HttpTransport::new(options).unwrap());
        let provider = provider(&url, transport, runtime.handle()).unwrap();
        let subscriber = tracing_subscriber::registry().with(Spans::new(&provider));
        tracing::subscriber::with_default(subscriber, || {
            let stored = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
            let stage = tracing::info_span!("refresh", trace = stored, job.kind = "refresh_conversation");
            stage.in_scope(|| tracing::info_span!("call", status = 200).in_scope(|| ()));
        });
        provider.shutdown_with_timeout(Duration::from_secs(10)).unwrap();

        let body = bodies.lock().unwrap().clone();
        let trace_id = hex::decode(TRACE_ID).unwrap();
        assert_eq!(
            body.windows(16).filter(|window| *window == trace_id).count(),
            2,
            "both spans are of the trace"
        );
        for part in ["refresh", "call", "refresh_conversation", "service.name"] {
            assert!(holds(&body, part.as_bytes()), "{part}");
        }
    }

    #[test]
    fn the_address_of_traces_lies_below_the_collectors() {
        let check = |given: &str, expected: &str| {
            assert_eq!(endpoint(&Url::parse(given).unwrap()).as_str(), expected);
        };
        check("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces");
        check("https://collector.example.test/otlp/", "https://collector.example.test/otlp/v1/traces");
        check("https://collector.example.test/v1/traces", "https://collector.example.test/v1/traces");
    }
}
