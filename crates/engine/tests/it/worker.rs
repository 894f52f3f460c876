//! The worker on a clock that is turned by hand: retries, deaths, pauses, takeovers, and a simulation from a seed.

mod doubt;
mod flood;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use engine::calls::CallBook;
use engine::clients::Clients;
use engine::connection::Connections;
use engine::job::{Class, Job, Kind, Order};
use engine::{Finished, JobContext, JobError, Node, NodeLimits, Scheduler, Settling, StopSwitch, Worker};
use model::{Clock as _, Entropy, FakeClock, Millis, OrgId, SeededEntropy};
use serde::{Deserialize, Serialize};
use store::notices::{self, NewNotice};
use store::pauses::{self, Scope};
use store::queue;
use store::vault::{Key, Vault};
use telemetry::Metrics;

use crate::engines::Database;

const NOW: Millis = Millis(1_785_000_000_000);
const REGISTRY: &[Kind] = &[Kind::of::<Scripted>(), Kind::of::<Nightly>()];

/// What a job is told to do when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Done,
    Retry,
    Fail,
    Pause,
    Panic,
    Hang,
    /// Wait for [`Script::open`], then finish in a transaction.
    Gate,
}

/// What the jobs of one test do, and what they did.
#[derive(Default)]
struct Script {
    acts: Mutex<HashMap<String, Vec<Act>>>,
    running: Mutex<HashSet<String>>,
    runs: Mutex<Vec<String>>,
    twice: Mutex<Vec<String>>,
    open: tokio::sync::Notify,
}

static SCRIPTS: Mutex<BTreeMap<u64, Arc<Script>>> = Mutex::new(BTreeMap::new());

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run under way; two of a key at once are found here, however the first one ends.
struct Running<'a>(&'a Script, String);

impl<'a> Running<'a> {
    fn begin(script: &'a Script, key: String) -> Self {
        if !lock(&script.running).insert(key.clone()) {
            lock(&script.twice).push(key.clone());
        }
        lock(&script.runs).push(key.clone());
        Self(script, key)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.0.running).remove(&self.1);
    }
}

#[derive(Serialize, Deserialize)]
struct Scripted {
    script: u64,
    name: String,
}

impl Job for Scripted {
    const KIND: &'static str = "scripted";
    const PRIORITY: i64 = queue::priority::LIVE;

