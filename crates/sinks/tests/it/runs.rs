//! Runs that are stopped, by whom, and what they leave for the next.

use std::fs;
use std::sync::Mutex;
use std::sync::mpsc;

use model::{FakeClock, Millis, SeededEntropy};
use sinks::format::Format;
use sinks::handover::{HandoverOptions, Target, handover};
use sinks::{Begin, ExportOptions, Exporter, SinkError, export};
use store::export_runs::{self, Asked, ExportRun, ExportState};

use crate::fixture::{Fixture, ORG, T0, on_both};

async fn newest(fixture: &Fixture) -> ExportRun {
    export_runs::list(&fixture.db, ORG, 1).await.unwrap().remove(0)
}

fn partials(fixture: &Fixture) -> Vec<String> {
    let names = fs::read_dir(fixture.out()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".partial"));
    names.sort();
    names
}

/// Export until the messages come, and ask for something then, as another process does.
async fn asked(fixture: &Fixture, options: &ExportOptions, asked: Asked) -> SinkError {
    let number = if asked == Asked::Pause { 900 } else { 901 };
    let clock = FakeClock::at(Millis(T0 + number));
    let entropy = SeededEntropy::new(number.cast_unsigned());
    let exporter = Exporter {
        db: &fixture.db,
        org: ORG,
        clock: &clock,
        entropy: &entropy,
        signer: None,
        mask_key: None,
    };
    let (reached, is_reached) = tokio::sync::oneshot::channel();
    let (goes_on, may_go_on) = mpsc::channel::<()>();
    let (mut reached, may_go_on) = (Some(reached), Mutex::new(may_go_on));
    let told = |now: sinks::ExportProgress| {
        if now.step == "messages"
            && let Some(reached) = reached.take()
        {
            reached.send(()).unwrap();
            // Until the run has been asked, and its watch has been woken.
            let _ = may_go_on.lock().unwrap().recv();
        }
    };
    let (db, waked) = (fixture.db.clone(), clock.clone());
    let ask = tokio::spawn(async move {
        is_reached.await.unwrap();
        let run = export_runs::list(&db, ORG, 1).await.unwrap().remove(0).export_run_id;
        let mut tx = db.begin().await.unwrap();
        assert!(export_runs::ask(&mut tx, ORG, &run, asked).await.unwrap());
        tx.commit().await.unwrap();
        waked.advance(1_000);
        drop(goes_on);
        // Whoever waits for the destination to become free waits on this clock.
        loop {
            waked.advance(100);
            tokio::task::yield_now().await;
        }
    });
    let error = export(&exporter, options, std::future::pending(), told).await.unwrap_err();
    ask.abort();
    error
}

#[tokio::test]
async fn a_run_that_was_stopped_goes_on_with_what_was_whole() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        let options = fixture.options(Format::Parquet);
        let error = fixture.export_until(&options, "users").await;
        assert!(matches!(error, SinkError::Stopped { asked: Asked::Pause }), "{error}");
        let paused = newest(&fixture).await;
        assert_eq!((paused.state, paused.finished_at), (ExportState::Paused, None));
        let kept = export_runs::parts(&fixture.db, ORG, &paused.export_run_id).await.unwrap();
        assert!(kept.len() > 5, "{kept:?}");

        // One of the conversations changes: its month is written anew, the others stay.
        fixture.rename_contact().await;
        let options = ExportOptions::of_run(&paused, options.who).unwrap();
        let report = fixture.export(&options).await.unwrap();
        assert_eq!((report.run_id, report.resumed, report.equal), (paused.export_run_id, true, true));
        assert_eq!(report.parts_kept, kept.len() as u64 - 1);
        assert_eq!(partials(&fixture), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_run_asked_for_in_other_words_or_anew_gives_up_the_one_before() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let options = fixture.options(Format::Ndjson);
        fixture.export_until(&options, "users").await;
        let first = newest(&fixture).await.export_run_id;
        let other = ExportOptions { transcripts: false, ..options.clone() };
        fixture.export_until(&other, "users").await;
        let second = newest(&fixture).await.export_run_id;
        let report = fixture.export(&ExportOptions { begin: Begin::Anew, ..other }).await.unwrap();
        assert!(!report.resumed && report.equal);
        for given_up in [first, second] {
            let run = export_runs::get(&fixture.db, ORG, &given_up).await.unwrap().unwrap();
            assert_eq!(run.state, ExportState::Cancelled);
        }
        assert_eq!(partials(&fixture), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_part_that_was_touched_while_the_run_was_away_is_written_again() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let options = fixture.options(Format::Ndjson);
        fixture.export_until(&options, "users").await;
        fs::write(fixture.out().join("messages.ndjson.partial"), "not what it was").unwrap();
        let report = fixture.export(&options).await.unwrap();
        assert_eq!((report.resumed, report.parts_kept, report.equal), (true, 0, true));
    })
    .await;
}

#[tokio::test]
async fn a_destination_takes_one_run_at_a_time() {
    on_both(async |fixture| {
        fixture.fill(1).await;
        let options = fixture.options(Format::Csv);
        let name = export_runs::hold_name(&options.destination.to_string());
        let hold = store::exclusive::hold(&fixture.db, ORG, &name).await.unwrap().unwrap();
        let error = fixture.export(&options).await.unwrap_err();
        assert!(matches!(error, SinkError::UnderWay { .. }) && error.hint().is_some(), "{error}");
        hold.release().await.unwrap();
        fixture.export(&options).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_export_and_a_handover_do_not_share_a_directory() {
    on_both(async |fixture| {
        fixture.fill(2).await;
        let hand_over = async |dir, number: u64| {
            let options = HandoverOptions {
                target: Target::Neutral,
                dir,
                conversations: Vec::new(),
                attachments_at: None,
                reason: "a test".to_owned(),
                who: store::audit::Who::node(),
            };
            let clock = FakeClock::at(Millis(T0 + 500));
            handover(&fixture.db, ORG, &options, &clock, &SeededEntropy::new(number)).await
        };
        hand_over(fixture.out(), 77).await.unwrap();
        let before = fixture.read("manifest.json");
        for format in Format::ALL {
            let error = fixture.export(&fixture.options(format)).await.unwrap_err();
            assert!(matches!(error, SinkError::OtherFormat { .. }) && error.hint().is_some(), "{error}");
        }
        assert_eq!(fixture.read("manifest.json"), before);

        let other = fixture.dir.path().join("other");
        let mut options = fixture.options(Format::Csv);
        options.destination =
            sinks::Destination::parse(other.to_str().unwrap(), "csv", sinks::format::Formulas::Keep).unwrap();
        fixture.export(&options).await.unwrap();
        let error = hand_over(other, 78).await.unwrap_err();
        assert!(matches!(error, SinkError::OtherFormat { .. }), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_run_does_what_another_process_asks_of_it() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let options = fixture.options(Format::Ndjson);
        let error = asked(&fixture, &options, Asked::Pause).await;
        assert!(matches!(error, SinkError::Stopped { asked: Asked::Pause }), "{error}");
        assert_eq!(newest(&fixture).await.state, ExportState::Paused);
        assert!(partials(&fixture).contains(&"conversations.ndjson.partial".to_owned()));
        let options = ExportOptions { begin: Begin::Anew, ..options };
        let error = asked(&fixture, &options, Asked::Cancel).await;
        assert!(matches!(error, SinkError::Stopped { asked: Asked::Cancel }), "{error}");
        assert_eq!(newest(&fixture).await.state, ExportState::Cancelled);
        assert_eq!(partials(&fixture), Vec::<String>::new());
    })
    .await;
}
