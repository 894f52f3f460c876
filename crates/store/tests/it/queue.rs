//! The queue's laws: folding, one of a key at a time, priorities, fairness, fencing, takeover, dead letters.

mod lease;
mod plans;
mod turn;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::{FakeClock, JobId, Millis, OrgId, SeededEntropy, WorkerId};
use store::archives;
use store::pauses::{self, Pause, Scope};
use store::queue::{self, Claim, ClaimedJob, DeadSelection, Enqueued, Failure, NewJob};
use store::workers::{self, LEASE_MS, Registered};
use store::{Db, StoreError};

use crate::engines::{Store, on_both, options, postgres, sqlite};

const NOW: Millis = Millis(1_785_000_000_000);
const KINDS: &[&str] = &["refresh", "sweep", archives::KIND];
const FAILURE: Failure = Failure { class: "server", reason: String::new() };

/// A desk at which a test works: ids from a seed.
struct Desk {
    entropy: SeededEntropy,
    clock: FakeClock,
}

impl Desk {
    fn new() -> Self {
        Self { entropy: SeededEntropy::new(5), clock: FakeClock::at(NOW) }
    }

    fn job(&self, org: i64, key: &str) -> NewJob {
        NewJob {
            job_id: JobId::new(&self.clock, &self.entropy),
            kind: "refresh".to_owned(),
            org: OrgId(org),
            key: key.to_owned(),
            priority: queue::priority::LIVE,
            due_at: NOW,
            payload: format!("{{\"key\":\"{key}\"}}"),
            signals: 1,
            trace: None,
        }
    }

    async fn worker(&self, db: &Db, now: Millis) -> WorkerId {
        let worker = WorkerId::new(&self.clock, &self.entropy);
        let mut tx = db.begin().await.unwrap();
        let new = Registered {
            worker: worker.clone(),
            host: "test".to_owned(),
            started_at: now,
            lease_until: now.plus(LEASE_MS),
        };
        workers::register(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        worker
    }
}

async fn enqueue(db: &Db, jobs: &[NewJob], now: Millis) -> Enqueued {
    let mut tx = db.begin().await.unwrap();
    let enqueued = queue::enqueue(&mut tx, jobs, now).await.unwrap();
    tx.commit().await.unwrap();
    enqueued
}

/// Asks for jobs of any organization, as many of each.
fn ask(worker: &WorkerId, limit: usize) -> Claim {
    let (worker, kinds, held) = (worker.clone(), Arc::from(KINDS), BTreeMap::new());
    Claim { worker, limit, kinds, per_org_max: limit, held, after: OrgId(i64::MIN) }
}

async fn try_claim(
    db: &Db,
    worker: &WorkerId,
    limit: usize,
    now: Millis,
) -> Result<Vec<ClaimedJob>, StoreError> {
    Ok(queue::claim(db, ask(worker, limit), now).await?.jobs)
}

async fn claim(db: &Db, worker: &WorkerId, limit: usize, now: Millis) -> Vec<ClaimedJob> {
    try_claim(db, worker, limit, now).await.unwrap()
}

async fn complete(db: &Db, job: &ClaimedJob, now: Millis) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    queue::complete(&mut tx, job, "done", now).await?;
    tx.commit().await
}

async fn retry(db: &Db, job: &ClaimedJob, due_at: Millis, now: Millis) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    queue::retry(&mut tx, job, &FAILURE, due_at, now).await?;
    tx.commit().await
}

async fn reap(db: &Db, attempts_max: i64, now: Millis) -> workers::Reaped {
    let mut tx = db.begin().await.unwrap();
    let reaped = workers::reap(&mut tx, attempts_max, now).await.unwrap();
    tx.commit().await.unwrap();
    reaped
}

fn keys(jobs: &[ClaimedJob]) -> Vec<&str> {
    jobs.iter().map(|job| job.key.as_str()).collect()
}

async fn states(store: &Store) -> Vec<String> {
    store.texts("SELECT state || ' ' || key FROM jobs ORDER BY state, key".to_owned()).await
}

