//! Reading the mirror.

use std::collections::{BTreeMap, HashMap};

use model::record::{Attachment, Author, Contact, Conversation, Details, Message, Tag, User, Version};
use model::{AttachmentId, ContactId, ConversationId, MessageId, Millis, OrgId, Pii, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::mirror::state::{self, ConversationRow, Pair, by_ids, json_ids};

/// How far the mirror is with one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationState {
    /// Drift's update time, as of the newest snapshot.
    pub updated_at: Option<Millis>,
    /// The version of the messages; `None` when they were never read.
    pub messages_at: Option<Version>,
    /// The version of the details; `None` when they were never read.
    pub details_at: Option<Version>,
    /// Whether Drift says it is gone.
    pub gone: bool,
}

/// A conversation as the mirror holds it, without its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConversation {
    /// Its own fields.
    pub conversation: Conversation,
    /// Its details, when they were read.
    pub details: Option<Details>,
    /// How many messages are live.
    pub message_count: i64,
    /// The hash over the live messages; `None` when they were never read.
    pub messages_hash: Option<[u8; 32]>,
    /// When Drift said that it is gone.
    pub gone_at: Option<Millis>,
    /// When a fetch last found it at Drift.
    pub seen_at: Millis,
}

/// What a certificate says of one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationHash {
    /// Which.
    pub conversation_id: ConversationId,
    /// Drift's update time.
    pub updated_at: Option<Millis>,
    /// Drift's creation time.
    pub created_at: Option<Millis>,
    /// How many messages are live.
    pub message_count: i64,
    /// The hash over the live messages; `None` when they were never read.
    pub hash: Option<[u8; 32]>,
    /// Whether Drift says it is gone.
    pub gone: bool,
}

row! {
    struct StateRow {
        conversation_id: i64,
        updated_at: Option<i64>,
        gone_at: Option<i64>,
        details_updated_at: Option<i64>,
        details_fetched_at: Option<i64>,
        messages_updated_at: Option<i64>,
        messages_fetched_at: Option<i64>,
    }
}

const STATES: Pair = by_ids!(
    "SELECT conversation_id, updated_at, gone_at, details_updated_at, details_fetched_at,
        messages_updated_at, messages_fetched_at
    FROM conversations WHERE org_id = $1 AND conversation_id",
    ""
);

/// How far the mirror is with each of these conversations; unknown ones are missing from the answer.
///
/// # Errors
/// The database's error.
pub async fn states(
    db: &Db,
    org: OrgId,
    ids: &[ConversationId],
) -> Result<HashMap<ConversationId, ConversationState>, StoreError> {
    let (text, ids) = (STATES.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let rows: Vec<StateRow> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let state = ConversationState {
                updated_at: row.updated_at.map(Millis),
                messages_at: state::version(row.messages_updated_at, row.messages_fetched_at),
                details_at: state::version(row.details_updated_at, row.details_fetched_at),
                gone: row.gone_at.is_some(),
            };
            (ConversationId(row.conversation_id), state)
        })
        .collect())
}

row! {
    struct HashRow {
        conversation_id: i64,
        updated_at: Option<i64>,
        created_at: Option<i64>,
        message_count: i64,
        messages_hash: Option<Vec<u8>>,
        gone_at: Option<i64>,
    }
}

const HASHES: &str = "
    SELECT conversation_id, updated_at, created_at, message_count, messages_hash, gone_at
    FROM conversations WHERE org_id = $1 AND conversation_id > $2
    ORDER BY conversation_id LIMIT $3";

