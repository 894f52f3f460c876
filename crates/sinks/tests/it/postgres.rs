//! Tables in a PostgreSQL database of the user's, read back by plain SQL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use drift::SystemClock;
use model::{Millis, OrgId};
use sinks::copy::{self, Source};
use sinks::postgres::{PostgresAddress, PostgresError, PostgresSink};
use sinks::sink::{Part, Plan, Sink};
use sinks::{Destination, ExportOptions, Format, SinkError};
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use store::export_runs::ExportMode;
use store::tables::{self, Batch, ColumnKind, Row, TABLES, Table, Value, ValueRef};

use crate::conformance::{self, Place, assert_same, copy_all, plan, seen, stored};
use crate::fixture::{Fixture, NASTY, ORG, T0, database, on_both};

pub(crate) const SCHEMA: &str = "Drift \"lake\"";

/// A database of the user's.
pub(crate) struct Lake {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

impl Lake {
    pub(crate) async fn make() -> Option<Self> {
        let url = database().await?;
        let pool = PgPool::connect(&url).await.unwrap();
        Some(Self { url, pool })
    }

    pub(crate) fn sink_into(url: &str, schema: &str) -> PostgresSink {
        PostgresSink::new(PostgresAddress::parse(url, Some(schema)).unwrap(), Arc::new(SystemClock))
    }

    pub(crate) async fn run(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&self.pool).await.unwrap();
    }

    /// One text, whatever the query finds.
    pub(crate) async fn text(&self, query: &str) -> String {
        let found: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&self.pool).await.unwrap();
        found.unwrap_or_default()
    }

    /// Everything that stands in the schemas, so that a change would show.
    pub(crate) async fn inventory(&self) -> String {
        self.text(
            "SELECT string_agg(n.nspname || '.' || c.relname || ' ' || c.relkind::text || ' ' || coalesce((
                SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' ORDER BY attnum)
                FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0), ''), E'\n' ORDER BY 1, c.relname)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
                .replace("ORDER BY 1, c.relname", "ORDER BY n.nspname, c.relname")
                .as_str(),
        )
        .await
    }

    async fn leftovers(&self) -> String {
        self.text("SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'longshore_staging%'")
            .await
    }

    /// Export everything the fixture has, as one run.
    pub(crate) async fn export(&self, fixture: &Fixture, run: &str) {
        let mut sink = self.sink();
        sink.check(&plan(run)).await.unwrap();
        copy_all(fixture, sink.as_mut()).await;
        sink.commit(Millis(T0)).await.unwrap();
    }
}

