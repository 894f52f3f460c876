//! `GET /conversations/{id}/json_transcript`

use model::ConversationId;

use super::transcript::TRANSCRIPT_BYTES_MAX;
use crate::call::Call;
use crate::wire::JsonTranscript;
use crate::{Client, Error, Scope};

impl Client {
    /// A conversation as JSON, line by line.
    ///
    /// `GET /conversations/{id}/json_transcript`; scope `conversation_read`. At most 64 MiB are read.
    ///
    /// Drift's page could not be read: a list, `data` with a list and `data.messages` are all read.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such conversation; otherwise as every call.
    pub async fn json_transcript(&self, id: ConversationId) -> Result<JsonTranscript, Error> {
        let call = Call::get("/conversations").segment(id).then("/json_transcript");
        let call = call.scope(Scope::ConversationRead).large(TRANSCRIPT_BYTES_MAX);
        self.bare(call).await
    }
}
