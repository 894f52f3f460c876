//! The store's messages by dlt, a loader from PyPI, in a Python of the user's: what the same costs without us.
//!
//! It loads one table of the seventeen, and masks, hashes and reads back nothing.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use store::tables::{self, ColumnKind};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::failure::Failure;

const SCRIPT: &str = include_str!("loader.py");
/// The schema that it loads into; it is dropped with the others.
pub(super) const SCHEMA: &str = "longshore_bench_dlt";

/// Where it loads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum To<'a> {
    /// Parquet files in this folder.
    Parquet(&'a str),
    /// This database.
    Postgres(&'a str),
}

/// One load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Load {
    version: String,
    rows: u64,
    seconds: f64,
}

impl Load {
    pub(super) fn messages_per_second(&self) -> f64 {
        self.rows as f64 / self.seconds
    }

    pub(super) fn text(loads: &[Self]) -> String {
        let rates: Vec<String> =
            loads.iter().map(|load| format!("{:.0}", load.messages_per_second())).collect();
        let version = loads.first().map_or("", |load| load.version.as_str());
        format!("dlt {version}, messages alone: {} messages/s\n", rates.join(", "))
    }
}

/// Load the messages of this SQLite file, twice.
pub(super) async fn load(python: &str, file: &str, to: To<'_>) -> Result<Vec<Load>, Failure> {
    let failed = |what: String| {
        Failure::unexpected(format!("the loader {what}"))
            .hint("name a Python that has it: pip install 'dlt[parquet,postgres]'")
    };
    let place: &[&str] = match &to {
        To::Parquet(folder) => &["parquet", folder],
        To::Postgres(url) => &["postgres", url, SCHEMA],
    };
    let mut child = Command::new(python)
        .args(["-I", "-", file, &columns()])
        .args(place)
        // It asks for a password also where the server does not.
        .env("CREDENTIALS__PASSWORD", "none")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let mut stdin = child.stdin.take().ok_or_else(|| failed("has no input".to_owned()))?;
    stdin.write_all(SCRIPT.as_bytes()).await.map_err(|error| failed(format!("cannot be told: {error}")))?;
    drop(stdin);
    let output = child.wait_with_output().await.map_err(|error| failed(format!("was lost: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("ended with {}", output.status)));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let loads = lines.lines().filter(|line| line.starts_with('{')).map(serde_json::from_str);
    loads.collect::<Result<_, _>>().map_err(|error| failed(format!("told nothing of use: {error}")))
}

/// The columns of messages with dlt's types for them.
fn columns() -> String {
    let table = tables::table("messages").expect("it is one of the tables");
    let columns = table.columns.iter().map(|column| {
        let name = match column.kind {
            ColumnKind::Integer | ColumnKind::Instant | ColumnKind::Flag => "bigint",
            ColumnKind::Real => "double",
            ColumnKind::Text | ColumnKind::Json => "text",
            ColumnKind::Bytes => "binary",
        };
        (column.name.to_owned(), serde_json::Value::from(name))
    });
    serde_json::Value::Object(columns.collect()).to_string()
}
