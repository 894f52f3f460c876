//! Counting what the mirror holds.

use std::collections::BTreeMap;

use model::{Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;
use crate::tables;

/// How much of everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows of each public table.
    pub tables: BTreeMap<&'static str, i64>,
    /// Conversations, those gone included.
    pub conversations: i64,
    /// Conversations by status, those gone included.
    pub conversations_by_status: BTreeMap<String, i64>,
    /// Conversations that Drift says are gone.
    pub conversations_gone: i64,
    /// Conversations whose messages were never read, without those gone.
    pub conversations_without_messages: i64,
    /// Conversations whose details were never read, without those gone.
    pub conversations_without_details: i64,
    /// Live messages.
    pub messages: i64,
    /// Messages kept that Drift no longer lists.
    pub messages_removed: i64,
    /// Contacts.
    pub contacts: i64,
    /// Contacts that conversations name and Drift says it has not.
    pub contacts_gone: i64,
    /// Distinct attachments that messages name.
    pub attachments: i64,
    /// Those whose bytes are stored.
    pub attachments_with_bytes: i64,
    /// Those whose bytes Drift says it has not, and that are not stored.
    pub attachments_gone: i64,
    /// Bytes of stored attachments.
    pub attachment_bytes: i64,
}

row! {
    struct StatusRow {
        status: String,
        count: i64,
        gone: i64,
        unread: i64,
        undetailed: i64,
        messages: i64,
    }
}

const BY_STATUS: &str = "
    SELECT status, COUNT(*) AS count, COUNT(gone_at) AS gone,
        COUNT(CASE WHEN gone_at IS NULL AND messages_fetched_at IS NULL THEN 1 END) AS unread,
        COUNT(CASE WHEN gone_at IS NULL AND details_fetched_at IS NULL THEN 1 END) AS undetailed,
        CAST(SUM(message_count) AS BIGINT) AS messages
    FROM conversations WHERE org_id = $1 GROUP BY status";

row! {
    struct FileCounts {
        stored: i64,
        gone: i64,
        bytes: i64,
    }
}

const FILES: &str = "
    SELECT COUNT(sha256) AS stored, COUNT(CASE WHEN sha256 IS NULL THEN gone_at END) AS gone,
        CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes
    FROM attachment_files WHERE org_id = $1";
const ATTACHMENTS: &str = "SELECT COUNT(DISTINCT attachment_id) FROM attachments WHERE org_id = $1";
const CONTACTS_GONE: &str = "SELECT COUNT(*) FROM contacts_gone WHERE org_id = $1";

/// Count everything of an organization. Reads each public table once.
///
/// # Errors
/// The database's error.
pub async fn counts(db: &Db, org: OrgId) -> Result<Counts, StoreError> {
    let mut counts = Counts { tables: tables::count_all(db, org).await?, ..Counts::default() };
    let rows: Vec<StatusRow> =
        on_db!(db, pool => sqlx::query_as(BY_STATUS).bind(org.0).fetch_all(pool).await)?;
    for row in rows {
        counts.conversations += row.count;
        counts.conversations_gone += row.gone;
        counts.conversations_without_messages += row.unread;
        counts.conversations_without_details += row.undetailed;
        counts.messages += row.messages;
        counts.conversations_by_status.insert(row.status, row.count);
    }
    let rows = |table: &str| counts.tables.get(table).copied().unwrap_or_default();
    (counts.contacts, counts.messages_removed) = (rows("contacts"), rows("messages") - counts.messages);
    let files: FileCounts = on_db!(db, pool => sqlx::query_as(FILES).bind(org.0).fetch_one(pool).await)?;
    counts.attachments_with_bytes = files.stored;
    counts.attachments_gone = files.gone;
    counts.attachment_bytes = files.bytes;
    counts.attachments =
        on_db!(db, pool => sqlx::query_scalar(ATTACHMENTS).bind(org.0).fetch_one(pool).await)?;
    counts.contacts_gone =
        on_db!(db, pool => sqlx::query_scalar(CONTACTS_GONE).bind(org.0).fetch_one(pool).await)?;
    Ok(counts)
}

const WROTE: &str = "
    SELECT COUNT(DISTINCT contact_id) FROM conversations WHERE org_id = $1 AND contact_id IS NOT NULL";

/// How many people conversations are with, those whose contact was never read included.
///
/// # Errors
/// The database's error.
pub async fn count_people_of_conversations(db: &Db, org: OrgId) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(WROTE).bind(org.0).fetch_one(pool).await)?)
}

const CREATED_BETWEEN: &str = "
    SELECT COUNT(*) FROM conversations WHERE org_id = $1 AND created_at >= $2 AND created_at < $3";

/// How many conversations Drift created in `from..to`, those gone included.
///
/// # Errors
/// The database's error.
pub async fn count_created_between(db: &Db, org: OrgId, from: Millis, to: Millis) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(CREATED_BETWEEN)
        .bind(org.0)
        .bind(from.0)
        .bind(to.0)
        .fetch_one(pool)
        .await)?)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("mirror::counts::BY_STATUS", BY_STATUS),
    ("mirror::counts::FILES", FILES),
    ("mirror::counts::ATTACHMENTS", ATTACHMENTS),
    ("mirror::counts::CONTACTS_GONE", CONTACTS_GONE),
    ("mirror::counts::WROTE", WROTE),
    ("mirror::counts::CREATED_BETWEEN", CREATED_BETWEEN),
];
