//! The router: from received events to signals and facts.
//!
//! It reads what nobody has routed in batches, and whatever a batch leads to is written with the mark that it was routed,
//! in one transaction: an event is never routed half, and one that is routed twice changes nothing. Several routers on
//! one PostgreSQL each take their own events.
//!
//! Few calls: a signal waits a moment for its like (`settle_ms`), and a conversation is not asked for again sooner than
//! `spacing_ms` after it was last fetched; signals fold meanwhile. So 40 messages within a minute are at most 4 refreshes.
//! When events come in a flood (a full batch), the moment is as long as the spacing, and stays so until no batch was full for
//! that long: a small batch in between would else pull forward what the flood put off. Sketch: a batch of 500
//! events is about 12 statements and one commit, by estimate 20 ms; 25,000 events a second are the limit on this side, and
//! the fetching is a thousand times slower.

mod decide;
mod known;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Millis, OrgId};
use store::audit::{self, Action, ActorKind, NewEntry, Object, ObjectKind, Who};
use store::connections::{self, ConnectionState};
use store::directory::{self, ToldMeeting};
use store::inbox::{self, Event, Outcome, Selection};
use store::notices::{self, NewNotice};
use store::signals::{self, Signal};
use store::wake::Channel;
use store::{Tx, facts, queue};

use crate::clients;
use crate::context::Stop;
use crate::error::{Doing, EngineError};
use crate::node::Node;
use decide::{Act, Decision, decide};
use known::Known;

pub(crate) use decide::SKEW_MS;

/// Events routed in one transaction.
pub const BATCH_MAX: u32 = 500;
/// Between a ring and the look for events, in milliseconds: a batch costs a commit, and grows meanwhile.
const LINGER_MS: u64 = 50;
/// Between looks when nothing rings, in milliseconds.
const POLL_MS: u64 = 2_000;
/// After a look that failed, in milliseconds.
const PAUSE_MS: u64 = 1_000;
/// Organizations remembered for having sent events without being connected.
const UNCONNECTED_MAX: usize = 1_000;
/// Events let through again in one transaction when their organization has been connected.
const REROUTE_MAX: u32 = 5_000;

/// How signals are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// How long a signal waits for its like, in milliseconds.
    pub settle_ms: i64,
    /// How long after a conversation's last fetch the next one waits, in milliseconds.
    pub spacing_ms: i64,
}

impl Default for Settling {
    fn default() -> Self {
        Self { settle_ms: 1_500, spacing_ms: 25_000 }
    }
}

/// What one look for events came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Routed {
    /// Events routed.
    pub events: usize,
    /// Signals given, before folding.
    pub signals: usize,
    /// Facts that were not there.
    pub facts: u64,
}

/// Reads the inbox and signals what may have changed.
pub struct Router {
    node: Arc<Node>,
    unconnected: Mutex<HashSet<OrgId>>,
    /// Until when events count as a flood, in milliseconds since 1970.
    flooded_until: AtomicI64,
}

