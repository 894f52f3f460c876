//! Where an export goes: parsed once, printed without secrets, and turned into the sink that writes there.
//!
//! What it prints is its name: the store knows runs by it, and holds it while one is under way.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drift::SystemClock;
use model::OrgId;
use store::export_runs::ExportRun;
use store::tables::{ColumnKind, Table};

use crate::SinkError;
use crate::blocking::joined;
use crate::directory::Directory;
use crate::files::FileSink;
use crate::format::{Compression, Format, Formulas};
use crate::manifest::Manifest;
use crate::objects::delta;
pub use crate::objects::delta::DELTA;
use crate::objects::{self, Bucket, ObjectAddress, ObjectSink};
use crate::postgres::{PostgresAddress, PostgresSink};
use crate::read_back::{self, Told};
use crate::sink::{Layout, Part, PartFile, Plan, Sink};
use crate::sqlite::SqliteSink;

/// What the formats of databases are called.
pub const SQLITE: &str = "sqlite";
/// See [`SQLITE`].
pub const POSTGRES: &str = "postgres";

/// Where an export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Files of a format in a folder.
    Folder {
        /// The folder, absolute: made if need be; otherwise empty, or an earlier export of the same organization.
        dir: PathBuf,
        /// The tables' format.
        format: Format,
        /// How files of rows are compressed.
        compression: Compression,
        /// What CSV does with texts that look like formulas.
        formulas: Formulas,
    },
    /// Objects of a format under a prefix of an object store.
    Objects {
        /// The bucket and the prefix, empty or an earlier export of the same organization.
        bucket: Bucket,
        /// The tables' format.
        format: Format,
        /// How objects of rows are compressed.
        compression: Compression,
        /// What CSV does with texts that look like formulas.
        formulas: Formulas,
        /// Whether a Delta log is kept beside each table, which are Parquet then.
        delta: bool,
    },
    /// One SQLite file.
    Sqlite {
        /// The file, absolute: not there, or an earlier export of the same organization.
        path: PathBuf,
    },
    /// A schema of a PostgreSQL database.
    Postgres {
        /// Which, and how to come in.
        address: PostgresAddress,
    },
}

/// The sink of a destination. What files can do beyond tables is done by who knows that it is files.
#[derive(Debug)]
pub enum Target {
    /// A folder.
    Files(Box<FileSink>),
    /// A prefix of an object store.
    Objects(Box<ObjectSink>),
    /// One file.
    Sqlite(Box<SqliteSink>),
    /// A schema.
    Postgres(Box<PostgresSink>),
}

/// Makes the client of an object store: credentials and the network are known to whoever runs the export.
pub type Reach<'a> = &'a (dyn Fn(ObjectAddress) -> Result<Bucket, SinkError> + Sync);

impl Destination {
    /// A folder, seen from where the program runs.
    #[must_use]
    pub fn folder(dir: PathBuf, format: Format, formulas: Formulas) -> Self {
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        Self::Folder { dir, format, compression: Compression::None, formulas }
    }

    /// The same with files of rows compressed. Parquet compresses itself, and a database is none of our files.
    #[must_use]
    pub fn compressed(mut self, by: Compression) -> Self {
        if let Self::Folder { format: Format::Ndjson | Format::Csv, compression, .. }
        | Self::Objects { format: Format::Ndjson | Format::Csv, compression, .. } = &mut self
        {
            *compression = by;
        }
        self
    }

    /// An SQLite file, seen from where the program runs.
    #[must_use]
    pub fn sqlite(path: PathBuf) -> Self {
        Self::Sqlite { path: std::path::absolute(&path).unwrap_or(path) }
    }

    /// The destination that this text and format name. The text is what a person wrote, or what [`fmt::Display`] printed.
    ///
    /// # Errors
    /// [`SinkError::UnknownFormat`] and [`SinkError::UnknownDestination`]; [`SinkError::Postgres`] for an address that is none.
    pub fn parse(to: &str, format: &str, formulas: Formulas) -> Result<Self, SinkError> {
        let nowhere = |address: ObjectAddress| {
            Err(SinkError::UnknownDestination { scheme: address.provider().scheme().to_owned() })
        };
        Self::parse_reaching(to, format, formulas, &nowhere)
    }

