//! Many rows in one statement, the way each engine likes it best.
//!
//! SQLite: `VALUES` with plain `?` marks. Numbered marks would be named parameters to it, and each is then looked up
//! in a list: quadratic in a statement of thousands. Statements come in a few sizes, so that a handful of
//! prepared ones serve every batch; what is left of the last one stays unbound, which is null, and a row whose first
//! column is null is no row. Every statement is a way to the thread of SQLite and back, dearer than a few dozen such rows.
//! PostgreSQL: one array per column through `UNNEST`.
//!
//! The texts are put together once, from constants only, and kept for the life of the process.

use std::sync::OnceLock;

/// Rows in one SQLite statement: powers of two. 1,024 rows of 20 columns are below its limit of 32,766 marks.
pub(crate) const SQLITE_ROWS: [usize; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
/// Up to this size, a statement with room to spare is better than two that fit.
const SQLITE_ROWS_SPARE: usize = 64;
/// Rows in one PostgreSQL statement.
pub(crate) const POSTGRES_ROWS: usize = 4_096;

/// The parts of a bulk statement, and its texts once they are needed.
pub(crate) struct Texts {
    head: &'static str,
    columns: &'static [(&'static str, &'static str)],
    tail: &'static str,
    sqlite: [OnceLock<&'static str>; SQLITE_ROWS.len()],
    postgres: OnceLock<&'static str>,
}

impl Texts {
    pub(crate) const fn new(
        head: &'static str,
        columns: &'static [(&'static str, &'static str)],
        tail: &'static str,
    ) -> Self {
        Self {
            head,
            columns,
            tail,
            sqlite: [const { OnceLock::new() }; SQLITE_ROWS.len()],
            postgres: OnceLock::new(),
        }
    }

    /// The text for the next statement when `rows` rows are left, and how many of them it takes.
    pub(crate) fn sqlite(&self, rows: usize) -> (&'static str, usize) {
        let index = sqlite_size(rows);
        (self.sqlite_text(index), SQLITE_ROWS[index].min(rows))
    }

    /// The text of a size.
    fn sqlite_text(&self, index: usize) -> &'static str {
        let size = SQLITE_ROWS[index];
        self.sqlite[index].get_or_init(|| {
            let marks = vec!["?"; self.columns.len()].join(", ");
            let rows = vec![format!("({marks})"); size].join(", ");
            let (names, tail) = (self.names(), self.tail);
            format!("{} ({names}) SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL {tail}", self.head)
                .leak()
        })
    }

    pub(crate) fn postgres(&self) -> &'static str {
        self.postgres.get_or_init(|| {
            let arrays = self.columns.iter().enumerate();
            let arrays: Vec<String> =
                arrays.map(|(index, (_, kind))| format!("CAST(${} AS {kind}[])", index + 1)).collect();
            let (names, arrays) = (self.names(), arrays.join(", "));
            format!("{} ({names}) SELECT * FROM UNNEST({arrays}) {}", self.head, self.tail).leak()
        })
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Which size the next statement has when `rows` rows are left.
fn sqlite_size(rows: usize) -> usize {
    let last = SQLITE_ROWS.len() - 1;
    let Some(above) = SQLITE_ROWS.iter().position(|size| *size >= rows) else { return last };
    let (size, below) = (SQLITE_ROWS[above], SQLITE_ROWS[above.saturating_sub(1)]);
    // Three quarters full is full.
    if size <= SQLITE_ROWS_SPARE || rows - below > below / 2 { above } else { above - 1 }
}

/// Declare a bulk statement (`STATIC`) and the function that runs it, answering how many rows it wrote.
///
/// `head (column kind = value, …) tail`, where kind is `int`, `flag`, `real`, `text` or `bytes`, null or not; the first
/// column is never null.
macro_rules! bulk {
    (
        $(#[$meta:meta])*
        $texts:ident, $vis:vis async fn $name:ident($row:ident: $type:ty) = $head:literal
        ($($column:ident $kind:ident = $value:expr,)*) $tail:expr
    ) => {
        pub(crate) static $texts: $crate::bulk::Texts =
            $crate::bulk::Texts::new($head, &[$((stringify!($column), bulk_kind!($kind))),*], $tail);

        $(#[$meta])*
        $vis async fn $name(tx: &mut $crate::db::Tx, rows: &[$type]) -> Result<u64, $crate::error::StoreError> {
            let mut written = 0;
            match &mut tx.0 {
                $crate::db::TxKind::Sqlite(tx) => {
                    let mut rest = rows;
                    while !rest.is_empty() {
                        let (text, taken) = $texts.sqlite(rest.len());
                        let (batch, later) = rest.split_at(taken);
                        let mut query = sqlx::query(text);
                        for $row in batch {
                            $(query = query.bind($value);)*
                        }
                        written += query.execute(&mut **tx).await?.rows_affected();
                        rest = later;
                    }
                }
                $crate::db::TxKind::Postgres(tx) => {
                    for batch in rows.chunks($crate::bulk::POSTGRES_ROWS) {
                        $(let mut $column = Vec::with_capacity(batch.len());)*
                        for $row in batch {
                            $($column.push($value);)*
                        }
                        let query = sqlx::query($texts.postgres())$(.bind($column))*;
                        written += query.execute(&mut **tx).await?.rows_affected();
                    }
                }
            }
            Ok(written)
        }
    };
}

/// Declare a bulk statement like [`bulk!`] whose `tail` returns one text for each row, and the function that answers them.
macro_rules! bulk_returning {
    (
        $(#[$meta:meta])*
        $texts:ident, $vis:vis async fn $name:ident($row:ident: $type:ty) = $head:literal
        ($($column:ident $kind:ident = $value:expr,)*) $tail:expr
    ) => {
        pub(crate) static $texts: $crate::bulk::Texts =
            $crate::bulk::Texts::new($head, &[$((stringify!($column), bulk_kind!($kind))),*], $tail);

        $(#[$meta])*
        $vis async fn $name(
            tx: &mut $crate::db::Tx,
            rows: &[$type],
        ) -> Result<Vec<String>, $crate::error::StoreError> {
            let mut returned = Vec::with_capacity(rows.len());
            match &mut tx.0 {
                $crate::db::TxKind::Sqlite(tx) => {
                    let mut rest = rows;
                    while !rest.is_empty() {
                        let (text, taken) = $texts.sqlite(rest.len());
                        let (batch, later) = rest.split_at(taken);
                        let mut query = sqlx::query_scalar::<_, String>(text);
                        for $row in batch {
                            $(query = query.bind($value);)*
                        }
                        returned.extend(query.fetch_all(&mut **tx).await?);
                        rest = later;
                    }
                }
                $crate::db::TxKind::Postgres(tx) => {
                    for batch in rows.chunks($crate::bulk::POSTGRES_ROWS) {
                        $(let mut $column = Vec::with_capacity(batch.len());)*
                        for $row in batch {
                            $($column.push($value);)*
                        }
                        let query = sqlx::query_scalar::<_, String>($texts.postgres())$(.bind($column))*;
                        returned.extend(query.fetch_all(&mut **tx).await?);
                    }
                }
            }
            Ok(returned)
        }
    };
}

/// PostgreSQL's word for a kind of column.
macro_rules! bulk_kind {
    (int) => {
        "BIGINT"
    };
    (flag) => {
        "BOOLEAN"
    };
    (real) => {
        "DOUBLE PRECISION"
    };
    (text) => {
        "TEXT"
    };
    (bytes) => {
        "BYTEA"
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_take_all_rows_and_few_are_needed() {
        for rows in 1..=3_000 {
            let (mut left, mut statements) = (rows, 0);
            while left > 0 {
                let size = SQLITE_ROWS[sqlite_size(left)];
                assert!(size <= left || size <= SQLITE_ROWS_SPARE || (size - left) * 4 < size, "{left}");
                left -= size.min(left);
                statements += 1;
            }
            assert!(statements <= 2 + rows / 1_024 + 4, "{rows} rows in {statements}");
        }
    }
}
