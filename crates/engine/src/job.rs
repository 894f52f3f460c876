//! What a job is: a function of stored state, run under a lease.
//!
//! A job's payload says where to look, never what is true. A job may run twice, late, out of order, or end between any two
//! awaits; what it does outside carries a key. How it ended says what comes next: nothing else decides retries.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use model::{JobId, Millis, OrgId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::queue::{self, ClaimedJob, NewJob};
use store::{StoreError, Tx};

use crate::node::Node;

mod error;

pub use error::{Class, JobError};

/// How long a job may run unless its kind says otherwise, in milliseconds.
pub const DEADLINE_MS: u64 = 10 * 60 * 1_000;

/// One kind of work. Its serialized form is the payload.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// A verb, as it is stored and counted: `refresh_conversation`.
    const KIND: &'static str;
    /// One of [`store::queue::priority`].
    const PRIORITY: i64;
    /// How long a run may take, in milliseconds; it is dropped then, and tried again.
    const DEADLINE_MS: u64 = DEADLINE_MS;

    /// What it is done to: of one key one waits and one runs. Ids only.
    fn key(&self) -> String;

    /// Do it. Ends with [`JobContext::finish`], or with [`JobContext::done`] where nothing was written.
    fn run(&self, ctx: &JobContext) -> impl Future<Output = Result<Finished, JobError>> + Send;

    /// The row for [`store::queue::enqueue`].
    fn new_job(&self, node: &Node, order: Order) -> NewJob {
        NewJob {
            job_id: JobId::new(node.clock.as_ref(), node.entropy.as_ref()),
            kind: Self::KIND.to_owned(),
            org: order.org,
            key: self.key(),
            priority: Self::PRIORITY,
            due_at: order.due_at,
            payload: serde_json::to_string(self).expect("a payload is plain data with text keys"),
            signals: 1,
            trace: order.trace,
        }
    }
}

/// For whom a job is enqueued, and from when on it may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Whose data it works on.
    pub org: OrgId,
    /// Not before.
    pub due_at: Millis,
    /// The trace of what led to it.
    pub trace: Option<String>,
}

/// What a running job is given.
#[derive(Clone)]
pub struct JobContext {
    /// The node it runs on.
    pub node: Arc<Node>,
    /// The claim.
    pub job: Arc<ClaimedJob>,
}

/// The proof that a job was brought to its end.
#[derive(Debug)]
#[must_use = "a job returns it"]
pub struct Finished(pub(crate) End);

#[derive(Debug)]
pub(crate) enum End {
    /// In the job's own transaction.
    Committed,
    /// It wrote nothing: the worker completes it, together with others.
    Owed(String),
}

impl JobContext {
    /// Whose data the job works on.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.job.org
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.node.clock.now()
    }

    /// Begin a transaction that carries the job's trace.
    ///
    /// # Errors
    /// A retry, when the store failed.
    pub async fn begin(&self) -> Result<Tx, JobError> {
        let mut tx = self.node.db.begin().await.map_err(JobError::from_store)?;
        tx.set_trace(self.job.trace.clone());
        Ok(tx)
    }

    /// Complete the job in the transaction of what it wrote, and commit. `outcome` is one word for the history.
    ///
    /// # Errors
    /// [`JobError::LeaseLost`] when another worker has the job now: what was written is undone. A retry, when the store
    /// failed.
    pub async fn finish(&self, mut tx: Tx, outcome: &str) -> Result<Finished, JobError> {
        let completed = queue::complete(&mut tx, &self.job, outcome, self.now()).await;
        if let Err(StoreError::LeaseLost) = completed {
            tx.rollback().await.map_err(JobError::from_store)?;
            return Err(JobError::LeaseLost);
        }
        completed.map_err(JobError::from_store)?;
        tx.commit().await.map_err(JobError::from_store)?;
        Ok(Finished(End::Committed))
    }

    /// End a job that has nothing (more) to write; the worker completes many such jobs in one transaction.
    pub fn done(&self, outcome: &str) -> Finished {
        Finished(End::Owed(outcome.to_owned()))
    }
}

/// A run of some kind of job.
pub(crate) type Run<'a> = Pin<Box<dyn Future<Output = Result<Finished, JobError>> + Send + 'a>>;

/// A kind of job as the registry knows it.
#[derive(Clone, Copy)]
pub struct Kind {
    /// [`Job::KIND`].
    pub name: &'static str,
    /// [`Job::PRIORITY`].
    pub priority: i64,
    /// [`Job::DEADLINE_MS`].
    pub deadline_ms: u64,
    pub(crate) run: for<'a> fn(&'a JobContext) -> Run<'a>,
}

impl Kind {
    /// The kind of this type.
    #[must_use]
    pub const fn of<J: Job>() -> Self {
        Self { name: J::KIND, priority: J::PRIORITY, deadline_ms: J::DEADLINE_MS, run: run_payload::<J> }
    }
}

fn run_payload<J: Job>(ctx: &JobContext) -> Run<'_> {
    Box::pin(async move {
        let job: J = serde_json::from_str(&ctx.job.payload)
            .map_err(|_| JobError::fail(Class::Payload, "the stored payload is not of this kind"))?;
        job.run(ctx).await
    })
}