#[tokio::test]
async fn signals_for_a_key_fold_into_the_job_that_waits() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let later = NewJob { due_at: NOW.plus(5_000), priority: 2, ..desk.job(1, "a") };
        let sooner = NewJob {
            due_at: NOW.plus(2_000),
            payload: "newest".to_owned(),
            trace: Some("t".to_owned()),
            ..desk.job(1, "a")
        };
        let other = NewJob { kind: "sweep".to_owned(), ..desk.job(1, "a") };
        let first = enqueue(db, &[later.clone(), other, desk.job(2, "a")], NOW).await;
        assert_eq!(first, Enqueued { inserted: 3, folded: 0 });
        let second = enqueue(db, &[sooner, desk.job(3, "b"), later], NOW.plus(1)).await;
        assert_eq!(second, Enqueued { inserted: 1, folded: 2 });

        let worker = desk.worker(db, NOW).await;
        let claimed = claim(db, &worker, 9, NOW.plus(2_000)).await;
        let job = claimed.iter().find(|job| job.org == OrgId(1) && job.kind == "refresh").unwrap();
        assert_eq!((job.signals, job.priority, job.due_at), (3, 0, NOW.plus(2_000)));
        assert_eq!((job.enqueued_at, job.signalled_at), (NOW, NOW.plus(1)));
        assert_eq!((job.payload.as_str(), job.trace.as_deref()), ("{\"key\":\"a\"}", Some("t")));
        assert_eq!(claimed.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn one_job_of_a_key_runs_at_a_time() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        enqueue(db, &[desk.job(1, "a"), desk.job(1, "b")], NOW).await;
        let first = claim(db, &worker, 1, NOW).await;
        assert_eq!(enqueue(db, &[desk.job(1, &first[0].key)], NOW).await.inserted, 1);
        let second = claim(db, &worker, 9, NOW).await;
        assert_ne!(keys(&first), keys(&second));
        assert_eq!(claim(db, &worker, 9, NOW).await, vec![]);
        complete(db, &first[0], NOW).await.unwrap();
        assert_eq!(keys(&claim(db, &worker, 9, NOW).await), keys(&first));
    })
    .await;
}

#[tokio::test]
async fn urgent_ones_come_first_and_nothing_before_it_is_due() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        let jobs: Vec<NewJob> = [("d", 3, 0), ("c", 2, -9), ("a", 0, 0), ("b", 1, -5), ("later", 0, 10)]
            .map(|(key, priority, due)| NewJob { priority, due_at: NOW.plus(due), ..desk.job(1, key) })
            .to_vec();
        enqueue(db, &jobs, NOW).await;
        assert_eq!(queue::next_due(db, NOW).await.unwrap(), Some(NOW.plus(10)));
        assert_eq!(queue::next_due(db, NOW.plus(10)).await.unwrap(), None);
        assert_eq!(keys(&claim(db, &worker, 2, NOW).await), ["a", "b"]);
        assert_eq!(keys(&claim(db, &worker, 9, NOW).await), ["c", "d"]);
        assert_eq!(keys(&claim(db, &worker, 9, NOW.plus(10)).await), ["later"]);
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_one_organization_takes_no_turn_of_another() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        let flood: Vec<NewJob> =
            (0..5_000).map(|n| NewJob { due_at: NOW.plus(-9_000), ..desk.job(1, &n.to_string()) }).collect();
        enqueue(db, &flood, NOW).await;
        enqueue(db, &[desk.job(2, "x"), desk.job(2, "y"), desk.job(3, "z")], NOW).await;
        let claimed = claim(db, &worker, 9, NOW).await;
        let of = |org| claimed.iter().filter(|job| job.org == OrgId(org)).count();
        assert_eq!((of(1), of(2), of(3)), (6, 2, 1));

        let held = BTreeMap::from([(OrgId(1), 6)]);
        let ask = Claim { per_org_max: 8, held, after: OrgId(1), ..ask(&worker, 9) };
        assert_eq!(queue::claim(db, ask.clone(), NOW).await.unwrap().jobs.len(), 2);
        let ask = Claim { kinds: Arc::new(["sweep"]), ..ask };
        assert_eq!(queue::claim(db, ask, NOW).await.unwrap().jobs, vec![]);
    })
    .await;
}

