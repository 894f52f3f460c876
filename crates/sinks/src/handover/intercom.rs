//! Intercom: a contact, a conversation that it began, and replies with their old times.
//!
//! After the REST API's reference (version 2.16):
//! <https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/createconversation> and
//! `…/conversations/replyconversation`. `created_at` is in seconds and meant for bringing old conversations over; a contact's words are plain
//! text; a reply takes the addresses of ten images. A conversation is given back with 500 parts at most, so a longer one
//! goes on in a further conversation. No limit of a body's length is documented.

use serde_json::{Value, json};

use crate::handover::about::about;
use crate::handover::neutral::{Contact, Conversation};
use crate::handover::report::{FieldReport, Rule};
use crate::handover::requests::{Request, agent, from, known, seconds};
use crate::handover::rules::{BESIDE, COLORS, EDITS, IDS, NOTE, RAW};
use crate::handover::speech::{Entry, Form, Shape, Side, entries, paragraph};

const SHAPE: Shape = Shape { body_bytes_max: None, form: Form::Text, names_team: false, images_max: 10 };
/// Parts of one conversation.
const PARTS_MAX: usize = 500;
/// Parts that are ours: the note about the conversation, and that it was closed.
const PARTS_OWN: usize = 2;

const RULES: &[Rule] = &[
    Rule::carried(&["contact.name", "contact.email", "contact.phone", "contact.external_id", "tags"]),
    Rule::changed(&["created_at", "messages.created_at"], "to the second"),
    Rule::changed(&["contact.created_at"], "as signed_up_at, to the second"),
    Rule::changed(&["status"], "closed is set, all others are open; the word is in the note"),
    Rule::changed(
        &["messages.kind"],
        "private kinds are notes, others comments; all but chat are named in the text",
    ),
    Rule::changed(
        &["messages.author"],
        "the contact, and the admins whom the sender names for users and bots",
    ),
    Rule::changed(&["messages.body"], "plain text"),
    NOTE,
    BESIDE,
    EDITS,
    IDS,
    COLORS,
    RAW,
];

/// The calls that make it there.
pub(super) fn requests(conversation: &Conversation, report: &mut FieldReport) -> Vec<Request> {
    report.by(RULES, conversation);
    let entries = entries(conversation, &SHAPE, report);
    let parts: Vec<&[Entry]> = match entries.chunks(PARTS_MAX - PARTS_OWN).collect::<Vec<_>>() {
        none if none.is_empty() => vec![&[]],
        parts => parts,
    };
    match parts.len() {
        1 => report.carried("conversation"),
        _ => report.changed("conversation", "more than 500 parts: goes on in further conversations"),
    }
    let mut requests = vec![contact(conversation.contact.as_ref())];
    for (index, part) in parts.iter().enumerate() {
        let number =
            if parts.len() > 1 { format!(", part {} of {}", index + 1, parts.len()) } else { String::new() };
        requests.push(opening(conversation, part, &number));
        requests.push(note(conversation));
        requests.extend(part.iter().map(reply));
        requests.extend(conversation.tags.iter().flat_map(|tag| tagged(&tag.name)));
        if conversation.status == "closed" {
            let body = json!({ "message_type": "close", "type": "admin", "admin_id": agent(None) });
            requests.push(Request::post("/conversations/{conversation}/parts", body));
        }
    }
    requests
}

/// A contact with an address or an id of the site's own is a user, any other a lead.
fn contact(contact: Option<&Contact>) -> Request {
    let body = match contact {
        Some(contact) => json!({
            "role": if contact.email.is_some() || contact.external_id.is_some() { "user" } else { "lead" },
            "external_id": contact.external_id,
            "email": contact.email,
            "phone": contact.phone,
            "name": contact.name,
            "signed_up_at": seconds(contact.created_at),
        }),
        None => json!({ "role": "lead" }),
    };
    Request::post("/contacts", known(body)).giving("contact", "/id")
}

/// Only a contact can begin a conversation, and in Drift mostly a bot did: so the first line is ours, and says so.
fn opening(conversation: &Conversation, part: &[Entry], number: &str) -> Request {
    let body = json!({
        "from": { "type": "user", "id": from("contact") },
        "body": format!("[Imported from Drift: conversation {}{number}]", conversation.conversation_id),
        "created_at": seconds(part.first().and_then(|entry| entry.at).or(conversation.created_at)),
    });
    Request::post("/conversations", known(body)).giving("conversation", "/conversation_id")
}

fn note(conversation: &Conversation) -> Request {
    let body = paragraph(&about(conversation));
    said(json!({ "message_type": "note", "type": "admin", "admin_id": agent(None), "body": body,
        "created_at": seconds(conversation.created_at) }))
}

fn reply(entry: &Entry) -> Request {
    let mut body = match entry.side {
        Side::Contact => {
            json!({ "message_type": "comment", "type": "user", "intercom_user_id": from("contact"),
            "body": entry.body })
        }
        // Of all texts only a note's is HTML.
        Side::Team(user) if entry.is_private => json!({ "message_type": "note", "type": "admin",
            "admin_id": agent(user), "body": paragraph(&entry.body) }),
        Side::Team(user) => json!({ "message_type": "comment", "type": "admin", "admin_id": agent(user),
            "body": entry.body }),
    };
    body["created_at"] = json!(seconds(entry.at));
    if !entry.images.is_empty() {
        body["attachment_urls"] = json!(entry.images);
    }
    said(body)
}

fn said(body: Value) -> Request {
    Request::post("/conversations/{conversation}/reply", known(body))
}

fn tagged(name: &str) -> [Request; 2] {
    [
        Request::post("/tags", json!({ "name": name })).giving("tag", "/id"),
        Request::post(
            "/conversations/{conversation}/tags",
            json!({ "id": from("tag"), "admin_id": agent(None) }),
        ),
    ]
}
