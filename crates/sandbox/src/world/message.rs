//! Messages in Drift's wire shape (Drift: Message model), from the script or from the overlay.

use super::base::{Base, Head};
use super::context;
use super::ids;
use super::json;
use super::people::Person;
use super::phrases::{Fill, Phrase, pick};
use super::roster::WRITERS;
use super::script::{Act, From, Script, Step};

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Author {
    pub contact: bool,
    pub id: i64,
    pub bot: bool,
}

/// The files of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// The key is not there.
    Absent,
    /// The key is null.
    Null,
    /// So many from this id on, possibly none.
    From(i64, i64),
}

/// One message, borrowed from wherever it was made. Bodies and documents are JSON already.
pub(super) struct Message<'a> {
    pub id: i64,
    pub has_org: bool,
    pub conversation: i64,
    pub body: Option<&'a [u8]>,
    pub author: Author,
    pub kind: &'static str,
    pub created_at: i64,
    /// Empty: the key is not there. So with the next two.
    pub buttons: &'a [u8],
    pub context: &'a [u8],
    pub attributes: &'a [u8],
    pub files: Files,
    pub edited: Option<(i64, &'static str)>,
}

/// Buttons of a prompt to the team: `compose` and `action` belong to `private_prompt` (v1.3).
const PROMPT_BUTTONS: &[u8] =
    b"[{\"label\":\"Use this answer\",\"value\":\"Happy to help!\",\"type\":\"compose\"},\
{\"label\":\"Open ticket\",\"value\":\"open-ticket\",\"type\":\"action\",\"style\":\"danger\",\
\"reaction\":{\"type\":\"replace\",\"message\":\"Ticket opened\"}}]";
const PAGES: [&str; 5] = ["/pricing", "/security", "/docs/import", "/docs/api?version=2&amp;tab=auth", "/"];

