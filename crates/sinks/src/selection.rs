//! What of the mirror goes out: which tables and columns, which conversations, and what is masked of them.
//!
//! It is one value, checked before the first write and written down in the manifest: whoever reads an export can tell what was
//! left out of it, and an incremental run goes on only from a run that chose the same.

use std::collections::BTreeMap;

use model::Millis;
use serde::{Deserialize, Serialize};
use store::tables::{self, Filter, Month, TRANSCRIPTS, Table, columns};

use crate::SinkError;
use crate::mask::Mode;

/// What goes out. The default is everything, as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// The tables; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<String>>,
    /// Whether the table of transcripts goes out too, which is not among all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub transcripts: bool,
    /// The columns of tables of which not all go out; keys always do.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Vec<String>>,
    /// The conversations.
    #[serde(skip_serializing_if = "Filter::is_all")]
    pub filter: Filter,
    /// What is masked.
    pub mask: Mode,
}

impl Selection {
    /// Whether nothing was chosen.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether nothing is left out and nothing masked.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        Self { transcripts: false, ..self.clone() }.is_default()
    }

    /// Leave out conversations that began before so many months, the running one included. It begins with a month, so that what
    /// goes out stays the same until the next.
    #[must_use]
    pub fn keeping(mut self, months: u32, now: Millis) -> Self {
        let first = Month::of(now).map(|month| month.before(months.saturating_sub(1)).bounds().0);
        self.filter.since = self.filter.since.max(first);
        self
    }

    /// The tables that go out, with the columns that do, in the order of the list.
    ///
    /// # Errors
    /// [`SinkError::UnknownName`] for a table or column that there is not, [`SinkError::LeftOut`] for columns of a table that does
    /// not go out, [`SinkError::MaskedTranscripts`] for transcripts under a mask.
    pub fn tables(&self) -> Result<Vec<&'static Table>, SinkError> {
        let named = self.tables.as_deref().unwrap_or_default();
        for name in named.iter().chain(self.columns.keys()) {
            columns::named(name)?;
        }
        let goes = |table: &&Table| match &self.tables {
            Some(named) if named.iter().any(|name| name == table.name) => true,
            Some(_) => self.transcripts && table.name == TRANSCRIPTS.name,
            None => self.transcripts || table.name != TRANSCRIPTS.name,
        };
        if let Some(name) =
            self.columns.keys().find(|name| !tables::every().filter(goes).any(|table| table.name == **name))
        {
            return Err(SinkError::LeftOut { table: name.clone() });
        }
        let going = tables::every().filter(goes).map(|table| self.narrow(table));
        let going = going.collect::<Result<Vec<_>, _>>()?;
        if self.mask != Mode::None && going.iter().any(|table| table.name == TRANSCRIPTS.name) {
            return Err(SinkError::MaskedTranscripts);
        }
        Ok(going)
    }

    /// A table as this selection has it, whether it goes out or not.
    ///
    /// # Errors
    /// [`SinkError::UnknownName`] for a column that there is not.
    pub fn narrow(&self, table: &'static Table) -> Result<&'static Table, SinkError> {
        match self.columns.get(table.name) {
            Some(names) => Ok(columns::narrowed(table, names)?),
            None => Ok(table),
        }
    }
}

#[cfg(test)]
mod tests {
    use store::tables::TABLES;

    use super::*;

    fn of(tables: Option<&[&str]>, columns: &[(&str, &[&str])]) -> Selection {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Selection {
            tables: tables.map(owned),
            columns: columns.iter().map(|(table, names)| ((*table).to_owned(), owned(names))).collect(),
            ..Selection::default()
        }
    }

    #[test]
    fn tables_go_out_in_their_order_with_the_columns_named() {
        let tables = of(Some(&["messages", "conversations"]), &[("messages", &["text"])]).tables().unwrap();
        let names: Vec<&str> = tables.iter().map(|table| table.name).collect();
        assert_eq!(names, ["conversations", "messages"]);
        let columns: Vec<&str> = tables[1].columns.iter().map(|column| column.name).collect();
        assert_eq!(columns, ["org_id", "conversation_id", "message_id", "text"]);
        assert_eq!(Selection::default().tables().unwrap().len(), TABLES.len());
    }

    #[test]
    fn names_of_nothing_are_refused() {
        let error = of(None, &[("messages", &["txet"])]).tables().unwrap_err();
        assert_eq!(error.to_string(), "the table messages has no column \"txet\": did you mean \"text\"?");
        let error = of(Some(&["massages"]), &[]).tables().unwrap_err();
        assert_eq!(error.to_string(), "there is no table \"massages\": did you mean \"messages\"?");
        let error = of(Some(&["users"]), &[("messages", &["text"])]).tables().unwrap_err();
        assert_eq!(error.to_string(), "columns of messages are named, and the table is left out");
    }

    #[test]
    fn transcripts_go_out_only_when_they_are_asked_for_and_nothing_is_masked() {
        let names = |selection: &Selection| -> Vec<&str> {
            selection.tables().unwrap().iter().map(|table| table.name).collect()
        };
        let with = Selection { transcripts: true, ..Selection::default() };
        assert_eq!(names(&with).len(), TABLES.len() + 1);
        assert!(with.is_everything());
        assert_eq!(names(&of(Some(&["transcripts"]), &[])), ["transcripts"]);
        let chosen =
            Selection { transcripts: true, ..of(Some(&["users"]), &[("transcripts", &["markdown"])]) };
        assert_eq!(names(&chosen), ["users", "transcripts"]);
        let columns: Vec<&str> =
            chosen.tables().unwrap()[1].columns.iter().map(|column| column.name).collect();
        assert_eq!(columns, ["org_id", "conversation_id", "created_at", "markdown"]);
        let masked = Selection { mask: Mode::Identifiers, ..with };
        assert!(matches!(masked.tables(), Err(SinkError::MaskedTranscripts)));
        let without = of(None, &[("transcripts", &["text"])]).tables().unwrap_err();
        assert_eq!(without.to_string(), "columns of transcripts are named, and the table is left out");
    }

    #[test]
    fn what_was_chosen_is_written_down_and_read_back() {
        let mut chosen = of(None, &[("messages", &["text"])]);
        chosen.filter.statuses = vec!["open".to_owned()];
        chosen.mask = Mode::Identifiers;
        let text = serde_json::to_string(&chosen).unwrap();
        assert_eq!(
            text,
            r#"{"columns":{"messages":["text"]},"filter":{"statuses":["open"]},"mask":"identifiers"}"#
        );
        assert_eq!(serde_json::from_str::<Selection>(&text).unwrap(), chosen);
    }
}
