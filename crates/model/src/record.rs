//! The records the store keeps: our shape of what Drift gives, with everything that has no column in `extra`.
//!
//! The API's wire shapes become these in `engine`, by plain functions; `store` writes and reads them; `sinks`
//! carries them out. Times are Unix milliseconds, UTC. `extra` is a JSON object as text: the fields of the
//! original that have no column here, so that what appears tomorrow is not lost today (`{}` when there are none).

mod conversation;
mod directory;
mod snapshot;

pub use conversation::{Attachment, Author, Conversation, Details, Message, Tag};
pub use directory::{
    Account, Contact, ContactAttribute, LandingPage, Meeting, Playbook, ReportValue, Team, User,
};
pub use snapshot::{Snapshot, Version};
