//! PostgreSQL plans a statement for good after some runs of it: what was planned while little or nothing waited must not read
//! everything once there is a flood.

use super::*;
use crate::engines::postgres;

/// More than the runs after which a session keeps its plan.
const RUNS: usize = 12;
const FLOOD: usize = 3_000;
/// Looks at the server's statistics, which it keeps a little late.
const LOOKS_MAX: u32 = 400;

#[tokio::test]
async fn what_was_planned_for_an_empty_queue_reads_no_whole_flood() {
    let Some(store) = postgres().await else { return };
    let (db, desk) = (&store.db, Desk::new());
    let worker = desk.worker(db, NOW).await;
    for run in 0..RUNS {
        store.tamper("VACUUM (ANALYZE) jobs").await;
        enqueue(db, &[desk.job(1, &run.to_string())], NOW).await;
        let claimed = claim(db, &worker, 9, NOW).await;
        complete(db, &claimed[0], NOW).await.unwrap();
    }
    reads_little_of_a_flood(&store, &desk, &worker).await;
    store.end().await;
}

#[tokio::test]
async fn what_was_planned_for_a_few_hundred_jobs_reads_no_whole_flood() {
    let Some(store) = postgres().await else { return };
    let (db, desk) = (&store.db, Desk::new());
    let worker = desk.worker(db, NOW).await;
    let few: Vec<NewJob> = (0..300).map(|number| desk.job(1, &number.to_string())).collect();
    enqueue(db, &few, NOW).await;
    store.tamper("VACUUM (ANALYZE) jobs").await;
    for _ in 0..RUNS {
        let claimed = claim(db, &worker, 5, NOW).await;
        complete(db, &claimed[0], NOW).await.unwrap();
    }
    reads_little_of_a_flood(&store, &desk, &worker).await;
    store.end().await;
}

async fn reads_little_of_a_flood(store: &Store, desk: &Desk, worker: &WorkerId) {
    let db = &store.db;
    let flood: Vec<NewJob> = (0..FLOOD).map(|number| desk.job(1, &format!("flood {number}"))).collect();
    enqueue(db, &flood, NOW).await;
    for _ in 0..RUNS {
        let claimed = claim(db, worker, 5, NOW).await;
        assert_eq!(claimed.len(), 5);
        complete(db, &claimed[0], NOW).await.unwrap();
    }
    db.close().await;
    let of_jobs = "FROM pg_stat_user_tables WHERE relname = 'jobs'";
    // A session has told all when it is gone.
    let told = format!(
        "SELECT 'yes' {of_jobs} AND n_tup_ins >= {FLOOD} AND NOT EXISTS (SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'longshore')"
    );
    let mut looks = 0;
    while store.texts(told.clone()).await.is_empty() {
        looks += 1;
        assert!(looks < LOOKS_MAX, "the server tells no statistics");
        let pause = || std::thread::sleep(std::time::Duration::from_millis(25));
        tokio::task::spawn_blocking(pause).await.unwrap();
    }
    let read = async |column: &str| {
        let rows = store.texts(format!("SELECT CAST({column} AS TEXT) {of_jobs}")).await;
        rows[0].parse::<usize>().unwrap()
    };
    let read = (read("seq_tup_read").await, read("idx_tup_fetch").await);
    assert!(read.0 == 0 && read.1 < FLOOD, "read in full, and by an index: {read:?}");
}
