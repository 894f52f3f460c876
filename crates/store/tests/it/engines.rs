//! A fresh store on each engine.
//!
//! `LONGSHORE_TEST_POSTGRES` names a database of a server in which databases may be made (`.ci/postgres start`
//! prints one). Without it the PostgreSQL half is skipped with a line on stderr, or fails when
//! `LONGSHORE_TEST_POSTGRES_REQUIRED` is 1.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection as _, Executor as _};
use store::{DatabaseUrl, Db, OpenOptions};

/// A store in a place of its own; dropped with it.
pub(crate) struct Store {
    pub(crate) db: Db,
    pub(crate) url: DatabaseUrl,
    place: Place,
}

enum Place {
    /// Deleted when dropped.
    Folder {
        _folder: tempfile::TempDir,
    },
    Server {
        admin: String,
        name: String,
    },
}

/// Run the same tale on a fresh store of each engine.
pub(crate) async fn on_both<F: AsyncFnMut(&Store)>(mut tale: F) {
    let store = sqlite().await;
    tale(&store).await;
    store.end().await;
    if let Some(store) = postgres().await {
        tale(&store).await;
        store.end().await;
    }
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions { create: true, busy_timeout_ms: 10_000, connections_max: 3 }
}

pub(crate) async fn sqlite() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("store.db"));
    let db = Db::open(&url, options()).await.unwrap();
    Store { db, url, place: Place::Folder { _folder: folder } }
}

/// `None` when no server was named and none is required.
pub(crate) async fn postgres() -> Option<Store> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let admin = server()?;
    let name = format!("longshore_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    execute(&admin, format!("CREATE DATABASE {name}")).await;
    let (before, query) = admin.split_once('?').map_or((admin.as_str(), ""), |(url, query)| (url, query));
    let server = before.rsplit_once('/').unwrap().0;
    let mark = if query.is_empty() { "" } else { "?" };
    let url = DatabaseUrl::parse(&format!("{server}/{name}{mark}{query}")).unwrap();
    let db = Db::open(&url, options()).await.unwrap();
    Some(Store { db, url, place: Place::Server { admin, name } })
}

/// The URL of the server's own database.
pub(crate) fn server() -> Option<String> {
    let url = std::env::var("LONGSHORE_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let required = std::env::var("LONGSHORE_TEST_POSTGRES_REQUIRED").is_ok_and(|value| value == "1");
        assert!(!required, "LONGSHORE_TEST_POSTGRES_REQUIRED is 1 and LONGSHORE_TEST_POSTGRES is not set");
        eprintln!("skipped on PostgreSQL: LONGSHORE_TEST_POSTGRES is not set");
    }
    url
}

async fn execute(url: &str, statement: String) {
    let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
    conn.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    conn.close().await.unwrap();
}

impl Store {
    /// The database file, on SQLite.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.url.path().map(PathBuf::from)
    }

    /// Run statements behind the store's back.
    pub(crate) async fn tamper(&self, statement: impl Into<String>) {
        self.try_tamper(statement).await.unwrap();
    }

    /// The same, where the database may refuse.
    pub(crate) async fn try_tamper(&self, statement: impl Into<String>) -> Result<(), sqlx::Error> {
        let statement = sqlx::AssertSqlSafe(statement.into());
        match self.file() {
            Some(file) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                let done = conn.execute(statement).await.map(drop);
                conn.close().await.unwrap();
                done
            }
            None => {
                let mut conn = sqlx::PgConnection::connect(self.url.reveal().expose()).await.unwrap();
                let done = conn.execute(statement).await.map(drop);
                conn.close().await.unwrap();
                done
            }
        }
    }

    pub(crate) async fn end(self) {
        self.db.close().await;
        if let Place::Server { admin, name } = self.place {
            execute(&admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

impl Store {
    /// Every row of an organization in the tables that `apply` writes, bookkeeping included, without the feed.
    pub(crate) async fn dump(&self, org: model::OrgId) -> Vec<String> {
        let tables = ["conversations", "messages", "participants", "tags", "attachments"];
        let mut dump = Vec::new();
        for table in tables {
            let columns = self.columns(table).await;
            let (quote, ours) = match self.file() {
                Some(_) => ("quote", ""),
                None => ("quote_nullable", "public."),
            };
            let values: Vec<String> = columns
                .iter()
                .filter(|column| column.as_str() != "org_id")
                .map(|column| format!("'{column}=' || {quote}({column})"))
                .collect();
            let text = format!(
                "SELECT '{table}: ' || {} AS dumped FROM {ours}{table} WHERE org_id = {org} ORDER BY dumped",
                values.join(" || ' ' || ")
            );
            dump.extend(self.texts(text).await);
        }
        dump
    }

    /// The columns of a table, in their order.
    pub(crate) async fn columns(&self, table: &str) -> Vec<String> {
        self.texts(match self.file() {
            Some(_) => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
            None => format!(
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        })
        .await
    }

    /// A query's one column of texts.
    pub(crate) async fn texts(&self, query: String) -> Vec<String> {
        let query = sqlx::AssertSqlSafe(query);
        match self.file() {
            Some(file) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                let texts = sqlx::query_scalar(query).fetch_all(&mut conn).await.unwrap();
                conn.close().await.unwrap();
                texts
            }
            None => {
                let mut conn = sqlx::PgConnection::connect(self.url.reveal().expose()).await.unwrap();
                let texts = sqlx::query_scalar(query).fetch_all(&mut conn).await.unwrap();
                conn.close().await.unwrap();
                texts
            }
        }
    }
}
