//! What happened while the world ran.
//!
//! A changed conversation is taken out of the base (its index is *displaced*) and kept here whole, but for the
//! generated messages, which stay computed. `order` holds the changed and new ones by update time; as each
//! change is later than all before it, it is a push at the end. Sketch: 100,000 changed conversations are 100,000
//! entries of some 300 bytes; moving one to the head shifts at most 1.6 MB of `order`.

use std::collections::{HashMap, HashSet};

use model::Millis;
use serde_json::{Map, Value};

use super::base::{Base, Head, Status};
use super::change::{Change, Tag};
use super::contact::ContactState;
use super::directory::Directory;
use super::ids;
use super::message::{Author, Files, Message};
use super::view::View;
use super::{WorldError, json};

/// The most conversations that may be changed or new.
const ENTRIES_MAX: usize = 1_000_000;
/// The most messages that may be added, in all.
const ADDED_MAX: i64 = 5_000_000;
/// The most contacts that may be changed or new.
const CONTACTS_MAX: usize = 1_000_000;

const DAY_MS: i64 = 86_400_000;

/// The fields of a list row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub id: i64,
    pub contact_id: i64,
    pub inbox: Option<i64>,
    pub status: Status,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A changed or new conversation.
pub(super) struct Entry {
    /// The generated part; none for a new conversation.
    pub head: Option<Head>,
    pub row: Row,
    pub participants: Vec<i64>,
    pub tags: Vec<Tag>,
    pub playbook: Option<i64>,
    /// When it was first closed.
    pub closed_at: Option<i64>,
    pub added: Vec<Added>,
    /// Generated messages with another body, or (`None`) no longer listed.
    pub altered: HashMap<i64, Option<Box<[u8]>>>,
}

/// A message that came while the world ran. Documents are JSON; empty ones are absent.
pub(super) struct Added {
    pub id: i64,
    pub author: Author,
    pub kind: &'static str,
    pub body: Option<Box<[u8]>>,
    pub created_at: i64,
    pub buttons: Box<[u8]>,
    pub context: Box<[u8]>,
    pub attributes: Box<[u8]>,
    pub files: (i64, i64),
    pub edited: Option<(i64, &'static str)>,
}

impl Added {
    pub(super) fn message(&self, conversation: i64) -> Message<'_> {
        Message {
            id: self.id,
            has_org: true,
            conversation,
            body: self.body.as_deref(),
            author: self.author,
            kind: self.kind,
            created_at: self.created_at,
            buttons: &self.buttons,
            context: &self.context,
            attributes: &self.attributes,
            files: if self.files.1 == 0 { Files::Absent } else { Files::From(self.files.0, self.files.1) },
            edited: self.edited,
        }
    }
}

/// A meeting booked while the world ran.
#[derive(Debug, Clone, Copy)]
pub(super) struct Booked {
    pub index: u64,
    pub agent: i64,
    pub start: i64,
    pub scheduled_at: i64,
    pub updated_at: i64,
    /// Where it was first to start: its slug tells, and stays.
    pub first_start: i64,
    /// Whether it was booked, or called off, while the world ran.
    pub canceled: Option<bool>,
}

impl Booked {
    pub(super) const fn new(index: u64, agent: i64, start: i64, scheduled_at: i64) -> Self {
        let updated_at = scheduled_at;
        Self { index, agent, start, scheduled_at, updated_at, first_start: start, canceled: Some(false) }
    }

    /// Move it by a day, or call it off.
    pub(super) const fn update(&mut self, change: &Change, at: i64) {
        self.updated_at = at;
        match change {
            Change::CancelMeeting { .. } => self.canceled = Some(true),
            _ => self.start += DAY_MS,
        }
    }
}

/// Everything that is not computed.
pub(super) struct Overlay {
    pub entries: HashMap<u64, Entry>,
    /// `(updatedAt, index)`, rising.
    pub order: Vec<(i64, u64)>,
    /// Indices of the base that are not listed as computed, rising.
    pub displaced: Vec<u64>,
    pub gone: HashSet<u64>,
    /// How many conversations are new; their indices follow the base's.
    pub new_len: u64,
    pub files: HashMap<i64, u64>,
    pub contacts: HashMap<i64, ContactState>,
    /// By lower-case address.
    pub emails: HashMap<String, Vec<i64>>,
    pub externals: HashMap<String, i64>,
    pub booked: Vec<Booked>,
    pub directory: Directory,
    contacts_new: i64,
    added: i64,
    files_new: i64,
    latest: i64,
}

impl Overlay {
    pub(super) fn new(base: &Base) -> Self {
        Self {
            entries: HashMap::new(),
            order: Vec::new(),
            displaced: Vec::new(),
            gone: HashSet::new(),
            new_len: 0,
            files: HashMap::new(),
            contacts: HashMap::new(),
            emails: HashMap::new(),
            externals: HashMap::new(),
            booked: Vec::new(),
            directory: Directory::new(base),
            contacts_new: 0,
            added: 0,
            files_new: 0,
            latest: base.ends_at,
        }
    }

