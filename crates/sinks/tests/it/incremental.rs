//! Incremental exports: they come out as full ones, write what changed, and are never seen half-way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::record::Snapshot;
use model::{ConversationId, Millis, Pii};
use sha2::{Digest as _, Sha256};
use sinks::format::Compression;
use sinks::manifest::Manifest;
use sinks::mask::Mode;
use sinks::{ExportOptions, ExportReport, Format, SinkError};
use store::directory::{self, Listing};
use store::mirror;
use store::tables::{self, Row, TABLES};

use crate::files::{files, parquet};
use crate::fixture::{Fixture, ORG, T0, contact, on_both, snapshot, user};
use crate::lake::Lake;

const DAY_MS: i64 = 86_400_000;

fn options(fixture: &Fixture) -> ExportOptions {
    ExportOptions {
        transcripts: false,
        attachments: false,
        incremental: true,
        ..fixture.options(Format::Parquet)
    }
}

/// What a reader finds, by table.
fn seen(fixture: &Fixture) -> BTreeMap<&'static str, Vec<Row>> {
    let rows = |table: &'static store::tables::Table| {
        let paths = files(&fixture.out().join("tables").join(table.name));
        sorted(paths.iter().flat_map(|path| parquet(path, table)).collect())
    };
    TABLES.iter().map(|table| (table.name, rows(table))).collect()
}

async fn stored(fixture: &Fixture) -> BTreeMap<&'static str, Vec<Row>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        let rows = tables::read(&fixture.db, table, ORG, None, 100_000).await.unwrap();
        all.insert(table.name, sorted(rows));
    }
    all
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}

/// Everything but the runs, which go on while one is written.
async fn assert_current(fixture: &Fixture) {
    let (mut seen, mut stored) = (seen(fixture), stored(fixture).await);
    seen.remove("export_runs");
    stored.remove("export_runs");
    assert_eq!(seen, stored);
}

/// A conversation as Drift has it after its `version`th change.
pub(crate) fn changed(id: i64, version: i64) -> Snapshot {
    let mut next = snapshot(id);
    next.conversation.updated_at = Some(Millis(T0 + id * DAY_MS + version));
    next.fetched_at = Millis(T0 + version);
    let messages = next.messages.as_mut().unwrap();
    messages[0].body = Some(Pii::new(format!("<p>as of {version}</p>")));
    next
}

