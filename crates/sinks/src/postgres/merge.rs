//! The commit of a run: what was staged becomes the tables, in one transaction, so that a reader finds the old rows or the new.
//!
//! A table that did not exist is the staging table under its new name, with its key built at once over all rows. In one that did,
//! only rows that differ are touched: those that are gone are deleted, those that changed updated, new ones inserted. Which they
//! are one join of both tables by the key tells; others' writes wait meanwhile, reads do not.

use sha2::{Digest as _, Sha256};
use store::StoreError;
use store::export_runs::ExportMode;
use store::tables::Table;

use crate::postgres::PostgresError;
use crate::postgres::fit::Found;
use crate::postgres::session::Session;
use crate::postgres::staging::Staging;
use crate::postgres::statements;
use crate::sink::Plan;

const MERGING: &str = "merge the tables";
/// What a failed attempt at a table goes back to.
const POINT: &str = "longshore_table";

/// Begin the transaction of the commit, and bring all tables in it. It is left open, for what else belongs to it. Answers how many
/// rows each table that came has of the run, or has more of it where only changes came.
pub(super) async fn run(
    session: &mut Session,
    staging: &Staging,
    plan: &Plan,
    found: &Found,
) -> Result<Vec<(&'static str, i64)>, PostgresError> {
    let comes = |table: &&&'static Table| plan.mode == ExportMode::Full || staging.has_parts(table);
    let tables: Vec<&'static Table> = plan.tables.iter().filter(comes).copied().collect();
    session.run(MERGING, "BEGIN").await?;
    session.run(MERGING, "SET LOCAL default_statistics_target = 10").await?;
    let seed = seed(plan);
    let mut known = Vec::new();
    for table in &tables {
        known.push(look(session, staging, table, found).await?);
    }
    let mut gone = vec![0; tables.len()];
    // Which month a message is of, its conversation says: so conversations go last.
    for ((table, target), gone) in tables.iter().zip(&known).zip(&mut gone).rev() {
        if *target == Target::Filled && plan.mode == ExportMode::Incremental {
            let delete = statements::delete_of_months(staging, table);
            *gone = session.run_long(MERGING, &delete).await?.cast_signed();
        }
    }
    let mut counts = Vec::new();
    for ((table, target), gone) in tables.iter().zip(known).zip(gone) {
        let came = bring(session, staging, table, (target, plan.mode, seed)).await?;
        counts.push((table.name, if plan.mode == ExportMode::Full { came.rows } else { came.new - gone }));
    }
    for table in plan.tables.iter().filter(|table| found.has(table.name)) {
        session.run(MERGING, &format!("DROP TABLE {}", staging.table(table))).await?;
    }
    Ok(counts)
}

/// What stands where a table is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Nothing.
    None,
    /// A table without rows of the organization.
    Empty,
    /// A table with some.
    Filled,
}

/// See what is there, and keep others from writing to it until the end.
async fn look(
    session: &mut Session,
    staging: &Staging,
    table: &'static Table,
    found: &Found,
) -> Result<Target, PostgresError> {
    if !found.has(table.name) {
        return Ok(Target::None);
    }
    session.run("lock the tables", &statements::lock(staging, table)).await?;
    let has_rows: Vec<(bool,)> =
        session.rows(MERGING, &statements::has_rows(staging, table), |query| query).await?;
    if has_rows != [(true,)] {
        return Ok(Target::Empty);
    }
    // The server chooses its joins by what it knows of the keys; a small sample will do.
    session.run_long(MERGING, &statements::analyze(staging, table)).await?;
    Ok(Target::Filled)
}

/// What came of a table.
#[derive(Debug, Clone, Copy)]
struct Came {
    /// All that was staged, each once.
    rows: i64,
    /// Those that were not there before.
    new: i64,
}

/// Bring one table.
async fn bring(
    session: &mut Session,
    staging: &Staging,
    table: &'static Table,
    (target, mode, seed): (Target, ExportMode, i64),
) -> Result<Came, PostgresError> {
    let staged = staging.rows(table);
    session.run(MERGING, &format!("SAVEPOINT {POINT}")).await?;
    if let Attempt::Done(came) = attempt(session, staging, table, (target, (mode, seed), staged)).await? {
        return Ok(came);
    }
    // A conversation was given another month between the reading of the two: its rows came twice, the later ones hold.
    session.run(MERGING, &format!("ROLLBACK TO SAVEPOINT {POINT}")).await?;
    let twice = session.run_long("remove repeated rows", &statements::deduplicate(staging, table)).await?;
    match attempt(session, staging, table, (target, (mode, seed), staged - twice.cast_signed())).await? {
        Attempt::Done(came) => Ok(came),
        Attempt::Repeated => Err(PostgresError::Server {
            doing: MERGING,
            source: StoreError::Conflict { table: table.name.to_owned() },
        }),
    }
}

#[derive(Debug, Clone, Copy)]
enum Attempt {
    Done(Came),
    Repeated,
}

async fn attempt(
    session: &mut Session,
    staging: &Staging,
    table: &'static Table,
    (target, (mode, seed), staged): (Target, (ExportMode, i64), i64),
) -> Result<Attempt, PostgresError> {
    let done = match target {
        Target::None => {
            let become_it = statements::become_the_table(staging, table);
            session.run_long("build the keys", &become_it).await.map(|_| staged)
        }
        Target::Empty => {
            let all = statements::insert_all(staging, table);
            session.run_long(MERGING, &all).await.map(u64::cast_signed)
        }
        Target::Filled => {
            if mode == ExportMode::Incremental
                && session.count(MERGING, &statements::repeated(staging, table)).await? > 0
            {
                return Ok(Attempt::Repeated);
            }
            merge(session, staging, table, (mode, seed)).await
        }
    };
    let new = match done {
        Err(PostgresError::Server { source: StoreError::Conflict { .. }, .. }) => {
            return Ok(Attempt::Repeated);
        }
        other => other?,
    };
    let counted = target == Target::Filled && mode == ExportMode::Full;
    if counted && session.count("count the rows", &statements::count(staging, table)).await? != staged {
        return Ok(Attempt::Repeated);
    }
    Ok(Attempt::Done(Came { rows: staged, new }))
}

/// Change what differs, and add what is new: answers how much that was.
async fn merge(
    session: &mut Session,
    staging: &Staging,
    table: &'static Table,
    by: (ExportMode, i64),
) -> Result<i64, PostgresError> {
    let differing = session.run_long(MERGING, &statements::differing(staging, table, by)).await?;
    let mut new = 0;
    if differing > 0 {
        session.run_long(MERGING, &statements::delete(staging, table)).await?;
        if let Some(update) = statements::update(staging, table) {
            session.run_long(MERGING, &update).await?;
        }
        new = session.run_long(MERGING, &statements::insert_new(staging, table)).await?.cast_signed();
    }
    session.run(MERGING, &format!("DROP TABLE {}", staging.differing(table))).await?;
    Ok(new)
}

/// What rows are digested with: nobody who wrote one of them knew it.
fn seed(plan: &Plan) -> i64 {
    let hash = Sha256::digest(plan.run.0.as_bytes());
    hash.iter().take(8).fold(0, |seed, byte| seed << 8 | i64::from(*byte))
}
