//! A worker's lease: who has lost it can do nothing more, who lives keeps it, and who says nothing keeps nobody waiting.

use std::sync::Mutex;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::*;

#[tokio::test]
async fn a_worker_whose_lease_ran_out_can_neither_extend_nor_complete() {
    on_both(async |store| {
        let (db, desk) = (&store.db, Desk::new());
        let (stopped, living) = (desk.worker(db, NOW).await, desk.worker(db, NOW.plus(5_000)).await);
        enqueue(db, &[desk.job(1, "a")], NOW).await;
        let held = claim(db, &stopped, 1, NOW).await.remove(0);
        let end = NOW.plus(LEASE_MS);
        assert!(matches!(complete(db, &held, end).await, Err(StoreError::LeaseLost)));
        workers::heartbeat(db, &living, LEASE_MS, move || end.plus(1)).await.unwrap();
        let extended = workers::heartbeat(db, &stopped, LEASE_MS, move || end).await;
        assert!(matches!(extended, Err(StoreError::LeaseLost)));
        let registered = workers::list(db).await.unwrap();
        let until = |id: &WorkerId| registered.iter().find(|it| it.worker == *id).map(|it| it.lease_until);
        assert_eq!((until(&stopped), until(&living)), (Some(end), Some(end.plus(1 + LEASE_MS))));
        assert!(workers::expired(db, end).await.unwrap());
        assert_eq!(reap(db, 24, end).await, workers::Reaped { workers: 1, jobs: 1 });
        assert!(!workers::expired(db, end).await.unwrap());

        let again = claim(db, &living, 1, end).await.remove(0);
        assert_eq!((again.attempt, again.lease_number > held.lease_number), (2, true));
        // Even with the time of before it was stopped.
        for late in [
            complete(db, &held, NOW).await,
            retry(db, &held, NOW, NOW).await,
            try_claim(db, &stopped, 1, NOW).await.map(drop),
        ] {
            assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
        }
        complete(db, &again, end).await.unwrap();
        assert_eq!(states(store).await, Vec::<String>::new());
        let runs = queue::runs_of_key(db, OrgId(1), ("refresh", "a"), 9).await.unwrap();
        let told: Vec<(&str, i64)> = runs.iter().map(|run| (run.outcome.as_str(), run.attempt)).collect();
        assert_eq!(told, [("done", 2), ("worker_lost", 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_does_not_stand_behind_all_who_write() {
    let store = sqlite().await;
    let (db, worker) = (&store.db, Desk::new().worker(&store.db, NOW).await);
    // Its thread is there.
    workers::heartbeat(db, &worker, LEASE_MS, || NOW).await.unwrap();
    let writers = 8;
    let order = Arc::new(Mutex::new(Vec::new()));
    let tx = db.begin().await.unwrap();
    let mut writing: FuturesUnordered<_> = (0..writers)
        .map(|_| async {
            let tx = db.begin().await.unwrap();
            order.lock().unwrap().push("job");
            tx.commit().await.unwrap();
        })
        .collect();
    assert!(futures_util::poll!(writing.next()).is_pending());
    let told = Arc::clone(&order);
    let mut beating = Box::pin(workers::heartbeat(db, &worker, LEASE_MS, move || {
        told.lock().unwrap().push("heartbeat");
        NOW
    }));
    assert!(futures_util::poll!(&mut beating).is_pending());
    tx.commit().await.unwrap();
    let (beat, ()) = tokio::join!(beating, writing.collect());
    beat.unwrap();
    let order = order.lock().unwrap().clone();
    let place = order.iter().position(|it| *it == "heartbeat").unwrap();
    assert!(order.len() == writers + 1 && place < writers, "{order:?}");
    store.end().await;
}

#[tokio::test]
async fn who_says_nothing_in_a_transaction_does_not_hold_for_long_what_is_to_be_taken_over() {
    let Some(store) = postgres().await else { return };
    let (db, desk) = (&store.db, Desk::new());
    let gone = desk.worker(db, NOW).await;
    enqueue(db, &[desk.job(1, "a")], NOW).await;
    let held = claim(db, &gone, 1, NOW).await.remove(0);
    // Its machine stood still in the middle of a completion, and its connection is as it was.
    let mut tx = db.begin().await.unwrap();
    queue::complete(&mut tx, &held, "done", NOW).await.unwrap();
    let end = NOW.plus(LEASE_MS);
    let mut reaped = reap(db, 24, end).await;
    assert_eq!(reaped, workers::Reaped { workers: 1, jobs: 0 }, "it is not waited for either");
    for _ in 0..400 {
        if reaped.jobs == 1 {
            break;
        }
        let pause = || std::thread::sleep(std::time::Duration::from_millis(50));
        tokio::task::spawn_blocking(pause).await.unwrap();
        reaped = reap(db, 24, end).await;
    }
    assert_eq!(reaped.jobs, 1);
    assert!(matches!(tx.commit().await, Err(StoreError::ConnectionLost)));
    assert_eq!(states(&store).await, ["waiting a"]);
    store.end().await;
}