    /// The same, object stores included, whose clients `reach` makes.
    ///
    /// # Errors
    /// Those of [`Destination::parse`] and of `reach`.
    pub fn parse_reaching(
        to: &str,
        format: &str,
        formulas: Formulas,
        reach: Reach<'_>,
    ) -> Result<Self, SinkError> {
        if PostgresAddress::is_one(to) && format == POSTGRES {
            return Ok(Self::Postgres { address: PostgresAddress::parse(to, None)? });
        }
        if format == SQLITE && !to.contains("://") {
            return Ok(Self::sqlite(PathBuf::from(to)));
        }
        let delta = format == DELTA;
        if delta {
            check_delta(to)?;
        }
        let format = if delta { Some(Format::Parquet) } else { Format::named(format) }
            .ok_or_else(|| SinkError::UnknownFormat { name: format.to_owned() })?;
        match to.split_once("://") {
            Some(_) if ObjectAddress::is_one(to) => {
                let (bucket, compression) = (reach(to.parse()?)?, Compression::None);
                Ok(Self::Objects { bucket, format, compression, formulas, delta })
            }
            Some((scheme, _)) => Err(SinkError::UnknownDestination { scheme: scheme.to_owned() }),
            None => Ok(Self::folder(PathBuf::from(to), format, formulas)),
        }
    }