impl Router {
    /// A router on this node.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Self {
        Self { node, unconnected: Mutex::default(), flooded_until: AtomicI64::new(0) }
    }

    /// Route whatever comes, until asked to stop. A failure of the store is logged and tried again.
    pub async fn run(&self, mut stop: Stop) {
        let clock = Arc::clone(&self.node.clock);
        self.remember_unconnected().await;
        while !stop.is_set() {
            let rung = self.node.db.rung(Channel::Inbox);
            let wait_ms = match self.route_all(&stop).await {
                Ok(()) => POLL_MS,
                Err(error) => {
                    tracing::warn!(error = %crate::error::chain(&error), "Could not route events; trying again");
                    PAUSE_MS
                }
            };
            tokio::select! {
                () = rung, if wait_ms == POLL_MS => {
                    clock.sleep(LINGER_MS).await;
                }
                () = clock.sleep(wait_ms) => {}
                () = stop.wait() => return,
            }
        }
    }

    async fn route_all(&self, stop: &Stop) -> Result<(), EngineError> {
        self.reroute_connected().await?;
        while !stop.is_set() && self.route_once().await?.events > 0 {}
        Ok(())
    }

    /// Route one batch of events.
    ///
    /// # Errors
    /// When the store fails; nothing of the batch is written then.
    pub async fn route_once(&self) -> Result<Routed, EngineError> {
        const DOING: &str = "route events";
        let (node, began_at) = (&self.node, self.node.clock.now());
        let mut tx = node.db.begin().await.doing(DOING)?;
        let events = inbox::unrouted(&mut tx, BATCH_MAX).await.doing(DOING)?;
        if events.is_empty() {
            tx.rollback().await.doing(DOING)?;
            return Ok(Routed::default());
        }
        let known = Known::load(&node.db, &events).await?;
        let settling = self.settling_of(events.len(), began_at);
        let decided: Vec<(&Event, Decision)> =
            events.iter().map(|event| (event, decide(event, &known, settling, began_at))).collect();
        let routed = self.write(&mut tx, &decided, began_at).await?;
        tx.commit().await.doing(DOING)?;
        self.count(&decided, began_at);
        Ok(routed)
    }

    /// In a flood freshness yields to calls: everything settles for as long as the spacing.
    fn settling_of(&self, events: usize, now: Millis) -> Settling {
        let usual = self.node.settling;
        if u32::try_from(events).is_ok_and(|events| events >= BATCH_MAX) {
            self.flooded_until.store(now.plus(usual.spacing_ms).0, Ordering::Relaxed);
        }
        // A clock that was set back ends the flood.
        let left_ms = self.flooded_until.load(Ordering::Relaxed).saturating_sub(now.0);
        let is_flood = (1..=usual.spacing_ms).contains(&left_ms);
        let settle_ms = if is_flood { usual.spacing_ms.max(usual.settle_ms) } else { usual.settle_ms };
        Settling { settle_ms, ..usual }
    }

    async fn write(
        &self,
        tx: &mut Tx,
        decided: &[(&Event, Decision)],
        now: Millis,
    ) -> Result<Routed, EngineError> {
        const DOING: &str = "store what events told";
        let told: Vec<facts::Fact> =
            decided.iter().filter_map(|(_, decision)| decision.fact.clone()).collect();
        let facts = facts::record(tx, &told).await.doing(DOING)?;
        let mut meetings: BTreeMap<OrgId, Vec<ToldMeeting>> = BTreeMap::new();
        for (event, decision) in decided {
            meetings.entry(event.org_id).or_default().extend(decision.meeting.clone());
        }
        for (org, told) in meetings {
            directory::tell_meetings(tx, org, &told).await.doing(DOING)?;
        }
        let signals: Vec<Signal> =
            decided.iter().flat_map(|(event, decision)| signals_of(event, decision)).collect();
        let (clock, entropy) = (&*self.node.clock, &*self.node.entropy);
        signals::signal(tx, &signals, clock, entropy).await.doing("signal what may have changed")?;
        for (event, decision) in decided {
            if let Some(act) = &decision.act {
                self.act(tx, event, act, now).await?;
            }
        }
        let marks: Vec<_> =
            decided.iter().map(|(event, decision)| (event.event_id.clone(), decision.outcome)).collect();
        inbox::mark_routed(tx, &marks, now).await.doing("mark events as routed")?;
        Ok(Routed { events: decided.len(), signals: signals.len(), facts })
    }

    async fn act(&self, tx: &mut Tx, event: &Event, act: &Act, now: Millis) -> Result<(), EngineError> {
        const DOING: &str = "note what an event told";
        let org = event.org_id;
        let (kind, subject, message) = match act {
            Act::Disconnected { connection } => {
                if let Some(connection) = connection {
                    connections::set_state(tx, connection, ConnectionState::Revoked).await.doing(DOING)?;
                    let who = Who::new(ActorKind::Provider, "drift");
                    let object = Object::new(ObjectKind::Connection, connection.0.as_str());
                    let entry = NewEntry::done(now, &who, Action::ConnectionState, object).org(org);
                    audit::append(tx, &entry.because(ConnectionState::Revoked.as_str())).doing(DOING)?;
                }
                let message = format!(
                    "Organization {org} has disconnected the app: its jobs wait; connect again with \"longshore connect\""
                );
                (clients::NOTICE, "disconnected".to_owned(), message)
            }
            Act::ErasureAsked => {
                let subject =
                    event.contact_id.map_or_else(|| event.event_id.to_string(), |id| id.to_string());
                let who = event.contact_id.map_or_else(String::new, |id| format!(" for contact {id}"));
                let message = format!(
                    "Somebody asked Drift for erasure{who} (event {}): erase the person here too, and in the copies made from here",
                    event.event_id
                );
                ("erasure", subject, message)
            }
        };
        let notice = NewNotice { org, kind, subject: &subject, message: &message };
        notices::raise(tx, &notice, now).await.doing(DOING)?;
        Ok(())
    }

    fn count(&self, decided: &[(&Event, Decision)], began_at: Millis) {
        let metrics = &self.node.metrics;
        for (event, decision) in decided {
            metrics.inbox_events_routed.of(decision.outcome.as_str()).inc();
            if let Some(fact) = decision.fact_kind {
                metrics.mirror_facts.of(fact).inc();
            }
            if decision.outcome == Outcome::Unconnected {
                let mut unconnected = self.unconnected.lock().unwrap_or_else(PoisonError::into_inner);
                if unconnected.len() < UNCONNECTED_MAX {
                    unconnected.insert(event.org_id);
                }
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a batch")]
        let seconds = self.node.clock.now().since(began_at).max(0) as f64 / 1_000.0;
        metrics.inbox_route_seconds.observe(seconds);
    }

    /// Events of organizations that have been connected since are routed once more. Connecting does so itself; this is for
    /// events that were being routed at that very time.
    async fn reroute_connected(&self) -> Result<(), EngineError> {
        let orgs: Vec<OrgId> = {
            let unconnected = self.unconnected.lock().unwrap_or_else(PoisonError::into_inner);
            unconnected.iter().copied().collect()
        };
        for org in orgs {
            let found = connections::get(&self.node.db, org)
                .await
                .doing("see whether an organization is connected")?;
            if found.is_some_and(|found| !found.state.is_given_up()) {
                reroute(&self.node.db, org).await?;
                self.unconnected.lock().unwrap_or_else(PoisonError::into_inner).remove(&org);
            }
        }
        Ok(())
    }

    async fn remember_unconnected(&self) {
        let limit = u32::try_from(UNCONNECTED_MAX).unwrap_or(u32::MAX);
        match inbox::unconnected(&self.node.db, limit).await {
            Ok(found) => {
                let mut unconnected = self.unconnected.lock().unwrap_or_else(PoisonError::into_inner);
                unconnected.extend(found.into_iter().map(|one| one.org_id));
            }
            Err(error) => tracing::warn!(%error, "Could not see which organizations are not connected"),
        }
    }
}

/// Let an organization's events that were kept apart be routed, because it has been connected.
///
/// # Errors
/// When the store fails; what was let through so far stays so.
pub async fn reroute(db: &store::Db, org: OrgId) -> Result<u64, EngineError> {
    const DOING: &str = "let kept events through";
    let selection = Selection { org: Some(org), outcome: Some(Outcome::Unconnected), ..Selection::default() };
    let (mut let_through, mut after) = (0, None);
    loop {
        let mut tx = db.begin().await.doing(DOING)?;
        let (count, last) =
            inbox::unroute(&mut tx, &selection, after.as_ref(), REROUTE_MAX).await.doing(DOING)?;
        tx.ring(Channel::Inbox);
        tx.commit().await.doing(DOING)?;
        let_through += count;
        if last.is_none() {
            return Ok(let_through);
        }
        after = last;
    }
}

fn signals_of<'a>(event: &'a Event, decision: &'a Decision) -> impl Iterator<Item = Signal> + 'a {
    decision.subjects.iter().map(|(subject, due_at)| Signal {
        org: event.org_id,
        subject: *subject,
        priority: queue::priority::LIVE,
        due_at: *due_at,
        trace: event.trace.clone(),
    })
}
