//! Verification: is the mirror what Drift has, message for message; is a store what a certificate says.
//!
//! Nothing is written to the mirror here, and no error is made of a difference: differences are the answer.

mod against_api;
mod against_certificate;
mod compare;

pub use against_api::against_api;
pub use against_certificate::against_certificate;

use model::ConversationId;
use serde::Serialize;

/// The most differences that are named one by one.
pub const DIFFERENCES_MAX: usize = 1_000;

/// What a verification found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verification {
    /// Whether everything was compared and nothing differs.
    pub verified: bool,
    /// Conversations compared.
    pub conversations: u64,
    /// Messages compared.
    pub messages: u64,
    /// The differences, at most [`DIFFERENCES_MAX`] of them.
    pub differences: Vec<Difference>,
    /// How many there are in all.
    pub differences_total: u64,
    /// Why not everything could be compared; empty when it could.
    pub unread: Vec<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// What differs, in one sentence without the texts themselves.
    pub what: String,
}

impl Verification {
    pub(crate) fn differs(&mut self, conversation_id: ConversationId, what: impl Into<String>) {
        self.differences_total += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { conversation_id, what: what.into() });
        }
    }

    pub(crate) fn conclude(mut self) -> Self {
        self.verified = self.differences_total == 0 && self.unread.is_empty();
        self
    }
}