    /// The folder, where it is one.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        match self {
            Self::Folder { dir, .. } => Some(dir),
            Self::Objects { .. } | Self::Sqlite { .. } | Self::Postgres { .. } => None,
        }
    }

    /// Whether it holds files, and so has room for more than tables: transcripts, attachments, a manifest.
    #[must_use]
    pub const fn has_files(&self) -> bool {
        matches!(self, Self::Folder { .. } | Self::Objects { .. })
    }

    /// The format's name.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        match self {
            Self::Objects { delta: true, .. } => DELTA,
            Self::Folder { format, .. } | Self::Objects { format, .. } => format.name(),
            Self::Sqlite { .. } => SQLITE,
            Self::Postgres { .. } => POSTGRES,
        }
    }

    /// The format as a manifest names it: that of the files, whatever log stands beside them.
    pub(crate) const fn format_of_files(&self) -> &'static str {
        match self {
            Self::Objects { format, .. } => format.name(),
            _ => self.format(),
        }
    }

    /// How files of rows are compressed.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        match self {
            Self::Folder { compression, .. } | Self::Objects { compression, .. } => *compression,
            Self::Sqlite { .. } | Self::Postgres { .. } => Compression::None,
        }
    }

    /// What is done with texts that look like formulas.
    #[must_use]
    pub fn formulas(&self) -> Formulas {
        match self {
            Self::Folder { format: Format::Csv, formulas, .. }
            | Self::Objects { format: Format::Csv, formulas, .. } => *formulas,
            Self::Folder { .. } | Self::Objects { .. } | Self::Sqlite { .. } | Self::Postgres { .. } => {
                Formulas::Keep
            }
        }
    }

    /// How tables are cut there.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.target().sink().layout()
    }

    /// Whether rows of this table may come in another order from there than from the mirror: each database has its own of texts.
    pub(crate) fn sorts_otherwise(&self, table: &Table) -> bool {
        let is_text = |name: &&str| {
            table.place(name).is_some_and(|place| table.columns[place].kind == ColumnKind::Text)
        };
        matches!(self, Self::Sqlite { .. } | Self::Postgres { .. }) && table.key.iter().any(is_text)
    }

    /// Read a part anew, with the columns that the table has here: `each` is told the rows that are there, in the order of their
    /// key. Answers the state.
    ///
    /// # Errors
    /// Those of the destination, and when what is there is no such part.
    pub(crate) async fn read<S: Send + 'static>(
        &self,
        (org, table): (OrgId, &'static Table),
        part: &PartFile,
        mut state: S,
        each: fn(&mut S, &Told<'_>),
    ) -> Result<S, SinkError> {
        match self {
            Self::Folder { dir, format, .. } => {
                let (path, format) = (dir.join(&part.file), (*format, Compression::of(&part.file).1));
                let read = tokio::task::spawn_blocking(move || {
                    let file = File::open(&path).map_err(|error| SinkError::io("read", &path, error))?;
                    let read = read_back::rows(file, format, table, org, &mut |row| {
                        each(&mut state, row);
                        Ok(())
                    });
                    read.map(|()| state).map_err(|error| SinkError::io("read", &path, error))
                });
                joined(table.name, read).await
            }
            Self::Objects { bucket, format, .. } => {
                let (from, name) = (bucket.bytes_of(part), PathBuf::from(&part.file));
                let format = (*format, Compression::of(&part.file).1);
                let read = tokio::task::spawn_blocking(move || {
                    let read = read_back::rows(from, format, table, org, &mut |row| {
                        each(&mut state, row);
                        Ok(())
                    });
                    read.map(|()| state).map_err(|error| objects::failed("read", &name, error))
                });
                joined(table.name, read).await
            }
            Self::Sqlite { path } => crate::sqlite::read(path, &named(table, part)?, state, each).await,
            Self::Postgres { address } => {
                let clock = Arc::new(SystemClock);
                crate::postgres::read(address, clock, (org, &named(table, part)?), state, each).await
            }
        }
    }

    /// Clear away what a run that was given up had begun there. What was committed stays.
    ///
    /// # Errors
    /// Those of the destination; `Busy` while another process writes there.
    pub async fn clear(&self, org: OrgId) -> Result<(), SinkError> {
        match self {
            Self::Folder { dir, .. } => {
                let dir = dir.clone();
                let cleared = tokio::task::spawn_blocking(move || match Manifest::read(&dir) {
                    Ok(Some(_)) => Directory::claim(&dir, org).map(drop),
                    _ => Ok(()),
                });
                joined("directory", cleared).await
            }
            Self::Objects { bucket, .. } => objects::clear(bucket, org).await,
            Self::Sqlite { path } => SqliteSink::new(path.clone()).clear(org).await,
            Self::Postgres { address } => {
                PostgresSink::new(address.clone(), Arc::new(SystemClock)).clear(org).await
            }
        }
    }

    /// The manifest that lies there, where one does.
    pub(crate) async fn manifest(&self) -> Result<Option<Manifest>, SinkError> {
        match self {
            Self::Folder { dir, .. } => {
                let dir = dir.clone();
                joined("directory", tokio::task::spawn_blocking(move || Manifest::read(&dir))).await
            }
            Self::Objects { bucket, .. } => objects::manifest(bucket).await,
            Self::Sqlite { .. } | Self::Postgres { .. } => Ok(None),
        }
    }

    /// The manifest of what stands there, where that is what the last run that succeeded has left: files have it beside them; databases
    /// name the run, and the store has its manifest.
    pub(crate) async fn standing(
        &self,
        plan: &Plan,
        last: Option<&ExportRun>,
    ) -> Result<Option<Manifest>, SinkError> {
        let stands = match self {
            Self::Folder { .. } | Self::Objects { .. } => return self.manifest().await,
            Self::Sqlite { path } => crate::sqlite::run_of(path, plan.org).await?,
            Self::Postgres { address } => {
                let clock = Arc::new(SystemClock);
                crate::postgres::run_of(address, clock, (plan.org, &plan.tables)).await?
            }
        };
        let last = last.filter(|last| stands.as_ref() == Some(&last.export_run_id.0));
        Ok(last.and_then(|last| serde_json::from_str(last.manifest.as_deref()?).ok()))
    }

    /// Put a manifest with its signature there, where there is room for it. Whoever does holds the destination.
    pub(crate) async fn seal(&self, text: &str, signature: Option<&[u8]>) -> Result<(), SinkError> {
        match self {
            Self::Folder { dir, .. } => {
                let (dir, text, signature) = (dir.clone(), text.to_owned(), signature.map(<[u8]>::to_vec));
                let sealed = move || Manifest::seal(&dir, &text, signature.as_deref());
                joined("directory", tokio::task::spawn_blocking(sealed)).await
            }
            Self::Objects { bucket, .. } => objects::seal(bucket, text, signature).await,
            Self::Sqlite { .. } | Self::Postgres { .. } => Ok(()),
        }
    }

    /// A sink that writes there; nothing is touched before its `check`.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Folder { dir, format, compression, formulas } => {
                let sink = FileSink::new(dir.clone(), *format, *formulas).compressed(*compression);
                Target::Files(Box::new(sink))
            }
            Self::Objects { bucket, format, compression, formulas, delta } => {
                let sink = ObjectSink::new(bucket.clone(), *format, *formulas).compressed(*compression);
                Target::Objects(Box::new(sink.with_delta(*delta)))
            }
            Self::Sqlite { path } => Target::Sqlite(Box::new(SqliteSink::new(path.clone()))),
            Self::Postgres { address } => {
                // Waits for a server are bounded by the machine's time, whatever clock a run is told by.
                Target::Postgres(Box::new(PostgresSink::new(address.clone(), Arc::new(SystemClock))))
            }
        }
    }
}

