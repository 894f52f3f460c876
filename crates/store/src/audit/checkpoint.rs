//! Checkpoints: signed statements of how far the log had come, and what its last hash was then.
//!
//! The chain alone cannot tell that its end was cut off, or that all of it was made anew. A checkpoint can, and its copies in
//! a second place can even when the whole database was put back. One is signed only for what follows from the last one,
//! so a log that was tampered with in between is not signed.

use ed25519_dalek::{Signature, VerifyingKey};
use model::Millis;
use serde::{Deserialize, Serialize};

use super::chain::{GENESIS, Hash};
use super::fault::{AuditError, Fault};
use super::key::{PublicKey, Signer, key_id};
use super::verify::{Start, check};
use super::witness::{DATABASE, Witnesses};
use crate::db::Db;
use crate::error::StoreError;
use crate::hash::Encoder;

/// One checkpoint. Bytes are of any length: one that was tampered with is read, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// 1 for the first, without gaps.
    pub number: i64,
    /// When it was signed.
    pub at: Millis,
    /// The last entry's number.
    pub seq: i64,
    /// The last entry's hash.
    #[serde(with = "super::hexed")]
    pub hash: Vec<u8>,
    /// Whose signature it is.
    #[serde(with = "super::hexed")]
    pub public_key: Vec<u8>,
    /// Ed25519, over all of this.
    #[serde(with = "super::hexed")]
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Whether the signature is the public key's own over just this.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let key = PublicKey::try_from(self.public_key.as_slice()).ok();
        let key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok());
        let signature = Signature::from_slice(&self.signature).ok();
        let (Some(key), Some(signature)) = (key, signature) else { return false };
        key.verify_strict(Encoder::default().audit_checkpoint(self), &signature).is_ok()
    }

    /// The hash it states, when it is one.
    pub(super) fn stated(&self) -> Option<Hash> {
        self.hash.as_slice().try_into().ok()
    }
}

row! {
    struct CheckpointRow {
        number: i64,
        at: i64,
        seq: i64,
        hash: Vec<u8>,
        signature: Vec<u8>,
        public_key: Option<Vec<u8>>,
    }
}

const CHECKPOINTS_AFTER: &str = "
    SELECT number, at, seq, hash, signature, audit_keys.public_key AS public_key
    FROM audit_checkpoints LEFT JOIN audit_keys ON audit_keys.key_id = audit_checkpoints.key_id
    WHERE number > $1 ORDER BY number LIMIT $2";
const LAST_CHECKPOINT: &str = "
    SELECT number, at, seq, hash, signature, audit_keys.public_key AS public_key
    FROM audit_checkpoints LEFT JOIN audit_keys ON audit_keys.key_id = audit_checkpoints.key_id
    ORDER BY number DESC LIMIT 1";
const INSERT_CHECKPOINT: &str = "
    INSERT INTO audit_checkpoints (number, at, seq, hash, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6)";

impl CheckpointRow {
    /// One whose key is not there has no public key, and so no valid signature.
    fn into_checkpoint(self) -> Checkpoint {
        Checkpoint {
            number: self.number,
            at: Millis(self.at),
            seq: self.seq,
            hash: self.hash,
            public_key: self.public_key.unwrap_or_default(),
            signature: self.signature,
        }
    }
}

/// The checkpoints after a number (0 for all), in order.
///
/// # Errors
/// The database's error.
pub async fn checkpoints(db: &Db, after: i64, limit: u32) -> Result<Vec<Checkpoint>, StoreError> {
    let rows: Vec<CheckpointRow> = on_db!(db, pool => sqlx::query_as(CHECKPOINTS_AFTER)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(CheckpointRow::into_checkpoint).collect())
}

/// Sign how far the log has come, unless the last checkpoint says so already. Any number of nodes may do this at once: one
/// of them writes.
///
/// # Errors
/// [`AuditError::Fault`] when what was written since the last checkpoint does not follow from it; or the database's error.
pub async fn checkpoint(db: &Db, signer: &Signer, now: Millis) -> Result<Option<Checkpoint>, AuditError> {
    let last: Option<CheckpointRow> =
        on_db!(db, pool => sqlx::query_as(LAST_CHECKPOINT).fetch_optional(pool).await)
            .map_err(StoreError::from)?;
    let last = last.map(CheckpointRow::into_checkpoint);
    let start = match &last {
        None => Start { after_seq: 0, before: GENESIS },
        Some(last) => {
            let fault = || Fault::Signature { place: DATABASE.into(), number: last.number };
            let before = last.stated().filter(|_| last.is_signed()).ok_or_else(fault)?;
            Start { after_seq: last.seq, before }
        }
    };
    let verified = check(db, start, Witnesses::none()).await?;
    if verified.last_seq == start.after_seq {
        return Ok(None);
    }
    let checkpoint = signer.sign(Checkpoint {
        number: last.map_or(0, |last| last.number) + 1,
        at: now,
        seq: verified.last_seq,
        hash: verified.hash,
        public_key: Vec::new(),
        signature: Vec::new(),
    });
    let written = insert(db, &checkpoint).await?;
    Ok(written.then_some(checkpoint))
}

/// Write it, unless another node was faster.
async fn insert(db: &Db, new: &Checkpoint) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let last: Option<CheckpointRow> =
        on_tx!(tx, conn => sqlx::query_as(LAST_CHECKPOINT).fetch_optional(conn).await)?;
    if last.is_some_and(|last| last.number >= new.number) {
        tx.rollback().await?;
        return Ok(false);
    }
    let written = on_tx!(tx, conn => sqlx::query(INSERT_CHECKPOINT)
        .bind(new.number)
        .bind(new.at.0)
        .bind(new.seq)
        .bind(new.hash.as_slice())
        .bind(key_id(&new.public_key))
        .bind(new.signature.as_slice())
        .execute(conn)
        .await
        .map(drop));
    match written.map_err(StoreError::from) {
        Ok(()) => tx.commit().await.map(|()| true),
        // On a server two may be here at once.
        Err(StoreError::Conflict { .. }) => tx.rollback().await.map(|()| false),
        Err(error) => Err(error),
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("audit::CHECKPOINTS_AFTER", CHECKPOINTS_AFTER),
    ("audit::LAST_CHECKPOINT", LAST_CHECKPOINT),
    ("audit::INSERT_CHECKPOINT", INSERT_CHECKPOINT),
];
