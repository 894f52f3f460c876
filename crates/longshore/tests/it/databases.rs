//! A database for a run of the program, on each engine. PostgreSQL is tried where `LONGSHORE_TEST_POSTGRES` names a
//! server (`.ci/postgres start` starts one and prints its URL).

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection as _, Executor as _, PgConnection};

/// The URLs of a fresh database on each engine at hand; that of SQLite is relative to the folder of the run.
pub(crate) fn each() -> Vec<String> {
    let mut urls = vec!["sqlite://archive.db".to_owned()];
    urls.extend(postgres());
    urls
}

/// The URL of the server's own database; `None`, said on stderr, where none was named and none is required.
pub(crate) fn server() -> Option<String> {
    let url = std::env::var("LONGSHORE_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let required = std::env::var("LONGSHORE_TEST_POSTGRES_REQUIRED").is_ok_and(|value| value == "1");
        assert!(!required, "LONGSHORE_TEST_POSTGRES_REQUIRED is 1 and LONGSHORE_TEST_POSTGRES is not set");
        eprintln!("skipped on PostgreSQL: LONGSHORE_TEST_POSTGRES is not set");
    }
    url
}

/// A fresh database on that server.
pub(crate) fn postgres() -> Option<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let admin = server()?;
    let name = format!("program_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut server = PgConnection::connect(&admin).await.unwrap();
        server.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        server.close().await.unwrap();
    });
    let (before, query) =
        admin.split_once('?').map_or((&*admin, String::new()), |(url, query)| (url, format!("?{query}")));
    let host = before.rsplit_once('/').unwrap().0;
    Some(format!("{host}/{name}{query}"))
}
