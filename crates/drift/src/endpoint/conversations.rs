//! Conversations, their messages, files and transcripts.

mod attachment;
mod conversation;
mod conversation_stats;
mod create_conversation;
mod create_message;
mod json_transcript;
mod list_conversations;
mod messages;
mod transcript;

pub use attachment::ATTACHMENT_BYTES_MAX;
pub use create_conversation::{FirstAttributes, FirstMessage, NewConversation};
pub use create_message::NewMessage;
pub use list_conversations::{LIST_LIMIT_MAX, ListQuery};
