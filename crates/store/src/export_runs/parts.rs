//! The parts of export runs: what is whole at a destination, each recorded when it was.

use model::{Millis, OrgId, RunId};

use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Parts read at once: no export has as many months.
const PARTS_MAX: i64 = 100_000;

/// A part that is whole at its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPart {
    /// The table's name.
    pub table: String,
    /// `all`, `2026-01`, or `none`: rows without a month, of a table that is cut.
    pub period: String,
    /// The file, seen from the destination, or the table there.
    pub file: String,
    /// Rows.
    pub rows: i64,
    /// Bytes of the file.
    pub bytes: i64,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// A hash of the rows, hexadecimal, the same in every format.
    pub digest: String,
    /// The number of the last change before the part was read.
    pub changes_upto: i64,
}

row! {
    struct PartRow {
        table_name: String,
        period: String,
        file: String,
        rows: i64,
        bytes: i64,
        sha256: String,
        digest: String,
        changes_upto: i64,
    }
}

const RECORD: &str = "
    INSERT INTO export_parts (
        org_id, export_run_id, table_name, period, file, rows, bytes, sha256, digest, changes_upto, committed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (org_id, export_run_id, table_name, period) DO UPDATE SET
        file = EXCLUDED.file, rows = EXCLUDED.rows, bytes = EXCLUDED.bytes, sha256 = EXCLUDED.sha256,
        digest = EXCLUDED.digest, changes_upto = EXCLUDED.changes_upto, committed_at = EXCLUDED.committed_at";

/// Record that a part of a run is whole at its destination, in place of an earlier attempt at it.
///
/// # Errors
/// The database's error.
pub async fn record_part(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    part: &ExportPart,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(RECORD)
        .bind(org.0)
        .bind(&run.0)
        .bind(&part.table)
        .bind(&part.period)
        .bind(&part.file)
        .bind(part.rows)
        .bind(part.bytes)
        .bind(&part.sha256)
        .bind(&part.digest)
        .bind(part.changes_upto)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const FORGET: &str = "
    DELETE FROM export_parts WHERE org_id = $1 AND export_run_id = $2 AND table_name = $3 AND period = $4";

/// Forget a part that is to be written anew, or is no longer there.
///
/// # Errors
/// The database's error.
pub async fn forget_part(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    (table, period): (&str, &str),
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(FORGET)
        .bind(org.0)
        .bind(&run.0)
        .bind(table)
        .bind(period)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const PARTS: &str = "
    SELECT table_name, period, file, rows, bytes, sha256, digest, changes_upto FROM export_parts
    WHERE org_id = $1 AND export_run_id = $2 ORDER BY table_name, period LIMIT $3";

/// The parts of a run that are whole, by table and month.
///
/// # Errors
/// The database's error.
pub async fn parts(db: &Db, org: OrgId, run: &RunId) -> Result<Vec<ExportPart>, StoreError> {
    let rows: Vec<PartRow> = on_db!(db, pool => sqlx::query_as(PARTS)
        .bind(org.0)
        .bind(&run.0)
        .bind(PARTS_MAX)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(ExportPart::from).collect())
}

/// What an incremental run left standing of the runs before it goes on as its own.
const ADOPT: &str = "
    INSERT INTO export_parts (
        org_id, export_run_id, table_name, period, file, rows, bytes, sha256, digest, changes_upto, committed_at)
    SELECT org_id, $2, table_name, period, file, rows, bytes, sha256, digest, changes_upto, committed_at
    FROM export_parts WHERE org_id = $1 AND export_run_id = $3
    ON CONFLICT (org_id, export_run_id, table_name, period) DO NOTHING";

/// Let a run have the parts of the run before it that it has not written itself: they still stand.
///
/// # Errors
/// The database's error.
pub async fn adopt_parts(tx: &mut Tx, org: OrgId, run: &RunId, before: &RunId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(ADOPT)
        .bind(org.0)
        .bind(&run.0)
        .bind(&before.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Only the run that was last at a destination has parts there: what others wrote is replaced.
const DROP_REPLACED: &str = "
    DELETE FROM export_parts WHERE org_id = $1 AND export_run_id <> $2 AND export_run_id IN (
        SELECT export_run_id FROM export_runs
        WHERE org_id = $1 AND state <> 'running' AND destination = (
            SELECT destination FROM export_runs WHERE org_id = $1 AND export_run_id = $2))";

/// Forget the parts of other runs at the same destination: this one has replaced them, or given them up.
pub(super) async fn drop_replaced(tx: &mut Tx, org: OrgId, run: &RunId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(DROP_REPLACED).bind(org.0).bind(&run.0).execute(conn).await.map(drop))?;
    Ok(())
}

const DROP_OWN: &str = "DELETE FROM export_parts WHERE org_id = $1 AND export_run_id = $2";

/// Forget all parts of a run that was given up.
pub(super) async fn drop_own(tx: &mut Tx, org: OrgId, run: &RunId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(DROP_OWN).bind(org.0).bind(&run.0).execute(conn).await.map(drop))?;
    Ok(())
}

impl From<PartRow> for ExportPart {
    fn from(row: PartRow) -> Self {
        Self {
            table: row.table_name,
            period: row.period,
            file: row.file,
            rows: row.rows,
            bytes: row.bytes,
            sha256: row.sha256,
            digest: row.digest,
            changes_upto: row.changes_upto,
        }
    }
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("export_runs::RECORD", RECORD),
    ("export_runs::FORGET", FORGET),
    ("export_runs::PARTS", PARTS),
    ("export_runs::ADOPT", ADOPT),
    ("export_runs::DROP_REPLACED", DROP_REPLACED),
    ("export_runs::DROP_OWN", DROP_OWN),
];
