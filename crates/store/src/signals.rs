//! Signals: "X of organization Y may have changed". Webhooks, lists, schedules, replays and people all say this one thing,
//! and this is the one way in which it is said.
//!
//! A signal becomes a refresh job in the caller's transaction; signals for what already waits fold into the waiting job. A
//! signal says where to look, never what is true.

use model::{Clock, ContactId, ConversationId, Entropy, JobId, Millis, OrgId, UserId};
use serde_json::json;

use crate::db::Tx;
use crate::error::StoreError;
use crate::queue::{self, Enqueued, NewJob};

/// The kinds of job that answer signals.
pub mod kind {
    /// Fetches one conversation with its messages.
    pub const REFRESH_CONVERSATION: &str = "refresh_conversation";
    /// Fetches one contact.
    pub const REFRESH_CONTACT: &str = "refresh_contact";
    /// Fetches one Drift user.
    pub const REFRESH_USER: &str = "refresh_user";
    /// Fetches the meetings that Drift still lists.
    pub const REFRESH_MEETINGS: &str = "refresh_meetings";
    /// Fetches the playbooks.
    pub const REFRESH_PLAYBOOKS: &str = "refresh_playbooks";
    /// Fetches the bytes of one conversation's attachments.
    pub const FETCH_ATTACHMENTS: &str = "fetch_attachments";
}

/// The key of what there is one of in an organization; the scheduler's jobs have it too.
pub const ALL: &str = "";

/// What may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A conversation, its messages or its details.
    Conversation(ConversationId),
    /// A contact.
    Contact(ContactId),
    /// A Drift user.
    User(UserId),
    /// The booked meetings.
    Meetings,
    /// The playbooks.
    Playbooks,
    /// The files of a conversation, whose bytes are missing.
    Attachments(ConversationId),
}

impl Subject {
    /// The kind of job that looks.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Conversation(_) => kind::REFRESH_CONVERSATION,
            Self::Contact(_) => kind::REFRESH_CONTACT,
            Self::User(_) => kind::REFRESH_USER,
            Self::Meetings => kind::REFRESH_MEETINGS,
            Self::Playbooks => kind::REFRESH_PLAYBOOKS,
            Self::Attachments(_) => kind::FETCH_ATTACHMENTS,
        }
    }

    /// The key of that job.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Conversation(id) | Self::Attachments(id) => id.to_string(),
            Self::Contact(id) => id.to_string(),
            Self::User(id) => id.to_string(),
            Self::Meetings | Self::Playbooks => ALL.to_owned(),
        }
    }

    fn payload(self) -> String {
        match self {
            Self::Conversation(id) | Self::Attachments(id) => json!({"conversation": id}),
            Self::Contact(id) => json!({"contact": id}),
            Self::User(id) => json!({"user": id}),
            Self::Meetings | Self::Playbooks => json!({}),
        }
        .to_string()
    }
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Whose data.
    pub org: OrgId,
    /// What may have changed.
    pub subject: Subject,
    /// How urgent it is: one of [`queue::priority`].
    pub priority: i64,
    /// Not before.
    pub due_at: Millis,
    /// The trace of what led to it.
    pub trace: Option<String>,
}

/// Say that things may have changed. Belongs in the transaction that learnt of it.
///
/// # Errors
/// The database's error.
pub async fn signal(
    tx: &mut Tx,
    signals: &[Signal],
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Enqueued, StoreError> {
    let job = |signal: &Signal| NewJob {
        job_id: JobId::new(clock, entropy),
        kind: signal.subject.kind().to_owned(),
        org: signal.org,
        key: signal.subject.key(),
        priority: signal.priority,
        due_at: signal.due_at,
        payload: signal.subject.payload(),
        signals: 1,
        trace: signal.trace.clone(),
    };
    let jobs: Vec<NewJob> = signals.iter().map(job).collect();
    queue::enqueue(tx, &jobs, clock.now()).await
}
