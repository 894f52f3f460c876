//! What an archive has still to ask for.

use model::{ContactId, ConversationId, OrgId};

use crate::db::Db;
use crate::error::StoreError;

const WITHOUT_DETAILS: &str = "
    SELECT conversation_id FROM conversations
    WHERE org_id = $1 AND conversation_id < $2 AND gone_at IS NULL
      AND (details_updated_at IS NULL OR details_updated_at < COALESCE(updated_at, 0))
    ORDER BY conversation_id DESC LIMIT $3";

/// Conversations whose details are missing or older than the conversation, without those gone: the greatest id
/// first, after which to go on with the last one answered.
///
/// # Errors
/// The database's error.
pub async fn conversations_without_details(
    db: &Db,
    org: OrgId,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<Vec<ConversationId>, StoreError> {
    let ids: Vec<i64> = on_db!(db, pool => sqlx::query_scalar(WITHOUT_DETAILS)
        .bind(org.0)
        .bind(after.map_or(i64::MAX, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

const CONTACTS_MISSING: &str = "
    SELECT DISTINCT contact_id FROM conversations
    WHERE org_id = $1 AND contact_id > $2
      AND NOT EXISTS (SELECT 1 FROM contacts
        WHERE contacts.org_id = conversations.org_id AND contacts.contact_id = conversations.contact_id)
      AND NOT EXISTS (SELECT 1 FROM contacts_gone
        WHERE contacts_gone.org_id = conversations.org_id AND contacts_gone.contact_id = conversations.contact_id)
    ORDER BY contact_id LIMIT $3";

/// Contacts that conversations name and that were neither fetched nor said to be gone, in the order of ids.
///
/// # Errors
/// The database's error.
pub async fn contacts_missing(
    db: &Db,
    org: OrgId,
    after: Option<ContactId>,
    limit: u32,
) -> Result<Vec<ContactId>, StoreError> {
    let ids: Vec<i64> = on_db!(db, pool => sqlx::query_scalar(CONTACTS_MISSING)
        .bind(org.0)
        .bind(after.map_or(i64::MIN, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(ids.into_iter().map(ContactId).collect())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("mirror::pending::WITHOUT_DETAILS", WITHOUT_DETAILS),
    ("mirror::pending::CONTACTS_MISSING", CONTACTS_MISSING),
];
