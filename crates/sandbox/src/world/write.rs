//! Conversations and messages that come into being: by the API's two calls, and by changes of the world.

use model::Millis;
use serde_json::{Map, Value, json};

use super::base::{Base, Status};
use super::change::{Change, Changed, Speaker};
use super::contact::greet;
use super::message::{self, Author};
use super::notice::{self, Before};
use super::overlay::{Added, Booked, Overlay, body};
use super::people::{self, Person};
use super::phrases::{Fill, Phrase, pick};
use super::roster::{self, WRITERS};
use super::view::View;
use super::{World, WorldError, context, ids, json};

/// The longest body.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The most participants or tags that may be set.
const SET_MAX: usize = 1_000;

impl World {
    /// `POST /conversations/{id}/messages` with `type`, `body`, `buttons`, `userId`; gives the message. The
    /// default author is a bot.
    pub fn create_message(&self, id: i64, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let message = draft(body)?;
        let listener = self.listener();
        self.write(|base, overlay| {
            let index = found(base, overlay, id)?;
            let before = Before::of(View { base, overlay }, Some(id));
            let message_id = overlay.append(base, index, message, now)?;
            if let Some(tell) = listener {
                notice::of_message(View { base, overlay }, index, message_id, &*tell);
                notice::of_state(View { base, overlay }, index, &before, &*tell);
            }
            Ok(last_message(base, overlay, index, message_id))
        })
    }

    /// `POST /conversations/new` with `email` and `message.body`; gives the conversation. The first contact with
    /// the address is taken, or one is made.
    pub fn create_conversation(&self, body: &Value, now: Millis) -> Result<Vec<u8>, WorldError> {
        let email = body.get("email").and_then(Value::as_str).filter(|email| email.contains('@'));
        let email = email.ok_or_else(|| WorldError::validation("email is required"))?;
        let given = body.get("message").and_then(Value::as_object);
        let mut given = given.cloned().ok_or_else(|| WorldError::validation("message.body is required"))?;
        let assignee =
            given.get("attributes").and_then(|all| all.get("autoAssigneeId")).and_then(Value::as_i64);
        given.entry("type").or_insert_with(|| json!("chat"));
        let message = draft(&Value::Object(given))?;
        let listener = self.listener();
        self.write(|base, overlay| {
            let known = (View { base, overlay }).ids_by_email(email).first().copied();
            let contact = match known {
                Some(contact) => contact,
                None => {
                    let mut attributes = Map::new();
                    attributes.insert("email".to_owned(), json!(email));
                    greet(&mut attributes, now.0);
                    overlay.add_contact(attributes, now.0)?
                }
            };
            let index = overlay.found(base, contact, now)?;
            let message_id = overlay.append(base, index, message, now)?;
            if let Some(tell) = listener {
                notice::of_message(View { base, overlay }, index, message_id, &*tell);
            }
            if let (Some(user), Some(entry)) = (assignee, overlay.entries.get_mut(&index))
                && !entry.participants.contains(&user)
            {
                entry.participants.push(user);
            }
            Ok(View { base, overlay }.conversation(index))
        })
    }

    /// Let one thing happen.
    pub fn change(&self, change: &Change, now: Millis) -> Result<Changed, WorldError> {
        if let Change::Contact { conversation, attributes } = change {
            return self.change_contact(*conversation, attributes, now);
        }
        let listener = self.listener();
        self.write(|base, overlay| {
            let Some(tell) = listener else { return apply(base, overlay, change, now) };
            let before = Before::of(View { base, overlay }, change.conversation());
            let changed = apply(base, overlay, change, now)?;
            notice::of_change(View { base, overlay }, change, changed, &before, &*tell);
            Ok(changed)
        })
    }
}

fn found(base: &Base, overlay: &Overlay, id: i64) -> Result<u64, WorldError> {
    View { base, overlay }.index_of(id).ok_or_else(|| WorldError::not_found("conversation"))
}

