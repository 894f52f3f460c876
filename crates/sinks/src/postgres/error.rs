//! What can go wrong at a PostgreSQL database of the user's, and what a person can do about it.
//!
//! The server's own messages may quote rows, so what is taken over of them is their kind and code alone; see
//! [`StoreError`], which sorts them.

use store::StoreError;

/// Why tables could not be brought to a PostgreSQL database.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The address is none. It is not repeated, for it may hold a password.
    #[error("the address of the PostgreSQL database is not valid: {reason}")]
    Address {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server failed, or could not be reached.
    #[error("could not {doing} at the PostgreSQL database")]
    Server {
        /// A verb with its object.
        doing: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The server did not answer in time.
    #[error("could not {doing} at the PostgreSQL database: no answer within {ms} ms")]
    Late {
        /// A verb with its object.
        doing: &'static str,
        /// How long was waited, in milliseconds.
        ms: u64,
    },
    /// The server is older than what is written for it.
    #[error("the PostgreSQL server has version {found}, the oldest that is supported is {oldest}")]
    TooOld {
        /// Its version.
        found: i32,
        /// The oldest that serves.
        oldest: i32,
    },
    /// The server takes no writes: a standby, or a database that is set so.
    #[error("the PostgreSQL database is read-only")]
    ReadOnly,
    /// The user lacks a right.
    #[error("the PostgreSQL user may not {right}")]
    Denied {
        /// What it may not do.
        right: String,
    },
    /// Another export has the schema.
    #[error("another export is writing to schema {schema:?}")]
    Busy {
        /// The schema.
        schema: String,
    },
    /// A table of the name holds rows that no export of ours wrote.
    #[error("table {schema}.{table} holds rows that no export wrote")]
    Foreign {
        /// The schema.
        schema: String,
        /// The table.
        table: String,
    },
    /// The schema was written by a later version.
    #[error("schema {schema:?} holds tables of version {found}, this program knows {known}")]
    Newer {
        /// The schema.
        schema: String,
        /// The version found.
        found: i32,
        /// The newest known here.
        known: u32,
    },
    /// What has the table's name is no table.
    #[error("{schema}.{table} is not a table")]
    NotATable {
        /// The schema.
        schema: String,
        /// The table.
        table: String,
    },
    /// The user's table lacks a column.
    #[error("table {table} has no column {column:?} (it should be {expected})")]
    ColumnMissing {
        /// The table, with its schema.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        expected: &'static str,
    },
    /// A column of the user's table has another type.
    #[error("column {column:?} of table {table} is {found} and should be {expected}")]
    ColumnType {
        /// The table, with its schema.
        table: String,
        /// The column.
        column: String,
        /// The type it has.
        found: String,
        /// The type it should have.
        expected: &'static str,
    },
    /// A column of the user's table refuses nulls where rows may have none.
    #[error("column {column:?} of table {table} is NOT NULL, and some rows have no value for it")]
    ColumnNotNull {
        /// The table, with its schema.
        table: String,
        /// The column.
        column: String,
    },
    /// A column of the user's own must have a value, and an export has none for it.
    #[error(
        "column {column:?} of table {table} is not one of the export's, and is NOT NULL without a default"
    )]
    ColumnRequired {
        /// The table, with its schema.
        table: String,
        /// The column.
        column: String,
    },
    /// Only what changed was to come, and there is nothing it changed from.
    #[error("schema {schema:?} holds no whole export of the organization that changes could be added to")]
    NothingToAddTo {
        /// The schema.
        schema: String,
    },
}

impl PostgresError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Address { .. } => "use postgres://user@host:5432/database, and --schema for where in it",
            Self::Server { source: StoreError::Locked, .. } => {
                "another session holds locks on the tables: end it, or run the export again later"
            }
            Self::Server { source, .. } => return source.hint(),
            Self::Late { .. } => "check the server's load and the network, then run the export again",
            Self::TooOld { .. } => "use a newer server, or export files and load those",
            Self::ReadOnly => "name the primary server, or a database that may be written to",
            Self::Denied { .. } => "grant it to the user, or use another user or schema",
            Self::Busy { .. } => "wait for the other export to end, or choose another schema",
            Self::Foreign { .. } => {
                "choose another schema: an export only ever replaces what exports have written"
            }
            Self::Newer { .. } => "install the newer version of this program, or choose another schema",
            Self::NotATable { .. } => "choose another schema, or give the view another name",
            Self::ColumnMissing { .. } => {
                "add the column (\"longshore schema\" prints the tables), or drop the table: the export makes it anew"
            }
            Self::ColumnType { .. } | Self::ColumnNotNull { .. } => {
                "change the column back, or drop the table: the export makes it anew"
            }
            Self::ColumnRequired { .. } => "let the column be null or give it a default",
            Self::NothingToAddTo { .. } => "export in full once",
        })
    }

    /// Sort what the driver says.
    pub(super) fn server(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| Self::Server { doing, source: error.into() }
    }
}
