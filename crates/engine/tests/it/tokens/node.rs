//! A node as a process has it: a store of its own on the same database, a client of its own, the same Drift and clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use drift::{Client, Limits, Seams, Transport, TransportError};
use engine::connection::Connections;
use futures_util::future::{BoxFuture, join_all};
use model::{Clock, FakeClock, SeededEntropy};
use sandbox::{Options, RateLimit, Source};
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::engines::{self, Database};
use crate::transport::InProcess;
use crate::world::World;

/// How long the right to renew outlives its holder, in milliseconds.
pub(crate) const RIGHT_MS: i64 = 40_000;
/// The life of the sandbox's tokens, in milliseconds.
pub(crate) const TOKEN_MS: i64 = 7_200_000;
/// How far the clock goes in a millisecond of the machine's time, in milliseconds.
pub(crate) const PACE_MS: i64 = 10;

pub(crate) const TOKEN_CALLS: &str = "POST /oauth2/token";

/// A calm world of so many conversations.
pub(crate) fn options(conversations: u64) -> Options {
    Options { source: Source::Generated { conversations }, rate: RateLimit::none(), ..Options::default() }
}

/// A world that a public app is connected to, with a clock that goes steadily: what is waited for comes, and what is held
/// is held for as long as the machine needs.
pub(crate) struct Shared {
    pub(crate) world: World,
    ticking: Ticking,
}

impl Shared {
    pub(crate) async fn start(database: Database, options: Options) -> Self {
        let world = World::start(database, options).await;
        world.connect_oauth().await.unwrap();
        world.stand_still();
        world.sandbox.log().clear();
        let ticking = Ticking::start(&world.clock, PACE_MS);
        Self { world, ticking }
    }

    /// From now on no time passes.
    pub(crate) fn freeze(&self) {
        self.ticking.0.abort();
    }

    pub(crate) async fn nodes(&self, count: u64) -> Vec<Node> {
        join_all((0..count).map(|number| self.node(number))).await
    }

    pub(crate) async fn node(&self, number: u64) -> Node {
        self.node_over(number, Arc::new(self.world.transport())).await
    }

    /// A node that reaches Drift this way.
    pub(crate) async fn node_over(&self, number: u64, transport: Arc<dyn Transport>) -> Node {
        let node = Node::open(&self.place(), number, transport).await;
        self.world.hurry.watch(node.db.clone());
        node
    }

    /// Where nodes are opened.
    pub(crate) fn place(&self) -> Place {
        let (url, config) = (self.world.database.url.clone(), self.world.config.clone());
        Place { url, config, clock: self.world.clock.clone() }
    }
}

/// A clock that goes as long as this is held.
pub(crate) struct Ticking(JoinHandle<()>);

impl Ticking {
    /// So many milliseconds with each of the machine's.
    pub(crate) fn start(clock: &FakeClock, pace_ms: i64) -> Self {
        let clock = clock.clone();
        Self(tokio::spawn(async move {
            loop {
                tokio::task::spawn_blocking(|| std::thread::sleep(std::time::Duration::from_millis(1)))
                    .await
                    .unwrap();
                clock.advance(pace_ms);
            }
        }))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a node is opened with.
#[derive(Clone)]
pub(crate) struct Place {
    url: DatabaseUrl,
    config: drift::Config,
    clock: FakeClock,
}

pub(crate) struct Node {
    pub(crate) db: Db,
    pub(crate) client: Client,
}

impl Node {
    pub(crate) async fn open(place: &Place, number: u64, transport: Arc<dyn Transport>) -> Self {
        let db = engines::open(&place.url).await;
        let key = Key::generate(&SeededEntropy::new(5));
        let clock: Arc<dyn Clock> = Arc::new(place.clock.clone());
        let connections = Connections {
            db: db.clone(),
            vault: Vault::new(key, Arc::new(SeededEntropy::new(1_000 + number))),
            config: place.config.clone(),
            seams: Seams {
                transport,
                clock,
                entropy: Arc::new(SeededEntropy::new(2_000 + number)),
                recorder: None,
            },
        };
        let client = connections.open(None).await.unwrap().client;
        Self { db, client }
    }

    /// So many callers at once; answers what went wrong.
    pub(crate) async fn call(&self, callers: usize) -> Vec<drift::Error> {
        let calls = (0..callers).map(|_| {
            let client = self.client.clone();
            async move { client.conversation_stats().await }
        });
        join_all(calls).await.into_iter().filter_map(Result::err).collect()
    }
}

/// All nodes' callers at once; answers what went wrong.
pub(crate) async fn call_all(nodes: &[Node], callers: usize) -> Vec<drift::Error> {
    join_all(nodes.iter().map(|node| node.call(callers))).await.into_iter().flatten().collect()
}

/// Where on its way a refresh stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before Drift has it.
    Asking,
    /// After Drift has answered, before the answer is here.
    Answered,
}

/// A transport on which the refresh stands still, until it is let go.
pub(crate) struct Held {
    pub(crate) inner: InProcess,
    pub(crate) stop: Stop,
    pub(crate) reached: AtomicBool,
    pub(crate) go: Notify,
}

impl Held {
    pub(crate) fn new(inner: InProcess, stop: Stop) -> Arc<Self> {
        Arc::new(Self { inner, stop, reached: AtomicBool::new(false), go: Notify::new() })
    }

    /// Ready once the refresh stands still.
    pub(crate) async fn standing(&self) {
        while !self.reached.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    async fn stand(&self, is_here: bool) {
        if is_here {
            self.reached.store(true, Ordering::SeqCst);
            self.go.notified().await;
        }
    }
}

impl Transport for Held {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let is_refresh = request.uri().path() == "/oauth2/token";
            self.stand(is_refresh && self.stop == Stop::Asking).await;
            let answer = self.inner.send(request, limits).await;
            self.stand(is_refresh && self.stop == Stop::Answered).await;
            answer
        })
    }
}
