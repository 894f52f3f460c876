//! Whether what lies at a destination is what the mirror has, found by reading both anew.
//!
//! Each part is read with the format's reader, each row hashed ([`digest`](crate::digest)), and the mirror's rows of that part likewise, at the same
//! time. Memory holds a page of the one and a row group of the other. Only where two hashes differ the rows
//! themselves are compared, to say how many.

mod bytes;
mod compare;
mod verify;

use model::{Millis, OrgId};
use serde::{Deserialize, Serialize};
use store::tables::Table;

pub use compare::Difference;
pub use verify::{Verification, offline, verify};

use crate::SinkError;
use crate::copy::{self, CutPart, Source};
use crate::destination::Destination;
use crate::digest::{Digested, RowDigest};
use crate::format::Formulas;
use crate::sink::{PartFile, Period};

/// What was read back, and what the mirror had then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Whether every part that was read has just the mirror's rows. The mirror may have gone on meanwhile.
    pub equal: bool,
    /// When it was read, Unix milliseconds.
    pub read_back_at: Millis,
    /// The number of the last change then.
    pub changes_upto: i64,
    /// Each part that was read.
    pub parts: Vec<PartProof>,
}

/// One part, read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartProof {
    /// The table's name.
    pub table: String,
    /// The month, as in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Rows found at the destination.
    pub rows: u64,
    /// Their hash.
    pub digest: String,
    /// Rows of the mirror.
    pub mirror_rows: u64,
    /// Their hash.
    pub mirror_digest: String,
}

impl PartProof {
    /// Whether the destination has the mirror's rows.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        (self.rows, &self.digest) == (self.mirror_rows, &self.mirror_digest)
    }
}

/// Read parts back, and the mirror beside them. `told` is told the rows of each part when it is done.
///
/// # Errors
/// [`SinkError::ReadBack`] when a part is not as it was written; those of the store and of the destination.
pub(crate) async fn read_back(
    source: Source<'_>,
    destination: &Destination,
    parts: &[PartFile],
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<PartProof>, SinkError> {
    let mut cuts = Cuts::default();
    let mut proofs = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(cut) = cuts.of(source, destination, part).await? else {
            return Err(SinkError::ReadBack { file: part.file.clone() });
        };
        let (mut found, mirror) = tokio::try_join!(
            destination_digest((source.org, cut.part.table), destination, part),
            mirror_digest(source, &cut, destination.formulas())
        )?;
        if found != mirror && found.rows == mirror.rows && destination.sorts_otherwise(cut.part.table) {
            let compared = compare::compare(source, destination, &cut, Some(part), mirror.rows).await?;
            if compared.is_none() {
                found = mirror.clone();
            }
        }
        let is_as_written =
            found.rows == part.rows && (part.digest.is_empty() || found.digest == part.digest);
        if !is_as_written {
            return Err(SinkError::ReadBack { file: part.file.clone() });
        }
        told(found.rows);
        proofs.push(PartProof {
            table: part.table.clone(),
            period: part.period.clone(),
            rows: found.rows,
            digest: found.digest,
            mirror_rows: mirror.rows,
            mirror_digest: mirror.digest,
        });
    }
    Ok(proofs)
}

/// The rows of a part, as they lie at the destination.
pub(crate) async fn destination_digest(
    table: (OrgId, &'static Table),
    destination: &Destination,
    part: &PartFile,
) -> Result<Digested, SinkError> {
    let digest = RowDigest::new(Formulas::Keep);
    let read = destination.read(table, part, digest, |digest, row| digest.row(row.iter().copied()));
    Ok(read.await?.finish())
}

/// The mirror's rows of a part, hashed as a destination carries them.
pub(crate) async fn mirror_digest(
    source: Source<'_>,
    cut: &CutPart,
    formulas: Formulas,
) -> Result<Digested, SinkError> {
    let mut digest = RowDigest::new(formulas);
    copy::pages(source, cut, &mut |batch| digest.batch(batch)).await?;
    Ok(digest.finish())
}

/// The cuts of the table that was asked for last: parts come table by table.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    table: String,
    cuts: Vec<CutPart>,
}

impl Cuts {
    /// Where the mirror has the rows of a part; `None` for a part of a table or a month that it no longer knows.
    pub(crate) async fn of(
        &mut self,
        source: Source<'_>,
        destination: &Destination,
        part: &PartFile,
    ) -> Result<Option<CutPart>, SinkError> {
        if self.table != part.table {
            let Some(table) = source.table(&part.table) else { return Ok(None) };
            self.cuts = copy::cuts(source, destination.layout(), table).await?;
            self.table.clone_from(&part.table);
        }
        Ok(self.cuts.iter().find(|cut| period(cut) == part.period).cloned())
    }
}

/// The period of a cut, as a manifest names it.
pub(crate) fn period(cut: &CutPart) -> Option<String> {
    (cut.part.period != Period::All).then(|| cut.part.period.to_string())
}
