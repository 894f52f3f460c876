//! What an export leaves in its directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sinks::files::FileSink;
use sinks::format::{Format, Formulas};
use sinks::sink::Sink as _;
use sinks::{Destination, ExportOptions, SinkError};
use store::{export_runs, mirror, tables};

use crate::fixture::{Fixture, NASTY, ORG, on_both};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The files' bytes are what the manifest and the list of files say, and nothing else is there.
fn check_manifest(fixture: &Fixture) -> Value {
    let manifest: Value = serde_json::from_str(&fixture.read("manifest.json")).unwrap();
    assert_eq!(manifest["complete"], true);
    let listed = lines(&fixture.read("files.ndjson"));
    let tables = manifest["tables"].as_array().unwrap().iter().chain([&manifest["files"]]);
    let described =
        tables.map(|table| (&table["file"], table)).chain(listed.iter().map(|it| (&it["path"], it)));
    for (path, it) in described {
        let bytes = fs::read(fixture.out().join(path.as_str().unwrap())).unwrap();
        assert_eq!(it["bytes"], bytes.len(), "{path}");
        assert_eq!(it["sha256"], hex::encode(Sha256::digest(&bytes)), "{path}");
    }
    manifest
}

#[tokio::test]
async fn every_row_of_every_table_is_in_the_files_of_both_formats() {
    on_both(async |fixture| {
        fixture.fill(70).await;
        for format in [Format::Ndjson, Format::Csv] {
            let report = fixture.export(&fixture.options(format)).await.unwrap();
            let manifest = check_manifest(&fixture);
            assert_eq!(manifest["tables"].as_array().unwrap().len(), tables::TABLES.len());
            let counts = mirror::counts(&fixture.db, ORG).await.unwrap();
            for table in &report.tables {
                assert_eq!(
                    i64::try_from(table.rows).unwrap(),
                    counts.tables[table.table.as_str()],
                    "{}",
                    table.file
                );
            }
            assert_eq!(rows_read_back(&fixture, format), rows_of_store(&fixture).await);
        }
        assert!(
            !names(&fixture.out()).iter().any(|name| name.ends_with(".ndjson") && name != "files.ndjson")
        );
    })
    .await;
}

/// All tables' rows as `column=value` texts, read with libraries of others.
fn rows_read_back(fixture: &Fixture, format: Format) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let read = |table: &tables::Table| {
        let text = fixture.read(&format!("{}.{}", table.name, format.name()));
        match format {
            Format::Ndjson => lines(&text)
                .iter()
                .map(|row| {
                    let shown = |column: &tables::Column| match &row[column.name] {
                        Value::Null => String::new(),
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    table.columns.iter().map(shown).collect()
                })
                .collect(),
            Format::Csv => csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|row| row.unwrap().iter().map(str::to_owned).collect())
                .collect(),
            Format::Parquet => panic!("it is read back by the test of sinks"),
        }
    };
    // The run itself has ended by now, and JSON is compared by another test.
    tables::TABLES.iter().filter(|it| plain(it)).map(|it| (it.name, read(it))).collect()
}

async fn rows_of_store(fixture: &Fixture) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let mut all = BTreeMap::new();
    for table in tables::TABLES.iter().filter(|it| plain(it)) {
        let rows = tables::read(&fixture.db, table, ORG, None, 10_000).await.unwrap();
        let shown = |value: &tables::Value| match value {
            tables::Value::Null => String::new(),
            tables::Value::Integer(number) => number.to_string(),
            tables::Value::Real(number) => number.to_string(),
            tables::Value::Flag(flag) => flag.to_string(),
            tables::Value::Text(text) => text.clone(),
            tables::Value::Bytes(bytes) => hex::encode(bytes),
        };
        all.insert(table.name, rows.iter().map(|row| row.iter().map(shown).collect()).collect());
    }
    all
}

fn plain(table: &tables::Table) -> bool {
    !matches!(table.name, "export_runs" | "contacts")
}

