//! From stored records to the neutral format.
//!
//! Edits are applied as in transcripts, and bodies pass the same sanitiser. Whatever has no field is carried as the JSON
//! it came as.

use std::collections::HashMap;

use model::record::{self, User};
use model::{AttachmentId, OrgId, Pii, PlaybookId, UserId};
use store::mirror::{FileFacts, StoredConversation};

use crate::export::attachments;
use crate::file_name::percent_encode;
use crate::handover::neutral::{
    Attachment, Author, Body, Contact, Conversation, Document, Edit, FORMAT, Meeting, Message, Page,
    Participant, Playbook, State, Tag, VERSION,
};
use crate::transcript::compose::{before, buttons, page};
use crate::transcript::edits::{self, Shown};
use crate::transcript::plain::{self, one_line};
use crate::transcript::sanitize;

/// Everything the mirror has of one conversation.
pub(crate) struct Gathered {
    pub(crate) stored: StoredConversation,
    pub(crate) contact: Option<record::Contact>,
    pub(crate) messages: Vec<record::Message>,
    pub(crate) meetings: Vec<record::Meeting>,
    pub(crate) messages_not_listed: i64,
}

/// What all conversations of an organization share.
pub(crate) struct Shared {
    pub(crate) org: OrgId,
    pub(crate) team: HashMap<UserId, User>,
    pub(crate) playbooks: HashMap<PlaybookId, String>,
    /// Where the exported attachments will be reachable, with a `/` at its end.
    pub(crate) attachments_at: Option<String>,
}

/// One conversation in the neutral format; `files` tells of its attachments' files.
pub(crate) fn compose(
    gathered: &Gathered,
    files: &HashMap<AttachmentId, FileFacts>,
    shared: &Shared,
) -> Conversation {
    let contact = contact(gathered);
    let composer = Composer { gathered, files, shared, contact: contact.as_ref() };
    let stored = &gathered.stored;
    let conversation = &stored.conversation;
    let details = stored.details.as_ref();
    let playbook = details.and_then(|details| details.related_playbook_id);
    let page = gathered.messages.iter().find_map(page);
    Conversation {
        format: FORMAT,
        version: VERSION,
        org_id: shared.org.0,
        conversation_id: conversation.conversation_id.0,
        status: conversation.status.clone(),
        created_at: conversation.created_at.map(|at| at.0),
        updated_at: conversation.updated_at.map(|at| at.0),
        gone_at: stored.gone_at.map(|at| at.0),
        inbox_id: conversation.inbox_id.map(|id| id.0),
        playbook: playbook.map(|id| Playbook { id: id.0, name: shared.playbooks.get(&id).cloned() }),
        page: page.map(|page| Page { url: page.href, title: page.title }),
        contact: contact.clone(),
        participants: details
            .iter()
            .flat_map(|it| &it.participants)
            .map(|id| shared.participant(*id))
            .collect(),
        tags: details.iter().flat_map(|details| &details.tags).map(tag).collect(),
        meetings: gathered.meetings.iter().map(|meeting| shared.meeting(meeting)).collect(),
        messages: edits::apply(&gathered.messages).iter().map(|shown| composer.message(shown)).collect(),
        messages_not_listed: gathered.messages_not_listed,
        extra: Document::of(&conversation.extra),
        details_extra: details.map_or_else(Document::null, |details| Document::of(&details.extra)),
    }
}

fn contact(gathered: &Gathered) -> Option<Contact> {
    let id = gathered.stored.conversation.contact_id?;
    let known = gathered.contact.as_ref();
    let document = |of: fn(&record::Contact) -> &Pii<String>| {
        known.map_or_else(Document::null, |contact| Document::of(of(contact).expose()))
    };
    Some(Contact {
        id: id.0,
        name: known.and_then(|contact| line(contact.name.as_ref())),
        email: known.and_then(|contact| line(contact.email.as_ref())),
        phone: known.and_then(|contact| line(contact.phone.as_ref())),
        external_id: known.and_then(|contact| line(contact.external_id.as_ref())),
        created_at: known.and_then(|contact| contact.created_at).map(|at| at.0),
        attributes: document(|contact| &contact.attributes),
        extra: document(|contact| &contact.extra),
    })
}

struct Composer<'a> {
    gathered: &'a Gathered,
    files: &'a HashMap<AttachmentId, FileFacts>,
    shared: &'a Shared,
    contact: Option<&'a Contact>,
}

