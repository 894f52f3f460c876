//! An export that was made, held against its manifest, its signature, and the mirror of today.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use store::audit::{PublicKey, attested, parse_public_key};
use store::export_runs::ExportRun;

use super::compare::{self, Difference};
use super::{Cuts, bytes, destination_digest, mirror_digest, period};
use crate::SinkError;
use crate::copy::{self, Source};
use crate::destination::Destination;
use crate::format::{Format, Formulas};
use crate::manifest::{MANIFEST, Manifest, SIGNATURE};
use crate::sink::PartFile;

/// A table that tells of the runs themselves: it has gone on since the run that wrote it.
const RUNS: &str = "export_runs";

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The run that wrote it.
    pub run_id: String,
    /// Where it lies.
    pub destination: String,
    /// Whether nothing is wrong and nothing differs.
    pub verified: bool,
    /// What the signature is worth: `valid`, `invalid` or `missing`.
    pub signature: &'static str,
    /// Parts that were read.
    pub parts: u64,
    /// Rows in them.
    pub rows: u64,
    /// Transcripts and attachments that were read.
    pub files: u64,
    /// What is not as it was written, with why.
    pub damaged: Vec<String>,
    /// What the mirror has otherwise; none is looked for without a mirror.
    pub differing: Vec<Difference>,
}

/// Hold what a run left against its manifest, its signature and the mirror. Only keys in `keys` are believed.
///
/// # Errors
/// [`SinkError::NotVerifiable`] for a run without a manifest, and those of the store and of a destination that cannot be asked. What
/// is wrong at the destination is no error.
pub async fn verify(
    source: Source<'_>,
    run: &ExportRun,
    destination: &Destination,
    keys: &[PublicKey],
) -> Result<Verification, SinkError> {
    let stored = run.manifest.as_deref().and_then(|text| serde_json::from_str::<Manifest>(text).ok());
    let (Some(manifest), Some(text)) = (stored, run.manifest.as_deref()) else {
        return Err(SinkError::NotVerifiable { run: run.export_run_id.0.clone() });
    };
    let mut found = begin(&manifest, run.destination.clone());
    found.signature = judge(&manifest, text, run.signature.as_deref(), keys);
    if destination.has_files() {
        if bytes::text_of(destination).await?.unwrap_or_default() != text {
            found.damaged.push(format!("{MANIFEST} is not the one that this run wrote"));
        }
        found.check_files(destination, &manifest).await?;
    }
    found.compare(source, destination, &manifest).await?;
    found.judge();
    Ok(found)
}

/// The same of a folder alone, without a database: believed is `key`, or the one that the manifest names.
///
/// # Errors
/// [`SinkError::NotVerifiable`] when it holds no export.
pub async fn offline(dir: &Path, key: Option<PublicKey>) -> Result<Verification, SinkError> {
    let none = || SinkError::NotVerifiable { run: dir.display().to_string() };
    let folder = |format| Destination::folder(dir.to_path_buf(), format, Formulas::Keep);
    let text = bytes::text_of(&folder(Format::Ndjson)).await?.ok_or_else(none)?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|_| none())?;
    let destination = folder(Format::named(&manifest.format).ok_or_else(none)?);
    let signature = tokio::fs::read_to_string(dir.join(SIGNATURE)).await.ok();
    let signature = signature.map(|digits| hex::decode(digits.trim()).unwrap_or_default());
    let keys: Vec<PublicKey> = key.or_else(|| parse_public_key(&manifest.public_key)).into_iter().collect();
    let mut found = begin(&manifest, dir.display().to_string());
    found.signature = judge(&manifest, &text, signature.as_deref(), &keys);
    if !manifest.complete {
        found.damaged.push("the export is not complete".to_owned());
    }
    found.check_files(&destination, &manifest).await?;
    for part in &manifest.tables {
        found.read(&destination, &manifest, part).await;
    }
    found.judge();
    Ok(found)
}

fn begin(manifest: &Manifest, destination: String) -> Verification {
    Verification {
        run_id: manifest.run_id.0.clone(),
        destination,
        verified: false,
        signature: "missing",
        parts: 0,
        rows: 0,
        files: 0,
        damaged: Vec::new(),
        differing: Vec::new(),
    }
}

