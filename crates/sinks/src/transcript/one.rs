//! The transcript of one conversation, on demand.

use model::{ConversationId, OrgId};
use store::{Db, mirror};

use crate::SinkError;
use crate::transcript::{Files, People, Transcript, gather};

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
    let stored = mirror::conversation(db, org, id).await?;
    let gathered = gather::gather(db, org, stored.into_iter().collect()).await?;
    let gathered = gathered.first().ok_or(SinkError::NoConversation { id })?;
    Ok(Transcript::compose(gathered.source(), &people(db, org).await?, files))
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
