//! The statements of a commit, as texts: over a staging table `s` and the table itself `t`.
//!
//! Names in them are ours, or went through the one function that quotes.

use store::export_runs::ExportMode;
use store::tables::{ColumnKind, Cut, Month, Table, ddl};

use crate::months::within;
use crate::postgres::session::quote;
use crate::postgres::staging::Staging;
use crate::sink::{Part, Period};

/// That a row of the table is the one that was found to differ: a table that was cut into partitions has each place several times.
const IS_THERE: &str = "t.tableoid = d.part AND t.ctid = d.was";

/// Keep others from writing, but not from reading.
pub(super) fn lock(staging: &Staging, table: &Table) -> String {
    format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", staging.target(table))
}

pub(super) fn has_rows(staging: &Staging, table: &Table) -> String {
    format!("SELECT EXISTS (SELECT 1 FROM {} WHERE org_id = {})", staging.target(table), staging.org())
}

pub(super) fn analyze(staging: &Staging, table: &Table) -> String {
    format!("ANALYZE {} ({})", staging.table(table), key(table))
}

/// The staging table gets its name, its key, and the comments that say what it means. The key is built at once over all rows, and is
/// called after the table.
pub(super) fn become_the_table(staging: &Staging, table: &Table) -> String {
    let target = staging.target(table);
    format!(
        "ALTER TABLE {} RENAME TO {};\nALTER TABLE {target} ADD {};\n{}",
        staging.table(table),
        quote(table.name),
        ddl::key(table),
        ddl::comments(table, &target)
    )
}

/// Rows of the months that came that are gone.
pub(super) fn delete_of_months(staging: &Staging, table: &Table) -> String {
    format!(
        "DELETE FROM {} AS t WHERE t.org_id = {}{} AND NOT EXISTS (SELECT 1 FROM {} AS s WHERE {})",
        staging.target(table),
        staging.org(),
        of_months(staging, table),
        staging.table(table),
        same_key(table)
    )
}

/// Where the rows are that differ, on both sides: those that are gone have no other side, and neither have those that are new. Where
/// only changes came, what is gone is not among them.
///
/// Each side is a place and a digest of the row, and not the row, so that the server joins millions of them in memory. The seed
/// is one that nobody knew who wrote a row; that two rows have one digest and differ is as likely as that the disk errs, and the
/// read-back would find it.
pub(super) fn differing(staging: &Staging, table: &Table, (mode, seed): (ExportMode, i64)) -> String {
    let rest = rest(table).join(", ");
    let digest =
        if rest.is_empty() { "0".to_owned() } else { format!("hash_record_extended(ROW({rest}), {seed})") };
    let keys = key(table);
    let join = match mode {
        ExportMode::Full => "FULL JOIN",
        ExportMode::Incremental => "RIGHT JOIN",
    };
    format!(
        "CREATE UNLOGGED TABLE {} AS SELECT t.part, t.place AS was, s.place AS comes
        FROM (SELECT tableoid AS part, ctid AS place, {digest} AS digest, {keys} FROM {} WHERE org_id = {}) AS t
        {join} (SELECT ctid AS place, {digest} AS digest, {keys} FROM {}) AS s ON {}
        WHERE t.digest IS DISTINCT FROM s.digest",
        staging.differing(table),
        staging.target(table),
        staging.org(),
        staging.table(table),
        same_key(table)
    )
}

/// Rows that are gone.
pub(super) fn delete(staging: &Staging, table: &Table) -> String {
    format!(
        "DELETE FROM {} AS t USING {} AS d WHERE {IS_THERE} AND d.comes IS NULL",
        staging.target(table),
        staging.differing(table)
    )
}

/// Rows that changed; `None` for a table that is all key.
pub(super) fn update(staging: &Staging, table: &Table) -> Option<String> {
    let set: Vec<String> = rest(table).iter().map(|name| format!("{name} = s.{name}")).collect();
    (!set.is_empty()).then(|| {
        format!(
            "UPDATE {} AS t SET {} FROM {} AS d, {} AS s WHERE {IS_THERE} AND s.ctid = d.comes",
            staging.target(table),
            set.join(", "),
            staging.differing(table),
            staging.table(table)
        )
    })
}

pub(super) fn insert_all(staging: &Staging, table: &Table) -> String {
    let columns = table.columns.iter().map(|column| quote(column.name)).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO {} ({columns}) SELECT {columns} FROM {}",
        staging.target(table),
        staging.table(table)
    )
}

/// Rows that are new.
pub(super) fn insert_new(staging: &Staging, table: &Table) -> String {
    format!(
        "{} AS s WHERE s.ctid IN (SELECT d.comes FROM {} AS d WHERE d.was IS NULL)",
        insert_all(staging, table),
        staging.differing(table)
    )
}

pub(super) fn count(staging: &Staging, table: &Table) -> String {
    format!("SELECT count(*) FROM {} WHERE org_id = {}", staging.target(table), staging.org())
}

