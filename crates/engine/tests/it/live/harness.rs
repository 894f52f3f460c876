//! A world that is told of its changes: the sandbox's webhooks are parsed and appended as the gateway does it, then routed,
//! then worked on, with a clock that moves only when told.

use std::sync::Arc;

use drift::webhook::Event;
use engine::calls::CallBook;
use engine::clients::Clients;
use engine::exports::Exports;
use engine::job::Order;
use engine::jobs::REGISTRY;
use engine::{Job, Node, NodeLimits, Router, Scheduler, Settling, Worker};
use model::{EventId, Millis, OrgId, SeededEntropy};
use sandbox::{Options, RateLimit, Source, WebhookOptions};
use sinks::objects::{Bucket, ObjectAddress};
use sinks::{ExportOptions, SinkError};
use store::audit::Who;
use store::inbox::{self, NewEvent, Payload};
use store::queue;
use store::scheduled_exports::ScheduledExport;
use telemetry::Metrics;

use crate::engines::Database;
use crate::world::World;

/// Turns of delivering, routing and working until nothing is left, at most.
const ROUNDS_MAX: usize = 2_000;
/// The lease that a killed step leaves behind in a world of deaths, in milliseconds. Elsewhere a lease outlasts whatever a
/// clock that hurries does.
const MORTAL_LEASE_MS: i64 = 60_000;

/// A world with everything that `serve` runs.
pub(crate) struct Live {
    pub(crate) world: World,
    pub(crate) node: Arc<Node>,
    pub(crate) router: Arc<Router>,
    pub(crate) worker: Worker,
    pub(crate) scheduler: Scheduler,
    entropy: SeededEntropy,
}

/// A calm world of so many conversations, whose webhooks wait to be taken.
pub(crate) fn options(conversations: u64) -> Options {
    Options {
        source: Source::Generated { conversations },
        rate: RateLimit::none(),
        webhooks: WebhookOptions::collected(),
        ..Options::default()
    }
}

/// Scheduled exports to folders.
fn exports(world: &World) -> Exports {
    let nowhere = |address: ObjectAddress| -> Result<Bucket, SinkError> {
        Err(SinkError::UnknownDestination { scheme: address.provider().scheme().to_owned() })
    };
    let options = move |one: &ScheduledExport, now| {
        let options = ExportOptions::of_words(&one.options, &one.destination, Who::node(), &nowhere)?;
        let months = one.keep_months.and_then(|months| u32::try_from(months).ok()).unwrap_or(12_000);
        Ok(ExportOptions { selection: options.selection.keeping(months, now), ..options })
    };
    Exports { vault: world.connections().vault, options: Arc::new(options) }
}

impl Live {
    /// A connected and archived world.
    pub(crate) async fn archived(database: Database, options: Options) -> Self {
        Self::start(database, options).await.after_an_archive().await
    }

    /// The same, and what dies in it is taken over soon.
    pub(crate) async fn mortal(database: Database, options: Options) -> Self {
        let limits = NodeLimits { step_lease_ms: MORTAL_LEASE_MS, ..NodeLimits::default() };
        Self::start_within(database, options, limits).await.after_an_archive().await
    }

    async fn after_an_archive(self) -> Self {
        self.world.connect().await.unwrap();
        self.world.archive().await.unwrap();
        self.world.sandbox.log().clear();
        self
    }

    /// A world that nobody has connected.
    pub(crate) async fn start(database: Database, options: Options) -> Self {
        Self::start_within(database, options, NodeLimits::default()).await
    }

    /// The same within these bounds.
    pub(crate) async fn start_within(database: Database, options: Options, limits: NodeLimits) -> Self {
        let world = World::start(database, options).await;
        let metrics = Arc::new(Metrics::new());
        let book = Arc::new(CallBook::new(Arc::clone(&metrics)));
        let node = Arc::new(Node {
            exports: Some(exports(&world)),
            db: world.database.db.clone(),
            clock: Arc::new(world.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(17)),
            clients: Clients::new(world.connections(), book),
            metrics,
            settling: Settling::default(),
            webhooks: None,
            limits,
            stop: world.stop.watch(),
            host: "test".into(),
        });
        let router = Arc::new(Router::new(Arc::clone(&node)));
        let worker = Worker::new(Arc::clone(&node), REGISTRY);
        let scheduler = Scheduler::new(Arc::clone(&node), REGISTRY);
        Self { world, node, router, worker, scheduler, entropy: SeededEntropy::new(23) }
    }

