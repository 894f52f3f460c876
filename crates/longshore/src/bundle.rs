//! A folder of files with its manifest: names, sizes and hashes, signed by the key of the audit log.
//!
//! The manifest is written last; the signature covers its bytes. A checker needs the folder and, to be sure whose it is, the
//! public key: no database and no vault. A file that is not in the manifest is as bad as one that was changed.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use model::{Millis, OrgId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::audit::{Signer, attested, parse_public_key};

use crate::failure::Failure;

/// The manifest's name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The name of its signature: 128 hexadecimal digits.
const SIGNATURE: &str = "manifest.sig";
/// The name of the part of the audit log.
pub(crate) const AUDIT: &str = "audit.ndjson";
const FORMAT: &str = "longshore incident bundle 1";
/// A manifest has a few kilobytes.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;
/// A bundle has a handful of files.
const FILES_MAX: usize = 1_000;

/// What lies in a folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: String,
    pub(crate) made_at: Millis,
    pub(crate) since: Millis,
    pub(crate) until: Millis,
    /// `None`: every organization.
    pub(crate) organization: Option<OrgId>,
    /// Whose signature lies beside it; empty when there was no key to sign with.
    pub(crate) public_key: String,
    files: Vec<File>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    bytes: u64,
    sha256: String,
}

/// What a bundle is about.
pub(crate) struct About {
    pub(crate) made_at: Millis,
    pub(crate) window: (Millis, Millis),
    pub(crate) organization: Option<OrgId>,
}

/// Write the manifest of the files in a folder, and its signature, where there is a key to sign with.
pub(crate) fn seal(folder: &Path, about: &About, signer: Option<&Signer>) -> Result<(), Failure> {
    let mut files = Vec::new();
    for name in names(folder).map_err(|error| Failure::disk("read", folder, &error))? {
        let path = folder.join(&name);
        let (bytes, sha256) = hash(&path).map_err(|error| Failure::disk("read", &path, &error))?;
        files.push(File { name, bytes, sha256 });
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        made_at: about.made_at,
        since: about.window.0,
        until: about.window.1,
        organization: about.organization,
        public_key: signer.map_or_else(String::new, |signer| hex::encode(signer.public_key())),
        files,
    };
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Failure::unexpected(format!("cannot write the manifest as JSON: {error}")))?;
    if let Some(signer) = signer {
        write(folder, SIGNATURE, &hex::encode(signer.attest(text.as_bytes())))?;
    }
    write(folder, MANIFEST, &text)
}

/// Write one file, and let it reach the disk.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let path = folder.join(name);
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| Failure::disk("write", &path, &error))
}

/// Hold a folder against its manifest, and that against its signature; the first thing that does not hold is told as an error.
/// Believed is the key that the manifest names, or this one alone.
pub(crate) fn check(folder: &Path, only: Option<[u8; 32]>) -> Result<Manifest, String> {
    let unread = |name: &str, error: std::io::Error| format!("{name} cannot be read: {error}");
    let text = read(&folder.join(MANIFEST)).map_err(|error| unread(MANIFEST, error))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("{MANIFEST} is not one of ours: {error}"))?;
    if manifest.format != FORMAT {
        return Err(format!("{MANIFEST} is of a format that this program does not know"));
    }
    if manifest.public_key.is_empty() {
        return Err("the bundle was made without the vault's key, and is not signed".to_owned());
    }
    let key = only.or_else(|| parse_public_key(&manifest.public_key));
    let key = key.ok_or_else(|| format!("{MANIFEST} names no public key"))?;
    let signature = read(&folder.join(SIGNATURE)).map_err(|error| unread(SIGNATURE, error))?;
    let signature = hex::decode(signature.trim_ascii()).unwrap_or_default();
    if !attested(&key, &text, &signature) {
        return Err(format!("{MANIFEST} was changed, or is signed by another key"));
    }
    for file in &manifest.files {
        let (bytes, sha256) = hash(&folder.join(&file.name)).map_err(|error| unread(&file.name, error))?;
        if (bytes, sha256.as_str()) != (file.bytes, file.sha256.as_str()) {
            return Err(format!("{} was changed", file.name));
        }
    }
    let told: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    let found = names(folder).map_err(|error| format!("the folder cannot be read: {error}"))?;
    match found.iter().find(|name| !told.contains(name.as_str())) {
        Some(added) => Err(format!("{added} was added")),
        None => Ok(manifest),
    }
}

/// The names in a folder but for the manifest and its signature, sorted.
fn names(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)?.take(FILES_MAX) {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    names.remove(MANIFEST);
    names.remove(SIGNATURE);
    Ok(names)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MANIFEST_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn hash(path: &Path) -> std::io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let (mut bytes, mut part) = (0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok((bytes, hex::encode(hasher.finalize())));
        }
        hasher.update(&part[..read]);
        bytes += read as u64;
    }
}
