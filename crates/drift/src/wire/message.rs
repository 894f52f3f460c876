#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Messages: the one shape of which there are millions.
//!
//! The hot fields are read straight into place. Buttons, context and attributes stay raw until looked at.

use model::{AttachmentId, ConversationId, MessageId, Millis, OrgId, Pii, UserId};
use serde_json::Value;

use super::open_enum::open_enum;
use super::shape::shape;
use super::{AttachmentRef, Lazy, Location};

shape! {
    /// One message of a conversation.
    ///
    /// Drift: "Message model", <https://devdocs.drift.com/docs/message-model>; the edit fields are from its version
    /// 1.3 and appear in old conversations.
    #[serde(rename_all = "camelCase")]
    pub struct Message {
        /// Exceeds 2^32.
        pub id: MessageId,
        pub org_id: Option<OrgId>,
        pub conversation_id: Option<ConversationId>,
        /// HTML with entities; a contact's typed text often comes without tags. Absent for messages without text.
        pub body: Option<Pii<String>>,
        pub author: Option<Author>,
        #[serde(rename = "type")]
        pub kind: Option<MessageKind>,
        pub created_at: Option<Millis>,
        pub buttons: Option<Lazy<Vec<Button>>>,
        /// Where the contact was; usually on the contact's own messages only.
        pub context: Option<Lazy<Context>>,
        pub attributes: Option<Lazy<MessageAttributes>>,
        pub attachments: Vec<AttachmentRef>,
        /// For messages of kind [`MessageKind::Edit`]: the message that is changed.
        pub edited_message_id: Option<MessageId>,
        pub edit_type: Option<EditType>,
    }
}

shape! {
    /// Who wrote a message.
    #[serde(rename_all = "camelCase")]
    pub struct Author {
        #[serde(rename = "type")]
        pub kind: Option<AuthorKind>,
        /// A contact's or a user's id, by `kind`.
        pub id: Option<i64>,
        /// Bots are users with this set; never set for contacts.
        pub bot: Option<bool>,
    }
}

open_enum! {
    /// Whose id space an author's id lies in.
    pub enum AuthorKind {
        /// The person on the site's side.
        Contact = "contact",
        /// A member of the team, or a bot.
        User = "user",
    }
}

open_enum! {
    /// What a message is. The current page names the first two; old conversations hold the others.
    pub enum MessageKind {
        /// Seen by both sides.
        Chat = "chat",
        /// Seen by the team alone.
        PrivateNote = "private_note",
        /// Shown to the team, with buttons.
        PrivatePrompt = "private_prompt",
        /// A suggested answer.
        Suggestion = "suggestion",
        /// Changes an earlier message.
        Edit = "edit",
    }
}

open_enum! {
    /// How an edit changes its message.
    pub enum EditType {
        /// It is gone.
        Delete = "delete",
        /// Body and buttons are replaced.
        Replace = "replace",
        /// The body is replaced.
        ReplaceBody = "replace_body",
        /// The buttons are replaced.
        ReplaceButtons = "replace_buttons",
    }
}

shape! {
    /// A button under a message; the contact alone sees messages with buttons.
    #[serde(rename_all = "camelCase")]
    pub struct Button {
        pub label: Option<String>,
        /// For `reply` the same as the label; for `action` the word that the webhook carries.
        pub value: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<ButtonKind>,
        pub style: Option<ButtonStyle>,
        pub reaction: Option<Reaction>,
    }
}

open_enum! {
    /// What a click does.
    pub enum ButtonKind {
        /// Says the label, as the contact.
        Reply = "reply",
        /// Puts the value in the agent's editor.
        Compose = "compose",
        /// Calls the app.
        Action = "action",
        /// Does nothing.
        Noop = "noop",
    }
}

open_enum! {
    /// How a button looks.
    pub enum ButtonStyle {
        /// The proposed choice.
        Primary = "primary",
        /// A choice with consequences.
        Danger = "danger",
    }
}

shape! {
    /// What becomes of a button's message after the click.
    #[serde(rename_all = "camelCase")]
    pub struct Reaction {
        /// `replace` or `delete`.
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// What replaces it: a text, or a message's fields.
        pub message: Option<Value>,
    }
}

shape! {
    /// Where the contact was when writing. Drift's page names two of these; all are optional.
    #[serde(rename_all = "camelCase")]
    pub struct Context {
        pub ip: Option<Pii<String>>,
        pub user_agent: Option<Pii<String>>,
        /// The page's URL, query and all (there is no key named `pageUrl`).
        pub href: Option<Pii<String>>,
        /// The page's title.
        pub title: Option<String>,
        pub referrer: Option<Pii<String>>,
        /// IANA name.
        pub timezone: Option<String>,
        pub locale: Option<String>,
        pub location: Option<Location>,
    }
}

shape! {
    /// What Drift and apps note on a message.
    pub struct MessageAttributes {
        /// What was said before the contact's first message: an object by Drift's page, a list in answers seen.
        #[serde(rename = "preMessages")]
        pub pre_messages: Option<Value>,
        /// Marks messages posted through the API.
        pub developer_app_id: Option<String>,
        #[serde(rename = "integrationSource")]
        pub integration_source: Option<String>,
        #[serde(rename = "autoAssigneeId")]
        pub auto_assignee_id: Option<UserId>,
    }
}

impl MessageAttributes {
    /// What was said before the first message, as a list whichever form came: a list's elements, an object that is
    /// itself a message as the one element, another object's values in the order of their keys.
    #[must_use]
    pub fn pre_messages(&self) -> Vec<&Value> {
        match &self.pre_messages {
            Some(Value::Array(messages)) => messages.iter().collect(),
            Some(Value::Object(fields)) if fields.contains_key("body") => self.pre_messages.iter().collect(),
            Some(Value::Object(fields)) => fields.values().collect(),
            _ => Vec::new(),
        }
    }
}

impl Message {
    /// The ids of the files on this message.
    pub fn attachment_ids(&self) -> impl Iterator<Item = AttachmentId> {
        self.attachments.iter().map(|attachment| attachment.id)
    }
}