#[tokio::test]
async fn an_archive_is_seen_while_workers_take_it_and_hand_it_back() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        let mut tx = db.begin().await.unwrap();
        archives::ask(&mut tx, OrgId(1), &desk.clock, &desk.entropy).await.unwrap();
        tx.commit().await.unwrap();
        let working = async {
            for _ in 0..100 {
                let taken = claim(db, &worker, 1, NOW).await;
                let mut tx = db.begin().await.unwrap();
                assert_eq!(queue::hand_back(&mut tx, &taken, NOW).await.unwrap(), 1);
                tx.commit().await.unwrap();
            }
        };
        let looking = async {
            loop {
                let standing = archives::standing(db, OrgId(1)).await.unwrap();
                assert!(standing.job.is_some(), "an archive that was asked for is not seen");
            }
        };
        tokio::select! { () = working => {}, () = looking => {} }
    })
    .await;
}

#[tokio::test]
async fn a_job_that_ran_takes_in_the_signals_that_came_meanwhile() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        enqueue(db, &[desk.job(1, "a")], NOW).await;
        let job = claim(db, &worker, 1, NOW).await.remove(0);
        enqueue(db, &[NewJob { payload: "newer".to_owned(), ..desk.job(1, "a") }], NOW).await;
        retry(db, &job, NOW.plus(3_600_000), NOW).await.unwrap();
        assert_eq!(states(store).await, ["waiting a"]);
        // New hope, but not before it has cooled down for a minute; a further signal does not hurry it.
        assert_eq!(queue::next_due(db, NOW).await.unwrap(), Some(NOW.plus(60_000)));
        enqueue(db, &[desk.job(1, "a")], NOW.plus(1_000)).await;
        assert_eq!(queue::next_due(db, NOW).await.unwrap(), Some(NOW.plus(60_000)));
        let worker = desk.worker(db, NOW.plus(60_000)).await;
        let job = claim(db, &worker, 1, NOW.plus(60_000)).await.remove(0);
        assert_eq!((job.signals, job.attempt), (3, 2));
        let mut tx = db.begin().await.unwrap();
        assert_eq!(queue::hand_back(&mut tx, std::slice::from_ref(&job), NOW.plus(60_000)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(claim(db, &worker, 1, NOW.plus(60_000)).await[0].attempt, 2);
    })
    .await;
}

#[tokio::test]
async fn dead_letters_are_kept_listed_and_replayed() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        enqueue(db, &[desk.job(1, "a"), desk.job(1, "b"), desk.job(2, "a")], NOW).await;
        for job in claim(db, &worker, 9, NOW).await {
            let mut tx = db.begin().await.unwrap();
            let failure = Failure { class: "gone", reason: "no such thing".to_owned() };
            queue::bury(&mut tx, &job, &failure, NOW).await.unwrap();
            tx.commit().await.unwrap();
        }
        let dead = queue::dead_letters(db, OrgId(1), None, 9).await.unwrap();
        assert_eq!(dead.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((dead[0].error_class.as_str(), dead[0].attempts), ("gone", 1));
        assert_eq!(queue::dead_letters(db, OrgId(1), Some(&dead[0].job_id), 9).await.unwrap().len(), 1);
        let counts = queue::counts(db).await.unwrap();
        assert_eq!(counts.iter().map(|it| (it.org.0, it.jobs)).collect::<Vec<_>>(), [(1, 2), (2, 1)]);

        enqueue(db, &[desk.job(1, "a")], NOW).await;
        let replay = async |selection| {
            let mut tx = db.begin().await.unwrap();
            let replayed = queue::replay_dead(&mut tx, &selection, NOW).await.unwrap();
            tx.commit().await.unwrap();
            (replayed.inserted, replayed.folded)
        };
        assert_eq!(replay(DeadSelection::One(OrgId(2), dead[0].job_id.clone())).await, (0, 0));
        assert_eq!(replay(DeadSelection::One(OrgId(1), dead[0].job_id.clone())).await, (0, 1));
        assert_eq!(replay(DeadSelection::Kind(OrgId(1), "sweep".to_owned())).await, (0, 0));
        assert_eq!(replay(DeadSelection::All(OrgId(1))).await, (1, 0));
        let claimed = claim(db, &worker, 9, NOW).await;
        assert_eq!(
            claimed.iter().map(|job| (job.key.as_str(), job.attempt)).collect::<Vec<_>>(),
            [("a", 1), ("b", 1)]
        );
        for job in &claimed {
            complete(db, job, NOW).await.unwrap();
        }
        assert_eq!(states(store).await, ["dead a"]);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_outlives_its_workers_too_often_is_buried() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        enqueue(db, &[desk.job(1, "a")], NOW).await;
        for round in 0..3 {
            let at = NOW.plus(round * LEASE_MS);
            let worker = desk.worker(db, at).await;
            assert_eq!(claim(db, &worker, 1, at).await.len(), 1);
            reap(db, 3, at.plus(LEASE_MS)).await;
        }
        assert_eq!(states(store).await, ["dead a"]);
        assert_eq!(workers::list(db).await.unwrap(), vec![]);
    })
    .await;
}

