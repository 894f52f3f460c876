//! Where copies of a person lie, and how they go.

use std::sync::Arc;

use model::{ContactId, ConversationId, FakeClock, Millis, SeededEntropy};
use object_store::memory::InMemory;
use sinks::copy::Source;
use sinks::format::{Compression, Format, Formulas};
use sinks::lineage::{self, Whose};
use sinks::objects::Bucket;
use sinks::{Destination, ExportOptions, Exporter, erase, proof};
use store::export_runs;

use crate::fixture::{Fixture, ORG, T0, on_both};

/// An export into a folder of this name.
async fn exported(fixture: &Fixture, name: &str, format: Format) -> ExportOptions {
    packed(fixture, name, (format, Compression::None)).await
}

async fn packed(
    fixture: &Fixture,
    name: &str,
    (format, compression): (Format, Compression),
) -> ExportOptions {
    let destination = Destination::folder(fixture.dir.path().join(name), format, Formulas::Keep);
    let destination = destination.compressed(compression);
    let options = ExportOptions { destination, ..fixture.options(format) };
    fixture.export(&options).await.unwrap();
    options
}

/// The copies as `folder: file`.
async fn copies(fixture: &Fixture, whose: Whose) -> Vec<String> {
    let found = lineage::copies(&fixture.db, ORG, whose).await.unwrap();
    let folder = |destination: &str| destination.rsplit('/').next().unwrap().to_owned();
    found.into_iter().map(|copy| format!("{}: {}", folder(&copy.destination), copy.file)).collect()
}

#[tokio::test]
async fn every_copy_of_a_conversation_and_of_a_person_is_named() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        exported(&fixture, "lake", Format::Parquet).await;
        exported(&fixture, "lake", Format::Parquet).await;
        exported(&fixture, "sheets", Format::Csv).await;
        let mut found = copies(&fixture, Whose::Conversation(ConversationId(1))).await;
        found.sort();
        insta::assert_snapshot!("copies", found.join("\n"));
        let of_contact = copies(&fixture, Whose::Contact(ContactId(1))).await;
        assert!(found.iter().all(|copy| of_contact.contains(copy)), "{of_contact:?}");
        assert!(of_contact.contains(&"sheets: contacts.csv".to_owned()), "{of_contact:?}");
        // The folders of the other months hold nothing of it.
        assert!(!found.iter().any(|copy| copy.contains("2026-02")), "{found:?}");
    })
    .await;
}

/// An export into an object store in memory.
async fn lifted(fixture: &Fixture) -> ExportOptions {
    let clock = Arc::new(FakeClock::at(Millis(T0)));
    let bucket = Bucket::over(Arc::new(InMemory::new()), &"s3://lake/drift".parse().unwrap(), clock);
    let destination = Destination::Objects {
        bucket,
        format: Format::Parquet,
        compression: Compression::None,
        formulas: Formulas::Keep,
        delta: false,
    };
    let options = ExportOptions { destination, ..fixture.options(Format::Parquet) };
    fixture.export(&options).await.unwrap();
    options
}

#[tokio::test]
async fn a_copy_in_an_object_store_is_named_and_erased() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        let options = lifted(&fixture).await;
        let place = options.destination.to_string();
        let whose = Whose::Contact(ContactId(1));
        let found = lineage::copies(&fixture.db, ORG, whose).await.unwrap();
        let messages = found.iter().filter(|copy| copy.destination == place && copy.table == "messages");
        assert!(messages.count() > 0, "{found:?}");
        let run = export_runs::last_succeeded(&fixture.db, ORG, &place).await.unwrap().unwrap();
        let subject = lineage::subject(&fixture.db, ORG, whose).await.unwrap();
        let (clock, entropy) = (FakeClock::at(Millis(T0)), SeededEntropy::new(1));
        let (db, clock, entropy) = (&fixture.db, &clock, &entropy);
        let exporter = Exporter { db, org: ORG, clock, entropy, signer: None, mask_key: None };
        let erased = erase(&exporter, &run, &options, &subject).await.unwrap();
        assert!(erased.rows > 8 && erased.files == 4, "{erased:?}");
        // What is on record is what lies there by now, under the names that it has there.
        let now = export_runs::last_succeeded(&fixture.db, ORG, &place).await.unwrap().unwrap();
        assert_eq!(erase(&exporter, &now, &options, &subject).await.unwrap().rows, 0);
        let found = proof::verify(Source::all(db, ORG), &now, &options.destination, &[]).await.unwrap();
        let missing: u64 = found.differing.iter().map(|it| it.missing).sum();
        assert!(found.damaged.is_empty() && missing == erased.rows, "{found:?}");
    })
    .await;
}

#[tokio::test]
async fn an_erasure_empties_every_copy_and_what_is_left_still_proves_itself() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        for (name, format) in [
            ("lake", (Format::Parquet, Compression::None)),
            ("sheets", (Format::Csv, Compression::None)),
            ("packed", (Format::Csv, Compression::Gzip)),
            ("lines", (Format::Ndjson, Compression::None)),
            ("small", (Format::Ndjson, Compression::Zstd)),
        ] {
            let options = packed(&fixture, name, format).await;
            let place = options.destination.to_string();
            let whole = export_runs::last_succeeded(&fixture.db, ORG, &place).await.unwrap().unwrap();
            let subject = lineage::subject(&fixture.db, ORG, Whose::Contact(ContactId(1))).await.unwrap();
            let (clock, entropy) = (FakeClock::at(Millis(T0)), SeededEntropy::new(1));
            let exporter = Exporter {
                db: &fixture.db,
                org: ORG,
                clock: &clock,
                entropy: &entropy,
                signer: None,
                mask_key: None,
            };
            let erased = erase(&exporter, &whole, &options, &subject).await.unwrap();
            assert!(erased.rows > 8 && erased.files == 4, "{erased:?}");

            let offline = proof::offline(&fixture.dir.path().join(name), None).await.unwrap();
            assert!(offline.verified, "{offline:?}");
            let now = export_runs::last_succeeded(&fixture.db, ORG, &place).await.unwrap().unwrap();
            let source = Source::all(&fixture.db, ORG);
            let found = proof::verify(source, &now, &options.destination, &[]).await.unwrap();
            let missing: u64 = found.differing.iter().map(|it| it.missing).sum();
            assert!(found.damaged.is_empty() && missing == erased.rows, "{found:?}");
            let again = erase(&exporter, &now, &options, &subject).await.unwrap();
            assert_eq!(again.rows, 0);
        }
    })
    .await;
}