fn last_message(base: &Base, overlay: &Overlay, index: u64, id: i64) -> Vec<u8> {
    let entry = &overlay.entries[&index];
    let added = entry.added.iter().rfind(|added| added.id == id).expect("it has just been added");
    let mut out = Vec::new();
    message::write(&mut out, &added.message(entry.row.id), base.seed);
    out
}

fn draft(body: &Value) -> Result<Added, WorldError> {
    let kind = match body.get("type").and_then(Value::as_str) {
        Some("chat") => "chat",
        Some("private_note") => "private_note",
        Some("private_prompt") => "private_prompt",
        Some("edit") => "edit",
        _ => return Err(WorldError::validation("type must be chat, private_note, private_prompt or edit")),
    };
    let html = body.get("body").and_then(Value::as_str);
    let edited = edit_of(body)?;
    let deletes = edited.is_some_and(|(_, how)| how == "delete");
    if (html.is_none() && !deletes) || html.is_some_and(|html| html.len() > BODY_BYTES_MAX) {
        return Err(WorldError::validation("body is required and must not be too long"));
    }
    let user = body.get("userId").and_then(Value::as_i64);
    let (id, bot) = user.map_or((WRITERS[roster::bot_of(0)].id, true), |id| {
        (id, WRITERS.iter().any(|member| member.id == id && member.bot))
    });
    let mut attributes = body.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
    attributes.insert("developer_app_id".to_owned(), json!("app-7f3a"));
    let buttons = body.get("buttons").filter(|buttons| buttons.is_array()).map(json::bytes);
    Ok(Added {
        author: Author { contact: false, id, bot },
        kind,
        body: html.map(super::overlay::body),
        buttons: buttons.unwrap_or_default().into_boxed_slice(),
        attributes: json::bytes(&Value::Object(attributes)).into_boxed_slice(),
        edited,
        ..blank()
    })
}

fn edit_of(body: &Value) -> Result<Option<(i64, &'static str)>, WorldError> {
    if body.get("type").and_then(Value::as_str) != Some("edit") {
        return Ok(None);
    }
    let how = match body.get("editType").and_then(Value::as_str) {
        Some("delete") => "delete",
        Some("replace") => "replace",
        Some("replace_body") => "replace_body",
        Some("replace_buttons") => "replace_buttons",
        _ => return Err(WorldError::validation("editType is required with type edit")),
    };
    let edited = body.get("editedMessageId").and_then(Value::as_i64);
    Ok(Some((
        edited.ok_or_else(|| WorldError::validation("editedMessageId is required with type edit"))?,
        how,
    )))
}

fn blank() -> Added {
    Added {
        id: 0,
        author: Author { contact: true, id: 0, bot: false },
        kind: "chat",
        body: None,
        created_at: 0,
        buttons: Box::default(),
        context: Box::default(),
        attributes: b"{}".as_slice().into(),
        files: (0, 0),
        edited: None,
    }
}

fn apply(base: &Base, overlay: &mut Overlay, change: &Change, now: Millis) -> Result<Changed, WorldError> {
    let conversation = match (change, change.conversation()) {
        (Change::NewConversation { contact, text }, _) => {
            return new_conversation(base, overlay, *contact, text.as_deref(), now);
        }
        (_, Some(conversation)) => conversation,
        (_, None) => return Err(WorldError::validation("a conversation is required")),
    };
    let index = found(base, overlay, conversation)?;
    let message = match change {
        Change::NewMessage { from, text, .. } => {
            let added = spoken(base, overlay, index, *from, text.as_deref());
            Some(overlay.append(base, index, added, now)?)
        }
        Change::EditMessage { message, text, .. } => {
            let edited = edited_message(base, overlay, index, *message)?;
            let mut added = spoken(base, overlay, index, Speaker::Agent, text.as_deref());
            (added.kind, added.edited, added.files) = ("edit", Some((edited, "replace")), (0, 0));
            Some(overlay.append(base, index, added, now)?)
        }
        Change::DeleteMessage { message, .. } => {
            let edited = edited_message(base, overlay, index, *message)?;
            let mut added = spoken(base, overlay, index, Speaker::Agent, Some(""));
            (added.kind, added.edited, added.body) = ("edit", Some((edited, "delete")), None);
            Some(overlay.append(base, index, added, now)?)
        }
        Change::RewriteMessage { message, text, .. } => {
            alter(base, overlay, index, *message, Some(html_of(text, true)), now)?;
            Some(*message)
        }
        Change::EraseMessage { message, .. } => {
            alter(base, overlay, index, *message, None, now)?;
            Some(*message)
        }
        Change::Vanish { .. } => {
            overlay.vanish(base, index);
            None
        }
        _ => {
            set(base, overlay, index, change, now)?;
            None
        }
    };
    Ok(Changed { conversation, message })
}

