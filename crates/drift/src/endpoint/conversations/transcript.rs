//! `GET /conversations/{id}/transcript`

use model::{ConversationId, Pii};

use crate::answer::Answer;
use crate::call::Call;
use crate::{Client, DecodeError, Error, Scope};

/// Largest transcript that is read.
pub(super) const TRANSCRIPT_BYTES_MAX: u64 = 64 * 1024 * 1024;

impl Client {
    /// A conversation as text, one message after the other, for people to read.
    ///
    /// Not for machines: messages may hold line breaks, times lack the year, and there are no ids. For
    /// those see [`Client::messages`].
    ///
    /// `GET /conversations/{id}/transcript`; scope `conversation_read`. At most 64 MiB are read.
    ///
    /// Drift's page could not be read: text is what clients get; text wrapped in JSON (`{"data": "…"}`,
    /// or a JSON string) is unwrapped.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such conversation; otherwise as every call.
    pub async fn transcript(&self, id: ConversationId) -> Result<Pii<String>, Error> {
        let call = Call::get("/conversations").segment(id).then("/transcript");
        let call = call.scope(Scope::ConversationRead).large(TRANSCRIPT_BYTES_MAX);
        self.call_decoded(call, decode).await
    }
}

/// JSON of a text is unwrapped whatever it calls itself. What calls itself JSON and begins like it must be JSON of a
/// text, so that a cut answer is not taken for a transcript; anything else is the text.
fn decode(answer: &Answer) -> Result<Pii<String>, DecodeError> {
    let body = answer.bytes();
    let looks_like_json = body.trim_ascii_start().first().is_some_and(|first| b"{[\"".contains(first));
    match answer.data_or_bare::<String>() {
        Ok(text) => Ok(Pii::new(text)),
        Err(error) if answer.is_json() && looks_like_json => Err(error),
        Err(_) => answer.text().map(|text| Pii::new(text.to_owned())),
    }
}
