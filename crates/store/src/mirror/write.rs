//! Writing what was merged, many rows a statement.

use model::OrgId;
use model::record::{Attachment, Message, Version};

use crate::db::{Tx, TxKind};
use crate::error::StoreError;
use crate::hash::{Hash, clean, clean_option};
use crate::mirror::merge::{Fate, Merged};
use crate::mirror::prepared::Content;
use crate::mirror::state::{ConversationRow, Pair, by_ids, json_ids};

/// One writer of the mirror at a time, on PostgreSQL too: two that read the same conversation and each wrote what
/// they merged would undo each other. The key is ours alone in the database ("longshor" in ASCII).
const LOCK: &str = "SELECT pg_advisory_xact_lock(7813586346238897010)";

/// Become the mirror's one writer until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    if let TxKind::Postgres(tx) = &mut tx.0 {
        sqlx::query(LOCK).execute(&mut **tx).await?;
    }
    Ok(())
}

struct ConversationInsert<'a> {
    org: i64,
    row: &'a ConversationRow,
}

bulk! {
    /// New conversations, and known ones over their old rows.
    CONVERSATIONS, async fn upsert_conversations(new: ConversationInsert<'_>) = "INSERT INTO conversations" (
        org_id int = new.org,
        conversation_id int = new.row.conversation_id,
        contact_id int = new.row.contact_id,
        inbox_id int = new.row.inbox_id,
        status text = new.row.status.as_str(),
        created_at int = new.row.created_at,
        updated_at int = new.row.updated_at,
        related_playbook_id int = new.row.related_playbook_id,
        message_count int = new.row.message_count,
        messages_hash bytes = new.row.messages_hash.as_deref(),
        gone_at int = new.row.gone_at,
        seen_at int = new.row.seen_at,
        fetched_at int = new.row.fetched_at,
        details_updated_at int = new.row.details_updated_at,
        details_fetched_at int = new.row.details_fetched_at,
        details_hash bytes = new.row.details_hash.as_deref(),
        messages_updated_at int = new.row.messages_updated_at,
        messages_fetched_at int = new.row.messages_fetched_at,
        extra text = new.row.extra.as_str(),
        details_extra text = new.row.details_extra.as_deref(),
    ) "ON CONFLICT (org_id, conversation_id) DO UPDATE SET
        contact_id = excluded.contact_id, inbox_id = excluded.inbox_id, status = excluded.status,
        created_at = excluded.created_at, updated_at = excluded.updated_at,
        related_playbook_id = excluded.related_playbook_id, message_count = excluded.message_count,
        messages_hash = excluded.messages_hash, gone_at = excluded.gone_at, seen_at = excluded.seen_at,
        fetched_at = excluded.fetched_at, details_updated_at = excluded.details_updated_at,
        details_fetched_at = excluded.details_fetched_at, details_hash = excluded.details_hash,
        messages_updated_at = excluded.messages_updated_at, messages_fetched_at = excluded.messages_fetched_at,
        extra = excluded.extra, details_extra = excluded.details_extra"
}

struct MessageInsert<'a> {
    org: i64,
    conversation: i64,
    message: &'a Message,
    content: &'a Content,
    fate: &'a Fate,
}

bulk! {
    /// New messages, and known ones over their old content. A message of another conversation is left alone.
    MESSAGES, async fn upsert_messages(new: MessageInsert<'_>) = "INSERT INTO messages" (
        org_id int = new.org,
        conversation_id int = new.conversation,
        message_id int = new.message.message_id.0,
        author_kind text = clean(&new.message.author.kind),
        author_id int = new.message.author.id,
        author_bot flag = new.message.author.bot,
        kind text = clean(&new.message.kind),
        created_at int = new.message.created_at.map(|at| at.0),
        body text = clean_option(new.message.body.as_ref().map(|body| body.expose())),
        text text = new.content.text.as_deref(),
        edited_message_id int = new.message.edited_message_id.map(|id| id.0),
        edit_type text = clean_option(new.message.edit_type.as_ref()),
        live flag = new.fate.live(),
        extra text = clean(new.message.extra.expose()),
        hash bytes = new.content.hash.as_slice(),
        seen_updated_at int = new.fate.version().map(|at| at.updated_at.0),
        seen_fetched_at int = new.fate.version().map(|at| at.fetched_at.0),
        seen_hash bytes = new.fate.list(),
    ) "ON CONFLICT (org_id, message_id) DO UPDATE SET
        author_kind = excluded.author_kind, author_id = excluded.author_id, author_bot = excluded.author_bot,
        kind = excluded.kind, created_at = excluded.created_at, body = excluded.body, text = excluded.text,
        edited_message_id = excluded.edited_message_id, edit_type = excluded.edit_type, live = excluded.live,
        extra = excluded.extra, hash = excluded.hash, seen_updated_at = excluded.seen_updated_at,
        seen_fetched_at = excluded.seen_fetched_at, seen_hash = excluded.seen_hash
        WHERE messages.conversation_id = excluded.conversation_id"
}

