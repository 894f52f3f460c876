//! A feed, endpoints, a worker that is stepped by hand, and a receiver in process that remembers what it took.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use drift::{Config, Limits, Seams, Transport, TransportError, TransportKind};
use engine::calls::CallBook;
use engine::clients::Clients;
use engine::connection::Connections;
use engine::jobs::REGISTRY;
use engine::webhooks::Webhooks;
use engine::{Node, NodeLimits, Settling, StopSwitch, Worker, consume};
use futures_util::future::BoxFuture;
use model::record::{Author, Conversation, Message, Snapshot};
use model::{Clock, ConversationId, EndpointId, FakeClock, MessageId, Millis, OrgId, SeededEntropy};
use sinks::webhook::signature::{self, Headers};
use sinks::webhook::{Reach, SigningSecret};
use store::changes::ChangeKind;
use store::endpoints::{self, Endpoint, NewEndpoint};
use store::vault::{Key, Vault};
use store::{Db, effects, mirror, queue};

use crate::engines::Database;
use crate::world::NOW;

pub(super) const ORG: OrgId = OrgId(4242);
/// An endpoint that takes nothing for a day is disabled here, in milliseconds.
const DISABLE_MS: i64 = 24 * 3_600_000;
/// A lease that a killed step leaves behind, in milliseconds.
pub(super) const LEASE_MS: i64 = 60_000;
/// Rounds of working and waiting until nothing is owed, at most.
const ROUNDS_MAX: usize = 5_000;

/// A webhook as the receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) conversation: i64,
    pub(super) seq: i64,
    pub(super) at: Millis,
    /// How many signatures it carried; all of them fit.
    pub(super) signatures: usize,
}

/// What the receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    RetryAfter(u16, &'static str),
    /// It takes the webhook, and the answer is lost.
    Cut,
}

type Answers = Box<dyn FnMut(&Seen) -> Answer + Send>;

/// The receiver, in place of the network.
pub(super) struct Receiver {
    clock: FakeClock,
    secrets: Mutex<Vec<SigningSecret>>,
    answers: Mutex<Answers>,
    tried: Mutex<Vec<Seen>>,
    taken: Mutex<Vec<Seen>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    pub(super) fn answers(&self, answers: impl FnMut(&Seen) -> Answer + Send + 'static) {
        *lock(&self.answers) = Box::new(answers);
    }

    pub(super) fn tried(&self) -> Vec<Seen> {
        lock(&self.tried).clone()
    }

    pub(super) fn taken(&self) -> Vec<Seen> {
        lock(&self.taken).clone()
    }

    pub(super) fn seqs(&self) -> Vec<i64> {
        self.taken().iter().map(|seen| seen.seq).collect()
    }

    /// Every conversation's webhooks came first in order, and no id came with two contents.
    pub(super) fn check(&self) {
        let (mut last, mut bodies) = (HashMap::new(), HashMap::new());
        for seen in self.taken() {
            let body = bodies.entry(seen.id.clone()).or_insert_with(|| {
                let last = last.insert(seen.conversation, seen.seq).unwrap_or(0);
                assert!(last < seen.seq, "{seen:?} came first after {last}");
                seen.body.clone()
            });
            assert_eq!(*body, seen.body, "one id, two contents");
        }
    }

    fn see(&self, request: &http::Request<Bytes>) -> Seen {
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        let told = header(signature::SIGNATURE_HEADER);
        let secrets = lock(&self.secrets);
        for one in told.split(' ') {
            let headers = Headers {
                id: header(signature::ID_HEADER),
                timestamp: header(signature::TIMESTAMP_HEADER),
                signature: one,
            };
            signature::verify(&secrets, headers, request.body(), self.clock.now()).unwrap();
        }
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        Seen {
            id: header(signature::ID_HEADER).to_owned(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
            conversation: body["data"]["conversation_id"].as_i64().unwrap(),
            seq: body["data"]["seq"].as_i64().unwrap(),
            at: self.clock.now(),
            signatures: told.split(' ').count(),
        }
    }
}

impl Transport for Receiver {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        _: Limits,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let seen = self.see(&request);
            let answer = lock(&self.answers)(&seen);
            lock(&self.tried).push(seen.clone());
            if matches!(answer, Answer::Cut | Answer::Status(200..300)) {
                lock(&self.taken).push(seen);
            }
            // The answer is on its way: a place to die.
            tokio::task::yield_now().await;
            let response = http::Response::builder();
            match answer {
                Answer::Cut => Err(TransportError::new(TransportKind::Cut)),
                Answer::Status(status) => Ok(response.status(status).body(Bytes::new()).unwrap()),
                Answer::RetryAfter(status, after) => {
                    Ok(response.status(status).header("retry-after", after).body(Bytes::new()).unwrap())
                }
            }
        })
    }
}

/// A store with a feed, and all that sends webhooks.
pub(super) struct Hooks {
    pub(super) db: Db,
    pub(super) clock: FakeClock,
    pub(super) receiver: Arc<Receiver>,
    pub(super) node: Arc<Node>,
    pub(super) vault: Vault,
    entropy: Arc<SeededEntropy>,
    /// How many messages each conversation has.
    messages: Mutex<BTreeMap<i64, i64>>,
    _stop: StopSwitch,
    _database: Database,
}

