//! Rows read back from the file, in the order of the table's key.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};
use store::tables::{ColumnKind, Value};

use crate::SinkError;
use crate::digest::{Digested, RowDigest};
use crate::format::Formulas;
use crate::read_back::Told;
use crate::sink::Part;
use crate::sqlite::SqliteError;
use crate::sqlite::file::Open;
use crate::sqlite::months::of_part;

/// Tell `each` the rows of a part of the file; answers the state.
pub(crate) async fn read<S: Send>(
    path: &Path,
    part: &Part,
    mut state: S,
    each: fn(&mut S, &Told<'_>),
) -> Result<S, SinkError> {
    let mut file = Open::read(path).await?;
    rows(&mut file, part, &mut |row| each(&mut state, row)).await?;
    Ok(state)
}

/// What the rows of a part come to.
pub(super) async fn digest(file: &mut Open, part: &Part) -> Result<Digested, SqliteError> {
    let mut digest = RowDigest::new(Formulas::Keep);
    rows(file, part, &mut |row| digest.row(row.iter().copied())).await?;
    Ok(digest.finish())
}

async fn rows(
    file: &mut Open,
    part: &Part,
    each: &mut (dyn FnMut(&Told<'_>) + Send),
) -> Result<(), SqliteError> {
    let table = part.table;
    let names: Vec<String> = table.columns.iter().map(|column| format!("t.\"{}\"", column.name)).collect();
    let order: Vec<String> = table.key.iter().map(|column| format!("t.\"{column}\"")).collect();
    let query = format!(
        "SELECT {} FROM \"{}\" AS t WHERE {} ORDER BY {}",
        names.join(", "),
        table.name,
        of_part(part, false),
        order.join(", ")
    );
    let failed = file.failed("read");
    let read = async {
        let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(&mut file.connection);
        let mut values: Vec<Value> = Vec::with_capacity(table.columns.len());
        while let Some(row) = rows.try_next().await? {
            values.clear();
            for (place, column) in table.columns.iter().enumerate() {
                values.push(value(&row, place, column.kind)?);
            }
            let told: Vec<_> = values.iter().map(Value::as_ref).zip(table.columns).collect();
            each(&told);
        }
        Ok(())
    };
    read.await.map_err(failed)
}

fn value(row: &sqlx::sqlite::SqliteRow, place: usize, kind: ColumnKind) -> Result<Value, sqlx::Error> {
    let value = match kind {
        ColumnKind::Integer | ColumnKind::Instant => {
            row.try_get::<Option<i64>, _>(place)?.map(Value::Integer)
        }
        ColumnKind::Real => row.try_get::<Option<f64>, _>(place)?.map(Value::Real),
        ColumnKind::Flag => row.try_get::<Option<bool>, _>(place)?.map(Value::Flag),
        ColumnKind::Text | ColumnKind::Json => row.try_get::<Option<String>, _>(place)?.map(Value::Text),
        ColumnKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(place)?.map(Value::Bytes),
    };
    Ok(value.unwrap_or(Value::Null))
}
