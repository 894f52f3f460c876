//! The four macros that let one statement serve two drivers.
//!
//! `sqlx::Any` knows too few types, and two implementations of a trait would be twice the SQL. So a body is
//! written once, and the compiler checks it against both drivers.

/// Run one body against whichever connection the transaction holds.
macro_rules! on_tx {
    ($tx:expr, $conn:ident => $body:expr) => {
        match &mut $tx.0 {
            $crate::db::TxKind::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::db::TxKind::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}

/// Run one body against the pool that serves reads.
macro_rules! on_db {
    ($db:expr, $pool:ident => $body:expr) => {
        match &$db.pools {
            $crate::db::Pools::Sqlite { read, .. } => {
                let $pool = read;
                $body
            }
            $crate::db::Pools::Postgres($pool) => $body,
        }
    };
}

/// Run one body against the pool that serves a write of one statement, outside any transaction.
macro_rules! on_write {
    ($db:expr, $pool:ident => $body:expr) => {
        match &$db.pools {
            $crate::db::Pools::Sqlite { write, turn, .. } => {
                let mut connection = write.acquire().await?;
                let _turn = turn.acquire().await.map_err(|_| $crate::StoreError::ConnectionLost)?;
                let $pool = &mut *connection;
                $body
            }
            $crate::db::Pools::Postgres($pool) => $body,
        }
    };
}

/// Declare a row type that is read by column name from any driver.
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type),* }

        impl<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &'r sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }

        impl TryFrom<&rusqlite::Row<'_>> for $name {
            type Error = rusqlite::Error;

            fn try_from(row: &rusqlite::Row<'_>) -> Result<Self, rusqlite::Error> {
                Ok(Self { $($field: row.get(stringify!($field))?),* })
            }
        }

        impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }
    };
}
