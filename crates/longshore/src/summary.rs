//! What an archive came to, as `archive`, `certificate` and `demo` tell it.

use engine::certificate::{Certificate, KindLine};
use serde::Serialize;

use crate::exit::Exit;
use crate::output::table::{Column, grouped, table};

/// Reasons and notes shown to a person; the certificate has them all.
const LINES_MAX: usize = 12;

/// The figures that scripts read.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) certificate: Certificate,
    pub(crate) conversations: u64,
    pub(crate) messages: u64,
    pub(crate) contacts: u64,
    /// Calls of all processes that worked on the archive.
    pub(crate) requests: u64,
    pub(crate) refused_429: u64,
    /// Of this process.
    pub(crate) seconds: f64,
    pub(crate) database: String,
}

impl Summary {
    /// The figures of a certificate; `elapsed_ms` is what this process took.
    pub(crate) fn new(certificate: Certificate, elapsed_ms: i64, database: String) -> Self {
        Self {
            conversations: certificate.conversations,
            messages: certificate.messages,
            contacts: certificate.contacts,
            requests: certificate.calls.calls,
            refused_429: certificate.calls.refused_429,
            seconds: seconds(elapsed_ms),
            database,
            certificate,
        }
    }

    /// How a command that made it ends.
    pub(crate) fn exit(&self) -> Exit {
        if self.certificate.complete { Exit::Done } else { Exit::Incomplete }
    }

    /// The certificate for a person.
    pub(crate) fn text(&self) -> String {
        let certificate = &self.certificate;
        let word = if certificate.complete { "complete" } else { "INCOMPLETE" };
        let mut text = format!("Archive of organization {}: {word}\n\n", certificate.org_id);
        text += &kinds(&certificate.kinds);
        text += &listed("not complete because", &certificate.reasons);
        text += &listed("worth knowing", &certificate.notes);
        let refused = match self.refused_429 {
            0 => "none refused".into(),
            refused => format!("{} refused", number(refused)),
        };
        text += &format!("\n{} calls, {refused}; kept in {}\n", number(self.requests), self.database);
        text
    }
}

/// Milliseconds as seconds, to the millisecond.
pub(crate) fn seconds(ms: i64) -> f64 {
    std::time::Duration::from_millis(ms.max(0).unsigned_abs()).as_secs_f64()
}

/// A count for a person.
pub(crate) fn number(count: u64) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

fn kinds(lines: &[KindLine]) -> String {
    let columns = [
        Column::Text("kind"),
        Column::Number("said"),
        Column::Number("fetched"),
        Column::Number("stored"),
        Column::Number("gone"),
        Column::Number("failed"),
        Column::Text(""),
    ];
    let row = |line: &KindLine| {
        let said = line.said.values().max().map_or_else(String::new, |said| number(*said));
        let why = match (&line.refused, &line.reason) {
            (Some(scope), _) => format!("scope {scope} is missing"),
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        };
        let counts = [line.fetched, line.stored, line.gone, line.failed].map(number);
        [vec![line.kind.clone(), said], counts.to_vec(), vec![why]].concat()
    };
    table(&columns, lines.iter().map(row).collect())
}

/// A heading and its lines; nothing when there are none.
pub(crate) fn listed(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{heading}:\n");
    text.extend(lines.iter().take(LINES_MAX).map(|line| format!("  - {line}\n")));
    if lines.len() > LINES_MAX {
        text += &format!("  … and {} more\n", lines.len() - LINES_MAX);
    }
    text
}
