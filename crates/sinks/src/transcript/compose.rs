//! From stored records to a transcript.
//!
//! What has no column lies in a message's `extra`, as Drift sent it: buttons, the page (`context.href`), and what was
//! said before the visitor's first message (`attributes.preMessages`). All of it is read leniently: a shape that is not
//! the expected one is left out of the transcript, never an error; the tables carry it in full.

use model::record::{Attachment, Message};
use model::{ContactId, Pii, UserId};
use serde_json::Value;

use crate::transcript::edits::{self, Shown};
use crate::transcript::plain::{self, one_line};
use crate::transcript::{
    Body, Entry, FileLink, Files, Page, People, Side, Source, State, Transcript, sanitize,
};

/// Buttons shown with one message.
const BUTTONS_MAX: usize = 50;
/// Earlier messages shown with one message.
const BEFORE_MAX: usize = 50;

impl Transcript {
    /// Gather what a reader wants to see.
    #[must_use]
    pub fn compose(source: Source<'_>, people: &People, files: &dyn Files) -> Self {
        let Source { conversation, details, contact, messages, messages_left_out, gone_at } = source;
        let opened = |text: &Option<Pii<String>>| text.as_ref().map(|text| one_line(text.expose()));
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let contact_email = filled(contact.and_then(|contact| opened(&contact.email)));
        let contact_name = filled(contact.and_then(|contact| opened(&contact.name)))
            .or_else(|| contact_email.clone())
            .unwrap_or_else(|| nameless(conversation.contact_id));
        let speakers = Speakers { contact: &contact_name, contact_id: conversation.contact_id, people };
        let tags = details.iter().flat_map(|details| &details.tags).map(|tag| one_line(&tag.name));
        let participants = details.iter().flat_map(|details| &details.participants);
        Self {
            conversation_id: conversation.conversation_id,
            status: one_line(&conversation.status),
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            gone_at,
            page: messages.iter().find_map(page),
            tags: tags.collect(),
            participants: participants.map(|user| people.name(*user)).collect(),
            entries: edits::apply(messages).iter().map(|shown| entry(shown, &speakers, files)).collect(),
            messages_left_out,
            contact: contact_name,
            contact_email,
        }
    }
}

fn nameless(contact: Option<ContactId>) -> String {
    contact.map_or_else(|| "Visitor".to_owned(), |id| format!("Visitor {id}"))
}

struct Speakers<'a> {
    contact: &'a str,
    contact_id: Option<ContactId>,
    people: &'a People,
}

impl Speakers<'_> {
    fn of(&self, message: &Message) -> (String, Side) {
        let author = &message.author;
        match (author.kind.as_str(), author.id) {
            ("contact", id) if id.is_none() || id == self.contact_id.map(|contact| contact.0) => {
                (self.contact.to_owned(), Side::Contact)
            }
            ("contact", id) => (nameless(id.map(ContactId)), Side::Contact),
            ("user", Some(id)) if author.bot => {
                (format!("{} (bot)", self.people.name(UserId(id))), Side::Bot)
            }
            ("user", Some(id)) => (self.people.name(UserId(id)), Side::Team),
            ("user", None) if author.bot => ("Bot".to_owned(), Side::Bot),
            ("user", None) => ("Team".to_owned(), Side::Team),
            (kind, id) => {
                let id = id.map(|id| format!(" {id}")).unwrap_or_default();
                (one_line(&format!("{kind}{id}")), Side::Unknown)
            }
        }
    }
}

fn entry(shown: &Shown<'_>, speakers: &Speakers<'_>, files: &dyn Files) -> Entry {
    let message = shown.message;
    let (speaker, side) = speakers.of(message);
    let state = match (shown.deletion, shown.edit) {
        (Some(deletion), _) => State::Deleted { at: deletion.created_at },
        (None, Some(edit)) => State::Edited { at: edit.created_at },
        (None, None) => State::AsSent,
    };
    let mut entry = Entry {
        message_id: message.message_id,
        at: message.created_at,
        speaker,
        side,
        mark: mark(message),
        state,
        before: Vec::new(),
        body: Body::default(),
        buttons: Vec::new(),
        files: Vec::new(),
    };
    if shown.deletion.is_none() {
        let edit = shown.edit.filter(|edit| edit.message_id != message.message_id);
        let attachments = message.attachments.iter().chain(edit.iter().flat_map(|edit| &edit.attachments));
        entry.body = shown.body.body.as_ref().map(|body| body_of(body.expose())).unwrap_or_default();
        entry.buttons = buttons(shown.buttons);
        entry.before = before(message);
        entry.files = attachments.map(|attachment| file(attachment, files)).collect();
    }
    entry
}

/// What sets a message apart, by its type. Types are an open set.
fn mark(message: &Message) -> Option<String> {
    match message.kind.as_str() {
        "chat" | "" => None,
        "private_note" => Some("private note".to_owned()),
        "private_prompt" => Some("private prompt".to_owned()),
        "suggestion" => Some("suggestion".to_owned()),
        "edit" => Some(match message.edited_message_id {
            Some(target) => format!("edit of message {target}"),
            None => "edit".to_owned(),
        }),
        other => Some(one_line(&other.replace('_', " "))),
    }
}

fn body_of(html: &str) -> Body {
    let html = sanitize::clean(html);
    Body { text: plain::text(&html), html }
}

fn file(attachment: &Attachment, files: &dyn Files) -> FileLink {
    let name = attachment.file_name.as_ref().map(|name| one_line(name.expose()));
    let name = name.filter(|name| !name.is_empty());
    FileLink {
        name: name.unwrap_or_else(|| format!("attachment {}", attachment.attachment_id)),
        link: files.link(attachment),
    }
}

/// One field of what has no column, if it is there. Most messages have none: they are not parsed.
fn extra(message: &Message, key: &str) -> Option<Value> {
    let extra = message.extra.expose();
    if !extra.contains(key) {
        return None;
    }
    match serde_json::from_str(extra) {
        Ok(Value::Object(mut fields)) => fields.remove(key),
        _ => None,
    }
}

pub(crate) fn page(message: &Message) -> Option<Page> {
    let context = extra(message, "context")?;
    let text = |key| context.get(key).and_then(Value::as_str).map(one_line).filter(|text| !text.is_empty());
    Some(Page { href: text("href")?, title: text("title") })
}

pub(crate) fn buttons(message: &Message) -> Vec<String> {
    let Some(Value::Array(buttons)) = extra(message, "buttons") else { return Vec::new() };
    let label = |button: &Value| {
        let text = |key| button.get(key).and_then(Value::as_str).map(one_line);
        text("label").or_else(|| text("value")).filter(|label| !label.is_empty())
    };
    buttons.iter().filter_map(label).take(BUTTONS_MAX).collect()
}

/// `preMessages` is an object in Drift's documentation and an array in recorded answers.
pub(crate) fn before(message: &Message) -> Vec<Body> {
    let mut attributes = extra(message, "attributes");
    let said = match attributes.as_mut().and_then(|attributes| attributes.get_mut("preMessages")) {
        Some(Value::Array(said)) => std::mem::take(said),
        Some(said @ Value::Object(_)) => vec![said.take()],
        _ => return Vec::new(),
    };
    let bodies = said.iter().filter_map(|said| said.get("body")?.as_str()).map(body_of);
    bodies.filter(|body| !body.text.is_empty()).take(BEFORE_MAX).collect()
}
