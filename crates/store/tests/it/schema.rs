//! The schema: the same on both engines, fit for every statement, and told in the documentation.

use std::collections::BTreeMap;

use serde_json::json;
use store::tables::{self, Column, ColumnKind, TABLES, Table, VERSION, ddl, json_schema};
use store::{Db, Engine, StoreError};

use crate::engines::{Store, on_both, options, postgres, sqlite};

#[tokio::test]
async fn every_statement_fits_the_schema() {
    on_both(async |store| {
        assert!(store.db.check_statements().await.unwrap() > 100);
        store.tamper("ALTER TABLE watermarks RENAME COLUMN at TO since").await;
        let fresh = Db::open(&store.url, options()).await.unwrap();
        let error = fresh.check_statements().await.unwrap_err();
        fresh.close().await;
        assert!(
            matches!(&error, StoreError::Statement { name } if name.starts_with("watermarks::")),
            "{error}"
        );
    })
    .await;
}

async fn columns(store: &Store, tables: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut columns = BTreeMap::new();
    for table in tables {
        columns.insert(table.clone(), store.columns(table).await);
    }
    columns
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let one = sqlite().await;
    let names =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let tables = one.texts(names.to_owned()).await;
    let strict = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0
        AND name NOT LIKE 'sqlite_%' AND name <> 'longshore_migrations'";
    assert_eq!(one.texts(strict.to_owned()).await, Vec::<String>::new());
    let Some(other) = postgres().await else { return };
    let names = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
        WHERE table_schema = 'public' ORDER BY table_name";
    assert_eq!(tables, other.texts(names.to_owned()).await);
    assert_eq!(columns(&one, &tables).await, columns(&other, &tables).await);
    let narrow = "SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'longshore_migrations'
          AND data_type NOT IN ('bigint', 'boolean', 'bytea', 'text', 'double precision')";
    assert_eq!(other.texts(narrow.to_owned()).await, Vec::<String>::new());
    other.end().await;
}

/// A column as the list tells it: name, type on this engine, whether it may be null.
fn told(column: &Column, engine: Engine) -> String {
    let null = if column.nullable { "null" } else { "not null" };
    format!("{} {} {null}", column.name, ddl::type_of(column.kind, engine).to_lowercase())
}

/// The same of the columns that a table really has, in the order of their names. `schema` is the one it is in.
async fn stored(store: &Store, schema: &str, table: &str) -> Vec<String> {
    store
        .texts(match store.db.engine() {
            Engine::Sqlite => format!(
                "SELECT name || ' ' || lower(type) || CASE WHEN \"notnull\" = 1 THEN ' not null' ELSE ' null' END
                 FROM pragma_table_info('{table}', '{schema}') ORDER BY name"
            ),
            Engine::Postgres => format!(
                "SELECT column_name || ' ' || data_type
                    || CASE WHEN is_nullable = 'NO' THEN ' not null' ELSE ' null' END
                 FROM information_schema.columns WHERE table_schema = '{schema}' AND table_name = '{table}'
                 ORDER BY column_name"
            ),
        })
        .await
}