/// The changes of a conversation's own fields.
fn set(
    base: &Base,
    overlay: &mut Overlay,
    index: u64,
    change: &Change,
    now: Millis,
) -> Result<(), WorldError> {
    match change {
        Change::Status { status, .. } => {
            let status = Status::parse(status).ok_or_else(|| WorldError::validation("no such status"))?;
            let entry = overlay.touch(base, index, now)?;
            if status == Status::Closed {
                entry.closed_at.get_or_insert(entry.row.updated_at);
            }
            entry.row.status = status;
        }
        Change::Participants { participants, .. } if participants.len() <= SET_MAX => {
            let mut distinct = participants.clone();
            distinct.sort_unstable();
            distinct.dedup();
            overlay.touch(base, index, now)?.participants = distinct;
        }
        Change::Tags { tags, .. } if tags.len() <= SET_MAX => {
            overlay.touch(base, index, now)?.tags.clone_from(tags);
        }
        Change::Meeting { .. } => {
            let at = overlay.touch(base, index, now)?.row.updated_at;
            let start = (at + 26 * 3_600_000).div_euclid(3_600_000) * 3_600_000;
            overlay.booked.push(Booked::new(index, WRITERS[0].id, start, at));
        }
        Change::MoveMeeting { .. } | Change::CancelMeeting { .. } => {
            let place = overlay.booked.iter().rposition(|booked| booked.index == index);
            let place = place.ok_or_else(|| WorldError::not_found("meeting"))?;
            let at = overlay.touch(base, index, now)?.row.updated_at;
            overlay.booked[place].update(change, at);
        }
        _ => return Err(WorldError::validation("too many at once")),
    }
    Ok(())
}

fn new_conversation(
    base: &Base,
    overlay: &mut Overlay,
    contact: Option<i64>,
    text: Option<&str>,
    now: Millis,
) -> Result<Changed, WorldError> {
    let contact = match contact {
        Some(contact) => contact,
        None => {
            let slot = base.len + overlay.new_len;
            let person = people::person(base.seed, slot);
            let mut attributes = Map::new();
            if person.has_name() {
                attributes.insert("name".to_owned(), json!(person.name()));
            }
            if person.has_email() {
                attributes.insert("email".to_owned(), json!(person.email()));
            }
            greet(&mut attributes, now.0);
            overlay.add_contact(attributes, now.0)?
        }
    };
    let index = overlay.found(base, contact, now)?;
    let added = spoken(base, overlay, index, Speaker::Contact, text);
    let message = overlay.append(base, index, added, now)?;
    Ok(Changed { conversation: ids::conversation(base.seed, index), message: Some(message) })
}

/// Change or (`None`) take out one message in its place.
fn alter(
    base: &Base,
    overlay: &mut Overlay,
    index: u64,
    message: i64,
    new: Option<Box<[u8]>>,
    now: Millis,
) -> Result<(), WorldError> {
    if !has_message(base, overlay, index, message) {
        return Err(WorldError::not_found("message"));
    }
    let entry = overlay.touch(base, index, now)?;
    let Some(place) = entry.added.iter().position(|added| added.id == message) else {
        entry.altered.insert(message, new);
        return Ok(());
    };
    match new {
        Some(body) => entry.added[place].body = Some(body),
        None => {
            let files = entry.added.remove(place).files;
            overlay.files.retain(|id, _| !(files.0..files.0 + files.1).contains(id));
        }
    }
    Ok(())
}

