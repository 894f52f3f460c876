//! What was lost, doubled or out of order.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sinks::webhook::payload;
use store::changes::{self, Change};
use store::inbox::{self, Selection};
use store::queue;
use store::{StoreError, effects, sweeps};

use super::super::machine::Machine;
use super::super::process;
use super::drive::Driven;
use super::receiver::Received;
use super::report::{Delivered, Report, Sweep, Webhooks};
use super::watch::Watch;
use super::{Stage, unread};
use crate::failure::Failure;

/// Rows read at a time.
const PAGE: u32 = 5_000;

impl Stage<'_> {
    /// Compare everything with everything.
    pub(super) async fn judge(&self, driven: Driven, seconds: f64) -> Result<Report, Failure> {
        let words = ["verify", "--json", "--quiet"].map(str::to_owned).into_iter();
        let calls = self.sandbox.log().totals();
        self.sandbox.set_rate(sandbox::RateLimit::none());
        let words = words.chain(self.common.iter().cloned()).collect();
        let verified = process::run(&self.turned.words(words), "", &*self.app.clock).await?.report;
        let webhooks = self.webhooks().await.map_err(|error| unread(&error))?;
        let delivered = self.delivered().await.map_err(|error| unread(&error))?;
        let dead = queue::counts(&self.db).await.map_err(|error| unread(&error))?;
        let dead = dead.iter().filter(|count| count.state == "dead").map(|count| count.jobs).sum();
        let sweep = self.swept().await.map_err(|error| unread(&error))?;
        let refreshes = calls.by_route.get("GET /conversations/{id}/messages").copied().unwrap_or(0);
        let changed = driven.changed.len() as u64;
        let mut report = Report {
            machine: Machine::here(),
            seed: self.args.seed,
            engine: if self.args.postgres.is_some() { "PostgreSQL" } else { "SQLite" },
            processes: self.fleet.len(),
            kills: driven.kills,
            stood_still_seconds: self.args.stop,
            late_seconds_max: self.args.late,
            speed: self.args.speed,
            seconds,
            driven_seconds: driven.seconds,
            events: self.sandbox.webhook_counts().events.values().sum(),
            changed_conversations: changed,
            webhooks,
            dead_letters: dead,
            sweep,
            verified: verified["verified"] == true,
            differences: verified["differences_total"].as_u64().unwrap_or(u64::MAX),
            first_differences: first(&verified),
            delivered,
            refreshes_per_changed_conversation: refreshes as f64 / changed.max(1) as f64,
            refused_429: calls.refused_by_bucket,
            budget: self.watch.as_ref().map(Watch::budget),
            conserved: false,
        };
        report.conserved = report.judge();
        Ok(report)
    }

    /// Which acknowledged events the inbox does not hold.
    async fn webhooks(&self) -> Result<Webhooks, StoreError> {
        let posted = self.sender.posted();
        let selection = Selection { org: Some(self.org()), ..Selection::default() };
        let (mut kept, mut events, mut after) = (HashSet::new(), 0, None);
        loop {
            let page = inbox::list(&self.db, &selection, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.event_id.clone());
            events += page.len() as u64;
            kept.extend(page.into_iter().filter_map(|event| event.key.last_chunk().copied()));
        }
        let counts = self.sandbox.webhook_counts();
        Ok(Webhooks {
            never_sent: counts.lost,
            doubled: counts.doubled,
            late: counts.late,
            posts: posted.posts,
            acknowledged: posted.acknowledged,
            refused: posted.refused.values().sum(),
            unanswered: posted.unanswered,
            in_the_inbox: events,
            acknowledged_and_lost: posted.keys.iter().filter(|key| !kept.contains(*key)).count() as u64,
        })
    }

    /// Hold what was received against the change feed.
    async fn delivered(&self) -> Result<Delivered, StoreError> {
        let received = self.receiver.received();
        let mut delivered = Delivered {
            deliveries: received.deliveries,
            ids_with_two_contents: received.two_contents,
            ..Delivered::default()
        };
        let (mut after, mut latest) = (self.from_seq, HashMap::new());
        loop {
            let page = changes::read(&self.db, self.org(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for change in &page {
                delivered.hold(change, &received, &mut latest);
            }
        }
        Ok(delivered)
    }

    async fn swept(&self) -> Result<Sweep, StoreError> {
        let last = sweeps::last(&self.db, self.org(), 1).await?;
        Ok(last.first().map_or_else(Sweep::default, |sweep| Sweep {
            listed: sweep.found.listed,
            differing: sweep.found.differing,
            missed: sweep.found.missed,
        }))
    }
}

impl Delivered {
    fn hold(&mut self, change: &Change, received: &Received, latest: &mut HashMap<i64, u64>) {
        self.changes += 1;
        let Some((body, place)) = received.messages.get(&payload::message_id(change)) else {
            self.never_delivered += 1;
            return;
        };
        self.with_another_content += u64::from(**body != *payload::body(change));
        let lane = latest.entry(effects::lane(change)).or_default();
        self.out_of_order += u64::from(*place < *lane);
        *lane = (*lane).max(*place);
    }
}

fn first(verified: &Value) -> Vec<String> {
    let differences = verified["differences"].as_array().into_iter().flatten();
    differences.take(5).map(|one| format!("{}: {}", one["conversation_id"], one["what"])).collect()
}
