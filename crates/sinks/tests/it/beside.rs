//! Transcripts and attachments beside the tables of an object store: written, replaced, erased, verified.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{AttachmentId, ContactId, FakeClock, Millis, SeededEntropy};
use serde_json::Value as Json;
use sinks::copy::Source;
use sinks::format::{Format, Formulas};
use sinks::lineage::{self, Whose};
use sinks::objects::{ObjectError, ObjectSink};
use sinks::proof::{self, Verification};
use sinks::sink::Sink as _;
use sinks::{Begin, ExportOptions, ExportReport, Exporter, SinkError, erase};
use store::{export_runs, mirror};

use crate::fixture::{Fixture, ORG, T0, on_both};
use crate::lake::Lake;
use crate::s3::percent_decoded;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Where a link of an object leads to; `None` for one that leads away.
fn target(object: &str, link: &str) -> Option<String> {
    let link = link.trim_matches(['<', '>']);
    if link.contains(':') || link.starts_with('#') {
        return None;
    }
    let mut folders: Vec<&str> = object.split('/').collect();
    folders.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(folders.pop()),
            part => folders.push(part),
        }
    }
    Some(percent_decoded(&folders.join("/")))
}

fn links<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

#[tokio::test]
async fn transcripts_and_attachments_lie_in_the_bucket_as_in_a_folder_and_link_to_each_other() {
    on_both(async |fixture| {
        fixture.fill(1_010).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Parquet);
        let mut told: BTreeMap<&str, u64> = BTreeMap::new();
        let report = fixture.export_watched(&options, |now| told.extend([(now.step, now.done)]));
        let report = Box::pin(report).await.unwrap();
        assert_eq!((report.transcripts, report.attachments, report.attachments_missing), (1_010, 1, 1));
        assert_eq!((told["transcripts"], told["attachments"]), (1_010, 1));
        assert!((9..=20).contains(&lake.s3.most_at_once()), "{}", lake.s3.most_at_once());

        let (root, listed) = (Lake::root(&lake.manifest()), lake.check());
        assert_eq!(root, format!("files/{}/", report.run_id));
        let mut here = listed.clone();
        for line in &mut here {
            line["path"] = line["path"].as_str().unwrap().strip_prefix(&root).unwrap().into();
        }
        fixture.export(&fixture.options(Format::Parquet)).await.unwrap();
        let folder: Vec<Json> =
            fixture.read("files.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(here, folder);

        let mut seen = BTreeSet::new();
        for line in listed {
            let path = line["path"].as_str().unwrap();
            let found = match path.rsplit('.').next() {
                Some("html") => {
                    links(&lake.text(path), "href=\"", '"').into_iter().map(str::to_owned).collect()
                }
                Some("md") => links(&lake.text(path), "](", ')').into_iter().map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            for target in found.iter().filter_map(|link| target(path, link)) {
                assert!(lake.get(&target).is_some(), "{path} links to {target}");
                seen.insert(target);
            }
        }
        for name in ["transcripts/index.html", "transcripts/index-2.html", "attachments/7-a b.pdf"] {
            assert!(seen.contains(&format!("{root}{name}")), "{name} is linked to");
        }
        assert_eq!(seen.iter().filter(|name| name.contains("/conversation-")).count(), 1_010);
    })
    .await;
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_there() {
    on_both(async |fixture| {
        fixture.fill(3).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Ndjson);
        let tables = ExportOptions { transcripts: false, attachments: false, ..options.clone() };
        fixture.export(&tables).await.unwrap();
        assert_eq!(lake.manifest()["files"], Json::Null);
        assert_eq!(lake.trees(), BTreeSet::new());
        fixture.export(&ExportOptions { transcripts: false, ..options.clone() }).await.unwrap();
        assert_eq!(lake.check().iter().filter(|line| line["kind"] == "attachment").count(), 1);
        fixture.export(&ExportOptions { attachments: false, ..options }).await.unwrap();
        let listed = lake.check();
        assert!(listed.iter().all(|line| line["kind"] != "attachment"), "{listed:?}");
        assert!(!lake.text(listed[1]["path"].as_str().unwrap()).contains("attachments/"));
    })
    .await;
}

#[tokio::test]
async fn a_tree_that_was_replaced_stays_an_hour_for_its_readers_and_goes() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Ndjson);
        let first = fixture.export(&options).await.unwrap();
        let read_before = lake.manifest();
        fixture.fill(25).await;
        let second = fixture.export(&options).await.unwrap();
        let of = |runs: &[&ExportReport]| runs.iter().map(|run| run.run_id.0.clone()).collect();
        assert_eq!(lake.trees(), of(&[&first, &second]));
        assert_eq!(lake.listed(&read_before).len(), 62);
        assert_eq!(lake.check().len(), 77);

        lake.clock.advance(HOUR_MS);
        lake.s3.put("drift/one/files/mine/thesis.txt", "years");
        let tables = ExportOptions { transcripts: false, attachments: false, ..options.clone() };
        fixture.export(&tables).await.unwrap();
        let mut left: BTreeSet<String> = of(&[&second]);
        left.insert("mine".to_owned());
        assert_eq!(lake.trees(), left);
        lake.clock.advance(HOUR_MS);
        fixture.export(&tables).await.unwrap();
        assert_eq!(lake.trees(), ["mine".to_owned()].into());
    })
    .await;
}

