//! `POST /conversations/new`

use model::{Pii, UserId};
use serde::Serialize;

use crate::call::Call;
use crate::wire::{Button, Conversation, MessageKind};
use crate::{Client, Error, Scope};

/// A conversation to begin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewConversation {
    /// With whom.
    pub email: Pii<String>,
    /// Its first message.
    pub message: FirstMessage,
}

/// The first message of a new conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstMessage {
    /// HTML.
    pub body: Pii<String>,
    /// What comes with it.
    #[serde(skip_serializing_if = "FirstAttributes::is_empty")]
    pub attributes: FirstAttributes,
    /// Who says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// On no page, but taken.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// On no page, but taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// What comes with the first message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstAttributes {
    /// Shown at the head of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_source: Option<String>,
    /// Whose conversation it becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_assignee_id: Option<UserId>,
}

impl FirstAttributes {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl NewConversation {
    /// A conversation with what it needs.
    #[must_use]
    pub fn new(email: impl Into<String>, html: impl Into<String>) -> Self {
        let message = FirstMessage {
            body: Pii::new(html.into()),
            attributes: FirstAttributes::default(),
            user_id: None,
            kind: None,
            buttons: Vec::new(),
        };
        Self { email: Pii::new(email.into()), message }
    }
}

impl Client {
    /// Begin a conversation with the person of an e-mail address: the first contact with it, or a new
    /// one.
    ///
    /// No browser is bound to it; an unread message may be e-mailed after a while, as the organization
    /// has set.
    ///
    /// `POST /conversations/new`; scope `conversation_write`. The answer is a bare conversation; a
    /// wrapped one is read, too.
    ///
    /// Drift: "Creating a conversation", <https://devdocs.drift.com/docs/creating-a-conversation>.
    ///
    /// # Errors
    /// As every call: [`Error`]. Tried again only where nothing can have been created.
    pub async fn create_conversation(&self, new: &NewConversation) -> Result<Conversation, Error> {
        let call = Call::post("/conversations/new").scope(Scope::ConversationWrite).json(new)?;
        self.data_or_bare(call).await
    }
}
