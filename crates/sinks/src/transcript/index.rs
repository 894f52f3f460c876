//! The list of all transcripts, on pages of a bounded size.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use html_escape::{encode_double_quoted_attribute as attribute, encode_text as escape};
use model::ConversationId;

use crate::transcript::html::open_page;
use crate::transcript::{Transcript, iso};

/// Conversations on one page.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Characters of the first message that are shown.
const OPENING_CHARS_MAX: usize = 90;

/// What each line begins with; then comes the link.
const LINE: &str = "<tr><td class=\"time\"><a href=\"";

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    conversation: String,
    link: String,
    contact: String,
    status: String,
    created: String,
    messages: u64,
    opening: String,
}

impl Line {
    /// The line of a transcript that lies at `link`, seen from the list.
    #[must_use]
    pub fn of(transcript: &Transcript, link: String) -> Self {
        // What the visitor said first tells conversations apart; bots always begin alike.
        let mut said = transcript.entries.iter().filter(|entry| !entry.body.text.is_empty());
        let first = said.clone().find(|entry| entry.side == super::Side::Contact).or_else(|| said.next());
        let text = first.map(|entry| super::plain::one_line(&entry.body.text)).unwrap_or_default();
        let mut opening: String = text.chars().take(OPENING_CHARS_MAX).collect();
        if opening.len() < text.len() {
            opening.push('…');
        }
        Self {
            conversation: transcript.conversation_id.to_string(),
            link,
            contact: transcript.contact.clone(),
            status: transcript.status.clone(),
            created: transcript.created_at.map(iso).unwrap_or_default(),
            messages: transcript.entries.len() as u64 + transcript.messages_left_out,
            opening,
        }
    }
}

/// The file name of a page; numbers begin at 1.
#[must_use]
pub fn file_name(page: u64) -> String {
    if page <= 1 { "index.html".to_owned() } else { format!("index-{page}.html") }
}

/// Lay out one page of the list.
#[must_use]
pub fn render(page: u64, lines: &[Line], has_next: bool) -> String {
    let mut out = String::with_capacity(4096 + 320 * lines.len());
    write(page, lines, has_next, &mut out).expect("a text takes all");
    out
}

/// A page of the list without the lines of these conversations.
#[must_use]
pub fn without(page: &str, conversations: &BTreeSet<ConversationId>) -> String {
    let is_theirs = |line: &str| {
        let id = line
            .strip_prefix(LINE)
            .and_then(|rest| rest.split_once(".html\"")?.0.rsplit_once("conversation-"));
        id.and_then(|(_, id)| id.parse().ok()).is_some_and(|id| conversations.contains(&ConversationId(id)))
    };
    page.split_inclusive('\n').filter(|line| !is_theirs(line)).collect()
}

fn write(page: u64, lines: &[Line], has_next: bool, out: &mut String) -> fmt::Result {
    let number = if page > 1 || has_next { format!(", page {page}") } else { String::new() };
    open_page(&format!("Conversations{number}"), out)?;
    writeln!(out, "<header><h1>Conversations{number}</h1></header>\n<main>")?;
    links(page, has_next, out)?;
    writeln!(
        out,
        "<table class=\"index\">\n<thead><tr><th scope=\"col\">Created</th><th scope=\"col\">Contact</th>\
         <th scope=\"col\">Begins with</th><th scope=\"col\">Status</th><th scope=\"col\">Messages</th></tr></thead>\n<tbody>"
    )?;
    for line in lines {
        writeln!(
            out,
            "{LINE}{}\">{}</a></td><td dir=\"auto\">{}</td><td dir=\"auto\">{}</td>\
             <td>{}</td><td class=\"number\">{}</td></tr>",
            attribute(&line.link),
            escape(if line.created.is_empty() { &line.conversation } else { &line.created }),
            escape(&line.contact),
            escape(&line.opening),
            escape(&line.status),
            line.messages
        )?;
    }
    writeln!(out, "</tbody>\n</table>")?;
    links(page, has_next, out)?;
    writeln!(out, "</main>\n<footer>Times are UTC.</footer>\n</body>\n</html>")
}

fn links(page: u64, has_next: bool, out: &mut String) -> fmt::Result {
    if page <= 1 && !has_next {
        return Ok(());
    }
    write!(out, "<nav aria-label=\"Pages\">")?;
    if page > 1 {
        write!(out, "<a rel=\"prev\" href=\"{}\">Previous page</a>", file_name(page - 1))?;
    }
    if has_next {
        write!(out, "<a rel=\"next\" href=\"{}\">Next page</a>", file_name(page + 1))?;
    }
    writeln!(out, "</nav>")
}
