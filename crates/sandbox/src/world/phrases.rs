//! The phrase pools, compiled once: entities encoded, JSON escaped, cut at their placeholders.

mod tables;

use std::sync::LazyLock;

use super::json;

/// One language's pool as it is written down.
struct Table {
    locale: &'static str,
    greetings: &'static [&'static str],
    buttons: &'static [&'static str],
    asks: &'static [&'static str],
    handoffs: &'static [&'static str],
    questions: &'static [&'static str],
    answers: &'static [&'static str],
    notes: &'static [&'static str],
    thanks: &'static [&'static str],
    firsts: &'static [(&'static str, &'static str)],
    lasts: &'static [(&'static str, &'static str)],
    places: &'static [Place],
}

/// Where a visitor sits.
#[derive(Debug)]
pub(super) struct Place {
    /// Drift's `location` object as JSON.
    pub location: &'static str,
    /// IANA name.
    pub timezone: &'static str,
}

/// One language, ready to be copied from.
pub(super) struct Language {
    pub locale: &'static str,
    pub greetings: Vec<Phrase>,
    /// Button labels as a contact's message.
    pub clicks: Vec<Phrase>,
    /// The buttons as a JSON array.
    pub buttons: Vec<u8>,
    pub asks: Vec<Phrase>,
    pub handoffs: Vec<Phrase>,
    pub questions: Vec<Phrase>,
    pub answers: Vec<Phrase>,
    pub notes: Vec<Phrase>,
    pub thanks: Vec<Phrase>,
    pub firsts: &'static [(&'static str, &'static str)],
    pub lasts: &'static [(&'static str, &'static str)],
    pub places: &'static [Place],
}

/// A body, JSON escaped, with holes.
pub(super) struct Phrase(Vec<Part>);

enum Part {
    Text(Box<[u8]>),
    Name,
    Agent,
    Number,
    Page,
}

/// What goes into the holes.
pub(super) struct Fill<'a> {
    pub name: &'a str,
    pub agent: &'a str,
    pub page: &'a str,
    pub hash: u64,
}

impl Phrase {
    /// Append the body's inside.
    pub(super) fn write(&self, out: &mut Vec<u8>, fill: &Fill<'_>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Name => json::escape_html(out, fill.name),
                Part::Agent => json::escape_html(out, fill.agent),
                Part::Number => json::number(out, ((fill.hash >> 24) % 997).cast_signed() + 2),
                Part::Page => out.extend_from_slice(fill.page.as_bytes()),
            }
        }
    }

    fn compile(text: &str, voice: Voice) -> Self {
        let wrap = matches!(voice, Voice::User) && !text.starts_with('<');
        let verbatim = text.starts_with('<') && matches!(voice, Voice::User);
        let mut parts = Vec::new();
        let mut literal = if wrap { b"<p>".to_vec() } else { Vec::new() };
        let mut rest = text;
        while let Some((before, hole, after)) = next_hole(rest) {
            encode(&mut literal, before, verbatim);
            parts.push(Part::Text(std::mem::take(&mut literal).into_boxed_slice()));
            parts.push(hole);
            rest = after;
        }
        encode(&mut literal, rest, verbatim);
        if wrap {
            literal.extend_from_slice(b"</p>");
        }
        parts.push(Part::Text(literal.into_boxed_slice()));
        Self(parts)
    }
}

#[derive(Clone, Copy)]
enum Voice {
    Contact,
    User,
}

fn encode(out: &mut Vec<u8>, text: &str, verbatim: bool) {
    if verbatim { json::escape(out, text) } else { json::escape_html(out, text) }
}

fn next_hole(text: &str) -> Option<(&str, Part, &str)> {
    let start = text.find('{')?;
    let end = start + text[start..].find('}')?;
    let hole = match &text[start + 1..end] {
        "name" => Part::Name,
        "agent" => Part::Agent,
        "page" => Part::Page,
        _ => Part::Number,
    };
    Some((&text[..start], hole, &text[end + 1..]))
}

/// All languages.
pub(super) static LANGUAGES: LazyLock<Vec<Language>> =
    LazyLock::new(|| tables::TABLES.iter().map(Language::compile).collect());

impl Language {
    fn compile(table: &Table) -> Self {
        let pool = |texts: &[&str], voice| texts.iter().map(|text| Phrase::compile(text, voice)).collect();
        Self {
            locale: table.locale,
            greetings: pool(table.greetings, Voice::User),
            clicks: pool(table.buttons, Voice::Contact),
            buttons: buttons(table.buttons),
            asks: pool(table.asks, Voice::User),
            handoffs: pool(table.handoffs, Voice::User),
            questions: pool(table.questions, Voice::Contact),
            answers: pool(table.answers, Voice::User),
            notes: pool(table.notes, Voice::User),
            thanks: pool(table.thanks, Voice::Contact),
            firsts: table.firsts,
            lasts: table.lasts,
            places: table.places,
        }
    }
}

/// Reply buttons: `value` equals `label`; the first has a style, the last a reaction.
fn buttons(labels: &[&str]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (at, label) in labels.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"label\":");
        json::string(&mut out, label);
        out.extend_from_slice(b",\"value\":");
        json::string(&mut out, label);
        out.extend_from_slice(b",\"type\":\"reply\"");
        if at == 0 {
            out.extend_from_slice(b",\"style\":\"primary\"");
        }
        if at + 1 == labels.len() {
            out.extend_from_slice(b",\"reaction\":{\"type\":\"delete\",\"message\":null}");
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// One of a pool, by a share of randomness.
pub(super) fn pick<T>(pool: &[T], hash: u64) -> &T {
    let length = pool.len() as u64;
    &pool[usize::try_from(hash % length).expect("a remainder of a length is a place in it")]
}
