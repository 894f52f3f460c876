//! Where a run's rows wait for its commit: tables beside the user's, in the same schema, under names of ours.
//!
//! A part is copied in a transaction of its own, which also notes the part, so that a part is there whole or not at all. Its
//! rows are known by that transaction (`xmin`): no column of ours stands among the table's. A table that does not exist yet is
//! staged as what it will be; one that does is staged without a key and without a write-ahead log, which costs half and is
//! lost, with the notes, only when the server itself crashes.

use std::collections::BTreeMap;

use model::{OrgId, RunId};
use store::Engine;
use store::tables::{Table, ddl};

use crate::SinkError;
use crate::postgres::book::{self, BOOK};
use crate::postgres::fit::Found;
use crate::postgres::session::{Session, qualified, quote};
use crate::sink::{Part, PartFile, Plan};

/// What the names of all such tables begin with.
const PREFIX: &str = "longshore_staging_";
const MAKING: &str = "make the staging tables";
/// How many transactions PostgreSQL can tell apart in a row.
const XIDS: i64 = 1 << 32;

/// The staging tables of one organization.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    schema: String,
    org: OrgId,
    /// The parts that are whole, by table and period.
    parts: BTreeMap<(String, String), Written>,
}

/// A part that was written: how many rows, by which transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) rows: i64,
    pub(super) xid: i64,
}

impl Staging {
    /// Those of an organization, whether there are any or not.
    pub(super) fn of(schema: &str, org: OrgId) -> Self {
        Self { schema: schema.to_owned(), org, parts: BTreeMap::new() }
    }

    /// Make the schema and everything in it that is ours. What a run that ended in the middle left is removed, but for the
    /// parts that the plan has recorded.
    pub(super) async fn prepare(
        session: &mut Session,
        schema: &str,
        plan: &Plan,
        found: &Found,
    ) -> Result<Self, SinkError> {
        let staging = Self::of(schema, plan.org);
        if plan.recorded.is_empty() {
            session.run(MAKING, &staging.make(plan, found)).await?;
            return Ok(staging);
        }
        staging.take_up(session, plan, found).await
    }

