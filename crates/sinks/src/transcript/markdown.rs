//! A transcript as Markdown (CommonMark, GitHub's tables and strikethrough kept in mind), UTF-8.
//!
//! What people wrote stands in quotations and is escaped, so that no message can pass itself off as another's heading and
//! none of it is markup: the only links are to exported attachments. A reader that makes addresses in a text
//! active sees those of `http`, `https` and `mailto`, as bodies were sanitised before.

use std::fmt::{self, Write};

use crate::transcript::{Body, Entry, State, Transcript, iso};

/// Characters that mean something anywhere in a line.
const MARKS: &[char] = &['\\', '`', '*', '_', '[', ']', '<', '>', '&', '|', '~', '^', '$', '@'];
/// Characters that mean something at the beginning of a line.
const FIRST_MARKS: &[char] = &['#', '+', '-', '=', ':'];

/// Lay out as Markdown.
#[must_use]
pub fn render(transcript: &Transcript) -> String {
    let mut out = String::with_capacity(256 + 192 * transcript.entries.len());
    head(transcript, &mut out).expect("a text takes all");
    for entry in &transcript.entries {
        message(entry, &mut out).expect("a text takes all");
    }
    if transcript.messages_left_out > 0 {
        let left_out = transcript.messages_left_out;
        writeln!(out, "\n{left_out} more messages are in the messages table.").expect("a text takes all");
    }
    out
}

fn head(transcript: &Transcript, out: &mut String) -> fmt::Result {
    writeln!(out, "# Conversation {}\n", transcript.conversation_id)?;
    let mut fact = |label: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { writeln!(out, "- **{label}:** {}", escaped(value)) }
    };
    match &transcript.contact_email {
        Some(email) if *email != transcript.contact => {
            fact("Contact", &format!("{} <{email}>", transcript.contact))?;
        }
        _ => fact("Contact", &transcript.contact)?,
    }
    fact("Status", &transcript.status)?;
    fact("Created", &transcript.created_at.map(iso).unwrap_or_default())?;
    fact("Updated", &transcript.updated_at.map(iso).unwrap_or_default())?;
    fact("No longer in Drift since", &transcript.gone_at.map(iso).unwrap_or_default())?;
    if let Some(page) = &transcript.page {
        let title = page.title.as_ref().map(|title| format!(" ({title})")).unwrap_or_default();
        fact("Page", &format!("{}{title}", page.href))?;
    }
    fact("Tags", &transcript.tags.join(", "))?;
    fact("Participants", &transcript.participants.join(", "))?;
    fact("Messages", &(transcript.entries.len() as u64 + transcript.messages_left_out).to_string())?;
    writeln!(out, "\nTimes are UTC.")
}

fn message(entry: &Entry, out: &mut String) -> fmt::Result {
    let at = entry.at.map_or_else(|| "no time".to_owned(), iso);
    write!(out, "\n## {} · {at}", escaped(&entry.speaker))?;
    if let Some(mark) = &entry.mark {
        write!(out, " · {}", escaped(mark))?;
    }
    match entry.state {
        State::AsSent => writeln!(out)?,
        State::Edited { at } => writeln!(out, " · edited{}", moment(at))?,
        State::Deleted { at } => writeln!(out, " · deleted{}", moment(at))?,
    }
    for said in &entry.before {
        quoted("> > ", said, out)?;
    }
    quoted("> ", &entry.body, out)?;
    if !entry.buttons.is_empty() {
        let buttons: Vec<String> =
            entry.buttons.iter().map(|button| escaped(&format!("[{button}]"))).collect();
        writeln!(out, "\nButtons: {}", buttons.join(" "))?;
    }
    for file in &entry.files {
        match &file.link {
            Some(link) => writeln!(out, "\nAttachment: [{}](<{link}>)", escaped(&file.name))?,
            None => writeln!(out, "\nAttachment: {} (not exported)", escaped(&file.name))?,
        }
    }
    Ok(())
}

fn moment(at: Option<model::Millis>) -> String {
    at.map(|at| format!(" {}", iso(at))).unwrap_or_default()
}

/// A body in a quotation of its own, its lines kept.
fn quoted(quote: &str, body: &Body, out: &mut String) -> fmt::Result {
    if body.text.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut lines = body.text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_followed = lines.peek().is_some_and(|next| !next.trim().is_empty());
        let line_break = if is_followed && !line.trim().is_empty() { "\\" } else { "" };
        writeln!(out, "{}", format!("{quote}{}{line_break}", escaped(line)).trim_end())?;
    }
    Ok(())
}

/// One line of text in which nothing is markup. White space at its beginning, which would make code of it, is kept by
/// spaces that do not.
fn escaped(line: &str) -> String {
    let content = line.trim_start();
    let indent = line.len() - content.len();
    let mut out = "\u{a0}".repeat(line[..indent].chars().count());
    let digits = content.len() - content.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    for (at, c) in content.char_indices() {
        let begins = at == 0 && FIRST_MARKS.contains(&c);
        let numbers = digits > 0 && at == digits && matches!(c, '.' | ')');
        if begins || numbers || MARKS.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_is_markup() {
        let check = |line: &str, expected: &str| assert_eq!(escaped(line), expected);
        check("It is 30. #1 - really", "It is 30. #1 - really");
        check("# big", "\\# big");
        check("- one", "\\- one");
        check("12) twelve", "12\\) twelve");
        check("===", "\\===");
        check("    code", "\u{a0}\u{a0}\u{a0}\u{a0}code");
        check("[x](javascript:y) ![i](z)", "\\[x\\](javascript:y) !\\[i\\](z)");
        check("<javascript:x> &lt; `a` *b* _c_", "\\<javascript:x\\> \\&lt; \\`a\\` \\*b\\* \\_c\\_");
        check("a | b ~~c~~ \\", "a \\| b \\~\\~c\\~\\~ \\\\");
    }
}
