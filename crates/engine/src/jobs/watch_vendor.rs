//! Watch whether the service is on its way out, and say so while an archive can still be made; and see what the token may do by
//! now.

use serde::{Deserialize, Serialize};
use store::notices::{self, NewNotice};
use store::queue::priority;
use store::{call_stats, connections, grants, signals};

use super::asking;
use crate::job::{Finished, Job, JobContext, JobError};
use crate::watch::{self, Finding};

/// Watch the service behind an organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WatchVendor {}

impl Job for WatchVendor {
    const KIND: &'static str = "watch_vendor";
    const PRIORITY: i64 = priority::SWEEP;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        let (org, now) = (ctx.org(), ctx.now());
        let mut found = Vec::new();
        // One small call, so that there is an answer to look at; how it fares is counted like any other.
        match drift.conversation_stats().await {
            Err(error) if error.class() == drift::Class::Auth => return Err(asking::failed(ctx, error).await),
            Err(drift::Error::Tls { host, .. }) => found.push(Finding {
                subject: "certificate",
                message: format!("The certificate of {host} is not to be trusted: no call can be made"),
            }),
            _ => {}
        }
        let scopes = seen(ctx, &drift).await?;
        let book = ctx.node.clients.book();
        book.flush(&ctx.node.db, now).await?;
        let week = call_stats::since(&ctx.node.db, org, now.plus(-watch::BEFORE_MS)).await?;
        if found.is_empty() {
            found.extend(watch::certificate(book.signs(org).certificate_end, now));
        }
        found.extend(watch::judge(&week, now));
        let connection = connections::get(&ctx.node.db, org).await?;
        let mut tx = ctx.begin().await?;
        if let (Some(connection), Some(scopes)) = (connection, scopes) {
            grants::scopes_seen(&mut tx, &connection.connection_id, &scopes, now).await?;
        }
        for subject in watch::SUBJECTS {
            match found.iter().find(|found| found.subject == subject) {
                Some(Finding { message, .. }) => {
                    let notice = NewNotice { org, kind: watch::NOTICE, subject, message };
                    notices::raise(&mut tx, &notice, now).await?;
                }
                None => drop(notices::dismiss(&mut tx, org, watch::NOTICE, Some(subject)).await?),
            }
        }
        let outcome = if found.is_empty() { "calm" } else { "warned" };
        asking::end(ctx, tx, outcome).await
    }
}

/// What the token may do, as Drift tells it; `None` where it cannot be had now.
async fn seen(ctx: &JobContext, drift: &drift::Client) -> Result<Option<String>, JobError> {
    match drift.token_info().await {
        Ok(info) => Ok(Some(info.scopes().collect::<Vec<_>>().join(" "))),
        Err(error) if error.class() == drift::Class::Auth => Err(asking::failed(ctx, error).await),
        Err(_) => Ok(None),
    }
}
