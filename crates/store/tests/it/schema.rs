//! The schema: the same on both engines, fit for every statement, and told in the documentation.

use std::collections::BTreeMap;

use store::tables::{ColumnKind, TABLES};
use store::{Db, StoreError};

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

/// The page's tables: under each `## name` the first cells of the rows, and the second.
fn documented() -> BTreeMap<String, Vec<(String, String)>> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut tables: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut table = None;
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            table = Some(name.trim().trim_matches('`').to_owned());
        } else if let (Some(table), Some(row)) = (&table, line.strip_prefix("| `")) {
            let (column, rest) = row.split_once('`').unwrap();
            let kind = rest.trim_start_matches([' ', '|']).split('|').next().unwrap().trim();
            tables.entry(table.clone()).or_default().push((column.to_owned(), kind.to_owned()));
        }
    }
    tables
}

#[tokio::test]
async fn the_page_tells_every_column_of_every_public_table() {
    on_both(async |store| {
        let documented = documented();
        for table in TABLES {
            let told = documented.get(table.name).unwrap_or_else(|| panic!("{} is not told", table.name));
            let mut names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let mut stored = store.columns(table.name).await;
            stored.sort_unstable();
            assert_eq!(names, stored, "{}", table.name);
            for column in table.columns {
                let kind = &told.iter().find(|(name, _)| name == column.name).unwrap().1;
                let expected = match column.kind {
                    ColumnKind::Integer => "integer",
                    ColumnKind::Instant => "instant",
                    ColumnKind::Flag => "flag",
                    ColumnKind::Real => "real",
                    ColumnKind::Text => "text",
                    ColumnKind::Json => "JSON",
                    ColumnKind::Bytes => "bytes",
                };
                assert_eq!(kind, expected, "{}.{}", table.name, column.name);
            }
        }
    })
    .await;
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
