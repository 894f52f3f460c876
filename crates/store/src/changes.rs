//! The change feed: what `apply` found, in one order for the whole store.
//!
//! `seq` is drawn from a one-row table whose row stays locked from the append to the commit. So numbers are
//! without gaps, and a reader that has seen one has seen every smaller one: no transaction with a smaller
//! number can commit later. That serializes writers of the feed for the length of their commit, which is what
//! the mirror's own lock does anyway.

use model::{ConversationId, MessageId, Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::wake::Channel;

/// What kind of difference was found.
///
/// Kinds that end in `created` or `loaded` stand for a whole part read for the first time: there are no rows for
/// the single messages, participants and tags of that part, so that a first archive does not write twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// The conversation is new, with everything its first snapshot held.
    ConversationCreated,
    /// A known conversation's messages were read for the first time.
    MessagesLoaded,
    /// A known conversation's details were read for the first time.
    DetailsLoaded,
    /// A field of the conversation changed that has no kind of its own.
    ConversationChanged,
    /// The status changed; the detail has `from` and `to`.
    StatusChanged,
    /// Participants came or went; the detail has `added` and `removed`.
    ParticipantsChanged,
    /// Tags came or went; the detail has `added` and `removed`.
    TagsChanged,
    /// A message is there that was not.
    MessageAdded,
    /// A message's content changed.
    MessageChanged,
    /// A message is no longer there; the mirror keeps it.
    MessageRemoved,
    /// Drift says it has no such conversation; the mirror keeps it.
    ConversationGone,
    /// A conversation that was gone is there again.
    ConversationRevived,
    /// A contact is new; the detail has `contact_id`.
    ContactCreated,
    /// A contact changed; the detail has `contact_id`.
    ContactChanged,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Rises strictly over the whole store.
    pub seq: i64,
    /// Whose data changed.
    pub org: OrgId,
    /// The conversation, unless it is about something else.
    pub conversation_id: Option<ConversationId>,
    /// What changed.
    pub kind: ChangeKind,
    /// The message, where it is about one.
    pub message_id: Option<MessageId>,
    /// More about it: a JSON object, without personal data.
    pub detail: String,
    /// When the mirror learnt of it.
    pub at: Millis,
    /// The trace of what led to it, where there was one ([`Tx::set_trace`]).
    pub trace: Option<String>,
}

row! {
    struct ChangeRow {
        seq: i64,
        conversation_id: Option<i64>,
        kind: String,
        message_id: Option<i64>,
        detail: String,
        at: i64,
        trace: Option<String>,
    }
}

const READ: &str = "
    SELECT seq, conversation_id, kind, message_id, detail, at, trace FROM changes
    WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// The changes of an organization after `after_seq` (0 for all), in order.
///
/// # Errors
/// The database's error.
pub async fn read(db: &Db, org: OrgId, after_seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<ChangeRow> = on_db!(db, pool => sqlx::query_as(READ)
        .bind(org.0)
        .bind(after_seq)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(|row| row.into_change(org)).collect()
}

const OF_CONVERSATION: &str = "
    SELECT seq, conversation_id, kind, message_id, detail, at, trace FROM changes
    WHERE org_id = $1 AND conversation_id = $2 AND seq > $3 ORDER BY seq LIMIT $4";

/// The changes of one conversation after `after_seq` (0 for all), in order.
///
/// # Errors
/// The database's error.
pub async fn of_conversation(
    db: &Db,
    org: OrgId,
    conversation: ConversationId,
    after_seq: i64,
    limit: u32,
) -> Result<Vec<Change>, StoreError> {
    let rows: Vec<ChangeRow> = on_db!(db, pool => sqlx::query_as(OF_CONVERSATION)
        .bind(org.0)
        .bind(conversation.0)
        .bind(after_seq)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(|row| row.into_change(org)).collect()
}

const HEAD: &str = "SELECT COALESCE(MAX(seq), 0) FROM changes WHERE org_id = $1";

/// The number of an organization's last change; 0 when there is none.
///
/// # Errors
/// The database's error.
pub async fn head(db: &Db, org: OrgId) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(HEAD).bind(org.0).fetch_one(pool).await)?)
}

const SINCE: &str = "SELECT MIN(seq) FROM changes WHERE org_id = $1 AND at >= $2";

/// Where in the feed to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first change that is kept.
    Beginning,
    /// With the next change.
    Now,
    /// With the change of this number, or the first after it.
    At(i64),
    /// With the first change of this instant or later.
    Since(Millis),
}