/// See that a Delta log can be kept there.
fn check_delta(to: &str) -> Result<(), SinkError> {
    let name = DELTA.to_owned();
    if !ObjectAddress::is_one(to) {
        return Err(SinkError::TableFormatElsewhere { name });
    }
    if delta::is_known() { Ok(()) } else { Err(SinkError::NoTableFormat { name }) }
}

fn named(table: &'static Table, part: &PartFile) -> Result<Part, SinkError> {
    let lost = || SinkError::ReadBack { file: part.file.clone() };
    let named = Part::named(&part.table, part.period.as_deref().unwrap_or("all")).ok_or_else(lost)?;
    Ok(Part { table, ..named })
}

/// Its name, without secrets.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { dir, .. } => write!(f, "{}", dir.display()),
            Self::Objects { bucket, .. } => f.write_str(bucket.place()),
            Self::Sqlite { path } => write!(f, "{}", path.display()),
            Self::Postgres { address } => address.fmt(f),
        }
    }
}

impl Target {
    /// The sink.
    pub fn sink(&mut self) -> &mut dyn Sink {
        match self {
            Self::Files(sink) => sink.as_mut(),
            Self::Objects(sink) => sink.as_mut(),
            Self::Sqlite(sink) => sink.as_mut(),
            Self::Postgres(sink) => sink.as_mut(),
        }
    }

    /// Clear away what a run that failed has begun, but for its parts that are whole.
    pub(crate) async fn give_up(&mut self) {
        match self {
            Self::Files(sink) => sink.give_up().await,
            Self::Objects(sink) => sink.give_up().await,
            Self::Sqlite(sink) => sink.give_up().await,
            Self::Postgres(sink) => sink.give_up().await,
        }
    }

    /// The manifest that was committed, where the sink keeps one.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Files(sink) => sink.manifest(),
            Self::Objects(sink) => sink.manifest(),
            Self::Sqlite(_) | Self::Postgres(_) => None,
        }
    }

    /// Put a manifest with its signature beside what was committed, where there is room for it.
    pub(crate) async fn seal(&self, text: &str, signature: Option<&[u8]>) -> Result<(), SinkError> {
        match self {
            Self::Files(sink) => sink.seal(text, signature).await,
            Self::Objects(sink) => sink.seal(text, signature).await,
            Self::Sqlite(_) | Self::Postgres(_) => Ok(()),
        }
    }
}
