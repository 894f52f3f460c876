//! Reading all messages of a conversation, page by page, as records.

use drift::{Client, Error};
use model::ConversationId;
use model::record::Message;

use super::message;

/// All messages, oldest first as Drift gives them.
///
/// # Errors
/// The first failed page fails the whole: half a conversation is never stored as if it were one.
pub(crate) async fn all_messages(drift: &Client, id: ConversationId) -> Result<Vec<Message>, Error> {
    let mut pages = drift.messages(id);
    let mut messages = Vec::new();
    while let Some(page) = pages.next_page().await? {
        messages.extend(page.items.into_iter().map(message));
    }
    Ok(messages)
}
