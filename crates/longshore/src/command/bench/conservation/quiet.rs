//! Waiting until nothing is left to do, and the one sweep.

use model::{Clock as _, JobId, Millis};
use store::consumers::{self, ConsumerKind};
use store::queue::{self, NewJob, priority};
use store::{StoreError, effects, inbox, signals, sweeps};

use super::{Stage, unexpected, unread};
use crate::failure::Failure;

/// How often it is looked, in milliseconds, and how often in a row nothing must be left.
const LOOK_MS: u64 = 250;
const LOOKS: u32 = 4;

/// What is left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Left {
    webhooks: bool,
    unrouted: i64,
    jobs: i64,
    owed: i64,
    behind: usize,
}

impl Left {
    const NOTHING: Self = Self { webhooks: false, unrouted: 0, jobs: 0, owed: 0, behind: 0 };
}

impl Stage<'_> {
    /// Wait until every webhook is posted and all of their work is done.
    pub(super) async fn rest(&mut self) -> Result<(), Failure> {
        let clock = self.app.clock.clone();
        let until = clock.now().plus(i64::try_from(self.args.patience).unwrap_or(i64::MAX / 1_000) * 1_000);
        let mut quiet = 0;
        while quiet < LOOKS {
            clock.sleep(LOOK_MS).await;
            // While a database starts again it cannot be asked.
            let left = self.left().await;
            quiet = if left.as_ref().is_ok_and(|left| *left == Left::NOTHING) { quiet + 1 } else { 0 };
            if let Some((number, said)) = self.fleet.died() {
                return Err(unexpected(format!("process {number} ended by itself; it said last: {said}")));
            }
            if clock.now() > until {
                return Err(unexpected(format!("it does not come to rest: {left:?} is left")));
            }
        }
        Ok(())
    }

    async fn left(&self) -> Result<Left, StoreError> {
        let jobs = queue::counts(&self.db).await?;
        Ok(Left {
            webhooks: !self.sender.is_done(),
            unrouted: inbox::counts(&self.db).await?.unrouted,
            jobs: jobs.iter().filter(|count| count.state != "dead").map(|count| count.jobs).sum(),
            owed: effects::owed_in_all(&self.db).await?,
            behind: consumers::behind(&self.db, ConsumerKind::Webhook, 1).await?.len(),
        })
    }

    /// Ask for a sweep, and wait until it and all that it found is done.
    pub(super) async fn sweep(&mut self) -> Result<(), Failure> {
        let asked_at = self.turned.now();
        self.ask_sweep(asked_at).await.map_err(|error| unread(&error))?;
        self.rest().await?;
        let last = sweeps::last(&self.db, self.org(), 20).await.map_err(|error| unread(&error))?;
        let done = last.iter().any(|sweep| sweep.started_at >= asked_at && sweep.finished_at.is_some());
        if done { Ok(()) } else { Err(unexpected("the sweep did not run")) }
    }

    async fn ask_sweep(&self, now: Millis) -> Result<(), StoreError> {
        let (clock, entropy) = (&self.turned, &*self.app.entropy);
        let job = NewJob {
            job_id: JobId::new(clock, entropy),
            kind: "sweep".to_owned(),
            org: self.org(),
            key: signals::ALL.to_owned(),
            priority: priority::SWEEP,
            due_at: now,
            payload: "{}".to_owned(),
            signals: 1,
            trace: None,
        };
        let mut tx = self.db.begin().await?;
        queue::enqueue(&mut tx, &[job], now).await?;
        tx.commit().await
    }
}
