//! From Drift's shapes to our records: plain functions, one file a family, each field either in its column or in
//! `extra`. Nothing is dropped: what has no column is kept as the JSON it came as.

mod conversation;
mod directory;
mod extra;
mod fetch;

pub(crate) use conversation::{conversation, conversation_row, message};
pub(crate) use directory::{
    account, contact, contact_attribute, landing_page, meeting, playbook, report_values, team, user,
};
pub(crate) use fetch::{Part, all_meetings, all_messages, whole};
