//! The file as a database: its tables, what it says of itself, and how it is written and left.
//!
//! `longshore_export` says whose run the file holds, and is complete when that has an end; `longshore_manifest` has a row for each
//! part, written in the transaction that wrote the part, so that a part is there whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Millis, OrgId};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use store::tables::{Table, VERSION, ddl};
use store::{Engine, StoreError};

use crate::sink::{Part, Plan, Subject};
use crate::sqlite::SqliteError;
use crate::sqlite::months::of_part;

/// Memory for pages, in KiB, as SQLite wants it told.
const CACHE_KIB: &str = "-65536";
const MAKE: &str = "
    CREATE TABLE longshore_export (
        org_id INTEGER NOT NULL PRIMARY KEY,
        export_run_id TEXT NOT NULL,
        tables_version INTEGER NOT NULL,
        schema_version INTEGER NOT NULL,
        longshore_version TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        finished_at INTEGER
    ) STRICT;
    CREATE TABLE longshore_manifest (
        table_name TEXT NOT NULL,
        period TEXT NOT NULL,
        export_run_id TEXT NOT NULL,
        rows INTEGER NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (table_name, period)
    ) STRICT;";
const ORG: &str = "SELECT org_id FROM longshore_export WHERE finished_at IS NOT NULL";
const RUN: &str = "SELECT export_run_id FROM longshore_export";
const FORGET_RUN: &str = "DELETE FROM longshore_export";
const BEGIN_RUN: &str = "
    INSERT INTO longshore_export (
        org_id, export_run_id, tables_version, schema_version, longshore_version, started_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
const END_RUN: &str = "UPDATE longshore_export SET finished_at = $1";
const PARTS: &str = "SELECT table_name, period, rows, digest, export_run_id FROM longshore_manifest";
const COLUMNS: &str = "SELECT name FROM pragma_table_info($1)";
const NOTE_PART: &str = "
    INSERT INTO longshore_manifest (table_name, period, export_run_id, rows, digest) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (table_name, period) DO UPDATE SET
        export_run_id = EXCLUDED.export_run_id, rows = EXCLUDED.rows, digest = EXCLUDED.digest";
const FORGET_PART: &str = "DELETE FROM longshore_manifest WHERE table_name = $1 AND period = $2";
/// In which month the conversations of the export before were: those that are gone since are missed by nobody else.
const KEEP_MONTHS: &str = "
    CREATE TABLE longshore_before AS SELECT conversation_id, created_at FROM conversations;
    CREATE UNIQUE INDEX longshore_before_ids ON longshore_before (conversation_id);";
const DROP_MONTHS: &str = "DROP TABLE IF EXISTS longshore_before";

/// A file that is open, with its name for whoever hears of a failure.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: SqliteConnection,
    path: PathBuf,
}

/// What the manifest says of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) rows: i64,
    pub(super) digest: String,
    pub(super) run: String,
}

/// Parts by table and period.
pub(super) type Parts = BTreeMap<(String, String), Noted>;

impl Open {
    /// Whose export the file is; `None` when it is none. Nothing is touched.
    pub(super) async fn org(path: &Path) -> Result<Option<OrgId>, SqliteError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        let failed = SqliteError::database("read", path);
        let looked: Result<Option<i64>, sqlx::Error> = async {
            let mut connection = options.disable_statement_logging().connect().await?;
            let found = sqlx::query_scalar(ORG).fetch_optional(&mut connection).await?;
            connection.close().await?;
            Ok(found)
        }
        .await;
        match looked.map_err(failed) {
            Ok(found) => Ok(found.map(OrgId)),
            // It is no database, or has no such table.
            Err(SqliteError::Database {
                source: StoreError::NotADatabase | StoreError::Database { .. } | StoreError::Corrupt,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file that is written: what is committed is on the disk, and a change that is cut off is undone.
    pub(super) async fn write(path: &Path) -> Result<Self, SqliteError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Truncate)
            .synchronous(SqliteSynchronous::Normal)
            .locking_mode(SqliteLockingMode::Exclusive)
            .foreign_keys(false)
            .pragma("cache_size", CACHE_KIB)
            // What is erased is overwritten.
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        let connection = options.connect().await.map_err(SqliteError::database("open", path))?;
        Ok(Self { connection, path: path.to_path_buf() })
    }

    /// A file that is only read.
    pub(super) async fn read(path: &Path) -> Result<Self, SqliteError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
        let connection = options.connect().await.map_err(SqliteError::database("open", path))?;
        Ok(Self { connection, path: path.to_path_buf() })
    }

    /// What sorts a failure.
    pub(super) fn failed(&self, doing: &'static str) -> impl FnOnce(sqlx::Error) -> SqliteError + use<> {
        SqliteError::database(doing, &self.path)
    }

