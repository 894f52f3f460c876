//! What can happen to the world while it runs.

use serde::Deserialize;

/// One thing that happens. Each but [`Change::Contact`] raises the conversation's `updatedAt`, so its row moves to the head of the list.
///
/// As JSON (for the control routes) the kind stands under `change`: `{"change": "new_message", "conversation": 7}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A visitor starts a conversation; without a contact a new one comes with it.
    NewConversation {
        /// The contact who starts it.
        #[serde(default)]
        contact: Option<i64>,
        /// What is said; a phrase of the contact's language when absent.
        #[serde(default)]
        text: Option<String>,
    },
    /// Somebody writes. From the contact into a closed conversation, this opens it again.
    NewMessage {
        /// The conversation's id.
        conversation: i64,
        /// Who writes.
        #[serde(default)]
        from: Speaker,
        /// What is said; a phrase when absent.
        #[serde(default)]
        text: Option<String>,
    },
    /// An `edit` message that replaces the body of another (v1.3 message model). The edited row itself stays.
    EditMessage {
        /// The conversation's id.
        conversation: i64,
        /// The message to edit; the last one of a user when absent.
        #[serde(default)]
        message: Option<i64>,
        /// The new text.
        #[serde(default)]
        text: Option<String>,
    },
    /// An `edit` message that deletes another (v1.3 message model). The deleted row itself stays.
    DeleteMessage {
        /// The conversation's id.
        conversation: i64,
        /// The message to delete; the last one of a user when absent.
        #[serde(default)]
        message: Option<i64>,
    },
    /// A message's body is other than it was, and no `edit` message tells so. Not a documented behaviour of
    /// Drift: it is here because a copy must survive it.
    RewriteMessage {
        /// The conversation's id.
        conversation: i64,
        /// The message.
        message: i64,
        /// The new text.
        text: String,
    },
    /// A message is no longer listed. Not a documented behaviour of Drift.
    EraseMessage {
        /// The conversation's id.
        conversation: i64,
        /// The message.
        message: i64,
    },
    /// The status is set.
    Status {
        /// The conversation's id.
        conversation: i64,
        /// `open`, `closed`, `pending` or `bulk_sent`.
        status: String,
    },
    /// The participants are set.
    Participants {
        /// The conversation's id.
        conversation: i64,
        /// User ids.
        participants: Vec<i64>,
    },
    /// The tags are set.
    Tags {
        /// The conversation's id.
        conversation: i64,
        /// The new tags.
        tags: Vec<Tag>,
    },
    /// A meeting is booked in the conversation.
    Meeting {
        /// The conversation's id.
        conversation: i64,
    },
    /// The meeting booked last in the conversation starts a day later.
    MoveMeeting {
        /// The conversation's id.
        conversation: i64,
    },
    /// The meeting booked last in the conversation is called off.
    CancelMeeting {
        /// The conversation's id.
        conversation: i64,
    },
    /// Attributes of the conversation's contact are set. The conversation itself stays as it is.
    Contact {
        /// The conversation's id.
        conversation: i64,
        /// Attributes by name; what is not named stays.
        attributes: serde_json::Map<String, serde_json::Value>,
    },
    /// The conversation answers 404 from now on and leaves every list.
    Vanish {
        /// The conversation's id.
        conversation: i64,
    },
}

impl Change {
    /// The conversation that it names; a new one has no id yet.
    #[must_use]
    pub const fn conversation(&self) -> Option<i64> {
        match self {
            Self::NewConversation { .. } => None,
            Self::NewMessage { conversation, .. }
            | Self::EditMessage { conversation, .. }
            | Self::DeleteMessage { conversation, .. }
            | Self::RewriteMessage { conversation, .. }
            | Self::EraseMessage { conversation, .. }
            | Self::Status { conversation, .. }
            | Self::Participants { conversation, .. }
            | Self::Tags { conversation, .. }
            | Self::Meeting { conversation }
            | Self::MoveMeeting { conversation }
            | Self::CancelMeeting { conversation }
            | Self::Contact { conversation, .. }
            | Self::Vanish { conversation } => Some(*conversation),
        }
    }
}

/// Who writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The contact.
    #[default]
    Contact,
    /// A person of the team.
    Agent,
    /// A bot.
    Bot,
    /// A person of the team, as a private note.
    Note,
}

/// A tag of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// Shown text.
    pub name: String,
    /// Six hexadecimal digits, without `#`.
    #[serde(default)]
    pub color: Option<String>,
}

/// What a change touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The conversation.
    pub conversation: i64,
    /// The message that was added or altered, if one was.
    pub message: Option<i64>,
}
