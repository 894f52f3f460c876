//! How much of the budget is used while there is work for it.

use std::sync::{Arc, Mutex, PoisonError};

use model::Clock;
use sandbox::Sandbox;
use store::{Db, queue};
use tokio::task::JoinHandle;

use super::report::Budget;

/// How often it is looked, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// Refreshes that must wait, at both ends of a second, for it to count as busy.
const WAITING_MIN: i64 = 50;

#[derive(Debug, Default)]
struct Busy {
    ms: i64,
    calls: u64,
}

/// The task that looks; it ends when this is dropped.
pub(super) struct Watch {
    busy: Arc<Mutex<Busy>>,
    per_minute: u32,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub(super) fn start(sandbox: &Sandbox, db: &Db, clock: Arc<dyn Clock>, per_minute: u32) -> Self {
        let busy = Arc::default();
        let task = tokio::spawn(look(sandbox.clone(), db.clone(), clock, Arc::clone(&busy)));
        Self { busy, per_minute, task }
    }

    pub(super) fn budget(&self) -> Budget {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let busy_seconds = busy.ms as f64 / 1_000.0;
        let let_through = f64::from(self.per_minute) * busy_seconds / 60.0;
        Budget { per_minute: self.per_minute, busy_seconds, used: busy.calls as f64 / let_through.max(1.0) }
    }
}

async fn look(sandbox: Sandbox, db: Db, clock: Arc<dyn Clock>, busy: Arc<Mutex<Busy>>) {
    let accepted = || {
        let totals = sandbox.log().totals();
        totals.total - totals.refused_by_bucket
    };
    let mut last = (clock.now(), accepted(), false);
    loop {
        clock.sleep(LOOK_MS).await;
        let is_busy = is_busy(&db, &*clock).await;
        let now = (clock.now(), accepted(), is_busy);
        if last.2 && is_busy {
            let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
            busy.ms += now.0.since(last.0);
            busy.calls += now.1 - last.1;
        }
        last = now;
    }
}

async fn is_busy(db: &Db, clock: &dyn Clock) -> bool {
    let now = clock.now();
    let counts = queue::counts(db).await.unwrap_or_default();
    let waiting = counts.iter().filter(|count| count.state == "waiting" && count.due_at <= now);
    waiting.filter(|count| count.kind == "refresh_conversation").map(|count| count.jobs).sum::<i64>()
        >= WAITING_MIN
}
