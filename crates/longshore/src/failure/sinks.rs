//! What an export says.

use sinks::SinkError;
use sinks::objects::ObjectError;
use sinks::postgres::PostgresError;
use sinks::sqlite::SqliteError;

use super::store::store_exit;
use super::{Failure, chain};
use crate::exit::Exit;

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        let exit = match &error {
            SinkError::NotADirectory { .. }
            | SinkError::Foreign { .. }
            | SinkError::OtherOrg { .. }
            | SinkError::OtherFormat { .. }
            | SinkError::NoConversation { .. }
            | SinkError::UnknownDestination { .. }
            | SinkError::UnknownFormat { .. }
            | SinkError::UnknownName(_)
            | SinkError::LeftOut { .. }
            | SinkError::NoConversations { .. }
            | SinkError::MaskedTranscripts
            | SinkError::OnlyTables
            | SinkError::NoMonths
            | SinkError::NoReason
            | SinkError::HasFiles { .. }
            | SinkError::UnderWay { .. }
            | SinkError::NotResumable { .. }
            | SinkError::NotVerifiable { .. }
            | SinkError::Busy { .. } => Exit::Usage,
            SinkError::Stopped { .. } => Exit::Interrupted,
            SinkError::PartLost { .. } | SinkError::ReadBack { .. } => Exit::Incomplete,
            SinkError::NotWritable { .. } | SinkError::DiskFull { .. } | SinkError::Io { .. } => Exit::Disk,
            SinkError::Objects(error) => objects_exit(error),
            SinkError::Store(source)
            | SinkError::Postgres(PostgresError::Server { source, .. })
            | SinkError::Sqlite(SqliteError::Database { source, .. }) => store_exit(source),
            SinkError::Postgres(PostgresError::Late { .. }) => Exit::Unreachable,
            SinkError::Postgres(_) | SinkError::Sqlite(_) => Exit::Usage,
            _ => Exit::Unexpected,
        };
        Self::new(exit, chain(&error)).hint_maybe(error.hint())
    }
}

/// What an object store is the matter of.
fn objects_exit(error: &ObjectError) -> Exit {
    match error {
        ObjectError::Address { .. }
        | ObjectError::Settings { .. }
        | ObjectError::Foreign { .. }
        | ObjectError::OtherOrg { .. }
        | ObjectError::Busy { .. }
        | ObjectError::Overtaken { .. }
        | ObjectError::NoBucket { .. }
        | ObjectError::Region { .. }
        | ObjectError::Unconditional { .. }
        | ObjectError::TooLarge { .. } => Exit::Usage,
        ObjectError::NoCredentials { .. }
        | ObjectError::Credentials { .. }
        | ObjectError::Forbidden { .. } => Exit::Refused,
        ObjectError::Unavailable { .. } | ObjectError::Unreachable { .. } => Exit::Unreachable,
        ObjectError::Full { .. } => Exit::Disk,
        ObjectError::Gone { .. } | ObjectError::Damaged { .. } => Exit::Incomplete,
        _ => Exit::Unexpected,
    }
}
