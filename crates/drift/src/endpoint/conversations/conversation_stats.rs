//! `GET /conversations/stats`

use crate::call::Call;
use crate::wire::ConversationStats;
use crate::{Client, Error, Scope};

impl Client {
    /// How many conversations there are, by status.
    ///
    /// `GET /conversations/stats`; scope `conversation_read`. The scope is assumed.
    ///
    /// Drift has no page for it; the shape is that of the answers seen.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn conversation_stats(&self) -> Result<ConversationStats, Error> {
        let call = Call::get("/conversations/stats").scope(Scope::ConversationRead);
        self.data_or_bare(call).await
    }
}
