//! What is asked of an export, and how the store remembers it.

use serde::{Deserialize, Serialize};
use store::audit::Who;
use store::export_runs::ExportRun;

use crate::SinkError;
use crate::destination::{Destination, Reach};
use crate::format::Formulas;
use crate::selection::Selection;
use crate::sink::Layout;

/// What to export, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// Where to, and in which format.
    pub destination: Destination,
    /// Whether to lay out each conversation as text, HTML and Markdown. Folders and object stores have room for them.
    pub transcripts: bool,
    /// Whether to write the attachments' files. Folders and object stores have room for them.
    pub attachments: bool,
    /// Which tables, columns and conversations, and what is masked of them.
    pub selection: Selection,
    /// Whether only what has changed is written, where that can be known.
    pub incremental: bool,
    /// What becomes of a run to the same destination that has not ended.
    pub begin: Begin,
    /// Who asked for it.
    pub who: Who,
}

/// What becomes of a run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It goes on, if it was asked for in the same words; otherwise it is given up.
    GoOn,
    /// It is given up, and another begins.
    Anew,
}

/// The words in which an export was asked for, beside destination and format.
#[derive(Debug, Serialize, Deserialize)]
struct Words {
    format: String,
    formulas_defused: bool,
    transcripts: bool,
    attachments: bool,
    #[serde(default)]
    selection: Selection,
    #[serde(default)]
    incremental: bool,
}

impl Words {
    /// Those that a run was recorded with; a handover has none.
    fn of(run: &ExportRun) -> Option<Self> {
        serde_json::from_str(run.options.as_deref()?).ok()
    }
}

/// Whether a run wrote transcripts, and whether attachments; `None` for what is no export. Its destination need not be within
/// reach.
pub(crate) fn files_of(run: &ExportRun) -> Option<(bool, bool)> {
    Words::of(run).map(|words| (words.transcripts, words.attachments))
}

impl ExportOptions {
    /// What a run that can go on was asked for.
    ///
    /// # Errors
    /// [`SinkError::NotResumable`] when it was not recorded, and those of a destination that is none.
    pub fn of_run(run: &ExportRun, who: Who) -> Result<Self, SinkError> {
        Self::read(run, who, Destination::parse)
    }

    /// The same of a run to an object store, whose client `reach` makes.
    ///
    /// # Errors
    /// Those of [`ExportOptions::of_run`] and of `reach`.
    pub fn of_run_reaching(run: &ExportRun, who: Who, reach: Reach<'_>) -> Result<Self, SinkError> {
        Self::read(run, who, |to, format, formulas| Destination::parse_reaching(to, format, formulas, reach))
    }

    fn read(
        run: &ExportRun,
        who: Who,
        parse: impl FnOnce(&str, &str, Formulas) -> Result<Destination, SinkError>,
    ) -> Result<Self, SinkError> {
        let words =
            Words::of(run).ok_or_else(|| SinkError::NotResumable { run: run.export_run_id.0.clone() })?;
        let formulas = if words.formulas_defused { Formulas::Defuse } else { Formulas::Keep };
        Ok(Self {
            destination: parse(&run.destination, &words.format, formulas)?,
            transcripts: words.transcripts,
            attachments: words.attachments,
            selection: words.selection,
            incremental: words.incremental,
            begin: Begin::GoOn,
            who,
        })
    }

    /// Whether what is asked for can be had at all.
    ///
    /// # Errors
    /// [`SinkError::OnlyTables`], [`SinkError::NoMonths`], and those of [`Selection::tables`].
    pub(super) fn check(&self) -> Result<(), SinkError> {
        self.selection.tables()?;
        let has_files = self.transcripts || self.attachments;
        if has_files && (self.incremental || !self.selection.is_everything()) {
            return Err(SinkError::OnlyTables);
        }
        let is_cut = self.destination.dir().is_some() && self.destination.layout() == Layout::Months;
        if self.incremental && !is_cut {
            return Err(SinkError::NoMonths);
        }
        Ok(())
    }

    /// The words, as they are stored.
    pub(super) fn words(&self) -> String {
        let words = Words {
            format: self.destination.format().to_owned(),
            formulas_defused: self.destination.formulas() == Formulas::Defuse,
            transcripts: self.transcripts,
            attachments: self.attachments,
            selection: self.selection.clone(),
            incremental: self.incremental,
        };
        serde_json::to_string(&words).expect("words are JSON")
    }
}
