//! Reading a public table: in pages by its key, whole or a month at a time.
//!
//! A page is read after the last key of the page before, so that it costs the same wherever it lies. Pages are
//! read one after another, not in one snapshot.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use model::{Millis, OrgId};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, SqlStr};

use crate::db::bulk::Pick;
use crate::db::{Db, Pools};
use crate::error::StoreError;
use crate::tables::{Batch, ColumnKind, Cut, Filter, Month, Row, Table, Value, Values};

/// What stands in the statements for an instant of no month.
const NO_MONTH: Millis = Millis(-9_000_000_000_000_000_000);

/// The rows of a table that belong to one month.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    /// The month; `None` for rows that have none.
    pub month: Option<Month>,
    /// The smallest and the largest key that such rows have, by the first column of the order; `None` for texts.
    keys: Option<(i64, i64)>,
}

/// Append what a row of PostgreSQL holds to the columns.
fn append(row: &PgRow, columns: &mut [Values]) -> Result<(), StoreError> {
    for (index, column) in columns.iter_mut().enumerate() {
        match column {
            Values::Integers(values) => values.push(row.try_get_unchecked(index)?),
            Values::Reals(values) => values.push(row.try_get_unchecked(index)?),
            Values::Flags(values) => values.push(row.try_get_unchecked(index)?),
            Values::Texts(texts) => texts.push(row.try_get_unchecked(index)?),
            Values::Bytes(values) => values.push(row.try_get_unchecked(index)?),
        }
    }
    Ok(())
}

/// A key that is none.
const KEY: StoreError = StoreError::Stored { what: "key to go on after" };

/// Rows to be read.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Of which table.
    pub table: &'static Table,
    /// Of which organization.
    pub org: OrgId,
    /// Of one partition, or of all.
    pub partition: Option<&'a Partition>,
    /// Of chosen conversations, or of all.
    pub filter: Option<&'a Filter>,
    /// The conversations of the partition, where [`among`] tells them.
    pub among: Option<&'a Among>,
}

/// The conversations of a month: SQLite looks no row's conversation up when they are at hand, and that is a good part
/// of what reading costs it.
#[derive(Debug, Clone)]
pub struct Among(Arc<[i64]>);

/// The conversations of a partition, 8 bytes each; `None` where rows are not found by them. A conversation that comes
/// afterwards is not among them, and its rows are read with what changes next.
///
/// # Errors
/// The database's error.
pub async fn among(
    db: &Db,
    table: &'static Table,
    org: OrgId,
    partition: &Partition,
) -> Result<Option<Among>, StoreError> {
    let (Some(month), Some(_), Cut::Conversation) = (partition.month, partition.keys, table.cut) else {
        return Ok(None);
    };
    let Pools::Sqlite { read, .. } = &db.pools else { return Ok(None) };
    let (from, to) = month.bounds();
    let mut ids: Vec<i64> =
        sqlx::query_scalar(OF_MONTH).bind(org.0).bind(from.0).bind(to.0).fetch_all(read).await?;
    ids.sort_unstable();
    Ok(Some(Among(ids.into())))
}

const OF_MONTH: &str =
    "SELECT conversation_id FROM conversations WHERE org_id = $1 AND created_at BETWEEN $2 AND $3";

/// One page of a table in the order of its key, after the key of `after` (as [`Batch::last_key`] gives it; `None`
/// begins). At most `limit` rows; fewer say that there are no more.
///
/// # Errors
/// The database's error.
pub async fn read_page(
    db: &Db,
    rows: Rows<'_>,
    after: Option<&Row>,
    limit: u32,
) -> Result<Batch, StoreError> {
    let Rows { table, org, partition, filter, among } = rows;
    let pick = among.zip(partition.and_then(|partition| partition.keys));
    let (text, mut bound) = match pick {
        Some((_, (least, _))) => unlimited(table, org, least, after)?,
        None => statement(table, org, partition, after, limit)?,
    };
    let text = match filter {
        Some(filter) => {
            let (text, chosen) = filter.narrow(text, table, db.engine(), bound.len());
            bound.extend(chosen.into_iter().map(Value::Text));
            Cow::Owned(text)
        }
        None => Cow::Borrowed(text),
    };
    let mut batch = Batch::with_capacity(table, limit as usize);
    match &db.pools {
        Pools::Sqlite { bulk, .. } => {
            let bulk = Arc::clone(bulk);
            let pick = pick.map(|(among, (_, most))| Pick {
                rows: limit as usize,
                most,
                column: table.place("conversation_id").unwrap_or(1),
                among: Arc::clone(&among.0),
            });
            let read = move || bulk.append(&text, &bound, pick.as_ref(), &mut batch).map(|()| batch);
            tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::ConnectionLost)?
        }
        Pools::Postgres(pool) => {
            let query = bound.iter().try_fold(sqlx::query(sql(text)), |query, value| match value {
                Value::Text(text) => Ok(query.bind(text.as_str())),
                Value::Integer(number) => Ok(query.bind(*number)),
                _ => Err(KEY),
            })?;
            let mut found = query.fetch(pool);
            while let Some(row) = found.try_next().await? {
                append(&row, batch.grow(1))?;
            }
            Ok(batch)
        }
    }
}

/// A statement of the list, or one that was put together of it here.
fn sql(text: Cow<'static, str>) -> SqlStr {
    match text {
        Cow::Borrowed(text) => text.into_sql_str(),
        Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
    }
}

