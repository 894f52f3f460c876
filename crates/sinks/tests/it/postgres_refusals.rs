//! What a PostgreSQL database must be to be exported to: each way in which it is not is told before anything is changed.

use model::Millis;
use sinks::SinkError;
use sinks::sink::Sink;

use crate::conformance::{Place as _, copy_all, plan};
use crate::fixture::T0;
use crate::postgres::{Lake, SCHEMA, with_lake};

/// Break the schema, and hear what is said of it.
async fn refused(lake: &Lake, broken: &str, repaired: &str, expected: &str) {
    lake.run(&format!("SET search_path = \"Drift \"\"lake\"\"\"; {broken}")).await;
    let before = lake.inventory().await;
    let error = lake.sink().check(&plan("refused")).await.unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().is_some(), "{error}");
    assert_eq!(lake.inventory().await, before, "{broken}");
    lake.run(&format!("SET search_path = \"Drift \"\"lake\"\"\"; {repaired}")).await;
}

#[tokio::test]
async fn tables_that_have_drifted_are_told_by_name() {
    with_lake(async |fixture, lake| {
        fixture.fill(2).await;
        lake.export(&fixture, "1").await;
        let table = "table Drift \"lake\".messages";
        for (broken, repaired, expected) in [
            (
                "ALTER TABLE messages RENAME author_bot TO was_bot",
                "ALTER TABLE messages RENAME was_bot TO author_bot",
                format!("{table} has no column \"author_bot\" (it should be BOOLEAN)"),
            ),
            (
                "ALTER TABLE messages ALTER created_at TYPE TIMESTAMPTZ USING to_timestamp(created_at / 1000)",
                "ALTER TABLE messages ALTER created_at TYPE BIGINT USING 0",
                format!("column \"created_at\" of {table} is TIMESTAMP WITH TIME ZONE and should be BIGINT"),
            ),
            (
                "ALTER TABLE messages ALTER kind TYPE VARCHAR(40)",
                "ALTER TABLE messages ALTER kind TYPE TEXT",
                format!("column \"kind\" of {table} is CHARACTER VARYING(40) and should be TEXT"),
            ),
            (
                "DELETE FROM messages; ALTER TABLE messages ADD score INTEGER NOT NULL",
                "ALTER TABLE messages DROP score",
                format!(
                    "column \"score\" of {table} is not one of the export's, and is NOT NULL without a default"
                ),
            ),
            (
                "ALTER TABLE messages ALTER body SET NOT NULL",
                "ALTER TABLE messages ALTER body DROP NOT NULL",
                format!("column \"body\" of {table} is NOT NULL, and some rows have no value for it"),
            ),
            (
                "ALTER TABLE messages RENAME TO kept; CREATE VIEW messages AS SELECT * FROM kept",
                "DROP VIEW messages; ALTER TABLE kept RENAME TO messages",
                "Drift \"lake\".messages is not a table".to_owned(),
            ),
            (
                "UPDATE longshore_export SET tables_version = 99",
                "UPDATE longshore_export SET tables_version = 1",
                "schema \"Drift \\\"lake\\\"\" holds tables of version 99, this program knows 1".to_owned(),
            ),
            (
                "DELETE FROM longshore_export",
                "SELECT 1",
                "table Drift \"lake\".conversations holds rows that no export wrote".to_owned(),
            ),
        ] {
            refused(&lake, broken, repaired, &expected).await;
        }
    })
    .await;
}

#[tokio::test]
async fn tables_that_the_user_has_made_are_filled() {
    with_lake(async |fixture, lake| {
        fixture.fill(2).await;
        let made: String = store::tables::TABLES
            .iter()
            .map(|table| {
                store::tables::ddl::create(table, store::Engine::Postgres, "\"Drift \"\"lake\"\"\".")
            })
            .collect();
        lake.run(&format!("CREATE SCHEMA \"Drift \"\"lake\"\"\"; {made}")).await;
        let mut sink = lake.sink();
        sink.check(&plan("1")).await.unwrap();
        copy_all(&fixture, sink.as_mut()).await;
        sink.commit(Millis(T0)).await.unwrap();
        assert_eq!(lake.rows(store::tables::table("messages").unwrap()).await.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn who_may_not_write_hears_it_before_anything_is_written() {
    with_lake(async |fixture, lake| {
        let role = format!("longshore_{}", lake.url.rsplit('/').next().unwrap());
        let database = lake.url.rsplit('/').next().unwrap().to_owned();
        lake.run(&format!("CREATE ROLE {role} LOGIN")).await;
        let mut url = url::Url::parse(&lake.url).unwrap();
        url.set_username(&role).unwrap();
        let check = async |expected: &str| {
            let before = lake.inventory().await;
            let error = Lake::sink_into(url.as_str(), SCHEMA).check(&plan("1")).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(error.hint().is_some());
            assert_eq!(lake.inventory().await, before);
        };
        check("the PostgreSQL user may not create in this database schema \"Drift \\\"lake\\\"\"").await;
        lake.run("CREATE SCHEMA \"Drift \"\"lake\"\"\"").await;
        check("the PostgreSQL user may not create tables in schema \"Drift \\\"lake\\\"\"").await;
        lake.run(&format!("GRANT ALL ON SCHEMA \"Drift \"\"lake\"\"\" TO {role}")).await;
        fixture.fill(1).await;
        lake.export(&fixture, "1").await;
        check("the PostgreSQL user may not read and write table Drift \"lake\".conversations").await;
        lake.run(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
        check("the PostgreSQL database is read-only").await;
        lake.pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_be_had_is_told_without_the_password() {
    with_lake(async |_, lake| {
        let url = |change: &dyn Fn(&mut url::Url)| {
            let mut url = url::Url::parse(&lake.url).unwrap();
            url.set_password(Some("canary-of-a-password")).unwrap();
            change(&mut url);
            url
        };
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for (url, cause) in [
            (url(&|url| url.set_port(Some(closed)).unwrap()), "the database server cannot be reached"),
            (url(&|url| url.set_path("nowhere")), "the server has no such database"),
            (
                url(&|url| url.set_username("nobody_of_that_name").unwrap()),
                "the database server refused the user name or the password",
            ),
        ] {
            let error = Lake::sink_into(url.as_str(), SCHEMA).check(&plan("1")).await.unwrap_err();
            let told = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(
                (error.to_string().as_str(), told.as_str()),
                ("could not connect at the PostgreSQL database", cause)
            );
            assert!(error.hint().is_some() && matches!(error, SinkError::Postgres(_)));
            assert!(!format!("{error:?} {told}").contains("canary"));
        }
    })
    .await;
}
