//! Migrations: numbered files, one per engine under the same number and name, only ever added.
//!
//! They run at start under a lock: SQLite in one immediate transaction, PostgreSQL under sqlx's advisory lock
//! with a transaction per file. A database of a newer version is left untouched.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr, SqlitePool};

use crate::db::Db;
use crate::error::StoreError;

/// Where sqlx notes what has been run; a name of our own, for a server's database may hold other things too.
const TABLE: &str = "longshore_migrations";

/// The number, the name, and the text for each engine.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "mirror",
        include_str!("../migrations/sqlite/0001_mirror.sql"),
        include_str!("../migrations/postgres/0001_mirror.sql"),
    ),
    (
        2,
        "listings",
        include_str!("../migrations/sqlite/0002_listings.sql"),
        include_str!("../migrations/postgres/0002_listings.sql"),
    ),
    (
        3,
        "live",
        include_str!("../migrations/sqlite/0003_live.sql"),
        include_str!("../migrations/postgres/0003_live.sql"),
    ),
    (
        4,
        "vault",
        include_str!("../migrations/sqlite/0004_vault.sql"),
        include_str!("../migrations/postgres/0004_vault.sql"),
    ),
    (
        5,
        "audit",
        include_str!("../migrations/sqlite/0005_audit.sql"),
        include_str!("../migrations/postgres/0005_audit.sql"),
    ),
    (
        6,
        "access",
        include_str!("../migrations/sqlite/0006_access.sql"),
        include_str!("../migrations/postgres/0006_access.sql"),
    ),
    (
        7,
        "disconnects",
        include_str!("../migrations/sqlite/0007_disconnects.sql"),
        include_str!("../migrations/postgres/0007_disconnects.sql"),
    ),
    (
        8,
        "tokens",
        include_str!("../migrations/sqlite/0008_tokens.sql"),
        include_str!("../migrations/postgres/0008_tokens.sql"),
    ),
    (
        9,
        "install",
        include_str!("../migrations/sqlite/0009_install.sql"),
        include_str!("../migrations/postgres/0009_install.sql"),
    ),
    (
        10,
        "watch",
        include_str!("../migrations/sqlite/0010_watch.sql"),
        include_str!("../migrations/postgres/0010_watch.sql"),
    ),
    (
        11,
        "oidc",
        include_str!("../migrations/sqlite/0011_oidc.sql"),
        include_str!("../migrations/postgres/0011_oidc.sql"),
    ),
    (
        12,
        "export_runs",
        include_str!("../migrations/sqlite/0012_export_runs.sql"),
        include_str!("../migrations/postgres/0012_export_runs.sql"),
    ),
    (
        13,
        "selection",
        include_str!("../migrations/sqlite/0013_selection.sql"),
        include_str!("../migrations/postgres/0013_selection.sql"),
    ),
    (
        14,
        "scheduled_exports",
        include_str!("../migrations/sqlite/0014_scheduled_exports.sql"),
        include_str!("../migrations/postgres/0014_scheduled_exports.sql"),
    ),
    (
        15,
        "transcripts",
        include_str!("../migrations/sqlite/0015_transcripts.sql"),
        include_str!("../migrations/postgres/0015_transcripts.sql"),
    ),
    (
        16,
        "event_keys",
        include_str!("../migrations/sqlite/0016_event_keys.sql"),
        include_str!("../migrations/postgres/0016_event_keys.sql"),
    ),
];

/// The newest schema version this program knows.
pub const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

const VERSION: &str = "SELECT MAX(version) FROM longshore_migrations";
const SQLITE_TABLES: &str = "
    SELECT COUNT(*) FILTER (WHERE name = 'longshore_migrations'), COUNT(*)
    FROM sqlite_schema WHERE type = 'table'";
const POSTGRES_TABLES: &str = "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('longshore_migrations')";

/// Statements of this file that both engines accept, for the test that prepares them all.
pub(crate) const STATEMENTS: &[(&str, &str)] = &[("migrate::VERSION", VERSION)];

enum Text {
    Sqlite,
    Postgres,
}

