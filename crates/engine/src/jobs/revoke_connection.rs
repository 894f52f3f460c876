//! Carry a disconnect through that was cut off, or whose revocation Drift did not answer.

use model::ConnectionId;
use serde::{Deserialize, Serialize};
use store::audit::Who;
use store::disconnects;
use store::queue::priority;

use super::asking;
use crate::disconnect::Revoking;
use crate::job::{Class, Finished, Job, JobContext, JobError};

/// Revoke a connection that somebody gave up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeConnection {
    /// Which.
    pub connection: ConnectionId,
}

impl Job for RevokeConnection {
    const KIND: &'static str = disconnects::REVOKE_KIND;
    const PRIORITY: i64 = priority::ASKED;

    fn key(&self) -> String {
        self.connection.0.clone()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let ended = ctx.node.clients.connections().end(&self.connection, Revoking::Ask, &Who::node()).await;
        let ended = ended.map_err(|error| JobError::retry(Class::Store, crate::error::chain(&error)))?;
        // Where nothing is settled yet, a job of its own was enqueued with what this try came to.
        Ok(asking::done(
            ctx,
            match ended {
                None => "unchanged",
                Some(ended) if ended.destroyed => "done",
                Some(_) => "waiting",
            },
        ))
    }
}