    fn key(&self) -> String {
        self.name.clone()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let script = Arc::clone(&lock(&SCRIPTS)[&self.script]);
        let _running = Running::begin(&script, format!("{} {}", ctx.org(), self.name));
        let act = lock(&script.acts).get_mut(&self.name).and_then(Vec::pop).unwrap_or(Act::Done);
        tokio::task::yield_now().await;
        match act {
            Act::Done => Ok(ctx.done("done")),
            Act::Retry => Err(JobError::retry(Class::Server, "status 503")),
            Act::Fail => Err(JobError::fail(Class::Gone, "no such conversation")),
            Act::Pause => Err(JobError::Pause { reason: "revoked".to_owned(), until: None }),
            Act::Panic => panic!("as the script says"),
            Act::Hang => std::future::pending().await,
            Act::Gate => {
                script.open.notified().await;
                ctx.finish(ctx.begin().await?, "gated").await
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Nightly {}

impl Job for Nightly {
    const KIND: &'static str = "nightly";
    const PRIORITY: i64 = queue::priority::SWEEP;

    fn key(&self) -> String {
        String::new()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let mut tx = ctx.begin().await?;
        assert!(tx.trace().is_none());
        store::watermarks::set(&mut tx, ctx.org(), "nightly", ctx.now()).await?;
        ctx.finish(tx, "saved").await
    }
}

/// One test's store, clock and script.
struct Rig {
    database: Database,
    clock: FakeClock,
    entropy: Arc<SeededEntropy>,
    stop: StopSwitch,
    number: u64,
    script: Arc<Script>,
}

impl Rig {
    fn new(database: Database, seed: u64) -> Self {
        let script = Arc::new(Script::default());
        let mut scripts = lock(&SCRIPTS);
        let number = scripts.len() as u64;
        scripts.insert(number, Arc::clone(&script));
        drop(scripts);
        let entropy = Arc::new(SeededEntropy::new(seed));
        Self { database, clock: FakeClock::at(NOW), entropy, stop: StopSwitch::new(), number, script }
    }

    fn node(&self, clock: &FakeClock, limits: NodeLimits) -> Arc<Node> {
        let (entropy, metrics) = (Arc::clone(&self.entropy) as Arc<dyn Entropy>, Arc::<Metrics>::default());
        // Nothing is called: no job here has anything to ask.
        let connections = Connections {
            db: self.database.db.clone(),
            vault: Vault::new(Key::generate(entropy.as_ref()), Arc::clone(&entropy)),
            config: drift::Config::default(),
            seams: drift::Seams::system().unwrap(),
        };
        Arc::new(Node {
            exports: None,
            webhooks: None,
            db: self.database.db.clone(),
            clock: Arc::new(clock.clone()),
            entropy,
            clients: Clients::new(connections, Arc::new(CallBook::new(Arc::clone(&metrics)))),
            metrics,
            settling: Settling::default(),
            limits,
            stop: self.stop.watch(),
            host: "test".to_owned(),
        })
    }

    fn worker(&self) -> Worker {
        Worker::new(self.node(&self.clock, NodeLimits::default()), REGISTRY)
    }

    /// What the job of that name does, in order; afterwards it is done.
    fn script(&self, name: &str, acts: &[Act]) {
        lock(&self.script.acts).insert(name.to_owned(), acts.iter().rev().copied().collect());
    }

    async fn enqueue(&self, org: i64, name: &str) {
        let node = self.node(&self.clock, NodeLimits::default());
        let job = Scripted { script: self.number, name: name.to_owned() };
        let order = Order { org: OrgId(org), due_at: self.clock.now(), trace: None };
        let mut tx = node.db.begin().await.unwrap();
        let mut jobs = vec![job.new_job(&node, order)];
        jobs[0].due_at = self.clock.now();
        queue::enqueue(&mut tx, &jobs, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn runs(&self) -> usize {
        lock(&self.script.runs).len()
    }

    /// `(waiting, running, dead)`.
    async fn states(&self) -> (i64, i64, i64) {
        let counts = queue::counts(&self.database.db).await.unwrap();
        let sum = |state: &str| counts.iter().filter(|it| it.state == state).map(|it| it.jobs).sum();
        (sum("waiting"), sum("running"), sum("dead"))
    }

    /// Turn the clock in small steps until the condition holds, for at most that long on that clock.
    async fn turn_until(&self, ms: i64, mut holds: impl FnMut(&Self) -> bool) -> i64 {
        let began = self.clock.now();
        while !holds(self) {
            let turned = self.clock.now().since(began);
            assert!(turned < ms, "not within {ms} ms");
            self.clock.advance(100);
            self.quiet().await;
        }
        self.clock.now().since(began)
    }

    /// Wait until nobody has asked for time for a while: what the last turn of the clock led to has been done.
    async fn quiet(&self) {
        let mut asked = self.clock.waits_asked();
        loop {
            breathe(40).await;
            let now = self.clock.waits_asked();
            if now == asked {
                return;
            }
            asked = now;
        }
    }

    /// Wait for real work to come about, while the clock stands.
    async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..4_000 {
            if holds(self) {
                return;
            }
            breathe(5).await;
        }
        panic!("it did not come about");
    }
}

async fn breathe(ms: u64) {
    let pause = move || std::thread::sleep(std::time::Duration::from_millis(ms));
    tokio::task::spawn_blocking(pause).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_and_end_as_dead_letters() {
    for database in Database::each().await {
        let rig = Rig::new(database, 1);
        rig.script("twice", &[Act::Retry, Act::Panic]);
        rig.script("never", &[Act::Retry; 40]);
        rig.script("gone", &[Act::Fail]);
        for name in ["twice", "never", "gone", "well"] {
            rig.enqueue(1, name).await;
        }
        let worker = rig.worker();
        assert_eq!(worker.step().await.unwrap(), 4);
        assert_eq!(rig.states().await, (2, 0, 1));
        assert_eq!(worker.step().await.unwrap(), 0);
        let began = rig.clock.now();
        while let Some(next) = queue::next_due(&rig.database.db, rig.clock.now()).await.unwrap() {
            rig.clock.advance(next.since(rig.clock.now()));
            worker.step().await.unwrap();
        }
        assert!(rig.clock.now().since(began) > 48 * 3_600_000);
        assert_eq!(rig.states().await, (0, 0, 2));
        let dead = queue::dead_letters(&rig.database.db, OrgId(1), None, 9).await.unwrap();
        let mut told: Vec<_> =
            dead.iter().map(|it| (it.key.as_str(), it.error_class.as_str(), it.attempts)).collect();
        told.sort_unstable();
        assert_eq!(told, [("gone", "gone", 1), ("never", "server", 24)]);
        let key = ("scripted", "twice");
        let runs = queue::runs_of_key(&rig.database.db, OrgId(1), key, 9).await.unwrap();
        let told: Vec<_> = runs.iter().map(|run| (run.outcome.as_str(), run.error.as_deref())).collect();
        let panicked = ("retry", Some("panicked: panicked"));
        assert_eq!(told, [("done", None), panicked, ("retry", Some("server: status 503"))]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_that_stand_are_counted_by_kind() {
    for database in Database::each().await {
        let rig = Rig::new(database, 14);
        let mut tx = rig.database.db.begin().await.unwrap();
        for (kind, subject) in [("vendor", "sunset"), ("vendor", "errors"), ("of another version", "x")] {
            let notice = NewNotice { org: OrgId(1), kind, subject, message: "something" };
            notices::raise(&mut tx, &notice, rig.clock.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let node = rig.node(&rig.clock, NodeLimits::default());
        let worker = Worker::new(Arc::clone(&node), REGISTRY);
        let works = tokio::spawn(async move { worker.run().await });
        let told = |kind: &str, count: u32| {
            node.metrics.encode().contains(&format!("notices{{kind=\"{kind}\"}} {count}\n"))
        };
        rig.until(|_| told("vendor", 2) && told("other", 1)).await;
        rig.stop.set();
        works.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_organization_waits_until_it_is_resumed() {
    for database in Database::each().await {
        let rig = Rig::new(database, 2);
        rig.script("first", &[Act::Pause]);
        rig.enqueue(1, "first").await;
        assert_eq!(rig.worker().step().await.unwrap(), 1);
        rig.enqueue(1, "second").await;
        rig.enqueue(2, "other").await;
        assert_eq!(rig.worker().step().await.unwrap(), 1);
        assert_eq!(rig.states().await, (2, 0, 0));
        let pauses = pauses::list(&rig.database.db, rig.clock.now()).await.unwrap();
        assert_eq!(pauses[0].reason, "revoked");
        let mut tx = rig.database.db.begin().await.unwrap();
        pauses::resume(&mut tx, &Scope::org(OrgId(1))).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rig.worker().step().await.unwrap(), 2);
        let runs = queue::runs_of_key(&rig.database.db, OrgId(1), ("scripted", "first"), 9).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.attempt).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_hundred_jobs_all_run_again_within_ten_seconds() {
    for database in Database::each().await {
        let rig = Rig::new(database, 3);
        for number in 0..100 {
            let name = number.to_string();
            rig.script(&name, &[Act::Hang]);
            rig.enqueue(1, &name).await;
        }
        let limits = NodeLimits { concurrency: 128, per_org: 128, ..NodeLimits::default() };
        let victim = Worker::new(rig.node(&rig.clock, limits), REGISTRY);
        let killed = tokio::spawn(async move { victim.run().await });
        rig.until(|rig| rig.runs() == 100).await;
        let heir = rig.worker();
        let heir = tokio::spawn(async move { heir.run().await });
        killed.abort();
        let _ = killed.await;
        let took = rig.turn_until(10_000, |rig| rig.runs() == 200).await;
        assert!(took >= 4_000, "taken over before the lease ran out: {took} ms");
        rig.turn_until(5_000, |rig| lock(&rig.script.running).is_empty()).await;
        rig.stop.set();
        heir.await.unwrap();
        assert_eq!(rig.states().await, (0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_stopped_and_goes_on_completes_nothing() {
    for database in Database::each().await {
        let rig = Rig::new(database, 4);
        rig.script("a", &[Act::Gate, Act::Gate]);
        rig.enqueue(1, "a").await;
        // A process that is stopped is one whose clock stands still.
        let stopped_clock = FakeClock::at(NOW);
        let stopped = Worker::new(rig.node(&stopped_clock, NodeLimits::default()), REGISTRY);
        let stopped = tokio::spawn(async move { stopped.run().await });
        rig.until(|rig| rig.runs() == 1).await;
        // The stopped one's run is not seen as running here: two of a key are what this is about.
        lock(&rig.script.running).clear();
        let heir = rig.worker();
        let heir = tokio::spawn(async move { heir.run().await });
        rig.turn_until(10_000, |rig| rig.runs() == 2).await;
        stopped_clock.advance(30_000);
        rig.script.open.notify_waiters();
        rig.until(|rig| lock(&rig.script.running).is_empty()).await;
        let key = ("scripted", "a");
        for _ in 0..400 {
            if rig.states().await == (0, 0, 0) {
                break;
            }
            breathe(5).await;
        }
        let runs = queue::runs_of_key(&rig.database.db, OrgId(1), key, 9).await.unwrap();
        let told: Vec<_> = runs.iter().map(|run| (run.outcome.as_str(), run.attempt)).collect();
        assert_eq!(told, [("gated", 2), ("worker_lost", 1)]);
        rig.stop.set();
        heir.await.unwrap();
        stopped.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_stop_hands_back_what_has_not_ended() {
    for database in Database::each().await {
        let rig = Rig::new(database, 5);
        for number in 0..40 {
            rig.script(&number.to_string(), &[Act::Hang]);
            rig.enqueue(number % 2, &number.to_string()).await;
        }
        let limits = NodeLimits { lease_ms: 3_600_000, ..NodeLimits::default() };
        let worker = Worker::new(rig.node(&rig.clock, limits), REGISTRY);
        let task = tokio::spawn(async move { worker.run().await });
        rig.until(|rig| rig.runs() == 32).await;
        rig.stop.set();
        breathe(50).await;
        assert!(!task.is_finished(), "running jobs get their time");
        rig.until(|rig| {
            rig.clock.advance(1_000);
            task.is_finished()
        })
        .await;
        assert_eq!(rig.states().await, (40, 0, 0));
        assert_eq!(store::workers::list(&rig.database.db).await.unwrap(), vec![]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_was_missed_for_days_runs_once() {
    for database in Database::each().await {
        let rig = Rig::new(database, 6);
        let node = rig.node(&rig.clock, NodeLimits::default());
        let mut tx = node.db.begin().await.unwrap();
        let zone = ("0 3 * * *", "Europe/Berlin");
        engine::scheduler::set(&mut tx, (OrgId(1), "nightly"), zone, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let schedulers = [Scheduler::new(Arc::clone(&node), REGISTRY), Scheduler::new(node, REGISTRY)];
        assert_eq!(schedulers[0].step().await.unwrap(), 0);
        rig.clock.advance(5 * 86_400_000);
        let (one, other) = tokio::join!(schedulers[0].step(), schedulers[1].step());
        assert_eq!(one.unwrap() + other.unwrap(), 1);
        assert_eq!(rig.worker().step().await.unwrap(), 1);
        assert_eq!(schedulers[0].step().await.unwrap(), 0);
        rig.clock.advance(86_400_000);
        assert_eq!(schedulers[0].step().await.unwrap(), 1);
    }
}

/// From one seed: jobs come, workers live and die between any two awaits, the clock turns.
async fn live_through(seed: u64, database: Database) {
    let rig = Rig::new(database, seed);
    let dice = SeededEntropy::new(seed);
    for name in 0..12 {
        let acts: Vec<Act> = (0..dice.below(5))
            .map(|_| {
                [Act::Done, Act::Retry, Act::Panic, Act::Fail, Act::Done]
                    [usize::try_from(dice.below(5)).unwrap()]
            })
            .collect();
        rig.script(&name.to_string(), &acts);
    }
    for _ in 0..40 {
        match dice.below(4) {
            0 | 1 => {
                for _ in 0..dice.below(6) {
                    rig.enqueue(dice.below(3) as i64, &dice.below(12).to_string()).await;
                }
            }
            2 => rig.clock.advance(dice.below(20_000) as i64),
            _ => {
                let limits =
                    NodeLimits { step_lease_ms: 6_000, concurrency: 4, per_org: 3, ..NodeLimits::default() };
                let worker = Worker::new(rig.node(&rig.clock, limits), REGISTRY);
                let life = tokio::spawn(async move { worker.step().await });
                for _ in 0..dice.below(200) {
                    tokio::task::yield_now().await;
                }
                life.abort();
                let _ = life.await;
            }
        }
    }
    let worker = rig.worker();
    for _ in 0..200 {
        worker.step().await.unwrap();
        let (waiting, running, _) = rig.states().await;
        if waiting + running == 0 {
            break;
        }
        rig.clock.advance(3_600_000);
    }
    let (waiting, running, _) = rig.states().await;
    assert_eq!((waiting, running), (0, 0), "seed {seed}");
    assert_eq!(*lock(&rig.script.twice), Vec::<String>::new(), "seed {seed}: two of a key at once");
    for org in 0..3 {
        for letter in queue::dead_letters(&rig.database.db, OrgId(org), None, 99).await.unwrap() {
            assert_eq!(letter.error_class, "gone", "seed {seed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_every_job_ends_completed_or_dead() {
    for seed in 1..=4 {
        for database in Database::each().await {
            live_through(seed, database).await;
        }
    }
}
