//! What became of each kind of thing, kept with the run so that a resumed archive can still tell.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Millis, RunId};
use serde::{Deserialize, Serialize};
use store::{Db, Tx, failures};

use super::judge::Failure;
use super::plan;
use crate::context::Context;
use crate::error::{Doing, EngineError};

/// Failures read at once; more are tried again by the run after the next.
const FAILURES_PAGE: u32 = 100_000;

/// The account of one kind in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What the API said there is, by source.
    pub(crate) said: BTreeMap<String, u64>,
    pub(crate) fetched: u64,
    pub(crate) gone: u64,
    pub(crate) refused: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) done: bool,
}

impl Entry {
    /// An account of a kind that was read to its end.
    pub(crate) fn read(said: u64, source: &str) -> Self {
        let said = BTreeMap::from([(source.to_owned(), said)]);
        let fetched = said.values().sum();
        Self { said, fetched, done: true, ..Self::default() }
    }

    /// An account of a kind that could not be read.
    pub(crate) fn failed(failure: &Failure) -> Self {
        let mut entry = Self { done: true, ..Self::default() };
        match failure {
            Failure::Gone => entry.reason = Some("the API has no such endpoint (404)".into()),
            Failure::Refused(scope) => entry.refused = Some(scope.clone()),
            Failure::Failed { reason, .. } => entry.reason = Some(reason.clone()),
        }
        entry
    }

    pub(crate) async fn load(db: &Db, run: &RunId, kind: &str) -> Result<Self, EngineError> {
        Ok(plan::load(db, run, &step(kind)).await?.unwrap_or_default())
    }

    pub(crate) async fn save(&self, tx: &mut Tx, run: &RunId, kind: &str) -> Result<(), EngineError> {
        plan::save(tx, run, &step(kind), None, self.done, self).await
    }

    pub(crate) async fn save_alone(&self, ctx: &Context, run: &RunId, kind: &str) -> Result<(), EngineError> {
        let mut tx = ctx.db.begin().await.doing("save the checkpoint")?;
        self.save(&mut tx, run, kind).await?;
        tx.commit().await.doing("save the checkpoint")
    }
}

fn step(kind: &str) -> String {
    format!("kind:{kind}")
}

/// Write down that one thing could not be fetched; refusals and failures are tried again by the next run.
pub(crate) async fn note_failure(
    ctx: &Context,
    tx: &mut Tx,
    kind: &str,
    key: &str,
    failure: &Failure,
    now: Millis,
) -> Result<(), EngineError> {
    let (class, reason) = match failure {
        Failure::Gone => ("gone", "Drift answered 404".to_owned()),
        Failure::Refused(scope) => ("scope", format!("the token lacks the scope {scope}")),
        Failure::Failed { class, reason } => (*class, reason.clone()),
    };
    failures::record(tx, ctx.org, kind, key, class, &reason, now).await.doing("write down a failure")
}

/// Write down that it could be fetched after all.
pub(crate) async fn clear_failure(
    ctx: &Context,
    tx: &mut Tx,
    kind: &str,
    key: &str,
) -> Result<(), EngineError> {
    failures::clear(tx, ctx.org, kind, key).await.doing("clear a failure").map(drop)
}

/// The keys of a kind that an earlier attempt failed on.
pub(crate) async fn failed_keys(ctx: &Context, kind: &str) -> Result<HashSet<String>, EngineError> {
    Ok(known(ctx, kind).await?.into_iter().map(|failure| failure.key).collect())
}

/// The keys of a kind that failed since `since` in a way that another attempt will not mend.
pub(crate) async fn hopeless_keys(
    ctx: &Context,
    kind: &str,
    since: Millis,
) -> Result<HashSet<String>, EngineError> {
    let known = known(ctx, kind).await?.into_iter();
    Ok(known.filter(|one| one.class == "permanent" && one.last_at >= since).map(|one| one.key).collect())
}

async fn known(ctx: &Context, kind: &str) -> Result<Vec<failures::Failure>, EngineError> {
    failures::list(&ctx.db, ctx.org, Some(kind), FAILURES_PAGE).await.doing("read the failures")
}

/// The running account of one kind while a step works on it.
pub(crate) struct Account {
    kind: &'static str,
    entry: Mutex<Entry>,
    failed_before: HashSet<String>,
}

impl Account {
    /// Go on with what earlier processes counted.
    pub(crate) async fn open(ctx: &Context, run: &RunId, kind: &'static str) -> Result<Self, EngineError> {
        let entry = Entry::load(&ctx.db, run, kind).await?;
        Ok(Self { kind, entry: Mutex::new(entry), failed_before: failed_keys(ctx, kind).await? })
    }

    /// Whether the API refused this kind: no more of it is asked for.
    pub(crate) fn is_refused(&self) -> bool {
        self.entry().refused.is_some()
    }

    /// One of the kind was fetched; an older failure of it is taken back.
    pub(crate) async fn fetched(&self, ctx: &Context, tx: &mut Tx, key: &str) -> Result<(), EngineError> {
        self.entry().fetched += 1;
        if self.failed_before.contains(key) {
            clear_failure(ctx, tx, self.kind, key).await?;
        }
        Ok(())
    }

    /// One of the kind could not be fetched.
    pub(crate) async fn failed(
        &self,
        ctx: &Context,
        tx: &mut Tx,
        key: &str,
        failure: &Failure,
    ) -> Result<(), EngineError> {
        {
            let mut entry = self.entry();
            match failure {
                Failure::Gone => entry.gone += 1,
                Failure::Refused(scope) => entry.refused = Some(scope.clone()),
                Failure::Failed { .. } => {}
            }
        }
        if matches!(failure, Failure::Refused(_)) {
            return Ok(());
        }
        note_failure(ctx, tx, self.kind, key, failure, ctx.clock.now()).await
    }

    /// Save the account in the transaction of its rows.
    pub(crate) async fn save(&self, tx: &mut Tx, run: &RunId) -> Result<(), EngineError> {
        let entry = self.entry().clone();
        entry.save(tx, run, self.kind).await
    }

    fn entry(&self) -> MutexGuard<'_, Entry> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
