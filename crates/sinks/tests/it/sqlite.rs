//! Tables in one SQLite file, read back by a driver that is told nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use model::{ContactId, ConversationId, Millis, OrgId};
use sinks::copy::{self, Source};
use sinks::sink::{Plan, Sink, Subject};
use sinks::sqlite::{SqliteError, SqliteSink};
use sinks::{Destination, ExportOptions, Format, SinkError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use store::export_runs::ExportMode;
use store::tables::{self, ColumnKind, Row, TABLES, Table, Value};

use crate::conformance::{self, Place, assert_same, copy_all, plan, seen, stored};
use crate::fixture::{Fixture, ORG, T0, on_both};

pub(crate) struct OneFile {
    pub(crate) path: PathBuf,
}

impl OneFile {
    pub(crate) fn of(fixture: &Fixture) -> Self {
        Self { path: fixture.dir.path().join("new/archive.sqlite") }
    }

    async fn open(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(&self.path).read_only(true).connect().await.unwrap()
    }

    async fn text(&self, query: &str) -> String {
        let mut connection = self.open().await;
        let found: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        found.unwrap_or_default()
    }

    async fn export(&self, fixture: &Fixture, run: &str) {
        let mut sink = self.sink();
        sink.check(&plan(run)).await.unwrap();
        copy_all(fixture, sink.as_mut()).await;
        sink.commit(Millis(T0)).await.unwrap();
    }

    /// What lies in the file's folder.
    fn beside(&self) -> String {
        let names = std::fs::read_dir(self.path.parent().unwrap()).unwrap();
        let names: BTreeSet<String> =
            names.map(|one| one.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    }
}

impl Place for OneFile {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(SqliteSink::new(self.path.clone()))
    }

    fn bad_sink(&self) -> Box<dyn Sink> {
        let foreign = self.path.with_extension("foreign");
        std::fs::write(&foreign, "years of work").unwrap();
        Box::new(SqliteSink::new(foreign))
    }

    async fn rows(&self, table: &'static Table) -> Vec<Row> {
        if !self.path.exists() {
            return Vec::new();
        }
        let mut connection = self.open().await;
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let query = format!("SELECT {} FROM {}", names.join(", "), table.name);
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let value = |row: &SqliteRow, place: usize| {
            let value = match table.columns[place].kind {
                ColumnKind::Integer | ColumnKind::Instant => {
                    row.get::<Option<i64>, _>(place).map(Value::Integer)
                }
                ColumnKind::Real => row.get::<Option<f64>, _>(place).map(Value::Real),
                ColumnKind::Flag => row.get::<Option<bool>, _>(place).map(Value::Flag),
                ColumnKind::Text | ColumnKind::Json => row.get::<Option<String>, _>(place).map(Value::Text),
                ColumnKind::Bytes => row.get::<Option<Vec<u8>>, _>(place).map(Value::Bytes),
            };
            value.unwrap_or(Value::Null)
        };
        rows.iter().map(|row| (0..names.len()).map(|place| value(row, place)).collect()).collect()
    }
}

#[tokio::test]
async fn one_file_keeps_what_sinks_promise() {
    on_both(async |fixture| {
        let file = OneFile::of(&fixture);
        conformance::holds(&fixture, &file).await;
        assert_eq!(file.beside(), "archive.foreign archive.sqlite archive.sqlite.longshore-lock");
    })
    .await;
}

#[tokio::test]
async fn an_export_is_read_back_and_found_equal() {
    on_both(async |fixture| {
        fixture.fill(70).await;
        let file = OneFile::of(&fixture);
        let options = ExportOptions {
            destination: Destination::sqlite(file.path.clone()),
            transcripts: false,
            attachments: false,
            ..fixture.options(Format::Csv)
        };
        for _ in 0..2 {
            let report = fixture.export(&options).await.unwrap();
            assert!(report.equal && report.rows > 500, "{report:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_file_says_what_it_holds() {
    on_both(async |fixture| {
        let file = OneFile::of(&fixture);
        fixture.fill(40).await;
        file.export(&fixture, "1").await;
        let run = "SELECT org_id || ' ' || export_run_id || ' ' || tables_version || ' ' || finished_at FROM longshore_export";
        assert_eq!(file.text(run).await, format!("4242 run 1 1 {T0}"));
        let parts = "SELECT group_concat(period || ' ' || rows, ', ') FROM (
            SELECT period, rows FROM longshore_manifest WHERE table_name = 'messages' ORDER BY period)";
        assert_eq!(file.text(parts).await, "2026-01 145, 2026-02 55");
        let strict = "SELECT CAST(COUNT(*) AS TEXT) FROM pragma_table_list WHERE strict AND name NOT LIKE 'sqlite%'";
        assert_eq!(file.text(strict).await, (tables::every().count() + 2).to_string());
        assert_eq!(file.text("SELECT journal_mode FROM pragma_journal_mode").await, "delete");
        let searched = sqlx::query("EXPLAIN QUERY PLAN SELECT * FROM messages WHERE conversation_id = 7")
            .fetch_one(&mut file.open().await)
            .await
            .unwrap();
        assert!(searched.get::<String, _>("detail").contains("messages_by_conversation_id"));
    })
    .await;
}

#[tokio::test]
async fn what_may_not_be_replaced_is_refused_and_left_as_it_was() {
    on_both(async |fixture| {
        fixture.fill(2).await;
        let file = OneFile::of(&fixture);
        file.export(&fixture, "1").await;
        let folder = file.path.parent().unwrap();
        let check = async |name: &str, org: i64, expected: &str| {
            let before = file.beside();
            let plan = Plan { org: OrgId(org), ..plan("2") };
            let error = SqliteSink::new(folder.join(name)).check(&plan).await.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.hint().is_some(), "{error}");
            assert_eq!(file.beside(), before);
        };
        std::fs::create_dir(folder.join("folder.sqlite")).unwrap();
        check("folder.sqlite", ORG.0, "is not a file's name").await;
        std::fs::write(folder.join("notes.sqlite"), "").unwrap();
        check("notes.sqlite", ORG.0, "is there and is not an export").await;
        let other = SqliteConnectOptions::new().filename(folder.join("own.sqlite")).create_if_missing(true);
        let mut other = other.connect().await.unwrap();
        sqlx::query("CREATE TABLE messages (body TEXT)").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
        check("own.sqlite", ORG.0, "is there and is not an export").await;
        check("archive.sqlite", 7, "holds the export of organization 4242").await;
        std::fs::write(folder.join("archive.sqlite-wal"), "frames").unwrap();
        check("archive.sqlite", ORG.0, "another program is writing to").await;
    })
    .await;
}

#[tokio::test]
async fn one_run_at_a_time_has_the_file() {
    on_both(async |fixture| {
        fixture.fill(1).await;
        let file = OneFile::of(&fixture);
        let mut first = file.sink();
        first.check(&plan("1")).await.unwrap();
        let error = file.sink().check(&plan("2")).await.unwrap_err();
        assert!(matches!(error, SinkError::Busy { .. }) && error.hint().is_some(), "{error}");
        copy_all(&fixture, first.as_mut()).await;
        first.commit(Millis(T0)).await.unwrap();
        assert_same(seen(&file).await, &stored(&fixture).await);
    })
    .await;
}

#[tokio::test]
async fn a_run_goes_on_where_another_process_ended() {
    on_both(async |fixture| {
        let file = OneFile::of(&fixture);
        fixture.fill(70).await;
        let first = plan("1");
        let mut sink = file.sink();
        sink.check(&first).await.unwrap();
        let source = Source::all(&fixture.db, ORG);
        let mut recorded = Vec::new();
        for table in &TABLES[..TABLES.len() / 2] {
            recorded.extend(copy::table(source, sink.as_mut(), table, &mut |_| {}).await.unwrap());
        }
        // The last part was whole, but the process ended before it was recorded.
        recorded.pop().unwrap();
        drop(sink);

        let mut sink = file.sink();
        let resumed = Plan { recorded: recorded.clone(), ..first };
        let lost = Plan { run: plan("2").run, ..resumed.clone() };
        let error = sink.check(&lost).await.unwrap_err();
        assert!(matches!(error, SinkError::PartLost { .. }), "{error:?}");
        sink.check(&resumed).await.unwrap();
        let has = |name: &str, period: &str| {
            recorded.iter().any(|one| one.table == name && one.period.as_deref().unwrap_or("all") == period)
        };
        for table in tables::every() {
            for cut in copy::cuts(source, sink.layout(), table).await.unwrap() {
                if !has(table.name, &cut.part.period.to_string()) {
                    copy::part(source, sink.as_mut(), &cut, &mut |_| {}).await.unwrap();
                }
            }
        }
        sink.commit(Millis(T0)).await.unwrap();
        assert_same(seen(&file).await, &stored(&fixture).await);
        assert_eq!(file.beside(), "archive.sqlite archive.sqlite.longshore-lock");
    })
    .await;
}

#[tokio::test]
async fn an_increment_replaces_the_months_that_came_and_leaves_the_others() {
    on_both(async |fixture| {
        let file = OneFile::of(&fixture);
        let increment = Plan { mode: ExportMode::Incremental, ..plan("2") };
        let error = file.sink().check(&increment).await.unwrap_err();
        assert!(matches!(error, SinkError::Sqlite(SqliteError::NothingToAddTo { .. })), "{error:?}");

        fixture.fill(70).await;
        file.export(&fixture, "1").await;
        let mut own = SqliteConnectOptions::new().filename(&file.path).connect().await.unwrap();
        for change in [
            "INSERT INTO messages SELECT org_id, conversation_id, 1000000 + message_id, author_kind, author_id, author_bot, kind,
                created_at, body, text, edited_message_id, edit_type, live, extra
            FROM messages WHERE message_id IN (10, 700)",
            "UPDATE messages SET text = 'other' WHERE message_id IN (11, 701)",
            "DELETE FROM messages WHERE message_id = 12",
        ] {
            sqlx::query(change).execute(&mut own).await.unwrap();
        }
        own.close().await.unwrap();
        let mut sink = file.sink();
        sink.check(&increment).await.unwrap();
        let (source, messages) = (Source::all(&fixture.db, ORG), tables::table("messages").unwrap());
        let cuts = copy::cuts(source, sink.layout(), messages).await.unwrap();
        let january = cuts.iter().find(|cut| cut.part.period.to_string() == "2026-01").unwrap();
        copy::part(source, sink.as_mut(), january, &mut |_| {}).await.unwrap();
        sink.commit(Millis(T0)).await.unwrap();

        let query = "SELECT (SELECT COUNT(*) FROM messages) || ' ' || group_concat(message_id, ' ') FROM (
            SELECT message_id FROM messages WHERE message_id > 1000000 OR text = 'other' ORDER BY message_id)";
        assert_eq!(file.text(query).await, "351 701 1000700");
        let runs = "SELECT group_concat(DISTINCT export_run_id) FROM longshore_manifest WHERE table_name = 'messages'";
        assert_eq!(file.text(runs).await, "run 2,run 1");
    })
    .await;
}

#[tokio::test]
async fn what_was_erased_is_in_no_byte_of_the_file_and_the_manifest_says_what_is_left() {
    on_both(async |fixture| {
        let file = OneFile::of(&fixture);
        fixture.fill(40).await;
        file.export(&fixture, "1").await;
        let contains = |text: &str| {
            let bytes = std::fs::read(&file.path).unwrap();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        assert!(contains("ada@example.test"));
        let subject = Subject {
            org: ORG,
            conversations: BTreeSet::from([ConversationId(1)]),
            contacts: BTreeSet::from([ContactId(1)]),
            attachments: BTreeSet::new(),
        };
        assert!(file.sink().erase(&subject).await.unwrap().rows > 5);
        assert!(!contains("ada@example.test"));
        let rows = "SELECT CAST(rows AS TEXT) FROM longshore_manifest WHERE table_name = 'messages' AND period = '2026-01'";
        assert_eq!(file.text(rows).await, "140");
        assert_eq!(file.beside(), "archive.sqlite archive.sqlite.longshore-lock");
    })
    .await;
}
