//! Transcripts as a table: a column for each layout, current however it came about.

use std::collections::{BTreeMap, BTreeSet};

use model::record::{Contact, Message, Snapshot};
use model::{ContactId, ConversationId, Entropy as _, Millis, Pii, SeededEntropy};
use sinks::lineage::{self, Whose};
use sinks::manifest::Manifest;
use sinks::mask::Mode;
use sinks::postgres::PostgresAddress;
use sinks::selection::Selection;
use sinks::sink::Subject;
use sinks::transcript::{NoFiles, markdown, one};
use sinks::{Destination, ExportOptions, Format, SinkError, proof};
use store::directory::{self, Listing};
use store::mirror;
use store::tables::{self, Row, Value};

use crate::conformance::transcripts;
use crate::files::{files, ndjson, parquet};
use crate::fixture::{Fixture, ORG, T0, contact, on_both, snapshot, user};
use crate::incremental::{apply, changed};
use crate::postgres::Lake;

const DAY_MS: i64 = 86_400_000;

fn options(fixture: &Fixture, format: Format, selection: Selection) -> ExportOptions {
    ExportOptions { transcripts: false, attachments: false, selection, ..fixture.options(format) }
}

fn only(columns: &[&str]) -> Selection {
    let mut selection = Selection { tables: Some(vec!["transcripts".to_owned()]), ..Selection::default() };
    if !columns.is_empty() {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        selection.columns = BTreeMap::from([("transcripts".to_owned(), columns)]);
    }
    selection
}

/// A conversation with more messages than go with another into one page.
fn long(id: i64) -> Snapshot {
    let mut long = snapshot(id);
    let first = long.messages.as_mut().unwrap().remove(0);
    let messages =
        (0..5_000).map(|n| Message { message_id: model::MessageId(id * 10_000 + n), ..first.clone() });
    long.messages = Some(messages.collect());
    long
}

#[tokio::test]
async fn one_layout_is_one_column_of_one_table() {
    on_both(async |fixture| {
        fixture.fill(5).await;
        apply(&fixture, &[long(201), long(202), snapshot(203)]).await;
        let markdown_only = only(&["markdown"]);
        let report = fixture.export(&options(&fixture, Format::Ndjson, markdown_only.clone())).await.unwrap();
        assert!(report.equal && report.rows == 8, "{report:?}");
        let table = markdown_only.narrow(tables::table("transcripts").unwrap()).unwrap();
        let rows = ndjson(&fixture.out().join("transcripts.ndjson"), table);
        for (row, id) in rows.iter().zip([1, 2, 3, 4, 5, 201, 202, 203]) {
            let transcript = one::read(&fixture.db, ORG, ConversationId(id), &NoFiles).await.unwrap();
            let began = T0 + id * DAY_MS;
            let expected = [ORG.0, id, began].map(Value::Integer).into_iter();
            let expected = expected.chain([Value::Text(markdown::render(&transcript))]);
            assert_eq!(*row, expected.collect::<Row>());
        }
        let mut found = BTreeSet::new();
        for whose in [Whose::Conversation(ConversationId(3)), Whose::Contact(ContactId(3))] {
            let copies = lineage::copies(&fixture.db, ORG, whose).await.unwrap();
            found.extend(copies.into_iter().map(|copy| (copy.table, copy.file)));
        }
        let file = ("transcripts".to_owned(), "transcripts.ndjson".to_owned());
        assert_eq!(found, BTreeSet::from([file]));
        assert!(proof::offline(&fixture.out(), None).await.unwrap().verified);
    })
    .await;
}

#[tokio::test]
async fn under_a_mask_there_are_none() {
    on_both(async |fixture| {
        let masked = Selection { mask: Mode::Identifiers, transcripts: true, ..Selection::default() };
        let error = fixture.export(&options(&fixture, Format::Parquet, masked)).await.unwrap_err();
        assert!(matches!(error, SinkError::MaskedTranscripts) && error.hint().is_some());
        assert!(!fixture.out().exists());
    })
    .await;
}

