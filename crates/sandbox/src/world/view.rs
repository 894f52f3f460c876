//! Base and overlay read together: what a conversation is now.

use std::collections::HashMap;

use super::base::{Base, Head, Kind, Status, tail_ms};
use super::change::Tag;
use super::json;
use super::message::{Message, Renderer, author};
use super::overlay::{Entry, Overlay, Row};
use super::phrases::pick;
use super::roster::WRITERS;
use super::script::{From, Script};
use super::{ids, message};

/// The world at one moment.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub base: &'a Base,
    pub overlay: &'a Overlay,
}

/// What the messages of a conversation amount to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub messages: u64,
    pub attachments: u64,
    pub agent: i64,
    pub bot: i64,
    pub contact: i64,
    pub first_agent_at: Option<i64>,
    pub first_contact_at: Option<i64>,
    pub last_agent: Option<i64>,
}

const TAGS: [(&str, &str); 6] = [
    ("CQL", "2f80ed"),
    ("Support", "eb5757"),
    ("Very good & hot", "27ae60"),
    ("spam", "333333"),
    ("Rückruf", "f2994a"),
    ("価格", "9b51e0"),
];

impl<'a> View<'a> {
    /// The index of a conversation that is there.
    pub(super) fn index_of(&self, id: i64) -> Option<u64> {
        ids::conversation_index(self.base.seed, id).filter(|&index| {
            index < self.base.len + self.overlay.new_len && !self.overlay.gone.contains(&index)
        })
    }

    pub(super) fn entry(&self, index: u64) -> Option<&'a Entry> {
        // The base is read far more often than it is changed.
        if self.overlay.entries.is_empty() { None } else { self.overlay.entries.get(&index) }
    }

    /// The generated part of a conversation that is there.
    pub(super) fn head(&self, index: u64) -> Option<Head> {
        match self.entry(index) {
            Some(entry) => entry.head,
            None => Some(self.base.head(index)),
        }
    }

    pub(super) fn row(&self, index: u64) -> Row {
        match self.entry(index) {
            Some(entry) => entry.row,
            None => row(&self.base.head(index)),
        }
    }

    /// A conversation of the base as an entry that nothing has happened to.
    pub(super) fn unchanged(&self, index: u64) -> Entry {
        let head = self.base.head(index);
        Entry {
            row: row(&head),
            participants: participants(self.base, &head),
            tags: tags(&head),
            playbook: head.playbook,
            closed_at: closed_at(self.base, &head),
            added: Vec::new(),
            altered: HashMap::new(),
            head: Some(head),
        }
    }

    /// The users who take part.
    pub(super) fn participants(&self, index: u64) -> Vec<i64> {
        match self.entry(index) {
            Some(entry) => entry.participants.clone(),
            None => participants(self.base, &self.base.head(index)),
        }
    }

    /// The conversation object.
    pub(super) fn conversation(&self, index: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(384);
        let computed;
        let entry = match self.entry(index) {
            Some(entry) => entry,
            None => {
                computed = self.unchanged(index);
                &computed
            }
        };
        write_fields(&mut out, &entry.row);
        let hash = self.base.hash(11, index);
        if !entry.participants.is_empty() || hash & 1 == 0 {
            out.extend_from_slice(b",\"participants\":");
            write_numbers(&mut out, &entry.participants);
        }
        if hash & 31 != 1 || !entry.tags.is_empty() {
            out.extend_from_slice(b",\"conversationTags\":");
            write_tags(&mut out, &entry.tags);
        }
        if let Some(playbook) = entry.playbook {
            let quote: &[u8] = if hash >> 8 & 7 == 0 { b"\"" } else { b"" };
            out.extend_from_slice(b",\"relatedPlaybookId\":");
            out.extend_from_slice(quote);
            json::number(&mut out, playbook);
            out.extend_from_slice(quote);
        }
        if hash >> 16 & 3 == 0 {
            out.extend_from_slice(b",\"orgId\":");
            json::number(&mut out, ids::ORG_ID);
        }
        out.push(b'}');
        out
    }

    /// How many messages a conversation has.
    pub(super) fn total(&self, index: u64) -> usize {
        match self.entry(index) {
            None => self.base.plan(index).count as usize,
            Some(entry) => {
                let generated = entry.head.map_or(0, |head| head.plan.count as usize);
                generated - entry.altered.values().filter(|body| body.is_none()).count() + entry.added.len()
            }
        }
    }

    /// Visit messages `start..start + limit`, oldest first.
    pub(super) fn visit(&self, index: u64, start: usize, limit: usize, visit: &mut dyn FnMut(&Message<'_>)) {
        let end = start.saturating_add(limit);
        let entry = self.entry(index);
        let mut place = 0;
        if let Some(head) = self.head(index) {
            let erased = |j| {
                entry.is_some_and(|entry| matches!(entry.altered.get(&ids::message(index, j)), Some(None)))
            };
            let mut wanted = |j: u32| {
                let listed = !erased(j);
                place += usize::from(listed);
                listed && place > start && place <= end
            };
            let mut altered =
                |message: &Message<'_>| match entry.and_then(|entry| entry.altered.get(&message.id)) {
                    Some(Some(body)) => visit(&Message { body: Some(body), ..*message }),
                    _ => visit(message),
                };
            Renderer::new(self.base, &head).visit(&mut wanted, &mut altered);
        }
        for added in entry.map_or(&[][..], |entry| &entry.added) {
            place += 1;
            if place > start && place <= end {
                visit(&added.message(entry.map_or(0, |entry| entry.row.id)));
            }
        }
    }

    /// Count without rendering a body.
    pub(super) fn facts(&self, index: u64) -> Facts {
        let entry = self.entry(index);
        let mut facts = Facts::default();
        if let Some(head) = self.head(index) {
            let mut at = head.created_at;
            for step in Script::new(self.base, &head.plan) {
                at += step.gap_ms;
                let id = ids::message(index, step.j);
                if entry.is_some_and(|entry| matches!(entry.altered.get(&id), Some(None))) {
                    continue;
                }
                facts.note(author(step.from, head.contact_id), message::kind(step.act), at, step.files());
            }
        }
        for added in entry.map_or(&[][..], |entry| &entry.added) {
            facts.note(added.author, added.kind, added.created_at, added.files.1);
        }
        facts
    }

    /// When a conversation was first closed.
    pub(super) fn closed_at(&self, index: u64) -> Option<i64> {
        match self.entry(index) {
            Some(entry) => entry.closed_at,
            None => closed_at(self.base, &self.base.head(index)),
        }
    }

    /// Whether a file of this id hangs on a message that is listed.
    pub(super) fn has_attachment(&self, id: i64) -> bool {
        if self.overlay.files.contains_key(&id) {
            return true;
        }
        let Some((index, j, file)) = ids::attachment_place(id) else { return false };
        let known = index < self.base.len && !self.overlay.gone.contains(&index);
        let erased = || {
            self.entry(index)
                .is_some_and(|entry| matches!(entry.altered.get(&ids::message(index, j)), Some(None)))
        };
        known
            && Script::new(self.base, &self.base.plan(index))
                .nth(j as usize)
                .is_some_and(|step| file < step.files())
            && !erased()
    }

    pub(super) fn playbook(&self, index: u64) -> Option<i64> {
        match self.entry(index) {
            Some(entry) => entry.playbook,
            None => self.base.head(index).playbook,
        }
    }
}

