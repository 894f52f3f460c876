//! Every statement of this crate in one list, so that each can be held against a database.

use sqlx::{Executor as _, SqlSafeStr as _};

use crate::bulk::Texts;
use crate::db::{Db, Pools};
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::url::Engine;
use crate::{
    access, archives, audit, budgets, call_stats, changes, checkpoints, connections, consumers, directory,
    disconnects, effects, endpoints, erasure, exclusive, explain, export_runs, facts, failures, grants,
    honey, inbox, install, lineage, listings, mask_keys, migrate, mirror, notices, pauses, queue, renewals,
    runs, scheduled_exports, schedules, status, sweeps, tables, uses, vault, wake, watermarks, workers,
};

impl Db {
    /// Prepare every statement this program knows against the database, and answer how many there are: a schema
    /// that was changed by hand is found before it is needed.
    ///
    /// # Errors
    /// [`StoreError::Statement`] names the first that does not fit.
    pub async fn check_statements(&self) -> Result<usize, StoreError> {
        let all = all(self.engine());
        for (name, text) in &all {
            let text = text.into_sql_str();
            let prepared = match &self.pools {
                Pools::Sqlite { read, .. } => read.prepare(text).await.map(drop),
                Pools::Postgres(pool) => pool.prepare(text).await.map(drop),
            };
            prepared.map_err(|_| StoreError::Statement { name: name.clone() })?;
        }
        Ok(all.len())
    }
}

/// Statements in one text for both engines.
const SINGLE: &[&[(&str, &str)]] = &[
    archives::STATEMENTS,
    budgets::STATEMENTS,
    call_stats::STATEMENTS,
    changes::STATEMENTS,
    checkpoints::STATEMENTS,
    connections::STATEMENTS,
    consumers::STATEMENTS,
    directory::contacts::STATEMENTS,
    directory::told::STATEMENTS,
    disconnects::STATEMENTS,
    effects::STATEMENTS,
    endpoints::STATEMENTS,
    erasure::STATEMENTS,
    facts::STATEMENTS,
    failures::STATEMENTS,
    grants::STATEMENTS,
    honey::STATEMENTS,
    lineage::STATEMENTS,
    listings::STATEMENTS,
    mask_keys::STATEMENTS,
    migrate::STATEMENTS,
    mirror::around::STATEMENTS,
    mirror::counts::STATEMENTS,
    mirror::files::STATEMENTS,
    mirror::held::STATEMENTS,
    mirror::missing::STATEMENTS,
    mirror::pending::STATEMENTS,
    mirror::read::STATEMENTS,
    mirror::write::STATEMENTS,
    notices::STATEMENTS,
    pauses::STATEMENTS,
    renewals::STATEMENTS,
    runs::STATEMENTS,
    scheduled_exports::STATEMENTS,
    schedules::STATEMENTS,
    status::STATEMENTS,
    sweeps::STATEMENTS,
    tables::read::STATEMENTS,
    tables::touched::STATEMENTS,
    uses::alarms::STATEMENTS,
    uses::inward::STATEMENTS,
    uses::outward::STATEMENTS,
    watermarks::STATEMENTS,
    workers::STATEMENTS,
];
/// Statements in each engine's words.
const PAIRS: &[&[(&str, &Pair)]] = &[
    audit::PAIRS,
    directory::contacts::PAIRS,
    directory::lists::PAIRS,
    inbox::PAIRS,
    mirror::around::PAIRS,
    mirror::gone::PAIRS,
    mirror::held::PAIRS,
    mirror::read::PAIRS,
    mirror::state::PAIRS,
    mirror::write::PAIRS,
    sweeps::PAIRS,
    tables::touched::PAIRS,
];
/// Statements of many rows.
const BULK: &[&[(&str, &Texts)]] = &[
    audit::BULK,
    call_stats::BULK,
    changes::BULK,
    directory::contacts::BULK,
    directory::lists::BULK,
    facts::BULK,
    effects::BULK,
    mirror::write::BULK,
    queue::BULK,
    uses::inward::BULK,
    uses::outward::BULK,
    &[("listings::RECORD", &listings::RECORD)],
];

