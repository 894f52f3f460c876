//! `GET /conversations/{id}/messages?next=`

use model::ConversationId;
use serde::Deserialize;

use crate::answer::Answer;
use crate::call::Call;
use crate::page::ListEnvelope;
use crate::wire::{List, Message};
use crate::{Client, DecodeError, Page, Pages, Scope};

#[derive(Deserialize)]
struct Inner {
    messages: List<Message>,
}

impl Client {
    /// A conversation's messages, oldest first, page by page.
    ///
    /// `GET /conversations/{id}/messages?next=`; scope `conversation_read`. Pages of 50; the size
    /// cannot be chosen.
    ///
    /// Drift: "Message model", <https://devdocs.drift.com/docs/message-model>. The paging is that of
    /// the answers seen.
    ///
    /// # Errors
    /// None here; those of [`Pages::next_page`], [`Error::NotFound`](crate::Error::NotFound) when there
    /// is no such conversation.
    #[must_use]
    pub fn messages(&self, id: ConversationId) -> Pages<Message> {
        Pages::new(
            self,
            move |token| {
                let call = Call::get("/conversations").segment(id).then("/messages");
                call.scope(Scope::ConversationRead).page(token, "next")
            },
            decode,
        )
    }
}

fn decode(answer: &Answer) -> Result<Page<Message>, DecodeError> {
    ListEnvelope::page(answer, |inner: Inner| inner.messages.0)
}
