//! The end of a run: what was written is read back, compared with the mirror, and the manifest that says so is signed.

use model::Millis;
use store::changes;

use crate::SinkError;
use crate::destination::Target;
use crate::export::{ExportOptions, ExportProgress, Exporter};
use crate::format::Format;
use crate::manifest::Manifest;
use crate::proof::{self, PartProof, Proof};
use crate::sink::{PartFile, Plan};

/// The word for it in progress.
const STEP: &str = "reading_back";

/// The manifest, as it lies at the destination and in the store.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) manifest: Manifest,
    /// What is signed.
    pub(super) text: String,
    pub(super) signature: Option<Vec<u8>>,
}

/// Read the parts back, and put the signed manifest beside them.
pub(super) async fn seal(
    exporter: &Exporter<'_>,
    (plan, standing): (&Plan, Option<&Manifest>),
    options: &ExportOptions,
    (target, parts, finished_at): (&Target, Vec<PartFile>, Millis),
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<Sealed, SinkError> {
    let source = exporter.source(&plan.selection)?;
    let mut done = 0;
    let mut told = |rows| {
        done += rows;
        progress(ExportProgress { step: STEP, done });
    };
    let changes_upto = changes::head(exporter.db, plan.org).await?;
    let listed = match standing {
        Some(standing) => plan.listed(&standing.tables, parts.clone()),
        None => parts.clone(),
    };
    let written: Vec<PartFile> = parts.into_iter().filter(|part| listed.contains(part)).collect();
    let proofs = proof::read_back(source, &options.destination, &written, &mut told).await?;
    let proofs = with_standing(standing, &listed, proofs);
    let proof = Proof {
        equal: proofs.iter().all(PartProof::is_equal),
        read_back_at: exporter.clock.now(),
        changes_upto,
        parts: proofs,
    };
    let begun = || Manifest {
        format: options.destination.format().to_owned(),
        finished_at: Some(finished_at),
        complete: true,
        ..Manifest::begun(plan, Format::Ndjson, false)
    };
    let manifest = target.manifest().cloned().unwrap_or_else(begun);
    let manifest = Manifest {
        tables: listed,
        proof: Some(proof),
        public_key: exporter.signer.map_or_else(String::new, |signer| hex::encode(signer.public_key())),
        ..manifest
    };
    let text = manifest.text();
    let signature = exporter.signer.map(|signer| signer.attest(text.as_bytes()));
    target.seal(&text, signature.as_deref()).await?;
    Ok(Sealed { manifest, text, signature })
}

/// What was read back, and of what an incremental run left standing what was read back when that was written.
fn with_standing(
    standing: Option<&Manifest>,
    listed: &[PartFile],
    mut proofs: Vec<PartProof>,
) -> Vec<PartProof> {
    fn name(part: &PartProof) -> (&str, Option<&str>) {
        (&part.table, part.period.as_deref())
    }
    let before = standing.and_then(|standing| standing.proof.as_ref());
    let is_listed =
        |part: &PartProof| listed.iter().any(|it| (it.table.as_str(), it.period.as_deref()) == name(part));
    let is_new = |part: &PartProof| proofs.iter().any(|new| name(new) == name(part));
    let kept = before.iter().flat_map(|proof| &proof.parts).filter(|part| is_listed(part) && !is_new(part));
    let kept: Vec<PartProof> = kept.cloned().collect();
    proofs.extend(kept);
    proofs
}