#[tokio::test]
async fn values_keep_their_exact_form() {
    on_both(async |fixture| {
        fixture.fill(1).await;
        fixture.export(&fixture.options(Format::Ndjson)).await.unwrap();
        let messages = lines(&fixture.read("messages.ndjson"));
        assert_eq!(messages[1]["body"], NASTY);
        assert_eq!(messages[2]["body"], Value::Null);
        assert_eq!(messages[3]["body"], "");
        assert_eq!(messages[0]["author_bot"], true);
        assert_eq!(messages[0]["extra"]["context"]["href"], "https://site.test/pricing");
        let contacts = fixture.read("contacts.ndjson");
        assert!(contacts.contains("\"external_id\":\"00123\""), "{contacts}");
        assert!(contacts.contains("{\"score\":12345678901234567890.10}"), "{contacts}");

        fixture.export(&fixture.options(Format::Csv)).await.unwrap();
        let users = fixture.read("users.csv");
        assert!(users.contains("\r\n4242,3,\"Bo\",,\"\",,"), "{users}");
    })
    .await;
}

#[tokio::test]
async fn transcripts_and_attachments_are_linked_to_each_other() {
    on_both(async |fixture| {
        fixture.fill(1_001).await;
        let report = fixture.export(&fixture.options(Format::Csv)).await.unwrap();
        check_manifest(&fixture);
        assert_eq!((report.transcripts, report.attachments, report.attachments_missing), (1_001, 1, 1));

        let page = fixture.read("transcripts/2026-01/conversation-1.html");
        assert!(page.contains("href=\"../../attachments/7-a%20b.pdf\""), "{page}");
        assert_eq!(names(&fixture.out().join("attachments")), ["7-a b.pdf"]);
        let text = fixture.read("transcripts/2026-01/conversation-1.txt");
        assert!(text.contains("] Ada\n    a,\"b\"\n"), "{text}");
        assert!(text.contains("Attachment: never fetched.png (not exported)"), "{text}");

        let marked = fixture.read("transcripts/2026-01/conversation-1.md");
        assert!(marked.contains("Attachment: [../../a b.pdf](<../../attachments/7-a%20b.pdf>)"), "{marked}");

        let index = fixture.read("transcripts/index.html");
        assert!(index.contains("href=\"2026-01/conversation-1.html\"") && index.contains("index-2.html"));
        assert!(fixture.read("transcripts/index-2.html").contains("conversation-1001.html"));
    })
    .await;
}

#[tokio::test]
async fn only_what_was_asked_for_is_written() {
    on_both(async |fixture| {
        fixture.fill(2).await;
        fixture.export(&fixture.options(Format::Csv)).await.unwrap();
        let options =
            ExportOptions { transcripts: false, attachments: false, ..fixture.options(Format::Csv) };
        let report = fixture.export(&options).await.unwrap();
        assert_eq!((report.transcripts, report.attachments), (0, 0));
        check_manifest(&fixture);
        assert!(!fixture.out().join("transcripts").exists() && !fixture.out().join("attachments").exists());
    })
    .await;
}

#[tokio::test]
async fn formulas_are_defused_when_asked_for_and_the_manifest_says_so() {
    on_both(async |fixture| {
        fixture.fill(1).await;
        let options = ExportOptions {
            destination: Destination::folder(fixture.out(), Format::Csv, Formulas::Defuse),
            ..fixture.options(Format::Csv)
        };
        fixture.export(&options).await.unwrap();
        assert_eq!(check_manifest(&fixture)["formulas_defused"], true);
    })
    .await;
}

#[tokio::test]
async fn each_run_is_recorded_with_its_outcome() {
    on_both(async |fixture| {
        fixture.fill(3).await;
        let report = fixture.export(&fixture.options(Format::Ndjson)).await.unwrap();
        let runs = export_runs::list(&fixture.db, ORG, 10).await.unwrap();
        assert_eq!(runs[0].export_run_id, report.run_id);
        assert_eq!((runs[0].format.as_str(), runs[0].outcome.as_deref()), ("ndjson", Some("success")));
        let counts: Value = serde_json::from_str(&runs[0].counts).unwrap();
        assert_eq!(counts["messages"], json!(15));
        assert_eq!(counts["transcripts"], json!(3));
    })
    .await;
}

