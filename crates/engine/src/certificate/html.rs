//! The certificate as a page a person can read and print: one file, no scripts, nothing loaded from elsewhere.

use std::io::Write;

use html_escape::encode_text;
use jiff::Timestamp;
use model::Millis;

use super::types::{Certificate, KindLine};
use crate::archive::Mode;
use crate::error::EngineError;

const STYLE: &str = include_str!("certificate.css");
/// Failures shown on the page; the JSON has all.
const FAILURES_SHOWN: usize = 200;

/// Write the page.
///
/// # Errors
/// When writing fails.
pub fn write_html(certificate: &Certificate, out: &mut (dyn Write + Send)) -> Result<(), EngineError> {
    let mut page = Page { out };
    page.head(certificate).and_then(|()| page.body(certificate)).map_err(EngineError::Write)
}

struct Page<'a> {
    out: &'a mut (dyn Write + Send),
}

impl Page<'_> {
    fn head(&mut self, it: &Certificate) -> std::io::Result<()> {
        let (class, word) = verdict(it);
        write!(
            self.out,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Archive certificate: {word}</title><style>{STYLE}</style></head>\n<body><main>\
             <header class=\"{class}\"><p class=\"verdict\">{word}</p><h1>Archive certificate</h1>\
             <p>Drift organization {}, archived from {} to {}.</p></header>\n",
            it.org_id,
            time(it.started_at),
            time(it.finished_at),
        )
    }

    fn body(&mut self, it: &Certificate) -> std::io::Result<()> {
        self.list("Why it is not complete", &it.reasons)?;
        self.summary(it)?;
        self.kinds(&it.kinds)?;
        self.windows(it)?;
        self.failures(it)?;
        self.list("Worth knowing", &it.notes)?;
        writeln!(
            self.out,
            "<footer><p>Hash over all conversations (SHA-256): <code>{}</code></p>\
             <p>Run <code>{}</code>, Longshore {}.</p></footer></main></body></html>",
            encode_text(&it.hash),
            encode_text(&it.run_id.0),
            encode_text(&it.version),
        )
    }

    fn list(&mut self, title: &str, lines: &[String]) -> std::io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        write!(self.out, "<section><h2>{title}</h2><ul>")?;
        for line in lines {
            write!(self.out, "<li>{}</li>", encode_text(line))?;
        }
        writeln!(self.out, "</ul></section>")
    }

    fn summary(&mut self, it: &Certificate) -> std::io::Result<()> {
        let mode = match it.mode {
            Mode::Full => "the whole list was asked for",
            Mode::Changed => "what changed since the last complete archive was asked for",
        };
        let scopes = if it.scopes.is_empty() { "not told".to_owned() } else { it.scopes.join(", ") };
        writeln!(
            self.out,
            "<section><h2>What is stored</h2><dl class=\"figures\">\
             <div><dt>conversations</dt><dd>{}</dd></div><div><dt>messages</dt><dd>{}</dd></div>\
             <div><dt>contacts</dt><dd>{}</dd></div><div><dt>API calls</dt><dd>{}</dd></div>\
             <div><dt>refused (429)</dt><dd>{}</dd></div></dl>\
             <p>From <code>{}</code>; {mode}. Scopes: {}.</p></section>",
            it.conversations,
            it.messages,
            it.contacts,
            it.calls.calls,
            it.calls.refused_429,
            encode_text(&it.api),
            encode_text(&scopes),
        )
    }

    fn kinds(&mut self, kinds: &[KindLine]) -> std::io::Result<()> {
        write!(
            self.out,
            "<section><h2>By kind</h2><table><thead><tr><th scope=\"col\">kind</th><th scope=\"col\">the API said</th>\
             <th scope=\"col\">fetched</th><th scope=\"col\">stored</th><th scope=\"col\">gone (404)</th>\
             <th scope=\"col\">failed</th><th scope=\"col\">remark</th></tr></thead><tbody>"
        )?;
        for kind in kinds {
            let said: Vec<String> =
                kind.said.iter().map(|(source, count)| format!("{source} {count}")).collect();
            let refused = kind.refused.as_ref().map(|scope| format!("refused: scope {scope} is missing"));
            let remark = refused.or_else(|| kind.reason.clone()).unwrap_or_default();
            write!(
                self.out,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                encode_text(&kind.kind),
                encode_text(&said.join(", ")),
                kind.fetched,
                kind.stored,
                kind.gone,
                kind.failed,
                encode_text(&remark),
            )?;
        }
        writeln!(self.out, "</tbody></table></section>")
    }

    fn windows(&mut self, it: &Certificate) -> std::io::Result<()> {
        let lines: Vec<_> = it.windows.iter().filter(|line| line.said > 0 || line.stored > 0).collect();
        if lines.is_empty() {
            return Ok(());
        }
        write!(
            self.out,
            "<section><h2>By time of creation</h2><table><thead><tr><th scope=\"col\">from</th><th scope=\"col\">to</th>\
             <th scope=\"col\">reports said</th><th scope=\"col\">stored</th></tr></thead><tbody>"
        )?;
        for line in lines {
            let (from, to) = (time(line.from), time(line.to));
            write!(
                self.out,
                "<tr><td>{from}</td><td>{to}</td><td>{}</td><td>{}</td></tr>",
                line.said, line.stored
            )?;
        }
        writeln!(self.out, "</tbody></table></section>")
    }

    fn failures(&mut self, it: &Certificate) -> std::io::Result<()> {
        if it.failures.is_empty() {
            return Ok(());
        }
        write!(
            self.out,
            "<section><h2>What could not be fetched</h2><table><thead><tr><th scope=\"col\">kind</th>\
             <th scope=\"col\">id</th><th scope=\"col\">class</th><th scope=\"col\">reason</th></tr></thead><tbody>"
        )?;
        for line in it.failures.iter().take(FAILURES_SHOWN) {
            write!(
                self.out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                encode_text(&line.kind),
                encode_text(&line.key),
                encode_text(&line.class),
                encode_text(&line.reason),
            )?;
        }
        writeln!(self.out, "</tbody></table><p>{} in all.</p></section>", it.failures_total)
    }
}

fn verdict(it: &Certificate) -> (&'static str, &'static str) {
    if it.complete { ("complete", "complete") } else { ("incomplete", "incomplete") }
}

fn time(at: Millis) -> String {
    Timestamp::from_millisecond(at.0)
        .map_or_else(|_| at.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
