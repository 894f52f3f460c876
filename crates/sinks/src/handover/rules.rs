//! What becomes of the same fields in every format of others.

use crate::handover::report::Rule;

/// The words of it, wherever it stands.
pub(crate) const IN_THE_NOTE: &str = "written in the note about the conversation";

pub(crate) const RAW: Rule = Rule::left(
    &["extra", "details_extra", "contact.extra", "meetings.extra", "messages.extra"],
    "raw JSON of Drift's; kept in the neutral format and in the tables",
);
pub(crate) const BESIDE: Rule =
    Rule::changed(&["messages.before", "messages.buttons"], "written beside the text");
pub(crate) const EDITS: Rule =
    Rule::changed(&["messages.edits"], "applied to their message; the last is told beside the text");
pub(crate) const IDS: Rule = Rule::left(&["messages.id"], "no field for another system's ids of messages");
pub(crate) const COLORS: Rule = Rule::left(&["tags.color"], "tags have no colour there");
/// Contacts are found again by the numbers in it.
pub(crate) const NOTE: Rule = Rule::changed(
    &[
        "updated_at",
        "gone_at",
        "inbox_id",
        "playbook",
        "page",
        "participants",
        "meetings",
        "contact.id",
        "contact.attributes",
    ],
    IN_THE_NOTE,
);