/// The statement that reads a page, and what is bound to it.
fn statement(
    table: &'static Table,
    org: OrgId,
    partition: Option<&Partition>,
    after: Option<&Row>,
    limit: u32,
) -> Result<(&'static str, Vec<Value>), StoreError> {
    let key = match after {
        Some(after) => Some(after.get(1..=table.key.len()).ok_or(KEY)?),
        None => None,
    };
    let mut bound = vec![Value::Integer(org.0)];
    let rows = Value::Integer(i64::from(limit));
    let Some(partition) = partition else {
        bound.extend_from_slice(key.unwrap_or_default());
        bound.push(rows);
        return Ok((if key.is_some() { table.next } else { table.first }, bound));
    };
    bound.extend(match (partition.keys, key) {
        (Some((least, most)), None) => [Value::Integer(least), Value::Integer(most)],
        (Some((_, most)), Some(key)) => [key[0].clone(), Value::Integer(most)],
        (None, None) => [Value::Text(String::new()), Value::Text(String::new())],
        (None, Some(key)) => [key[0].clone(), key[0].clone()],
    });
    let (from, to) = partition.month.map_or((NO_MONTH, NO_MONTH), Month::bounds);
    bound.extend([Value::Integer(from.0), Value::Integer(to.0), rows]);
    bound.extend_from_slice(key.unwrap_or_default());
    Ok((if key.is_some() { table.month_next } else { table.month_first }, bound))
}

/// The statement that reads all rows after a key, or from the smallest key on, and what is bound to it.
fn unlimited(
    table: &'static Table,
    org: OrgId,
    least: i64,
    after: Option<&Row>,
) -> Result<(&'static str, Vec<Value>), StoreError> {
    let begins = || {
        // Whatever stands behind a key that is too small.
        let rest = table.columns[2..=table.key.len()].iter().map(|column| match column.kind {
            ColumnKind::Text => Value::Text(String::new()),
            _ => Value::Integer(i64::MAX),
        });
        std::iter::once(Value::Integer(least.saturating_sub(1))).chain(rest).collect()
    };
    let key = match after {
        Some(after) => after.get(1..=table.key.len()).ok_or(KEY)?.to_vec(),
        None => begins(),
    };
    let bound = [vec![Value::Integer(org.0)], key, vec![Value::Integer(i64::MAX)]].concat();
    Ok((table.next, bound))
}

/// One page of all rows. See [`read_page`].
///
/// # Errors
/// The database's error.
pub async fn read(
    db: &Db,
    table: &'static Table,
    org: OrgId,
    after: Option<&Row>,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let batch =
        read_page(db, Rows { table, org, partition: None, filter: None, among: None }, after, limit).await?;
    Ok((0..batch.rows()).map(|row| batch.row(row)).collect())
}

/// The months that a table has rows of, in their order, the rows without a month first. Some may turn out to be empty:
/// what belongs to conversations is taken to be in each month that has one. A table that is not cut
/// has no partitions.
///
/// # Errors
/// The database's error.
pub async fn partitions(db: &Db, table: &'static Table, org: OrgId) -> Result<Vec<Partition>, StoreError> {
    if table.cut == Cut::Whole {
        return Ok(Vec::new());
    }
    let is_text = table.columns[1].kind == ColumnKind::Text;
    let mut partitions: Vec<Partition> = Vec::new();
    on_db!(db, pool => {
        let mut days = sqlx::query(table.days).bind(org.0).fetch(pool);
        while let Some(day) = days.try_next().await? {
            let month = Month::of_day(day.try_get(0)?);
            let keys = if is_text { None } else { Some((day.try_get(1)?, day.try_get(2)?)) };
            match partitions.last_mut() {
                Some(last) if last.month == month => {
                    last.keys = last.keys.zip(keys).map(|(a, b): (_, (i64, i64))| (a.0.min(b.0), a.1.max(b.1)));
                }
                _ => partitions.push(Partition { month, keys }),
            }
        }
    });
    Ok(partitions)
}

/// The same for some months only, each found by its own time and not by reading the table. Rows that have no month
/// have no such way: `None` among the months costs what [`partitions`] does.
///
/// # Errors
/// The database's error.
pub async fn partitions_of(
    db: &Db,
    table: &'static Table,
    org: OrgId,
    months: &BTreeSet<Option<Month>>,
) -> Result<Vec<Partition>, StoreError> {
    if table.cut == Cut::Whole || months.is_empty() {
        return Ok(Vec::new());
    }
    if table.columns[1].kind == ColumnKind::Text {
        return Ok(months.iter().map(|month| Partition { month: *month, keys: None }).collect());
    }
    let mut found = Vec::new();
    if months.contains(&None) {
        let all = partitions(db, table, org).await?;
        found.extend(all.into_iter().filter(|partition| partition.month.is_none()));
    }
    for month in months.iter().flatten() {
        let (from, to) = month.bounds();
        let keys: (Option<i64>, Option<i64>) = on_db!(db, pool => sqlx::query_as(table.span)
            .bind(org.0)
            .bind(from.0)
            .bind(to.0)
            .fetch_one(pool)
            .await)?;
        if let (Some(least), Some(most)) = keys {
            found.push(Partition { month: Some(*month), keys: Some((least, most)) });
        }
    }
    Ok(found)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("tables::read::OF_MONTH", OF_MONTH)];