/// What a certificate says of each conversation, in the order of ids.
///
/// # Errors
/// The database's error.
pub async fn hashes(
    db: &Db,
    org: OrgId,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<Vec<ConversationHash>, StoreError> {
    let rows: Vec<HashRow> = on_db!(db, pool => sqlx::query_as(HASHES)
        .bind(org.0)
        .bind(after.map_or(i64::MIN, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|row| {
            Ok(ConversationHash {
                conversation_id: ConversationId(row.conversation_id),
                updated_at: row.updated_at.map(Millis),
                created_at: row.created_at.map(Millis),
                message_count: row.message_count,
                hash: row.messages_hash.as_deref().map(state::hash).transpose()?,
                gone: row.gone_at.is_some(),
            })
        })
        .collect()
}

const PAGE: &str = "
    SELECT conversation_id, contact_id, inbox_id, status, created_at, updated_at, related_playbook_id,
        message_count, messages_hash, gone_at, seen_at, fetched_at, details_updated_at, details_fetched_at,
        details_hash, messages_updated_at, messages_fetched_at, extra, details_extra
    FROM conversations WHERE org_id = $1 AND conversation_id > $2
    ORDER BY conversation_id LIMIT $3";

/// Conversations with their details, in the order of ids.
///
/// # Errors
/// The database's error.
pub async fn read_conversations(
    db: &Db,
    org: OrgId,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<Vec<StoredConversation>, StoreError> {
    let rows: Vec<ConversationRow> = on_db!(db, pool => sqlx::query_as(PAGE)
        .bind(org.0)
        .bind(after.map_or(i64::MIN, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    with_details(db, org, rows).await
}

/// Several conversations with their details, in the order of ids; unknown ones are missing from the answer. Hold the list of
/// ids short.
///
/// # Errors
/// The database's error.
pub async fn conversations_of(
    db: &Db,
    org: OrgId,
    ids: &[ConversationId],
) -> Result<Vec<StoredConversation>, StoreError> {
    let (text, ids) = (state::ROWS.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let mut rows: Vec<ConversationRow> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    rows.sort_unstable_by_key(|row| row.conversation_id);
    with_details(db, org, rows).await
}

/// One conversation with its details.
///
/// # Errors
/// The database's error.
pub async fn conversation(
    db: &Db,
    org: OrgId,
    id: ConversationId,
) -> Result<Option<StoredConversation>, StoreError> {
    Ok(conversations_of(db, org, &[id]).await?.pop())
}

async fn with_details(
    db: &Db,
    org: OrgId,
    rows: Vec<ConversationRow>,
) -> Result<Vec<StoredConversation>, StoreError> {
    let ids = json_ids(rows.iter().map(|row| row.conversation_id));
    let mut participants = participants_by_id(db, org, &ids).await?;
    let mut tags = tags_by_id(db, org, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let id = row.conversation_id;
            let details = row.details_at().map(|_| Details {
                participants: participants.remove(&id).unwrap_or_default(),
                tags: tags.remove(&id).unwrap_or_default(),
                related_playbook_id: row.related_playbook_id(),
                extra: row.details_extra.clone().unwrap_or_default(),
            });
            Ok(StoredConversation {
                conversation: row.conversation(),
                details,
                message_count: row.message_count,
                messages_hash: row.messages_hash.as_deref().map(state::hash).transpose()?,
                gone_at: row.gone_at.map(Millis),
                seen_at: Millis(row.seen_at),
            })
        })
        .collect()
}

/// The participants of one conversation, sorted.
///
/// # Errors
/// The database's error.
pub async fn participants_of(db: &Db, org: OrgId, id: ConversationId) -> Result<Vec<UserId>, StoreError> {
    let mut found = participants_by_id(db, org, &json_ids([id.0])).await?;
    Ok(found.remove(&id.0).unwrap_or_default())
}

async fn participants_by_id(db: &Db, org: OrgId, ids: &str) -> Result<HashMap<i64, Vec<UserId>>, StoreError> {
    let text = state::PARTICIPANTS.of_db(db);
    let rows: Vec<(i64, i64)> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    let mut found: HashMap<i64, Vec<UserId>> = HashMap::new();
    for (conversation, user) in rows {
        found.entry(conversation).or_default().push(UserId(user));
    }
    Ok(found)
}

/// The tags of one conversation, sorted by name.
///
/// # Errors
/// The database's error.
pub async fn tags_of(db: &Db, org: OrgId, id: ConversationId) -> Result<Vec<Tag>, StoreError> {
    let mut found = tags_by_id(db, org, &json_ids([id.0])).await?;
    Ok(found.remove(&id.0).unwrap_or_default())
}

async fn tags_by_id(db: &Db, org: OrgId, ids: &str) -> Result<HashMap<i64, Vec<Tag>>, StoreError> {
    let text = state::TAGS.of_db(db);
    let rows: Vec<(i64, String, Option<String>)> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    let mut found: HashMap<i64, Vec<Tag>> = HashMap::new();
    for (conversation, name, color) in rows {
        found.entry(conversation).or_default().push(Tag { name, color });
    }
    // A server's collation may order names otherwise than their bytes.
    found.values_mut().for_each(|tags| tags.sort_unstable());
    Ok(found)
}

row! {
    struct MessageRow {
        conversation_id: i64,
        message_id: i64,
        author_kind: String,
        author_id: Option<i64>,
        author_bot: bool,
        kind: String,
        created_at: Option<i64>,
        body: Option<String>,
        edited_message_id: Option<i64>,
        edit_type: Option<String>,
        extra: String,
    }
}

row! {
    struct AttachmentRow {
        message_id: i64,
        attachment_id: i64,
        file_name: Option<String>,
        mime_type: Option<String>,
        url: Option<String>,
        extra: String,
    }
}

const MESSAGES: Pair = by_ids!(
    "SELECT conversation_id, message_id, author_kind, author_id, author_bot, kind, created_at, body,
        edited_message_id, edit_type, extra
    FROM messages WHERE live AND org_id = $1 AND conversation_id",
    ""
);
const ATTACHMENTS: Pair = by_ids!(
    "SELECT message_id, attachment_id, file_name, mime_type, url, extra
    FROM attachments WHERE live AND org_id = $1 AND conversation_id",
    "ORDER BY message_id, position"
);

/// The live messages of one conversation, in the order of creation and id.
///
/// # Errors
/// The database's error.
pub async fn messages_of(db: &Db, org: OrgId, id: ConversationId) -> Result<Vec<Message>, StoreError> {
    let mut found = messages_of_many(db, org, &[id]).await?;
    Ok(found.remove(&id).unwrap_or_default())
}

/// The live messages of several conversations, each in the order of creation and id. Hold the list of ids
/// short: all messages are in memory at once.
///
/// # Errors
/// The database's error.
pub async fn messages_of_many(
    db: &Db,
    org: OrgId,
    ids: &[ConversationId],
) -> Result<BTreeMap<ConversationId, Vec<Message>>, StoreError> {
    let (messages, attachments) = (MESSAGES.of_db(db), ATTACHMENTS.of_db(db));
    let ids = json_ids(ids.iter().map(|id| id.0));
    let rows: Vec<MessageRow> =
        on_db!(db, pool => sqlx::query_as(messages).bind(org.0).bind(&ids).fetch_all(pool).await)?;
    let files: Vec<AttachmentRow> =
        on_db!(db, pool => sqlx::query_as(attachments).bind(org.0).bind(&ids).fetch_all(pool).await)?;
    let mut attachments: HashMap<i64, Vec<Attachment>> = HashMap::new();
    for file in files {
        attachments.entry(file.message_id).or_default().push(file.into());
    }
    let mut found: BTreeMap<ConversationId, Vec<Message>> = BTreeMap::new();
    for row in rows {
        let attachments = attachments.remove(&row.message_id).unwrap_or_default();
        let id = ConversationId(row.conversation_id);
        found.entry(id).or_default().push(row.into_message(attachments));
    }
    for messages in found.values_mut() {
        messages.sort_by_key(|message| (message.created_at, message.message_id));
    }
    Ok(found)
}

impl MessageRow {
    fn into_message(self, attachments: Vec<Attachment>) -> Message {
        Message {
            message_id: MessageId(self.message_id),
            author: Author { kind: self.author_kind, id: self.author_id, bot: self.author_bot },
            kind: self.kind,
            body: self.body.map(Pii::new),
            created_at: self.created_at.map(Millis),
            edited_message_id: self.edited_message_id.map(MessageId),
            edit_type: self.edit_type,
            attachments,
            extra: Pii::new(self.extra),
        }
    }
}

impl From<AttachmentRow> for Attachment {
    fn from(row: AttachmentRow) -> Self {
        Self {
            attachment_id: AttachmentId(row.attachment_id),
            file_name: row.file_name.map(Pii::new),
            mime_type: row.mime_type,
            url: row.url.map(Pii::new),
            extra: row.extra,
        }
    }
}

row! {
    struct ContactRow {
        contact_id: i64,
        created_at: Option<i64>,
        email: Option<String>,
        name: Option<String>,
        phone: Option<String>,
        external_id: Option<String>,
        attributes: String,
        extra: String,
    }
}

const CONTACTS: Pair = by_ids!(
    "SELECT contact_id, created_at, email, name, phone, external_id, attributes, extra
    FROM contacts WHERE org_id = $1 AND contact_id",
    ""
);

/// Several contacts by id; unknown ones are missing from the answer. Hold the list of ids short.
///
/// # Errors
/// The database's error.
pub async fn contacts_of(
    db: &Db,
    org: OrgId,
    ids: &[ContactId],
) -> Result<HashMap<ContactId, Contact>, StoreError> {
    let (text, ids) = (CONTACTS.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let rows: Vec<ContactRow> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Contact::from).map(|contact| (contact.contact_id, contact)).collect())
}

/// One contact.
///
/// # Errors
/// The database's error.
pub async fn contact(db: &Db, org: OrgId, id: ContactId) -> Result<Option<Contact>, StoreError> {
    Ok(contacts_of(db, org, &[id]).await?.remove(&id))
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        Self {
            contact_id: ContactId(row.contact_id),
            created_at: row.created_at.map(Millis),
            email: row.email.map(Pii::new),
            name: row.name.map(Pii::new),
            phone: row.phone.map(Pii::new),
            external_id: row.external_id.map(Pii::new),
            attributes: Pii::new(row.attributes),
            extra: Pii::new(row.extra),
        }
    }
}

row! {
    struct UserRow {
        user_id: i64,
        name: Option<String>,
        alias: Option<String>,
        email: Option<String>,
        phone: Option<String>,
        locale: Option<String>,
        availability: Option<String>,
        role: Option<String>,
        time_zone: Option<String>,
        avatar_url: Option<String>,
        verified: Option<bool>,
        bot: Option<bool>,
        created_at: Option<i64>,
        updated_at: Option<i64>,
        extra: String,
    }
}

const USERS: &str = "
    SELECT user_id, name, alias, email, phone, locale, availability, role, time_zone, avatar_url, verified, bot,
        created_at, updated_at, extra
    FROM users WHERE org_id = $1 ORDER BY user_id LIMIT 100000";

/// All users of an organization, those gone included; at most 100,000.
///
/// # Errors
/// The database's error.
pub async fn users(db: &Db, org: OrgId) -> Result<Vec<User>, StoreError> {
    let rows: Vec<UserRow> = on_db!(db, pool => sqlx::query_as(USERS).bind(org.0).fetch_all(pool).await)?;
    Ok(rows
        .into_iter()
        .map(|row| User {
            user_id: UserId(row.user_id),
            name: row.name.map(Pii::new),
            alias: row.alias.map(Pii::new),
            email: row.email.map(Pii::new),
            phone: row.phone.map(Pii::new),
            locale: row.locale,
            availability: row.availability,
            role: row.role,
            time_zone: row.time_zone,
            avatar_url: row.avatar_url,
            verified: row.verified,
            bot: row.bot,
            created_at: row.created_at.map(Millis),
            updated_at: row.updated_at.map(Millis),
            extra: row.extra,
        })
        .collect())
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("mirror::read::HASHES", HASHES), ("mirror::read::PAGE", PAGE), ("mirror::read::USERS", USERS)];

pub(crate) const PAIRS: &[(&str, &Pair)] = &[
    ("mirror::read::CONTACTS", &CONTACTS),
    ("mirror::read::STATES", &STATES),
    ("mirror::read::MESSAGES", &MESSAGES),
    ("mirror::read::ATTACHMENTS", &ATTACHMENTS),
];
