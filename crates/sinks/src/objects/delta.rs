//! Delta logs beside the tables: what engines read while exports go on, each table at one version.
//!
//! A log says which objects a table has; what they hold nobody but the sink knows. So a log is made from the manifest: what the
//! manifest names and the log does not is added, what the log has and the manifest does not is removed, in one commit a
//! table. That can be done again at any time, and the next run does it where a process died before it. Whoever does it holds
//! the claim on the prefix, so that nobody else commits meanwhile.
//!
//! The format is the Delta protocol's, by `delta_kernel`, the library that its makers keep. It comes with the feature `delta`; without
//! it logs can be removed and not written.

#[cfg(feature = "delta")]
mod log;
#[cfg(feature = "delta")]
mod schema;

use std::collections::BTreeSet;

use crate::SinkError;
use crate::manifest::Manifest;
use crate::objects::bucket::Bucket;
use crate::objects::place;

/// What it is called.
pub const DELTA: &str = "delta";
/// The folder of a log within its table's.
const LOG: &str = "_delta_log";

/// Whether this program can write logs.
pub(crate) const fn is_known() -> bool {
    cfg!(feature = "delta")
}

/// Whether logs stand beside what this manifest names.
pub(super) fn is_beside(manifest: &Manifest) -> bool {
    manifest.table_format.as_deref() == Some(DELTA)
}

/// Bring the logs to what a manifest names, where they tell all of `told` already: none where it says that there are none, and none
/// where this program cannot write them, for a log that is left behind names objects that are gone.
///
/// # Errors
/// Those of the store, and [`SinkError::TableLog`] for a log that cannot be read or written.
pub(super) async fn bring(
    bucket: &Bucket,
    manifest: &Manifest,
    told: Option<&Manifest>,
) -> Result<(), SinkError> {
    let standing = standing(bucket).await?;
    #[cfg(feature = "delta")]
    if is_beside(manifest) {
        return log::bring_all(bucket, (manifest, told), &standing).await;
    }
    #[cfg(not(feature = "delta"))]
    let _ = (manifest, told);
    for table in standing {
        remove(bucket, &table).await?;
    }
    Ok(())
}

/// Remove a log: the objects stay, and nobody tells of them but the manifest.
async fn remove(bucket: &Bucket, table: &str) -> Result<(), SinkError> {
    bucket.delete_below(&folder_of_log(table), |_| true).await?;
    Ok(())
}

/// The tables that have a log.
async fn standing(bucket: &Bucket) -> Result<BTreeSet<String>, SinkError> {
    let mut found = BTreeSet::new();
    for folder in bucket.folders(place::TABLES).await? {
        let table = folder.rsplit('/').next().unwrap_or_default();
        if bucket.any_below(&folder_of_log(table)).await? {
            found.insert(table.to_owned());
        }
    }
    Ok(found)
}

fn folder_of_log(table: &str) -> String {
    format!("{}/{table}/{LOG}", place::TABLES)
}
