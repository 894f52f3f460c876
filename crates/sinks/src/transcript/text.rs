//! A transcript as plain text, UTF-8.
//!
//! What people wrote is indented, so that no message can pass itself off as another's heading.

use std::fmt::{self, Write};

use crate::transcript::{Body, Entry, State, Transcript, iso};

const INDENT: &str = "    ";
/// Spaces to the column in which the facts at the top stand.
const LABEL_WIDTH: usize = 14;

/// Lay out as text.
#[must_use]
pub fn render(transcript: &Transcript) -> String {
    let mut out = String::with_capacity(256 + 160 * transcript.entries.len());
    head(transcript, &mut out).expect("a text takes all");
    for entry in &transcript.entries {
        message(entry, &mut out).expect("a text takes all");
    }
    if transcript.messages_left_out > 0 {
        let left_out = transcript.messages_left_out;
        writeln!(out, "\n({left_out} more messages are in the messages table.)").expect("a text takes all");
    }
    out
}

fn head(transcript: &Transcript, out: &mut String) -> fmt::Result {
    writeln!(out, "Conversation {}", transcript.conversation_id)?;
    let mut fact = |label: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { writeln!(out, "{label:<LABEL_WIDTH$}{value}") }
    };
    match &transcript.contact_email {
        Some(email) if *email != transcript.contact => {
            fact("Contact:", &format!("{} <{email}>", transcript.contact))?;
        }
        _ => fact("Contact:", &transcript.contact)?,
    }
    fact("Status:", &transcript.status)?;
    fact("Created:", &transcript.created_at.map(iso).unwrap_or_default())?;
    fact("Updated:", &transcript.updated_at.map(iso).unwrap_or_default())?;
    fact(
        "Gone:",
        &transcript.gone_at.map(|at| format!("no longer in Drift since {}", iso(at))).unwrap_or_default(),
    )?;
    if let Some(page) = &transcript.page {
        let title = page.title.as_ref().map(|title| format!(" ({title})")).unwrap_or_default();
        fact("Page:", &format!("{}{title}", page.href))?;
    }
    fact("Tags:", &transcript.tags.join(", "))?;
    fact("Participants:", &transcript.participants.join(", "))?;
    fact("Messages:", &(transcript.entries.len() as u64 + transcript.messages_left_out).to_string())?;
    writeln!(out, "Times are UTC.")
}

fn message(entry: &Entry, out: &mut String) -> fmt::Result {
    let at = entry.at.map_or_else(|| "no time".to_owned(), iso);
    write!(out, "\n[{at}] {}", entry.speaker)?;
    if let Some(mark) = &entry.mark {
        write!(out, " · {mark}")?;
    }
    match entry.state {
        State::AsSent => writeln!(out)?,
        State::Edited { at } => writeln!(out, " · edited{}", moment(at))?,
        State::Deleted { at } => writeln!(out, " · deleted{}", moment(at))?,
    }
    for said in &entry.before {
        lines("| ", said, out)?;
    }
    lines("", &entry.body, out)?;
    if !entry.buttons.is_empty() {
        writeln!(out, "{INDENT}Buttons: [{}]", entry.buttons.join("] ["))?;
    }
    for file in &entry.files {
        match &file.link {
            Some(link) => writeln!(out, "{INDENT}Attachment: {} <{link}>", file.name)?,
            None => writeln!(out, "{INDENT}Attachment: {} (not exported)", file.name)?,
        }
    }
    Ok(())
}

fn moment(at: Option<model::Millis>) -> String {
    at.map(|at| format!(" {}", iso(at))).unwrap_or_default()
}

fn lines(quote: &str, body: &Body, out: &mut String) -> fmt::Result {
    for line in body.text.lines() {
        writeln!(out, "{}", format!("{INDENT}{quote}{line}").trim_end())?;
    }
    Ok(())
}
