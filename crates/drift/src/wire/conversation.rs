#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Conversations, as the list gives them and as the single call does.

use model::{ContactId, ConversationId, InboxId, Millis, OrgId, PlaybookId, UserId};

use super::open_enum::open_enum;
use super::shape::shape;

shape! {
    /// A row of the conversation list: what changes, without participants, tags and playbook.
    ///
    /// Drift: "List conversations", <https://devdocs.drift.com/docs/list-conversations>.
    #[serde(rename_all = "camelCase")]
    pub struct ConversationRow {
        pub id: ConversationId,
        pub status: Option<ConversationStatus>,
        pub contact_id: Option<ContactId>,
        pub inbox_id: Option<InboxId>,
        pub created_at: Option<Millis>,
        pub updated_at: Option<Millis>,
    }
}

shape! {
    /// One conversation, whole.
    ///
    /// Drift: "Conversation model", <https://devdocs.drift.com/docs/conversation-model>.
    #[serde(rename_all = "camelCase")]
    pub struct Conversation {
        pub id: ConversationId,
        /// Drift users, people and bots, not the contact. A set: the order says nothing.
        pub participants: Vec<UserId>,
        /// Announced as being phased out, still sent: do not depend on `closed` ever arriving.
        pub status: Option<ConversationStatus>,
        pub contact_id: Option<ContactId>,
        /// No endpoint lists inboxes.
        pub inbox_id: Option<InboxId>,
        pub created_at: Option<Millis>,
        pub updated_at: Option<Millis>,
        pub related_playbook_id: Option<PlaybookId>,
        pub conversation_tags: Vec<Tag>,
        pub org_id: Option<OrgId>,
    }
}

shape! {
    /// A tag on a conversation, or (legacy) on a contact.
    #[serde(rename_all = "camelCase")]
    pub struct Tag {
        pub name: Option<String>,
        /// Six hexadecimal digits, without `#`.
        pub color: Option<String>,
    }
}

open_enum! {
    /// Where a conversation stands.
    pub enum ConversationStatus {
        /// Going on.
        Open = "open",
        /// Ended; a new message of the contact opens it again.
        Closed = "closed",
        /// Put aside.
        Pending = "pending",
        /// A playbook's message reached a visitor who did not react.
        BulkSent = "bulk_sent",
    }
}

impl ConversationStatus {
    /// The number by which the list is filtered; none is documented for `bulk_sent`.
    #[must_use]
    pub const fn filter_id(&self) -> Option<u8> {
        match self {
            Self::Open => Some(1),
            Self::Closed => Some(2),
            Self::Pending => Some(3),
            Self::BulkSent | Self::Other(_) => None,
        }
    }
}
