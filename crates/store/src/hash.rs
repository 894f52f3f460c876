//! Content hashes: what two copies of a conversation are compared by.
//!
//! A message's hash covers every field Drift gave, attachments included. A conversation's hash covers the hashes
//! of its live messages, ordered by creation and id, whatever order they came in. Fields are written with
//! their length before them, so that no two contents have the same bytes.

use std::borrow::Cow;

use model::record::{Attachment, Contact, Conversation, Details, Message, Tag};
use sha2::{Digest as _, Sha256};

use crate::audit::{Checkpoint, Entry};
use crate::mirror::merge::Listed;
use crate::mirror::prepared;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// PostgreSQL's texts cannot hold U+0000: it is stored, and hashed, as U+FFFD on both engines.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for what may be absent.
pub(crate) fn clean_option<T: AsRef<str>>(text: Option<&T>) -> Option<Cow<'_, str>> {
    text.map(|text| clean(text.as_ref()))
}

/// A buffer that fields are written to, used again for each content.
#[derive(Default)]
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    fn begin(&mut self, what: &str) {
        self.0.clear();
        self.text(what);
    }

    fn int(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn int_option(&mut self, value: Option<i64>) {
        self.0.push(u8::from(value.is_some()));
        self.int(value.unwrap_or_default());
    }

    fn text(&mut self, text: &str) {
        let text = clean(text);
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn text_option(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn finish(&self) -> Hash {
        Sha256::digest(&self.0).into()
    }

    /// The hash of an entry of the audit log that follows the one of hash `before`.
    pub(crate) fn audit_entry(&mut self, before: &Hash, entry: &Entry) -> Hash {
        self.begin("audit entry 1");
        self.0.extend_from_slice(before);
        self.int(entry.seq);
        self.int(entry.at.0);
        self.int_option(entry.org.map(|org| org.0));
        self.text(&entry.actor_kind);
        self.text(&entry.actor_id);
        self.text_option(entry.role.as_deref());
        self.text_option(entry.origin.as_deref());
        self.text(&entry.action);
        self.text(&entry.object_kind);
        self.text(&entry.object_id);
        self.text(&entry.outcome);
        self.text_option(entry.reason.as_deref());
        self.int_option(entry.amount);
        self.finish()
    }

    /// What is signed of a checkpoint of the audit log.
    pub(crate) fn audit_checkpoint(&mut self, checkpoint: &Checkpoint) -> &[u8] {
        self.begin("audit checkpoint 1");
        self.int(checkpoint.number);
        self.int(checkpoint.at.0);
        self.int(checkpoint.seq);
        self.0.extend_from_slice(&checkpoint.hash);
        self.0.extend_from_slice(&checkpoint.public_key);
        &self.0
    }

    /// The hash of a message.
    pub(crate) fn message(&mut self, message: &Message) -> Hash {
        self.begin("message 1");
        self.int(message.message_id.0);
        self.text(&message.author.kind);
        self.int_option(message.author.id);
        self.int(i64::from(message.author.bot));
        self.text(&message.kind);
        self.text_option(message.body.as_ref().map(|body| body.expose().as_str()));
        self.int_option(message.created_at.map(|at| at.0));
        self.int_option(message.edited_message_id.map(|id| id.0));
        self.text_option(message.edit_type.as_deref());
        self.text(message.extra.expose());
        self.int(message.attachments.len() as i64);
        for attachment in &message.attachments {
            self.attachment_fields(attachment);
        }
        self.finish()
    }

    /// The hash of an attachment at its place in its message.
    pub(crate) fn attachment(&mut self, attachment: &Attachment, position: i64) -> Hash {
        self.begin("attachment 1");
        self.int(position);
        self.attachment_fields(attachment);
        self.finish()
    }

    fn attachment_fields(&mut self, attachment: &Attachment) {
        self.int(attachment.attachment_id.0);
        self.text_option(attachment.file_name.as_ref().map(|name| name.expose().as_str()));
        self.text_option(attachment.mime_type.as_deref());
        self.text_option(attachment.url.as_ref().map(|url| url.expose().as_str()));
        self.text(&attachment.extra);
    }

    /// The hash of a contact.
    pub(crate) fn contact(&mut self, contact: &Contact) -> Hash {
        self.begin("contact 1");
        self.int(contact.contact_id.0);
        self.int_option(contact.created_at.map(|at| at.0));
        for text in [&contact.email, &contact.name, &contact.phone, &contact.external_id] {
            self.text_option(text.as_ref().map(|text| text.expose().as_str()));
        }
        self.text(contact.attributes.expose());
        self.text(contact.extra.expose());
        self.finish()
    }

    /// The hash of a conversation's own fields.
    pub(crate) fn core(&mut self, conversation: &Conversation) -> Hash {
        self.begin("conversation 1");
        self.int(conversation.conversation_id.0);
        self.int_option(conversation.contact_id.map(|id| id.0));
        self.int_option(conversation.inbox_id.map(|id| id.0));
        self.text(&conversation.status);
        self.int_option(conversation.created_at.map(|at| at.0));
        self.int_option(conversation.updated_at.map(|at| at.0));
        self.text(&conversation.extra);
        self.finish()
    }

    /// The hash of a conversation's details; participants and tags must be sorted and without doubles.
    pub(crate) fn details(&mut self, details: &Details) -> Hash {
        self.begin("details 1");
        self.int(details.participants.len() as i64);
        for user in &details.participants {
            self.int(user.0);
        }
        self.int(details.tags.len() as i64);
        for Tag { name, color } in &details.tags {
            self.text(name);
            self.text_option(color.as_deref());
        }
        self.int_option(details.related_playbook_id.map(|id| id.0));
        self.text(&details.extra);
        self.finish()
    }
}

/// The hash of ordered messages' hashes.
pub(crate) fn of_hashes<'a>(hashes: impl Iterator<Item = &'a Hash>) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"messages 1");
    for message in hashes {
        hash.update(message);
    }
    hash.finalize().into()
}

/// The hash of a conversation's messages, the same as the mirror keeps: order them as you like.
#[must_use]
pub fn messages_hash(messages: &[Message]) -> [u8; 32] {
    let contents = prepared::contents(messages);
    Listed::new(messages.iter().zip(&contents)).hash
}
