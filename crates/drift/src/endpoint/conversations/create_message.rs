//! `POST /conversations/{id}/messages`

use model::{ConversationId, MessageId, OrgId, Pii, UserId};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::call::Call;
use crate::wire::{Button, EditType, List, Message, MessageKind};
use crate::{Client, DecodeError, Error, Scope};

/// A message to write.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    /// [`MessageKind::Chat`] or [`MessageKind::PrivateNote`]; the older API takes others.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Pii<String>>,
    /// In chats, only of kind `reply`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// Who says it; the app's bot if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Older API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// Older API, with [`MessageKind::Edit`]: what is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_message_id: Option<MessageId>,
    /// Older API, with [`MessageKind::Edit`]: how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_type: Option<EditType>,
}

impl NewMessage {
    /// A message both sides see.
    #[must_use]
    pub fn chat(html: impl Into<String>) -> Self {
        Self::of(MessageKind::Chat, html.into())
    }

    /// A note the team alone sees.
    #[must_use]
    pub fn private_note(html: impl Into<String>) -> Self {
        Self::of(MessageKind::PrivateNote, html.into())
    }

    fn of(kind: MessageKind, html: String) -> Self {
        Self {
            kind,
            body: Some(Pii::new(html)),
            buttons: Vec::new(),
            user_id: None,
            org_id: None,
            edited_message_id: None,
            edit_type: None,
        }
    }
}

impl Client {
    /// Say something in a conversation, or note something for the team.
    ///
    /// `POST /conversations/{id}/messages`; scope `conversation_write`. The answer is a message or a
    /// list with one; both are read.
    ///
    /// Drift: "Creating a message", <https://devdocs.drift.com/docs/creating-a-message>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such conversation; otherwise as every call. Tried again
    /// only where nothing can have been said.
    pub async fn create_message(&self, id: ConversationId, message: &NewMessage) -> Result<Message, Error> {
        let call = Call::post("/conversations").segment(id).then("/messages").scope(Scope::ConversationWrite);
        self.call_decoded(call.json(message)?, decode).await
    }
}

#[derive(Deserialize)]
struct Several {
    messages: List<Message>,
}

fn decode(answer: &Answer) -> Result<Message, DecodeError> {
    if let Ok(Several { messages }) = answer.data() {
        return messages
            .0
            .into_iter()
            .next_back()
            .ok_or(DecodeError::new("expected the new message, found none"));
    }
    answer.data()
}