struct AttachmentInsert<'a> {
    org: i64,
    conversation: i64,
    message: &'a Message,
    attachment: &'a Attachment,
    position: i64,
    hash: &'a Hash,
    fate: &'a Fate,
}

bulk! {
    /// New attachments, and known ones over their old content.
    ATTACHMENTS, async fn upsert_attachments(new: AttachmentInsert<'_>) = "INSERT INTO attachments" (
        org_id int = new.org,
        attachment_id int = new.attachment.attachment_id.0,
        message_id int = new.message.message_id.0,
        conversation_id int = new.conversation,
        position int = new.position,
        file_name text = clean_option(new.attachment.file_name.as_ref().map(|name| name.expose())),
        mime_type text = clean_option(new.attachment.mime_type.as_ref()),
        url text = clean_option(new.attachment.url.as_ref().map(|url| url.expose())),
        live flag = new.fate.live(),
        extra text = clean(&new.attachment.extra),
        hash bytes = new.hash.as_slice(),
        seen_updated_at int = new.fate.version().map(|at| at.updated_at.0),
        seen_fetched_at int = new.fate.version().map(|at| at.fetched_at.0),
        seen_hash bytes = new.fate.list(),
    ) "ON CONFLICT (org_id, attachment_id, message_id) DO UPDATE SET
        position = excluded.position, file_name = excluded.file_name, mime_type = excluded.mime_type,
        url = excluded.url, live = excluded.live, extra = excluded.extra, hash = excluded.hash,
        seen_updated_at = excluded.seen_updated_at, seen_fetched_at = excluded.seen_fetched_at,
        seen_hash = excluded.seen_hash"
}

struct ParticipantInsert {
    org: i64,
    conversation: i64,
    user: i64,
}

bulk! {
    /// Participants of conversations that have none stored.
    PARTICIPANTS, async fn insert_participants(new: ParticipantInsert) = "INSERT INTO participants" (
        org_id int = new.org,
        conversation_id int = new.conversation,
        user_id int = new.user,
    ) ""
}

struct TagInsert<'a> {
    org: i64,
    conversation: i64,
    name: &'a str,
    color: Option<&'a str>,
}

bulk! {
    /// Tags of conversations that have none stored.
    TAGS, async fn insert_tags(new: TagInsert<'_>) = "INSERT INTO tags" (
        org_id int = new.org,
        conversation_id int = new.conversation,
        name text = new.name,
        color text = new.color,
    ) ""
}

const DROP_MESSAGES: Pair = by_ids!(
    "UPDATE messages SET live = FALSE, seen_updated_at = $4, seen_fetched_at = $5, seen_hash = $6
    WHERE org_id = $1 AND conversation_id = $3 AND message_id",
    ""
);
const DROP_ATTACHMENT: &str = "
    UPDATE attachments SET live = FALSE, seen_updated_at = $4, seen_fetched_at = $5, seen_hash = $6
    WHERE org_id = $1 AND attachment_id = $2 AND message_id = $3";
const DELETE_PARTICIPANTS: Pair =
    by_ids!("DELETE FROM participants WHERE org_id = $1 AND conversation_id", "");
const DELETE_TAGS: Pair = by_ids!("DELETE FROM tags WHERE org_id = $1 AND conversation_id", "");

