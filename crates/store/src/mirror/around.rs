//! What stands around conversations in other tables: meetings, the files of attachments, playbooks' names, and how many
//! messages Drift no longer lists. Read for batches of conversations, for whoever tells them as a whole.

use std::collections::HashMap;

use model::record::Meeting;
use model::{AttachmentId, ContactId, ConversationId, MeetingId, Millis, OrgId, Pii, PlaybookId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::mirror::state::{self, Pair, by_ids, json_ids};

/// Playbooks whose names are read, at most.
const PLAYBOOKS_MAX: i64 = 100_000;

row! {
    struct MeetingRow {
        meeting_id: String,
        conversation_id: Option<i64>,
        contact_id: Option<i64>,
        agent_id: Option<i64>,
        status: Option<String>,
        source: Option<String>,
        kind: Option<String>,
        event_id: Option<String>,
        slot_start: Option<i64>,
        slot_end: Option<i64>,
        scheduled_at: Option<i64>,
        updated_at: Option<i64>,
        time_zone: Option<String>,
        notes: Option<String>,
        extra: String,
    }
}

const MEETINGS: Pair = by_ids!(
    "SELECT meeting_id, conversation_id, contact_id, agent_id, status, source, kind, event_id, slot_start, slot_end,
        scheduled_at, updated_at, time_zone, notes, extra
    FROM meetings WHERE org_id = $1 AND conversation_id",
    "ORDER BY meeting_id"
);

/// The meetings booked in several conversations, each conversation's in the order of ids. Hold the list of ids short.
///
/// # Errors
/// The database's error.
pub async fn meetings_of_many(
    db: &Db,
    org: OrgId,
    ids: &[ConversationId],
) -> Result<HashMap<ConversationId, Vec<Meeting>>, StoreError> {
    let (text, ids) = (MEETINGS.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let rows: Vec<MeetingRow> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    let mut found: HashMap<ConversationId, Vec<Meeting>> = HashMap::new();
    for meeting in rows.into_iter().map(Meeting::from) {
        if let Some(id) = meeting.conversation_id {
            found.entry(id).or_default().push(meeting);
        }
    }
    Ok(found)
}

impl From<MeetingRow> for Meeting {
    fn from(row: MeetingRow) -> Self {
        Self {
            meeting_id: MeetingId(row.meeting_id),
            conversation_id: row.conversation_id.map(ConversationId),
            contact_id: row.contact_id.map(ContactId),
            agent_id: row.agent_id.map(UserId),
            status: row.status,
            source: row.source,
            kind: row.kind,
            event_id: row.event_id,
            slot_start: row.slot_start.map(Millis),
            slot_end: row.slot_end.map(Millis),
            scheduled_at: row.scheduled_at.map(Millis),
            updated_at: row.updated_at.map(Millis),
            time_zone: row.time_zone,
            notes: row.notes.map(Pii::new),
            extra: row.extra,
        }
    }
}

/// What is known of a file without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// As it was served.
    pub mime_type: Option<String>,
    /// Of the content; `None` while it is not stored.
    pub size_bytes: Option<i64>,
    /// Of the content; `None` while it is not stored.
    pub sha256: Option<[u8; 32]>,
}

row! {
    struct FileRow {
        attachment_id: i64,
        mime_type: Option<String>,
        size_bytes: Option<i64>,
        sha256: Option<Vec<u8>>,
    }
}

const FILES: Pair = by_ids!(
    "SELECT attachment_id, mime_type, size_bytes, sha256 FROM attachment_files WHERE org_id = $1 AND attachment_id",
    ""
);

/// The files of several attachments, as far as they were fetched; others are missing from the answer. Hold the list of
/// ids short.
///
/// # Errors
/// The database's error.
pub async fn files_of_many(
    db: &Db,
    org: OrgId,
    ids: &[AttachmentId],
) -> Result<HashMap<AttachmentId, FileFacts>, StoreError> {
    let (text, ids) = (FILES.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let rows: Vec<FileRow> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    rows.into_iter()
        .map(|row| {
            let sha256 = row.sha256.as_deref().map(state::hash).transpose()?;
            let facts = FileFacts { mime_type: row.mime_type, size_bytes: row.size_bytes, sha256 };
            Ok((AttachmentId(row.attachment_id), facts))
        })
        .collect()
}

const NOT_LISTED: Pair = by_ids!(
    "SELECT conversation_id, COUNT(*) FROM messages WHERE NOT live AND org_id = $1 AND conversation_id",
    "GROUP BY conversation_id"
);

/// How many messages of several conversations Drift no longer lists; conversations without any are missing from the
/// answer. Hold the list of ids short.
///
/// # Errors
/// The database's error.
pub async fn messages_not_listed(
    db: &Db,
    org: OrgId,
    ids: &[ConversationId],
) -> Result<HashMap<ConversationId, i64>, StoreError> {
    let (text, ids) = (NOT_LISTED.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let rows: Vec<(i64, i64)> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|(id, count)| (ConversationId(id), count)).collect())
}

const PLAYBOOKS: &str = "
    SELECT playbook_id, name FROM playbooks WHERE org_id = $1 AND name IS NOT NULL ORDER BY playbook_id LIMIT $2";

/// The names of an organization's playbooks; at most 100,000.
///
/// # Errors
/// The database's error.
pub async fn playbook_names(db: &Db, org: OrgId) -> Result<HashMap<PlaybookId, String>, StoreError> {
    let rows: Vec<(i64, String)> = on_db!(db, pool => sqlx::query_as(PLAYBOOKS)
        .bind(org.0)
        .bind(PLAYBOOKS_MAX)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(|(id, name)| (PlaybookId(id), name)).collect())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("mirror::around::PLAYBOOKS", PLAYBOOKS)];

pub(crate) const PAIRS: &[(&str, &Pair)] = &[
    ("mirror::around::MEETINGS", &MEETINGS),
    ("mirror::around::FILES", &FILES),
    ("mirror::around::NOT_LISTED", &NOT_LISTED),
];
