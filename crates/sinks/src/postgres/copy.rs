//! One part on its way to its staging table: a task that has the connection, and takes pages while the next is read.

use model::RunId;
use store::tables::Batch;
use tokio::sync::mpsc;

use crate::SinkError;
use crate::postgres::session::{LONG_MS_MAX, SHORT_MS_MAX, Session, bounded, quote};
use crate::postgres::staging::{Staging, Written};
use crate::postgres::{PostgresError, binary};
use crate::sink::Part;

/// What comes to the task.
#[derive(Debug)]
pub(super) enum Step {
    Rows(Batch),
    End,
}

const COPYING: &str = "copy rows";
/// A part need not be on the server's disk before the next begins. The notes that know it are lost when the server crashes, and the
/// part with them; the commit of the run waits for the disk, and all parts with it.
const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off";

/// Copy what comes until the end is told, and note the part; what stood of it before goes first. A channel that closes without
/// the end says that the run was given up: then nothing is there of the part.
pub(super) async fn part(
    mut session: Session,
    (staging, run, part): (Staging, RunId, Part),
    before: Option<String>,
    mut pages: mpsc::Receiver<Step>,
) -> Result<(Session, Written), SinkError> {
    session.run(COPYING, BEGIN).await?;
    if let Some(forget) = before {
        session.run_long(COPYING, &forget).await?;
    }
    let Some(rows) = copy(&mut session, &statement(&staging, &part), &mut pages).await? else {
        return Err(SinkError::WriterStopped { step: part.table.name });
    };
    let xid = session.count(COPYING, "SELECT txid_current()").await?;
    let written = Written { rows, xid };
    session.run(COPYING, &(staging.note(&run, &part, written) + "COMMIT")).await?;
    Ok((session, written))
}

fn statement(staging: &Staging, part: &Part) -> String {
    let columns: Vec<String> = part.table.columns.iter().map(|column| quote(column.name)).collect();
    format!("COPY {} ({}) FROM STDIN (FORMAT binary)", staging.table(part.table), columns.join(", "))
}

/// How many rows there were; `None` when the run was given up.
async fn copy(
    session: &mut Session,
    statement: &str,
    pages: &mut mpsc::Receiver<Step>,
) -> Result<Option<i64>, PostgresError> {
    let (connection, clock) = session.parts();
    let begin = connection.copy_in_raw(statement);
    let mut copy = bounded(clock, COPYING, SHORT_MS_MAX, begin).await?;
    let (mut rows, mut buffer) = (0_u64, binary::HEAD.to_vec());
    loop {
        match pages.recv().await {
            Some(Step::Rows(batch)) => {
                rows += batch.rows() as u64;
                binary::encode(&batch, &mut buffer);
                drop(batch);
                bounded(clock, COPYING, LONG_MS_MAX, copy.send(buffer.as_slice())).await?;
                buffer.clear();
            }
            Some(Step::End) => break,
            None => return Ok(None),
        }
    }
    buffer.extend_from_slice(binary::TAIL);
    bounded(clock, COPYING, LONG_MS_MAX, copy.send(buffer.as_slice())).await?;
    let taken = bounded(clock, COPYING, LONG_MS_MAX, copy.finish()).await?;
    assert_eq!(taken, rows, "the server has taken all rows");
    Ok(Some(rows.cast_signed()))
}
