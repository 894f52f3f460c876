//! Delta logs beside the tables of an object store: at every version they name what the manifest names.

use std::collections::{BTreeMap, BTreeSet};

use model::ConversationId;
use serde_json::Value as Json;
use sinks::format::{Compression, Format, Formulas};
use sinks::selection::Selection;
use sinks::sink::Subject;
use sinks::{Destination, ExportOptions};

use crate::fixture::{Fixture, ORG, on_both};
use crate::lake::Lake;

/// An export of tables, with logs or without.
fn options(lake: &Lake, fixture: &Fixture, delta: bool) -> ExportOptions {
    let destination = Destination::Objects {
        bucket: lake.bucket(),
        format: Format::Parquet,
        compression: Compression::None,
        formulas: Formulas::Keep,
        delta,
    };
    let options = lake.options(fixture, Format::Parquet);
    ExportOptions { destination, transcripts: false, attachments: false, ..options }
}

/// The same of these tables alone.
fn of_tables(options: ExportOptions, tables: &[&str]) -> ExportOptions {
    let tables = Some(tables.iter().map(|&table| table.to_owned()).collect());
    let selection = Selection { tables, ..options.selection };
    ExportOptions { selection, ..options }
}

/// The tables that have a log.
fn logs(lake: &Lake) -> BTreeSet<String> {
    let names = lake.names();
    let logs = names.iter().filter(|name| name.contains("/_delta_log/"));
    logs.map(|name| name.split('/').nth(1).unwrap().to_owned()).collect()
}

/// The actions of each commit of a table's log, in order.
fn commits(lake: &Lake, table: &str) -> Vec<Vec<Json>> {
    let log = format!("tables/{table}/_delta_log/");
    let names = lake.names().into_iter().filter(|name| name.starts_with(&log) && name.ends_with(".json"));
    names
        .map(|name| lake.text(&name).lines().map(|line| serde_json::from_str(line).unwrap()).collect())
        .collect()
}

/// What a log has come to: rows, bytes, organization and month of each object.
fn told(lake: &Lake, table: &str) -> BTreeMap<String, (u64, u64, String, Option<String>)> {
    let mut files = BTreeMap::new();
    for action in commits(lake, table).into_iter().flatten() {
        if let Some(path) = action["remove"]["path"].as_str() {
            assert!(files.remove(path).is_some(), "{path} was not there");
        }
        let add = &action["add"];
        let Some(path) = add["path"].as_str() else { continue };
        let stats: Json = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
        let partition = |name: &str| add["partitionValues"][name].as_str().map(str::to_owned);
        let rows = stats["numRecords"].as_u64().unwrap();
        let said = (rows, add["size"].as_u64().unwrap(), partition("org_id").unwrap(), partition("month"));
        assert!(files.insert(path.to_owned(), said).is_none(), "{path} is there twice");
    }
    files
}

