//! The world behind the API: conversations, people and directories of one organization.
//!
//! Conversation `i` is a pure function of the seed and `i`, computed when it is asked for, so that a million
//! conversations cost no memory and a test can ask for the same truth that the server answered from. What
//! happens while the world runs lies in an overlay: changed and new conversations stand before the base in
//! every list, newest first, as they do in Drift's own list by update time.
//!
//! Everything here returns the bare JSON value as bytes; envelopes (`data`, `links`, `pagination`) are the
//! server's business. Nothing here knows HTTP, tokens or faults.

mod attachment;
mod base;
mod calendar;
mod change;
mod contact;
mod context;
mod counts;
mod dialogues;
mod directory;
mod ids;
mod json;
mod list;
mod meeting;
mod message;
mod notice;
mod overlay;
mod people;
mod phrases;
mod report;
mod roster;
mod scim;
mod script;
mod shape;
#[cfg(test)]
mod tests;
mod traffic;
mod transcript;
mod view;
mod write;

use std::path::Path;
use std::sync::{OnceLock, PoisonError, RwLock};

use model::Millis;

use base::Base;
use dialogues::Dialogues;
use overlay::Overlay;
use view::View;

pub use attachment::AttachmentFile;
pub use change::{Change, Changed, Speaker, Tag};
pub use counts::{Counts, StatusCounts};
pub use directory::AccountSlice;
pub use list::ListSlice;
pub use notice::{Listener, Notice};
pub use report::{REPORT_ROWS_MAX, ReportFilter, ReportRequest};
pub use shape::{MESSAGES_PER_CONVERSATION_MAX, Shape};

/// The most conversations a generated world may have.
pub const CONVERSATIONS_MAX: u64 = 100_000_000;

/// A page of a conversation's messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSlice {
    /// The messages as a JSON array.
    pub array: Vec<u8>,
    /// How many messages there are in it.
    pub count: usize,
    /// How many messages the conversation has.
    pub total: usize,
}

/// Why a write or a query was refused, in the API's own terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct WorldError {
    /// The HTTP status to answer.
    pub status: u16,
    /// Drift's `error.type`.
    pub kind: &'static str,
    /// Drift's `error.message`.
    pub message: String,
}

impl WorldError {
    fn validation(message: &str) -> Self {
        Self { status: 400, kind: "validation_error", message: message.to_owned() }
    }

    fn not_found(what: &str) -> Self {
        Self { status: 404, kind: "not_found", message: format!("no such {what}") }
    }

    /// The type of a duplicate's error is not documented; clients look at the status.
    fn conflict(message: &str) -> Self {
        Self { status: 409, kind: "validation_error", message: message.to_owned() }
    }

    fn full(what: &str) -> Self {
        let message = format!("too many {what} in this sandbox; start it again for an empty one");
        Self { status: 500, kind: "internal_error", message }
    }
}

/// Why a file of dialogues could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DialogueError {
    /// The line, from 1; 0 when the file itself could not be read.
    pub line: usize,
    /// What is wrong with it, and what is expected.
    pub reason: String,
}

/// One organization's data; see the module.
pub struct World {
    base: Base,
    overlay: RwLock<Overlay>,
    base_counts: OnceLock<Counts>,
    blocks: list::Blocks,
    listener: RwLock<Option<Listener>>,
}

impl World {
    /// A world of `conversations` conversations, whose last update lies before `ends_at`.
    ///
    /// At most [`CONVERSATIONS_MAX`]; more are held to it.
    #[must_use]
    pub fn generated(seed: u64, conversations: u64, ends_at: Millis, shape: Shape) -> Self {
        Self::over(Base::new(seed, conversations.min(CONVERSATIONS_MAX), ends_at.0, shape, None))
    }

    /// A world whose conversations are the dialogues of a file, one JSON object a line:
    /// `{"id", "services", "turns": [["user"|"system", text], …]}`.
    ///
    /// Each turn is one message with exactly its text: entity-encoded for the contact, in a paragraph for the
    /// team. The dialogue's id stands in the contact's `context.href` as `dialogue=`.
    pub fn from_dialogues(path: &Path, seed: u64, ends_at: Millis) -> Result<Self, DialogueError> {
        let dialogues = Dialogues::load(path)?;
        Ok(Self::over(Base::new(seed, dialogues.len(), ends_at.0, Shape::lifelike(), Some(dialogues))))
    }

    fn over(base: Base) -> Self {
        let overlay = RwLock::new(Overlay::new(&base));
        Self {
            base,
            overlay,
            base_counts: OnceLock::new(),
            blocks: list::Blocks::default(),
            listener: RwLock::new(None),
        }
    }