/// The sets of columns that no two rows share, each in the order of names.
async fn unique(store: &Store, schema: &str, table: &str) -> Vec<String> {
    store
        .texts(match store.db.engine() {
            Engine::Sqlite => format!(
                "SELECT group_concat(name, ', ') FROM (
                    SELECT list.name AS of, info.name AS name
                    FROM pragma_index_list('{table}', '{schema}') AS list,
                        pragma_index_info(list.name, '{schema}') AS info
                    WHERE list.\"unique\" = 1 ORDER BY of, info.name)
                 GROUP BY of"
            ),
            Engine::Postgres => format!(
                "SELECT string_agg(a.attname, ', ' ORDER BY a.attname)
                 FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
                 WHERE i.indrelid = '{schema}.{table}'::regclass AND i.indisunique GROUP BY i.indexrelid"
            ),
        })
        .await
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

fn key(table: &Table) -> String {
    sorted(table.primary.iter().map(|name| (*name).to_owned()).collect()).join(", ")
}

#[tokio::test]
async fn the_list_tells_what_the_store_has() {
    on_both(async |store| {
        let (engine, schema) = match store.db.engine() {
            Engine::Sqlite => (Engine::Sqlite, "main"),
            Engine::Postgres => (Engine::Postgres, "public"),
        };
        for table in TABLES {
            let all = table.columns.iter().chain(table.stays).map(|column| told(column, engine));
            assert_eq!(
                sorted(all.collect()),
                sorted(stored(store, schema, table.name).await),
                "{}",
                table.name
            );
            assert!(unique(store, schema, table.name).await.contains(&key(table)), "{}", table.name);
            for name in table.primary.iter().chain(table.key) {
                let column = table.columns.iter().find(|column| column.name == *name).unwrap();
                assert!(!column.nullable, "{}.{name}", table.name);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_statements_for_elsewhere_make_the_same_tables() {
    on_both(async |store| {
        let engine = store.db.engine();
        let (schema, prefix) = match engine {
            Engine::Sqlite => ("main", ""),
            Engine::Postgres => ("lake", "\"lake\"."),
        };
        for table in TABLES {
            match engine {
                Engine::Sqlite => store.tamper(format!("DROP TABLE {}", table.name)).await,
                Engine::Postgres => store.tamper("CREATE SCHEMA IF NOT EXISTS lake").await,
            }
            // Twice: a table that is there stays as it is.
            store.tamper(ddl::create(table, engine, prefix)).await;
            store.tamper(ddl::create(table, engine, prefix)).await;
            let all = table.columns.iter().map(|column| told(column, engine));
            assert_eq!(
                sorted(all.collect()),
                sorted(stored(store, schema, table.name).await),
                "{}",
                table.name
            );
            assert_eq!(unique(store, schema, table.name).await, [key(table)], "{}", table.name);
        }
    })
    .await;
}

/// What was once published, a line for each column. Within a version lines are only added: `UPDATE_DOCS=1` adds what is new.
#[test]
fn what_was_published_stays() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/published.txt");
    let mut published = std::fs::read_to_string(path).unwrap();
    let now: Vec<String> = tables::every()
        .flat_map(|table| {
            let key = table.primary.join(" ");
            table.columns.iter().map(move |column| {
                format!(
                    "{VERSION} {} ({key}) {} {}",
                    table.name,
                    told(column, Engine::Postgres),
                    column.kind.name()
                )
            })
        })
        .collect();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let new = now.iter().filter(|line| !published.lines().any(|it| it == **line));
        let new: String = new.map(|line| format!("{line}\n")).collect();
        published += &new;
        std::fs::write(path, &published).unwrap();
    }
    let before: Vec<&str> =
        published.lines().filter(|line| line.starts_with(&format!("{VERSION} "))).collect();
    let lost: Vec<&&str> = before.iter().filter(|line| !now.iter().any(|it| it == **line)).collect();
    assert!(lost.is_empty(), "what was published has changed: raise the version, or undo {lost:#?}");
    assert_eq!(before.len(), now.len(), "new columns are published with UPDATE_DOCS=1");
}

#[test]
fn the_schema_of_a_row_names_every_column() {
    for table in tables::every() {
        let schema = json_schema::of(table);
        let required = schema["required"].as_array().unwrap();
        assert_eq!(required.len(), table.columns.len());
        for column in table.columns {
            let property = &schema["properties"][column.name];
            let expected = match column.kind {
                ColumnKind::Integer | ColumnKind::Instant => json!("integer"),
                ColumnKind::Flag => json!("boolean"),
                ColumnKind::Real => json!("number"),
                ColumnKind::Text | ColumnKind::Bytes => json!("string"),
                ColumnKind::Json => serde_json::Value::Null,
            };
            let expected =
                if column.nullable && !expected.is_null() { json!([expected, "null"]) } else { expected };
            assert_eq!(property["type"], expected, "{}.{}", table.name, column.name);
            assert!(property["description"].as_str().unwrap().contains(column.meaning));
        }
    }
}

#[tokio::test]
async fn an_erasure_reaches_every_table_that_holds_rows_of_an_organization() {
    let one = sqlite().await;
    let names =
        "SELECT DISTINCT tables.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND columns.name = 'org_id' ORDER BY tables.name";
    let mut expected: Vec<&str> =
        store::erasure::tables().chain(store::erasure::KEPT.iter().copied()).collect();
    expected.retain(|table| table.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    expected.sort_unstable();
    assert_eq!(one.texts(names.to_owned()).await, expected);
}
