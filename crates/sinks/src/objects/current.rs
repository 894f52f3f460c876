//! `manifest.json` at an object store: the one object by which readers find all others, swapped by conditional puts.

use bytes::Bytes;
use object_store::UpdateVersion;

use crate::manifest::Manifest;
use crate::objects::bucket::{Bucket, Put};
use crate::objects::error::ObjectError;
use crate::objects::place;
use crate::sink::PartFile;

/// The largest of our own objects that is read back: some ten thousand parts.
pub(super) const OWN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The manifest and its version; `None` where there is none.
///
/// # Errors
/// `Foreign` for one that is not ours, and those of the store.
pub(super) async fn read(bucket: &Bucket) -> Result<Option<(Manifest, UpdateVersion)>, ObjectError> {
    let Some((bytes, version)) = bucket.get(place::MANIFEST, OWN_BYTES_MAX).await? else { return Ok(None) };
    let read = serde_json::from_slice::<Manifest>(&bytes).ok().filter(Manifest::is_export);
    let foreign =
        || ObjectError::Foreign { place: bucket.place().to_owned(), found: place::MANIFEST.to_owned() };
    Ok(Some((read.ok_or_else(foreign)?, version)))
}

/// Put one of our own objects in place of the version that was read, or where none was.
///
/// # Errors
/// `Overtaken` when there is another by now.
pub(super) async fn swap(
    bucket: &Bucket,
    name: &str,
    text: String,
    over: Option<&UpdateVersion>,
) -> Result<UpdateVersion, ObjectError> {
    let bytes = Bytes::from(text);
    match bucket.put_if(name, bytes.clone(), over).await? {
        Put::Done(version) => Ok(version),
        // An answer that was lost makes the client ask again, and find its own.
        Put::Lost => match bucket.get(name, OWN_BYTES_MAX).await? {
            Some((found, version)) if found == bytes => Ok(version),
            _ => Err(ObjectError::Overtaken { place: bucket.place().to_owned() }),
        },
    }
}

/// The objects that a manifest names.
pub(super) fn named(manifest: &Manifest) -> impl Iterator<Item = &PartFile> {
    manifest.tables.iter().chain(&manifest.files)
}
