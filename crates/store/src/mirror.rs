//! The mirror: what Drift holds, as far as it was fetched.
//!
//! There is one way in, [`apply`]. It is idempotent, and the end state depends neither on the order nor on the
//! number of deliveries; `merge` states the law.

mod apply;
pub(crate) mod around;
pub(crate) mod counts;
pub(crate) mod files;
pub(crate) mod gone;
pub(crate) mod held;
pub(crate) mod merge;
pub(crate) mod missing;
pub(crate) mod pending;
pub(crate) mod prepared;
pub(crate) mod read;
pub(crate) mod state;
pub(crate) mod write;

pub use crate::hash::messages_hash;
pub use apply::{Applied, apply, apply_prepared};
pub use around::{FileFacts, files_of_many, meetings_of_many, messages_not_listed, playbook_names};
pub use counts::{Counts, count_created_between, count_people_of_conversations, counts};
pub use files::{
    AttachmentMissing, StoredFile, attachment_bytes, attachments_missing, mark_attachment_gone,
    store_attachment,
};
pub use gone::mark_gone;
pub use held::{contact_is_held, files_held, messages_held};
pub use missing::{Live, Missing, first_created_at, live, missing};
pub use pending::{contacts_missing, conversations_without_details};
pub use prepared::Prepared;
pub use read::{
    ConversationHash, ConversationState, StoredConversation, contact, contacts_of, conversation,
    conversations_of, hashes, messages_of, messages_of_many, participants_of, read_conversations, states,
    tags_of, users,
};
