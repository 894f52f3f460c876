//! Whether a bucket is one that exports can go to, found out before anything is written that counts.

use bytes::Bytes;
use object_store::UpdateVersion;

use crate::objects::bucket::{Bucket, Put};
use crate::objects::error::ObjectError;
use crate::objects::place;

/// Write, overwrite on condition, and remove an object of our own.
///
/// # Errors
/// `Forbidden` where one of them is, `Unconditional` where a condition does not hold, and all others of the store.
pub(super) async fn probe(bucket: &Bucket, run: &str) -> Result<(), ObjectError> {
    let name = format!("{}/probe-{run}", place::OWN);
    bucket.put(&name, Bytes::from_static(b"written to see whether it can be\n")).await?;
    let created = bucket.put_if(&name, Bytes::from_static(b"a second\n"), None).await?;
    let never = UpdateVersion {
        e_tag: Some("\"00000000000000000000000000000000\"".to_owned()),
        version: Some("1".to_owned()),
    };
    let updated = bucket.put_if(&name, Bytes::from_static(b"a third\n"), Some(&never)).await?;
    bucket.delete(&name).await?;
    if created == Put::Lost && updated == Put::Lost {
        return Ok(());
    }
    Err(ObjectError::Unconditional { place: bucket.place().to_owned() })
}
