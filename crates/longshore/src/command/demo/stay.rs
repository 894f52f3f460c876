//! What can be tried while the sandbox stays up.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::Report;
use super::home::Home;
use crate::app::App;
use crate::command::double::Double;
use crate::disk;
use crate::failure::Failure;

/// The file with the demo's settings, for the other commands.
const CONFIG: &str = "longshore.toml";

/// Write the demo's settings down, so that every command can be pointed at it with `--config`.
pub(super) fn write_config(app: &App, home: &Home) -> Result<(), Failure> {
    let config = &app.config;
    let mut text = String::from("# The settings of this demo: longshore status --config <this file>\n");
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name} = {}", toml::Value::String(value));
    };
    if let Some(path) = config.database.path() {
        line("database", format!("sqlite://{}", absolute(path).display()));
    }
    line("key_file", absolute(&config.key_file).display().to_string());
    line("api_url", config.api_url.to_string());
    line("per_minute", config.per_minute.unwrap_or(0).to_string());
    line("reports_per_minute", config.reports_per_minute.unwrap_or(0).to_string());
    disk::write_whole(&home.folder.join(CONFIG), text.as_bytes())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Things to try, each a line to copy.
pub(super) fn next_steps(report: &Report, double: &Double) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "longshore".into());
    let url = double.url.as_str().trim_end_matches('/');
    let config = report.dir.join(CONFIG);
    let config = config.display();
    let mut text = format!("\nThe sandbox goes on at {url} until Ctrl-C. In another terminal, try:\n");
    let mut step = |what: &str, line: String| {
        let _ = writeln!(text, "\n  {what}\n    {line}");
    };
    step(
        "read a transcript, or the certificate, in the browser",
        report.certificate_files.html.display().to_string(),
    );
    if let Some(path) = report.summary.database.strip_prefix("sqlite://") {
        step(
            "ask the archive",
            format!("sqlite3 {path} 'SELECT status, count(*) FROM conversations GROUP BY status'"),
        );
    }
    step(
        "let something happen in the sandbox",
        format!(
            "curl -s -X POST {url}/_sandbox/traffic -d '{{\"changes\": 10}}' -H 'Content-Type: application/json'"
        ),
    );
    step("fetch what has changed, and nothing else", format!("{program} archive --config {config}"));
    step("see what was asked of the sandbox", format!("curl -s {url}/_sandbox/counts"));
    step("see where everything stands", format!("{program} status --config {config}"));
    text
}