/// How many keys came more than once.
pub(super) fn repeated(staging: &Staging, table: &Table) -> String {
    format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} GROUP BY {} HAVING count(*) > 1) AS twice",
        staging.table(table),
        key(table)
    )
}

/// Of rows that came more than once the last stays.
pub(super) fn deduplicate(staging: &Staging, table: &Table) -> String {
    format!(
        "DELETE FROM {0} AS s USING (
            SELECT ctid AS place, row_number() OVER (PARTITION BY {1} ORDER BY ctid DESC) AS nth FROM {0}) AS d
        WHERE s.ctid = d.place AND d.nth > 1",
        staging.table(table),
        key(table)
    )
}

fn key(table: &Table) -> String {
    table.primary.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ")
}

/// The columns beside the key.
fn rest(table: &Table) -> Vec<String> {
    let rest = table.columns.iter().filter(|column| !table.primary.contains(&column.name));
    rest.map(|column| quote(column.name)).collect()
}

fn same_key(table: &Table) -> String {
    let same = |column: &&str| format!("s.{0} = t.{0}", quote(column));
    table.primary.iter().map(same).collect::<Vec<_>>().join(" AND ")
}

/// Whether a row of the table is of one of the months that came.
fn of_months(staging: &Staging, table: &Table) -> String {
    let months: Vec<String> = staging
        .periods(table)
        .filter(|_| table.cut != Cut::Whole)
        .map(|period| of_month(table, Month::parse(period), &staging.conversations()))
        .collect();
    if months.is_empty() { String::new() } else { format!(" AND ({})", months.join(" OR ")) }
}

/// Whether a row of the table is of a month, or of none.
fn of_month(table: &Table, month: Option<Month>, conversations: &str) -> String {
    match table.cut {
        Cut::Whole => "TRUE".to_owned(),
        Cut::Own(time) => within(&format!("t.{}", quote(time)), month),
        Cut::Conversation => format!(
            "{} (SELECT 1 FROM {conversations} AS c
            WHERE c.org_id = t.org_id AND c.conversation_id = t.conversation_id AND {})",
            if month.is_some() { "EXISTS" } else { "NOT EXISTS" },
            match month {
                Some(month) => within("c.created_at", Some(month)),
                None => format!("NOT {}", within("c.created_at", None)),
            }
        ),
    }
}

/// The rows of a part, in the order of the table's key, texts by their bytes.
pub(super) fn select(staging: &Staging, part: &Part) -> String {
    let table = part.table;
    let names: Vec<String> = table.columns.iter().map(|column| format!("t.{}", quote(column.name))).collect();
    let order = |name: &&str| {
        let is_text = table.columns.iter().any(|one| one.name == *name && one.kind == ColumnKind::Text);
        format!("t.{}{}", quote(name), if is_text { " COLLATE \"C\"" } else { "" })
    };
    let of = match part.period {
        Period::All => "TRUE".to_owned(),
        Period::Month(month) => of_month(table, Some(month), &staging.conversations()),
        Period::None => of_month(table, None, &staging.conversations()),
    };
    format!(
        "SELECT {} FROM {} AS t WHERE t.org_id = {} AND {of} ORDER BY {}",
        names.join(", "),
        staging.target(table),
        staging.org(),
        table.key.iter().map(order).collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use model::{Millis, OrgId};
    use store::tables;

    use super::*;
    use crate::postgres::staging::Written;

    fn staging(name: &str, periods: &[Period]) -> (Staging, &'static Table) {
        let table = tables::table(name).unwrap();
        let mut staging = Staging::of("la\"ke", OrgId(7));
        for period in periods {
            staging.keep(&Part { table, period: *period }, Written { rows: 1, xid: 1 });
        }
        (staging, table)
    }

    #[test]
    fn a_merge_reads_as_it_should() {
        let (staging, tags) = staging("tags", &[]);
        let texts = [
            lock(&staging, tags),
            has_rows(&staging, tags),
            analyze(&staging, tags),
            differing(&staging, tags, (ExportMode::Full, -7)),
            differing(&staging, tags, (ExportMode::Incremental, -7)),
            delete(&staging, tags),
            update(&staging, tags).unwrap(),
            insert_new(&staging, tags),
            count(&staging, tags),
            repeated(&staging, tags),
            deduplicate(&staging, tags),
        ];
        insta::assert_snapshot!(texts.join(";\n"));
    }

    #[test]
    fn a_table_that_is_all_key_has_nothing_to_update() {
        let (staging, participants) = staging("participants", &[]);
        assert_eq!(update(&staging, participants), None);
    }

    #[test]
    fn of_an_increment_only_the_months_that_came_lose_rows() {
        let month = Period::Month(Month::of(Millis(0)).unwrap());
        let mut texts = Vec::new();
        for (name, periods) in [
            ("contacts", [month, Period::None]),
            ("messages", [month, Period::None]),
            ("users", [Period::All; 2]),
        ] {
            let (staging, table) = staging(name, &periods);
            texts.push(delete_of_months(&staging, table));
        }
        insta::assert_snapshot!(texts.join(";\n"));
    }
}