/// The statements as an engine gets them, with where each stands.
fn all(engine: Engine) -> Vec<(String, &'static str)> {
    let mut all: Vec<(String, &'static str)> = Vec::new();
    all.extend(SINGLE.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(access::STATEMENTS.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(vault::STATEMENTS.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(audit::STATEMENTS.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(install::STATEMENTS.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(queue::STATEMENTS.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(export_runs::STATEMENTS.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(explain::statements().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(inbox::statements().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(tables::statements().map(|(name, text)| (format!("tables::{name}"), text)));
    all.extend(
        PAIRS
            .concat()
            .into_iter()
            .chain(queue::PAIRS.concat())
            .chain(vault::PAIRS.concat())
            .map(|(name, pair)| (name.to_owned(), pair.on(engine))),
    );
    let own = match engine {
        Engine::Sqlite => [inbox::SQLITE, queue::SQLITE].concat(),
        Engine::Postgres => {
            [exclusive::POSTGRES, inbox::POSTGRES, queue::POSTGRES, tables::touched::POSTGRES, wake::POSTGRES]
                .concat()
        }
    };
    all.extend(own.into_iter().map(|(name, text)| (name.to_owned(), text)));
    let bulk = BULK.concat();
    match engine {
        Engine::Sqlite => {
            let sizes = crate::bulk::SQLITE_ROWS;
            for (name, texts) in &bulk {
                all.extend(sizes.map(|rows| (format!("{name} of {rows}"), texts.sqlite(rows).0)));
            }
        }
        Engine::Postgres => {
            all.extend(bulk.iter().map(|(name, texts)| ((*name).to_owned(), texts.postgres())));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On SQLite a row whose first column is null is no row: a column that may be null must not stand there.
    #[test]
    fn the_first_column_of_many_rows_is_never_null() {
        let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let files = std::fs::read_dir(folder).unwrap();
        let schema: String =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        for (name, texts) in &BULK.concat() {
            let (into, _) = texts.sqlite(1).0.split_once(',').unwrap();
            let (table, column) = into.split_once("INTO ").unwrap().1.split_once(" (").unwrap();
            let columns = &schema[schema.find(&format!("CREATE TABLE {table} (")).unwrap()..];
            let line = columns.lines().find(|line| line.trim_start().starts_with(&format!("{column} ")));
            assert!(line.unwrap().contains("NOT NULL"), "{name}: {column}");
        }
    }

    /// A statement constant that nobody registered would not be prepared by any test.
    #[test]
    fn every_statement_in_the_sources_is_in_the_list() {
        let mut forgotten = Vec::new();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                let statics = source.lines().filter_map(|line| {
                    let line = line.trim_start().trim_start_matches("pub(crate) ");
                    let name = line.strip_prefix("const ")?.split_once(": ")?;
                    let text = name.1.starts_with("&str = \"") || name.1.starts_with("Pair =");
                    text.then_some(name.0.to_owned())
                });
                for name in statics {
                    let start = format!("const {name}: ");
                    let body = &source[source.find(&start).unwrap()..];
                    let body = &body[..body.find(';').unwrap()];
                    let is_sql =
                        ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|word| body.contains(word));
                    let listed = source.contains(&format!("::{name}\", "));
                    if is_sql && !listed {
                        forgotten.push(format!("{} in {}", name, path.file_name().unwrap().display()));
                    }
                }
            }
        }
        // These are in one engine's words only, and run whenever a store is opened or written.
        let single = ["SQLITE_TABLES in migrate.rs", "POSTGRES_TABLES in migrate.rs", "LOCK in write.rs"];
        forgotten.retain(|name| !single.contains(&name.as_str()));
        assert_eq!(forgotten, Vec::<String>::new());
    }
}