/// Something happens that a transcript tells, or perhaps does not.
async fn happen(fixture: &Fixture, draw: &SeededEntropy, version: i64) {
    let id = 1 + i64::try_from(draw.below(40)).unwrap();
    let name = || Some(Pii::new(format!("Name {version}")));
    let mut tx = fixture.db.begin().await.unwrap();
    match draw.below(7) {
        0 => mirror::apply(&mut tx, ORG, &[changed(id, version)], Millis(T0)).await.map(drop).unwrap(),
        1 => {
            let mut moved = changed(id, version);
            moved.conversation.created_at = Some(Millis(T0 + 100 * DAY_MS));
            mirror::apply(&mut tx, ORG, &[moved], Millis(T0)).await.unwrap();
        }
        // Again and again: since when is told to the second.
        2 => {
            let gone = ConversationId(1 + i64::try_from(draw.below(2)).unwrap());
            mirror::mark_gone(&mut tx, ORG, &[gone], Millis(T0 + version * 1_000)).await.map(drop).unwrap();
        }
        3 | 4 => {
            let renamed = Contact { name: name(), ..contact(id) };
            let at = Millis(T0 + version);
            directory::apply_contacts(&mut tx, ORG, &[renamed], at).await.unwrap();
        }
        5 => {
            let renamed = user(2 + i64::try_from(draw.below(2)).unwrap(), &format!("Bot {version}"));
            directory::apply_users(&mut tx, ORG, &[renamed], Listing::Partial, Millis(T0)).await.unwrap();
        }
        _ => {
            let mut tagged = changed(id, version);
            tagged.details.as_mut().unwrap().tags[0].name = format!("tag {version}");
            mirror::apply(&mut tx, ORG, &[tagged], Millis(T0)).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn whatever_happens_an_incremental_export_has_it_in_the_transcripts() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let mut options = options(&fixture, Format::Parquet, only(&[]));
        options.incremental = true;
        fixture.export(&options).await.unwrap();
        let draw = SeededEntropy::new(5);
        for version in 3..53 {
            happen(&fixture, &draw, version).await;
            let report = fixture.export(&options).await.unwrap();
            assert!(report.incremental && report.equal, "{version}: {report:?}");
            let table = tables::table("transcripts").unwrap();
            let paths = files(&fixture.out().join("tables/transcripts"));
            let mut found: Vec<Row> = paths.iter().flat_map(|path| parquet(path, table)).collect();
            found.sort_by_key(|row| match row[1] {
                Value::Integer(id) => id,
                _ => 0,
            });
            assert_eq!(found, transcripts(&fixture).await, "{version}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_months_of_what_transcripts_tell_are_written() {
    on_both(async |fixture| {
        fixture.fill(70).await;
        let mut options = options(&fixture, Format::Parquet, only(&[]));
        options.incremental = true;
        fixture.export(&options).await.unwrap();
        let months = Manifest::read(&fixture.out()).unwrap().unwrap().tables.len() as u64;
        assert!(months > 2);
        assert_eq!(fixture.export(&options).await.unwrap().parts_written, 0);
        fixture.rename_contact().await;
        assert_eq!(fixture.export(&options).await.unwrap().parts_written, 1);
        // What is not a name is told in no transcript.
        let mut away = user(2, "Robo");
        away.availability = Some("OFFLINE".to_owned());
        let mut tx = fixture.db.begin().await.unwrap();
        directory::apply_users(&mut tx, ORG, &[away], Listing::Partial, Millis(T0)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(fixture.export(&options).await.unwrap().parts_written, 0);
        let mut tx = fixture.db.begin().await.unwrap();
        directory::apply_users(&mut tx, ORG, &[user(2, "Roba")], Listing::Partial, Millis(T0)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(fixture.export(&options).await.unwrap().parts_written, months);
    })
    .await;
}

#[tokio::test]
async fn fewer_columns_go_to_databases_are_brought_up_to_date_and_erased() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let lake = Lake::make().await;
        if let Some(lake) = &lake {
            // Somebody's own, by the name of one that does not go there.
            lake.run("CREATE SCHEMA few; CREATE TABLE few.attachments (note TEXT)").await;
        }
        let server = lake.iter().map(|lake| PostgresAddress::parse(&lake.url, Some("few")).unwrap());
        let server = server.map(|address| Destination::Postgres { address });
        let few = ["conversations=status", "messages=text", "contacts=email", "transcripts=markdown"];
        let few = few.map(|one| one.split_once('=').unwrap());
        let selection = Selection {
            tables: Some(few.map(|(table, _)| table.to_owned()).to_vec()),
            columns: few.map(|(table, column)| (table.to_owned(), vec![column.to_owned()])).into(),
            ..Selection::default()
        };
        for destination in server.chain([Destination::sqlite(fixture.dir.path().join("few.sqlite"))]) {
            let mut options = options(&fixture, Format::Parquet, selection.clone());
            (options.destination, options.incremental) = (destination, true);
            assert!(fixture.export(&options).await.unwrap().equal);
            fixture.set_status(3, "closed").await;
            let report = fixture.export(&options).await.unwrap();
            assert!(report.incremental && report.equal, "{report:?}");
            let subject = Subject {
                org: ORG,
                conversations: BTreeSet::from([ConversationId(3)]),
                contacts: BTreeSet::new(),
                attachments: BTreeSet::new(),
            };
            let erase = async || options.destination.target().sink().erase(&subject).await.unwrap().rows;
            assert_eq!((erase().await, erase().await), (7, 0));
            options.incremental = false;
            assert!(fixture.export(&options).await.unwrap().equal, "they come back: the mirror has them");

            // A month of messages is known by their conversations.
            options.selection =
                Selection { tables: Some(vec!["messages".to_owned()]), ..Selection::default() };
            let error = fixture.export(&options).await.unwrap_err();
            assert!(
                matches!(error, SinkError::NoConversations { table: "messages" }) && error.hint().is_some()
            );
        }
    })
    .await;
}