    fn read<T>(&self, read: impl FnOnce(View<'_>) -> T) -> T {
        let overlay = self.overlay.read().unwrap_or_else(PoisonError::into_inner);
        read(View { base: &self.base, overlay: &overlay })
    }

    fn write<T>(
        &self,
        write: impl FnOnce(&Base, &mut Overlay) -> Result<T, WorldError>,
    ) -> Result<T, WorldError> {
        let mut overlay = self.overlay.write().unwrap_or_else(PoisonError::into_inner);
        write(&self.base, &mut overlay)
    }

    /// Let somebody be told of every change from now on, or nobody.
    pub fn listen(&self, listener: Option<Listener>) {
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = listener;
    }

    fn listener(&self) -> Option<Listener> {
        self.listener.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The organization's id.
    #[must_use]
    pub fn org_id(&self) -> i64 {
        ids::ORG_ID
    }

    /// When the base ended: every base time lies before it, every change after.
    #[must_use]
    pub fn ends_at(&self) -> Millis {
        Millis(self.base.ends_at)
    }

    /// Rows `offset..offset + limit` (at most 1000) of the list by `updatedAt` descending. `statuses` are Drift's
    /// `statusId`s (1 open, 2 closed, 3 pending; here 4 is `bulk_sent`); empty means all.
    #[must_use]
    pub fn list(&self, offset: u64, limit: usize, statuses: &[u8]) -> ListSlice {
        self.read(|view| view.list(&self.blocks, offset, limit, statuses))
    }

    /// The conversation object, with participants, tags and playbook.
    #[must_use]
    pub fn conversation(&self, id: i64) -> Option<Vec<u8>> {
        self.read(|view| view.index_of(id).map(|index| view.conversation(index)))
    }

    /// A conversation (the newest, if none is named) with its contact and its last message.
    #[must_use]
    pub(crate) fn subjects(&self, conversation: Option<i64>) -> Option<(i64, i64, Option<i64>)> {
        let id = conversation.or_else(|| self.expected().next())?;
        self.read(|view| {
            let index = view.index_of(id)?;
            let mut last = None;
            view.visit(index, view.total(index).saturating_sub(1), 1, &mut |message| last = Some(message.id));
            Some((id, view.row(index).contact_id, last))
        })
    }

    /// Whether the conversation exists (and has not vanished).
    #[must_use]
    pub fn has_conversation(&self, id: i64) -> bool {
        self.read(|view| view.index_of(id).is_some())
    }

    /// Messages `start..start + limit`, oldest first.
    #[must_use]
    pub fn messages(&self, id: i64, start: usize, limit: usize) -> Option<MessageSlice> {
        self.read(|view| {
            let index = view.index_of(id)?;
            let total = view.total(index);
            let count = total.saturating_sub(start).min(limit);
            let mut array = Vec::with_capacity(2 + count * 720);
            array.push(b'[');
            view.visit(index, start, limit, &mut |message| {
                if array.len() > 1 {
                    array.push(b',');
                }
                message::write(&mut array, message, self.base.seed);
            });
            array.push(b']');
            Some(MessageSlice { array, count, total })
        })
    }

    /// The file behind an attachment id.
    #[must_use]
    pub fn attachment(&self, id: i64) -> Option<AttachmentFile> {
        self.read(|view| view.has_attachment(id).then(|| attachment::file(self.base.seed, id)))
    }

    /// Conversations by status. The first call counts the base (some 10 ns a conversation).
    #[must_use]
    pub fn stats(&self) -> StatusCounts {
        self.read(|view| view.stats(&self.blocks))
    }

    /// Everything there is, as a complete copy must find it. The first call counts the base (some 100 ns a
    /// conversation); after that the cost is that of what has changed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let base_counts = self.base_counts.get_or_init(|| counts::count_base(&self.base));
        self.read(|view| view.counts(base_counts, &self.blocks))
    }

    /// The ids of all listed conversations, newest update first, as of now: the truth a test compares with.
    pub fn expected(&self) -> impl Iterator<Item = i64> + '_ {
        let (changed, displaced) = self.read(|view| {
            let newest_first = view.overlay.order.iter().rev().map(|&(_, index)| index);
            (newest_first.collect::<Vec<u64>>(), view.overlay.displaced.clone())
        });
        let computed = (0..self.base.len).rev().filter(move |index| displaced.binary_search(index).is_err());
        changed.into_iter().chain(computed).map(|index| ids::conversation(self.base.seed, index))
    }

    /// All messages of a conversation as a JSON array: [`World::messages`] without paging, for tests.
    #[must_use]
    pub fn expected_messages(&self, id: i64) -> Option<Vec<u8>> {
        self.messages(id, 0, usize::MAX).map(|slice| slice.array)
    }

    /// The dialogue (its `id` in the file) that a conversation was made from.
    #[must_use]
    pub fn dialogue_id(&self, conversation: i64) -> Option<&str> {
        self.base.dialogue_of(ids::conversation_index(self.base.seed, conversation)?)
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("conversations", &self.base.len).finish_non_exhaustive()
    }
}
