//! The transcript of one conversation, on demand.

use model::{ConversationId, OrgId};
use store::{Db, mirror};

use crate::SinkError;
use crate::transcript::{Files, MESSAGES_MAX, People, Source, Transcript};

/// Read one conversation and gather its transcript.
///
/// # Errors
/// [`SinkError::NoConversation`] when the mirror does not have it, or the store's.
pub async fn read(
    db: &Db,
    org: OrgId,
    id: ConversationId,
    files: &(dyn Files + Sync),
) -> Result<Transcript, SinkError> {
    let stored = mirror::conversation(db, org, id).await?.ok_or(SinkError::NoConversation { id })?;
    let messages = mirror::messages_of(db, org, id).await?;
    let contact = match stored.conversation.contact_id {
        Some(contact) => mirror::contact(db, org, contact).await?,
        None => None,
    };
    let shown = &messages[..messages.len().min(MESSAGES_MAX)];
    let source = Source {
        conversation: &stored.conversation,
        details: stored.details.as_ref(),
        contact: contact.as_ref(),
        messages: shown,
        messages_left_out: (messages.len() - shown.len()) as u64,
        gone_at: stored.gone_at,
    };
    Ok(Transcript::compose(source, &people(db, org).await?, files))
}

/// The names of all users, bots among them.
///
/// # Errors
/// The store's.
pub(crate) async fn people(db: &Db, org: OrgId) -> Result<People, SinkError> {
    let mut people = People::new();
    for user in mirror::users(db, org).await? {
        let name = user.name.as_ref().or(user.alias.as_ref());
        people.know(user.user_id, name.map_or("", |name| name.expose()));
    }
    Ok(people)
}
