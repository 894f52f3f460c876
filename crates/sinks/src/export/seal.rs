//! The end of a run: what was written is read back, compared with the mirror, and the manifest that says so is signed.

use model::Millis;
use store::changes;

use crate::SinkError;
use crate::copy::Source;
use crate::destination::Target;
use crate::export::{ExportOptions, ExportProgress, Exporter};
use crate::format::Format;
use crate::manifest::Manifest;
use crate::proof::{self, Proof};
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
    plan: &Plan,
    options: &ExportOptions,
    (target, parts, finished_at): (&Target, Vec<PartFile>, Millis),
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<Sealed, SinkError> {
    let source = Source { db: exporter.db, org: plan.org };
    let mut done = 0;
    let mut told = |rows| {
        done += rows;
        progress(ExportProgress { step: STEP, done });
    };
    let changes_upto = changes::head(exporter.db, plan.org).await?;
    let proofs = proof::read_back(source, &options.destination, &parts, &mut told).await?;
    let proof = Proof {
        equal: proofs.iter().all(proof::PartProof::is_equal),
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
        tables: parts,
        proof: Some(proof),
        public_key: exporter.signer.map_or_else(String::new, |signer| hex::encode(signer.public_key())),
        ..manifest
    };
    let text = manifest.text();
    let signature = exporter.signer.map(|signer| signer.attest(text.as_bytes()));
    target.seal(&text, signature.as_deref()).await?;
    Ok(Sealed { manifest, text, signature })
}
