//! What an export says.

use sinks::SinkError;

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
            | SinkError::UnderWay { .. }
            | SinkError::NotResumable { .. }
            | SinkError::NotVerifiable { .. }
            | SinkError::Busy { .. } => Exit::Usage,
            SinkError::Stopped { .. } => Exit::Interrupted,
            SinkError::PartLost { .. } | SinkError::ReadBack { .. } => Exit::Incomplete,
            SinkError::NotWritable { .. } | SinkError::DiskFull { .. } | SinkError::Io { .. } => Exit::Disk,
            SinkError::Store(source) => store_exit(source),
            _ => Exit::Unexpected,
        };
        Self::new(exit, chain(&error)).hint_maybe(error.hint())
    }
}