    /// The world's organization.
    pub(crate) fn org(&self) -> OrgId {
        OrgId(self.world.sandbox.world().org_id())
    }

    /// Let happen what may happen to a world.
    pub(crate) fn change(&self, change: sandbox::world::Change) -> i64 {
        self.world.sandbox.world().change(&change, self.node.clock.now()).unwrap().conversation
    }

    /// Append the webhooks that are due, as the gateway does; answers how many were new.
    pub(crate) async fn deliver(&self) -> usize {
        let now = self.node.clock.now();
        let events: Vec<NewEvent> =
            self.world.sandbox.take_webhooks().iter().map(|one| self.received(&one.body, now)).collect();
        let mut new = 0;
        for batch in events.chunks(inbox::BATCH_MAX) {
            let appended = inbox::commit(&self.node.db, batch.to_vec()).await.unwrap();
            new += appended.iter().filter(|one| !one.duplicate).count();
        }
        new
    }

    fn received(&self, body: &[u8], now: Millis) -> NewEvent {
        let event = Event::parse(body).unwrap();
        let identity = event.identity();
        NewEvent {
            event_id: EventId::new(now, &self.entropy),
            org_id: event.org,
            connection_id: None,
            kind: event.kind.as_str().to_owned(),
            spelled: event.spelled.clone(),
            conversation_id: event.conversation,
            contact_id: event.contact,
            user_id: event.user,
            message_id: event.message,
            playbook_id: event.playbook,
            occurred_at: event.occurred_at,
            received_at: now,
            key: identity.key,
            window_ms: if identity.timed { 7 * 86_400_000 } else { 600_000 },
            facts: event.facts.as_ref().map(drift::webhook::EventFacts::to_json),
            payload: Payload::None,
            trace: None,
        }
    }

    /// Route everything that waits.
    pub(crate) async fn route(&self) -> usize {
        let mut routed = 0;
        loop {
            let once = self.router.route_once().await.unwrap();
            if once.events == 0 {
                return routed;
            }
            routed += once.events;
        }
    }

    /// One turn at this instant; answers how much there was to do.
    pub(crate) async fn turn(&self) -> usize {
        self.deliver().await + self.route().await + self.worker.step().await.unwrap()
    }

    /// Take turns and move the clock to whatever comes next, until nothing more does.
    pub(crate) async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            // Before the turn: a clock that hurries may pass in it by what comes due.
            let now = self.node.clock.now();
            if self.turn().await > 0 {
                continue;
            }
            let due = queue::next_due(&self.node.db, now).await.unwrap();
            let next = [self.world.sandbox.next_webhook_at(), due].into_iter().flatten().min();
            let Some(next) = next else { return };
            self.world.clock.advance(next.since(self.node.clock.now()).max(1));
        }
        panic!("the world does not settle");
    }

    /// Let time pass, with the schedules that come due in it.
    pub(crate) async fn pass(&self, ms: i64) {
        self.world.clock.advance(ms);
        self.scheduler.step().await.unwrap();
        self.settle().await;
    }

    /// Run a job now, and whatever follows from it.
    pub(crate) async fn run<J: Job>(&self, job: J) {
        let now = self.node.clock.now();
        let order = Order { org: self.org(), due_at: now, trace: None };
        let mut tx = self.node.db.begin().await.unwrap();
        queue::enqueue(&mut tx, &[job.new_job(&self.node, order)], now).await.unwrap();
        tx.commit().await.unwrap();
        self.settle().await;
    }

    /// The mirror is what Drift has.
    pub(crate) async fn assert_converged(&self, tale: &str) {
        let verification = self.world.verify().await;
        assert_eq!(verification.differences, vec![], "{tale}");
        assert!(verification.verified, "{tale}: {:?}", verification.unread);
        let dead = queue::dead_letters(&self.node.db, self.org(), None, 10).await.unwrap();
        assert!(dead.is_empty(), "{tale}: {dead:?}");
    }
}
