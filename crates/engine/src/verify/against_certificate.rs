//! Offline: a store held against a certificate, conversation by conversation.

use store::{Db, mirror};

use super::Verification;
use crate::certificate::{OverallHash, Reader};
use crate::error::{Doing, EngineError};

/// Conversations read from the store at once.
const PAGE: u32 = 2_000;

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
        for line in page.iter().filter(|line| !line.gone) {
            let (id, hash) = (line.conversation_id, line.hash.unwrap_or_default());
            while let Some(missing) = expected.next_if(|wanted| wanted.0 < id) {
                found.differs(missing.0, "the conversation is missing");
            }
            overall.add(id, line.message_count, &hash);
            found.conversations += 1;
            found.messages += u64::try_from(line.message_count).unwrap_or(0);
            match expected.next_if(|wanted| wanted.0 == id) {
                None => found.differs(id, "the conversation is not in the certificate"),
                Some(wanted) if wanted.1 != line.message_count => {
                    found.differs(id, format!("{} messages instead of {}", line.message_count, wanted.1));
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