/// The number after which a reader reads that begins there.
///
/// # Errors
/// The database's error.
pub async fn position(db: &Db, org: OrgId, start: Start) -> Result<i64, StoreError> {
    let found: Option<i64> = match start {
        Start::Beginning => Some(1),
        Start::At(seq) => Some(seq.max(1)),
        Start::Now => None,
        Start::Since(at) => {
            on_db!(db, pool => sqlx::query_scalar(SINCE).bind(org.0).bind(at.0).fetch_one(pool).await)?
        }
    };
    match found {
        Some(seq) => Ok(seq - 1),
        None => head(db, org).await,
    }
}

impl ChangeRow {
    fn into_change(self, org: OrgId) -> Result<Change, StoreError> {
        Ok(Change {
            seq: self.seq,
            org,
            conversation_id: self.conversation_id.map(ConversationId),
            kind: ChangeKind::parse_stored(&self.kind)?,
            message_id: self.message_id.map(MessageId),
            detail: self.detail,
            at: Millis(self.at),
            trace: self.trace,
        })
    }
}

/// A change that has no number yet.
#[derive(Debug, Clone)]
pub(crate) struct NewChange {
    pub(crate) conversation_id: Option<i64>,
    pub(crate) kind: ChangeKind,
    pub(crate) message_id: Option<i64>,
    pub(crate) detail: String,
}

impl NewChange {
    /// A change about a conversation as a whole, with nothing more to say.
    pub(crate) fn of_conversation(conversation_id: i64, kind: ChangeKind) -> Self {
        Self { conversation_id: Some(conversation_id), kind, message_id: None, detail: "{}".to_owned() }
    }
}

struct ChangeInsert<'a> {
    org: i64,
    seq: i64,
    at: i64,
    trace: Option<&'a str>,
    change: &'a NewChange,
}

bulk! {
    /// Numbered changes, in order.
    INSERT, async fn insert(row: ChangeInsert<'_>) = "INSERT INTO changes" (
        org_id int = row.org,
        seq int = row.seq,
        conversation_id int = row.change.conversation_id,
        kind text = row.change.kind.as_str(),
        message_id int = row.change.message_id,
        detail text = row.change.detail.as_str(),
        at int = row.at,
        trace text = row.trace,
    ) ""
}

const NEXT: &str = "UPDATE change_sequence SET seq = seq + $1 WHERE id = 1 RETURNING seq";

/// Number the changes and append them. Part of `apply`: nothing else writes the feed.
pub(crate) async fn append(
    tx: &mut Tx,
    org: OrgId,
    changes: &[NewChange],
    now: Millis,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(changes.len()).expect("a batch of changes fits in memory");
    let last: i64 = on_tx!(tx, conn => sqlx::query_scalar(NEXT).bind(count).fetch_one(conn).await)?;
    let first = last - count + 1;
    let trace = tx.trace().map(str::to_owned);
    let trace = trace.as_deref();
    let rows: Vec<ChangeInsert<'_>> = (first..)
        .zip(changes)
        .map(|(seq, change)| ChangeInsert { org: org.0, seq, at: now.0, trace, change })
        .collect();
    insert(tx, &rows).await?;
    tx.ring(Channel::Changes);
    Ok(())
}

impl ChangeKind {
    /// All kinds, in the order of this type.
    pub const ALL: [Self; 14] = [
        Self::ConversationCreated,
        Self::MessagesLoaded,
        Self::DetailsLoaded,
        Self::ConversationChanged,
        Self::StatusChanged,
        Self::ParticipantsChanged,
        Self::TagsChanged,
        Self::MessageAdded,
        Self::MessageChanged,
        Self::MessageRemoved,
        Self::ConversationGone,
        Self::ConversationRevived,
        Self::ContactCreated,
        Self::ContactChanged,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConversationCreated => "conversation_created",
            Self::MessagesLoaded => "messages_loaded",
            Self::DetailsLoaded => "details_loaded",
            Self::ConversationChanged => "conversation_changed",
            Self::StatusChanged => "status_changed",
            Self::ParticipantsChanged => "participants_changed",
            Self::TagsChanged => "tags_changed",
            Self::MessageAdded => "message_added",
            Self::MessageChanged => "message_changed",
            Self::MessageRemoved => "message_removed",
            Self::ConversationGone => "conversation_gone",
            Self::ConversationRevived => "conversation_revived",
            Self::ContactCreated => "contact_created",
            Self::ContactChanged => "contact_changed",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    pub(crate) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        Self::parse(word).ok_or(StoreError::Stored { what: "change kind" })
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("changes::READ", READ),
    ("changes::OF_CONVERSATION", OF_CONVERSATION),
    ("changes::HEAD", HEAD),
    ("changes::SINCE", SINCE),
    ("changes::NEXT", NEXT),
];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("changes::INSERT", &INSERT)];