/// Every log tells just what the manifest names, and the objects are there.
fn check(lake: &Lake) {
    let manifest = lake.manifest();
    assert_eq!(manifest["table_format"], "delta");
    let mut named: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
    for part in manifest["tables"].as_array().unwrap() {
        let (table, file) = (part["table"].as_str().unwrap(), part["file"].as_str().unwrap());
        assert!(lake.get(file).is_some(), "{file} is not there");
        let said = (
            part["rows"].as_u64().unwrap(),
            part["bytes"].as_u64().unwrap(),
            ORG.0.to_string(),
            part["period"].as_str().map(str::to_owned),
        );
        let path = file.strip_prefix(&format!("tables/{table}/")).unwrap().to_owned();
        named.entry(table.to_owned()).or_default().insert(path, said);
    }
    for table in logs(lake).into_iter().chain(named.keys().cloned()) {
        assert_eq!(told(lake, &table), named.get(&table).cloned().unwrap_or_default(), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_tells_what_the_manifest_names_and_grows_with_what_changes() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let lake = Lake::new();
        let options = options(&lake, &fixture, true);
        fixture.export(&options).await.unwrap();
        check(&lake);
        let first = commits(&lake, "messages").remove(0);
        let schema = first.iter().find_map(|it| it["metaData"]["schemaString"].as_str());
        insta::assert_snapshot!("delta_schema_of_messages", schema.unwrap());

        fixture.set_status(3, "closed").await;
        let options = ExportOptions { incremental: true, ..options };
        let report = fixture.export(&options).await.unwrap();
        assert_eq!(report.everything, None);
        check(&lake);
        assert_eq!((commits(&lake, "conversations").len(), commits(&lake, "users").len()), (2, 1));
        assert_eq!(commits(&lake, "conversations")[1].iter().filter(|it| it["add"].is_object()).count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_a_dead_process_left_behind_is_brought_up_by_the_next() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let lake = Lake::new();
        let options = of_tables(options(&lake, &fixture, true), &["conversations", "messages", "users"]);
        fixture.export(&options).await.unwrap();
        let _ = lake.s3.changes();
        fixture.fill(45).await;
        fixture.export(&options).await.unwrap();
        let all = lake.s3.changes().len();
        for moment in 0..20_usize {
            fixture.fill(46 + i64::try_from(moment).unwrap()).await;
            // The logs are among the last things that are written.
            lake.s3.kill_after(all / 2 + moment * all / 40, moment % 2 == 0);
            tokio::select! {
                done = fixture.export(&options) => drop(done),
                () = lake.s3.died() => {}
            }
            lake.s3.heal();
            lake.clock.advance(16 * 60 * 1_000);
            fixture.export_once_free(&options).await.unwrap();
            check(&lake);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_does_not_grow_for_ever() {
    on_both(async |fixture| {
        let lake = Lake::new();
        fixture.fill(5).await;
        let options = of_tables(options(&lake, &fixture, true), &["conversations"]);
        for run in 0..=30 {
            fixture.set_status(3, if run % 2 == 0 { "closed" } else { "open" }).await;
            fixture.export(&options).await.unwrap();
        }
        let log = "tables/conversations/_delta_log/";
        let names: Vec<String> = lake.names().into_iter().filter(|name| name.starts_with(log)).collect();
        let commits: Vec<&String> = names.iter().filter(|name| name.ends_with("0.json")).collect();
        assert_eq!(commits.first().map(|name| name.as_str()), Some(&*format!("{log}{:020}.json", 10)));
        assert!(names.contains(&format!("{log}{:020}.checkpoint.parquet", 30)), "{names:?}");
        assert!(names.contains(&format!("{log}_last_checkpoint")), "{names:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_columns_make_a_log_anew_and_an_export_without_logs_removes_them() {
    on_both(async |fixture| {
        fixture.fill(12).await;
        let lake = Lake::new();
        let with = options(&lake, &fixture, true);
        fixture.export(&with).await.unwrap();
        let columns = [("messages".to_owned(), vec!["kind".to_owned()])].into();
        let narrow = Selection { columns, ..with.selection.clone() };
        fixture.export(&ExportOptions { selection: narrow, ..with.clone() }).await.unwrap();
        check(&lake);
        assert_eq!(commits(&lake, "messages").len(), 1);
        assert_eq!(commits(&lake, "users").len(), 2);

        fixture.export(&options(&lake, &fixture, false)).await.unwrap();
        assert_eq!(logs(&lake), BTreeSet::new());
        assert_eq!(lake.manifest()["table_format"], Json::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_told_by_the_log_before_the_objects_go() {
    on_both(async |fixture| {
        fixture.fill(12).await;
        let lake = Lake::new();
        let options = options(&lake, &fixture, true);
        fixture.export(&options).await.unwrap();
        let before = told(&lake, "messages");
        let conversations = [ConversationId(3)].into();
        let subject = Subject { org: ORG, conversations, contacts: [].into(), attachments: [].into() };
        let erased = options.destination.target().sink().erase(&subject).await.unwrap();
        assert!(erased.rows > 0);
        check(&lake);
        assert_ne!(told(&lake, "messages"), before);
    })
    .await;
}
