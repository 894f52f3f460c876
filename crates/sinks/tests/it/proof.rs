//! What an export says of itself holds, and what no longer holds is named.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{FakeClock, Millis, SeededEntropy};
use sinks::copy::Source;
use sinks::format::{Compression, Format, Formulas};
use sinks::proof::{self, Difference, Verification};
use sinks::{Destination, ExportOptions, Exporter, export};
use store::audit::{self, PublicKey, Signer};
use store::export_runs;
use store::vault::{Key, Vault};

use crate::fixture::{Fixture, ORG, T0, on_both};

async fn signer(fixture: &Fixture) -> Signer {
    let entropy = Arc::new(SeededEntropy::new(1));
    let vault = Vault::new(Key::generate(entropy.as_ref()), entropy);
    audit::signer(&fixture.db, &vault, Millis(T0)).await.unwrap()
}

/// An export that is signed; answers the key.
async fn signed(fixture: &Fixture, options: &ExportOptions) -> PublicKey {
    static NUMBER: AtomicU64 = AtomicU64::new(2);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let clock = FakeClock::at(Millis(T0 + number.cast_signed()));
    let (entropy, signer) = (SeededEntropy::new(number), signer(fixture).await);
    let exporter = Exporter {
        db: &fixture.db,
        org: ORG,
        clock: &clock,
        entropy: &entropy,
        signer: Some(&signer),
        mask_key: None,
    };
    let report = export(&exporter, options, std::future::pending(), |_| {}).await.unwrap();
    assert!(report.signed && report.equal, "{report:?}");
    signer.public_key()
}

async fn verified(fixture: &Fixture, options: &ExportOptions, key: PublicKey) -> Verification {
    let place = options.destination.to_string();
    let run = export_runs::last_succeeded(&fixture.db, ORG, &place).await.unwrap().unwrap();
    let source = Source::all(&fixture.db, ORG);
    proof::verify(source, &run, &options.destination, &[key]).await.unwrap()
}

#[tokio::test]
async fn an_export_in_any_format_proves_itself_with_and_without_the_store() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        for (format, formulas, compression) in [
            (Format::Ndjson, Formulas::Keep, Compression::None),
            (Format::Ndjson, Formulas::Keep, Compression::Zstd),
            (Format::Csv, Formulas::Keep, Compression::None),
            (Format::Csv, Formulas::Defuse, Compression::Gzip),
            (Format::Parquet, Formulas::Keep, Compression::None),
        ] {
            let dir = fixture.dir.path().join(format!("{}-{compression:?}", format.name()));
            let destination = Destination::folder(dir.clone(), format, formulas).compressed(compression);
            let options = ExportOptions { destination, ..fixture.options(format) };
            let key = signed(&fixture, &options).await;
            let found = verified(&fixture, &options, key).await;
            assert!(found.verified && found.signature == "valid", "{found:?}");
            let found = proof::offline(&dir, Some(key)).await.unwrap();
            assert!(found.verified && found.signature == "valid" && found.rows > 300, "{found:?}");
            let found = proof::offline(&dir, Some([7; 32])).await.unwrap();
            assert!(!found.verified && found.signature == "invalid", "{found:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn rows_hash_alike_in_formats_that_cut_alike() {
    on_both(async |fixture| {
        fixture.fill(60).await;
        let mut digests = Vec::new();
        for format in [Format::Ndjson, Format::Csv] {
            let report = fixture.export(&fixture.options(format)).await.unwrap();
            let tables = report.tables.into_iter().filter(|table| table.table != "export_runs");
            digests.push(tables.map(|table| (table.table, table.rows, table.digest)).collect::<Vec<_>>());
        }
        assert_eq!(digests[0], digests[1]);
    })
    .await;
}

#[tokio::test]
async fn what_the_mirror_has_otherwise_is_named_and_counted() {
    on_both(async |fixture| {
        fixture.fill(40).await;
        let options = fixture.options(Format::Csv);
        let key = signed(&fixture, &options).await;
        fixture.rename_contact().await;
        fixture.fill(41).await;
        let found = verified(&fixture, &options, key).await;
        assert!(!found.verified && found.damaged.is_empty(), "{found:?}");
        let of = |table: &str| found.differing.iter().find(|it| it.table == table).cloned().unwrap();
        let messages =
            Difference { table: "messages".to_owned(), period: None, missing: 5, extra: 0, changed: 0 };
        assert_eq!(of("messages"), messages);
        assert_eq!(of("conversations").missing, 1);
    })
    .await;
}

#[tokio::test]
async fn a_changed_file_a_missing_one_and_a_changed_manifest_are_found() {
    on_both(async |fixture| {
        fixture.fill(10).await;
        let options = fixture.options(Format::Ndjson);
        let key = signed(&fixture, &options).await;
        let path = fixture.out().join("messages.ndjson");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("Message", "Massage", 1)).unwrap();
        fs::remove_file(fixture.out().join("tags.ndjson")).unwrap();
        fs::remove_file(fixture.out().join("transcripts/index.html")).unwrap();
        let found = proof::offline(&fixture.out(), Some(key)).await.unwrap();
        assert!(!found.verified && found.signature == "valid", "{found:?}");
        for damage in
            ["messages.ndjson was changed", "tags.ndjson is missing", "transcripts/index.html is missing"]
        {
            assert!(found.damaged.iter().any(|it| it == damage), "{damage}: {found:?}");
        }
        let found = verified(&fixture, &options, key).await;
        let messages = found.differing.iter().find(|it| it.table == "messages").unwrap();
        assert_eq!((messages.missing, messages.extra, messages.changed), (0, 0, 1));

        let manifest = fixture.read("manifest.json").replacen("\"rows\": 50", "\"rows\": 49", 1);
        fs::write(fixture.out().join("manifest.json"), manifest).unwrap();
        let found = proof::offline(&fixture.out(), Some(key)).await.unwrap();
        assert_eq!(found.signature, "invalid", "{found:?}");
    })
    .await;
}