    /// What makes everything anew.
    fn make(&self, plan: &Plan, found: &Found) -> String {
        let mut statements = String::from("BEGIN;\n");
        if !found.schema {
            statements += &format!("CREATE SCHEMA IF NOT EXISTS {};\n", quote(&self.schema));
        }
        if !found.has(BOOK) {
            statements += &book::create(&self.schema);
        }
        statements += &self.drop_all(found.relations.iter().map(String::as_str));
        statements += &format!(
            "CREATE UNLOGGED TABLE {} (export_run_id TEXT NOT NULL, table_name TEXT NOT NULL, period TEXT NOT NULL,
                rows BIGINT NOT NULL, xid BIGINT NOT NULL, PRIMARY KEY (table_name, period));\n",
            self.notes()
        );
        for table in &plan.tables {
            let log = if found.has(table.name) { "UNLOGGED " } else { "" };
            let columns = ddl::columns(table, Engine::Postgres);
            statements += &format!("CREATE {log}TABLE {} (\n{columns}\n);\n", self.table(table));
        }
        statements + "COMMIT;"
    }

    /// What removes all of these tables, of those that there are.
    pub(super) fn drop_all<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let own = self.own();
        let ours = |name: &&str| *name == own || name.starts_with(&format!("{own}_"));
        names.filter(ours).map(|name| format!("DROP TABLE {};\n", qualified(&self.schema, name))).collect()
    }

    /// Go on with what an earlier process left of the run: exactly the recorded parts stay.
    async fn take_up(mut self, session: &mut Session, plan: &Plan, found: &Found) -> Result<Self, SinkError> {
        let lost = |part: &PartFile| SinkError::PartLost { file: part.file.clone() };
        let first = &plan.recorded[0];
        if !found.has(&self.own()) || plan.tables.iter().any(|table| !found.has(&self.name(table))) {
            return Err(lost(first));
        }
        let query = format!("SELECT table_name, period, rows, xid, export_run_id FROM {}", self.notes());
        let noted: Vec<(String, String, i64, i64, String)> =
            session.rows("look at what was staged", &query, |query| query).await?;
        if noted.iter().any(|(.., run)| *run != plan.run.0) {
            return Err(lost(first));
        }
        let mut noted: BTreeMap<(String, String), Written> = noted
            .into_iter()
            .map(|(table, period, rows, xid, _)| ((table, period), Written { rows, xid }))
            .collect();
        for part in &plan.recorded {
            let key = (part.table.clone(), period(part).to_owned());
            let written = noted.remove(&key).filter(|written| written.rows == part.rows.cast_signed());
            self.parts.insert(key, written.ok_or_else(|| lost(part))?);
        }
        let stray = plan.tables.iter().flat_map(|table| {
            noted
                .iter()
                .filter(|((name, _), _)| name == table.name)
                .map(|(key, written)| (*table, key, written))
        });
        let removed: String = stray.map(|(table, key, written)| self.remove(table, key, *written)).collect();
        session.run_long("remove what was not recorded", &format!("BEGIN;\n{removed}COMMIT;")).await?;
        Ok(self)
    }

    /// The organization, as it stands in a statement.
    pub(super) fn org(&self) -> i64 {
        self.org.0
    }

    /// The name of the table that notes which parts are whole; what the others' names begin with.
    fn own(&self) -> String {
        format!("{PREFIX}{}", self.org)
    }

    /// The name of the table that rows of this one wait in.
    pub(super) fn name(&self, table: &Table) -> String {
        format!("{}_{}", self.own(), table.name)
    }

    /// The table that rows of this one wait in, as it stands in a statement.
    pub(super) fn table(&self, table: &Table) -> String {
        qualified(&self.schema, &self.name(table))
    }

    /// The table that tells which rows of this one differ, while a commit is under way.
    pub(super) fn differing(&self, table: &Table) -> String {
        qualified(&self.schema, &format!("{}_differing", self.name(table)))
    }

    /// The table that notes which parts are whole.
    pub(super) fn notes(&self) -> String {
        qualified(&self.schema, &self.own())
    }

    /// The table itself, as it stands in a statement.
    pub(super) fn target(&self, table: &Table) -> String {
        qualified(&self.schema, table.name)
    }

    /// The table of conversations, as it stands in a statement.
    pub(super) fn conversations(&self) -> String {
        qualified(&self.schema, "conversations")
    }

    /// What removes an earlier attempt at a part, where there was one.
    pub(super) fn forget(&mut self, part: &Part) -> Option<String> {
        let key = key(part);
        let written = self.parts.remove(&key)?;
        Some(self.remove(part.table, &key, written))
    }

    fn remove(&self, table: &Table, (name, period): &(String, String), written: Written) -> String {
        format!(
            "DELETE FROM {} WHERE xmin::text::bigint = {};\nDELETE FROM {} WHERE table_name = '{name}' AND period = '{period}';\n",
            self.table(table),
            written.xid.rem_euclid(XIDS),
            self.notes()
        )
    }

    /// What notes that a part is whole, in the transaction that wrote it.
    pub(super) fn note(&self, run: &RunId, part: &Part, written: Written) -> String {
        let (table, period) = key(part);
        let (run, Written { rows, xid }) = (run.0.replace('\'', "''"), written);
        format!("INSERT INTO {} VALUES ('{run}', '{table}', '{period}', {rows}, {xid});\n", self.notes())
    }

    /// Know a part that was noted.
    pub(super) fn keep(&mut self, part: &Part, written: Written) {
        self.parts.insert(key(part), written);
    }

    /// Rows that wait for a table.
    pub(super) fn rows(&self, table: &Table) -> i64 {
        let own = self.parts.iter().filter(|((name, _), _)| name == table.name);
        own.map(|(_, written)| written.rows).sum()
    }

    /// Whether any part of a table waits.
    pub(super) fn has_parts(&self, table: &Table) -> bool {
        self.periods(table).next().is_some()
    }

    /// The months of a table that wait, as [`Period`](crate::sink::Period) prints them.
    pub(super) fn periods(&self, table: &Table) -> impl Iterator<Item = &str> {
        self.parts.keys().filter(|(name, _)| name == table.name).map(|(_, period)| period.as_str())
    }
}

fn key(part: &Part) -> (String, String) {
    (part.table.name.to_owned(), part.period.to_string())
}

fn period(part: &PartFile) -> &str {
    part.period.as_deref().unwrap_or("all")
}
