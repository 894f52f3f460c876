//! What can go wrong with a store, told so that a person can act on it.
//!
//! A database's own message may quote the values of a row (PostgreSQL does so for constraints), and rows hold
//! personal data. So only codes and the names of constraints are taken over, never messages or details.

use std::path::PathBuf;

use crate::vault::VaultError;

/// A failed operation on the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL is of no known form.
    #[error("the database URL is not valid: {reason}")]
    Url {
        /// What is wrong with it; never the URL itself, which may hold a password.
        reason: &'static str,
    },
    /// There is no database file, and none was to be created.
    #[error("there is no database at {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file or its folder cannot be opened at all.
    #[error("the database file {path} cannot be opened")]
    CannotOpen {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder does not let itself be written.
    #[error("the database is read-only")]
    ReadOnly,
    /// Another process kept the write lock for longer than the busy timeout.
    #[error("the database is locked by another process")]
    Locked,
    /// All connections of this process were in use for too long.
    #[error("no connection to the database became free in time")]
    Busy,
    /// There was no answer for as long as one was waited for. What was asked for may have been done.
    #[error("the database did not answer in time")]
    TimedOut,
    /// No room left on the device, or a quota was reached. What was not committed is undone.
    #[error("the database's disk is full")]
    DiskFull,
    /// The disk did not take what was to be kept, and tells so only once: nothing that is written after it is believed.
    #[error("the disk has refused what was to be kept")]
    DiskRefused,
    /// The file is something else than a database.
    #[error("the file is not a database")]
    NotADatabase,
    /// It is a database, but some other program's.
    #[error("the database belongs to another program")]
    ForeignDatabase,
    /// The database's file is damaged.
    #[error("the database file is damaged")]
    Corrupt,
    /// The database was migrated by a newer version of this program.
    #[error("the database has schema version {found}, this program knows {known}")]
    NewerDatabase {
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// A migration that was already run is not the one this program knows under that number.
    #[error("migration {version} in the database differs from this program's")]
    MigrationChanged {
        /// The migration's number.
        version: i64,
    },
    /// A migration could not be run; it was undone.
    #[error("migration {version} failed{}", code_suffix(.code))]
    MigrationFailed {
        /// The migration's number; 0 when it failed before the first.
        version: i64,
        /// The database's error code, when it gave one.
        code: Option<String>,
    },
    /// No server answers at the address.
    #[error("the database server cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// The server refused the user or the password.
    #[error("the database server refused the user name or the password")]
    AccessDenied,
    /// The server has no database of that name.
    #[error("the server has no such database")]
    NoSuchDatabase,
    /// TLS to the server could not be established.
    #[error("no secure connection to the database server")]
    Tls,
    /// The server takes no more connections.
    #[error("the database server takes no more connections")]
    TooManyConnections,
    /// The connection was lost; the transaction in hand is undone.
    #[error("the connection to the database was lost")]
    ConnectionLost,
    /// Two transactions waited for each other, or one was overtaken: worth another try.
    #[error("the transaction lost against another one")]
    Contention,
    /// A key is already taken, where the caller promised that it is not.
    #[error("the key is already taken in {table}")]
    Conflict {
        /// The table, or the constraint where the database names only that.
        table: String,
    },
    /// A stored value is not one this program writes.
    #[error("the stored {what} is not valid")]
    Stored {
        /// Which value.
        what: &'static str,
    },
    /// What was asked to be changed is not there.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// Whoever is the last owner of everything stays so.
    #[error("this is the last owner")]
    LastOwner,
    /// More was asked of one transaction than is allowed.
    #[error("too many {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
    /// The job, or the worker that held it, was taken over: what it wrote must be discarded.
    #[error("the lease on the job was lost")]
    LeaseLost,
    /// The database's schema is not what this program expects.
    #[error("the database's schema does not fit the statement {name}")]
    Statement {
        /// The statement's place in the program.
        name: String,
    },
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Anything else, by the database's error code.
    #[error("the database refused the statement{}", code_suffix(.code))]
    Database {
        /// The database's error code, when it gave one.
        code: Option<String>,
    },
}

fn code_suffix(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" (code {code})")).unwrap_or_default()
}

