//! A transcript as one HTML page: readable anywhere, self-contained, printable, and safe to open.
//!
//! No script, no request to anybody: styles stand in the page and a content security policy forbids the rest, should the
//! sanitiser ever miss something. Texts of unknown language carry `dir="auto"`, so that right-to-left ones read right.

use std::fmt::{self, Write};

use html_escape::{encode_double_quoted_attribute as attribute, encode_text as escape};
use model::Millis;

use crate::transcript::{Entry, FileLink, Side, State, Transcript, iso, style};

/// Lay out as a page. `index` is the link to the list it is on.
#[must_use]
pub fn render(transcript: &Transcript, index: Option<&str>) -> String {
    let mut out = String::with_capacity(style::STYLE.len() + 1024 + 400 * transcript.entries.len());
    write(transcript, index, &mut out).expect("a text takes all");
    out
}

fn write(transcript: &Transcript, index: Option<&str>, out: &mut String) -> fmt::Result {
    let title = format!("Conversation {} with {}", transcript.conversation_id, transcript.contact);
    open_page(&title, out)?;
    if let Some(index) = index {
        writeln!(out, "<nav><a href=\"{}\">All conversations</a></nav>", attribute(index))?;
    }
    writeln!(out, "<header>\n<h1>Conversation with <bdi>{}</bdi></h1>\n<dl>", escape(&transcript.contact))?;
    facts(transcript, out)?;
    writeln!(out, "</dl>\n</header>\n<main>\n<ol class=\"messages\">")?;
    let mut day = String::new();
    for entry in &transcript.entries {
        let entry_day: String = entry.at.map(iso).unwrap_or_default().chars().take(10).collect();
        if entry_day != day && !entry_day.is_empty() {
            writeln!(out, "<li class=\"day\">{}</li>", escape(&entry_day))?;
            day = entry_day;
        }
        message(entry, out)?;
    }
    writeln!(out, "</ol>")?;
    if transcript.messages_left_out > 0 {
        let left_out = transcript.messages_left_out;
        writeln!(out, "<p class=\"aside\">{left_out} more messages are in the messages table.</p>")?;
    }
    writeln!(out, "</main>\n<footer>Times are UTC.</footer>\n</body>\n</html>")
}

/// Everything up to and including `<body>`.
pub(super) fn open_page(title: &str, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{}</style>\n</head>\n<body>",
        escape(title),
        style::STYLE
    )
}

fn facts(transcript: &Transcript, out: &mut String) -> fmt::Result {
    let mut fact = |label: &str, html: &str| writeln!(out, "<div><dt>{label}</dt><dd>{html}</dd></div>");
    fact("Conversation", &transcript.conversation_id.to_string())?;
    if let Some(email) = &transcript.contact_email {
        fact("Email", &format!("<bdi>{}</bdi>", escape(email)))?;
    }
    if !transcript.status.is_empty() {
        fact("Status", &escape(&transcript.status))?;
    }
    let instants = [
        ("Created", transcript.created_at),
        ("Updated", transcript.updated_at),
        ("Gone from Drift", transcript.gone_at),
    ];
    for (label, at) in instants {
        if let Some(at) = at {
            fact(label, &time(at, &iso(at)))?;
        }
    }
    if let Some(page) = &transcript.page {
        fact("Page", &page_link(&page.href, page.title.as_deref()))?;
    }
    let list = |names: &[String]| {
        let items = names.iter().map(|name| format!("<li><bdi>{}</bdi></li>", escape(name)));
        format!("<ul class=\"names\">{}</ul>", items.collect::<String>())
    };
    if !transcript.tags.is_empty() {
        fact("Tags", &list(&transcript.tags))?;
    }
    if !transcript.participants.is_empty() {
        fact("Participants", &list(&transcript.participants))?;
    }
    fact("Messages", &(transcript.entries.len() as u64 + transcript.messages_left_out).to_string())
}

/// The page comes from the visitor's browser: a link only when it is one to a web page.
fn page_link(href: &str, title: Option<&str>) -> String {
    let shown = escape(title.unwrap_or(href)).into_owned();
    let lower = href.to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        let href = attribute(href);
        format!("<a href=\"{href}\" rel=\"noopener noreferrer nofollow\"><bdi>{shown}</bdi></a>")
    } else {
        format!("<bdi>{shown}</bdi>")
    }
}

fn time(at: Millis, shown: &str) -> String {
    format!("<time datetime=\"{}\">{}</time>", iso(at), escape(shown))
}

fn message(entry: &Entry, out: &mut String) -> fmt::Result {
    let side = match entry.side {
        Side::Contact => "contact",
        Side::Team => "team",
        Side::Bot => "bot",
        Side::Unknown => "unknown",
    };
    let private = if entry.mark.is_some() { " marked" } else { "" };
    write!(
        out,
        "<li id=\"m{}\" class=\"{side}{private}\"><p class=\"who\"><b><bdi>{}</bdi></b>",
        entry.message_id,
        escape(&entry.speaker)
    )?;
    if let Some(at) = entry.at {
        let clock = iso(at).get(11..19).map_or_else(|| iso(at), str::to_owned);
        write!(out, " {}", time(at, &clock))?;
    }
    if let Some(mark) = &entry.mark {
        write!(out, " <span class=\"mark\">{}</span>", escape(mark))?;
    }
    if let State::Edited { at } = entry.state {
        write!(out, " <span class=\"state\">edited {}</span>", moment(at))?;
    }
    writeln!(out, "</p>")?;
    if let State::Deleted { at } = entry.state {
        writeln!(out, "<p class=\"state\">This message was deleted {}</p>", moment(at))?;
    }
    for said in &entry.before {
        writeln!(out, "<blockquote dir=\"auto\">{}</blockquote>", said.html)?;
    }
    if !entry.body.html.is_empty() {
        writeln!(out, "<div class=\"body\" dir=\"auto\">{}</div>", entry.body.html)?;
    }
    buttons(&entry.buttons, out)?;
    files(&entry.files, out)?;
    writeln!(out, "</li>")
}

fn moment(at: Option<Millis>) -> String {
    at.map(|at| time(at, &iso(at))).unwrap_or_default()
}

fn buttons(labels: &[String], out: &mut String) -> fmt::Result {
    if labels.is_empty() {
        return Ok(());
    }
    write!(out, "<ul class=\"buttons\" aria-label=\"Buttons offered\">")?;
    for label in labels {
        write!(out, "<li dir=\"auto\">{}</li>", escape(label))?;
    }
    writeln!(out, "</ul>")
}

fn files(files: &[FileLink], out: &mut String) -> fmt::Result {
    if files.is_empty() {
        return Ok(());
    }
    write!(out, "<ul class=\"files\" aria-label=\"Attachments\">")?;
    for file in files {
        let name = escape(&file.name);
        match &file.link {
            Some(link) => write!(out, "<li><a href=\"{}\"><bdi>{name}</bdi></a></li>", attribute(link))?,
            None => write!(out, "<li><bdi>{name}</bdi> <small>not exported</small></li>")?,
        }
    }
    writeln!(out, "</ul>")
}
