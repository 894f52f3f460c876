//! What a conversation says, one entry after the other, for systems that know less of a message than Drift does.
//!
//! What they have no field for is written out beside the text: what was said before, buttons, that it was edited or
//! deleted, attachments that cannot be attached. A text beyond a system's limit goes on in further entries; nothing is cut off.

use html_escape::{encode_double_quoted_attribute as attribute, encode_text as escape};
use model::Millis;

use crate::handover::neutral::{Attachment, Conversation, Message, State};
use crate::handover::report::FieldReport;
use crate::transcript::iso;

/// What one character may become when it is escaped, at most.
const ESCAPED_BYTES_MAX: usize = 6;
/// Said of a message without anything in it: these APIs take no empty text.
const NOTHING: &str = "(no text)";

/// What a system takes.
pub(crate) struct Shape {
    /// Bytes of one entry; `None` where none is documented. Bytes are the strictest reading of "characters".
    pub(crate) body_bytes_max: Option<usize>,
    /// In which form entries are measured.
    pub(crate) form: Form,
    /// Whether the names of users and bots are written before their texts, for want of a field.
    pub(crate) names_team: bool,
    /// Images that may be attached to one message by their address.
    pub(crate) images_max: usize,
}

/// The form of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Html,
    Text,
}

/// One thing said.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) at: Option<i64>,
    pub(crate) side: Side,
    pub(crate) is_private: bool,
    pub(crate) speaker: String,
    /// In the shape's form, never empty.
    pub(crate) body: String,
    /// Addresses of images to attach.
    pub(crate) images: Vec<String>,
}

/// Whose side it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Contact,
    /// A user of the team or a bot, by id where it is known.
    Team(Option<i64>),
}

/// All entries of a conversation; messages and attachments are noted in the report.
pub(crate) fn entries(conversation: &Conversation, shape: &Shape, report: &mut FieldReport) -> Vec<Entry> {
    let mut last_known = conversation.created_at;
    let mut entries = Vec::with_capacity(conversation.messages.len());
    for message in &conversation.messages {
        last_known = message.created_at.or(last_known);
        let (images, linked) = attachments(message, shape, report);
        let lines = lines(conversation, message, shape, &linked);
        let bodies = bodies(&lines, shape);
        match bodies.len() {
            1 => report.carried("messages"),
            _ => report
                .changed("messages", "longer than the limit: goes on in further messages, as plain text"),
        }
        let entry = Entry {
            at: last_known,
            side: side(message),
            is_private: message.is_private(),
            speaker: conversation.speaker(&message.author),
            body: String::new(),
            images,
        };
        entries.extend(bodies.into_iter().enumerate().map(|(index, body)| Entry {
            body,
            images: if index == 0 { entry.images.clone() } else { Vec::new() },
            ..entry.clone()
        }));
    }
    entries
}

fn side(message: &Message) -> Side {
    match message.author.kind.as_str() {
        "contact" if !message.is_private() => Side::Contact,
        "user" => Side::Team(message.author.id),
        _ => Side::Team(None),
    }
}

/// A line of an entry, in both forms.
struct Line {
    html: String,
    text: String,
}

impl Line {
    fn plain(text: String) -> Self {
        Self { html: format!("<p>{}</p>", escape(&text)), text }
    }
}

fn lines(conversation: &Conversation, message: &Message, shape: &Shape, linked: &[&Attachment]) -> Vec<Line> {
    let mut lines = Vec::new();
    let marks = marks(conversation, message);
    let named =
        (shape.names_team && side(message) != Side::Contact).then(|| conversation.speaker(&message.author));
    match (named, marks.is_empty()) {
        (Some(name), true) => lines.push(Line::plain(format!("{name}:"))),
        (Some(name), false) => lines.push(Line::plain(format!("{name} [{}]:", marks.join(", ")))),
        (None, false) => lines.push(Line::plain(format!("[{}]", marks.join(", ")))),
        (None, true) => {}
    }
    for said in &message.before {
        let quoted: Vec<String> = said.text.lines().map(|line| format!("> {line}")).collect();
        lines.push(Line { html: format!("<blockquote>{}</blockquote>", said.html), text: quoted.join("\n") });
    }
    if let Some((html, text)) =
        message.html.as_ref().zip(message.text.as_ref()).filter(|(_, text)| !text.is_empty())
    {
        lines.push(Line { html: html.clone(), text: text.clone() });
    }
    if !message.buttons.is_empty() {
        lines.push(Line::plain(format!("Buttons: [{}]", message.buttons.join("] ["))));
    }
    lines.extend(linked.iter().map(|file| link(file)));
    if lines.is_empty() {
        lines.push(Line::plain(NOTHING.to_owned()));
    }
    lines
}

