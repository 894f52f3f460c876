//! What the mirror holds of the conversations at hand, read before their snapshots are merged.

use std::collections::HashMap;

use model::record::{Conversation, Tag, Version};
use model::{ContactId, ConversationId, InboxId, Millis, OrgId, PlaybookId, UserId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::hash::Hash;
use crate::url::Engine;

row! {
    /// A row of `conversations`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct ConversationRow {
        pub(crate) conversation_id: i64,
        pub(crate) contact_id: Option<i64>,
        pub(crate) inbox_id: Option<i64>,
        pub(crate) status: String,
        pub(crate) created_at: Option<i64>,
        pub(crate) updated_at: Option<i64>,
        pub(crate) related_playbook_id: Option<i64>,
        pub(crate) message_count: i64,
        pub(crate) messages_hash: Option<Vec<u8>>,
        pub(crate) gone_at: Option<i64>,
        pub(crate) seen_at: i64,
        pub(crate) fetched_at: i64,
        pub(crate) details_updated_at: Option<i64>,
        pub(crate) details_fetched_at: Option<i64>,
        pub(crate) details_hash: Option<Vec<u8>>,
        pub(crate) messages_updated_at: Option<i64>,
        pub(crate) messages_fetched_at: Option<i64>,
        pub(crate) extra: String,
        pub(crate) details_extra: Option<String>,
    }
}

impl ConversationRow {
    pub(crate) fn conversation(&self) -> Conversation {
        Conversation {
            conversation_id: ConversationId(self.conversation_id),
            contact_id: self.contact_id.map(ContactId),
            inbox_id: self.inbox_id.map(InboxId),
            status: self.status.clone(),
            created_at: self.created_at.map(Millis),
            updated_at: self.updated_at.map(Millis),
            extra: self.extra.clone(),
        }
    }

    pub(crate) fn related_playbook_id(&self) -> Option<PlaybookId> {
        self.related_playbook_id.map(PlaybookId)
    }

    pub(crate) fn core_at(&self) -> Version {
        Version {
            updated_at: Millis(self.updated_at.unwrap_or_default()),
            fetched_at: Millis(self.fetched_at),
        }
    }

    pub(crate) fn details_at(&self) -> Option<Version> {
        version(self.details_updated_at, self.details_fetched_at)
    }

    pub(crate) fn messages_at(&self) -> Option<Version> {
        version(self.messages_updated_at, self.messages_fetched_at)
    }
}

pub(crate) fn version(updated_at: Option<i64>, fetched_at: Option<i64>) -> Option<Version> {
    Some(Version { updated_at: Millis(updated_at?), fetched_at: Millis(fetched_at?) })
}

pub(crate) fn hash(bytes: &[u8]) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Stored { what: "hash" })
}

/// A message or attachment the mirror knows, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) hash: Hash,
    /// For what is no longer there: the newest list that held it, and that list's hash.
    pub(crate) seen: Option<(Version, Hash)>,
}

impl Known {
    pub(crate) fn live(&self) -> bool {
        self.seen.is_none()
    }
}

/// What is known of one conversation's messages, by id, and attachments, by message and id.
#[derive(Debug, Default)]
pub(crate) struct KnownItems {
    pub(crate) messages: HashMap<i64, Known>,
    pub(crate) attachments: HashMap<(i64, i64), Known>,
}

/// What is known of one conversation's details.
#[derive(Debug, Default)]
pub(crate) struct KnownDetails {
    pub(crate) participants: Vec<UserId>,
    pub(crate) tags: Vec<Tag>,
}

/// One statement in both engines' words; they differ only in how a list of ids is unpacked from JSON.
pub(crate) struct Pair {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Pair {
    pub(crate) fn of(&self, tx: &Tx) -> &'static str {
        self.on(tx.engine())
    }