    /// A later instant than any before: rows that change are told apart by their time.
    pub(super) fn instant(&mut self, now: Millis) -> i64 {
        self.latest = now.0.max(self.latest + 1);
        self.latest
    }

    /// Move a conversation to the head of the list.
    pub(super) fn touch(&mut self, base: &Base, index: u64, now: Millis) -> Result<&mut Entry, WorldError> {
        let at = self.instant(now);
        if let Some(entry) = self.entries.get_mut(&index) {
            let place = self.order.binary_search(&(entry.row.updated_at, index));
            self.order.remove(place.expect("every entry stands in the order under its update time"));
        } else {
            if self.entries.len() >= ENTRIES_MAX {
                return Err(WorldError::full("conversations were changed"));
            }
            let entry = View { base, overlay: self }.unchanged(index);
            self.displace(index);
            self.entries.insert(index, entry);
        }
        self.order.push((at, index));
        let entry = self.entries.get_mut(&index).expect("it was there or has been put there");
        entry.row.updated_at = at;
        Ok(entry)
    }

    /// Take a conversation out of every list, for good.
    pub(super) fn vanish(&mut self, base: &Base, index: u64) {
        if let Some(entry) = self.entries.remove(&index) {
            let place = self.order.binary_search(&(entry.row.updated_at, index));
            self.order.remove(place.expect("every entry stands in the order under its update time"));
        } else if index < base.len {
            self.displace(index);
        }
        self.gone.insert(index);
        self.files.retain(|_, owner| *owner != index);
        self.booked.retain(|meeting| meeting.index != index);
    }

    fn displace(&mut self, index: u64) {
        if let Err(place) = self.displaced.binary_search(&index) {
            self.displaced.insert(place, index);
        }
    }

    /// Put a new conversation at the head of the list.
    pub(super) fn found(&mut self, base: &Base, contact_id: i64, now: Millis) -> Result<u64, WorldError> {
        if self.entries.len() >= ENTRIES_MAX {
            return Err(WorldError::full("conversations were changed"));
        }
        let at = self.instant(now);
        let index = base.len + self.new_len;
        self.new_len += 1;
        let row = Row {
            id: ids::conversation(base.seed, index),
            contact_id,
            inbox: Some(super::roster::INBOXES[0]),
            status: Status::Open,
            created_at: at,
            updated_at: at,
        };
        let entry = Entry {
            head: None,
            row,
            participants: Vec::new(),
            tags: Vec::new(),
            playbook: None,
            closed_at: None,
            added: Vec::new(),
            altered: HashMap::new(),
        };
        self.entries.insert(index, entry);
        self.order.push((at, index));
        Ok(index)
    }

    /// Append a message: its id and time are given here, a closed conversation opens for its contact, and
    /// whoever writes takes part.
    pub(super) fn append(
        &mut self,
        base: &Base,
        index: u64,
        mut message: Added,
        now: Millis,
    ) -> Result<i64, WorldError> {
        if self.added >= ADDED_MAX {
            return Err(WorldError::full("messages were added"));
        }
        message.id = ids::MESSAGE_NEW_FIRST + self.added;
        self.added += 1;
        if message.files.1 > 0 {
            message.files.0 = ids::FILE_NEW_FIRST + self.files_new;
            self.files_new += message.files.1;
            for id in message.files.0..message.files.0 + message.files.1 {
                self.files.insert(id, index);
            }
        }
        let id = message.id;
        let entry = self.touch(base, index, now)?;
        message.created_at = entry.row.updated_at;
        if message.author.contact && matches!(entry.row.status, Status::Closed | Status::BulkSent) {
            entry.row.status = Status::Open;
        }
        if !message.author.contact && !entry.participants.contains(&message.author.id) {
            entry.participants.push(message.author.id);
        }
        entry.added.push(message);
        Ok(id)
    }

    /// Keep a contact that the base does not have, and give it an id.
    pub(super) fn add_contact(
        &mut self,
        attributes: Map<String, Value>,
        created_at: i64,
    ) -> Result<i64, WorldError> {
        let id = ids::CONTACT_NEW_FIRST + self.contacts_new * 3;
        self.contacts_new += 1;
        self.keep_contact(id, ContactState::Known { created_at, attributes })?;
        Ok(id)
    }

    /// Keep what a contact now is, and find it by its address and external id.
    pub(super) fn keep_contact(&mut self, id: i64, state: ContactState) -> Result<(), WorldError> {
        if self.contacts.len() >= CONTACTS_MAX {
            return Err(WorldError::full("contacts were changed"));
        }
        if let Some(email) = state.email() {
            let known = self.emails.entry(email.to_lowercase()).or_default();
            if !known.contains(&id) {
                known.push(id);
            }
        }
        if let Some(external) = state.external() {
            self.externals.insert(external, id);
        }
        self.contacts.insert(id, state);
        Ok(())
    }
}

/// A body as kept: JSON escaped.
pub(super) fn body(html: &str) -> Box<[u8]> {
    let mut out = Vec::with_capacity(html.len() + 8);
    json::escape(&mut out, html);
    out.into_boxed_slice()
}
