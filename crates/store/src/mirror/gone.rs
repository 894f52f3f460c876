//! Conversations that Drift says it has not (404): kept, and marked.
//!
//! The mark carries when Drift said so. It holds against every snapshot fetched before and yields to every one
//! fetched after, in whatever order they are delivered.

use model::{ConversationId, Millis, OrgId};

use crate::changes::{self, ChangeKind, NewChange};
use crate::db::Tx;
use crate::error::StoreError;
use crate::mirror::state::{Pair, by_ids, json_ids};
use crate::mirror::write;

const MARK_NEW: Pair = by_ids!(
    "UPDATE conversations SET gone_at = $3
    WHERE org_id = $1 AND gone_at IS NULL AND seen_at <= $3 AND conversation_id",
    "RETURNING conversation_id"
);
const MARK_LATER: Pair = by_ids!(
    "UPDATE conversations SET gone_at = $3 WHERE org_id = $1 AND gone_at < $3 AND conversation_id",
    ""
);

/// Mark conversations as gone at Drift, as of `now`. Unknown ones and those seen later are left alone.
///
/// Answers how many were not marked before; each is a `conversation_gone` in the feed.
///
/// # Errors
/// The database's error.
pub async fn mark_gone(
    tx: &mut Tx,
    org: OrgId,
    ids: &[ConversationId],
    now: Millis,
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    write::lock(tx).await?;
    let ids = json_ids(ids.iter().map(|id| id.0));
    let (mark_new, mark_later) = (MARK_NEW.of(tx), MARK_LATER.of(tx));
    on_tx!(tx, conn => sqlx::query(mark_later).bind(org.0).bind(&ids).bind(now.0).execute(conn).await.map(drop))?;
    let mut marked: Vec<i64> = on_tx!(tx, conn => sqlx::query_scalar(mark_new)
        .bind(org.0)
        .bind(&ids)
        .bind(now.0)
        .fetch_all(conn)
        .await)?;
    marked.sort_unstable();
    let found: Vec<NewChange> =
        marked.iter().map(|id| NewChange::of_conversation(*id, ChangeKind::ConversationGone)).collect();
    changes::append(tx, org, &found, now).await?;
    Ok(marked.len() as u64)
}

pub(crate) const PAIRS: &[(&str, &Pair)] =
    &[("mirror::gone::MARK_NEW", &MARK_NEW), ("mirror::gone::MARK_LATER", &MARK_LATER)];
