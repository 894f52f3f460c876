//! `GET /conversations/{id}`

use model::ConversationId;

use crate::call::Call;
use crate::wire::Conversation;
use crate::{Client, Error, Scope};

impl Client {
    /// One conversation, whole: with participants, tags and playbook.
    ///
    /// `GET /conversations/{id}`; scope `conversation_read`.
    ///
    /// Drift: "Retrieve a conversation", <https://devdocs.drift.com/docs/retrieve-a-conversation>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such conversation; otherwise as every call.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, Error> {
        let call = Call::get("/conversations").segment(id).scope(Scope::ConversationRead);
        self.data(call).await
    }
}
