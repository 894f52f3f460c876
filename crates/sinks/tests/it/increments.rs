//! Incremental exports to databases and object stores come out as full ones; what stands there and is not the last run's is
//! written anew.

use model::{ConversationId, Millis};
use sinks::postgres::PostgresAddress;
use sinks::selection::Selection;
use sinks::{Destination, ExportOptions, ExportReport, Format};
use store::directory::{self, Listing};
use store::mirror;

use crate::conformance::{Place, Tables, assert_same, seen, stored};
use crate::fixture::{Fixture, ORG, T0, contact, on_both, user};
use crate::incremental::{apply, changed};
use crate::objects::Prefix;
use crate::postgres::{Lake, SCHEMA};
use crate::sqlite::OneFile;

const DAY_MS: i64 = 86_400_000;

async fn export(fixture: &Fixture, destination: &Destination) -> ExportReport {
    let options = ExportOptions {
        destination: destination.clone(),
        transcripts: false,
        attachments: false,
        incremental: true,
        selection: Selection { transcripts: true, ..Selection::default() },
        ..fixture.options(Format::Parquet)
    };
    fixture.export(&options).await.unwrap()
}

/// Everything but the runs, which go on while one is written.
async fn assert_current(fixture: &Fixture, place: &impl Place) {
    let without = |tables: Tables| -> Tables {
        tables.into_iter().filter(|(name, _)| *name != "export_runs").collect()
    };
    assert_same(without(seen(place).await), &without(stored(fixture).await));
}

async fn comes_out_as_a_full_one(fixture: &Fixture, destination: &Destination, place: &impl Place) {
    fixture.fill(70).await;
    let first = export(fixture, destination).await;
    assert_eq!((first.incremental, first.everything), (false, Some("first")));
    assert_current(fixture, place).await;

    let nothing = export(fixture, destination).await;
    assert_eq!((nothing.incremental, nothing.parts_written, nothing.equal), (true, 1, true));
    assert_eq!(nothing.rows, first.rows + 1, "a run more, and all others still counted");

    apply(fixture, &[changed(40, 1), changed(41, 1)]).await;
    let two = export(fixture, destination).await;
    assert_eq!((two.incremental, two.parts_written, two.equal), (true, 4, true));
    assert_current(fixture, place).await;

    moved_and_gone(fixture).await;
    assert!(export(fixture, destination).await.incremental);
    assert_current(fixture, place).await;

    let mut tx = fixture.db.begin().await.unwrap();
    directory::apply_users(&mut tx, ORG, &[user(9, "Cy")], Listing::Partial, Millis(T0)).await.unwrap();
    tx.commit().await.unwrap();
    let named = export(fixture, destination).await;
    let months = named.tables.iter().filter(|part| part.table == "transcripts").count() as u64;
    assert_eq!(named.parts_written, 2 + months, "who is named now may be named in any transcript");
    assert_current(fixture, place).await;
}

/// All of February's conversations go to a month that was not there, one is deleted, and a contact has no time any more.
async fn moved_and_gone(fixture: &Fixture) {
    let moved = (30..=57).map(|id| {
        let mut moved = changed(id, 2);
        moved.conversation.created_at = Some(Millis(T0 + 100 * DAY_MS));
        moved
    });
    apply(fixture, &moved.collect::<Vec<_>>()).await;
    let mut tx = fixture.db.begin().await.unwrap();
    mirror::mark_gone(&mut tx, ORG, &[ConversationId(3)], Millis(T0 + 9)).await.unwrap();
    let mut late = contact(1);
    late.created_at = None;
    directory::apply_contacts(&mut tx, ORG, &[late], Millis(T0)).await.unwrap();
    tx.commit().await.unwrap();
}

fn schema_of(lake: &Lake) -> Destination {
    Destination::Postgres { address: PostgresAddress::parse(&lake.url, Some(SCHEMA)).unwrap() }
}

#[tokio::test]
async fn one_sqlite_file() {
    on_both(async |fixture| {
        let file = OneFile::of(&fixture);
        let destination = Destination::sqlite(file.path.clone());
        comes_out_as_a_full_one(&fixture, &destination, &file).await;

        let older = std::fs::read(&file.path).unwrap();
        apply(&fixture, &[changed(1, 3)]).await;
        export(&fixture, &destination).await;
        std::fs::write(&file.path, older).unwrap();
        let other = export(&fixture, &destination).await;
        assert_eq!((other.incremental, other.everything), (false, Some("other")));
        assert_current(&fixture, &file).await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_of_postgresql() {
    on_both(async |fixture| {
        let Some(lake) = Lake::make().await else { return };
        let destination = schema_of(&lake);
        comes_out_as_a_full_one(&fixture, &destination, &lake).await;
        let schema = SCHEMA.replace('"', "\"\"");
        let counted = lake.text(&format!("SELECT counts FROM \"{schema}\".longshore_export")).await;
        let counted: serde_json::Value = serde_json::from_str(&counted).unwrap();
        for (table, rows) in seen(&lake).await {
            assert_eq!(counted[table], rows.len(), "{table}");
        }

        for harm in ["TRUNCATE", "DROP TABLE"] {
            lake.run(&format!("{harm} \"{schema}\".messages")).await;
            let other = export(&fixture, &destination).await;
            assert_eq!((other.incremental, other.everything), (false, Some("other")), "{harm}");
            assert_current(&fixture, &lake).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_prefix_of_an_object_store() {
    for format in Format::ALL {
        on_both(async |fixture| {
            let (s3, prefix) = Prefix::double(format);
            comes_out_as_a_full_one(&fixture, &prefix.destination(), &prefix).await;
            let manifest = s3.get("drift/one/manifest.json").unwrap();
            let edited = String::from_utf8(manifest.to_vec()).unwrap().replace("part-", "part-x");
            s3.put("drift/one/manifest.json", &edited);
            let other = export(&fixture, &prefix.destination()).await;
            assert_eq!((other.incremental, other.everything), (false, Some("other")));
            assert_current(&fixture, &prefix).await;
        })
        .await;
    }
}