impl Hooks {
    pub(super) fn start(database: Database) -> Self {
        let (db, clock) = (database.db.clone(), FakeClock::at(NOW));
        let entropy = Arc::new(SeededEntropy::new(31));
        let vault = Vault::new(Key::generate(&SeededEntropy::new(5)), Arc::clone(&entropy) as _);
        let receiver = Arc::new(Receiver {
            clock: clock.clone(),
            secrets: Mutex::default(),
            answers: Mutex::new(Box::new(|_| Answer::Status(204))),
            tried: Mutex::default(),
            taken: Mutex::default(),
        });
        let stop = StopSwitch::new();
        let seams = Seams {
            transport: Arc::clone(&receiver) as _,
            clock: Arc::new(clock.clone()),
            entropy: Arc::clone(&entropy) as _,
            recorder: None,
        };
        let config = Config::at("http://driftapi.com").unwrap();
        let connections = Connections { db: db.clone(), vault: vault.clone(), config, seams };
        let metrics = Arc::new(telemetry::Metrics::new());
        let webhooks = Webhooks {
            transport: Arc::clone(&receiver) as _,
            vault: vault.clone(),
            reach: Reach::Public,
            disable_ms: DISABLE_MS,
        };
        let node = Arc::new(Node {
            exports: None,
            db: db.clone(),
            clock: Arc::new(clock.clone()),
            entropy: Arc::clone(&entropy) as _,
            clients: Clients::new(connections, Arc::new(CallBook::new(Arc::clone(&metrics)))),
            metrics,
            settling: Settling::default(),
            webhooks: Some(webhooks),
            limits: NodeLimits { step_lease_ms: LEASE_MS, ..NodeLimits::default() },
            stop: stop.watch(),
            host: "test".to_owned(),
        });
        let messages = Mutex::default();
        Self { db, clock, receiver, node, vault, entropy, messages, _stop: stop, _database: database }
    }

    /// Add an endpoint that gets everything from the beginning.
    pub(super) async fn add(&self, kinds: &[ChangeKind]) -> EndpointId {
        let secret = SigningSecret::generate(self.entropy.as_ref());
        let new = NewEndpoint {
            org: ORG,
            endpoint_id: EndpointId::new(&self.clock, self.entropy.as_ref()),
            url: "https://receiver.test/hook".to_owned(),
            kinds: kinds.to_vec(),
            cursor: 0,
            secret: secret.text().clone(),
        };
        self.trust(secret);
        let mut tx = self.db.begin().await.unwrap();
        endpoints::add(&mut tx, &new, &self.vault, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        new.endpoint_id
    }

    /// Give the receiver a secret to verify by.
    pub(super) fn trust(&self, secret: SigningSecret) {
        lock(&self.receiver.secrets).push(secret);
    }

    /// One more message in each of these conversations; the first is the conversation itself.
    pub(super) async fn grow(&self, conversations: std::ops::RangeInclusive<i64>) {
        let now = self.clock.now();
        let mut tx = self.db.begin().await.unwrap();
        for id in conversations {
            let count = {
                let mut messages = lock(&self.messages);
                let count = messages.entry(id).or_insert(0);
                *count += 1;
                *count
            };
            mirror::apply(&mut tx, ORG, &[snapshot(id, count)], now).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    pub(super) async fn endpoint(&self, id: &EndpointId) -> Endpoint {
        endpoints::get(&self.db, ORG, id).await.unwrap().unwrap()
    }

    /// Let the consumers look, and the worker do what is due; answers how many runs there were.
    pub(super) async fn step(&self) -> usize {
        consume::step(&self.node).await.unwrap();
        Worker::new(Arc::clone(&self.node), REGISTRY).step().await.unwrap()
    }

    /// A step that dies after so many polls; answers whether it had ended before.
    pub(super) async fn step_killed_after(&self, polls: u64) -> bool {
        let mut step = pin!(self.step());
        let mut left = polls;
        std::future::poll_fn(|cx: &mut Context<'_>| {
            if left == 0 {
                return Poll::Ready(false);
            }
            left -= 1;
            step.as_mut().poll(cx).map(|_| true)
        })
        .await
    }

    /// Work, and turn the clock to whatever is due next, until nothing is owed or `until` holds.
    pub(super) async fn run_until(&self, mut until: impl FnMut() -> bool) {
        for _ in 0..ROUNDS_MAX {
            self.step().await;
            let now = self.clock.now();
            let owed = effects::owed_in_all(&self.db).await.unwrap();
            let next = queue::next_due(&self.db, now).await.unwrap();
            let Some(next) = next.filter(|_| owed > 0 && !until()) else { return };
            self.clock.advance(next.since(now).max(0) + 1);
        }
        panic!("there is no end to it");
    }

    pub(super) async fn run(&self) {
        self.run_until(|| false).await;
    }
}

fn snapshot(id: i64, messages: i64) -> Snapshot {
    let message = |number: i64| Message {
        message_id: MessageId(id * 1_000 + number),
        author: Author { kind: "contact".to_owned(), id: Some(1), bot: false },
        kind: "chat".to_owned(),
        body: None,
        created_at: Some(Millis(number)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: model::Pii::new("{}".to_owned()),
    };
    let conversation = Conversation {
        conversation_id: ConversationId(id),
        contact_id: None,
        inbox_id: None,
        status: "open".to_owned(),
        created_at: Some(Millis(0)),
        updated_at: Some(Millis(messages)),
        extra: "{}".to_owned(),
    };
    let messages_read = (1..=messages).map(message).collect();
    Snapshot { conversation, details: None, messages: Some(messages_read), fetched_at: Millis(messages) }
}
