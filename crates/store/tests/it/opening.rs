//! Opening: what is right opens again and again, what is wrong is named, and nothing is half-written.

use store::{DatabaseUrl, Db, Engine, OpenOptions, SCHEMA_VERSION, StoreError};

use crate::engines::{on_both, options, server, sqlite};

async fn refused(url: &DatabaseUrl, options: OpenOptions) -> StoreError {
    let error = Db::open(url, options).await.unwrap_err();
    assert!(error.hint().is_some(), "{error} has no hint");
    error
}

#[tokio::test]
async fn a_store_opens_again_with_its_schema_as_it_is() {
    on_both(async |store| {
        assert_eq!(store.db.schema_version().await.unwrap(), SCHEMA_VERSION);
        let again = Db::open(&store.url, options()).await.unwrap();
        assert_eq!(again.schema_version().await.unwrap(), SCHEMA_VERSION);
        again.close().await;
    })
    .await;
}

#[tokio::test]
async fn two_that_open_a_new_store_at_once_both_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("new.db"));
    let (one, other) = tokio::join!(Db::open(&url, options()), Db::open(&url, options()));
    assert_eq!(one.unwrap().engine(), Engine::Sqlite);
    other.unwrap();
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    on_both(async |store| {
        store
            .tamper(
                "INSERT INTO longshore_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'tomorrow', TRUE, '', 0)",
            )
            .await;
        let error = refused(&store.url, options()).await;
        assert!(
            matches!(error, StoreError::NewerDatabase { found: 9_999, known: SCHEMA_VERSION }),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "These are my notes, and they are longer than a database's header. ".repeat(20);
    std::fs::write(&path, &text).unwrap();
    let error = refused(&DatabaseUrl::file(&path), options()).await;
    assert!(matches!(error, StoreError::NotADatabase), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let error = refused(&DatabaseUrl::file(folder.path()), options()).await;
    assert!(matches!(error, StoreError::NotADatabase), "{error}");
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let connect = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&connect).await.unwrap();
    sqlx::query("CREATE TABLE theirs (id INTEGER)").execute(&mut conn).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
    let error = refused(&DatabaseUrl::file(&path), options()).await;
    assert!(matches!(error, StoreError::ForeignDatabase), "{error}");
}

#[tokio::test]
async fn a_missing_file_or_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("none.db"));
    let error = refused(&url, OpenOptions { create: false, ..options() }).await;
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = refused(&DatabaseUrl::file(folder.path().join("no/folder.db")), options()).await;
    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_file_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let store = sqlite().await;
    store.db.close().await;
    let path = store.file().unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let error = refused(&store.url, options()).await;
    assert!(matches!(error, StoreError::ReadOnly), "{error}");
}

#[tokio::test]
async fn a_lock_of_another_process_is_named_after_the_timeout() {
    let store = sqlite().await;
    let connect = sqlx::sqlite::SqliteConnectOptions::new().filename(store.file().unwrap());
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&connect).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = refused(&store.url, OpenOptions { busy_timeout_ms: 20, ..options() }).await;
    assert!(matches!(error, StoreError::Locked), "{error}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    Db::open(&store.url, options()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_refuses_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = DatabaseUrl::parse(&format!("postgres://u:canary@127.0.0.1:{port}/x")).unwrap();
    let error = refused(&url, options()).await;
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"));

    let Some(admin) = server() else { return };
    let base = admin.split_once('?').map_or(admin.as_str(), |(url, _)| url).rsplit_once('/').unwrap().0;
    let url = DatabaseUrl::parse(&format!("{base}/longshore_no_such_database")).unwrap();
    let error = refused(&url, options()).await;
    assert!(matches!(error, StoreError::NoSuchDatabase), "{error}");
    let (_, host) = base.rsplit_once('@').unwrap_or(("", base.trim_start_matches("postgres://")));
    let url = DatabaseUrl::parse(&format!("postgres://nobody_of_this_name:canary@{host}/postgres")).unwrap();
    let error = refused(&url, options()).await;
    assert!(matches!(error, StoreError::AccessDenied), "{error}");
}