/// An export that is cut off after so many changes at the store; `true` when it came to its end before.
async fn cut_off(fixture: &Fixture, lake: &Lake, options: &ExportOptions, changes: usize) -> bool {
    lake.s3.kill_after(changes, changes.is_multiple_of(2));
    let is_done = tokio::select! {
        biased;
        () = lake.s3.died() => false,
        done = Box::pin(fixture.export(options)) => { done.unwrap(); true }
    };
    lake.s3.heal();
    is_done
}

#[tokio::test]
async fn a_run_that_is_killed_anywhere_leaves_the_trees_before_and_goes_on_in_another() {
    on_both(async |fixture| {
        fixture.fill(30).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Ndjson);
        fixture.export(&options).await.unwrap();
        let all = lake.s3.changes().len();
        for moment in 1..12 {
            fixture.fill(30 + moment).await;
            let before = lake.manifest();
            let changes = usize::try_from(moment).unwrap() * all / 12;
            assert!(!cut_off(&fixture, &lake, &options, changes).await, "{moment}");
            assert_eq!(lake.manifest(), before, "{moment}");
            lake.listed(&before);
            let begin = if moment % 3 == 0 { Begin::Anew } else { Begin::GoOn };
            lake.clock.advance(HOUR_MS);
            let options = ExportOptions { begin, ..options.clone() };
            let report = fixture.export_once_free(&options).await.unwrap();
            assert_eq!(report.resumed, begin == Begin::GoOn);
            assert_eq!(lake.check().len(), 3 * (30 + usize::try_from(moment).unwrap()) + 2);
            // The tree that was replaced just now, and the one that took its place.
            assert_eq!(lake.trees().len(), 2, "{moment}: {:?}", lake.trees());
        }
        assert_eq!(lake.s3.unfinished(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_fails_in_a_tree_is_told_and_the_next_run_goes_through() {
    on_both(async |fixture| {
        fixture.fill(20).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Parquet);
        fixture.export(&options).await.unwrap();
        let before = lake.manifest();
        for place in ["/transcripts/2026", "/transcripts/index", "/attachments/", "/files.ndjson"] {
            lake.s3.fail(move |method, name| {
                (method == "PUT" && name.contains("/files/") && name.contains(place))
                    .then_some((507, "XMinioStorageFull"))
            });
            let error = fixture.export(&options).await.unwrap_err();
            lake.s3.heal();
            assert!(error.to_string().contains("no space is left") && error.hint().is_some(), "{error}");
            assert_eq!(lake.manifest(), before);
            lake.listed(&before);
        }
        assert!(fixture.export(&options).await.unwrap().resumed);
        assert_eq!(lake.check().len(), 62);
    })
    .await;
}

#[tokio::test]
async fn a_large_attachment_goes_up_in_pieces() {
    on_both(async |fixture| {
        fixture.fill(2).await;
        let file: Vec<u8> = (0..20 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
        let mut tx = fixture.db.begin().await.unwrap();
        mirror::store_attachment(&mut tx, ORG, AttachmentId(8), &file, Some("image/png"), Millis(T0))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let lake = Lake::new();
        let report = fixture.export(&lake.options(&fixture, Format::Ndjson)).await.unwrap();
        let name = format!("files/{}/attachments/8-never fetched.png", report.run_id);
        assert!(lake.get(&name).is_some_and(|found| found == file));
        let made = lake.s3.changes().iter().filter(|(_, changed)| changed.ends_with(&name)).count();
        assert_eq!(made, 3 + 2, "begun, sent in pieces, put together");
        assert_eq!(lake.check().len(), 9);
        assert_eq!(lake.s3.unfinished(), 0);
    })
    .await;
}

async fn verified(fixture: &Fixture, options: &ExportOptions) -> Verification {
    try_verify(fixture, options).await.unwrap()
}

async fn try_verify(fixture: &Fixture, options: &ExportOptions) -> Result<Verification, SinkError> {
    let place = options.destination.to_string();
    let run = export_runs::last_succeeded(&fixture.db, ORG, &place).await.unwrap().unwrap();
    proof::verify(Source::all(&fixture.db, ORG), &run, &options.destination, &[]).await
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_an_error_and_no_damage() {
    on_both(async |fixture| {
        fixture.fill(12).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Parquet);
        fixture.export(&options).await.unwrap();
        lake.s3.fail(|_, _| Some((403, "AccessDenied")));
        let error = try_verify(&fixture, &options).await.unwrap_err();
        assert!(matches!(error, SinkError::Objects(ObjectError::Forbidden { .. })), "{error:?}");
        lake.s3.heal();
        assert!(verified(&fixture, &options).await.verified);
    })
    .await;
}

#[tokio::test]
async fn a_changed_transcript_a_missing_attachment_and_another_manifest_are_found() {
    on_both(async |fixture| {
        fixture.fill(12).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Csv);
        fixture.export(&options).await.unwrap();
        let found = verified(&fixture, &options).await;
        assert!(found.verified && found.files == 38, "{found:?}");

        let root = Lake::root(&lake.manifest());
        let (transcript, attachment) =
            (format!("{root}transcripts/2026-01/conversation-2.md"), format!("{root}attachments/7-a b.pdf"));
        let changed = lake.text(&transcript).replacen("Message", "Massage", 1);
        lake.s3.put(&format!("drift/one/{transcript}"), &changed);
        lake.s3.remove(&format!("drift/one/{attachment}"));
        let found = verified(&fixture, &options).await;
        assert_eq!(
            found.damaged,
            [format!("{attachment} is missing"), format!("{transcript} was changed")],
            "{found:?}"
        );

        let (list, text) = (format!("{root}files.ndjson"), lake.text(&format!("{root}files.ndjson")));
        let elsewhere = text.replacen(&root, &format!("{}/", "x".repeat(root.len() - 1)), 1);
        lake.s3.put(&format!("drift/one/{list}"), &elsewhere);
        lake.s3.put("drift/one/manifest.json", &lake.text("manifest.json").replacen("csv", "ndjson", 1));
        let found = verified(&fixture, &options).await;
        for damage in ["manifest.json is not the one that this run wrote", "is no name of ours"] {
            assert!(found.damaged.iter().any(|it| it.contains(damage)), "{damage}: {found:?}");
        }
        assert!(found.damaged.contains(&format!("{list} was changed")), "{found:?}");
    })
    .await;
}

/// What is left of the first conversation and its person beside the tables.
fn left_of_the_first(lake: &Lake) -> Vec<String> {
    let is_left = |name: &String| {
        let is_index = name.contains("/index");
        name.contains("/conversation-1.")
            || name.contains("/7-a b.pdf")
            || is_index && lake.text(name).contains("conversation-1.html")
            || name.contains("files.") && lake.text(name).contains("conversation-1.")
    };
    lake.names().into_iter().filter(|name| name.starts_with("files/") && is_left(name)).collect()
}

#[tokio::test]
async fn copies_beside_the_tables_are_named_and_an_erasure_leaves_none() {
    on_both(async |fixture| {
        fixture.fill(30).await;
        let lake = Lake::new();
        let options = lake.options(&fixture, Format::Parquet);
        for _ in 0..2 {
            fixture.export(&options).await.unwrap();
        }
        let whose = Whose::Contact(ContactId(1));
        let (db, place) = (&fixture.db, options.destination.to_string());
        let copies = lineage::copies(db, ORG, whose).await.unwrap();
        let beside = copies.iter().filter(|copy| copy.file.starts_with("files/"));
        let beside: BTreeSet<&str> = beside.map(|copy| copy.file.as_str()).collect();
        assert_eq!(beside.len(), 4, "{copies:?}");
        assert!(beside.iter().all(|file| lake.get(file).is_some()), "{beside:?}");
        assert!(left_of_the_first(&lake).len() > 4);

        let run = export_runs::last_succeeded(db, ORG, &place).await.unwrap().unwrap();
        let subject = lineage::subject(db, ORG, whose).await.unwrap();
        let (clock, entropy) = (FakeClock::at(Millis(T0)), SeededEntropy::new(1));
        let (clock, entropy) = (&clock, &entropy);
        let exporter = Exporter { db, org: ORG, clock, entropy, signer: None, mask_key: None };
        let erased = erase(&exporter, &run, &options, &subject).await.unwrap();
        assert_eq!(erased.files, 4);
        assert_eq!(left_of_the_first(&lake), [""; 0]);
        assert_eq!((lake.check().len(), lake.trees().len()), (88, 1));
        let found = verified(&fixture, &options).await;
        assert!(found.damaged.is_empty() && found.files == 88, "{found:?}");
        let now = export_runs::last_succeeded(db, ORG, &place).await.unwrap().unwrap();
        assert_eq!(erase(&exporter, &now, &options, &subject).await.unwrap().files, 0);

        // The next export brings back what the mirror still has.
        fixture.export(&options).await.unwrap();
        assert_eq!(lake.check().len(), 92);
    })
    .await;
}

#[tokio::test]
async fn an_erasure_that_is_cut_off_anywhere_is_repeated_and_leaves_nothing() {
    on_both(async |fixture| {
        fixture.fill(4).await;
        let subject = lineage::subject(&fixture.db, ORG, Whose::Contact(ContactId(1))).await.unwrap();
        let exported = Lake::new();
        fixture.export(&exported.options(&fixture, Format::Ndjson)).await.unwrap();
        let mut moment = 0;
        loop {
            let lake = Lake { s3: Arc::new(exported.s3.copy()), ..Lake::new() };
            let sink = || ObjectSink::new(lake.bucket(), Format::Ndjson, Formulas::Keep);
            lake.s3.kill_after(moment, moment % 2 == 0);
            let mut cut = sink();
            let is_done = tokio::select! {
                biased;
                () = lake.s3.died() => false,
                erased = cut.erase(&subject) => erased.is_ok(),
            };
            lake.s3.heal();
            sink().erase(&subject).await.unwrap();
            assert_eq!(left_of_the_first(&lake), [""; 0], "{moment}");
            assert_eq!(lake.check().len(), 10, "{moment}");
            if is_done {
                break;
            }
            moment += 1;
        }
        assert!(moment > 12, "{moment}");
    })
    .await;
}
