//! Export runs stop, go on, end, and leave a record of what stands where.

use model::RunId;
use store::export_runs::{self, Asked, Ended, ExportPart, ExportState, NewExport};
use store::{Db, StoreError};

use crate::engines::on_both;
use crate::samples::{NOW, ORG, new_export};

const OUT: &str = "/data/out";

fn run(name: &str) -> RunId {
    RunId(name.to_owned())
}

fn part(table: &str, period: &str, rows: i64) -> ExportPart {
    ExportPart {
        table: table.to_owned(),
        period: period.to_owned(),
        file: format!("{table}-{period}"),
        rows,
        bytes: rows * 10,
        sha256: "00".to_owned(),
        digest: "11".to_owned(),
        changes_upto: 7,
    }
}

async fn start(db: &Db, name: &str, new: &NewExport<'_>) {
    let mut tx = db.begin().await.unwrap();
    export_runs::start(&mut tx, ORG, &run(name), new, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn end(db: &Db, name: &str, ended: Ended<'_>) {
    let mut tx = db.begin().await.unwrap();
    export_runs::end(&mut tx, ORG, &run(name), ended, NOW.plus(2)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn record(db: &Db, name: &str, part: &ExportPart) {
    let mut tx = db.begin().await.unwrap();
    export_runs::record_part(&mut tx, ORG, &run(name), part, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn unfinished(db: &Db) -> Option<RunId> {
    export_runs::unfinished(db, ORG, OUT).await.unwrap().map(|run| run.export_run_id)
}

const SUCCEEDED: Ended<'_> = Ended::Succeeded {
    counts: "{\"messages\":3}",
    bytes: 30,
    manifest: Some("{}"),
    signature: Some(b"signed"),
};

#[tokio::test]
async fn a_run_stops_and_goes_on_until_it_is_whole() {
    on_both(async |store| {
        let db = &store.db;
        start(db, "1", &new_export(OUT)).await;
        assert_eq!(unfinished(db).await, Some(run("1")), "it may have died");
        record(db, "1", &part("messages", "2026-01", 3)).await;
        end(db, "1", Ended::Paused).await;
        assert_eq!(unfinished(db).await, Some(run("1")));

        let mut tx = db.begin().await.unwrap();
        export_runs::take_up(&mut tx, ORG, &run("1")).await.unwrap();
        tx.commit().await.unwrap();
        end(db, "1", Ended::Failed("the disk is full")).await;
        let failed = export_runs::get(db, ORG, &run("1")).await.unwrap().unwrap();
        assert_eq!(
            (failed.state, failed.outcome.as_deref()),
            (ExportState::Failed, Some("failed: the disk is full"))
        );
        assert_eq!(unfinished(db).await, Some(run("1")));

        end(db, "1", SUCCEEDED).await;
        let whole = export_runs::last_succeeded(db, ORG, OUT).await.unwrap().unwrap();
        assert_eq!(
            (whole.state, whole.finished_at, whole.bytes),
            (ExportState::Succeeded, Some(NOW.plus(2)), Some(30))
        );
        assert_eq!((whole.counts.as_str(), whole.changes_upto), ("{\"messages\":3}", Some(7)));
        assert_eq!(whole.manifest.as_deref().zip(whole.signature), Some(("{}", b"signed".to_vec())));
        assert_eq!(unfinished(db).await, None);
        let mut tx = db.begin().await.unwrap();
        let again = export_runs::take_up(&mut tx, ORG, &run("1")).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_run_hears_what_is_asked_of_it_as_long_as_it_is_under_way() {
    on_both(async |store| {
        let db = &store.db;
        start(db, "1", &new_export(OUT)).await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(export_runs::note(&mut tx, ORG, &run("1"), "{}").await.unwrap(), None);
        assert!(export_runs::ask(&mut tx, ORG, &run("1"), Asked::Pause).await.unwrap());
        assert_eq!(export_runs::note(&mut tx, ORG, &run("1"), "{}").await.unwrap(), Some(Asked::Pause));
        export_runs::end(&mut tx, ORG, &run("1"), Ended::Paused, NOW).await.unwrap();
        assert!(!export_runs::ask(&mut tx, ORG, &run("1"), Asked::Cancel).await.unwrap());
        export_runs::take_up(&mut tx, ORG, &run("1")).await.unwrap();
        assert_eq!(export_runs::note(&mut tx, ORG, &run("1"), "{}").await.unwrap(), None);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_parts_on_record_are_those_that_stand() {
    on_both(async |store| {
        let db = &store.db;
        start(db, "1", &new_export(OUT)).await;
        for one in [part("messages", "2026-02", 2), part("messages", "2026-01", 1), part("users", "all", 1)] {
            record(db, "1", &one).await;
        }
        record(db, "1", &part("messages", "2026-02", 5)).await;
        let parts = export_runs::parts(db, ORG, &run("1")).await.unwrap();
        assert_eq!(
            parts,
            [part("messages", "2026-01", 1), part("messages", "2026-02", 5), part("users", "all", 1)]
        );
        end(db, "1", SUCCEEDED).await;

        start(db, "2", &new_export(OUT)).await;
        record(db, "2", &part("messages", "2026-02", 9)).await;
        let mut tx = db.begin().await.unwrap();
        export_runs::adopt_parts(&mut tx, ORG, &run("2"), &run("1")).await.unwrap();
        export_runs::forget_part(&mut tx, ORG, &run("2"), ("users", "all")).await.unwrap();
        tx.commit().await.unwrap();
        end(db, "2", SUCCEEDED).await;
        let parts = export_runs::parts(db, ORG, &run("2")).await.unwrap();
        assert_eq!(parts, [part("messages", "2026-01", 1), part("messages", "2026-02", 9)]);
        assert_eq!(export_runs::parts(db, ORG, &run("1")).await.unwrap(), []);

        start(db, "3", &new_export(OUT)).await;
        record(db, "3", &part("users", "all", 1)).await;
        end(db, "3", Ended::Cancelled).await;
        assert_eq!(export_runs::parts(db, ORG, &run("3")).await.unwrap(), []);
        assert_eq!(unfinished(db).await, None);
        start(db, "4", &NewExport { options: None, ..new_export("/data/other") }).await;
        end(db, "4", SUCCEEDED).await;
        let standing = export_runs::standing(db, ORG, 10).await.unwrap();
        let standing: Vec<_> = standing.iter().map(|run| run.export_run_id.0.as_str()).collect();
        assert_eq!(standing, ["4", "2"]);
    })
    .await;
}
