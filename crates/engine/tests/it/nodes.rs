//! Several nodes keep one budget together, through a real store on each engine. Time is the fake clock's, which stands
//! still while a draw is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drift::{Allowance, AllowanceError, Auth, Client, Config, Kept, Lane, Pace, Seams};
use engine::budget::StoreAllowance;
use futures_util::future::BoxFuture;
use model::{Clock, FakeClock, OrgId, Secret, SeededEntropy};
use sandbox::{Options, RateLimit, Sandbox};
use tokio::task::JoinSet;

use crate::engines::Database;
use crate::transport::{InProcess, NotFound};
use crate::world::NOW;

const CALLERS: usize = 16;
/// Looks, a millisecond apart, at which nobody asked for time, before time moves: on a busy machine one proves little.
const QUIET_LOOKS: u32 = 4;

/// A store's allowance that tells how many draws are under way.
struct Watched {
    store: StoreAllowance,
    under_way: Arc<AtomicUsize>,
}

struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Allowance for Watched {
    fn read(&self, lane: Lane) -> BoxFuture<'_, Result<Kept, AllowanceError>> {
        Box::pin(async move {
            let _under_way = UnderWay::begin(&self.under_way);
            self.store.read(lane).await
        })
    }

    fn replace(&self, lane: Lane, version: i64, text: String) -> BoxFuture<'_, Result<bool, AllowanceError>> {
        Box::pin(async move {
            let _under_way = UnderWay::begin(&self.under_way);
            self.store.replace(lane, version, text).await
        })
    }
}

/// Nodes on one database, and the sandbox they call.
struct Nodes {
    sandbox: Sandbox,
    clock: FakeClock,
    database: Database,
    under_way: Arc<AtomicUsize>,
    not_found: NotFound,
}

impl Nodes {
    fn start(database: Database, per_minute: u32) -> Self {
        let clock = FakeClock::at(NOW);
        let options = Options { rate: RateLimit::per_minute(per_minute), ..Options::default() };
        let sandbox =
            Sandbox::new(options, Arc::new(clock.clone()), Arc::new(SeededEntropy::new(1))).unwrap();
        Self { sandbox, clock, database, under_way: Arc::default(), not_found: NotFound::default() }
    }

    /// One more process, so to speak, with callers that always want to call; it dies when it is dropped.
    fn node(&self, assumed: u32) -> JoinSet<()> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let store = StoreAllowance::new(self.database.db.clone(), OrgId(1), Arc::clone(&clock));
        let allowance = Watched { store, under_way: Arc::clone(&self.under_way) };
        let transport = InProcess {
            router: self.sandbox.router(),
            not_found: Arc::clone(&self.not_found),
            silent: NotFound::default(),
        };
        let entropy = Arc::new(SeededEntropy::new(2));
        let seams = Seams { transport: Arc::new(transport), clock, entropy, recorder: None };
        let config = Config::at("http://driftapi.com").unwrap().per_minute(Some(assumed));
        let pace =
            Pace::shared(&config, Arc::clone(&seams.clock), Arc::clone(&seams.entropy), Arc::new(allowance));
        let token = Secret::new(self.sandbox.private_token());
        let client = Client::sharing(config, seams, Auth::Private(token), pace).unwrap();
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let client = client.clone();
            callers.spawn(async move {
                loop {
                    client.users().await.unwrap();
                }
            });
        }
        callers
    }

    /// Let so many seconds pass. The calls that were taken and refused in them, and the part of the budget used.
    async fn seconds(&self, seconds: i64) -> Tally {
        let (before, from) = (self.sandbox.log().totals(), self.clock.now());
        let (mut asked, mut quiet) = (self.clock.waits_asked(), 0);
        while self.clock.now().since(from) < seconds * 1_000 {
            tokio::task::spawn_blocking(|| std::thread::sleep(std::time::Duration::from_millis(1)))
                .await
                .unwrap();
            let now = self.clock.waits_asked();
            let is_quiet = now == asked && self.under_way.load(Ordering::SeqCst) == 0;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if quiet >= QUIET_LOOKS {
                self.clock.advance_to_next_sleeper();
                quiet = 0;
            }
            asked = now;
        }
        let after = self.sandbox.log().totals();
        let refused = after.refused_by_bucket - before.refused_by_bucket;
        let minutes = self.clock.now().since(from) as f64 / 60_000.0;
        Tally { taken: (after.total - before.total - refused) as f64, refused: refused as f64, minutes }
    }
}

#[derive(Debug)]
struct Tally {
    taken: f64,
    refused: f64,
    minutes: f64,
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_use_up_one_budget_and_never_overdraw_it_even_when_one_dies() {
    for database in Database::each().await {
        let nodes = Nodes::start(database, 600);
        let (one, _two, _three) = (nodes.node(600), nodes.node(600), nodes.node(600));
        let together = nodes.seconds(20).await;
        drop(one);
        let without_one = nodes.seconds(20).await;
        println!("{together:?}, then {without_one:?}");
        for tally in [together, without_one] {
            assert!(tally.taken >= 0.95 * 600.0 * tally.minutes, "{tally:?}");
            assert!(tally.taken <= 600.0 * tally.minutes + 10.0, "{tally:?}");
            assert!(tally.refused == 0.0, "{tally:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_find_out_together_that_the_budget_is_half_of_what_they_assume() {
    for database in Database::each().await {
        let nodes = Nodes::start(database, 300);
        let (_one, _two, _three) = (nodes.node(600), nodes.node(600), nodes.node(600));
        let tally = nodes.seconds(120).await;
        println!("{tally:?}");
        let refused = tally.refused / (tally.taken + tally.refused);
        assert!(refused < 0.02, "{tally:?}");
        assert!(tally.taken >= 0.90 * 300.0 * tally.minutes, "{tally:?}");
    }
}
