//! What can go wrong while writing out, and what a person can do about it.

use std::io;
use std::path::{Path, PathBuf};

use store::export_runs::Asked;

use crate::postgres::PostgresError;
use crate::sqlite::SqliteError;

/// Why an export did not come about. Nothing half-written stays under a final name.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The target exists and is a file, or a parent of it is one.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// What was to be the directory.
        path: PathBuf,
    },
    /// The operating system forbids writing.
    #[error("cannot write to {}", path.display())]
    NotWritable {
        /// What was to be written.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// No room (or quota) left.
    #[error("no space left for {}", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The directory holds files that no export of ours wrote.
    #[error("{} holds files that are not an export (such as {found:?})", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// One of the files found.
        found: String,
    },
    /// The directory holds the export of another organization.
    #[error("{} holds the export of organization {found}", path.display())]
    OtherOrg {
        /// The directory.
        path: PathBuf,
        /// The organization whose export it is.
        found: i64,
    },
    /// The directory holds an export in another format.
    #[error("{} holds an export in the format {found}", path.display())]
    OtherFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// No export knows such a place.
    #[error("exports do not go to {scheme}://")]
    UnknownDestination {
        /// What stands before `://`.
        scheme: String,
    },
    /// No export knows such a format.
    #[error("there is no format {name:?}")]
    UnknownFormat {
        /// What was named.
        name: String,
    },
    /// The program was built without this table format.
    #[error("this program was built without the table format {name}")]
    NoTableFormat {
        /// What was named.
        name: String,
    },
    /// A table format needs objects that are not written over.
    #[error("the table format {name} goes to an object store")]
    TableFormatElsewhere {
        /// What was named.
        name: String,
    },
    /// A log of a table format could not be read or written. What the manifest names is there all the same.
    #[error("the log of {table} in {place} cannot be brought up to date: {reason}")]
    TableLog {
        /// The destination.
        place: String,
        /// The table's name.
        table: String,
        /// What the library says.
        reason: String,
    },
    /// Another process is exporting to the same destination.
    #[error("another export to {destination} is under way")]
    UnderWay {
        /// Where it goes.
        destination: String,
    },
    /// There is no such run that could go on.
    #[error("no export that could go on is known by {run}")]
    NotResumable {
        /// What was asked for.
        run: String,
    },
    /// There is nothing that says what an export holds.
    #[error("{run} has no manifest to verify it by")]
    NotVerifiable {
        /// The run, or the folder.
        run: String,
    },
    /// Somebody stopped the run, or gave it up.
    #[error("the export was {}", if *.asked == Asked::Pause { "paused" } else { "cancelled" })]
    Stopped {
        /// Which of the two.
        asked: Asked,
    },
    /// What an earlier process had finished of this run is no longer at the destination.
    #[error("{file} was finished before and is no longer there, or was changed")]
    PartLost {
        /// Which part.
        file: String,
    },
    /// What was read back from the destination is not what was written to it.
    #[error("{file} does not read back as it was written")]
    ReadBack {
        /// Which part.
        file: String,
    },
    /// A table or column that there is not was to go out.
    #[error(transparent)]
    UnknownName(#[from] store::tables::UnknownName),
    /// Columns were chosen of a table that does not go out.
    #[error("columns of {table} are named, and the table is left out")]
    LeftOut {
        /// Which.
        table: String,
    },
    /// A database was to get rows that hang on conversations, and not these.
    #[error("{table} are kept by the month of their conversation, and conversations are left out")]
    NoConversations {
        /// Which.
        table: &'static str,
    },
    /// Transcripts were to go out as a table, and something is masked: they show people as they are.
    #[error("a mask leaves nothing of transcripts")]
    MaskedTranscripts,
    /// Something is to be masked, and there is nothing to do it with.
    #[error("there is no key to mask with")]
    NoMaskKey,
    /// Personal data was to go out as it is, and nobody said why, or at too great a length.
    #[error("an export that masks nothing needs a reason")]
    NoReason,
    /// Transcripts and attachments were asked for, of chosen conversations or masked.
    #[error("transcripts and attachments go out whole or not at all")]
    OnlyTables,
    /// An incremental export to a place that has no months to replace.
    #[error("an incremental export needs files that are cut by month")]
    NoMonths,
    /// An incremental export to a directory in which transcripts or attachments lie.
    #[error(
        "transcripts or attachments lie in {destination}, which an incremental export would leave behind"
    )]
    HasFiles {
        /// Where.
        destination: String,
    },
    /// The mirror has no such conversation.
    #[error("conversation {id} is not in the archive")]
    NoConversation {
        /// Which.
        id: model::ConversationId,
    },
    /// Another process is exporting into the same directory.
    #[error("another export is writing to {}", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// Any other failure of the file system.
    #[error("could not {action} {}", path.display())]
    Io {
        /// A verb: what was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// An object store is no target, or is none any more.
    #[error(transparent)]
    Objects(#[from] crate::objects::ObjectError),
    /// A PostgreSQL database of the user's.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// An SQLite file.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// The store could not be read, or the run could not be recorded.
    #[error("could not read the store for the export")]
    Store(#[from] store::StoreError),
    /// The writing thread ended without an answer: it panicked, or the runtime is shutting down.
    #[error("the writer of {step} stopped")]
    WriterStopped {
        /// The table or step that was being written.
        step: &'static str,
    },
}

impl SinkError {
    /// What a person can do about it, when there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotADirectory { .. } => Some("name a directory, or one that does not exist yet"),
            Self::NotWritable { .. } => {
                Some("choose a directory that this user may write to, or change its permissions")
            }
            Self::DiskFull { .. } => Some(
                "free some space or choose another disk, then run the same export again: to the same place it goes on",
            ),
            Self::Foreign { .. } => {
                Some("choose an empty directory: an export only ever replaces an export of its own")
            }
            Self::OtherOrg { .. } => Some("choose another directory: one organization, one directory"),
            Self::OtherFormat { .. } => Some("choose another directory: one format, one directory"),
            Self::UnknownDestination { .. } => Some("name a folder with --to"),
            Self::UnknownFormat { .. } => Some("the formats are ndjson, csv, parquet and delta"),
            Self::NoTableFormat { .. } => {
                Some("build it with --features delta, or export with --format parquet")
            }
            Self::TableFormatElsewhere { .. } => Some(
                "give --to s3://BUCKET/PREFIX, or another object store; into a folder export with --format parquet",
            ),
            Self::TableLog { .. } => Some(
                "run the export again: it goes on there; a log that is damaged can be removed, and is made anew",
            ),
            Self::UnderWay { .. } => {
                Some("wait for it to end, or stop it with \"longshore export pause RUN\"")
            }
            Self::NotResumable { .. } => Some("\"longshore export list\" shows the runs and their states"),
            Self::NotVerifiable { .. } => Some("name a run that has succeeded, or a folder that it wrote"),
            Self::Stopped { asked: Asked::Pause } => {
                Some("go on with \"longshore export resume\", or with the same command")
            }
            Self::Stopped { asked: Asked::Cancel } => None,
            Self::PartLost { .. } => Some("run the export again: it writes what is missing"),
            Self::ReadBack { .. } => {
                Some("check the disk, then run the export again: it writes that part anew")
            }
            Self::UnknownName(_) => Some("\"longshore schema\" prints the tables and their columns"),
            Self::LeftOut { .. } => Some(
                "name the table with --tables too (transcripts: --transcript-table), or leave its columns out",
            ),
            Self::NoConversations { .. } => Some(
                "add conversations to --tables; --columns conversations=created_at leaves little of them",
            ),
            Self::MaskedTranscripts => {
                Some("export them with --mask none and a --reason, perhaps to a place of their own")
            }
            Self::NoMaskKey => Some("\"longshore doctor\" tells what is wrong with the key"),
            Self::NoReason => Some(
                "say why with --reason, in at most 500 bytes; an export can mask instead: --mask identifiers",
            ),
            Self::OnlyTables => Some("add --no-transcripts --no-attachments"),
            Self::NoMonths => Some("export with --format parquet"),
            Self::HasFiles { .. } => {
                Some("choose another folder, or export into it once with --no-transcripts --no-attachments")
            }
            Self::NoConversation { .. } => {
                Some("check the number; \"longshore status\" tells what the archive holds")
            }
            Self::Objects(error) => error.hint(),
            Self::Postgres(error) => error.hint(),
            Self::Sqlite(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Busy { .. } => Some("wait for the other export to end, or choose another directory"),
            Self::Io { .. } | Self::WriterStopped { .. } => None,
        }
    }

    /// Sort a failure of the file system by what can be done about it.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::WriteZero => {
                Self::DiskFull { path, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path, source }
            }
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ => Self::Io { action, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_file_system_are_sorted_by_what_a_person_can_do() {
        let sorted = |kind: io::ErrorKind| {
            SinkError::io("write", Path::new("out/messages.csv"), io::Error::from(kind))
        };
        assert!(matches!(sorted(io::ErrorKind::StorageFull), SinkError::DiskFull { .. }));
        assert!(matches!(sorted(io::ErrorKind::QuotaExceeded), SinkError::DiskFull { .. }));
        assert!(matches!(sorted(io::ErrorKind::ReadOnlyFilesystem), SinkError::NotWritable { .. }));
        assert!(matches!(sorted(io::ErrorKind::PermissionDenied), SinkError::NotWritable { .. }));
        assert!(matches!(sorted(io::ErrorKind::NotADirectory), SinkError::NotADirectory { .. }));
        assert!(matches!(sorted(io::ErrorKind::TimedOut), SinkError::Io { .. }));
        assert!(sorted(io::ErrorKind::StorageFull).hint().is_some_and(|hint| hint.contains("space")));
    }
}