#[tokio::test]
async fn a_failed_run_leaves_the_export_before_it_and_is_recorded() {
    on_both(async |fixture| {
        fixture.fill(3).await;
        let options = fixture.options(Format::Ndjson);
        let first = fixture.export(&options).await.unwrap();
        fs::write(fixture.out().join("notes.txt"), "mine").unwrap();
        let obstacle = fixture.out().join("messages.ndjson.partial");
        let put_in_the_way = |_| fs::create_dir_all(obstacle.join("x")).unwrap();
        let error = fixture.export_watched(&options, put_in_the_way).await.unwrap_err();
        assert!(error.to_string().contains("messages.ndjson"), "{error}");

        assert_eq!(check_manifest(&fixture)["run_id"], first.run_id.0.as_str());
        // What was whole waits for the run to go on, what was half-written is gone.
        let kept: Vec<String> =
            names(&fixture.out()).into_iter().filter(|name| name.ends_with(".partial")).collect();
        assert_eq!(kept, ["conversations.ndjson.partial"]);
        let runs = export_runs::list(&fixture.db, ORG, 10).await.unwrap();
        assert!(runs.iter().any(|run| run.outcome.as_deref().is_some_and(|it| it.starts_with("failed: "))));

        let second = fixture.export(&options).await.unwrap();
        assert!(second.resumed && second.parts_kept == 1, "{second:?}");
        check_manifest(&fixture);
        assert!(!names(&fixture.out()).iter().any(|name| name.ends_with(".partial")));
        assert_eq!(fixture.read("notes.txt"), "mine");
    })
    .await;
}

#[tokio::test]
async fn a_target_that_cannot_be_one_is_refused_with_a_hint() {
    on_both(async |fixture| {
        fs::write(fixture.out(), "a file").unwrap();
        let error = fixture.export(&fixture.options(Format::Csv)).await.unwrap_err();
        assert!(matches!(error, SinkError::NotADirectory { .. }), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(fs::read_to_string(fixture.out()).unwrap(), "a file");
    })
    .await;
}

#[tokio::test]
async fn an_export_given_up_half_way_is_replaced_by_the_next() {
    on_both(async |fixture| {
        fixture.fill(200).await;
        let options = fixture.options(Format::Csv);
        let mut steps = 0;
        // Dropped at its first transcripts: the partial files are what a kill would leave.
        let (stop, mut stopped) = tokio::sync::mpsc::unbounded_channel();
        let export = fixture.export_watched(&options, |progress| {
            steps += 1;
            if progress.step == "transcripts" {
                let _ = stop.send(());
            }
        });
        tokio::select! {
            biased;
            _ = stopped.recv() => {}
            _ = export => panic!("it was to be stopped"),
        }
        assert!(steps > 0 && !fixture.out().join("messages.csv").exists());
        let manifest: Value = serde_json::from_str(&fixture.read("manifest.json")).unwrap();
        assert_eq!(manifest["complete"], false);

        assert!(matches!(fixture.export_once_free(&options).await, Ok(report) if report.transcripts == 200));
        check_manifest(&fixture);
        assert!(!names(&fixture.out()).iter().any(|name| name.ends_with(".partial")));
    })
    .await;
}

#[test]
fn the_page_about_exports_names_every_table() {
    let page = include_str!("../../../../docs/exports.md");
    for table in tables::TABLES {
        assert!(page.contains(&format!("`{}`", table.name)), "{}", table.name);
    }
}

#[tokio::test]
async fn an_erasure_takes_a_persons_files_and_the_rest_stays_checked() {
    on_both(async |fixture| {
        fixture.fill(3).await;
        let options = fixture.options(Format::Ndjson);
        fixture.export(&options).await.unwrap();
        let subject = sinks::sink::Subject {
            org: ORG,
            conversations: [model::ConversationId(1)].into(),
            contacts: [model::ContactId(1)].into(),
            attachments: [model::AttachmentId(7)].into(),
        };
        let mut sink = FileSink::new(fixture.out(), Format::Ndjson, Formulas::Keep);
        let erased = sink.erase(&subject).await.unwrap();
        assert_eq!(erased.files, 4, "an attachment, and the transcript in three forms");

        check_manifest(&fixture);
        assert_eq!(names(&fixture.out().join("attachments")), Vec::<String>::new());
        for form in ["html", "txt", "md"] {
            assert!(!fixture.out().join(format!("transcripts/2026-01/conversation-1.{form}")).exists());
        }
        assert!(fixture.out().join("transcripts/2026-01/conversation-2.html").exists());
        let index = fixture.read("transcripts/index.html");
        assert!(!index.contains("conversation-1.html") && index.contains("conversation-2.html"), "{index}");
        for name in ["conversations.ndjson", "messages.ndjson", "contacts.ndjson", "files.ndjson"] {
            assert!(!fixture.read(name).contains("\"conversation_id\":1,"), "{name}");
        }
    })
    .await;
}
