//! Posts the sandbox's webhooks, each once, as Drift does, and remembers which were acknowledged.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use drift::webhook::Event;
use drift::{HttpOptions, HttpTransport, Limits, Transport};
use model::Clock;
use sandbox::{Delivery, Sandbox};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{TOKEN, unexpected};
use crate::failure::Failure;

/// Posts at once.
const CONCURRENT_MAX: usize = 64;
/// How long an answer is waited for, in milliseconds.
const ANSWER_MS_MAX: u64 = 5_000;
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// The header that repeats the verification token (Drift: Webhook events).
const TOKEN_HEADER: &str = "x-verification-token";
/// How often due webhooks are looked for, in milliseconds.
const LOOK_MS: u64 = 20;

/// What became of the posts.
#[derive(Debug, Clone, Default)]
pub(super) struct Posted {
    pub(super) posts: u64,
    pub(super) acknowledged: u64,
    /// By status.
    pub(super) refused: HashMap<u16, u64>,
    /// No answer: the process died, or was not there.
    pub(super) unanswered: u64,
    /// By which the events of acknowledged posts are known: what a key in the inbox ends with.
    pub(super) keys: HashSet<[u8; 16]>,
}

/// The task that posts; it ends when this is dropped.
pub(super) struct Sender {
    shared: Arc<Shared>,
    sandbox: Sandbox,
    task: JoinHandle<()>,
}

struct Shared {
    transport: HttpTransport,
    gateways: Vec<String>,
    clock: Arc<dyn Clock>,
    posted: Mutex<Posted>,
    under_way: AtomicUsize,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sender {
    /// Post what falls due to the gateways in turn.
    pub(super) fn new(
        sandbox: Sandbox,
        gateways: Vec<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let options = HttpOptions { proxies: false, ..HttpOptions::default() };
        let transport = HttpTransport::new(options).map_err(|error| unexpected(error.to_string()))?;
        let (posted, under_way) = (Mutex::default(), AtomicUsize::new(0));
        let shared = Arc::new(Shared { transport, gateways, clock, posted, under_way });
        let task = tokio::spawn(send(sandbox.clone(), Arc::clone(&shared)));
        Ok(Self { shared, sandbox, task })
    }

    pub(super) fn under_way(&self) -> usize {
        self.shared.under_way.load(Ordering::Relaxed)
    }

    /// Whether nothing is under way and nothing will fall due.
    pub(super) fn is_done(&self) -> bool {
        self.sandbox.next_webhook_at().is_none() && self.under_way() == 0
    }

    pub(super) fn posted(&self) -> Posted {
        self.shared.lock().clone()
    }
}

async fn send(sandbox: Sandbox, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CONCURRENT_MAX));
    loop {
        for delivery in sandbox.take_webhooks() {
            shared.under_way.fetch_add(1, Ordering::Relaxed);
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                shared.post(&delivery).await;
                shared.under_way.fetch_sub(1, Ordering::Relaxed);
                drop(place);
            });
        }
        shared.clock.sleep(LOOK_MS).await;
    }
}

impl Shared {
    async fn post(&self, delivery: &Delivery) {
        let number = usize::try_from(delivery.number).unwrap_or(0);
        let gateway = &self.gateways[number % self.gateways.len()];
        let request = http::Request::post(gateway)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(TOKEN_HEADER, TOKEN)
            .body(Bytes::clone(&delivery.body))
            .expect("a gateway's address is an address");
        let sending = self.transport.send(request, Limits { body_bytes_max: ANSWER_BYTES_MAX });
        let answer = drift::deadline(&*self.clock, ANSWER_MS_MAX, sending).await;
        let status = answer.ok().and_then(Result::ok).map(|answer| answer.status().as_u16());
        let key = Event::parse(&delivery.body).map(|event| event.identity().key);
        let mut posted = self.lock();
        posted.posts += 1;
        match status {
            Some(200..=299) => {
                posted.acknowledged += 1;
                posted.keys.extend(key);
            }
            Some(status) => *posted.refused.entry(status).or_default() += 1,
            None => posted.unanswered += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
