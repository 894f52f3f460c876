//! Chatwoot: a contact in an API inbox, a conversation, and its messages.
//!
//! After the application API's reference, <https://developers.chatwoot.com/api-reference/messages/create-new-message> and its
//! siblings (in Chatwoot's repository: `swagger/definitions/request`). Incoming messages can only be made in an inbox of the kind
//! "API". A message's time cannot be set by what is documented; the server takes `external_created_at`, in seconds, and shows it
//! (`app/builders/messages/message_builder.rb`). A message has at most 150,000 characters (`app/models/message.rb`). What is not
//! private is said by the contact, or by whoever holds the token: so the names of users stand in the text. An incoming message
//! opens a resolved conversation again, so its status comes last.

use serde_json::json;

use crate::handover::about::about;
use crate::handover::neutral::{Contact, Conversation};
use crate::handover::report::{FieldReport, Rule};
use crate::handover::requests::{Request, from, known, seconds};
use crate::handover::rules::{BESIDE, COLORS, EDITS, IDS, NOTE, RAW};
use crate::handover::speech::{Entry, Form, Shape, Side, entries, pieces};

const SHAPE: Shape =
    Shape { body_bytes_max: Some(MESSAGE_BYTES_MAX), form: Form::Text, names_team: true, images_max: 0 };
/// The documented limit counts characters; bytes are never fewer.
const MESSAGE_BYTES_MAX: usize = 150_000;
/// Digits of a phone number in E.164.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 2..=15;

const RULES: &[Rule] = &[
    Rule::carried(&["contact.name", "contact.email", "contact.external_id"]),
    Rule::changed(&["created_at", "contact.created_at"], "written in the note about the conversation"),
    Rule::changed(
        &["messages.created_at"],
        "to the second, as external_created_at: created_at is the time of the import",
    ),
    Rule::changed(
        &["status"],
        "closed is resolved, pending pending, all others open; the word is in the note",
    ),
    Rule::changed(&["messages.kind"], "private kinds are private notes; all but chat are named in the text"),
    Rule::changed(&["messages.author"], "incoming or outgoing; names of users and bots stand in the text"),
    Rule::changed(&["messages.body"], "plain text; Chatwoot reads it as Markdown"),
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
    report.carried("conversation");
    let mut requests = vec![contact(conversation.contact.as_ref(), report), begin(conversation)];
    for note in pieces(&about(conversation), MESSAGE_BYTES_MAX) {
        requests.push(message(conversation.created_at, "outgoing", true, note));
    }
    requests.extend(entries(conversation, &SHAPE, report).iter().map(said));
    if !conversation.tags.is_empty() {
        let labels: Vec<String> = conversation.tags.iter().map(|tag| label(&tag.name, report)).collect();
        requests.push(of_conversation("/labels", json!({ "labels": labels })));
    }
    match conversation.status.as_str() {
        "closed" => requests.push(of_conversation("/toggle_status", json!({ "status": "resolved" }))),
        "pending" => requests.push(of_conversation("/toggle_status", json!({ "status": "pending" }))),
        _ => {}
    }
    requests
}

fn contact(contact: Option<&Contact>, report: &mut FieldReport) -> Request {
    let known_phone = contact.and_then(|contact| contact.phone.as_deref());
    let phone = known_phone.filter(|phone| is_e164(phone));
    match (known_phone, phone) {
        (Some(_), Some(_)) => report.carried("contact.phone"),
        (Some(_), None) => {
            report.changed("contact.phone", "not in E.164 (+ and digits): written in the note alone")
        }
        (None, _) => {}
    }
    let body = json!({
        "inbox_id": from("inbox"),
        "name": contact.and_then(|contact| contact.name.as_deref()).unwrap_or("Visitor"),
        "email": contact.and_then(|contact| contact.email.as_deref()),
        "phone_number": phone,
        "identifier": contact.and_then(|contact| contact.external_id.as_deref()),
    });
    Request::post("/api/v1/accounts/{account}/contacts", known(body))
        .giving("contact", "/payload/contact/id")
        .giving("source", "/payload/contact_inbox/source_id")
}

fn is_e164(phone: &str) -> bool {
    let digits = phone.strip_prefix('+').unwrap_or_default();
    PHONE_DIGITS.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0')
}

fn begin(conversation: &Conversation) -> Request {
    let body = json!({
        "source_id": from("source"),
        "inbox_id": from("inbox"),
        "contact_id": from("contact"),
        "status": "open",
        "additional_attributes": { "drift_conversation_id": conversation.conversation_id },
    });
    Request::post("/api/v1/accounts/{account}/conversations", body).giving("conversation", "/id")
}

fn said(entry: &Entry) -> Request {
    let kind = if entry.side == Side::Contact { "incoming" } else { "outgoing" };
    message(entry.at, kind, entry.is_private, &entry.body)
}

fn message(at: Option<i64>, kind: &str, is_private: bool, content: &str) -> Request {
    let body = json!({ "content": content, "message_type": kind, "private": is_private,
        "external_created_at": seconds(at) });
    of_conversation("/messages", known(body))
}

fn of_conversation(path: &str, body: serde_json::Value) -> Request {
    Request::post(format!("/api/v1/accounts/{{account}}/conversations/{{conversation}}{path}"), body)
}

/// Labels are of small letters, digits, `-` and `_`.
fn label(tag: &str, report: &mut FieldReport) -> String {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let label: String = tag.to_lowercase().chars().map(|c| if fits(c) { c } else { '-' }).collect();
    match label == tag {
        true => report.carried("tags"),
        false => report.changed("tags", "small letters, digits, - and _; as it was in the note"),
    }
    label
}