pub(crate) async fn apply(fixture: &Fixture, snapshots: &[Snapshot]) {
    let mut tx = fixture.db.begin().await.unwrap();
    mirror::apply(&mut tx, ORG, snapshots, Millis(T0)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn export(fixture: &Fixture) -> ExportReport {
    fixture.export(&options(fixture)).await.unwrap()
}

/// Every file with what changes when it is written anew.
fn stamps(fixture: &Fixture) -> BTreeMap<PathBuf, (u64, std::time::SystemTime)> {
    files(&fixture.out().join("tables"))
        .into_iter()
        .map(|path| {
            let metadata = std::fs::metadata(&path).unwrap();
            #[cfg(unix)]
            let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let inode = 0;
            (path, (inode, metadata.modified().unwrap()))
        })
        .collect()
}

/// The files that were written anew, came or went, below `tables/`, without the organization.
fn written(before: &BTreeMap<PathBuf, (u64, std::time::SystemTime)>, fixture: &Fixture) -> Vec<String> {
    let after = stamps(fixture);
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let differs = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    let short = |path: &PathBuf| {
        let path = path.strip_prefix(fixture.out().join("tables")).unwrap().to_string_lossy().into_owned();
        path.replace("/org_id=4242", "").replace("/part-0.parquet", "")
    };
    differs.map(short).collect()
}

#[tokio::test]
async fn only_the_months_of_what_changed_are_written() {
    on_both(async |fixture| {
        fixture.fill(70).await;
        let first = export(&fixture).await;
        assert_eq!((first.incremental, first.everything), (false, Some("first")));
        assert_current(&fixture).await;

        let before = stamps(&fixture);
        let nothing = export(&fixture).await;
        assert!(nothing.incremental);
        assert_eq!(written(&before, &fixture), ["export_runs"]);

        let before = stamps(&fixture);
        apply(&fixture, &[changed(40, 1)]).await;
        let one = export(&fixture).await;
        let month = |table: &str| format!("{table}/month=2026-02");
        assert_eq!(
            written(&before, &fixture),
            [month("conversations"), "export_runs".to_owned(), month("messages")]
        );
        assert!(one.bytes_written < one.bytes / 2, "{one:?}");
        assert_current(&fixture).await;

        let before = stamps(&fixture);
        let mut tx = fixture.db.begin().await.unwrap();
        directory::apply_users(&mut tx, ORG, &[user(9, "Cy")], Listing::Partial, Millis(T0)).await.unwrap();
        tx.commit().await.unwrap();
        export(&fixture).await;
        assert_eq!(written(&before, &fixture), ["export_runs", "users"]);
        assert_current(&fixture).await;
    })
    .await;
}

#[tokio::test]
async fn what_moves_goes_or_is_deleted_leaves_its_month() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        export(&fixture).await;
        // All of February's go to a month that was not there, and one is a tombstone.
        let moved: Vec<Snapshot> = (30..=40)
            .map(|id| {
                let mut moved = changed(id, 2);
                moved.conversation.created_at = Some(Millis(T0 + 100 * DAY_MS));
                moved
            })
            .collect();
        apply(&fixture, &moved).await;
        let mut tx = fixture.db.begin().await.unwrap();
        mirror::mark_gone(&mut tx, ORG, &[ConversationId(3)], Millis(T0 + 9)).await.unwrap();
        let mut late = contact(1);
        late.created_at = None;
        directory::apply_contacts(&mut tx, ORG, &[late], Millis(T0)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(export(&fixture).await.incremental);
        assert_current(&fixture).await;
        let messages = fixture.out().join("tables/messages/org_id=4242");
        assert!(!messages.join("month=2026-02").exists() && messages.join("month=2026-04").exists());
        let manifest = Manifest::read(&fixture.out()).unwrap().unwrap();
        assert!(manifest.tables.iter().all(|part| fixture.out().join(&part.file).exists()));
        assert_eq!(manifest.tables.len(), stamps(&fixture).len());
    })
    .await;
}

#[tokio::test]
async fn everything_is_written_when_what_stands_there_is_not_the_last_runs() {
    on_both(async |fixture| {
        fixture.fill(5).await;
        export(&fixture).await;
        let manifest = fixture.out().join("manifest.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        std::fs::write(&manifest, text.replace("\"complete\": true", "\"complete\": false")).unwrap();
        let other = export(&fixture).await;
        assert_eq!((other.incremental, other.everything), (false, Some("other")));

        let mut fewer = options(&fixture);
        fewer.selection.columns = BTreeMap::from([("messages".to_owned(), vec!["text".to_owned()])]);
        let report = fixture.export(&fewer).await.unwrap();
        assert_eq!((report.incremental, report.everything), (false, Some("options")));
        assert!(fixture.export(&fewer).await.unwrap().incremental);
        assert_eq!(export(&fixture).await.everything, Some("options"));
        assert_current(&fixture).await;
    })
    .await;
}

