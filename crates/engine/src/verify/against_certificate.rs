//! Offline: a store held against a certificate, conversation by conversation.
//!
//! Every message is read and hashed anew: a hash that was stored beside the messages would not notice that somebody
//! changed them.

use model::ConversationId;
use store::{Db, mirror};

use super::Verification;
use crate::certificate::{OverallHash, Reader};
use crate::error::{Doing, EngineError};

/// Conversations read from the store at once.
const PAGE: u32 = 200;

/// Compare every conversation's hash with the certificate's. Nothing outside the store is asked.
///
/// # Errors
/// When the store cannot be read.
pub async fn against_certificate(db: &Db, reader: &Reader) -> Result<Verification, EngineError> {
    let org = reader.certificate.org_id;
    let mut found = Verification::default();
    let mut overall = OverallHash::new();
    let mut expected = reader.conversations.iter().peekable();
    let mut after = None;
    loop {
        let page = mirror::hashes(db, org, after, PAGE).await.doing("read the hashes")?;
        let Some(last) = page.last() else { break };
        after = Some(last.conversation_id);
        let ids: Vec<ConversationId> = page.iter().map(|line| line.conversation_id).collect();
        let messages = mirror::messages_of_many(db, org, &ids).await.doing("read messages")?;
        for line in page.iter().filter(|line| !line.gone) {
            let id = line.conversation_id;
            let held = messages.get(&id).map_or(&[][..], Vec::as_slice);
            let (count, hash) = (held.len() as i64, mirror::messages_hash(held));
            while let Some(missing) = expected.next_if(|wanted| wanted.0 < id) {
                found.differs(missing.0, "the conversation is missing");
            }
            overall.add(id, count, &hash);
            found.conversations += 1;
            found.messages += held.len() as u64;
            match expected.next_if(|wanted| wanted.0 == id) {
                None => found.differs(id, "the conversation is not in the certificate"),
                Some(wanted) if wanted.1 != count => {
                    found.differs(id, format!("{count} messages instead of {}", wanted.1));
                }
                Some(wanted) if wanted.2 != hex::encode(hash) => found.differs(id, "its messages differ"),
                Some(_) => {}
            }
        }
    }
    for missing in expected {
        found.differs(missing.0, "the conversation is missing");
    }
    if found.differences_total == 0 && overall.finish() != reader.certificate.hash {
        found.unread.push("the certificate's lines do not match its own hash over all".into());
    }
    Ok(found.conclude())
}
