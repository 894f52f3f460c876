#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Conversations and what hangs on them.

use crate::{AttachmentId, ContactId, ConversationId, InboxId, MessageId, Millis, Pii, PlaybookId, UserId};

/// The fields of a conversation that both the list and the single call give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub conversation_id: ConversationId,
    /// The one contact it is with; absent only in defective rows.
    pub contact_id: Option<ContactId>,
    pub inbox_id: Option<InboxId>,
    /// Open set: `open`, `closed`, `pending`, `bulk_sent`, and whatever comes.
    pub status: String,
    pub created_at: Option<Millis>,
    pub updated_at: Option<Millis>,
    pub extra: String,
}

/// The fields of a conversation that only the single call gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// Drift users, bots among them; a set, sorted here.
    pub participants: Vec<UserId>,
    pub tags: Vec<Tag>,
    pub related_playbook_id: Option<PlaybookId>,
    /// Fields of the single call that have no column.
    pub extra: String,
}

/// A tag on a conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    pub name: String,
    /// Six hexadecimal digits, without `#`.
    pub color: Option<String>,
}

/// Who wrote a message. `kind` is `contact` or `user` (open set); `id` lies in that kind's id space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub kind: String,
    pub id: Option<i64>,
    pub bot: bool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub message_id: MessageId,
    pub author: Author,
    /// Open set: `chat`, `private_note`, `private_prompt`, `suggestion`, `edit`.
    pub kind: String,
    /// HTML with entities, as Drift gives it; absent for messages without text.
    pub body: Option<Pii<String>>,
    pub created_at: Option<Millis>,
    /// For `edit` messages: what they change, and how.
    pub edited_message_id: Option<MessageId>,
    pub edit_type: Option<String>,
    pub attachments: Vec<Attachment>,
    pub extra: Pii<String>,
}

/// A file on a message. The bytes are fetched and stored apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub attachment_id: AttachmentId,
    pub file_name: Option<Pii<String>>,
    pub mime_type: Option<String>,
    pub url: Option<Pii<String>>,
    pub extra: String,
}
