//! The seam between what is exported and where to: five verbs that every destination knows.
//!
//! A run goes `check`, then for each part `begin`, `write` …, `commit_part`, and at the end `commit`. Data flows one way, in
//! batches of a bounded size; a sink that is slower than the store makes `write` wait. A sink knows nothing of the
//! store it is fed from. The same test is run on all of them, and says what each promises:
//!
//! - `check` refuses a target that cannot be one with one clear error, before anything at it has changed.
//! - Nothing of a run is visible before its `commit`; a sink that is dropped without it leaves the target as it was, but
//!   for leftovers that no reader takes for data and the next `check` clears away.
//! - After `commit` the target holds exactly the parts of this run.
//! - A part that is begun again replaces what was written of it.
//! - `erase` removes a person's rows from what was committed, and may be repeated.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use model::{AttachmentId, ContactId, ConversationId, Millis, OrgId, RunId};
use serde::{Deserialize, Serialize};
use store::export_runs::ExportMode;
use store::tables::columns::OWNERS;
use store::tables::{Basis, Batch, Month, Table};

use crate::SinkError;
use crate::selection::Selection;

/// What a verb is while it is under way.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, SinkError>> + Send + 'a>>;

/// A place that tables go to. See the module for what each promises.
pub trait Sink: Send {
    /// How it wants tables cut.
    fn layout(&self) -> Layout;

    /// Before the first write: reach the target, see that it may be written to and that it fits the tables.
    ///
    /// # Errors
    /// Whatever makes the target none, with a hint; [`SinkError::PartLost`] when a recorded part is not there as it was
    /// recorded: nothing has been changed then, and the run begins without recorded parts.
    fn check<'a>(&'a mut self, plan: &'a Plan) -> Doing<'a, ()>;

    /// Begin a part, in place of an earlier attempt at it.
    ///
    /// # Errors
    /// Those of the target.
    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()>;

    /// Write the part's next rows, which come in the order of the table's key.
    ///
    /// # Errors
    /// Those of the target, perhaps of an earlier batch.
    fn write(&mut self, batch: Batch) -> Doing<'_, ()>;

    /// End the part that was begun: it is whole, and waits for the run's commit, by which it is on the disk.
    ///
    /// # Errors
    /// Those of the target.
    fn commit_part(&mut self) -> Doing<'_, PartFile>;

    /// End the run: all its parts become visible, and what only the run before had goes.
    ///
    /// # Errors
    /// Those of the target.
    fn commit(&mut self, finished_at: Millis) -> Doing<'_, ()>;

    /// Remove a person's rows, and the files that belong to them, from what runs have committed. No run may be under way.
    ///
    /// # Errors
    /// Those of the target; the erasure is to be repeated then.
    fn erase<'a>(&'a mut self, subject: &'a Subject) -> Doing<'a, Erased>;
}

/// How a sink wants tables cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each table is one part.
    Whole,
    /// Large tables are cut into months, the others are one part.
    Months,
}

/// What is known of a run before it has written anything.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whose data.
    pub org: OrgId,
    /// The row in `export_runs`.
    pub run: RunId,
    /// The store's schema version.
    pub schema_version: i64,
    /// When it began.
    pub started_at: Millis,
    /// The tables that will come, in this order.
    pub tables: Vec<&'static Table>,
    /// Whether everything comes, or only what has changed: then `commit` leaves parts that did not come as they are, and
    /// removes those that came without rows.
    pub mode: ExportMode,
    /// What of the mirror goes out.
    pub selection: Selection,
    /// How far the mirror had come.
    pub basis: Basis,
    /// Parts that an earlier process finished, in the order of [`Plan::tables`]: the sink keeps them as if it had written them
    /// itself, and clears everything else away that is not committed.
    pub recorded: Vec<PartFile>,
}

impl Plan {
    /// What stands after this run, by table and month: the parts it wrote, and where it is incremental those of `standing` that it
    /// did not write. A month that it wrote without rows is none.
    #[must_use]
    pub fn listed(&self, standing: &[PartFile], written: Vec<PartFile>) -> Vec<PartFile> {
        let mut listed = written;
        if self.mode == ExportMode::Incremental {
            let is_written = |part: &&PartFile| listed.iter().any(|new| new.is_same_part(part));
            let kept: Vec<PartFile> = standing.iter().filter(|part| !is_written(part)).cloned().collect();
            listed.extend(kept);
            listed.retain(|part| part.period.is_none() || part.rows > 0);
        }
        let place = |name: &str| self.tables.iter().position(|table| table.name == name);
        listed.sort_by_cached_key(|part| {
            let period = part.period.clone().filter(|period| period != "none");
            (place(&part.table), period.unwrap_or_default())
        });
        listed
    }
}