impl Place for Lake {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(Self::sink_into(&self.url, SCHEMA))
    }

    fn bad_sink(&self) -> Box<dyn Sink> {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_path("no_such_database");
        Box::new(Self::sink_into(url.as_str(), SCHEMA))
    }

    async fn rows(&self, table: &'static Table) -> Vec<Row> {
        let there = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = $2)";
        let there: bool =
            sqlx::query_scalar(there).bind(SCHEMA).bind(table.name).fetch_one(&self.pool).await.unwrap();
        if !there {
            return Vec::new();
        }
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let query = format!("SELECT {} FROM \"Drift \"\"lake\"\"\".{}", names.join(", "), table.name);
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&self.pool).await.unwrap();
        let value = |row: &sqlx::postgres::PgRow, place: usize| {
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

/// Run a test with both engines as the mirror's store, and a database to export to.
pub(crate) async fn with_lake<F: Future<Output = ()>>(test: impl Fn(Fixture, Lake) -> F) {
    on_both(async |fixture| {
        if let Some(lake) = Lake::make().await {
            test(fixture, lake).await;
        }
    })
    .await;
}

fn part(table: &str, period: &str) -> Part {
    Part::named(table, period).unwrap()
}

#[tokio::test]
async fn a_database_of_the_users_keeps_what_sinks_promise() {
    with_lake(async |fixture, lake| {
        conformance::holds(&fixture, &lake).await;
        assert_eq!(lake.leftovers().await, "");
        let book = "SELECT export_run_id || ' ' || finished_at || ' ' || (counts::json ->> 'conversations')
            FROM \"Drift \"\"lake\"\"\".longshore_export";
        assert_eq!(lake.text(book).await, format!("run 3 {T0} 90"));
    })
    .await;
}

#[tokio::test]
async fn an_export_is_read_back_and_found_equal() {
    with_lake(async |fixture, lake| {
        fixture.fill(70).await;
        let address = PostgresAddress::parse(&lake.url, Some(SCHEMA)).unwrap();
        let options = ExportOptions {
            destination: Destination::Postgres { address },
            transcripts: false,
            attachments: false,
            ..fixture.options(Format::Csv)
        };
        for _ in 0..2 {
            let report = fixture.export(&options).await.unwrap();
            assert!(report.equal && report.rows > 500, "{report:?}");
            assert!(report.destination.ends_with("?schema=Drift+%22lake%22"), "{}", report.destination);
        }
        assert_eq!(lake.leftovers().await, "");
    })
    .await;
}

#[tokio::test]
async fn texts_of_every_kind_arrive_as_they_are() {
    with_lake(async |fixture, lake| {
        fixture.fill(1).await;
        let mut sink = lake.sink();
        sink.check(&plan("1")).await.unwrap();
        let huge = format!(
            "{{\"digits\":1.2300e400,\"again\":1,\"again\":2,\"text\":\"{}\"}}",
            "👩🏽‍🚀\\u0000".repeat(400_000)
        );
        let texts = [NASTY, "", "\u{10ffff}", "a\0b\0", huge.as_str()];
        let mut batch = Batch::with_capacity(tables::table("landing_pages").unwrap(), texts.len());
        for (number, text) in texts.iter().enumerate() {
            let (org, id) = (ValueRef::Integer(ORG.0), ValueRef::Integer(i64::MIN + number as i64));
            batch.push(&[
                org,
                id,
                ValueRef::Text("u"),
                ValueRef::Text(text),
                ValueRef::Null,
                ValueRef::Text(text),
            ]);
        }
        sink.begin(&part("landing_pages", "all")).await.unwrap();
        sink.write(batch).await.unwrap();
        assert_eq!(sink.commit_part().await.unwrap().rows, 5);
        sink.commit(Millis(T0)).await.unwrap();
        let mut rows = lake.rows(tables::table("landing_pages").unwrap()).await;
        rows.sort_by_key(|row| format!("{:?}", row[1]));
        rows.reverse();
        for (row, text) in rows.iter().zip(texts) {
            // As the store itself keeps it: PostgreSQL has no U+0000.
            let expected = text.replace('\0', "\u{fffd}");
            assert!(
                row[3] == Value::Text(expected.clone())
                    && row[5] == Value::Text(expected)
                    && row[4] == Value::Null
            );
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_the_users_own_at_the_tables_stays() {
    with_lake(async |fixture, lake| {
        fixture.fill(3).await;
        lake.export(&fixture, "1").await;
        lake.run(
            "SET search_path = \"Drift \"\"lake\"\"\";
            ALTER TABLE messages ADD COLUMN sentiment TEXT;
            ALTER TABLE messages ADD COLUMN reviewed BOOLEAN NOT NULL DEFAULT FALSE;
            ALTER TABLE messages ADD COLUMN length INTEGER NOT NULL GENERATED ALWAYS AS (char_length(body)) STORED;
            UPDATE messages SET sentiment = 'glad' WHERE message_id = 10;
            CREATE VIEW mine AS SELECT message_id FROM messages;
            CREATE INDEX by_text ON messages (text);"
                .replace("NOT NULL GENERATED", "GENERATED")
                .as_str(),
        )
        .await;
        fixture.fill(5).await;
        lake.export(&fixture, "2").await;
        assert_same(seen(&lake).await, &stored(&fixture).await);
        let own = "SELECT (SELECT sentiment FROM \"Drift \"\"lake\"\"\".messages WHERE message_id = 10) || ' ' || count(*)
            FROM \"Drift \"\"lake\"\"\".mine";
        assert_eq!(lake.text(own).await, "glad 25");
    })
    .await;
}

#[tokio::test]
async fn rows_that_have_not_changed_are_not_touched() {
    with_lake(async |fixture, lake| {
        fixture.fill(4).await;
        lake.export(&fixture, "1").await;
        let versions = "SELECT string_agg(DISTINCT xmin::text, ' ' ORDER BY xmin::text)
            FROM \"Drift \"\"lake\"\"\".messages WHERE conversation_id < 5";
        let before = lake.text(versions).await;
        fixture.fill(6).await;
        lake.export(&fixture, "2").await;
        assert_eq!(lake.text(versions).await, before);
        assert_same(seen(&lake).await, &stored(&fixture).await);
    })
    .await;
}

#[tokio::test]
async fn rows_that_were_changed_by_hand_are_as_they_should_be_in_partitions_too() {
    with_lake(async |fixture, lake| {
        fixture.fill(40).await;
        lake.export(&fixture, "1").await;
        let by_hand = "UPDATE messages SET text = 'by hand' WHERE conversation_id = 10;
            DELETE FROM messages WHERE conversation_id = 20;
            INSERT INTO messages SELECT org_id, conversation_id, message_id + 1000000, author_kind, author_id,
                author_bot, kind, created_at, body, text, edited_message_id, edit_type, live, extra
            FROM messages WHERE conversation_id = 30;
            DELETE FROM participants WHERE conversation_id = 10;";
        let in_schema = |text: &str| format!("SET search_path = \"Drift \"\"lake\"\"\"; {text}");
        lake.run(&in_schema(by_hand)).await;
        lake.export(&fixture, "2").await;
        assert_same(seen(&lake).await, &stored(&fixture).await);
        // Each partition has a row in each place.
        let parted = "ALTER TABLE messages RENAME TO plain;
            CREATE TABLE messages (LIKE plain, PRIMARY KEY (org_id, message_id)) PARTITION BY HASH (message_id);
            CREATE TABLE one PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE two PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO messages SELECT * FROM plain;
            DROP TABLE plain;";
        lake.run(&in_schema(&format!("{parted}{by_hand}"))).await;
        lake.export(&fixture, "3").await;
        assert_same(seen(&lake).await, &stored(&fixture).await);
    })
    .await;
}

#[tokio::test]
async fn readers_see_the_old_rows_or_the_new_and_never_a_mixture() {
    with_lake(async |fixture, lake| {
        fixture.fill(20).await;
        lake.export(&fixture, "1").await;
        let ended = Arc::new(AtomicBool::new(false));
        let (pool, until) = (lake.pool.clone(), ended.clone());
        let reader = tokio::spawn(async move {
            let query = "SELECT (SELECT count(*) FROM \"Drift \"\"lake\"\"\".conversations) || ' '
                || (SELECT count(*) FROM \"Drift \"\"lake\"\"\".messages) || ' '
                || (SELECT count(*) FROM \"Drift \"\"lake\"\"\".participants)";
            let mut seen = BTreeSet::new();
            loop {
                let is_last = until.load(Ordering::SeqCst);
                seen.insert(sqlx::query_scalar::<_, String>(query).fetch_one(&pool).await.unwrap());
                if is_last {
                    return seen;
                }
            }
        });
        for (run, conversations) in [("2", 40), ("3", 60)] {
            fixture.fill(conversations).await;
            lake.export(&fixture, run).await;
        }
        ended.store(true, Ordering::SeqCst);
        let seen = reader.await.unwrap();
        let whole = ["20 100 40", "40 200 80", "60 300 120"];
        assert!(seen.iter().all(|one| whole.contains(&one.as_str())), "{seen:?}");
        assert!(seen.contains(whole[2]), "{seen:?}");
    })
    .await;
}

#[tokio::test]
async fn organizations_share_a_schema_and_never_a_row() {
    with_lake(async |fixture, lake| {
        fixture.fill(3).await;
        lake.export(&fixture, "1").await;
        let mut sink = lake.sink();
        let other = Plan { org: OrgId(7), ..plan("other") };
        sink.check(&other).await.unwrap();
        let tags = tables::table("tags").unwrap();
        let mut batch = Batch::with_capacity(tags, 1);
        batch.push(&[ValueRef::Integer(7), ValueRef::Integer(1), ValueRef::Text("vip, really"), ValueRef::Null]);
        sink.begin(&part("tags", "none")).await.unwrap();
        sink.write(batch).await.unwrap();
        sink.commit_part().await.unwrap();
        sink.commit(Millis(T0)).await.unwrap();
        assert_eq!(lake.rows(tags).await.len(), 4);

        lake.export(&fixture, "2").await;
        assert_eq!(lake.rows(tags).await.len(), 4);
        let book = "SELECT string_agg(org_id::text, ' ' ORDER BY org_id) FROM \"Drift \"\"lake\"\"\".longshore_export";
        assert_eq!(lake.text(book).await, "7 4242");
    })
    .await;
}

#[tokio::test]
async fn a_run_goes_on_where_another_process_ended() {
    with_lake(async |fixture, lake| {
        fixture.fill(70).await;
        for (number, filled) in [("1", false), ("2", true)] {
            if filled {
                fixture.fill(80).await;
            }
            let (first, second) = (plan(number), TABLES.len() / 2);
            let mut sink = lake.sink();
            sink.check(&first).await.unwrap();
            let source = Source::all(&fixture.db, ORG);
            let mut recorded = Vec::new();
            for table in &TABLES[..second] {
                recorded.extend(copy::table(source, sink.as_mut(), table, &mut |_| {}).await.unwrap());
            }
            // The last part was whole, but the process ended before it was recorded; the next had some rows.
            let last = recorded.pop().unwrap();
            sink.begin(&part("tags", "2026-01")).await.unwrap();
            drop(sink);

            let mut sink = lake.sink();
            let resumed = Plan { recorded: recorded.clone(), ..first };
            sink.check(&resumed).await.unwrap();
            let has = |name: &str, period: &str| {
                recorded
                    .iter()
                    .any(|one| one.table == name && one.period.as_deref().unwrap_or("all") == period)
            };
            assert!(!has(&last.table, last.period.as_deref().unwrap_or("all")));
            for table in tables::every() {
                for cut in copy::cuts(source, sink.layout(), table).await.unwrap() {
                    if !has(table.name, &cut.part.period.to_string()) {
                        copy::part(source, sink.as_mut(), &cut, &mut |_| {}).await.unwrap();
                    }
                }
            }
            sink.commit(Millis(T0)).await.unwrap();
            assert_same(seen(&lake).await, &stored(&fixture).await);
            assert_eq!(lake.leftovers().await, "");
        }
    })
    .await;
}

#[tokio::test]
async fn the_server_knows_new_tables_before_they_are_read() {
    with_lake(async |fixture, lake| {
        fixture.fill(60).await;
        lake.export(&fixture, "0").await;
        let known =
            "SELECT count(*)::text FROM pg_stats WHERE tablename = 'messages' AND attname = 'message_id'";
        assert_eq!(lake.text(known).await, "1");
    })
    .await;
}

#[tokio::test]
async fn what_the_server_lost_is_not_gone_on_with() {
    with_lake(async |fixture, lake| {
        fixture.fill(3).await;
        let mut sink = lake.sink();
        sink.check(&plan("1")).await.unwrap();
        let users = tables::table("users").unwrap();
        let source = Source::all(&fixture.db, ORG);
        let recorded = copy::table(source, sink.as_mut(), users, &mut |_| {}).await.unwrap();
        drop(sink);
        let resumed = Plan { recorded, ..plan("1") };

        // Another run's plan, and a server that crashed: unlogged tables are empty after it.
        let error = lake.sink().check(&Plan { run: plan("2").run, ..resumed.clone() }).await.unwrap_err();
        assert!(matches!(error, SinkError::PartLost { .. }), "{error:?}");
        lake.run("TRUNCATE \"Drift \"\"lake\"\"\".longshore_staging_4242").await;
        let error = lake.sink().check(&resumed).await.unwrap_err();
        assert!(matches!(error, SinkError::PartLost { .. }), "{error:?}");

        lake.export(&fixture, "3").await;
        assert_eq!(lake.leftovers().await, "");
    })
    .await;
}

#[tokio::test]
async fn one_run_at_a_time_has_the_schema() {
    with_lake(async |fixture, lake| {
        fixture.fill(1).await;
        let mut first = lake.sink();
        first.check(&plan("1")).await.unwrap();
        let error = lake.sink().check(&plan("2")).await.unwrap_err();
        assert!(
            matches!(error, SinkError::Postgres(PostgresError::Busy { .. })) && error.hint().is_some(),
            "{error}"
        );
        copy_all(&fixture, first.as_mut()).await;
        first.commit(Millis(T0)).await.unwrap();
        assert_same(seen(&lake).await, &stored(&fixture).await);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_came_in_two_months_is_there_once_with_what_came_last() {
    with_lake(async |_, lake| {
        for run in ["1", "2", "3"] {
            let mut sink = lake.sink();
            sink.check(&plan(run)).await.unwrap();
            for period in ["none", "2026-01"] {
                let mut batch = Batch::with_capacity(tables::table("tags").unwrap(), 1);
                let color = format!("{run} {period}");
                let (org, id) = (ValueRef::Integer(ORG.0), ValueRef::Integer(5));
                batch.push(&[org, id, ValueRef::Text("vip"), ValueRef::Text(&color)]);
                sink.begin(&part("tags", period)).await.unwrap();
                sink.write(batch).await.unwrap();
                sink.commit_part().await.unwrap();
            }
            sink.commit(Millis(T0)).await.unwrap();
            let rows = lake.rows(tables::table("tags").unwrap()).await;
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0][3], Value::Text(format!("{run} 2026-01")));
            if run == "2" {
                lake.run("DELETE FROM \"Drift \"\"lake\"\"\".tags").await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_increment_replaces_the_months_that_came_and_leaves_the_others() {
    with_lake(async |fixture, lake| {
        let increment = Plan { mode: ExportMode::Incremental, ..plan("2") };
        let error = lake.sink().check(&increment).await.unwrap_err();
        assert!(matches!(error, SinkError::Postgres(PostgresError::NothingToAddTo { .. })), "{error:?}");

        fixture.fill(70).await;
        lake.export(&fixture, "1").await;
        // A message of January that the mirror does not have, and one of a month that does not come.
        lake.run(
            "SET search_path = \"Drift \"\"lake\"\"\";
            INSERT INTO messages SELECT org_id, conversation_id, 1000000 + message_id, author_kind, author_id, author_bot, kind,
                created_at, body, text, edited_message_id, edit_type, live, extra
            FROM messages WHERE message_id IN (10, 700);
            UPDATE messages SET text = 'other' WHERE message_id IN (11, 701);
            DELETE FROM messages WHERE message_id = 12",
        )
        .await;
        let mut sink = lake.sink();
        sink.check(&increment).await.unwrap();
        let (source, messages) = (Source::all(&fixture.db, ORG), tables::table("messages").unwrap());
        let cuts = copy::cuts(source, sink.layout(), messages).await.unwrap();
        let january = cuts.iter().find(|cut| cut.part.period.to_string() == "2026-01").unwrap();
        copy::part(source, sink.as_mut(), january, &mut |_| {}).await.unwrap();
        sink.commit(Millis(T0)).await.unwrap();

        let query = "SELECT (SELECT count(*) FROM \"Drift \"\"lake\"\"\".messages) || ' ' || string_agg(message_id::text, ' ')
            FROM \"Drift \"\"lake\"\"\".messages WHERE message_id > 1000000 OR text = 'other'"
            .replace("' ')", "' ' ORDER BY message_id)");
        assert_eq!(lake.text(&query).await, "351 701 1000700");
    })
    .await;
}
