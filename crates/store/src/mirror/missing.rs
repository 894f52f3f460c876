//! How much of what Drift has is live here, and how much is still to be asked for.

use std::collections::BTreeMap;

use model::{Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;

/// What the mirror holds that Drift has not said to be gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Conversations by status.
    pub by_status: BTreeMap<String, u64>,
    /// Conversations of all statuses.
    pub conversations: u64,
    /// Their live messages.
    pub messages: u64,
    /// Conversations kept that Drift says are gone.
    pub gone: u64,
}

/// What is known to exist and has not been fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    /// Conversations whose messages were never read.
    pub messages: u64,
    /// Conversations whose details are missing or older than the conversation.
    pub details: u64,
    /// Contacts that conversations name.
    pub contacts: u64,
    /// Attachments without bytes.
    pub attachments: u64,
}

row! {
    struct LiveRow {
        status: String,
        gone: bool,
        count: i64,
        messages: i64,
    }
}

const LIVE: &str = "
    SELECT status, gone_at IS NOT NULL AS gone, COUNT(*) AS count, CAST(SUM(message_count) AS BIGINT) AS messages
    FROM conversations WHERE org_id = $1 GROUP BY status, gone_at IS NOT NULL";

/// Count what is live.
///
/// # Errors
/// The database's error.
pub async fn live(db: &Db, org: OrgId) -> Result<Live, StoreError> {
    let rows: Vec<LiveRow> = on_db!(db, pool => sqlx::query_as(LIVE).bind(org.0).fetch_all(pool).await)?;
    let mut live = Live::default();
    for row in rows {
        let count = row.count.unsigned_abs();
        if row.gone {
            live.gone += count;
        } else {
            live.conversations += count;
            live.messages += row.messages.unsigned_abs();
            live.by_status.insert(row.status, count);
        }
    }
    Ok(live)
}

const MESSAGES: &str = "
    SELECT COUNT(*) FROM conversations WHERE org_id = $1 AND gone_at IS NULL AND messages_fetched_at IS NULL";
const DETAILS: &str = "
    SELECT COUNT(*) FROM conversations
    WHERE org_id = $1 AND gone_at IS NULL
      AND (details_updated_at IS NULL OR details_updated_at < COALESCE(updated_at, 0))";
const CONTACTS: &str = "
    SELECT COUNT(DISTINCT contact_id) FROM conversations
    WHERE org_id = $1
      AND NOT EXISTS (SELECT 1 FROM contacts
        WHERE contacts.org_id = conversations.org_id AND contacts.contact_id = conversations.contact_id)
      AND NOT EXISTS (SELECT 1 FROM contacts_gone
        WHERE contacts_gone.org_id = conversations.org_id AND contacts_gone.contact_id = conversations.contact_id)";
const ATTACHMENTS: &str = "
    SELECT COUNT(DISTINCT attachment_id) FROM attachments
    WHERE org_id = $1
      AND NOT EXISTS (SELECT 1 FROM attachment_files
        WHERE attachment_files.org_id = attachments.org_id
          AND attachment_files.attachment_id = attachments.attachment_id)";

/// Count what is missing.
///
/// # Errors
/// The database's error.
pub async fn missing(db: &Db, org: OrgId) -> Result<Missing, StoreError> {
    Ok(Missing {
        messages: count(db, org, MESSAGES).await?,
        details: count(db, org, DETAILS).await?,
        contacts: count(db, org, CONTACTS).await?,
        attachments: count(db, org, ATTACHMENTS).await?,
    })
}

async fn count(db: &Db, org: OrgId, statement: &'static str) -> Result<u64, StoreError> {
    let count: i64 = on_db!(db, pool => sqlx::query_scalar(statement).bind(org.0).fetch_one(pool).await)?;
    Ok(count.unsigned_abs())
}

const FIRST_CREATED: &str = "SELECT MIN(created_at) FROM conversations WHERE org_id = $1";

/// When the oldest conversation was created; `None` without conversations.
///
/// # Errors
/// The database's error.
pub async fn first_created_at(db: &Db, org: OrgId) -> Result<Option<Millis>, StoreError> {
    let at: Option<i64> =
        on_db!(db, pool => sqlx::query_scalar(FIRST_CREATED).bind(org.0).fetch_one(pool).await)?;
    Ok(at.map(Millis))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("mirror::missing::LIVE", LIVE),
    ("mirror::missing::MESSAGES", MESSAGES),
    ("mirror::missing::DETAILS", DETAILS),
    ("mirror::missing::CONTACTS", CONTACTS),
    ("mirror::missing::ATTACHMENTS", ATTACHMENTS),
    ("mirror::missing::FIRST_CREATED", FIRST_CREATED),
];