impl Composer<'_> {
    fn author(&self, author: &record::Author) -> Author {
        let contact = self.gathered.stored.conversation.contact_id.map(|id| id.0);
        let name = match (author.kind.as_str(), author.id) {
            ("contact", id) if id.is_none() || id == contact => {
                self.contact.and_then(|contact| contact.name.clone().or_else(|| contact.email.clone()))
            }
            ("user", Some(id)) => self.shared.name(UserId(id)),
            _ => None,
        };
        Author { kind: author.kind.clone(), id: author.id, name, bot: author.bot }
    }

    fn message(&self, shown: &Shown<'_>) -> Message {
        let message = shown.message;
        let is_deleted = shown.deletion.is_some();
        let body = shown.body.body.as_ref().filter(|_| !is_deleted).map(|body| body_of(body.expose()));
        let (html, text) = body.map(|body| (body.html, body.text)).unzip();
        let files = message.attachments.iter().chain(shown.edits.iter().flat_map(|edit| &edit.attachments));
        Message {
            id: message.message_id.0,
            kind: message.kind.clone(),
            created_at: message.created_at.map(|at| at.0),
            author: self.author(&message.author),
            state: match (is_deleted, shown.edit) {
                (true, _) => State::Deleted,
                (false, Some(_)) => State::Edited,
                (false, None) => State::AsSent,
            },
            edited_message_id: message.edited_message_id.map(|id| id.0),
            edit_type: message.edit_type.clone(),
            html,
            text,
            before: if is_deleted { Vec::new() } else { said_before(message) },
            buttons: if is_deleted { Vec::new() } else { buttons(shown.buttons) },
            edits: shown.edits.iter().map(|edit| self.edit(edit)).collect(),
            attachments: files.filter(|_| !is_deleted).map(|file| self.attachment(file)).collect(),
            extra: if is_deleted { Document::null() } else { Document::of(message.extra.expose()) },
        }
    }

    fn edit(&self, edit: &record::Message) -> Edit {
        Edit {
            message_id: edit.message_id.0,
            kind: edit.edit_type.clone().unwrap_or_default(),
            created_at: edit.created_at.map(|at| at.0),
            author: self.author(&edit.author),
        }
    }

    fn attachment(&self, attachment: &record::Attachment) -> Attachment {
        let id = attachment.attachment_id;
        let facts = self.files.get(&id);
        let stored = facts.and_then(|facts| facts.sha256);
        let remote_name = attachment.file_name.as_ref().map(|name| name.expose().as_str());
        let file = attachments::name_of(id, remote_name);
        let hosted = self.shared.attachments_at.as_ref().filter(|_| stored.is_some());
        let url = match hosted {
            Some(base) => Some(format!("{base}{}", percent_encode(&file))),
            None => line(attachment.url.as_ref()),
        };
        Attachment {
            id: id.0,
            name: line(attachment.file_name.as_ref()),
            mime_type: facts
                .and_then(|facts| facts.mime_type.clone())
                .or_else(|| attachment.mime_type.clone()),
            size_bytes: facts.and_then(|facts| facts.size_bytes),
            sha256: stored.map(hex::encode),
            url,
            file: format!("attachments/{file}"),
            extra: Document::of(&attachment.extra),
        }
    }
}

impl Shared {
    fn name(&self, user: UserId) -> Option<String> {
        let user = self.team.get(&user)?;
        line(user.name.as_ref()).or_else(|| line(user.alias.as_ref()))
    }

    pub(crate) fn participant(&self, id: UserId) -> Participant {
        let user = self.team.get(&id);
        Participant {
            id: id.0,
            name: self.name(id),
            email: user.and_then(|user| line(user.email.as_ref())),
            bot: user.and_then(|user| user.bot),
        }
    }

    fn meeting(&self, meeting: &record::Meeting) -> Meeting {
        Meeting {
            id: meeting.meeting_id.0.clone(),
            contact_id: meeting.contact_id.map(|id| id.0),
            agent: meeting.agent_id.map(|id| self.participant(id)),
            status: meeting.status.clone(),
            source: meeting.source.clone(),
            kind: meeting.kind.clone(),
            event_id: meeting.event_id.clone(),
            slot_start: meeting.slot_start.map(|at| at.0),
            slot_end: meeting.slot_end.map(|at| at.0),
            scheduled_at: meeting.scheduled_at.map(|at| at.0),
            updated_at: meeting.updated_at.map(|at| at.0),
            time_zone: meeting.time_zone.clone(),
            notes: meeting.notes.as_ref().map(|notes| notes.expose().clone()),
            extra: Document::of(&meeting.extra),
        }
    }
}

fn tag(tag: &record::Tag) -> Tag {
    Tag { name: tag.name.clone(), color: tag.color.clone() }
}

fn said_before(message: &record::Message) -> Vec<Body> {
    before(message).into_iter().map(|body| Body { html: body.html, text: body.text }).collect()
}

fn body_of(html: &str) -> Body {
    let html = sanitize::clean(html);
    Body { text: plain::text(&html), html }
}

/// One line of what a stranger wrote; `None` for nothing.
fn line(text: Option<&Pii<String>>) -> Option<String> {
    text.map(|text| one_line(text.expose())).filter(|text| !text.is_empty())
}
