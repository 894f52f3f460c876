//! What became of each field: carried as it is, carried in another form, or left behind, and how often.
//!
//! A writer notes every value it meets exactly once, so that of each field `carried + changed + left` is what the
//! mirror has. The lines are written to `report.ndjson` and shown as a table.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::handover::fields;
use crate::handover::neutral::Conversation;

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrives as it is.
    Carried,
    /// It arrives in another form.
    Changed,
    /// It stays behind.
    Left,
}

impl Fate {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Changed => "changed",
            Self::Left => "left",
        }
    }
}

/// How many values of one field met the same fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldLine {
    /// The field, as the neutral format names it; fields of the conversation itself stand alone.
    pub field: &'static str,
    /// What became of it.
    pub fate: Fate,
    /// How it was changed, or why it was left; empty for what was carried.
    pub how: &'static str,
    /// How many values.
    pub count: u64,
}

/// What always becomes of some fields, whatever their value.
pub(crate) struct Rule {
    fields: &'static [&'static str],
    fate: Fate,
    how: &'static str,
}

impl Rule {
    pub(crate) const fn carried(fields: &'static [&'static str]) -> Self {
        Self { fields, fate: Fate::Carried, how: "" }
    }

    pub(crate) const fn changed(fields: &'static [&'static str], how: &'static str) -> Self {
        Self { fields, fate: Fate::Changed, how }
    }

    pub(crate) const fn left(fields: &'static [&'static str], why: &'static str) -> Self {
        Self { fields, fate: Fate::Left, how: why }
    }
}

/// The fates of all fields.
#[derive(Debug, Clone, Default)]
pub struct FieldReport {
    counts: BTreeMap<(&'static str, Fate, &'static str), u64>,
}

impl FieldReport {
    pub(crate) fn carried(&mut self, field: &'static str) {
        self.note(field, Fate::Carried, "");
    }

    pub(crate) fn changed(&mut self, field: &'static str, how: &'static str) {
        self.note(field, Fate::Changed, how);
    }

    pub(crate) fn left(&mut self, field: &'static str, why: &'static str) {
        self.note(field, Fate::Left, why);
    }

    /// Note every value of a conversation whose field has a rule. The others are the writer's to note, but for the
    /// messages that Drift no longer lists: no format carries them.
    pub(crate) fn by(&mut self, rules: &[Rule], conversation: &Conversation) {
        fields::each(conversation, &mut |field| {
            if let Some(rule) = rules.iter().find(|rule| rule.fields.contains(&field)) {
                self.note(field, rule.fate, rule.how);
            }
        });
        for _ in 0..conversation.messages_not_listed {
            self.left(fields::NOT_LISTED, "no longer in Drift; they are in the messages table");
        }
    }

    fn note(&mut self, field: &'static str, fate: Fate, how: &'static str) {
        *self.counts.entry((field, fate, how)).or_default() += 1;
    }

    /// The lines, by field.
    #[must_use]
    pub fn lines(&self) -> Vec<FieldLine> {
        self.counts
            .iter()
            .map(|((field, fate, how), count)| FieldLine { field, fate: *fate, how, count: *count })
            .collect()
    }
}
