//! Everything that the transcripts of some conversations are made from, read from the store at once.

use model::record::{Contact, Message};
use model::{ContactId, ConversationId, OrgId};
use store::Db;
use store::mirror::{self, StoredConversation};

use crate::SinkError;
use crate::transcript::{MESSAGES_MAX, Source};

/// Messages read at once: of conversations that have more together, fewer are taken, but always one.
const BATCH_MESSAGES_MAX: i64 = 8_192;

/// Everything about one conversation.
pub(crate) struct Gathered {
    pub(crate) stored: StoredConversation,
    contact: Option<Contact>,
    messages: Vec<Message>,
}

impl Gathered {
    pub(crate) fn id(&self) -> ConversationId {
        self.stored.conversation.conversation_id
    }

    /// What a transcript is made from.
    pub(crate) fn source(&self) -> Source<'_> {
        let shown = &self.messages[..self.messages.len().min(MESSAGES_MAX)];
        Source {
            conversation: &self.stored.conversation,
            details: self.stored.details.as_ref(),
            contact: self.contact.as_ref(),
            messages: shown,
            messages_left_out: (self.messages.len() - shown.len()) as u64,
            gone_at: self.stored.gone_at,
        }
    }
}

/// How many of these conversations are read at once.
pub(crate) fn fitting(found: &[StoredConversation]) -> usize {
    let mut messages = 0;
    let fits = |stored: &&StoredConversation| {
        messages += stored.message_count;
        messages <= BATCH_MESSAGES_MAX
    };
    found.iter().take_while(fits).count().max(1).min(found.len())
}

/// Read what belongs to these conversations.
///
/// # Errors
/// The store's.
pub(crate) async fn gather(
    db: &Db,
    org: OrgId,
    found: Vec<StoredConversation>,
) -> Result<Vec<Gathered>, SinkError> {
    let ids: Vec<ConversationId> = found.iter().map(|stored| stored.conversation.conversation_id).collect();
    let mut messages = mirror::messages_of_many(db, org, &ids).await?;
    let contacts: Vec<ContactId> = found.iter().filter_map(|stored| stored.conversation.contact_id).collect();
    let contacts = mirror::contacts_of(db, org, &contacts).await?;
    let batch = found.into_iter().map(|stored| Gathered {
        contact: stored.conversation.contact_id.and_then(|id| contacts.get(&id).cloned()),
        messages: messages.remove(&stored.conversation.conversation_id).unwrap_or_default(),
        stored,
    });
    Ok(batch.collect())
}