impl StoreError {
    /// Whether the same may succeed a moment later with nobody doing anything: a server that starts again, or is full.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::ConnectionLost
                | Self::TooManyConnections
                | Self::Busy
                | Self::TimedOut
                | Self::Locked
                | Self::Contention
        )
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Url { .. } => "use sqlite:///path/to/file.db or postgres://user:password@host:5432/name",
            Self::Missing { .. } => "check the path; a database is made by the first archive",
            Self::CannotOpen { .. } => {
                "check that the folder exists and may be read and written by this user"
            }
            Self::ReadOnly => "make the file and its folder writable for this user, or choose another path",
            Self::Locked => "end the other process that writes to it, or wait until it has finished",
            Self::Busy => "raise the number of connections, or ask for less at a time",
            Self::TimedOut => "check the database's load, who holds its locks, and the way to it",
            Self::DiskFull => "free some room and run again: it goes on from the last checkpoint",
            Self::DiskRefused => {
                "check the disk, and start the process anew: it goes on from what the disk has"
            }
            Self::NotADatabase | Self::ForeignDatabase => "choose another path or database for the store",
            Self::Corrupt => "restore the file from a backup, or archive again into a new one",
            Self::NewerDatabase { .. } => {
                "install the newer version of this program, or use another database"
            }
            Self::MigrationChanged { .. } => "use the version of this program that made the database",
            Self::Statement { .. } => {
                "restore the tables that were changed, or archive again into a new database"
            }
            Self::MigrationFailed { .. } => {
                "see that the database is otherwise empty and may be changed by this user"
            }
            Self::Unreachable(_) => "check that the server runs, and the host and port in the URL",
            Self::AccessDenied => "check the user and the password in the URL",
            Self::NoSuchDatabase => "create the database first, for example with createdb",
            Self::Tls => "check the server's certificate, or set sslmode in the URL",
            Self::TooManyConnections => "lower the number of connections here, or raise it at the server",
            Self::ConnectionLost | Self::Contention => "run again: it goes on from the last checkpoint",
            Self::LastOwner => "make somebody else the owner first",
            Self::Vault(error) => return error.hint(),
            Self::Conflict { .. }
            | Self::Stored { .. }
            | Self::NotFound { .. }
            | Self::TooMany { .. }
            | Self::LeaseLost
            | Self::Database { .. } => return None,
        })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => from_database(error.as_ref()),
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::ConnectionLost,
            sqlx::Error::Tls(_) => Self::Tls,
            sqlx::Error::Io(error) => match error.kind() {
                std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::ConnectionAborted
                | std::io::ErrorKind::BrokenPipe => Self::ConnectionLost,
                std::io::ErrorKind::StorageFull => Self::DiskFull,
                _ => Self::Unreachable(error),
            },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
                Self::Stored { what: "column" }
            }
            _ => Self::Database { code: None },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(found) => from_sqlite(found.extended_code.into(), Some(found.extended_code.to_string())),
            None => Self::Database { code: None },
        }
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    let code = error.code().map(std::borrow::Cow::into_owned);
    if let Some(postgres) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return from_postgres(postgres);
    }
    let Some(number) = code.as_deref().and_then(|code| code.parse::<i64>().ok()) else {
        return StoreError::Database { code };
    };
    if error.is_unique_violation() {
        return StoreError::Conflict { table: table_of_sqlite_conflict(error.message()) };
    }
    from_sqlite(number, code)
}

/// SQLite's extended code `SQLITE_IOERR_FSYNC`.
const FSYNC_FAILED: i64 = 1034;

/// The low byte is the primary result code (SQLite: "Result and Error Codes").
fn from_sqlite(number: i64, code: Option<String>) -> StoreError {
    if number == FSYNC_FAILED {
        return StoreError::DiskRefused;
    }
    match number & 0xff {
        5 | 6 => StoreError::Locked,
        8 => StoreError::ReadOnly,
        10 => StoreError::Database { code },
        11 => StoreError::Corrupt,
        13 => StoreError::DiskFull,
        14 => StoreError::CannotOpen { path: PathBuf::new() },
        26 => StoreError::NotADatabase,
        _ => StoreError::Database { code },
    }
}

/// SQLite says "UNIQUE constraint failed: table.column, …": names, never values.
fn table_of_sqlite_conflict(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or_default();
    columns.split('.').next().unwrap_or_default().to_owned()
}

fn from_postgres(error: &sqlx::postgres::PgDatabaseError) -> StoreError {
    match error.code() {
        "23505" => StoreError::Conflict {
            table: error.table().or(error.constraint()).unwrap_or_default().to_owned(),
        },
        "25006" | "42501" => StoreError::ReadOnly,
        "28000" | "28P01" => StoreError::AccessDenied,
        "3D000" => StoreError::NoSuchDatabase,
        "40001" | "40P01" => StoreError::Contention,
        "53100" => StoreError::DiskFull,
        "53300" => StoreError::TooManyConnections,
        "55P03" => StoreError::Locked,
        // It was idle in a transaction for too long, or the server stops.
        "25P03" | "57P01" | "57P02" | "57P03" => StoreError::ConnectionLost,
        "XX001" | "XX002" => StoreError::Corrupt,
        code => StoreError::Database { code: Some(code.to_owned()) },
    }
}
