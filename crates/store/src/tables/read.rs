//! Reading a public table: in pages by its key, whole or a month at a time.
//!
//! A page is read after the last key of the page before, so that it costs the same wherever it lies. Pages are
//! read one after another, not in one snapshot.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use model::{Millis, OrgId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::db::{Db, Pools};
use crate::error::StoreError;
use crate::tables::{Batch, ColumnKind, Cut, Month, Row, Table, Value, Values};

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

/// One page of a table in the order of its key, after the key of `after` (as [`Batch::last_key`] gives it; `None`
/// begins); of one partition, or of all. At most `limit` rows; fewer say that there are no more.
///
/// # Errors
/// The database's error.
pub async fn read_page(
    db: &Db,
    table: &'static Table,
    org: OrgId,
    partition: Option<&Partition>,
    after: Option<&Row>,
    limit: u32,
) -> Result<Batch, StoreError> {
    let (text, bound) = statement(table, org, partition, after, limit)?;
    let mut batch = Batch::with_capacity(table, limit as usize);
    match &db.pools {
        Pools::Sqlite { bulk, .. } => {
            let bulk = Arc::clone(bulk);
            let read = move || bulk.append(text, &bound, &mut batch).map(|()| batch);
            tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::ConnectionLost)?
        }
        Pools::Postgres(pool) => {
            let query = bound.iter().try_fold(sqlx::query(text), |query, value| match value {
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

/// One page of rows, of any partition. See [`read_page`].
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
    let batch = read_page(db, table, org, None, after, limit).await?;
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
