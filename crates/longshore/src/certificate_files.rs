//! A certificate as two files: `certificate.json` for machines, `certificate.html` for people.

use std::path::{Path, PathBuf};

use engine::EngineError;
use engine::certificate::{Certificate, write_html, write_json};
use serde::Serialize;
use store::Db;

use crate::disk::{self, Whole};
use crate::failure::Failure;

/// Where the two lie.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CertificateFiles {
    pub(crate) json: PathBuf,
    pub(crate) html: PathBuf,
}

/// Write both into the folder, each whole or not at all.
pub(crate) async fn write(
    db: &Db,
    certificate: &Certificate,
    folder: &Path,
) -> Result<CertificateFiles, Failure> {
    disk::make_folder(folder)?;
    let files =
        CertificateFiles { json: folder.join("certificate.json"), html: folder.join("certificate.html") };
    let mut json = Whole::begin(&files.json)?;
    write_json(db, certificate, &mut json).await.map_err(|error| at(&files.json, error))?;
    let mut html = Whole::begin(&files.html)?;
    write_html(certificate, &mut html).map_err(|error| at(&files.html, error))?;
    json.finish()?;
    html.finish()?;
    Ok(files)
}

fn at(path: &Path, error: EngineError) -> Failure {
    match error {
        EngineError::Write(error) => Failure::disk("write", path, &error),
        other => other.into(),
    }
}