fn judge(manifest: &Manifest, text: &str, signature: Option<&[u8]>, keys: &[PublicKey]) -> &'static str {
    let Some(signature) = signature.filter(|_| !manifest.public_key.is_empty()) else { return "missing" };
    let is_valid = keys.iter().any(|key| attested(key, text.as_bytes(), signature));
    if is_valid { "valid" } else { "invalid" }
}

impl Verification {
    fn judge(&mut self) {
        self.verified = self.damaged.is_empty() && self.differing.is_empty() && self.signature != "invalid";
    }

    /// Hold the bytes of every file against its hash.
    async fn check_files(&mut self, destination: &Destination, manifest: &Manifest) -> Result<(), SinkError> {
        let checked = bytes::check(destination, manifest).await?;
        self.files += checked.files;
        self.damaged.extend(checked.damaged);
        Ok(())
    }

    /// Read a part, and hold its rows against their hash; answers whether they are as they were written.
    async fn read(&mut self, destination: &Destination, manifest: &Manifest, part: &PartFile) -> bool {
        if destination.dir().is_some() && !crate::files::is_ours(part, manifest.org_id) {
            // It is told as damaged already.
            return false;
        }
        let table = store::tables::table(&part.table).and_then(|table| manifest.selection.narrow(table).ok());
        let Some(table) = table else {
            self.damaged.push(format!("{} is of no table that is known", part.file));
            return false;
        };
        match destination_digest((manifest.org_id, table), destination, part).await {
            Ok(read) => {
                self.parts += 1;
                self.rows += read.rows;
                let is_as_written =
                    read.rows == part.rows && (part.digest.is_empty() || read.digest == part.digest);
                // In another order they have another hash: then they are compared one by one.
                let may_be = read.rows == part.rows && destination.sorts_otherwise(table);
                if !is_as_written && !may_be {
                    self.damaged.push(format!("{} has other rows than were written", part.file));
                }
                is_as_written
            }
            Err(error) => {
                self.damaged.push(format!("{} cannot be read: {error}", part.file));
                false
            }
        }
    }

    /// Read every part, and the mirror's rows beside it.
    async fn compare(
        &mut self,
        source: Source<'_>,
        destination: &Destination,
        manifest: &Manifest,
    ) -> Result<(), SinkError> {
        let mut cuts = Cuts::default();
        for part in &manifest.tables {
            let can_be_read = self.read(destination, manifest, part).await || part.digest.is_empty();
            if part.table == RUNS {
                continue;
            }
            let Some(cut) = cuts.of(source, destination, part).await? else {
                self.differing.push(Difference::all_extra(part));
                continue;
            };
            let mirror = mirror_digest(source, &cut, destination.formulas()).await?;
            if can_be_read && (mirror.rows, &mirror.digest) == (part.rows, &part.digest) {
                continue;
            }
            let compared = compare::compare(source, destination, &cut, Some(part), mirror.rows).await;
            // A file that cannot be read is told as damaged already.
            self.differing.extend(compared.ok().filter(|it| !it.is_none()));
        }
        self.look_for_more(source, destination, manifest).await
    }

    /// Months of the mirror that the destination knows nothing of.
    async fn look_for_more(
        &mut self,
        source: Source<'_>,
        destination: &Destination,
        manifest: &Manifest,
    ) -> Result<(), SinkError> {
        let known: BTreeSet<(&str, Option<&str>)> =
            manifest.tables.iter().map(|part| (part.table.as_str(), part.period.as_deref())).collect();
        let tables: BTreeSet<&str> = manifest.tables.iter().map(|part| part.table.as_str()).collect();
        for table in tables.iter().filter_map(|name| source.table(name)) {
            for cut in copy::cuts(source, destination.layout(), table).await? {
                if known.contains(&(table.name, period(&cut).as_deref())) {
                    continue;
                }
                let more = compare::compare(source, destination, &cut, None, 0).await?;
                self.differing.extend(Some(more).filter(|it| !it.is_none()));
            }
        }
        Ok(())
    }
}
