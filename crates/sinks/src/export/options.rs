//! What is asked of an export, and how the store remembers it.

use serde::{Deserialize, Serialize};
use store::StoreError;
use store::audit::Who;
use store::export_runs::ExportRun;
use store::tables::Cut;

use crate::SinkError;
use crate::destination::{Destination, Reach};
use crate::format::{Compression, Formulas};
use crate::mask::Mode;
use crate::selection::Selection;
use crate::sink::Layout;

/// A reason is no longer than this, in bytes.
pub(crate) const REASON_BYTES_MAX: usize = 500;

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
    /// Why personal data may go out as it is, in the words of whoever asked; masked exports need none.
    pub reason: Option<String>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compression: Option<String>,
    formulas_defused: bool,
    transcripts: bool,
    attachments: bool,
    #[serde(default)]
    selection: Selection,
    #[serde(default)]
    incremental: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Words {
    /// Those that a run was recorded with; a handover has none.
    fn of(run: &ExportRun) -> Option<Self> {
        serde_json::from_str(run.options.as_deref()?).ok()
    }

    /// The options that they mean, of an export to there.
    fn options(
        self,
        to: &str,
        who: Who,
        parse: impl FnOnce(&str, &str, Formulas) -> Result<Destination, SinkError>,
    ) -> Result<ExportOptions, SinkError> {
        let formulas = if self.formulas_defused { Formulas::Defuse } else { Formulas::Keep };
        let compression = self.compression.as_deref().and_then(Compression::named).unwrap_or_default();
        Ok(ExportOptions {
            destination: parse(to, &self.format, formulas)?.compressed(compression),
            transcripts: self.transcripts,
            attachments: self.attachments,
            selection: self.selection,
            incremental: self.incremental,
            reason: self.reason,
            begin: Begin::GoOn,
            who,
        })
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

    /// What a scheduled export asks for: [`ExportOptions::words`], and where to.
    ///
    /// # Errors
    /// A stored text that is none, those of a destination that is none, and those of `reach`.
    pub fn of_words(words: &str, to: &str, who: Who, reach: Reach<'_>) -> Result<Self, SinkError> {
        let void = |_| StoreError::Stored { what: "options of a scheduled export" };
        let words: Words = serde_json::from_str(words).map_err(void)?;
        words
            .options(to, who, |to, format, formulas| Destination::parse_reaching(to, format, formulas, reach))
    }

    fn read(
        run: &ExportRun,
        who: Who,
        parse: impl FnOnce(&str, &str, Formulas) -> Result<Destination, SinkError>,
    ) -> Result<Self, SinkError> {
        let words =
            Words::of(run).ok_or_else(|| SinkError::NotResumable { run: run.export_run_id.0.clone() })?;
        words.options(&run.destination, who, parse)
    }

    /// Whether what is asked for can be had at all.
    ///
    /// # Errors
    /// [`SinkError::NoReason`], [`SinkError::NoConversations`], [`SinkError::OnlyTables`], [`SinkError::NoMonths`], and those of [`Selection::tables`].
    pub fn check(&self) -> Result<(), SinkError> {
        let told = self.reason.as_deref().map(str::trim);
        if told.is_some_and(|reason| reason.len() > REASON_BYTES_MAX)
            || (self.shows_people() && told.is_none_or(str::is_empty))
        {
            return Err(SinkError::NoReason);
        }
        let going = self.selection.tables()?;
        let has = |name: &str| going.iter().any(|table| table.name == name);
        let hangs = going.iter().find(|table| table.cut == Cut::Conversation);
        if let Some(table) = hangs.filter(|_| !self.destination.has_files() && !has("conversations")) {
            return Err(SinkError::NoConversations { table: table.name });
        }
        let has_files = self.transcripts || self.attachments;
        if has_files && (self.incremental || !self.selection.is_everything()) {
            return Err(SinkError::OnlyTables);
        }
        if self.incremental && self.destination.layout() != Layout::Months {
            return Err(SinkError::NoMonths);
        }
        Ok(())
    }

    /// Whether personal data goes out as it is.
    pub(super) fn shows_people(&self) -> bool {
        self.selection.mask == Mode::None
    }

    /// The words, as they are stored: everything but where to and who asked.
    #[must_use]
    pub fn words(&self) -> String {
        let words = Words {
            format: self.destination.format().to_owned(),
            compression: Some(self.destination.compression())
                .filter(|compression| *compression != Compression::None)
                .map(|compression| compression.name().to_owned()),
            formulas_defused: self.destination.formulas() == Formulas::Defuse,
            transcripts: self.transcripts,
            attachments: self.attachments,
            selection: self.selection.clone(),
            incremental: self.incremental,
            reason: self.reason.clone(),
        };
        serde_json::to_string(&words).expect("words are JSON")
    }
}
