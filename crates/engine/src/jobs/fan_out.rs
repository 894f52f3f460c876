//! From the change feed to what is owed: one batch of changes for one consumer.
//!
//! In one transaction the effects become owed, their deliveries are put on the queue, and the cursor moves. So whatever
//! dies, each change is owed exactly once for each reading. A consumer that was resumed first gets the deliveries
//! back that it owed from before.

use std::collections::BTreeMap;

use model::EndpointId;
use serde::{Deserialize, Serialize};
use store::changes::{self, Change};
use store::consumers::{self, ConsumerState};
use store::queue::{self, NewJob, priority};
use store::{Tx, effects, endpoints};

use super::deliver::Deliver;
use crate::job::{Class, Finished, Job, JobContext, JobError, Order};

/// Changes read at once.
const BATCH: u32 = 500;
/// Deliveries put back on the queue in one transaction.
const LANES: u32 = 500;
/// The label under which metrics count this kind of consumer.
pub(crate) const CONSUMER_LABEL: &str = "webhook";

/// Read a consumer's next changes and owe their effects.
///
/// Safe to run twice: the cursor moves only from where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOut {
    /// The consumer's name.
    pub consumer: String,
}

impl Job for FanOut {
    const KIND: &'static str = "fan_out";
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.consumer.clone()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let (db, org) = (&ctx.node.db, ctx.org());
        let id = EndpointId(self.consumer.clone());
        let consumer = consumers::get(db, org, &self.consumer).await?;
        let (Some(consumer), Some(endpoint)) = (consumer, endpoints::get(db, org, &id).await?) else {
            return Ok(ctx.done("removed"));
        };
        match consumer.state {
            ConsumerState::Paused => return Ok(ctx.done("paused")),
            ConsumerState::Resuming => self.put_back(ctx).await?,
            ConsumerState::Active => {}
        }
        let read = changes::read(db, org, consumer.cursor, BATCH).await?;
        let wanted: Vec<&Change> =
            read.iter().filter(|change| effects::wanted(&endpoint.kinds, change)).collect();
        let mut tx = ctx.begin().await?;
        if consumer.state == ConsumerState::Resuming {
            consumers::resumed(&mut tx, org, &self.consumer).await?;
        }
        if let Some(last) = read.last() {
            if !consumers::advance(&mut tx, &consumer, last.seq, None, ctx.now()).await? {
                let reason = "the consumer was moved or paused meanwhile".to_owned();
                return Err(JobError::Retry { class: Class::Store, reason, after_ms: Some(0) });
            }
            effects::owe(&mut tx, org, &self.consumer, &wanted).await?;
        }
        let lanes: BTreeMap<i64, Option<&str>> =
            wanted.iter().map(|change| (effects::lane(change), change.trace.as_deref())).collect();
        self.enqueue(ctx, &mut tx, lanes).await?;
        if u32::try_from(read.len()).is_ok_and(|read| read == BATCH) {
            let next = self.new_job(&ctx.node, Order { org, due_at: ctx.now(), trace: None });
            queue::enqueue(&mut tx, &[next], ctx.now()).await?;
        }
        let finished = ctx.finish(tx, "read").await?;
        let metrics = &ctx.node.metrics;
        metrics.consumer_changes_read.of(CONSUMER_LABEL).inc_by(read.len() as u64);
        metrics.effects_owed.of(CONSUMER_LABEL).inc_by(wanted.len() as u64);
        Ok(finished)
    }
}

impl FanOut {
    /// Put the deliveries of everything that is owed from before back on the queue.
    async fn put_back(&self, ctx: &JobContext) -> Result<(), JobError> {
        let mut after = None;
        loop {
            let lanes = effects::owed_lanes(&ctx.node.db, ctx.org(), &self.consumer, after, LANES).await?;
            let Some(last) = lanes.last() else { return Ok(()) };
            after = Some(*last);
            let mut tx = ctx.begin().await?;
            self.enqueue(ctx, &mut tx, lanes.into_iter().map(|lane| (lane, None)).collect()).await?;
            tx.commit().await?;
        }
    }

    /// One delivery for each lane, with the trace of its last change.
    async fn enqueue(
        &self,
        ctx: &JobContext,
        tx: &mut Tx,
        lanes: BTreeMap<i64, Option<&str>>,
    ) -> Result<(), JobError> {
        let now = ctx.now();
        let jobs: Vec<NewJob> = lanes
            .into_iter()
            .map(|(lane, trace)| {
                let order = Order { org: ctx.org(), due_at: now, trace: trace.map(str::to_owned) };
                Deliver { endpoint: EndpointId(self.consumer.clone()), lane }.new_job(&ctx.node, order)
            })
            .collect();
        queue::enqueue(tx, &jobs, now).await?;
        Ok(())
    }
}