fn has_message(base: &Base, overlay: &Overlay, index: u64, message: i64) -> bool {
    let view = View { base, overlay };
    let entry = view.entry(index);
    if entry.is_some_and(|entry| entry.added.iter().any(|added| added.id == message)) {
        return true;
    }
    let count = view.head(index).map_or(0, |head| head.plan.count);
    let erased = entry.is_some_and(|entry| matches!(entry.altered.get(&message), Some(None)));
    !erased && ids::message_place(index, message).is_some_and(|j| j < count)
}

/// The message that an edit is about: the one named, or the last of a person of the team.
fn edited_message(
    base: &Base,
    overlay: &Overlay,
    index: u64,
    message: Option<i64>,
) -> Result<i64, WorldError> {
    if let Some(message) = message {
        let there = has_message(base, overlay, index, message);
        return there.then_some(message).ok_or_else(|| WorldError::not_found("message"));
    }
    let mut last = None;
    (View { base, overlay }).visit(index, 0, usize::MAX, &mut |message| {
        if !message.author.contact && message.kind == "chat" {
            last = Some(message.id);
        }
    });
    last.ok_or_else(|| WorldError::not_found("message"))
}

fn html_of(text: &str, paragraph: bool) -> Box<[u8]> {
    if !paragraph {
        let mut out = Vec::new();
        json::escape_html(&mut out, text);
        return out.into_boxed_slice();
    }
    body(&format!("<p>{}</p>", html_escape::encode_safe(text)))
}

/// What somebody says now, with a phrase of the contact's language when no text is given.
fn spoken(base: &Base, overlay: &mut Overlay, index: u64, from: Speaker, text: Option<&str>) -> Added {
    let hash = ids::hash(base.seed, 14, overlay.instant(Millis(0)).unsigned_abs());
    let view = View { base, overlay };
    let slot = view.head(index).map_or(index, |head| head.slot);
    let person = people::person(base.seed, slot);
    let contact_id = view.row(index).contact_id;
    let agent = &WRITERS[roster::person_of(hash >> 32)];
    let bot = &WRITERS[roster::bot_of(hash >> 32)];
    let (author, pool): (Author, &[Phrase]) = match from {
        Speaker::Contact => {
            (Author { contact: true, id: contact_id, bot: false }, &person.language.questions)
        }
        Speaker::Agent => (Author { contact: false, id: agent.id, bot: false }, &person.language.answers),
        Speaker::Note => (Author { contact: false, id: agent.id, bot: false }, &person.language.notes),
        Speaker::Bot => (Author { contact: false, id: bot.id, bot: true }, &person.language.greetings),
    };
    let body = match text {
        Some(text) => html_of(text, from != Speaker::Contact),
        None => phrase(pool, &person, agent.name, hash),
    };
    let mut added = Added { author, body: Some(body), ..blank() };
    match from {
        Speaker::Contact => {
            let mut context = Vec::new();
            context::write(&mut context, &person, hash, base.dialogue_of(index));
            added.context = context.into_boxed_slice();
            added.files.1 = i64::from(text.is_none() && hash >> 50 & 15 == 0);
        }
        Speaker::Bot => added.buttons = person.language.buttons.as_slice().into(),
        Speaker::Note => added.kind = "private_note",
        Speaker::Agent => {}
    }
    added
}

fn phrase(pool: &[Phrase], person: &Person, agent: &str, hash: u64) -> Box<[u8]> {
    let mut out = Vec::new();
    let fill = Fill { name: person.first_name(), agent, page: "/pricing", hash };
    pick(pool, hash >> 12).write(&mut out, &fill);
    out.into_boxed_slice()
}
