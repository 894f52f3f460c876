//! Reading conversations for a handover, some at a time.
//!
//! Messages, contacts, meetings and files come by batches of conversations: at most 64 of them and 8,192 messages, but
//! always one. So memory holds a few batches, or one conversation that is longer than that.

use std::collections::HashMap;

use model::{AttachmentId, ContactId, ConversationId, OrgId};
use store::Db;
use store::mirror::{self, FileFacts, StoredConversation};

use crate::SinkError;
use crate::handover::compose::{Gathered, Shared};

/// Conversations read at once.
const BATCH_CONVERSATIONS_MAX: u32 = 64;
/// Messages read at once: of conversations that have more together, fewer are taken, but always one.
const BATCH_MESSAGES_MAX: i64 = 8_192;

/// Some conversations, and the files of their attachments.
pub(super) struct Batch {
    pub(super) conversations: Vec<Gathered>,
    pub(super) files: HashMap<AttachmentId, FileFacts>,
}

/// Which conversations are read.
pub(super) enum Wanted {
    /// All, in the order of ids, after this one.
    After(Option<ConversationId>),
    /// These; taken from the end.
    These(Vec<ConversationId>),
}

impl Wanted {
    /// These conversations, each once, in the order of ids.
    pub(super) fn these(ids: &[ConversationId]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        Self::These(ids)
    }
}

/// What is the same for all conversations.
pub(super) async fn shared(db: &Db, org: OrgId, attachments_at: Option<String>) -> Result<Shared, SinkError> {
    let team = mirror::users(db, org).await?.into_iter().map(|user| (user.user_id, user)).collect();
    Ok(Shared { org, team, playbooks: mirror::playbook_names(db, org).await?, attachments_at })
}

/// The next batch; `None` at the end.
pub(super) async fn next(db: &Db, org: OrgId, wanted: &mut Wanted) -> Result<Option<Batch>, SinkError> {
    let found = match wanted {
        Wanted::After(after) => {
            let mut found = mirror::read_conversations(db, org, *after, BATCH_CONVERSATIONS_MAX).await?;
            found.truncate(fitting(&found));
            *after = found.last().map(|stored| stored.conversation.conversation_id).or(*after);
            found
        }
        Wanted::These(ids) => match ids.pop() {
            Some(id) => mirror::conversation(db, org, id).await?.into_iter().collect(),
            None => Vec::new(),
        },
    };
    if found.is_empty() { Ok(None) } else { fill(db, org, found).await.map(Some) }
}

/// How many of these conversations fit a batch.
fn fitting(found: &[StoredConversation]) -> usize {
    let mut messages = 0;
    let fitting = found.iter().take_while(|stored| {
        messages += stored.message_count;
        messages <= BATCH_MESSAGES_MAX
    });
    fitting.count().max(1)
}

async fn fill(db: &Db, org: OrgId, found: Vec<StoredConversation>) -> Result<Batch, SinkError> {
    let ids: Vec<ConversationId> = found.iter().map(|stored| stored.conversation.conversation_id).collect();
    let contacts: Vec<ContactId> = found.iter().filter_map(|stored| stored.conversation.contact_id).collect();
    let mut messages = mirror::messages_of_many(db, org, &ids).await?;
    let contacts = mirror::contacts_of(db, org, &contacts).await?;
    let mut meetings = mirror::meetings_of_many(db, org, &ids).await?;
    let not_listed = mirror::messages_not_listed(db, org, &ids).await?;
    let attached = messages.values().flatten().flat_map(|message| &message.attachments);
    let attached: Vec<AttachmentId> = attached.map(|attachment| attachment.attachment_id).collect();
    let files = match attached.is_empty() {
        true => HashMap::new(),
        false => mirror::files_of_many(db, org, &attached).await?,
    };
    let conversations = found.into_iter().map(|stored| {
        let id = stored.conversation.conversation_id;
        Gathered {
            contact: stored.conversation.contact_id.and_then(|id| contacts.get(&id).cloned()),
            messages: messages.remove(&id).unwrap_or_default(),
            meetings: meetings.remove(&id).unwrap_or_default(),
            messages_not_listed: not_listed.get(&id).copied().unwrap_or_default(),
            stored,
        }
    });
    Ok(Batch { conversations: conversations.collect(), files })
}
