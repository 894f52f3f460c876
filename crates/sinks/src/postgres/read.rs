//! Rows read back from the tables, as any reader finds them.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use model::{Clock, OrgId};
use sqlx::{AssertSqlSafe, Row as _};
use store::tables::{ColumnKind, Value};

use crate::SinkError;
use crate::postgres::session::{LONG_MS_MAX, Session, bounded};
use crate::postgres::staging::Staging;
use crate::postgres::{PostgresAddress, statements};
use crate::read_back::Told;
use crate::sink::Part;

/// Tell `each` the rows of a part, in the order of the table's key; answers the state.
pub(crate) async fn read<S: Send>(
    address: &PostgresAddress,
    clock: Arc<dyn Clock>,
    (org, part): (OrgId, &Part),
    mut state: S,
    each: fn(&mut S, &Told<'_>),
) -> Result<S, SinkError> {
    let mut session = Session::open(address, clock).await?;
    let query = statements::select(&Staging::of(address.schema(), org), part);
    let table = part.table;
    {
        let (connection, clock) = session.parts();
        let mut rows = sqlx::query(AssertSqlSafe(query)).persistent(false).fetch(connection);
        let mut values: Vec<Value> = Vec::with_capacity(table.columns.len());
        while let Some(row) = bounded(clock, "read the tables", LONG_MS_MAX, rows.try_next()).await? {
            values.clear();
            for (place, column) in table.columns.iter().enumerate() {
                values.push(value(&row, place, column.kind).map_err(store::StoreError::from)?);
            }
            let told: Vec<_> = values.iter().map(Value::as_ref).zip(table.columns).collect();
            each(&mut state, &told);
        }
    }
    session.close().await;
    Ok(state)
}

fn value(row: &sqlx::postgres::PgRow, place: usize, kind: ColumnKind) -> Result<Value, sqlx::Error> {
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