/// What sets a message apart, in words.
fn marks(conversation: &Conversation, message: &Message) -> Vec<String> {
    let at = |at: Option<i64>| at.map(|at| format!(" {}", iso(Millis(at)))).unwrap_or_default();
    let mut marks = Vec::new();
    match (message.kind.as_str(), message.edited_message_id) {
        ("chat" | "private_note" | "", _) => {}
        ("edit", Some(target)) => marks.push(format!("edit of message {target}")),
        (kind, _) => marks.push(kind.replace('_', " ")),
    }
    if is_somebody_else(conversation, message) {
        marks.push(format!("by {}", conversation.speaker(&message.author)));
    }
    if message.author.bot {
        marks.push("bot".to_owned());
    }
    let last_edit = message.edits.last().and_then(|edit| edit.created_at);
    match message.state {
        State::AsSent => {}
        State::Edited => marks.push(format!("edited{}", at(last_edit))),
        State::Deleted => marks.push(format!("deleted{}", at(last_edit))),
    }
    marks
}

/// Whether its author has no place of their own there: another contact, or nobody we know a kind of.
fn is_somebody_else(conversation: &Conversation, message: &Message) -> bool {
    let contact = conversation.contact.as_ref().map(|contact| contact.id);
    match (message.author.kind.as_str(), message.author.id) {
        ("contact", id) => id.is_some() && id != contact,
        ("user", _) => false,
        _ => true,
    }
}

fn link(file: &Attachment) -> Line {
    let name = file.name.clone().unwrap_or_else(|| format!("attachment {}", file.id));
    match web_address(file) {
        Some(url) => Line {
            html: format!("<p>Attachment: <a href=\"{}\">{}</a></p>", attribute(url), escape(&name)),
            text: format!("Attachment: {name} <{url}>"),
        },
        None => Line::plain(format!("Attachment: {name} (no address known)")),
    }
}

/// An address that a browser may be led to.
fn web_address(file: &Attachment) -> Option<&str> {
    file.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

/// What can be attached by its address, and what is written out beside the text.
fn attachments<'a>(
    message: &'a Message,
    shape: &Shape,
    report: &mut FieldReport,
) -> (Vec<String>, Vec<&'a Attachment>) {
    let (mut images, mut linked) = (Vec::new(), Vec::new());
    for file in &message.attachments {
        let is_image = file.mime_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
        match web_address(file) {
            Some(url) if is_image && images.len() < shape.images_max => {
                images.push(url.to_owned());
                report.changed(
                    "messages.attachments",
                    "attached by its address, which must be reachable while it is read",
                );
            }
            Some(_) => {
                linked.push(file);
                report.changed("messages.attachments", "linked in the text");
            }
            None => {
                linked.push(file);
                report.left("messages.attachments", "no address known; its name is in the text");
            }
        }
    }
    (images, linked)
}

/// The lines in one body, or in several where one would be too long; those are plain text.
fn bodies(lines: &[Line], shape: &Shape) -> Vec<String> {
    let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    let whole = match shape.form {
        Form::Html => lines.iter().map(|line| line.html.as_str()).collect(),
        Form::Text => text.clone(),
    };
    match (shape.body_bytes_max, shape.form) {
        (Some(max), Form::Html) if whole.len() > max => {
            pieces(&text, max / ESCAPED_BYTES_MAX).into_iter().map(paragraph).collect()
        }
        (Some(max), Form::Text) if whole.len() > max => {
            pieces(&text, max).into_iter().map(str::to_owned).collect()
        }
        _ => vec![whole],
    }
}

/// A text as HTML, its lines kept.
pub(crate) fn paragraph(text: &str) -> String {
    escape(text).replace('\n', "<br>")
}

/// A text in pieces of at most so many bytes, cut behind a line or a word where there is one. Together they are the
/// text again.
pub(crate) fn pieces(text: &str, bytes_max: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > bytes_max {
        // At least one character, however small the limit.
        let most = rest.floor_char_boundary(bytes_max).max(rest.chars().next().map_or(1, char::len_utf8));
        let window = &rest[..most];
        let cut = window.rfind('\n').or_else(|| window.rfind(' ')).map_or(most, |at| at + 1);
        let (piece, tail) = rest.split_at(cut);
        pieces.push(piece);
        rest = tail;
    }
    if pieces.is_empty() || !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}
