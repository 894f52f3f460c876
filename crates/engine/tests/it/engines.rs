//! A fresh store on each engine. PostgreSQL is tried where `LONGSHORE_TEST_POSTGRES` names a server (`.ci/postgres start`
//! starts one and prints its URL).

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection as _, Executor as _};
use store::{DatabaseUrl, Db, OpenOptions};
use tempfile::TempDir;

/// A store in a place of its own.
pub(crate) struct Database {
    pub(crate) db: Db,
    pub(crate) url: DatabaseUrl,
    _folder: Option<TempDir>,
}

impl Database {
    /// An SQLite file in a folder of its own.
    pub(crate) async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = DatabaseUrl::file(folder.path().join("mirror.db"));
        Self { db: open(&url).await, url, _folder: Some(folder) }
    }

    /// A database of its own on the server; `None`, said on stderr, where there is no server and none is required.
    pub(crate) async fn postgres() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Ok(admin) = std::env::var("LONGSHORE_TEST_POSTGRES") else {
            let required = std::env::var("LONGSHORE_TEST_POSTGRES_REQUIRED").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "LONGSHORE_TEST_POSTGRES_REQUIRED is 1 and LONGSHORE_TEST_POSTGRES is not set"
            );
            eprintln!("skipped on PostgreSQL: LONGSHORE_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("engine_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut server = sqlx::PgConnection::connect(&admin).await.unwrap();
        // A process of an earlier run may have had the same number.
        for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            server.execute(sqlx::AssertSqlSafe(format!("{statement} {name}"))).await.unwrap();
        }
        server.close().await.unwrap();
        let (before, query) = admin
            .split_once('?')
            .map_or((admin.as_str(), String::new()), |(url, query)| (url, format!("?{query}")));
        let host = before.rsplit_once('/').unwrap().0;
        let url = DatabaseUrl::parse(&format!("{host}/{name}{query}")).unwrap();
        Some(Self::by(url).await)
    }

    /// The same database by another way to its server.
    pub(crate) async fn by(url: DatabaseUrl) -> Self {
        Self { db: open(&url).await, url, _folder: None }
    }

    /// Run a statement behind the store's back.
    pub(crate) async fn execute(&self, statement: &'static str) {
        match self.url.path() {
            Some(file) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                conn.execute(statement).await.unwrap();
                conn.close().await.unwrap();
            }
            None => {
                let mut conn = sqlx::PgConnection::connect(self.url.reveal().expose()).await.unwrap();
                conn.execute(statement).await.unwrap();
                conn.close().await.unwrap();
            }
        }
    }

    /// One of each engine at hand.
    pub(crate) async fn each() -> Vec<Self> {
        let mut all = vec![Self::sqlite().await];
        all.extend(Self::postgres().await);
        all
    }
}

/// Open it as a process of its own does.
pub(crate) async fn open(url: &DatabaseUrl) -> Db {
    let options = OpenOptions { create: true, busy_timeout_ms: 10_000, connections_max: 4 };
    Db::open(url, options).await.unwrap()
}
