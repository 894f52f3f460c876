//! Both transcripts. Drift's exact shapes are unconfirmed; these follow its sample exporter's file and the
//! clients that read them: plain text lines without year or ids, and a list of plain messages. Chat only: private
//! notes, prompts and edits are left out of both.

use super::json;
use super::message::{Author, Message, write_author};
use super::roster::WRITERS;
use super::view::View;
use super::{World, calendar};

impl World {
    /// The text transcript: one line a message, `<Mon> <d>, <hh:mm:ss> <AM|PM> <zone> <speaker>: <text>`.
    #[must_use]
    pub fn transcript_text(&self, id: i64) -> Option<String> {
        self.read(|view| {
            let index = view.index_of(id)?;
            let contact = view.speaker(view.row(index).contact_id);
            let mut text = String::new();
            view.visit(index, 0, usize::MAX, &mut |message| {
                if let (true, Some(body)) = (message.kind == "chat", message.body) {
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&calendar::pacific(message.created_at));
                    text.push(' ');
                    text.push_str(label(message.author, &contact));
                    text.push_str(": ");
                    text.push_str(&plain(&json::unescape(body)));
                }
            });
            Some(text)
        })
    }

    /// The messages of the JSON transcript, an array of `{id, body, type, author, createdAt}`.
    #[must_use]
    pub fn transcript_json(&self, id: i64) -> Option<Vec<u8>> {
        self.read(|view| {
            let index = view.index_of(id)?;
            let mut out = vec![b'['];
            view.visit(index, 0, usize::MAX, &mut |message| {
                if message.kind == "chat" {
                    write(&mut out, message);
                }
            });
            out.push(b']');
            Some(out)
        })
    }
}

fn write(out: &mut Vec<u8>, message: &Message<'_>) {
    out.extend_from_slice(if out.len() > 1 { b",{\"id\":" } else { b"{\"id\":" });
    json::number(out, message.id);
    out.extend_from_slice(b",\"body\":\"");
    out.extend_from_slice(message.body.unwrap_or_default());
    out.extend_from_slice(b"\",\"type\":\"chat\"");
    write_author(out, message.author);
    out.extend_from_slice(b",\"createdAt\":");
    json::number(out, message.created_at);
    out.push(b'}');
}

impl View<'_> {
    fn speaker(&self, contact: i64) -> String {
        let Some((_, attributes)) = self.contact_parts(contact) else { return "null".to_owned() };
        let text = |key: &str| attributes.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        text("name").or_else(|| text("email")).unwrap_or_else(|| "site visitor".to_owned())
    }
}

fn label(author: Author, contact: &str) -> &str {
    if author.contact {
        return contact;
    }
    if author.bot {
        return "Bot (Agent)";
    }
    WRITERS.iter().find(|member| member.id == author.id).map_or("Agent", |member| member.name)
}

/// Text without tags and entities; paragraphs, list items and breaks become lines.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('>') else { break };
        let tag = &rest[start + 1..start + length];
        rest = &rest[start + length + 1..];
        let breaks = matches!(tag, "/p" | "/li" | "/ul" | "/ol" | "br" | "br/");
        if breaks && !rest.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text.push_str(rest);
    html_escape::decode_html_entities(text.trim_end()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_plain_lines() {
        assert_eq!(
            plain("<p>A &amp; B</p><ul><li>1&nbsp;MB</li><li>it&#39;s</li></ul>"),
            "A & B\n1\u{a0}MB\nit's"
        );
        assert_eq!(plain("plain &lt;b&gt;"), "plain <b>");
    }
}
