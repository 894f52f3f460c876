//! Point out connections that nobody has used for long, and end them where that was set.
//!
//! It belongs to no organization, so that no pause holds it: a connection whose jobs are paused is one that is not used.

use model::{ConnectionId, Millis};
use serde::{Deserialize, Serialize};
use store::audit::Who;
use store::connections::{self, Connection};
use store::disconnects::{Because, Data};
use store::notices::{self, NewNotice};
use store::queue::priority;
use store::signals;

use super::asking;
use crate::disconnect::{Plan, Selection};
use crate::job::{Class, Finished, Job, JobContext, JobError};

/// Notices looked through for one that may be taken back.
const NOTICES_MAX: u32 = 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Connections read in one page.
const PAGE: u32 = 500;

/// Look how long each connection has not been used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndUnused {}

impl Job for EndUnused {
    const KIND: &'static str = "end_unused";
    const PRIORITY: i64 = priority::BACKFILL;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let (mut after, mut pointed_out, mut ended) = (ConnectionId(String::new()), 0, 0);
        loop {
            let page = connections::not_ended(&ctx.node.db, None, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.connection_id.clone();
            for one in page.iter().filter(|one| !one.state.is_given_up()) {
                if ctx.node.stop.is_set() {
                    return Err(JobError::Stopped);
                }
                let (unused_ms, limits) = (one.unused_ms(ctx.now()), &ctx.node.limits);
                if limits.end_unused_ms.is_some_and(|end_ms| unused_ms >= end_ms) {
                    end(ctx, one).await?;
                    ended += 1;
                } else {
                    pointed_out += usize::from(point_out(ctx, one, unused_ms >= limits.unused_ms).await?);
                }
            }
        }
        Ok(asking::done(
            ctx,
            if ended > 0 {
                "ended"
            } else if pointed_out > 0 {
                "warned"
            } else {
                "calm"
            },
        ))
    }
}

/// Give it up as a person would; the data is kept.
async fn end(ctx: &JobContext, one: &Connection) -> Result<(), JobError> {
    let plan = Plan { because: Because::Unused, ..Plan::asked(Data::Keep) };
    let selection = Selection::One(one.connection_id.clone());
    let ended = ctx.node.clients.connections().disconnect(&selection, plan, &Who::node()).await;
    ended.map_err(|error| JobError::retry(Class::Store, crate::error::chain(&error)))?;
    say(ctx, one, Some("was not used for as long as was set, and was ended")).await.map(drop)
}

/// Say that it is not used, or take that back; answers whether it is not.
async fn point_out(ctx: &JobContext, one: &Connection, is_unused: bool) -> Result<bool, JobError> {
    let text =
        "has not been used for long: give it up with \"longshore connections disconnect\" if nobody needs it";
    say(ctx, one, is_unused.then_some(text)).await?;
    Ok(is_unused)
}

async fn say(ctx: &JobContext, one: &Connection, text: Option<&str>) -> Result<(), JobError> {
    let (org, subject) = (one.org_id, one.connection_id.0.as_str());
    let known = notices::list(&ctx.node.db, Some(org), NOTICES_MAX).await?;
    if text.is_none()
        && !known.iter().any(|notice| notice.kind == notices::OF_UNUSED && notice.subject == subject)
    {
        return Ok(());
    }
    let mut tx = ctx.begin().await?;
    match text {
        None => drop(notices::dismiss(&mut tx, org, notices::OF_UNUSED, Some(subject)).await?),
        Some(text) => {
            let last = one.last_used_at.unwrap_or(one.created_at);
            let message = format!("Connection {subject} {text} ({} days)", days_since(last, ctx.now()));
            let notice = NewNotice { org, kind: notices::OF_UNUSED, subject, message: &message };
            notices::raise(&mut tx, &notice, ctx.now()).await?;
        }
    }
    Ok(tx.commit().await?)
}

fn days_since(last: Millis, now: Millis) -> i64 {
    now.since(last).max(0) / DAY_MS
}
