//! Fetch many things at once, store them in groups, lose at most a page of work.
//!
//! A [`Step`] says where its items come from, how one is fetched and how a group is stored. The pipeline keeps
//! `concurrency` fetches in flight, has at most one commit under way while the next group gathers (so groups grow
//! with load by themselves), and never holds more than `window` items that are fetched or being fetched but not
//! yet committed. That window is what a kill -9 can cost in repeated calls.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinError, JoinSet};

use crate::context::{Context, Stop};
use crate::error::EngineError;

/// One stage of a run: a source of items, a fetch, a commit.
pub(crate) trait Step: Send + Sync + 'static {
    /// What is to be fetched.
    type Item: Send + 'static;
    /// What came of it; refusals and failures of single items are values here, not errors.
    type Fetched: Send + 'static;

    /// The next items; `None` at the end. Called again only after the last call has returned.
    fn more(&self) -> impl Future<Output = Result<Option<Vec<Self::Item>>, EngineError>> + Send;
    /// Fetch one item.
    fn fetch(&self, item: Self::Item) -> impl Future<Output = Result<Self::Fetched, EngineError>> + Send;
    /// Store a group in one transaction. An empty group may come after an empty batch of items.
    fn commit(&self, group: Vec<Self::Fetched>) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Bytes that a fetched item holds in memory, where they are many.
    fn weight(_fetched: &Self::Fetched) -> usize {
        0
    }
}

/// Fetched bytes that wait for their commit, beyond which nothing new is fetched.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The bounds of a pipeline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Fetches in flight.
    pub concurrency: usize,
    /// Items between the start of their fetch and the end of their commit.
    pub window: usize,
}

impl Bounds {
    /// The bounds that the run was given.
    pub(crate) fn of(ctx: &Context) -> Self {
        Self { concurrency: ctx.limits.concurrency, window: ctx.limits.window }
    }
}

enum Done<S: Step> {
    More(Option<Vec<S::Item>>),
    Fetched(S::Fetched),
    Committed { count: usize, bytes: usize },
}

struct Running<S: Step> {
    step: Arc<S>,
    bounds: Bounds,
    tasks: JoinSet<Result<Done<S>, EngineError>>,
    backlog: VecDeque<S::Item>,
    ready: Vec<S::Fetched>,
    fetching: usize,
    uncommitted: usize,
    held_bytes: usize,
    asking: bool,
    ended: bool,
    committing: bool,
    flush: bool,
    /// To end fetches early when the run is asked to stop; commits are never ended early.
    fetches: VecDeque<AbortHandle>,
}

/// Run a step to its end.
///
/// # Errors
/// The first error of the step's functions, or [`EngineError::Stopped`] once what was fetched is stored.
pub(crate) async fn run<S: Step>(step: Arc<S>, bounds: Bounds, stop: &Stop) -> Result<(), EngineError> {
    let mut running = Running {
        step,
        bounds,
        tasks: JoinSet::new(),
        backlog: VecDeque::new(),
        ready: Vec::new(),
        fetching: 0,
        uncommitted: 0,
        held_bytes: 0,
        asking: false,
        ended: false,
        committing: false,
        flush: false,
        fetches: VecDeque::new(),
    };
    let mut stop = stop.clone();
    loop {
        running.ask();
        running.start_fetches();
        running.start_commit();
        if running.tasks.is_empty() {
            return Ok(());
        }
        tokio::select! {
            joined = running.tasks.join_next() => {
                let Some(joined) = joined else { return Ok(()) };
                if let Err(error) = running.take(joined) {
                    running.drain().await;
                    return Err(error);
                }
            }
            () = stop.wait() => {
                running.fetches.iter().for_each(AbortHandle::abort);
                running.drain().await;
                return Err(EngineError::Stopped);
            }
        }
    }
}

impl<S: Step> Running<S> {
    fn ask(&mut self) {
        if self.asking || self.ended || self.backlog.len() >= self.bounds.concurrency {
            return;
        }
        self.asking = true;
        let step = Arc::clone(&self.step);
        self.tasks.spawn(async move { step.more().await.map(Done::More) });
    }

    fn start_fetches(&mut self) {
        let Bounds { concurrency, window } = self.bounds;
        while self.fetching < concurrency && self.uncommitted < window && self.held_bytes < HELD_BYTES_MAX {
            let Some(item) = self.backlog.pop_front() else { return };
            self.fetching += 1;
            self.uncommitted += 1;
            let step = Arc::clone(&self.step);
            let handle = self.tasks.spawn(async move { step.fetch(item).await.map(Done::Fetched) });
            self.fetches.retain(|fetch| !fetch.is_finished());
            self.fetches.push_back(handle);
        }
    }

