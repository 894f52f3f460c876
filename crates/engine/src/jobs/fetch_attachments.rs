//! Fetch the bytes of one conversation's attachments that are not here: they cannot be had again once the API is gone.

use drift::Class;
use model::{AttachmentId, ConversationId};
use serde::{Deserialize, Serialize};
use store::mirror;
use store::queue::priority;
use store::signals::kind;

use super::asking;
use crate::context::Limits;
use crate::job::{Finished, Job, JobContext, JobError};

/// Fetch a conversation's files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FetchAttachments {
    /// Whose.
    pub conversation: ConversationId,
}

impl Job for FetchAttachments {
    const KIND: &'static str = kind::FETCH_ATTACHMENTS;
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.conversation.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let missing = self.missing(ctx).await?;
        let drift = asking::client(ctx).await?;
        let (bytes_max, mut too_large) = (Limits::default().attachment_bytes_max, false);
        // One at a time, each with a commit of its own: a file may be large.
        for id in missing {
            if ctx.node.stop.is_set() {
                return Err(JobError::Stopped);
            }
            match drift.attachment(id, bytes_max).await {
                Ok(file) => {
                    let (mime, now) = (file.content_type.as_deref(), ctx.node.clock.now());
                    let mut tx = ctx.begin().await?;
                    mirror::store_attachment(&mut tx, ctx.job.org, id, &file.bytes, mime, now).await?;
                    tx.commit().await?;
                }
                Err(error) if error.class() == Class::Gone => {
                    let mut tx = ctx.begin().await?;
                    mirror::mark_attachment_gone(&mut tx, ctx.job.org, id, ctx.node.clock.now()).await?;
                    tx.commit().await?;
                }
                Err(error) if error.class() == Class::Scope => return asking::refused(ctx, &error).await,
                Err(drift::Error::TooLarge { .. }) => too_large = true,
                Err(error) => return Err(asking::failed(ctx, error).await),
            }
        }
        Ok(asking::done(ctx, if too_large { "too_large" } else { "changed" }))
    }
}

impl FetchAttachments {
    async fn missing(&self, ctx: &JobContext) -> Result<Vec<AttachmentId>, JobError> {
        let (db, org) = (&ctx.node.db, ctx.job.org);
        let messages = mirror::messages_of(db, org, self.conversation).await?;
        let attachments = messages.iter().flat_map(|message| &message.attachments);
        let mut ids: Vec<AttachmentId> = attachments.map(|attachment| attachment.attachment_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let held = mirror::files_held(db, org, &ids).await?;
        ids.retain(|id| !held.contains(id));
        Ok(ids)
    }
}
