//! Exports of some tables, columns and conversations, and with a mask.

use std::collections::{BTreeMap, BTreeSet};

use model::{AttachmentId, ContactId, ConversationId, Millis};
use sinks::files::FileSink;
use sinks::format::Formulas;
use sinks::manifest::Manifest;
use sinks::mask::Mode;
use sinks::proof;
use sinks::selection::Selection;
use sinks::sink::{Sink as _, Subject};
use sinks::{ExportOptions, Format};
use store::mask_keys::MaskKey;
use store::tables::{self, Filter, Row, Value};
use zeroize::Zeroizing;

use crate::files::{csv, files, ndjson, parquet};
use crate::fixture::{Fixture, ORG, T0, on_both};

fn key() -> MaskKey {
    MaskKey::of(Zeroizing::new(vec![7; 32]))
}

fn options(fixture: &Fixture, format: Format, selection: Selection) -> ExportOptions {
    ExportOptions { transcripts: false, attachments: false, selection, ..fixture.options(format) }
}

/// The rows of a table as they lie there, with the columns that the selection leaves it.
fn rows(fixture: &Fixture, format: Format, selection: &Selection, name: &str) -> Vec<Row> {
    let table = selection.narrow(tables::table(name).unwrap()).unwrap();
    let path = fixture.out().join(format!("{name}.{}", format.name()));
    match format {
        Format::Ndjson => ndjson(&path, table),
        Format::Csv => csv(&path, table),
        Format::Parquet => files(&fixture.out().join("tables").join(name))
            .iter()
            .flat_map(|path| parquet(path, table))
            .collect(),
    }
}

#[tokio::test]
async fn what_was_chosen_goes_out_and_nothing_else() {
    on_both(async |fixture| {
        fixture.fill(70).await;
        let chosen = Selection {
            tables: Some(vec!["messages".to_owned(), "conversations".to_owned(), "contacts".to_owned()]),
            columns: BTreeMap::from([("messages".to_owned(), vec!["text".to_owned()])]),
            transcripts: false,
            filter: Filter { since: Some(Millis(T0 + 60 * 86_400_000)), ..Filter::default() },
            mask: Mode::None,
        };
        for format in [Format::Ndjson, Format::Csv, Format::Parquet] {
            let report = fixture.export(&options(&fixture, format, chosen.clone())).await.unwrap();
            assert!(report.equal, "{report:?}");
            let messages = rows(&fixture, format, &chosen, "messages");
            assert_eq!((messages.len(), messages[0].len()), (11 * 5, 4));
            assert_eq!(rows(&fixture, format, &chosen, "conversations").len(), 11);
            assert_eq!(rows(&fixture, format, &chosen, "contacts").len(), 0);
            let manifest = Manifest::read(&fixture.out()).unwrap().unwrap();
            let names: BTreeSet<&str> = manifest.tables.iter().map(|part| part.table.as_str()).collect();
            assert!(names.is_subset(&BTreeSet::from(["contacts", "conversations", "messages"])), "{names:?}");
            assert_eq!(manifest.selection, chosen);

            let subject = Subject {
                org: ORG,
                conversations: BTreeSet::from([ConversationId(65)]),
                contacts: BTreeSet::from([ContactId(65)]),
                attachments: BTreeSet::from([AttachmentId(1)]),
            };
            let mut sink = FileSink::new(fixture.out(), format, Formulas::Keep);
            assert_eq!(sink.erase(&subject).await.unwrap().rows, 6);
            assert_eq!(rows(&fixture, format, &chosen, "messages").len(), 10 * 5);
        }
    })
    .await;
}

#[tokio::test]
async fn an_incremental_export_of_chosen_conversations_comes_out_as_a_full_one() {
    on_both(async |fixture| {
        fixture.fill(50).await;
        let open = Selection {
            filter: Filter { statuses: vec!["open".to_owned()], ..Filter::default() },
            ..Selection::default()
        };
        let incremental =
            ExportOptions { incremental: true, ..options(&fixture, Format::Parquet, open.clone()) };
        fixture.export(&incremental).await.unwrap();
        for (id, status) in [(3, "closed"), (45, "closed"), (3, "open")] {
            fixture.set_status(id, status).await;
            let report = fixture.export(&incremental).await.unwrap();
            assert!(report.incremental && report.equal, "{report:?}");
            for name in ["conversations", "messages", "participants", "contacts", "users", "attachments"] {
                let table = tables::table(name).unwrap();
                let mut expected = Vec::new();
                let all = tables::Rows {
                    table,
                    org: ORG,
                    partition: None,
                    filter: Some(&open.filter),
                    among: None,
                };
                let page = tables::read_page(&fixture.db, all, None, 10_000).await.unwrap();
                expected.extend((0..page.rows()).map(|row| page.row(row)));
                let mut found = rows(&fixture, Format::Parquet, &open, name);
                let sort = |rows: &mut Vec<Row>| rows.sort_by_cached_key(|row| format!("{row:?}"));
                sort(&mut expected);
                sort(&mut found);
                assert_eq!(found, expected, "{name} after {id} is {status}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_mask_leaves_no_identifier_and_joins_still_work() {
    on_both(async |fixture| {
        fixture.fill(3).await;
        for mask in [Mode::Identifiers, Mode::AllText] {
            let masked = Selection { mask, ..Selection::default() };
            let options = options(&fixture, Format::Ndjson, masked.clone());
            let report = fixture.export_masked(&options, &key()).await.unwrap();
            assert!(report.equal, "what is read back is held against the mirror under the same mask");
            let contacts = rows(&fixture, Format::Ndjson, &masked, "contacts");
            let place = |name: &str| tables::table("contacts").unwrap().place(name).unwrap();
            let Value::Text(email) = &contacts[0][place("email")] else { panic!("{contacts:?}") };
            assert!(email.starts_with("[EMAIL:"), "{email}");
            assert_eq!(contacts[0][place("attributes")], Value::Text("{}".to_owned()));
            let everything: String = files(&fixture.out())
                .into_iter()
                .map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
                .collect();
            for canary in ["ada@example.test", "\"Ada\"", "\"00123\"", "site.test", "Robo", "a b.pdf"] {
                let may_stay = mask == Mode::Identifiers && canary == "a b.pdf";
                assert_eq!(everything.contains(canary), may_stay, "{canary} under {mask:?}");
            }
            assert_eq!(everything.contains("which says a little about prices"), mask == Mode::Identifiers);
            let verified = proof::offline(&fixture.out(), None).await.unwrap();
            assert!(verified.verified, "{verified:?}");
        }
    })
    .await;
}
