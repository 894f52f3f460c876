//! Connections: accept, speak HTTP/1.1 or HTTP/2, end in good order.
//!
//! The loop is our own rather than axum's because it must do two things that one does not: answer over TLS, and tell
//! each request where its caller sits. Requests skip the router: the table in [`crate::routes`] is the router.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::door::{self, Connection};
use crate::sandbox::{Inner, Sandbox};
use crate::tls::{Authority, TlsError};
use crate::{traffic, webhooks};

/// Connections held at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 2_048;
/// Time for a TLS handshake.
const HANDSHAKE_MS: u64 = 10_000;
/// Time for requests in hand when the sandbox is told to end.
const FAREWELL_MS: u64 = 2_000;
/// Pause after a failed accept: it is mostly for want of file descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;

impl Sandbox {
    /// Serve on a socket until `shutdown` is ready; then let the requests in hand end.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        accept(Arc::clone(&self.inner), listener, None, shutdown).await;
    }

    /// Serve over TLS under all of [`crate::HOSTS`], or as one other host when `certificate_for` names it (a fault:
    /// clients must refuse).
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub async fn serve_tls(
        &self,
        listener: TcpListener,
        authority: &Authority,
        certificate_for: Option<&str>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), TlsError> {
        let config = authority.server_config(certificate_for, self.inner.clock.now())?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        accept(Arc::clone(&self.inner), listener, Some(acceptor), shutdown).await;
        Ok(())
    }
}

async fn accept(
    sandbox: Arc<Inner>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let (end, ended) = watch::channel(());
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let life = tokio::spawn(traffic::run(Arc::clone(&sandbox)));
    let post = tokio::spawn(webhooks::send::run(Arc::clone(&sandbox)));
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
                let (sandbox, tls, ended) = (Arc::clone(&sandbox), tls.clone(), ended.clone());
                connections.spawn(async move {
                    connection(sandbox, stream, peer, tls, ended).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("Could not accept a connection: {error}");
                sandbox.clock.sleep(ACCEPT_PAUSE_MS).await;
            }
        }
    }
    drop((end, listener));
    life.abort();
    post.abort();
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = sandbox.clock.deadline(FAREWELL_MS) => connections.abort_all(),
    }
}

async fn connection(
    sandbox: Arc<Inner>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    mut ended: watch::Receiver<()>,
) {
    // Small answers must not wait for the acknowledgement of the last one. A failure costs speed alone.
    let _ = stream.set_nodelay(true);
    let is_local = peer.ip().to_canonical().is_loopback();
    let Some(acceptor) = tls else {
        return speak(sandbox, stream, Connection { scheme: "http", is_local }, ended).await;
    };
    let handshake = tokio::select! {
        handshake = acceptor.accept(stream) => handshake,
        _ = ended.changed() => return,
        () = sandbox.clock.deadline(HANDSHAKE_MS) => return,
    };
    match handshake {
        Ok(stream) => speak(sandbox, stream, Connection { scheme: "https", is_local }, ended).await,
        Err(error) => tracing::debug!("A TLS handshake failed: {error}"),
    }
}

async fn speak(
    sandbox: Arc<Inner>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Connection,
    mut ended: watch::Receiver<()>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let sandbox = Arc::clone(&sandbox);
        async move { Ok::<_, Infallible>(door::answer(&sandbox, request.map(Body::new), connection).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut spoken = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = &mut spoken => outcome,
        _ = ended.changed() => {
            spoken.as_mut().graceful_shutdown();
            spoken.await
        }
    };
    if let Err(error) = outcome {
        // A cut is such an error, and so is a client that went away.
        tracing::debug!("A connection ended early: {error}");
    }
}
