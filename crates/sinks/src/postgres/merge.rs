//! The commit of a run: what was staged becomes the tables, in one transaction, so that a reader finds the old rows or the new.
//!
//! A table that did not exist is the staging table under its new name, with its key built at once over all rows. In one that did,
//! only rows that differ are touched: those that are gone are deleted, those that changed updated, new ones inserted. Each is a
//! join of both tables by the key, which the server does by hashing; others' writes wait meanwhile, reads do not.

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

/// Begin the transaction of the commit, and bring all tables in it. It is left open, for what else belongs to it.
pub(super) async fn run(
    session: &mut Session,
    staging: &Staging,
    plan: &Plan,
    found: &Found,
) -> Result<(), PostgresError> {
    let comes = |table: &&&'static Table| plan.mode == ExportMode::Full || staging.has_parts(table);
    let tables: Vec<&'static Table> = plan.tables.iter().filter(comes).copied().collect();
    session.run(MERGING, "BEGIN").await?;
    let mut known = Vec::new();
    for table in &tables {
        known.push(look(session, staging, table, found).await?);
    }
    // Which month a message is of, its conversation says: so conversations go last.
    for (table, target) in tables.iter().zip(&known).rev() {
        if *target == Target::Filled {
            let gone = statements::delete(staging, table, plan.mode);
            session.run_long(MERGING, &gone).await?;
        }
    }
    for (table, target) in tables.iter().zip(known) {
        bring(session, staging, table, (target, plan.mode)).await?;
    }
    for table in plan.tables.iter().filter(|table| found.has(table.name)) {
        session.run(MERGING, &format!("DROP TABLE {}", staging.table(table))).await?;
    }
    Ok(())
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
    // The server chooses its joins by what it knows of the keys.
    session.run_long(MERGING, &statements::analyze(staging, table)).await?;
    Ok(Target::Filled)
}

/// Bring one table.
async fn bring(
    session: &mut Session,
    staging: &Staging,
    table: &'static Table,
    (target, mode): (Target, ExportMode),
) -> Result<(), PostgresError> {
    let staged = staging.rows(table);
    session.run(MERGING, &format!("SAVEPOINT {POINT}")).await?;
    if attempt(session, staging, table, (target, mode, staged)).await? == Attempt::Done {
        return Ok(());
    }
    // A conversation was given another month between the reading of the two: its rows came twice, the later ones hold.
    session.run(MERGING, &format!("ROLLBACK TO SAVEPOINT {POINT}")).await?;
    let twice = session.run_long("remove repeated rows", &statements::deduplicate(staging, table)).await?;
    match attempt(session, staging, table, (target, mode, staged - twice.cast_signed())).await? {
        Attempt::Done => Ok(()),
        Attempt::Repeated => Err(PostgresError::Server {
            doing: MERGING,
            source: StoreError::Conflict { table: table.name.to_owned() },
        }),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Done,
    Repeated,
}

async fn attempt(
    session: &mut Session,
    staging: &Staging,
    table: &'static Table,
    (target, mode, staged): (Target, ExportMode, i64),
) -> Result<Attempt, PostgresError> {
    let done = match target {
        Target::None => {
            session.run_long("build the keys", &statements::become_the_table(staging, table)).await.map(drop)
        }
        Target::Empty => session.run_long(MERGING, &statements::insert_all(staging, table)).await.map(drop),
        Target::Filled => {
            if mode == ExportMode::Incremental
                && session.count(MERGING, &statements::repeated(staging, table)).await? > 0
            {
                return Ok(Attempt::Repeated);
            }
            merge(session, staging, table).await
        }
    };
    match done {
        Err(PostgresError::Server { source: StoreError::Conflict { .. }, .. }) => {
            return Ok(Attempt::Repeated);
        }
        other => other?,
    }
    let counted = target == Target::Filled && mode == ExportMode::Full;
    if counted && session.count("count the rows", &statements::count(staging, table)).await? != staged {
        return Ok(Attempt::Repeated);
    }
    Ok(Attempt::Done)
}

async fn merge(session: &mut Session, staging: &Staging, table: &'static Table) -> Result<(), PostgresError> {
    if let Some(update) = statements::update(staging, table) {
        session.run_long(MERGING, &update).await?;
    }
    session.run_long(MERGING, &statements::insert_new(staging, table)).await.map(drop)
}
