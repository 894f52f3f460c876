//! How many conversations there are, by status.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts by status, as Drift spells the statuses here: `OPEN`, `CLOSED`, `PENDING`, and whatever comes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConversationStats {
    /// Conversations by status.
    #[serde(rename = "conversationCount")]
    pub counts: BTreeMap<String, u64>,
}

impl ConversationStats {
    /// All conversations counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }
}