    fn start_commit(&mut self) {
        if self.committing || (self.ready.is_empty() && !self.flush) {
            return;
        }
        self.committing = true;
        self.flush = false;
        let group = std::mem::take(&mut self.ready);
        let (step, count) = (Arc::clone(&self.step), group.len());
        let bytes = group.iter().map(S::weight).sum();
        self.tasks.spawn(async move { step.commit(group).await.map(|()| Done::Committed { count, bytes }) });
    }

    fn take(&mut self, joined: Result<Result<Done<S>, EngineError>, JoinError>) -> Result<(), EngineError> {
        match joined.map_err(|error| EngineError::Task(error.to_string()))?? {
            Done::More(None) => {
                self.asking = false;
                self.ended = true;
            }
            Done::More(Some(items)) => {
                self.asking = false;
                self.flush |= items.is_empty();
                self.backlog.extend(items);
            }
            Done::Fetched(fetched) => {
                self.fetching -= 1;
                self.held_bytes += S::weight(&fetched);
                self.ready.push(fetched);
            }
            Done::Committed { count, bytes } => {
                self.committing = false;
                self.uncommitted -= count;
                self.held_bytes -= bytes;
            }
        }
        Ok(())
    }

    /// At the end: let what is under way end, store what was fetched, and drop the rest.
    async fn drain(mut self) {
        self.ended = true;
        self.backlog.clear();
        self.start_commit();
        while let Some(joined) = self.tasks.join_next().await {
            if self.take(joined).is_ok() {
                self.start_commit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::context::StopSwitch;

    /// Counts to `end` in pages of ten; item 13 fails when `poisoned`.
    struct Counting {
        next: AtomicUsize,
        end: usize,
        poisoned: bool,
        open: AtomicUsize,
        open_max: AtomicUsize,
        stored: Mutex<Vec<usize>>,
    }

    impl Counting {
        fn to(end: usize, poisoned: bool) -> Arc<Self> {
            Arc::new(Self {
                next: AtomicUsize::new(0),
                end,
                poisoned,
                open: AtomicUsize::new(0),
                open_max: AtomicUsize::new(0),
                stored: Mutex::new(Vec::new()),
            })
        }
    }

    impl Step for Counting {
        type Item = usize;
        type Fetched = usize;

        async fn more(&self) -> Result<Option<Vec<usize>>, EngineError> {
            let from = self.next.fetch_add(10, Ordering::SeqCst);
            Ok((from < self.end).then(|| (from..self.end.min(from + 10)).collect()))
        }

        async fn fetch(&self, item: usize) -> Result<usize, EngineError> {
            let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
            self.open_max.fetch_max(open, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.poisoned && item == 13 { Err(EngineError::Task("thirteen".into())) } else { Ok(item) }
        }

        async fn commit(&self, group: Vec<usize>) -> Result<(), EngineError> {
            self.open.fetch_sub(group.len(), Ordering::SeqCst);
            self.stored.lock().unwrap().extend(group);
            Ok(())
        }
    }

    const BOUNDS: Bounds = Bounds { concurrency: 4, window: 6 };

    #[tokio::test]
    async fn every_item_is_stored_once_and_the_window_holds() {
        let step = Counting::to(95, false);
        run(Arc::clone(&step), BOUNDS, &StopSwitch::new().watch()).await.unwrap();
        let mut stored = step.stored.lock().unwrap().clone();
        stored.sort_unstable();
        assert_eq!(stored, (0..95).collect::<Vec<_>>());
        assert!(step.open_max.load(Ordering::SeqCst) <= 6);
    }

    #[tokio::test]
    async fn an_error_ends_the_run_after_storing_what_was_fetched() {
        let step = Counting::to(95, true);
        let error = run(Arc::clone(&step), BOUNDS, &StopSwitch::new().watch()).await.unwrap_err();
        assert!(matches!(error, EngineError::Task(_)));
        let stored = step.stored.lock().unwrap();
        assert!(stored.len() >= 10 && !stored.contains(&13), "{stored:?}");
    }

    #[tokio::test]
    async fn a_stop_ends_the_run_before_its_end() {
        let (step, switch) = (Counting::to(95, false), StopSwitch::new());
        switch.set();
        let error = run(Arc::clone(&step), BOUNDS, &switch.watch()).await.unwrap_err();
        assert!(matches!(error, EngineError::Stopped));
        assert!(step.stored.lock().unwrap().len() < 95);
    }
}
