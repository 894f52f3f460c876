//! Every statement of this crate in one list: a test prepares each on both engines.
#![cfg(test)]

use crate::url::Engine;
use crate::{
    changes, checkpoints, connections, directory, export_runs, failures, listings, migrate, mirror, runs, tables, vault, watermarks,
};

/// The statements as an engine gets them, with where each stands.
pub(crate) fn all(engine: Engine) -> Vec<(String, &'static str)> {
    let single = [
        changes::STATEMENTS,
        checkpoints::STATEMENTS,
        connections::STATEMENTS,
        directory::contacts::STATEMENTS,
        export_runs::STATEMENTS,
        failures::STATEMENTS,
        listings::STATEMENTS,
        migrate::STATEMENTS,
        mirror::counts::STATEMENTS,
        mirror::files::STATEMENTS,
        mirror::pending::STATEMENTS,
        mirror::read::STATEMENTS,
        mirror::write::STATEMENTS,
        runs::STATEMENTS,
        vault::STATEMENTS,
        watermarks::STATEMENTS,
    ];
    let pairs = [
        directory::contacts::PAIRS,
        directory::lists::PAIRS,
        mirror::gone::PAIRS,
        mirror::read::PAIRS,
        mirror::state::PAIRS,
        mirror::write::PAIRS,
    ];
    let bulk = [directory::contacts::BULK, directory::lists::BULK, mirror::write::BULK, changes::BULK];
    let mut all: Vec<(String, &'static str)> = Vec::new();
    all.extend(single.concat().into_iter().map(|(name, text)| (name.to_owned(), text)));
    all.extend(tables::statements().map(|(name, text)| (format!("tables::{name}"), text)));
    all.extend(pairs.concat().into_iter().map(|(name, pair)| (name.to_owned(), pair.on(engine))));
    for (name, texts) in bulk.concat() {
        match engine {
            Engine::Sqlite => {
                all.extend(crate::bulk::SQLITE_ROWS.map(|rows| (format!("{name} {rows}"), texts.sqlite(rows).0)));
            }
            Engine::Postgres => all.push((name.to_owned(), texts.postgres())),
        }
    }
    all
}