/// Append a message object.
pub(super) fn write(out: &mut Vec<u8>, message: &Message<'_>, seed: u64) {
    out.extend_from_slice(b"{\"id\":");
    json::number(out, message.id);
    if message.has_org {
        out.extend_from_slice(b",\"orgId\":");
        json::number(out, ids::ORG_ID);
    }
    out.extend_from_slice(b",\"conversationId\":");
    json::number(out, message.conversation);
    if let Some(body) = message.body {
        out.extend_from_slice(b",\"body\":\"");
        out.extend_from_slice(body);
        out.push(b'"');
    }
    write_author(out, message.author);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(message.kind.as_bytes());
    out.extend_from_slice(b"\",\"createdAt\":");
    json::number(out, message.created_at);
    for (key, document) in [
        (&b",\"buttons\":"[..], message.buttons),
        (b",\"context\":", message.context),
        (b",\"attributes\":", message.attributes),
    ] {
        if !document.is_empty() {
            out.extend_from_slice(key);
            out.extend_from_slice(document);
        }
    }
    write_files(out, message.files, seed);
    if let Some((edited, how)) = message.edited {
        out.extend_from_slice(b",\"editedMessageId\":");
        json::number(out, edited);
        out.extend_from_slice(b",\"editType\":\"");
        out.extend_from_slice(how.as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
}

/// Append `,"author":{…}`.
pub(super) fn write_author(out: &mut Vec<u8>, author: Author) {
    out.extend_from_slice(if author.contact {
        b",\"author\":{\"type\":\"contact\",\"id\":"
    } else {
        b",\"author\":{\"type\":\"user\",\"id\":"
    });
    json::number(out, author.id);
    out.extend_from_slice(if author.bot { b",\"bot\":true}" } else { b",\"bot\":false}" });
}

fn write_files(out: &mut Vec<u8>, files: Files, seed: u64) {
    let (first, count) = match files {
        Files::Absent => return,
        Files::Null => return out.extend_from_slice(b",\"attachments\":null"),
        Files::From(first, count) => (first, count),
    };
    out.extend_from_slice(b",\"attachments\":[");
    for id in first..first + count {
        if id > first {
            out.push(b',');
        }
        super::attachment::write_reference(out, seed, id);
    }
    out.push(b']');
}

/// Renders the generated messages of one conversation; buffers are reused from message to message.
pub(super) struct Renderer<'a> {
    base: &'a Base,
    head: &'a Head,
    person: Person,
    email: Option<String>,
    context: Vec<u8>,
    body: Vec<u8>,
    attributes: Vec<u8>,
    met_contact: bool,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(base: &'a Base, head: &'a Head) -> Self {
        let person = base.person(head.slot);
        let mut context = Vec::with_capacity(640);
        context::write(&mut context, &person, head.plan.hash, base.dialogue_of(head.plan.index));
        Self {
            base,
            head,
            person,
            email: None,
            context,
            body: Vec::with_capacity(512),
            attributes: Vec::new(),
            met_contact: false,
        }
    }

    /// Visit the messages whose place satisfies `wanted`, oldest first; the rest costs next to nothing.
    pub(super) fn visit(&mut self, wanted: &mut dyn FnMut(u32) -> bool, visit: &mut dyn FnMut(&Message<'_>)) {
        let mut at = self.head.created_at;
        let head = self.head;
        for step in Script::new(self.base, &head.plan) {
            at += step.gap_ms;
            let first_of_contact = step.from == From::Contact && !self.met_contact;
            self.met_contact |= first_of_contact;
            if wanted(step.j) {
                self.render(&step, at, first_of_contact, visit);
            }
        }
    }

    fn render(&mut self, step: &Step, at: i64, first: bool, visit: &mut dyn FnMut(&Message<'_>)) {
        self.body.clear();
        if !step.is_silent() {
            self.write_body(step);
        }
        self.attributes.clear();
        write_attributes(&mut self.attributes, step, first);
        let contact = step.from == From::Contact;
        let index = self.head.plan.index;
        let with_context = contact && (self.base.dialogues.is_some() || step.hash >> 4 & 15 != 0);
        visit(&Message {
            id: ids::message(index, step.j),
            has_org: step.hash & 7 != 0,
            conversation: self.head.id,
            body: (!step.is_silent()).then_some(&self.body[..]),
            author: author(step.from, self.head.contact_id),
            kind: kind(step.act),
            created_at: at,
            buttons: match step.act {
                Act::Greeting => &self.person.language.buttons,
                Act::Prompt => PROMPT_BUTTONS,
                _ if step.hash >> 8 & 3 == 0 => b"[]",
                _ => b"",
            },
            context: if with_context { &self.context } else { b"" },
            attributes: &self.attributes,
            files: files(step, index),
            edited: match step.act {
                Act::Replace(j) => Some((ids::message(index, j), "replace")),
                Act::Delete(j) => Some((ids::message(index, j), "delete")),
                _ => None,
            },
        });
    }

    fn write_body(&mut self, step: &Step) {
        let language = self.person.language;
        let pool: &[Phrase] = match step.act {
            Act::UserTurn | Act::SystemTurn => return self.write_turn(step),
            Act::Click(button) => {
                let fill = self.fill(step);
                return language.clicks[usize::from(button)].write(&mut self.body, &fill);
            }
            Act::GiveEmail if self.person.has_email() => return self.write_email(),
            Act::Greeting => &language.greetings,
            Act::AskEmail => &language.asks,
            Act::Handoff => &language.handoffs,
            Act::Thanks => &language.thanks,
            Act::Note | Act::Prompt => &language.notes,
            Act::Answer | Act::Replace(_) | Act::Delete(_) | Act::Suggestion => &language.answers,
            Act::GiveEmail | Act::Question => &language.questions,
        };
        let fill = self.fill(step);
        pick(pool, step.hash >> 12).write(&mut self.body, &fill);
    }

    fn fill(&self, step: &Step) -> Fill<'static> {
        let later = self.head.plan.reopened_at > 0 && step.j >= self.head.plan.reopened_at;
        Fill {
            name: self.person.first_name(),
            agent: WRITERS[self.head.plan.agents[usize::from(later)]].name,
            page: pick::<&str>(&PAGES, step.hash >> 33),
            hash: step.hash,
        }
    }

    fn write_email(&mut self) {
        let email = self.email.get_or_insert_with(|| self.base.email_of(self.head.slot).unwrap_or_default());
        json::escape_html(&mut self.body, email);
    }

    fn write_turn(&mut self, step: &Step) {
        let text = self.base.dialogues.as_ref().map_or("", |all| all.text(self.head.plan.index, step.j));
        if step.act == Act::UserTurn {
            return json::escape_html(&mut self.body, text);
        }
        self.body.extend_from_slice(b"<p>");
        json::escape_html(&mut self.body, text);
        self.body.extend_from_slice(b"</p>");
    }
}

/// The author of a generated message.
pub(super) const fn author(from: From, contact_id: i64) -> Author {
    match from {
        From::Contact => Author { contact: true, id: contact_id, bot: false },
        From::Writer(place) => Author { contact: false, id: WRITERS[place].id, bot: WRITERS[place].bot },
    }
}

/// The `type` of a generated message.
pub(super) const fn kind(act: Act) -> &'static str {
    match act {
        Act::Note => "private_note",
        Act::Replace(_) | Act::Delete(_) => "edit",
        Act::Prompt => "private_prompt",
        Act::Suggestion => "suggestion",
        _ => "chat",
    }
}

const fn files(step: &Step, index: u64) -> Files {
    match (step.files(), step.hash >> 56 & 15) {
        (0, 0) => Files::Null,
        (0, 1 | 2) => Files::From(0, 0),
        (0, _) => Files::Absent,
        (count, _) => Files::From(ids::attachment(index, step.j, 0), count),
    }
}

/// `preMessages` stands on the contact's first message, as an object or as an array (both are seen).
fn write_attributes(out: &mut Vec<u8>, step: &Step, first: bool) {
    let attributes: &[u8] = match (first, step.hash >> 60 & 7) {
        (true, 0 | 1) => b"{\"preMessages\":[]}",
        (true, 2) => b"{\"preMessages\":{}}",
        (true, 3..=5) => {
            b"{\"preMessages\":[{\"body\":\"<p>Hi there \xf0\x9f\x91\x8b</p>\",\"sender\":{\"type\":\"user\",\"bot\":true}}]}"
        }
        (true, _) => b"{\"preMessages\":{\"messages\":[{\"body\":\"<p>Need a hand?</p>\"}]}}",
        (false, 0) if step.act == Act::Answer => {
            b"{\"developer_app_id\":\"app-7f3a\",\"integrationSource\":\"Message from Harbor Desk\"}"
        }
        (false, 1) => b"",
        _ => b"{}",
    };
    out.extend_from_slice(attributes);
}
