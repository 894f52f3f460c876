//! A conversation as people read it.
//!
//! [`Transcript::compose`] gathers from the stored records what a reader wants to see, with edits applied and bodies
//! made safe; [`text`], [`html`] and [`markdown`] only lay it out. [`index`] lists many transcripts on pages, and [`one`]
//! reads a single one.

pub(crate) mod compose;
pub(crate) mod edits;
pub(crate) mod gather;
pub mod html;
pub mod index;
pub mod markdown;
mod markup;
pub mod one;
pub mod plain;
pub mod sanitize;
mod style;
#[cfg(test)]
mod tests;
pub mod text;

use std::collections::HashMap;

use model::record::{Attachment, Contact, Conversation, Details, Message};
use model::{ConversationId, MessageId, Millis, UserId};

/// Messages laid out in one transcript; what is beyond is counted there and lies in the messages table.
pub const MESSAGES_MAX: usize = 50_000;

/// What a transcript is made from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The conversation itself.
    pub conversation: &'a Conversation,
    /// Tags and participants, when the mirror has them.
    pub details: Option<&'a Details>,
    /// The person it is with, when the mirror has them.
    pub contact: Option<&'a Contact>,
    /// The messages in Drift's order.
    pub messages: &'a [Message],
    /// Messages that the conversation has beyond those given here.
    pub messages_left_out: u64,
    /// When Drift said that it has the conversation no more.
    pub gone_at: Option<Millis>,
}

/// The team's names.
#[derive(Debug, Clone, Default)]
pub struct People {
    names: HashMap<UserId, String>,
}

impl People {
    /// Nobody known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Know a user by this name.
    pub fn know(&mut self, user: UserId, name: &str) {
        let name = plain::one_line(name);
        if !name.is_empty() {
            self.names.insert(user, name);
        }
    }

    /// The user's name, or one made from the id.
    #[must_use]
    pub fn name(&self, user: UserId) -> String {
        self.names.get(&user).cloned().unwrap_or_else(|| format!("User {user}"))
    }
}

/// Where the exported files are, seen from a transcript.
pub trait Files {
    /// The link to an attachment's file, percent-encoded; `None` when it was not exported.
    fn link(&self, attachment: &Attachment) -> Option<String>;
}

/// No file was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFiles;

impl Files for NoFiles {
    fn link(&self, _: &Attachment) -> Option<String> {
        None
    }
}

/// A conversation, ready to be laid out. Its texts are remote data: every layout escapes them, except for
/// bodies in HTML, which were made safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    pub(crate) conversation_id: ConversationId,
    pub(crate) contact: String,
    pub(crate) contact_email: Option<String>,
    pub(crate) status: String,
    pub(crate) created_at: Option<Millis>,
    pub(crate) updated_at: Option<Millis>,
    pub(crate) gone_at: Option<Millis>,
    pub(crate) page: Option<Page>,
    pub(crate) tags: Vec<String>,
    pub(crate) participants: Vec<String>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) messages_left_out: u64,
}

/// The page of the site where the conversation began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) href: String,
    pub(crate) title: Option<String>,
}

/// One message as it stands after all edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) message_id: MessageId,
    pub(crate) at: Option<Millis>,
    pub(crate) speaker: String,
    pub(crate) side: Side,
    /// What sets it apart from an ordinary message, in words: `private note`.
    pub(crate) mark: Option<String>,
    pub(crate) state: State,
    /// What was said before the visitor's first message, in order.
    pub(crate) before: Vec<Body>,
    pub(crate) body: Body,
    pub(crate) buttons: Vec<String>,
    pub(crate) files: Vec<FileLink>,
}

/// Whose side a message is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Contact,
    Team,
    Bot,
    Unknown,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    AsSent,
    Edited { at: Option<Millis> },
    Deleted { at: Option<Millis> },
}

/// A body in both layouts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Body {
    /// Sanitised HTML.
    pub(crate) html: String,
    /// Plain text, not escaped.
    pub(crate) text: String,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileLink {
    pub(crate) name: String,
    pub(crate) link: Option<String>,
}

/// An instant as ISO 8601 in UTC, to the second; the number itself when it lies outside the calendar.
pub(crate) fn iso(at: Millis) -> String {
    match jiff::Timestamp::from_second(at.0.div_euclid(1000)) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{at} ms"),
    }
}

/// The year and month of an instant, `2026-01`; `undated` without one.
pub(crate) fn month(at: Option<Millis>) -> String {
    let time = at.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok());
    let date = time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    match date {
        Some(date) if (0..=9999).contains(&date.year()) => format!("{:04}-{:02}", date.year(), date.month()),
        _ => "undated".to_owned(),
    }
}
