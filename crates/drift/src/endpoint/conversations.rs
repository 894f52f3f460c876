//! Conversations, their messages, files and transcripts.

mod list_conversations;
mod conversation;
mod messages;
mod create_message;
mod create_conversation;
mod transcript;
mod json_transcript;
mod conversation_stats;
mod attachment;

pub use attachment::ATTACHMENT_BYTES_MAX;
pub use create_conversation::{FirstAttributes, FirstMessage, NewConversation};
pub use create_message::NewMessage;
pub use list_conversations::{LIST_LIMIT_MAX, ListQuery};
