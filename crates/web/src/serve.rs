//! Connections: accept, speak HTTP/1.1 or HTTP/2, end in good order.
//!
//! The loop is our own because a door that faces the internet bounds what a stranger can hold: connections, time for a
//! header, time between two requests, and the time that a shutdown waits. A header that takes too long and a connection
//! that stays silent after its last request end the same way.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use model::Clock;
use telemetry::Metrics;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::Service as _;

/// Pause after a failed accept, in milliseconds: it is mostly for want of file descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;
/// Most bytes of a request's line and headers.
const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;

/// The bounds of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeOptions {
    /// Most connections held at once; more wait to be accepted.
    pub connections_max: usize,
    /// Time for a request's headers, and for silence between two requests, in milliseconds.
    pub head_ms_max: u64,
    /// Time for requests in hand after the wish to stop, in milliseconds.
    pub farewell_ms_max: u64,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { connections_max: 2_048, head_ms_max: 30_000, farewell_ms_max: 10_000 }
    }
}

/// Who is at the other end of the connection: an extension of every request that came on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serve on a socket until `shutdown` is ready; then stop accepting and let the requests in hand end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let (end, ended) = watch::channel(());
    let room = Arc::new(Semaphore::new(options.connections_max));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let room = Arc::clone(&room);
        let next = async {
            let place = room.acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, ended, metrics) = (router.clone(), ended.clone(), Arc::clone(&metrics));
                connections.spawn(async move {
                    metrics.gateway_connections.inc();
                    speak(stream, peer, router, options, ended).await;
                    metrics.gateway_connections.dec();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("Could not accept a connection: {error}");
                clock.sleep(ACCEPT_PAUSE_MS).await;
            }
        }
    }
    drop((end, listener));
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = clock.deadline(options.farewell_ms_max) => connections.abort_all(),
    }
}

async fn speak(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    options: ServeOptions,
    mut ended: watch::Receiver<()>,
) {
    // Small answers must not wait for the acknowledgement of the last one. A failure costs speed alone.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let head = Duration::from_millis(options.head_ms_max);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(head)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
    let mut spoken = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = &mut spoken => outcome,
        _ = ended.changed() => {
            spoken.as_mut().graceful_shutdown();
            spoken.await
        }
    };
    if let Err(error) = outcome {
        // A client that went away is such an error, and so is one that said nothing for too long.
        tracing::debug!("A connection ended early: {error}");
    }
}
