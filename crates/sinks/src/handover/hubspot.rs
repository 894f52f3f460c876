//! HubSpot: a contact, and the conversation as a note on its timeline.
//!
//! After <https://developers.hubspot.com/docs/api-reference/latest/crm/activities/notes/guide>. A note's body is HTML of at most 65,536
//! characters, so a longer conversation goes on in further notes. Notes, because they need nothing but the right to write contacts: the
//! conversations inbox takes messages through a channel that an app of one's own defines, and marks them as sent now by that app.

use html_escape::encode_text as escape;
use model::Millis;
use serde_json::json;

use crate::handover::about::about;
use crate::handover::neutral::{Contact, Conversation};
use crate::handover::report::{FieldReport, Rule};
use crate::handover::requests::{Request, from, known};
use crate::handover::rules::{BESIDE, EDITS, IDS, NOTE, RAW};
use crate::handover::speech::{Entry, Form, Shape, entries, paragraph, pieces};
use crate::transcript::iso;

/// The documented limit counts characters; bytes are never fewer.
const NOTE_BYTES_MAX: usize = 65_536;
/// Room for a note's first line and for the heading of a message.
const HEADING_BYTES_MAX: usize = 4_096;
const BLOCK_BYTES_MAX: usize = NOTE_BYTES_MAX - 2 * HEADING_BYTES_MAX;
/// Characters of a name in a heading; the note begins with whole names.
const SPEAKER_CHARS_MAX: usize = 120;
const SHAPE: Shape =
    Shape { body_bytes_max: Some(BLOCK_BYTES_MAX), form: Form::Html, names_team: false, images_max: 0 };
/// The version of the API in its paths.
const VERSION: &str = "2026-09";
/// The association of a note with a contact.
const NOTE_TO_CONTACT: i64 = 202;

const RULES: &[Rule] = &[
    Rule::carried(&["contact.email", "contact.phone"]),
    Rule::changed(&["contact.name"], "whole, as the first name"),
    Rule::changed(
        &["status", "created_at", "tags", "contact.external_id", "contact.created_at"],
        "written in the note about the conversation",
    ),
    Rule::left(&["tags.color"], "tags have no colour there"),
    Rule::changed(&["messages.created_at"], "to the second, in the heading of each message"),
    Rule::changed(&["messages.kind"], "all but chat are named in the heading or the text"),
    Rule::changed(&["messages.author"], "the name, in the heading of each message"),
    Rule::changed(&["messages.body"], "sanitised HTML, one message after the other in a note"),
    NOTE,
    BESIDE,
    EDITS,
    IDS,
    RAW,
];

/// The calls that make it there.
pub(super) fn requests(conversation: &Conversation, report: &mut FieldReport) -> Vec<Request> {
    report.by(RULES, conversation);
    let about = about(conversation);
    let head = pieces(&about, BLOCK_BYTES_MAX / 6).into_iter();
    let mut blocks: Vec<(Option<i64>, String)> =
        head.map(|piece| (conversation.created_at, format!("<p>{}</p>", paragraph(piece)))).collect();
    blocks.extend(entries(conversation, &SHAPE, report).iter().map(|entry| (entry.at, block(entry))));
    let notes = packed(blocks);
    match notes.len() {
        1 => report.changed("conversation", "one note on the contact's timeline"),
        _ => report.changed(
            "conversation",
            "several notes on the contact's timeline: longer than 65,536 characters",
        ),
    }
    let mut requests = vec![contact(conversation.contact.as_ref())];
    let count = notes.len();
    requests.extend(notes.into_iter().enumerate().map(|(index, (at, body))| {
        let number = if count > 1 { format!(", part {} of {count}", index + 1) } else { String::new() };
        let first = format!("<p>Drift conversation {}{number}</p>", conversation.conversation_id);
        note(at.unwrap_or_default(), &format!("{first}{body}"))
    }));
    requests
}

/// Blocks gathered into bodies, each with the time of its first.
fn packed(blocks: Vec<(Option<i64>, String)>) -> Vec<(Option<i64>, String)> {
    let mut notes: Vec<(Option<i64>, String)> = Vec::new();
    for (at, block) in blocks {
        match notes.last_mut() {
            Some((_, body)) if body.len() + block.len() <= NOTE_BYTES_MAX - HEADING_BYTES_MAX => {
                body.push_str(&block)
            }
            _ => notes.push((at, block)),
        }
    }
    notes
}

/// A message under its heading. What people wrote stands in a quotation, so that no message can pass itself off as
/// another's heading.
fn block(entry: &Entry) -> String {
    let name: String = entry.speaker.chars().take(SPEAKER_CHARS_MAX).collect();
    let at = entry.at.map(|at| format!(" · {}", iso(Millis(at)))).unwrap_or_default();
    let private = if entry.is_private { " · private" } else { "" };
    format!("<p><b>{}</b>{at}{private}</p><blockquote>{}</blockquote>", escape(&name), entry.body)
}

/// An address makes a contact or finds it; without one it is made by its name.
fn contact(contact: Option<&Contact>) -> Request {
    let name = contact.and_then(|contact| contact.name.as_deref());
    let email = contact.and_then(|contact| contact.email.as_deref());
    let phone = contact.and_then(|contact| contact.phone.as_deref());
    match email {
        Some(email) => {
            let properties = known(json!({ "email": email, "firstname": name, "phone": phone }));
            let body =
                json!({ "inputs": [{ "idProperty": "email", "id": email, "properties": properties }] });
            Request::post(format!("/crm/objects/{VERSION}/contacts/batch/upsert"), body)
                .giving("contact", "/results/0/id")
        }
        None => {
            let properties = known(json!({ "firstname": name.unwrap_or("Visitor"), "phone": phone }));
            let body = json!({ "properties": properties, "associations": [] });
            Request::post(format!("/crm/objects/{VERSION}/contacts"), body).giving("contact", "/id")
        }
    }
}

fn note(at: i64, body: &str) -> Request {
    let types = json!([{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT }]);
    let body = json!({
        "properties": { "hs_timestamp": at.to_string(), "hs_note_body": body },
        "associations": [{ "to": { "id": from("contact") }, "types": types }],
    });
    Request::post(format!("/crm/objects/{VERSION}/notes"), body)
}