impl Facts {
    fn note(&mut self, author: message::Author, kind: &str, at: i64, files: i64) {
        self.messages += 1;
        self.attachments += files.unsigned_abs();
        if kind != "chat" {
            return;
        }
        if author.contact {
            self.contact += 1;
            self.first_contact_at.get_or_insert(at);
        } else if author.bot {
            self.bot += 1;
        } else {
            self.agent += 1;
            self.first_agent_at.get_or_insert(at);
            self.last_agent = Some(author.id);
        }
    }
}

/// Append the fields that a list row and the conversation object share, without the closing brace.
pub(super) fn write_fields(out: &mut Vec<u8>, row: &Row) {
    out.extend_from_slice(b"{\"status\":\"");
    out.extend_from_slice(row.status.name().as_bytes());
    out.extend_from_slice(b"\",\"contactId\":");
    json::number(out, row.contact_id);
    out.extend_from_slice(b",\"createdAt\":");
    json::number(out, row.created_at);
    out.extend_from_slice(b",\"id\":");
    json::number(out, row.id);
    if let Some(inbox) = row.inbox {
        out.extend_from_slice(b",\"inboxId\":");
        json::number(out, inbox);
    }
    out.extend_from_slice(b",\"updatedAt\":");
    json::number(out, row.updated_at);
}

fn write_numbers(out: &mut Vec<u8>, numbers: &[i64]) {
    out.push(b'[');
    for (at, &number) in numbers.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::number(out, number);
    }
    out.push(b']');
}

fn write_tags(out: &mut Vec<u8>, tags: &[Tag]) {
    out.push(b'[');
    for (at, tag) in tags.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b",{\"name\":" } else { b"{\"name\":" });
        json::string(out, &tag.name);
        if let Some(color) = &tag.color {
            out.extend_from_slice(b",\"color\":");
            json::string(out, color);
        }
        out.push(b'}');
    }
    out.push(b']');
}

const fn row(head: &Head) -> Row {
    Row {
        id: head.id,
        contact_id: head.contact_id,
        inbox: head.inbox,
        status: head.plan.status,
        created_at: head.created_at,
        updated_at: head.updated_at,
    }
}

fn participants(base: &Base, head: &Head) -> Vec<i64> {
    let mut seen = [false; WRITERS.len()];
    for step in Script::new(base, &head.plan) {
        if let From::Writer(place) = step.from {
            seen[place] = true;
        }
    }
    WRITERS.iter().zip(seen).filter_map(|(member, seen)| seen.then_some(member.id)).collect()
}

fn tags(head: &Head) -> Vec<Tag> {
    let count = match head.plan.hash >> 58 & 7 {
        0 | 1 => 1,
        2 => 2,
        _ => 0,
    };
    let tag = |at: u64| {
        let (name, color) = *pick(&TAGS, (head.plan.hash >> 11).wrapping_add(at));
        Tag { name: name.to_owned(), color: Some(color.to_owned()) }
    };
    (0..count).map(tag).collect()
}

fn closed_at(base: &Base, head: &Head) -> Option<i64> {
    let plan = &head.plan;
    if plan.reopened_at > 0 {
        let before: i64 =
            Script::new(base, plan).take(plan.reopened_at as usize).map(|step| step.gap_ms).sum();
        return Some(head.created_at + before + 600_000);
    }
    let closed = plan.status == Status::Closed && plan.kind != Kind::Empty;
    closed.then(|| head.updated_at - tail_ms(plan) / 2)
}
