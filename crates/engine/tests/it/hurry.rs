//! A clock that hurries: it moves to the next wait whenever there is nothing else to do, so that a run takes the machine's time
//! for its work and no time for its waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use model::FakeClock;
use store::Db;
use tokio::runtime::{Handle, RuntimeMetrics};

/// How often is looked.
const EVERY: Duration = Duration::from_micros(500);
/// Looks that see the same before it moves: without and with a statement under way, which may wait for the clock itself.
/// What a test does outside of any task is not seen.
const LOOKS: u32 = 2;
const LOOKS_BUSY: u32 = 100;

/// Moves a clock until it is stopped or dropped.
pub(crate) struct Hurry {
    stopped: Arc<AtomicBool>,
    stores: Arc<Mutex<Vec<Db>>>,
}

impl Hurry {
    /// Hurry on this runtime, whose tasks use this store.
    pub(crate) fn start(clock: FakeClock, db: Db) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let stores = Arc::new(Mutex::new(vec![db]));
        let hurry = Self { stopped: Arc::clone(&stopped), stores: Arc::clone(&stores) };
        let metrics = Handle::current().metrics();
        thread::spawn(move || {
            let (mut before, mut same) = (None, 0);
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(EVERY);
                let now = parked(&metrics).map(|parks| (parks, clock.waits_asked()));
                same = if now.is_some() && now == before { same + 1 } else { 0 };
                before = now;
                let is_busy = stores.lock().unwrap().iter().any(|db| db.connections_in_use() > 0);
                if same >= if is_busy { LOOKS_BUSY } else { LOOKS } {
                    clock.advance_to_next_sleeper();
                    same = 0;
                }
            }
        });
        hurry
    }

    /// Its tasks use this store, too.
    pub(crate) fn watch(&self, db: Db) {
        self.stores.lock().unwrap().push(db);
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How often its workers have parked and gone on, when all of them are parked and no task waits for one.
fn parked(metrics: &RuntimeMetrics) -> Option<u64> {
    let counts = (0..metrics.num_workers()).map(|worker| metrics.worker_park_unpark_count(worker));
    let parks: Option<u64> = counts.map(|count| (count % 2 == 1).then_some(count)).sum();
    parks.filter(|_| metrics.global_queue_depth() == 0)
}