/// What is written at once: a table, or a month of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The table.
    pub table: &'static Table,
    /// Which of its rows.
    pub period: Period,
}

impl Part {
    /// The part of this table's name and this period, as they are written; `None` where there is no such table.
    #[must_use]
    pub fn named(table: &str, period: &str) -> Option<Self> {
        let table = store::tables::table(table)?;
        let period = match Month::parse(period) {
            Some(month) => Period::Month(month),
            None if period == "all" => Period::All,
            None => Period::None,
        };
        Some(Self { table, period })
    }
}

/// Which rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// All.
    All,
    /// Those of a month.
    Month(Month),
    /// Those that have no month, of a table that is cut.
    None,
}

impl Period {
    /// What a manifest calls it; nothing where the part is the table.
    #[must_use]
    pub fn name(self) -> Option<String> {
        (self != Self::All).then(|| self.to_string())
    }
}

/// `all`, `2026-01`, `none`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Month(month) => month.fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

/// A part at its destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    /// The table's name.
    pub table: String,
    /// The month, as [`Period`] prints it; absent when the part is the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// The file's name, seen from the destination, or the table's at a database.
    pub file: String,
    /// Rows, a header not counted.
    pub rows: u64,
    /// Bytes; 0 at a database.
    pub bytes: u64,
    /// SHA-256 of the file, hexadecimal; empty at a database.
    pub sha256: String,
    /// A hash of the rows, the same in every format and in the mirror; filled in by who runs the export.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

impl PartFile {
    /// Whether both are the same month of the same table, whichever run wrote them.
    pub(crate) fn is_same_part(&self, other: &Self) -> bool {
        (&self.table, &self.period) == (&other.table, &other.period)
    }
}

/// Whose rows are to be erased. Whoever asks has found out what belongs together: the conversations of a contact,
/// the attachments of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The organization.
    pub org: OrgId,
    /// Conversations, with all that happened in them.
    pub conversations: BTreeSet<ConversationId>,
    /// Contacts, with all that is about them.
    pub contacts: BTreeSet<ContactId>,
    /// Files.
    pub attachments: BTreeSet<AttachmentId>,
}

impl Subject {
    /// The columns of a table that say whose a row is, with their places; none in tables that are about nobody.
    #[must_use]
    pub fn columns(table: &Table) -> Vec<(&'static str, usize)> {
        OWNERS.into_iter().filter_map(|name| Some((name, table.place(name)?))).collect()
    }

    /// Whether an id in this column is the subject's.
    #[must_use]
    pub fn has(&self, column: &str, id: i64) -> bool {
        match column {
            "conversation_id" => self.conversations.contains(&ConversationId(id)),
            "contact_id" => self.contacts.contains(&ContactId(id)),
            "attachment_id" => self.attachments.contains(&AttachmentId(id)),
            _ => false,
        }
    }

    /// The ids that this column is searched for, ascending.
    #[must_use]
    pub fn ids(&self, column: &str) -> Vec<i64> {
        match column {
            "conversation_id" => self.conversations.iter().map(|id| id.0).collect(),
            "contact_id" => self.contacts.iter().map(|id| id.0).collect(),
            "attachment_id" => self.attachments.iter().map(|id| id.0).collect(),
            _ => Vec::new(),
        }
    }

    /// The subject's rows as a condition of SQL; `None` in tables that have none.
    #[must_use]
    pub fn condition(&self, table: &Table) -> Option<String> {
        let among = |(column, _): (&'static str, usize)| {
            let ids: Vec<String> = self.ids(column).iter().map(i64::to_string).collect();
            (!ids.is_empty()).then(|| format!("\"{column}\" IN ({})", ids.join(", ")))
        };
        let any: Vec<String> = Self::columns(table).into_iter().filter_map(among).collect();
        (!any.is_empty()).then(|| format!("org_id = {} AND ({})", self.org, any.join(" OR ")))
    }
}

/// What an erasure removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Rows of tables.
    pub rows: u64,
    /// Transcripts and attachments.
    pub files: u64,
}
