//! The people, teams, accounts and settings around conversations: as Drift lists them, row by row.
//!
//! Each function is idempotent and answers how many rows it wrote. Where a list is complete, rows that it lacks get
//! `gone_at`: they are kept, for conversations name them still.

pub(crate) mod contacts;
pub(crate) mod lists;
pub(crate) mod told;

pub use contacts::{apply_contacts, mark_contacts_gone};
pub use lists::{
    apply_accounts, apply_contact_attributes, apply_landing_pages, apply_meetings, apply_playbooks,
    apply_report_values, apply_teams, apply_users,
};
pub use told::{ToldMeeting, tell_meetings};

/// Whether a list holds everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// All of it: what it lacks is gone.
    Complete,
    /// Some of it: nothing can be said about the rest.
    Partial,
}
