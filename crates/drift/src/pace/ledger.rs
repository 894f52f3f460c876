//! A budget as several nodes share it: the state machine of one, written down between draws.
//!
//! A node brings what happened to its earlier slots and takes new ones with planned instants. The instants follow one
//! another across all nodes as they would within one.

use model::Millis;
use serde::{Deserialize, Serialize};

use super::Priority;
use super::budget::{Budget, CATCH_UP_MS, CATCH_UP_SLOTS, Given, PROBE_MS_MAX, Probe};
use crate::RateHeaders;

/// Part of the budget that one draw takes at most, in milliseconds; at least one slot.
const CHUNK_MS: f64 = 250.0;
/// How far ahead of now slots are given away, in milliseconds; at least one slot's distance.
const AHEAD_MS: f64 = 750.0;
/// How soon a node looks again that got nothing, in milliseconds.
const AGAIN_MS_MIN: f64 = 20.0;
const AGAIN_MS_MAX: f64 = 250.0;
/// For how long less urgent draws stand back, in milliseconds.
const URGENT_MS: f64 = 500.0;
/// For how long the smaller of two differently assumed budgets holds after its last draw, in milliseconds.
const ASSUMED_MS: i64 = 60_000;

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ledger {
    budget: Budget,
    /// What the nodes are configured to assume, and when one of them last said so.
    assumed: u32,
    assumed_at: Millis,
    urgent: Option<Urgent>,
}

/// Somebody wanted more than there was.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Urgent {
    rank: u8,
    until_ms: f64,
}

/// What a node brings and wants.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    /// Calls a minute that it is configured to assume.
    pub(super) assumed: u32,
    /// How far its clock was found to be behind the ledger's time, in milliseconds.
    pub(super) behind_ms: i64,
    /// Slots that its callers wait for.
    pub(super) wanted: usize,
    /// Of them, those of the most urgent.
    pub(super) wanted_urgent: usize,
    pub(super) priority: Priority,
    /// Since when its first caller waits.
    pub(super) since: Millis,
    /// What became of its slots.
    pub(super) told: Vec<Told>,
}

/// What became of a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) number: u64,
    pub(super) pressed: bool,
    pub(super) fate: Fate,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Accepted(RateHeaders),
    Refused {
        headers: RateHeaders,
        jitter: u64,
    },
    Unknown,
    /// Its time passed and nobody used it.
    Lost,
}

/// What a draw gave.
#[derive(Debug, Clone, Default)]
pub(super) struct Grant {
    pub(super) slots: Vec<Planned>,
    pub(super) behind_ms: i64,
    /// Slots before this number count no more: a refusal came after they were given.
    pub(super) lowered_before: u64,
    pub(super) paused_until: Option<Millis>,
    /// When to look again, having got less than wanted.
    pub(super) again_in_ms: f64,
    pub(super) per_minute: Option<f64>,
    /// Whether the one slot is a try after a pause, for whose outcome everyone waits.
    pub(super) probe: bool,
    /// Whether the ledger has to be written.
    pub(super) changed: bool,
}

/// A slot with its instant in the drawing node's own time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Planned {
    pub(super) number: u64,
    pub(super) at_ms: f64,
}

impl Ledger {
    pub(super) fn new(assumed: u32, now: Millis) -> Self {
        Self { budget: Budget::new(Some(assumed), now), assumed, assumed_at: now, urgent: None }
    }

    /// One node's draw at its own instant `now`.
    pub(super) fn draw(&mut self, draw: &Draw, now: Millis) -> Grant {
        let ledger_now = now.plus(draw.behind_ms).max(self.budget.seen);
        let behind_ms = ledger_now.since(now);
        let mut changed = self.assume(draw.assumed, ledger_now) || !draw.told.is_empty();
        for told in &draw.told {
            self.hear(told, ledger_now);
        }
        let now_ms = self.budget.see(ledger_now);
        let given_before = self.budget.given;
        let (planned, again_in_ms) = match self.stands_back(draw, now_ms) {
            Some(in_ms) => (Vec::new(), in_ms),
            None => self.budget.plan(draw, behind_ms, now_ms),
        };
        if draw.wanted > 0 {
            changed |= self.note_urgent(draw, planned.len(), now_ms);
        }
        changed |= !planned.is_empty();
        let snapshot = self.budget.snapshot(ledger_now, 0);
        let slots = planned.into_iter().map(|(number, at_ms)| Planned {
            number,
            at_ms: self.budget.absolute_ms(at_ms) - whole(behind_ms),
        });
        Grant {
            slots: slots.collect(),
            behind_ms,
            lowered_before: self.budget.lowered_before,
            paused_until: snapshot.paused_until.map(|until| until.plus(-behind_ms)),
            again_in_ms: again_in_ms.clamp(AGAIN_MS_MIN, AGAIN_MS_MAX),
            per_minute: snapshot.per_minute,
            probe: matches!(self.budget.probe, Probe::Out { number, .. } if number >= given_before),
            changed,
        }
    }

