//! PostgreSQL plans a statement for good after some runs of it: what was planned while nearly nothing waited must not read
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
    let flood: Vec<NewJob> = (0..FLOOD).map(|number| desk.job(1, &format!("flood {number}"))).collect();
    enqueue(db, &flood, NOW).await;
    for _ in 0..RUNS {
        let claimed = claim(db, &worker, 5, NOW).await;
        assert_eq!(claimed.len(), 5);
        complete(db, &claimed[0], NOW).await.unwrap();
    }
    db.close().await;
    let written =
        format!("SELECT 'yes' FROM pg_stat_user_tables WHERE relname = 'jobs' AND n_tup_ins >= {FLOOD}");
    let mut looks = 0;
    while store.texts(written.clone()).await.is_empty() {
        looks += 1;
        assert!(looks < LOOKS_MAX, "the server tells no statistics");
        let pause = || std::thread::sleep(std::time::Duration::from_millis(25));
        tokio::task::spawn_blocking(pause).await.unwrap();
    }
    let read = "SELECT CAST(seq_tup_read AS TEXT) FROM pg_stat_user_tables WHERE relname = 'jobs'
        UNION ALL SELECT CAST(idx_tup_fetch AS TEXT) FROM pg_stat_user_tables WHERE relname = 'jobs'";
    let read: Vec<usize> =
        store.texts(read.to_owned()).await.iter().map(|rows| rows.parse().unwrap()).collect();
    assert!(read[0] == 0 && read[1] < FLOOD, "read in full, and by an index: {read:?}");
    store.end().await;
}