    pub(crate) fn of_db(&self, db: &Db) -> &'static str {
        self.on(db.engine())
    }

    pub(crate) fn on(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// A statement whose `$2` is a JSON array of ids: `by_ids!("SELECT … WHERE org_id = $1 AND id", "ORDER …")`.
///
/// PostgreSQL gets an array and not a sub-select: for a table it has no statistics of yet, it would join the
/// sub-select by reading the whole table; an array leads it to the index.
macro_rules! by_ids {
    ($before:literal, $after:literal) => {
        $crate::mirror::state::Pair {
            sqlite: concat!($before, " IN (SELECT value FROM json_each($2)) ", $after),
            postgres: concat!(
                $before,
                " = ANY(ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS json)))) ",
                $after
            ),
        }
    };
}
pub(crate) use by_ids;

/// The ids as a JSON array.
pub(crate) fn json_ids(ids: impl IntoIterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

pub(crate) const ROWS: Pair = by_ids!(
    "SELECT conversation_id, contact_id, inbox_id, status, created_at, updated_at, related_playbook_id,
        message_count, messages_hash, gone_at, seen_at, fetched_at, details_updated_at, details_fetched_at,
        details_hash, messages_updated_at, messages_fetched_at, extra, details_extra
    FROM conversations WHERE org_id = $1 AND conversation_id",
    ""
);

pub(crate) async fn rows(
    tx: &mut Tx,
    org: OrgId,
    ids: &str,
) -> Result<HashMap<i64, ConversationRow>, StoreError> {
    let text = ROWS.of(tx);
    let rows: Vec<ConversationRow> =
        on_tx!(tx, conn => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|row| (row.conversation_id, row)).collect())
}

row! {
    struct MessageState {
        conversation_id: i64,
        message_id: i64,
        live: bool,
        hash: Vec<u8>,
        seen_updated_at: Option<i64>,
        seen_fetched_at: Option<i64>,
        seen_hash: Option<Vec<u8>>,
    }
}

row! {
    struct AttachmentState {
        conversation_id: i64,
        message_id: i64,
        attachment_id: i64,
        live: bool,
        hash: Vec<u8>,
        seen_updated_at: Option<i64>,
        seen_fetched_at: Option<i64>,
        seen_hash: Option<Vec<u8>>,
    }
}

const MESSAGES: Pair = by_ids!(
    "SELECT conversation_id, message_id, live, hash, seen_updated_at, seen_fetched_at, seen_hash
    FROM messages WHERE org_id = $1 AND conversation_id",
    ""
);
const ATTACHMENTS: Pair = by_ids!(
    "SELECT conversation_id, message_id, attachment_id, live, hash, seen_updated_at, seen_fetched_at, seen_hash
    FROM attachments WHERE org_id = $1 AND conversation_id",
    ""
);

pub(crate) async fn items(
    tx: &mut Tx,
    org: OrgId,
    ids: &str,
) -> Result<HashMap<i64, KnownItems>, StoreError> {
    let (messages, attachments) = (MESSAGES.of(tx), ATTACHMENTS.of(tx));
    let messages: Vec<MessageState> =
        on_tx!(tx, conn => sqlx::query_as(messages).bind(org.0).bind(ids).fetch_all(conn).await)?;
    let attachments: Vec<AttachmentState> =
        on_tx!(tx, conn => sqlx::query_as(attachments).bind(org.0).bind(ids).fetch_all(conn).await)?;
    let mut known: HashMap<i64, KnownItems> = HashMap::new();
    for row in messages {
        let seen = seen(row.live, row.seen_updated_at, row.seen_fetched_at, row.seen_hash.as_deref())?;
        let item = Known { hash: hash(&row.hash)?, seen };
        known.entry(row.conversation_id).or_default().messages.insert(row.message_id, item);
    }
    for row in attachments {
        let seen = seen(row.live, row.seen_updated_at, row.seen_fetched_at, row.seen_hash.as_deref())?;
        let item = Known { hash: hash(&row.hash)?, seen };
        let key = (row.message_id, row.attachment_id);
        known.entry(row.conversation_id).or_default().attachments.insert(key, item);
    }
    Ok(known)
}

fn seen(
    live: bool,
    updated_at: Option<i64>,
    fetched_at: Option<i64>,
    list: Option<&[u8]>,
) -> Result<Option<(Version, Hash)>, StoreError> {
    const BROKEN: StoreError = StoreError::Stored { what: "message's last version" };
    if live {
        return Ok(None);
    }
    let at = version(updated_at, fetched_at).ok_or(BROKEN)?;
    Ok(Some((at, hash(list.ok_or(BROKEN)?)?)))
}

pub(crate) const PARTICIPANTS: Pair = by_ids!(
    "SELECT conversation_id, user_id FROM participants WHERE org_id = $1 AND conversation_id",
    "ORDER BY conversation_id, user_id"
);
pub(crate) const TAGS: Pair = by_ids!(
    "SELECT conversation_id, name, color FROM tags WHERE org_id = $1 AND conversation_id",
    "ORDER BY conversation_id, name"
);

pub(crate) async fn details(
    tx: &mut Tx,
    org: OrgId,
    ids: &str,
) -> Result<HashMap<i64, KnownDetails>, StoreError> {
    let (participants, tags) = (PARTICIPANTS.of(tx), TAGS.of(tx));
    let participants: Vec<(i64, i64)> =
        on_tx!(tx, conn => sqlx::query_as(participants).bind(org.0).bind(ids).fetch_all(conn).await)?;
    let tags: Vec<(i64, String, Option<String>)> =
        on_tx!(tx, conn => sqlx::query_as(tags).bind(org.0).bind(ids).fetch_all(conn).await)?;
    let mut known: HashMap<i64, KnownDetails> = HashMap::new();
    for (conversation, user) in participants {
        known.entry(conversation).or_default().participants.push(UserId(user));
    }
    for (conversation, name, color) in tags {
        known.entry(conversation).or_default().tags.push(Tag { name, color });
    }
    Ok(known)
}

pub(crate) const PAIRS: &[(&str, &Pair)] = &[
    ("mirror::state::ROWS", &ROWS),
    ("mirror::state::MESSAGES", &MESSAGES),
    ("mirror::state::ATTACHMENTS", &ATTACHMENTS),
    ("mirror::state::PARTICIPANTS", &PARTICIPANTS),
    ("mirror::state::TAGS", &TAGS),
];