    /// Nodes should be configured alike. Where they are not, the smallest assumption holds while its node draws.
    fn assume(&mut self, assumed: u32, now: Millis) -> bool {
        if assumed == self.assumed {
            let stale = now.since(self.assumed_at) > ASSUMED_MS / 4;
            if stale {
                self.assumed_at = now;
            }
            return stale;
        }
        if assumed > self.assumed && now.since(self.assumed_at) <= ASSUMED_MS {
            return false;
        }
        self.budget.assume(assumed);
        (self.assumed, self.assumed_at) = (assumed, now);
        true
    }

    fn hear(&mut self, told: &Told, now: Millis) {
        let given = Given { number: told.number, pressed: told.pressed, last_ms_before: 0.0, last_ms: 0.0 };
        match told.fate {
            Fate::Accepted(headers) => self.budget.accepted(given, &headers, now),
            Fate::Refused { headers, jitter } => {
                self.budget.refused(given, &headers, jitter, now);
            }
            Fate::Unknown => self.budget.unknown(given, now),
            Fate::Lost => self.budget.lost(given),
        }
    }

    /// For how long this draw gets nothing, because more urgent callers of another node wait.
    fn stands_back(&self, draw: &Draw, now_ms: f64) -> Option<f64> {
        let urgent = self.urgent.filter(|urgent| urgent.rank < rank(draw.priority))?;
        (urgent.until_ms > now_ms).then_some(urgent.until_ms - now_ms)
    }

    /// Keep on record that a draw's most urgent callers wait still, or that they do no more.
    fn note_urgent(&mut self, draw: &Draw, got: usize, now_ms: f64) -> bool {
        let rank = rank(draw.priority);
        let others = self.urgent.is_some_and(|urgent| urgent.rank < rank && urgent.until_ms > now_ms);
        if others || draw.priority == Priority::Backfill {
            return false;
        }
        let was = self.urgent;
        self.urgent = (got < draw.wanted_urgent).then_some(Urgent { rank, until_ms: now_ms + URGENT_MS });
        let renewed = |was: Urgent| was.rank == rank && was.until_ms > now_ms + URGENT_MS / 2.0;
        match (was, self.urgent) {
            (None, None) => false,
            (Some(was), Some(_)) if renewed(was) => {
                self.urgent = Some(was);
                false
            }
            _ => true,
        }
    }
}

impl Budget {
    /// The next slots' numbers and instants, and in how many milliseconds it is worth to ask again.
    fn plan(&mut self, draw: &Draw, behind_ms: i64, now_ms: f64) -> (Vec<(u64, f64)>, f64) {
        let mut slots = Vec::new();
        if let Probe::Out { at_ms, .. } = self.probe {
            let left_ms = at_ms + PROBE_MS_MAX - now_ms;
            if left_ms > 0.0 {
                return (slots, left_ms);
            }
            self.probe = Probe::None;
        }
        let spacing_ms = self.spacing_ms();
        let until_ms = now_ms + AHEAD_MS.max(spacing_ms);
        let since_ms = self.ms(draw.since.plus(behind_ms));
        let catch_up_ms = CATCH_UP_MS.min(CATCH_UP_SLOTS * spacing_ms);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bounded quotient")]
        let chunk = (CHUNK_MS / spacing_ms).clamp(1.0, 10_000.0) as usize;
        for index in 0..draw.wanted.min(chunk) {
            let planned_ms = self.next_ms(now_ms);
            let at_ms = match index {
                0 if since_ms <= planned_ms => planned_ms.max(now_ms - catch_up_ms),
                0 => planned_ms.max(now_ms),
                _ => planned_ms,
            };
            if at_ms > until_ms {
                return (slots, at_ms - until_ms);
            }
            slots.push((self.given, at_ms));
            self.last_ms = at_ms;
            if self.probe == Probe::Due {
                self.probe = Probe::Out { number: self.given, at_ms };
                self.given += 1;
                break;
            }
            self.given += 1;
        }
        (slots, 0.0)
    }
}

fn rank(priority: Priority) -> u8 {
    Priority::ALL
        .iter()
        .position(|one| *one == priority)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "how far clocks differ stays far below 2^52 milliseconds")]
const fn whole(ms: i64) -> f64 {
    ms as f64
}