fn migrator(text: &Text) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, name, sqlite, postgres)| {
        let sql: &'static str = match text {
            Text::Sqlite => sqlite,
            Text::Postgres => postgres,
        };
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

pub(crate) async fn run_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let (ours, all): (i64, i64) = sqlx::query_as(SQLITE_TABLES).fetch_one(&mut *tx).await?;
    if ours == 0 && all > 0 {
        return Err(StoreError::ForeignDatabase);
    }
    if ours > 0 {
        let found: Option<i64> = sqlx::query_scalar(VERSION).fetch_one(&mut *tx).await?;
        match found {
            Some(found) if found > KNOWN => return Err(StoreError::NewerDatabase { found, known: KNOWN }),
            _ => {}
        }
    }
    migrator(&Text::Sqlite).run_direct(None, &mut *tx, false).await.map_err(from_migrate)?;
    tx.commit().await?;
    Ok(())
}

pub(crate) async fn run_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await?;
    let ours: i64 = sqlx::query_scalar(POSTGRES_TABLES).fetch_one(&mut *conn).await?;
    if ours > 0 {
        let found: Option<i64> = sqlx::query_scalar(VERSION).fetch_one(&mut *conn).await?;
        if let Some(found) = found.filter(|found| *found > KNOWN) {
            return Err(StoreError::NewerDatabase { found, known: KNOWN });
        }
    }
    let result = migrator(&Text::Postgres).run_direct(None, &mut *conn, false).await.map_err(from_migrate);
    // A failed run leaves sqlx's advisory lock on the session: end the session, not only the call.
    match result {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = sqlx::Connection::close(conn.detach()).await;
            Err(error)
        }
    }
}

pub(crate) async fn version(db: &Db) -> Result<i64, StoreError> {
    let version: Option<i64> = on_db!(db, pool => sqlx::query_scalar(VERSION).fetch_one(pool).await)?;
    Ok(version.unwrap_or_default())
}

fn from_migrate(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        MigrateError::ExecuteMigration(error, version) => match StoreError::from(error) {
            StoreError::Database { code } => StoreError::MigrationFailed { version, code },
            other => other,
        },
        MigrateError::VersionMissing(found) => StoreError::NewerDatabase { found, known: KNOWN },
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
            StoreError::MigrationChanged { version }
        }
        _ => StoreError::MigrationFailed { version: 0, code: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatabaseUrl, OpenOptions};

    async fn schema(db: &Db) -> Vec<(String, String)> {
        let crate::db::Pools::Sqlite { read, .. } = &db.pools else { panic!("not a file") };
        let all = "SELECT name, COALESCE(sql, '') FROM sqlite_schema ORDER BY name";
        sqlx::query_as(all).fetch_all(read).await.unwrap()
    }

    #[tokio::test]
    async fn every_older_version_becomes_the_same_schema() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("new.db"));
        let new = Db::open(&url, OpenOptions::default()).await.unwrap();
        for (version, ..) in MIGRATIONS {
            let path = folder.path().join(format!("{version}.db"));
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
            let pool = SqlitePool::connect_with(options).await.unwrap();
            migrator(&Text::Sqlite).run_to(*version, &pool).await.unwrap();
            pool.close().await;
            let old = Db::open(&DatabaseUrl::file(path), OpenOptions::default()).await.unwrap();
            assert_eq!(schema(&old).await, schema(&new).await, "from version {version}");
        }
    }

    #[tokio::test]
    async fn a_migration_that_was_changed_afterwards_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("changed.db"));
        let db = Db::open(&url, OpenOptions::default()).await.unwrap();
        let crate::db::Pools::Sqlite { write, .. } = &db.pools else { panic!("not a file") };
        sqlx::query("UPDATE longshore_migrations SET checksum = x'00' WHERE version = 1")
            .execute(write)
            .await
            .unwrap();
        db.close().await;
        let error = Db::open(&url, OpenOptions::default()).await.unwrap_err();
        assert!(matches!(error, StoreError::MigrationChanged { version: 1 }), "{error}");
    }
}