    /// Run statements.
    pub(super) async fn run(&mut self, doing: &'static str, statements: &str) -> Result<u64, SqliteError> {
        let failed = self.failed(doing);
        let done = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut self.connection).await;
        Ok(done.map_err(failed)?.rows_affected())
    }

    /// Make all tables, empty.
    pub(super) async fn make(&mut self, tables: &[&'static Table]) -> Result<(), SqliteError> {
        let made: String = tables.iter().map(|table| ddl::create(table, Engine::Sqlite, "")).collect();
        self.run("make the tables of", &format!("BEGIN;\n{MAKE}\n{made}COMMIT;")).await.map(drop)
    }

    /// Keep in mind of which months what is there was.
    pub(super) async fn keep_months(&mut self) -> Result<(), SqliteError> {
        self.run("copy", KEEP_MONTHS).await.map(drop)
    }

    /// Say that the file is this run's, and not complete.
    pub(super) async fn begin(&mut self, plan: &Plan) -> Result<(), SqliteError> {
        self.run("write to", FORGET_RUN).await?;
        let failed = self.failed("write to");
        sqlx::query(BEGIN_RUN)
            .bind(plan.org.0)
            .bind(&plan.run.0)
            .bind(i64::from(VERSION))
            .bind(plan.schema_version)
            .bind(env!("CARGO_PKG_VERSION"))
            .bind(plan.started_at.0)
            .execute(&mut self.connection)
            .await
            .map_err(failed)
            .map(drop)
    }

    /// Which run the file is of.
    pub(super) async fn run_id(&mut self) -> Result<Option<String>, SqliteError> {
        let failed = self.failed("read");
        sqlx::query_scalar(RUN).fetch_optional(&mut self.connection).await.map_err(failed)
    }

    /// The parts it has.
    pub(super) async fn parts(&mut self) -> Result<Parts, SqliteError> {
        let failed = self.failed("read");
        let rows: Vec<(String, String, i64, String, String)> =
            sqlx::query_as(PARTS).fetch_all(&mut self.connection).await.map_err(failed)?;
        let parts = rows.into_iter();
        Ok(parts
            .map(|(table, period, rows, digest, run)| ((table, period), Noted { rows, digest, run }))
            .collect())
    }

    /// The columns of a table, whoever made it; none where there is no such table.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Vec<String>, SqliteError> {
        let failed = self.failed("read");
        let query = sqlx::query_scalar(COLUMNS).bind(table);
        query.fetch_all(&mut self.connection).await.map_err(failed)
    }

    /// Note a part, in the transaction that writes it.
    pub(super) async fn note(
        &mut self,
        (table, period): (&str, &str),
        noted: &Noted,
    ) -> Result<(), SqliteError> {
        let failed = self.failed("write to");
        sqlx::query(NOTE_PART)
            .bind(table)
            .bind(period)
            .bind(&noted.run)
            .bind(noted.rows)
            .bind(&noted.digest)
            .execute(&mut self.connection)
            .await
            .map_err(failed)
            .map(drop)
    }

    /// Remove a part's rows and its note.
    pub(super) async fn remove(&mut self, part: &Part) -> Result<(), SqliteError> {
        let has_before = self.has_before().await?;
        let of = of_part(part, has_before);
        self.run("write to", &format!("DELETE FROM \"{}\" AS t WHERE {of}", part.table.name)).await?;
        let failed = self.failed("write to");
        sqlx::query(FORGET_PART)
            .bind(part.table.name)
            .bind(part.period.to_string())
            .execute(&mut self.connection)
            .await
            .map_err(failed)
            .map(drop)
    }

    async fn has_before(&mut self) -> Result<bool, SqliteError> {
        let failed = self.failed("read");
        let query = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'longshore_before')";
        sqlx::query_scalar(query).fetch_one(&mut self.connection).await.map_err(failed)
    }

    /// Say that the file is complete, make what readers search by, and leave nothing beside it.
    pub(super) async fn end(
        mut self,
        tables: &[&'static Table],
        finished_at: Millis,
    ) -> Result<(), SqliteError> {
        let indexes: String = tables.iter().flat_map(|table| indexes(table)).collect();
        self.run("index", &format!("BEGIN;\n{DROP_MONTHS};\n{indexes}COMMIT;\nANALYZE;")).await?;
        let failed = self.failed("write to");
        let ended = sqlx::query(END_RUN).bind(finished_at.0).execute(&mut self.connection).await;
        ended.map_err(failed)?;
        self.close().await
    }

    /// Close, with no journal left beside.
    pub(super) async fn close(mut self) -> Result<(), SqliteError> {
        self.run("close", "PRAGMA journal_mode = DELETE").await?;
        let failed = self.failed("close");
        self.connection.close().await.map_err(failed)
    }
}

/// By what people are searched for, where the key does not begin with it.
fn indexes(table: &Table) -> Vec<String> {
    let leads = |column: &str| table.primary.get(1) == Some(&column);
    let columns = Subject::columns(table).into_iter().map(|(column, _)| column);
    columns
        .filter(|column| !leads(column))
        .map(|column| {
            let table = table.name;
            format!("CREATE INDEX IF NOT EXISTS \"{table}_by_{column}\" ON \"{table}\" (\"{column}\");\n")
        })
        .collect()
}