/// Write what merging came to. `known` tells which conversations had rows before.
pub(crate) async fn write(
    tx: &mut Tx,
    org: OrgId,
    merged: &[Merged<'_>],
    known: impl Fn(i64) -> bool,
) -> Result<(), StoreError> {
    let rows: Vec<ConversationInsert<'_>> = merged
        .iter()
        .filter(|merged| merged.row_changed)
        .map(|merged| ConversationInsert { org: org.0, row: &merged.row })
        .collect();
    upsert_conversations(tx, &rows).await?;
    for merged in merged {
        drop_items(tx, org, merged).await?;
    }
    write_messages(tx, org, merged).await?;
    write_attachments(tx, org, merged).await?;
    write_details(tx, org, merged, known).await
}

async fn write_messages(tx: &mut Tx, org: OrgId, merged: &[Merged<'_>]) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for merged in merged {
        let (org, conversation) = (org.0, merged.row.conversation_id);
        let row = |(message, content, fate)| MessageInsert { org, conversation, message, content, fate };
        rows.extend(
            merged.messages.iter().rev().map(|(message, content, fate)| row((message, content, fate))),
        );
        if rows.len() >= crate::bulk::POSTGRES_ROWS {
            flush_messages(tx, &mut rows).await?;
        }
    }
    flush_messages(tx, &mut rows).await
}

async fn flush_messages(tx: &mut Tx, rows: &mut Vec<MessageInsert<'_>>) -> Result<(), StoreError> {
    let written = upsert_messages(tx, rows).await?;
    if written != rows.len() as u64 {
        return Err(StoreError::Conflict { table: "messages".to_owned() });
    }
    rows.clear();
    Ok(())
}

async fn write_attachments(tx: &mut Tx, org: OrgId, merged: &[Merged<'_>]) -> Result<(), StoreError> {
    let rows: Vec<AttachmentInsert<'_>> = merged
        .iter()
        .flat_map(|merged| {
            merged.attachments.iter().map(|attachment| (merged.row.conversation_id, attachment))
        })
        .map(|(conversation, (message, attachment, position, hash, fate))| AttachmentInsert {
            org: org.0,
            conversation,
            message,
            attachment,
            position: *position,
            hash,
            fate,
        })
        .collect();
    upsert_attachments(tx, &rows).await.map(drop)
}

async fn drop_items(tx: &mut Tx, org: OrgId, merged: &Merged<'_>) -> Result<(), StoreError> {
    let Some((at, list)) = &merged.dropped_at else { return Ok(()) };
    if !merged.messages_dropped.is_empty() {
        let (text, ids) = (DROP_MESSAGES.of(tx), json_ids(merged.messages_dropped.iter().copied()));
        on_tx!(tx, conn => sqlx::query(text)
            .bind(org.0)
            .bind(ids)
            .bind(merged.row.conversation_id)
            .bind(at.updated_at.0)
            .bind(at.fetched_at.0)
            .bind(list.as_slice())
            .execute(conn)
            .await
            .map(drop))?;
    }
    for (message, attachment) in &merged.attachments_dropped {
        on_tx!(tx, conn => sqlx::query(DROP_ATTACHMENT)
            .bind(org.0)
            .bind(*attachment)
            .bind(*message)
            .bind(at.updated_at.0)
            .bind(at.fetched_at.0)
            .bind(list.as_slice())
            .execute(conn)
            .await
            .map(drop))?;
    }
    Ok(())
}

async fn write_details(
    tx: &mut Tx,
    org: OrgId,
    merged: &[Merged<'_>],
    known: impl Fn(i64) -> bool,
) -> Result<(), StoreError> {
    let all =
        || merged.iter().filter_map(|merged| Some((merged.row.conversation_id, merged.details.as_ref()?)));
    let replaced: Vec<i64> = all().map(|(id, _)| id).filter(|id| known(*id)).collect();
    if !replaced.is_empty() {
        let ids = json_ids(replaced);
        for text in [DELETE_PARTICIPANTS.of(tx), DELETE_TAGS.of(tx)] {
            on_tx!(tx, conn => sqlx::query(text).bind(org.0).bind(&ids).execute(conn).await.map(drop))?;
        }
    }
    let participants: Vec<ParticipantInsert> = all()
        .flat_map(|(conversation, details)| {
            let users = details.participants.iter();
            users.map(move |user| ParticipantInsert { org: org.0, conversation, user: user.0 })
        })
        .collect();
    insert_participants(tx, &participants).await?;
    let tags: Vec<TagInsert<'_>> = all()
        .flat_map(|(conversation, details)| {
            let tags = details.tags.iter();
            tags.map(move |tag| TagInsert {
                org: org.0,
                conversation,
                name: &tag.name,
                color: tag.color.as_deref(),
            })
        })
        .collect();
    insert_tags(tx, &tags).await.map(drop)
}

impl Fate {
    fn live(&self) -> bool {
        matches!(self, Self::Live)
    }

    fn version(&self) -> Option<&Version> {
        match self {
            Self::Live => None,
            Self::Seen(version, _) => Some(version),
        }
    }

    fn list(&self) -> Option<&[u8]> {
        match self {
            Self::Live => None,
            Self::Seen(_, list) => Some(list.as_slice()),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("mirror::write::DROP_ATTACHMENT", DROP_ATTACHMENT)];

pub(crate) const PAIRS: &[(&str, &Pair)] = &[
    ("mirror::write::DROP_MESSAGES", &DROP_MESSAGES),
    ("mirror::write::DELETE_PARTICIPANTS", &DELETE_PARTICIPANTS),
    ("mirror::write::DELETE_TAGS", &DELETE_TAGS),
];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[
    ("mirror::write::CONVERSATIONS", &CONVERSATIONS),
    ("mirror::write::MESSAGES", &MESSAGES),
    ("mirror::write::ATTACHMENTS", &ATTACHMENTS),
    ("mirror::write::PARTICIPANTS", &PARTICIPANTS),
    ("mirror::write::TAGS", &TAGS),
];
