//! The same rows from CSV files into tables of the same shape, by psql's plain `\copy`: what a load costs without us.

use std::process::Stdio;

use store::Engine;
use store::tables::{TABLES, ddl};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::loader::SCHEMA;
use crate::app::App;
use crate::failure::Failure;

/// The schema that exports are measured in, and the one for plain copies. Both are dropped.
pub(super) const EXPORTED: &str = "longshore_bench_export";
const PLAIN: &str = "longshore_bench_plain";

/// Remove what measurements have made.
pub(super) async fn clear(url: &str) -> Result<(), Failure> {
    let drop = |schema: &str| format!("DROP SCHEMA IF EXISTS {schema} CASCADE;\n");
    let staged = format!("{SCHEMA}_staging");
    let drops: String = [EXPORTED, PLAIN, SCHEMA, &staged].map(drop).concat();
    psql(url, &format!("SET client_min_messages = warning;\n{drops}")).await
}

/// Copy the CSV files in this folder into new tables; answers the seconds that took, those of making the tables left out.
pub(super) async fn copy(app: &App, url: &str, folder: &str) -> Result<f64, Failure> {
    let schema = format!("\"{PLAIN}\".");
    let tables: String = TABLES.iter().map(|table| ddl::create(table, Engine::Postgres, &schema)).collect();
    psql(url, &format!("CREATE SCHEMA {PLAIN};\n{tables}")).await?;
    // A hash is hexadecimal text in CSV, which the server does not take for bytes: it is left as the text's bytes.
    let copies: String = TABLES
        .iter()
        .map(|table| {
            let file = format!("{folder}/{}.csv", table.name);
            format!("\\copy {PLAIN}.{} from '{file}' with (format csv, header)\n", table.name)
        })
        .collect();
    let started = app.clock.now();
    psql(url, &copies).await?;
    Ok(crate::summary::seconds(app.clock.now().since(started)))
}

async fn psql(url: &str, script: &str) -> Result<(), Failure> {
    let failed = |what: String| {
        Failure::unexpected(format!("psql {what}"))
            .hint("install PostgreSQL's client programs, and check the address")
    };
    let mut child = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let mut stdin = child.stdin.take().ok_or_else(|| failed("has no input".to_owned()))?;
    stdin.write_all(script.as_bytes()).await.map_err(|error| failed(format!("cannot be told: {error}")))?;
    drop(stdin);
    let status = child.wait().await.map_err(|error| failed(format!("was lost: {error}")))?;
    if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
}