#[tokio::test]
async fn what_is_paused_waits_and_goes_on_afterwards() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        let sweep = NewJob { kind: "sweep".to_owned(), ..desk.job(2, "s") };
        enqueue(db, &[desk.job(1, "a"), desk.job(2, "b"), sweep], NOW).await;
        let org = Scope::org(OrgId(1));
        let kind = Scope { org: None, kind: Some("sweep".to_owned()) };
        let mut tx = db.begin().await.unwrap();
        for (scope, until) in [(&org, None), (&kind, Some(NOW.plus(1_000)))] {
            let pause = Pause { scope: scope.clone(), reason: "why".to_owned(), since: NOW, until };
            pauses::pause(&mut tx, &pause).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(pauses::list(db, NOW).await.unwrap().len(), 2);
        assert_eq!(keys(&claim(db, &worker, 9, NOW).await), ["b"]);
        assert_eq!(keys(&claim(db, &worker, 9, NOW.plus(1_000)).await), ["s"]);
        let mut tx = db.begin().await.unwrap();
        assert!(pauses::resume(&mut tx, &org).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(keys(&claim(db, &worker, 9, NOW).await), ["a"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_claim_at_once_never_get_the_same_job() {
    on_both(async |store| {
        let desk = Desk::new();
        let jobs: Vec<NewJob> = (0..600).map(|n| desk.job(n % 3, &n.to_string())).collect();
        enqueue(&store.db, &jobs, NOW).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (db, worker) = (store.db.clone(), desk.worker(&store.db, NOW).await);
            tasks.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    match try_claim(&db, &worker, 20, NOW).await {
                        Ok(jobs) if jobs.is_empty() => return mine,
                        Ok(jobs) => mine.extend(jobs.into_iter().map(|job| job.job_id)),
                        Err(StoreError::Conflict { .. } | StoreError::Contention) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        let all: Vec<JobId> = tasks.join_all().await.into_iter().flatten().collect();
        // A claim that steps over rows of another may have ended early; what is left is claimed now.
        let worker = desk.worker(&store.db, NOW).await;
        let rest = claim(&store.db, &worker, 600, NOW).await;
        assert_eq!(all.len() + rest.len(), 600);
        assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 600 - rest.len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_rings_and_a_rollback_does_not() {
    use futures_util::FutureExt as _;
    use store::wake::{self, Channel};
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let (jobs, inbox) = (db.rung(Channel::Jobs), db.rung(Channel::Inbox));
        let (mut jobs, mut inbox) = (Box::pin(jobs), Box::pin(inbox));
        let mut tx = db.begin().await.unwrap();
        queue::enqueue(&mut tx, &[desk.job(1, "a")], NOW).await.unwrap();
        tx.rollback().await.unwrap();
        assert!(jobs.as_mut().now_or_never().is_none());
        enqueue(db, &[desk.job(1, "a")], NOW).await;
        jobs.await;
        assert!(inbox.as_mut().now_or_never().is_none());
        if store.file().is_some() {
            return;
        }
        let other = Db::open(&store.url, options()).await.unwrap();
        let clock: std::sync::Arc<dyn model::Clock> = std::sync::Arc::new(desk.clock.clone());
        let opened = other.rung(Channel::Changes);
        let listener = tokio::spawn(wake::listen(other.clone(), clock));
        opened.await;
        let rung = other.rung(Channel::Jobs);
        enqueue(db, &[desk.job(1, "b")], NOW).await;
        rung.await;
        listener.abort();
        let _ = listener.await;
        other.close().await;
    })
    .await;
}
