//! A worker's turn: what has ended is completed and what is next is claimed, all or nothing.

use store::queue::{Done, Run, Turn};
use store::wake::Channel;

use super::*;

fn done(job: &ClaimedJob) -> Done {
    Done { job: Arc::new(job.clone()), outcome: "done".to_owned() }
}

/// A run that was done when it was claimed.
fn run_of(job: &ClaimedJob) -> Run {
    Run {
        job_id: job.job_id.clone(),
        kind: job.kind.clone(),
        key: job.key.clone(),
        worker: job.worker.clone(),
        attempt: job.attempt,
        signals: job.signals,
        claimed_at: job.claimed_at,
        ended_at: job.claimed_at,
        outcome: "done".to_owned(),
        error: None,
        trace: job.trace.clone(),
    }
}

#[tokio::test]
async fn many_are_completed_at_once_and_lost_ones_are_told() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        let trace = Some("of a webhook".to_owned());
        let job = |n: i64| NewJob { trace: trace.clone(), ..desk.job(n % 7, &n.to_string()) };
        enqueue(db, &(0..300).map(job).collect::<Vec<_>>(), NOW).await;
        let mut claimed = claim(db, &worker, 300, NOW).await;
        claimed[7].lease_number += 1;
        let done: Vec<Done> = claimed.iter().map(done).collect();
        let claim = ask(&worker, 0);
        let plan = move || (Turn { now: NOW, done, looks_back: true, claim }, "told");
        let (turned, told) = queue::turn(db, plan).await.unwrap();
        assert_eq!((turned.lost, told), (vec![claimed[7].job_id.clone()], "told"));
        assert_eq!(turned.held.iter().map(|job| &job.job_id).collect::<Vec<_>>(), [&claimed[7].job_id]);
        assert_eq!(states(store).await.len(), 1);
        let runs = queue::runs_of_key(db, claimed[8].org, (&claimed[8].kind, &claimed[8].key), 9).await;
        assert_eq!(runs.unwrap(), [run_of(&claimed[8])]);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(queue::prune(&mut tx, NOW).await.unwrap(), 0);
        assert_eq!(queue::prune(&mut tx, NOW.plus(1)).await.unwrap(), 299);
    })
    .await;
}

#[tokio::test]
async fn what_ends_and_what_is_next_is_one_transaction() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let worker = desk.worker(db, NOW).await;
        enqueue(db, &[desk.job(1, "a"), desk.job(1, "b")], NOW).await;
        let first = claim(db, &worker, 1, NOW).await;
        let turn = Turn { now: NOW, done: vec![done(&first[0])], looks_back: false, claim: ask(&worker, 9) };
        let late = Turn { now: NOW.plus(LEASE_MS), ..turn.clone() };
        let refused = queue::turn(db, move || (late, ())).await.unwrap_err();
        assert!(matches!(refused, StoreError::LeaseLost), "{refused}");
        assert_eq!(states(store).await, ["running a", "waiting b"]);
        let (turned, ()) = queue::turn(db, move || (turn, ())).await.unwrap();
        assert_eq!((turned.lost, keys(&turned.claimed.jobs)), (vec![], vec!["b"]));
        assert_eq!(states(store).await, ["running b"]);
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_waits_for_whoever_writes_is_decided_when_that_has_been_committed() {
    let store = sqlite().await;
    let (db, desk) = (&store.db, Desk::new());
    let worker = desk.worker(db, NOW).await;
    let mut bell = db.bell(Channel::Jobs);
    let mut tx = db.begin().await.unwrap();
    queue::enqueue(&mut tx, &[desk.job(1, "a")], NOW).await.unwrap();
    let claim = ask(&worker, 9);
    let mut turn = Box::pin(queue::turn(db, move || {
        (Turn { now: NOW, done: vec![], looks_back: false, claim }, bell.has_rung())
    }));
    assert!(futures_util::poll!(&mut turn).is_pending());
    tx.commit().await.unwrap();
    let (turned, has_rung) = turn.await.unwrap();
    assert_eq!((keys(&turned.claimed.jobs), has_rung), (vec!["a"], true));
    store.end().await;
}
