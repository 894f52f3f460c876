//! What one refresh fetched, and how two of them compare.

use crate::Millis;
use crate::record::{Conversation, Details, Message};

/// What one refresh (or one step of an archive) fetched of one conversation.
///
/// Parts that were not asked for are `None` and leave the mirror's part as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What list and single call both give.
    pub conversation: Conversation,
    /// The single call's fields, when it was made.
    pub details: Option<Details>,
    /// *All* messages in Drift's order, when they were read: what is missing here has been deleted there.
    pub messages: Option<Vec<Message>>,
    /// When the fetch began.
    pub fetched_at: Millis,
}

impl Snapshot {
    /// Its place in time: of two snapshots the one with the greater version holds.
    #[must_use]
    pub fn version(&self) -> Version {
        Version { updated_at: self.conversation.updated_at.unwrap_or_default(), fetched_at: self.fetched_at }
    }
}

/// Orders snapshots of one conversation: Drift's own update time first, then when we asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version {
    /// Drift's time of the conversation's last change; 0 where it gave none.
    pub updated_at: Millis,
    /// When the fetch began.
    pub fetched_at: Millis,
}
