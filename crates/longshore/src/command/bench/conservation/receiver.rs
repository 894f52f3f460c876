//! A user's own system: takes outgoing webhooks and remembers their ids, contents and order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The Standard Webhooks header that holds a message's id.
const ID_HEADER: &str = "webhook-id";

/// What was received.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    /// The content that first came under an id, and the place of its first coming.
    pub(super) messages: HashMap<String, (Bytes, u64)>,
    pub(super) deliveries: u64,
    /// Messages that came under an id with another content than before.
    pub(super) two_contents: u64,
}

/// The receiver; it ends when this is dropped.
pub(super) struct Receiver {
    received: Arc<Mutex<Received>>,
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Take everything that comes to this socket.
    pub(super) fn start((listener, url): (TcpListener, String)) -> Self {
        let received = Arc::default();
        let router = Router::new().route("/", post(take)).with_state(Arc::clone(&received));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { received, url: format!("{url}/"), task }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn received(&self) -> Received {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(received): State<Arc<Mutex<Received>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(id) = headers.get(ID_HEADER).and_then(|id| id.to_str().ok()) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    received.deliveries += 1;
    let place = received.deliveries;
    let is_other = match received.messages.get(id) {
        Some((first, _)) => *first != body,
        None => {
            received.messages.insert(id.to_owned(), (body, place));
            false
        }
    };
    received.two_contents += u64::from(is_other);
    StatusCode::NO_CONTENT
}
