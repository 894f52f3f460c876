//! The neutral conversation format: one conversation as one JSON object, for programs that know neither Drift nor us.
//!
//! docs/handover.md tells what each field means, docs/conversation.schema.json says it to machines, and a test holds
//! both to what is written here. Within a version fields are only added. Every field is in every line; what is not known
//! is null. Instants are Unix milliseconds.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// What `format` says.
pub(crate) const FORMAT: &str = "longshore-conversation";
/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// One conversation with everything that belongs to it.
#[derive(Clone, Serialize)]
pub(crate) struct Conversation {
    pub(crate) format: &'static str,
    pub(crate) version: u32,
    pub(crate) org_id: i64,
    pub(crate) conversation_id: i64,
    pub(crate) status: String,
    pub(crate) created_at: Option<i64>,
    pub(crate) updated_at: Option<i64>,
    pub(crate) gone_at: Option<i64>,
    pub(crate) inbox_id: Option<i64>,
    pub(crate) playbook: Option<Playbook>,
    pub(crate) page: Option<Page>,
    pub(crate) contact: Option<Contact>,
    pub(crate) participants: Vec<Participant>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) meetings: Vec<Meeting>,
    pub(crate) messages: Vec<Message>,
    /// Messages that the mirror has kept and Drift no longer lists.
    pub(crate) messages_not_listed: i64,
    pub(crate) extra: Document,
    pub(crate) details_extra: Document,
}

/// The playbook that began it.
#[derive(Clone, Serialize)]
pub(crate) struct Playbook {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
}

/// The page of the site where it began.
#[derive(Clone, Serialize)]
pub(crate) struct Page {
    pub(crate) url: String,
    pub(crate) title: Option<String>,
}

/// The person it is with.
#[derive(Clone, Serialize)]
pub(crate) struct Contact {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) created_at: Option<i64>,
    pub(crate) attributes: Document,
    pub(crate) extra: Document,
}

/// Somebody of the team, or a bot.
#[derive(Clone, Serialize)]
pub(crate) struct Participant {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) bot: Option<bool>,
}

/// A tag.
#[derive(Clone, Serialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) color: Option<String>,
}

/// A meeting that was booked in it.
#[derive(Clone, Serialize)]
pub(crate) struct Meeting {
    pub(crate) id: String,
    pub(crate) contact_id: Option<i64>,
    pub(crate) agent: Option<Participant>,
    pub(crate) status: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) slot_start: Option<i64>,
    pub(crate) slot_end: Option<i64>,
    pub(crate) scheduled_at: Option<i64>,
    pub(crate) updated_at: Option<i64>,
    pub(crate) time_zone: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) extra: Document,
}

/// A message as it stands after all edits.
#[derive(Clone, Serialize)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) created_at: Option<i64>,
    pub(crate) author: Author,
    pub(crate) state: State,
    /// For an edit that could not be applied: what it would change, and how.
    pub(crate) edited_message_id: Option<i64>,
    pub(crate) edit_type: Option<String>,
    /// Sanitised; null when there is none, or when the message was deleted.
    pub(crate) html: Option<String>,
    pub(crate) text: Option<String>,
    /// What was said before the visitor's first message.
    pub(crate) before: Vec<Body>,
    pub(crate) buttons: Vec<String>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) extra: Document,
}

/// Who wrote a message.
#[derive(Clone, Serialize)]
pub(crate) struct Author {
    pub(crate) kind: String,
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) bot: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    AsSent,
    Edited,
    Deleted,
}

/// A body in both forms.
#[derive(Clone, Serialize)]
pub(crate) struct Body {
    pub(crate) html: String,
    pub(crate) text: String,
}

/// An edit that was applied.
#[derive(Clone, Serialize)]
pub(crate) struct Edit {
    pub(crate) message_id: i64,
    pub(crate) kind: String,
    pub(crate) created_at: Option<i64>,
    pub(crate) author: Author,
}

/// A file on a message.
#[derive(Clone, Serialize)]
pub(crate) struct Attachment {
    pub(crate) id: i64,
    pub(crate) name: Option<String>,
    pub(crate) mime_type: Option<String>,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) sha256: Option<String>,
    /// Where it can be fetched.
    pub(crate) url: Option<String>,
    /// Its file in an export of this organization.
    pub(crate) file: String,
    pub(crate) extra: Document,
}

/// A stored JSON document, embedded digit for digit; what is no JSON is carried as a text.
#[derive(Clone)]
pub(crate) struct Document(Box<RawValue>);

impl Document {
    pub(crate) fn of(text: &str) -> Self {
        // A raw line break in valid JSON can only be white space between tokens, and would break the line.
        let line = text.replace(['\n', '\r'], " ");
        let raw = RawValue::from_string(line)
            .or_else(|_| serde_json::value::to_raw_value(text))
            .expect("a text is JSON");
        Self(raw)
    }

    /// Nothing known.
    pub(crate) fn null() -> Self {
        Self::of("null")
    }

    /// The document as text.
    pub(crate) fn get(&self) -> &str {
        self.0.get()
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.get().trim(), "null" | "{}" | "[]" | "\"\"")
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Conversation {
    /// The name of whoever wrote a message, or one made from the id.
    pub(crate) fn speaker(&self, author: &Author) -> String {
        if let Some(name) = &author.name {
            return name.clone();
        }
        match (author.kind.as_str(), author.id) {
            ("contact", Some(id)) => format!("Visitor {id}"),
            ("contact", None) => "Visitor".to_owned(),
            ("user", Some(id)) => format!("User {id}"),
            ("user", None) if author.bot => "Bot".to_owned(),
            ("user", None) => "Team".to_owned(),
            (kind, Some(id)) => format!("{kind} {id}"),
            (kind, None) => kind.to_owned(),
        }
    }
}

impl Message {
    /// Whether it was never meant for the visitor's eyes.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self.kind.as_str(), "private_note" | "private_prompt" | "suggestion")
    }
}
