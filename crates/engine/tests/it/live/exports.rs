//! Exports that come from time to time: made where something has changed, told of where they fail, and going on without Drift.

use std::path::Path;

use engine::disconnect::{Plan, Selection as Connections};
use engine::scheduler;
use sandbox::world::{Change, Speaker};
use sinks::destination::Destination;
use sinks::format::{Format, Formulas};
use sinks::mask::Mode;
use sinks::selection::Selection;
use sinks::{Begin, ExportOptions};
use store::audit::Who;
use store::disconnects::Data;
use store::export_runs::{self, ExportMode, ExportRun};
use store::notices;
use store::scheduled_exports::{self, KIND, ScheduledExport};

use super::harness::{Live, options};
use crate::engines::Database;

const FIVE_MINUTES_MS: i64 = 5 * 60_000;

fn asked(dir: &Path) -> ExportOptions {
    ExportOptions {
        destination: Destination::folder(dir.to_owned(), Format::Parquet, Formulas::Keep),
        transcripts: false,
        attachments: false,
        selection: Selection { mask: Mode::Identifiers, ..Selection::default() },
        reason: None,
        incremental: true,
        begin: Begin::GoOn,
        who: Who::node(),
    }
}

/// An archived world in which time moves by hand.
async fn still(database: Database, conversations: u64) -> Live {
    let live = Live::archived(database, options(conversations)).await;
    live.world.stand_still();
    live
}

async fn schedule(live: &Live, dir: &Path, keep_months: Option<i64>) {
    let (options, now) = (asked(dir), live.node.clock.now());
    let scheduled = ScheduledExport {
        org: live.org(),
        name: "lake".to_owned(),
        destination: options.destination.to_string(),
        format: "parquet".to_owned(),
        options: options.words(),
        endpoint: None,
        password_file: None,
        keep_months,
        created_at: now,
    };
    let mut tx = live.node.db.begin().await.unwrap();
    scheduled_exports::set(&mut tx, &scheduled).await.unwrap();
    scheduler::set_keyed(&mut tx, (live.org(), KIND, "lake"), ("*/5 * * * *", "UTC"), now).await.unwrap();
    tx.commit().await.unwrap();
}

/// The runs, newest first.
async fn runs(live: &Live) -> Vec<ExportRun> {
    export_runs::list(&live.node.db, live.org(), 20).await.unwrap()
}

/// Somebody writes into a conversation, and it is brought home.
async fn more_is_said(live: &Live) {
    let conversation = live.world.sandbox.world().expected().next().unwrap();
    live.change(Change::NewMessage { conversation, from: Speaker::Contact, text: None });
    live.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_export_writes_what_has_changed_and_nothing_otherwise() {
    for database in Database::each().await {
        let live = still(database, 12).await;
        let folder = tempfile::tempdir().unwrap();
        schedule(&live, folder.path(), None).await;
        live.pass(FIVE_MINUTES_MS).await;
        let made = runs(&live).await;
        assert_eq!(
            (made.len(), made[0].mode, made[0].outcome.as_deref()),
            (1, ExportMode::Full, Some("success"))
        );

        live.pass(FIVE_MINUTES_MS).await;
        assert_eq!(runs(&live).await.len(), 1, "nothing has changed");

        more_is_said(&live).await;
        live.pass(FIVE_MINUTES_MS).await;
        let made = runs(&live).await;
        assert_eq!((made.len(), made[0].mode), (2, ExportMode::Incremental));
        let manifest: serde_json::Value = serde_json::from_str(made[0].manifest.as_deref().unwrap()).unwrap();
        assert_eq!(
            (&manifest["proof"]["equal"], &manifest["selection"]["mask"]),
            (&true.into(), &"identifiers".into())
        );
        assert!(made[0].signature.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_is_told_of_and_made_once_it_can_be() {
    for database in Database::each().await {
        let live = still(database, 5).await;
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("lake");
        std::fs::write(&place, "a file").unwrap();
        schedule(&live, &place, None).await;
        live.world.clock.advance(FIVE_MINUTES_MS);
        live.scheduler.step().await.unwrap();
        live.turn().await;
        let standing = notices::list(&live.node.db, Some(live.org()), 50).await.unwrap();
        let told = standing.iter().find(|notice| notice.kind == "export").unwrap();
        assert!(told.message.starts_with("the export lake was not made: "), "{}", told.message);

        std::fs::remove_file(&place).unwrap();
        live.settle().await;
        assert_eq!(runs(&live).await[0].outcome.as_deref(), Some("success"));
        let standing = notices::list(&live.node.db, Some(live.org()), 50).await.unwrap();
        assert!(standing.iter().all(|notice| notice.kind != "export"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_drift_refuses_and_when_the_connection_was_given_up() {
    for database in Database::each().await {
        let live = still(database, 5).await;
        let folder = tempfile::tempdir().unwrap();
        schedule(&live, folder.path(), None).await;
        live.world.sandbox.revoke_tokens();
        live.change(Change::NewConversation { contact: None, text: None });
        live.settle().await;
        live.pass(FIVE_MINUTES_MS).await;
        assert_eq!(runs(&live).await[0].outcome.as_deref(), Some("success"));

        let plan = Plan::asked(Data::Keep);
        live.world.connections().disconnect(&Connections::All, plan, &Who::node()).await.unwrap();
        std::fs::remove_dir_all(folder.path()).unwrap();
        schedule(&live, &folder.path().join("anew"), None).await;
        live.pass(FIVE_MINUTES_MS).await;
        assert!(folder.path().join("anew/manifest.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_that_grew_old_leave_the_destination() {
    for database in Database::each().await {
        let live = still(database, 40).await;
        let folder = tempfile::tempdir().unwrap();
        schedule(&live, folder.path(), Some(1)).await;
        live.pass(FIVE_MINUTES_MS).await;
        let months = || {
            let months = std::fs::read_dir(
                folder.path().join("tables/conversations").join(format!("org_id={}", live.org())),
            );
            months.map_or(0, Iterator::count)
        };
        assert!(months() <= 1, "{}", months());
        live.pass(62 * 86_400_000).await;
        assert_eq!(months(), 0, "all began before the running month");
        assert_eq!(runs(&live).await[0].outcome.as_deref(), Some("success"));
    }
}