#[tokio::test]
async fn everything_is_written_when_it_is_to_be_compressed_otherwise() {
    on_both(async |fixture| {
        fixture.fill(5).await;
        let lake = Lake::new();
        let plain = ExportOptions {
            transcripts: false,
            attachments: false,
            incremental: true,
            ..lake.options(&fixture, Format::Csv)
        };
        let destination = plain.destination.clone().compressed(Compression::Gzip);
        let packed = ExportOptions { destination, ..plain.clone() };
        fixture.export(&plain).await.unwrap();
        fixture.fill(6).await;
        assert_eq!(fixture.export(&packed).await.unwrap().everything, Some("options"));
        fixture.fill(7).await;
        assert!(fixture.export(&packed).await.unwrap().incremental);
        let manifest = lake.manifest();
        let files = manifest["tables"].as_array().unwrap().iter().map(|part| part["file"].as_str().unwrap());
        assert!(manifest["compression"] == "gzip" && files.clone().all(|file| file.ends_with(".csv.gz")));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_before_anything_is_written() {
    on_both(async |fixture| {
        fixture.fill(3).await;
        let with_files = ExportOptions { transcripts: true, ..options(&fixture) };
        assert!(matches!(fixture.export(&with_files).await, Err(SinkError::OnlyTables)));
        let whole = ExportOptions { ..fixture.options(Format::Csv) };
        let whole = ExportOptions { transcripts: false, attachments: false, incremental: true, ..whole };
        assert!(matches!(fixture.export(&whole).await, Err(SinkError::NoMonths)));
        let mut masked = options(&fixture);
        masked.selection.mask = Mode::AllText;
        assert!(matches!(fixture.export(&masked).await, Err(SinkError::NoMaskKey)));
        let mut unknown = options(&fixture);
        unknown.selection.tables = Some(vec!["mesages".to_owned()]);
        let error = fixture.export(&unknown).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no table \"mesages\": did you mean \"messages\"?");
        assert!(!fixture.out().exists());

        fixture.export(&fixture.options(Format::Parquet)).await.unwrap();
        assert!(matches!(fixture.export(&options(&fixture)).await, Err(SinkError::HasFiles { .. })));
    })
    .await;
}

/// A reader that finds files by their names alone, as DuckDB and PyArrow do.
fn by_name(root: &Path, table: &'static store::tables::Table) -> Option<Vec<Row>> {
    let paths = files(&root.join("tables").join(table.name));
    assert!(!paths.is_empty(), "{} is not there", table.name);
    Some(paths.iter().flat_map(|path| parquet(path, table)).collect())
}

/// A reader that goes by the manifest: it reads the files that are named, and takes them when each is what is named.
fn by_manifest(root: &Path, table: &'static store::tables::Table) -> Option<Vec<Row>> {
    let manifest = Manifest::read(root).unwrap().filter(|manifest| manifest.complete)?;
    let mut rows = Vec::new();
    for part in manifest.tables.iter().filter(|part| part.table == table.name) {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("org_id=4242/part-0.parquet");
        let bytes = std::fs::read(root.join(&part.file)).ok()?;
        if hex::encode(Sha256::digest(&bytes)) != part.sha256 {
            return None;
        }
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        rows.extend(parquet(&path, table));
    }
    Some(rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_finds_a_row_missing_doubled_or_cut_off() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        export(&fixture).await;
        let ended = Arc::new(AtomicBool::new(false));
        let poll = |read: fn(&Path, &'static store::tables::Table) -> Option<Vec<Row>>| {
            let (root, ended) = (fixture.out(), Arc::clone(&ended));
            tokio::task::spawn_blocking(move || {
                let mut rounds = 0;
                while !ended.load(Ordering::Relaxed) || rounds == 0 {
                    for (name, expected) in [("messages", 300), ("conversations", 60)] {
                        let table = tables::table(name).unwrap();
                        let Some(rows) = read(&root, table) else { continue };
                        let keys: BTreeSet<String> =
                            rows.iter().map(|row| format!("{:?}", &row[..=table.key.len()])).collect();
                        assert_eq!((rows.len(), keys.len()), (expected, expected), "{name}");
                        rounds += 1;
                    }
                }
                rounds
            })
        };
        let readers = [poll(by_name), poll(by_manifest)];
        for version in 1..=20 {
            apply(&fixture, &[changed(1 + version * 3 % 60, version), changed(60 - version, version)]).await;
            // Full runs among them: their files are replaced one by one too.
            let incremental = version % 7 != 0;
            let report = fixture.export(&ExportOptions { incremental, ..options(&fixture) }).await.unwrap();
            assert_eq!(report.incremental, incremental);
        }
        ended.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
        assert_current(&fixture).await;
    })
    .await;
}
