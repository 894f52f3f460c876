//! The bytes of attachments: fetched once each, kept beside their hash and size.

use model::{AttachmentId, ConversationId, MessageId, Millis, OrgId};
use sha2::{Digest as _, Sha256};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state;

/// An attachment whose bytes were neither fetched nor said to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentMissing {
    /// Which.
    pub attachment_id: AttachmentId,
    /// A message it is on.
    pub message_id: MessageId,
    /// That message's conversation.
    pub conversation_id: ConversationId,
}

/// The stored bytes of an attachment.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The content.
    pub bytes: Vec<u8>,
    /// As it was served.
    pub mime_type: Option<String>,
    /// Of the content.
    pub sha256: [u8; 32],
    /// When it was stored.
    pub stored_at: Millis,
}

impl std::fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredFile")
            .field("size", &self.bytes.len())
            .field("mime_type", &self.mime_type)
            .finish_non_exhaustive()
    }
}

const MISSING: &str = "
    SELECT attachment_id, MIN(message_id) AS message_id, MIN(conversation_id) AS conversation_id
    FROM attachments
    WHERE org_id = $1 AND attachment_id > $2
      AND NOT EXISTS (SELECT 1 FROM attachment_files
        WHERE attachment_files.org_id = attachments.org_id
          AND attachment_files.attachment_id = attachments.attachment_id)
    GROUP BY attachment_id ORDER BY attachment_id LIMIT $3";

/// Attachments whose bytes are still to be fetched, in the order of ids; also those of messages no longer there.
///
/// # Errors
/// The database's error.
pub async fn attachments_missing(
    db: &Db,
    org: OrgId,
    after: Option<AttachmentId>,
    limit: u32,
) -> Result<Vec<AttachmentMissing>, StoreError> {
    let rows: Vec<(i64, i64, i64)> = on_db!(db, pool => sqlx::query_as(MISSING)
        .bind(org.0)
        .bind(after.map_or(i64::MIN, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows
        .into_iter()
        .map(|(attachment, message, conversation)| AttachmentMissing {
            attachment_id: AttachmentId(attachment),
            message_id: MessageId(message),
            conversation_id: ConversationId(conversation),
        })
        .collect())
}

const STORE: &str = "
    INSERT INTO attachment_files (org_id, attachment_id, mime_type, size_bytes, sha256, stored_at, bytes)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (org_id, attachment_id) DO UPDATE
    SET mime_type = excluded.mime_type, size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
        stored_at = excluded.stored_at, bytes = excluded.bytes, gone_at = NULL
    WHERE attachment_files.sha256 IS NULL OR attachment_files.sha256 <> excluded.sha256";

/// Store the bytes of an attachment; the same bytes again change nothing.
///
/// # Errors
/// The database's error.
pub async fn store_attachment(
    tx: &mut Tx,
    org: OrgId,
    id: AttachmentId,
    bytes: &[u8],
    mime_type: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    let sha256 = Sha256::digest(bytes).to_vec();
    let size = i64::try_from(bytes.len()).expect("a slice's length fits");
    on_tx!(tx, conn => sqlx::query(STORE)
        .bind(org.0)
        .bind(id.0)
        .bind(mime_type)
        .bind(size)
        .bind(sha256)
        .bind(now.0)
        .bind(bytes)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const GONE: &str = "
    INSERT INTO attachment_files (org_id, attachment_id, gone_at) VALUES ($1, $2, $3)
    ON CONFLICT (org_id, attachment_id) DO UPDATE SET gone_at = excluded.gone_at
    WHERE attachment_files.gone_at IS NULL";

/// Note that Drift has no such file (any more); bytes that were stored stay.
///
/// # Errors
/// The database's error.
pub async fn mark_attachment_gone(
    tx: &mut Tx,
    org: OrgId,
    id: AttachmentId,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(GONE).bind(org.0).bind(id.0).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

row! {
    struct FileRow {
        bytes: Vec<u8>,
        mime_type: Option<String>,
        sha256: Vec<u8>,
        stored_at: i64,
    }
}

const BYTES: &str = "
    SELECT bytes, mime_type, sha256, stored_at FROM attachment_files
    WHERE org_id = $1 AND attachment_id = $2 AND bytes IS NOT NULL";

/// The bytes of an attachment, if they were stored.
///
/// # Errors
/// The database's error.
pub async fn attachment_bytes(
    db: &Db,
    org: OrgId,
    id: AttachmentId,
) -> Result<Option<StoredFile>, StoreError> {
    let row: Option<FileRow> =
        on_db!(db, pool => sqlx::query_as(BYTES).bind(org.0).bind(id.0).fetch_optional(pool).await)?;
    row.map(|row| {
        Ok(StoredFile {
            sha256: state::hash(&row.sha256)?,
            bytes: row.bytes,
            mime_type: row.mime_type,
            stored_at: Millis(row.stored_at),
        })
    })
    .transpose()
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("mirror::files::MISSING", MISSING),
    ("mirror::files::STORE", STORE),
    ("mirror::files::GONE", GONE),
    ("mirror::files::BYTES", BYTES),
];
