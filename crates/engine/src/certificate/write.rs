//! Writing a certificate to a file: the summary, then a line for each conversation, straight from the store.

use std::io::Write;

use model::ConversationId;
use sha2::{Digest, Sha256};
use store::{Db, mirror};

use super::types::Certificate;
use crate::error::{Doing, EngineError};

/// Conversations read from the store at once.
pub(crate) const HASHES_PAGE: u32 = 2_000;

/// The hash over all conversations: SHA-256 over id, message count and message hash of each, ascending by id.
pub struct OverallHash(Sha256);

impl OverallHash {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Add the next conversation; ids must ascend.
    pub fn add(&mut self, id: ConversationId, messages: i64, hash: &[u8; 32]) {
        self.0.update(id.0.to_be_bytes());
        self.0.update(messages.to_be_bytes());
        self.0.update(hash);
    }

    /// The hash, hexadecimal.
    #[must_use]
    pub fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

impl Default for OverallHash {
    fn default() -> Self {
        Self::new()
    }
}

/// Write the certificate with a line for each conversation: `[id, messages, "hash of its ordered messages"]`.
///
/// # Errors
/// When the store has changed since the certificate was made (its lines would not match the hash over all), when
/// it cannot be read, or when writing fails.
pub async fn write_json(
    db: &Db,
    certificate: &Certificate,
    out: &mut (dyn Write + Send),
) -> Result<(), EngineError> {
    let summary =
        serde_json::to_string_pretty(certificate).map_err(|error| EngineError::Write(error.into()))?;
    let open = summary.trim_end().trim_end_matches('}').trim_end();
    out.write_all(open.as_bytes()).map_err(EngineError::Write)?;
    out.write_all(b",\n  \"conversation_hashes\": [").map_err(EngineError::Write)?;
    let mut overall = OverallHash::new();
    let (mut after, mut first) = (None, true);
    loop {
        let page =
            mirror::hashes(db, certificate.org_id, after, HASHES_PAGE).await.doing("read the hashes")?;
        let Some(last) = page.last() else { break };
        after = Some(last.conversation_id);
        for line in page.iter().filter(|line| !line.gone) {
            let line_hash = line.hash.unwrap_or_default();
            overall.add(line.conversation_id, line.message_count, &line_hash);
            let comma = if first { "" } else { "," };
            first = false;
            let (id, count, hash) = (line.conversation_id, line.message_count, hex::encode(line_hash));
            write!(out, "{comma}\n    [{id}, {count}, \"{hash}\"]").map_err(EngineError::Write)?;
        }
    }
    out.write_all(b"\n  ]\n}\n").map_err(EngineError::Write)?;
    if overall.finish() != certificate.hash {
        return Err(EngineError::Certificate(
            "the mirror has changed since it was made: archive again".into(),
        ));
    }
    Ok(())
}
