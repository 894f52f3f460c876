//! Reading a certificate back: the summary and the lines of single conversations.

use model::ConversationId;
use serde::Deserialize;

use super::types::{Certificate, FORMAT};
use crate::error::EngineError;

/// One conversation of a certificate: id, number of messages, hash of its ordered messages (hexadecimal).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConversationLine(pub ConversationId, pub i64, pub String);

/// A certificate that was read from a file.
#[derive(Debug, Clone)]
pub struct Reader {
    /// The summary.
    pub certificate: Certificate,
    /// The lines, ascending by id.
    pub conversations: Vec<ConversationLine>,
}

#[derive(Deserialize)]
struct Lines {
    conversation_hashes: Vec<ConversationLine>,
}

impl Reader {
    /// Parse what [`super::write_json`] wrote.
    ///
    /// # Errors
    /// [`EngineError::Certificate`] when it is not JSON, not a certificate, or of another format.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let broken = |error: serde_json::Error| EngineError::Certificate(error.to_string());
        let certificate: Certificate = serde_json::from_str(text).map_err(broken)?;
        if certificate.format != FORMAT {
            return Err(EngineError::Certificate(format!(
                "its format is {:?}, not {FORMAT:?}",
                certificate.format
            )));
        }
        let lines: Lines = serde_json::from_str(text).map_err(broken)?;
        if !lines.conversation_hashes.is_sorted_by_key(|line| line.0) {
            return Err(EngineError::Certificate("its conversations are out of order".into()));
        }
        Ok(Self { certificate, conversations: lines.conversation_hashes })
    }
}
