//! Clearing away what no reader needs: objects of runs that died, objects of runs that were replaced long enough ago, and
//! uploads that were never finished. Only whoever holds the claim may do it.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::objects::bucket::Bucket;
use crate::objects::current;
use crate::objects::error::ObjectError;
use crate::objects::place;
use crate::objects::state::{self, State};
use crate::sink::PartFile;

/// The largest note about an upload.
const NOTE_BYTES_MAX: u64 = 16 * 1024;

/// An upload in pieces, noted before the first piece: a store keeps the pieces until it is told which upload to abort.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    /// The whole name of the object.
    pub(super) object: String,
    /// The store's own name of the upload.
    pub(super) upload_id: String,
}

/// Remove what is neither named by the manifest, nor retired lately, nor `kept` for a run that goes on. How many objects.
///
/// # Errors
/// Those of the store.
pub(super) async fn sweep(
    bucket: &Bucket,
    manifest: Option<&Manifest>,
    state: &State,
    kept: &[PartFile],
) -> Result<u64, ObjectError> {
    abort_uploads(bucket).await?;
    let parts = manifest.into_iter().flat_map(current::named).chain(kept);
    let named: HashSet<String> = parts.map(|part| part.file.clone()).collect();
    let retired: HashSet<String> = state.retired.iter().map(|retired| retired.run.clone()).collect();
    let files = manifest.and_then(|manifest| manifest.files.as_ref());
    let removed = sweep_trees(bucket, files, &retired).await?;
    let dead = move |name: &str| {
        !named.contains(name) && place::run_of(name).is_some_and(|run| !retired.contains(run))
    };
    Ok(removed + bucket.delete_below(place::TABLES, dead).await?)
}

/// The same of transcripts and attachments, tree by tree: what is in one is not looked at, there may be millions. The tree of a run
/// that goes on is a dead one's: it is filled anew, for what it shows may have been erased meanwhile.
async fn sweep_trees(
    bucket: &Bucket,
    files: Option<&PartFile>,
    retired: &HashSet<String>,
) -> Result<u64, ObjectError> {
    let named = files.and_then(|files| place::run_of(&files.file));
    let mut removed = 0;
    for folder in bucket.folders(place::FILES).await? {
        let tree = folder.rsplit('/').next().unwrap_or_default();
        if retired.contains(tree) {
            continue;
        }
        if named != Some(tree) {
            removed += bucket.delete_below(&folder, |name| place::run_of(name).is_some()).await?;
            continue;
        }
        // Of the lists that erasures have left one counts.
        for object in bucket.directly_below(&folder).await? {
            let is_list = place::folder_of_list(&object).is_some();
            if is_list && files.is_some_and(|files| files.file != object) {
                bucket.delete(&object).await?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// Have the store forget the pieces of uploads that were not finished, and remove what we noted for ourselves.
async fn abort_uploads(bucket: &Bucket) -> Result<(), ObjectError> {
    let notes: Vec<Path> = bucket
        .list(place::OWN)
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .map_err(|error| bucket.failed("list objects", &error))?;
    for note in &notes {
        let Some(name) = bucket.name(note).filter(|name| *name != state::name()) else { continue };
        if let Some((bytes, _)) = bucket.get(name, NOTE_BYTES_MAX).await?
            && let Ok(upload) = serde_json::from_slice::<Upload>(&bytes)
            && let Ok(path) = Path::parse(&upload.object)
            && bucket.name(&path).is_some()
        {
            match bucket.uploads.abort_multipart(&path, &upload.upload_id).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(bucket.failed("abort uploads", &error)),
            }
        }
        bucket.delete(name).await?;
    }
    Ok(())
}
