//! Rows on their way into the file: a task that has it open, and takes pages while the next is read.
//!
//! Rows go in by prepared statements, many at a time: a call per row would cost more than the row.

use std::sync::Arc;

use model::RunId;
use sqlx::AssertSqlSafe;
use store::tables::{Batch, Table, ValueRef};
use tokio::sync::mpsc;

use crate::SinkError;
use crate::digest::RowDigest;
use crate::format::Formulas;
use crate::nul::without_nul;
use crate::sink::Part;
use crate::sqlite::SqliteError;
use crate::sqlite::file::{Noted, Open};

/// Rows of one statement.
const ROWS_AT_ONCE: usize = 64;

/// What comes to the task.
#[derive(Debug)]
pub(super) enum Step {
    Rows(Batch),
    End,
}

/// Write what comes until the end is told, and note the part, in one transaction; what stood of it before goes first. A channel
/// that closes without the end says that the run was given up.
pub(super) async fn part(
    mut file: Open,
    (part, run): (Part, RunId),
    replaces: Replaces,
    mut pages: mpsc::Receiver<Step>,
) -> Result<(Open, Noted), SinkError> {
    file.run("write to", "BEGIN IMMEDIATE").await?;
    if replaces == Replaces::Earlier {
        file.remove(&part).await?;
    }
    let inserts = Inserts::of(part.table);
    let mut digest = RowDigest::new(Formulas::Keep);
    loop {
        match pages.recv().await {
            Some(Step::Rows(batch)) => {
                inserts.run(&mut file, &batch).await?;
                digest.batch(&batch);
            }
            Some(Step::End) => break,
            None => return Err(SinkError::WriterStopped { step: part.table.name }),
        }
    }
    let digested = digest.finish();
    let noted = Noted { rows: digested.rows.cast_signed(), digest: digested.digest, run: run.0 };
    file.note((part.table.name, &part.period.to_string()), &noted).await?;
    file.run("write to", "COMMIT").await?;
    Ok((file, noted))
}

/// What a part comes in place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaces {
    /// Rows of it may be there.
    Earlier,
    /// No row of it is there.
    Nothing,
}

/// The statements that insert rows of a table. A row that comes twice, because its conversation was given another month meanwhile,
/// is there once.
struct Inserts {
    one: Arc<str>,
    many: Arc<str>,
}

impl Inserts {
    fn of(table: &Table) -> Self {
        let names: Vec<String> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let row = format!("({})", vec!["?"; names.len()].join(", "));
        let statement = |rows: usize| {
            let rows = vec![row.as_str(); rows].join(", ");
            format!("INSERT OR REPLACE INTO \"{}\" ({}) VALUES {rows}", table.name, names.join(", ")).into()
        };
        Self { one: statement(1), many: statement(ROWS_AT_ONCE) }
    }

    async fn run(&self, file: &mut Open, batch: &Batch) -> Result<(), SqliteError> {
        let full = batch.rows() / ROWS_AT_ONCE * ROWS_AT_ONCE;
        let mut first = 0;
        while first < batch.rows() {
            let (statement, count) = if first < full { (&self.many, ROWS_AT_ONCE) } else { (&self.one, 1) };
            let mut query = sqlx::query(AssertSqlSafe(statement.clone()));
            for row in first..first + count {
                for column in batch.columns() {
                    query = match column.get(row) {
                        ValueRef::Null => query.bind(None::<i64>),
                        ValueRef::Integer(number) => query.bind(number),
                        ValueRef::Real(number) => query.bind(number),
                        ValueRef::Flag(flag) => query.bind(flag),
                        ValueRef::Text(text) => query.bind(without_nul(text).into_owned()),
                        ValueRef::Bytes(bytes) => query.bind(bytes.to_vec()),
                    };
                }
            }
            let failed = file.failed("write to");
            query.execute(&mut file.connection).await.map_err(failed)?;
            first += count;
        }
        Ok(())
    }
}
