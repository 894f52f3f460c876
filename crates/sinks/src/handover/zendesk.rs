//! Zendesk: a user, and a ticket with its comments and old times.
//!
//! After the ticket import, <https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_import/>, and ticket comments,
//! <https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/>. A ticket takes 5,000 comments, so a longer conversation goes on in a further
//! ticket; a comment has about 65,000 characters, and 65,535 bytes keep to it however they are counted. Times lie between
//! 1970 and now. Files can only be attached by uploading them first.

use serde_json::{Value, json};

use crate::handover::about::about;
use crate::handover::neutral::{Contact, Conversation};
use crate::handover::report::{FieldReport, Rule};
use crate::handover::requests::{Request, agent, from, known};
use crate::handover::rules::{BESIDE, COLORS, EDITS, IDS, NOTE, RAW};
use crate::handover::speech::{Entry, Form, Shape, Side, entries, paragraph, pieces};
use crate::transcript::iso;

const COMMENT_BYTES_MAX: usize = 65_535;
const COMMENTS_MAX: usize = 5_000;
/// Zendesk advises a tag on what was imported: no triggers ran for it.
const IMPORTED: &str = "imported_from_drift";
const SHAPE: Shape =
    Shape { body_bytes_max: Some(COMMENT_BYTES_MAX), form: Form::Html, names_team: false, images_max: 0 };

const RULES: &[Rule] = &[
    Rule::carried(&["contact.name", "contact.email", "contact.phone"]),
    Rule::changed(&["created_at", "messages.created_at"], "to the second, and not before 1970"),
    Rule::changed(&["contact.external_id"], "as the user's external_id; without one, drift-ID"),
    Rule::changed(&["contact.created_at"], "written in the note about the conversation"),
    Rule::changed(
        &["status"],
        "open, pending and closed are set, all others are open; the word is in the note",
    ),
    Rule::changed(&["messages.kind"], "private kinds are not public; all but chat are named in the text"),
    Rule::changed(
        &["messages.author"],
        "the requester, and the agents whom the sender names for users and bots",
    ),
    Rule::changed(&["messages.body"], "sanitised HTML"),
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
    let about = about(conversation);
    let notes = pieces(&about, COMMENT_BYTES_MAX / 6)
        .into_iter()
        .map(|piece| comment(conversation.created_at, agent(None), false, &paragraph(piece)));
    let mut comments: Vec<Value> = notes.collect();
    comments.extend(entries(conversation, &SHAPE, report).iter().map(said));
    let mut tags = vec![IMPORTED.to_owned()];
    tags.extend(conversation.tags.iter().map(|tag| label(&tag.name, report)));
    let parts: Vec<&[Value]> = comments.chunks(COMMENTS_MAX).collect();
    match parts.len() {
        1 => report.changed("conversation", "a ticket"),
        _ => report.changed("conversation", "several tickets: more than 5,000 comments"),
    }
    let mut requests = vec![contact(conversation.contact.as_ref())];
    for (index, part) in parts.iter().enumerate() {
        let number = (parts.len() > 1).then_some((index + 1, parts.len()));
        requests.push(ticket(conversation, &tags, part, number));
    }
    requests
}

fn ticket(
    conversation: &Conversation,
    tags: &[String],
    comments: &[Value],
    part: Option<(usize, usize)>,
) -> Request {
    let id = conversation.conversation_id;
    let (external_id, subject) = match part {
        None => (format!("drift-{id}"), format!("Drift conversation {id}")),
        Some((number, of)) => {
            (format!("drift-{id}-{number}"), format!("Drift conversation {id}, part {number} of {of}"))
        }
    };
    let status = match conversation.status.as_str() {
        status @ ("closed" | "pending") => status,
        _ => "open",
    };
    let ticket = json!({
        "external_id": external_id,
        "subject": subject,
        "requester_id": from("contact"),
        "status": status,
        "created_at": instant(conversation.created_at),
        "tags": tags,
        "comments": comments,
    });
    Request::post("/api/v2/imports/tickets", json!({ "ticket": known(ticket) }))
        .giving("ticket", "/ticket/id")
}

fn contact(contact: Option<&Contact>) -> Request {
    let nameless =
        || contact.map_or_else(|| "Visitor".to_owned(), |contact| format!("Visitor {}", contact.id));
    let user = json!({
        "name": contact.and_then(|contact| contact.name.clone()).unwrap_or_else(nameless),
        "email": contact.and_then(|contact| contact.email.as_deref()),
        "phone": contact.and_then(|contact| contact.phone.as_deref()),
        "external_id": contact
            .map(|contact| contact.external_id.clone().unwrap_or_else(|| format!("drift-{}", contact.id))),
        "skip_verify_email": true,
    });
    Request::post("/api/v2/users/create_or_update", json!({ "user": known(user) }))
        .giving("contact", "/user/id")
}

fn said(entry: &Entry) -> Value {
    let author = match entry.side {
        Side::Contact => from("contact"),
        Side::Team(user) => agent(user),
    };
    comment(entry.at, author, !entry.is_private, &entry.body)
}

fn comment(at: Option<i64>, author: Value, is_public: bool, html: &str) -> Value {
    known(json!({ "author_id": author, "html_body": html, "public": is_public, "created_at": instant(at) }))
}

fn instant(at: Option<i64>) -> Option<String> {
    at.map(|at| iso(model::Millis(at.max(0))))
}

/// A space would make two tags of one.
fn label(tag: &str, report: &mut FieldReport) -> String {
    let label = tag.to_lowercase().split_whitespace().collect::<Vec<_>>().join("_");
    match label == tag {
        true => report.carried("tags"),
        false => report.changed("tags", "small letters, spaces as _; as it was in the note"),
    }
    label
}
