//! What the mirror already holds, asked by id: so that nothing is fetched that is here.

use std::collections::HashSet;

use model::{AttachmentId, ContactId, MessageId, OrgId};

use crate::db::Db;
use crate::error::StoreError;
use crate::mirror::state::{Pair, by_ids, json_ids};

const MESSAGES: Pair =
    by_ids!("SELECT message_id FROM messages WHERE live AND org_id = $1 AND message_id", "");

/// Which of these messages the mirror holds as live. Hold the list of ids short.
///
/// # Errors
/// The database's error.
pub async fn messages_held(db: &Db, org: OrgId, ids: &[MessageId]) -> Result<HashSet<MessageId>, StoreError> {
    let (text, ids) = (MESSAGES.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let held: Vec<i64> =
        on_db!(db, pool => sqlx::query_scalar(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    Ok(held.into_iter().map(MessageId).collect())
}

const FILES: Pair =
    by_ids!("SELECT attachment_id FROM attachment_files WHERE org_id = $1 AND attachment_id", "");

/// Which of these attachments have their bytes here, or are known to be gone. Hold the list of ids short.
///
/// # Errors
/// The database's error.
pub async fn files_held(
    db: &Db,
    org: OrgId,
    ids: &[AttachmentId],
) -> Result<HashSet<AttachmentId>, StoreError> {
    let (text, ids) = (FILES.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let held: Vec<i64> =
        on_db!(db, pool => sqlx::query_scalar(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    Ok(held.into_iter().map(AttachmentId).collect())
}

const CONTACT: &str = "
    SELECT contact_id FROM contacts WHERE org_id = $1 AND contact_id = $2
    UNION
    SELECT contact_id FROM contacts_gone WHERE org_id = $1 AND contact_id = $2";

/// Whether a contact is here, or known to be gone.
///
/// # Errors
/// The database's error.
pub async fn contact_is_held(db: &Db, org: OrgId, id: ContactId) -> Result<bool, StoreError> {
    let held: Option<i64> =
        on_db!(db, pool => sqlx::query_scalar(CONTACT).bind(org.0).bind(id.0).fetch_optional(pool).await)?;
    Ok(held.is_some())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("mirror::held::CONTACT", CONTACT)];

pub(crate) const PAIRS: &[(&str, &Pair)] =
    &[("mirror::held::MESSAGES", &MESSAGES), ("mirror::held::FILES", &FILES)];
