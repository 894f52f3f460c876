//! The slots that a node drew from a shared budget and has not used yet, and what it has to tell of earlier ones.
//!
//! A slot is used at its instant or, woken a little late, shortly after. One whose time has passed is dropped: a node
//! that was stopped for half a minute goes on with nothing in hand.

use std::collections::VecDeque;

use model::Millis;

use super::budget::{CATCH_UP_MS, CATCH_UP_SLOTS, Given, Turn};
use super::ledger::{Draw, Fate, Grant, Planned, Told};
use super::minute::Minute;
use super::{PaceSnapshot, Priority};
use crate::RateHeaders;

/// How long before its last slot's time a node draws more, in milliseconds.
const LEAD_MS: f64 = 200.0;
/// News that are kept while the ledger cannot be had.
const TOLD_MAX: usize = 10_000;

/// What is in hand.
#[derive(Debug)]
pub(super) struct Hand {
    assumed: u32,
    /// In the order of their instants.
    slots: VecDeque<Planned>,
    told: Vec<Told>,
    /// Whether others wait for what there is to tell.
    pressing: bool,
    /// The lone slot after a pause, whose outcome others wait for.
    probe: Option<u64>,
    behind_ms: i64,
    lowered_before: u64,
    per_minute: f64,
    paused_until: Option<Millis>,
    again_at_ms: f64,
    refused_429: u64,
    minute: Minute,
}

/// Those who wait, as far as a draw goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    pub(super) waiting: usize,
    pub(super) most_urgent: usize,
    pub(super) priority: Priority,
    pub(super) since: Millis,
}

/// What the node should do about the ledger.
#[derive(Debug)]
pub(super) enum Need {
    Nothing,
    /// Look again in so many milliseconds.
    In(f64),
    Now(Draw),
}

impl Hand {
    pub(super) fn new(assumed: u32) -> Self {
        Self {
            assumed,
            slots: VecDeque::new(),
            told: Vec::new(),
            pressing: false,
            probe: None,
            behind_ms: 0,
            lowered_before: 0,
            per_minute: f64::from(assumed.max(1)),
            paused_until: None,
            again_at_ms: 0.0,
            refused_429: 0,
            minute: Minute::new(),
        }
    }

    /// Whether to draw, given who waits.
    pub(super) fn need(&mut self, demand: Option<Demand>, now: Millis) -> Need {
        self.drop_stale(now);
        let now_ms = ms(now);
        let wanted = demand.map_or(0, |demand| demand.waiting.saturating_sub(self.slots.len()));
        let nobody = Demand { waiting: 0, most_urgent: 0, priority: Priority::Backfill, since: now };
        let demand = demand.unwrap_or(nobody);
        if self.pressing {
            return Need::Now(self.draw(demand, wanted));
        }
        if wanted == 0 {
            return Need::Nothing;
        }
        let lead_ms = self.slots.back().map_or(0.0, |last| last.at_ms - LEAD_MS - now_ms);
        let in_ms = lead_ms.max(self.again_at_ms - now_ms);
        if in_ms > 0.0 { Need::In(in_ms) } else { Need::Now(self.draw(demand, wanted)) }
    }

    fn draw(&self, demand: Demand, wanted: usize) -> Draw {
        Draw {
            assumed: self.assumed,
            behind_ms: self.behind_ms,
            wanted,
            wanted_urgent: demand.most_urgent.saturating_sub(self.slots.len()),
            priority: demand.priority,
            since: demand.since,
            told: self.told.clone(),
        }
    }

    /// Take what a draw gave.
    pub(super) fn take(&mut self, draw: &Draw, grant: Grant, now: Millis) {
        self.told.drain(..draw.told.len().min(self.told.len()));
        self.pressing = self.told.iter().any(|told| self.is_pressing(told));
        self.behind_ms = grant.behind_ms;
        if grant.lowered_before > self.lowered_before {
            self.lowered_before = grant.lowered_before;
            self.slots.retain(|slot| slot.number >= grant.lowered_before);
        }
        self.per_minute = grant.per_minute.unwrap_or(self.per_minute);
        self.paused_until = grant.paused_until;
        self.again_at_ms = if grant.slots.len() < draw.wanted { ms(now) + grant.again_in_ms } else { 0.0 };
        if grant.probe {
            self.probe = grant.slots.first().map(|slot| slot.number);
        }
        self.slots.extend(grant.slots);
    }

    /// When the next slot can be given; `None` when none is in hand.
    pub(super) fn turn(&mut self, now: Millis) -> Option<Turn> {
        self.drop_stale(now);
        let in_ms = self.slots.front()?.at_ms - ms(now);
        Some(if in_ms <= 0.0 { Turn::Now } else { Turn::In(in_ms) })
    }

    /// Give the slot whose turn has come, to somebody who waits since `since`; after [`Turn::Now`] only.
    pub(super) fn give(&mut self, now: Millis, since: Millis) -> Given {
        let next = self.slots.pop_front().expect("a slot whose turn has come is in hand");
        self.minute.add(now.0);
        Given {
            number: next.number,
            pressed: ms(since) <= next.at_ms,
            last_ms_before: next.at_ms,
            last_ms: next.at_ms,
        }
    }

    /// A slot was not used: it is in hand again while its time has not passed.
    pub(super) fn give_back(&mut self, given: Given, now: Millis) {
        self.minute.take_back(now.0);
        let slot = Planned { number: given.number, at_ms: given.last_ms };
        let place = self.slots.partition_point(|other| other.at_ms <= slot.at_ms);
        self.slots.insert(place, slot);
        self.drop_stale(now);
    }

    pub(super) fn accepted(&mut self, given: Given, headers: &RateHeaders) {
        self.tell(given.number, given.pressed, Fate::Accepted(*headers));
    }

    pub(super) fn unknown(&mut self, given: Given) {
        self.tell(given.number, given.pressed, Fate::Unknown);
    }

    /// Says whether this is news. Nothing is sent on what is in hand: others are asked first.
    pub(super) fn refused(&mut self, given: Given, headers: &RateHeaders, jitter: u64) -> bool {
        self.refused_429 += 1;
        self.tell(given.number, given.pressed, Fate::Refused { headers: *headers, jitter });
        let news = given.number >= self.lowered_before;
        if news {
            self.slots.clear();
        }
        news
    }

    pub(super) fn snapshot(&mut self, now: Millis, waiting: usize) -> PaceSnapshot {
        PaceSnapshot {
            per_minute: Some(self.per_minute),
            used_last_minute: self.minute.count(now.0),
            waiting,
            refused_429: self.refused_429,
            paused_until: self.paused_until.filter(|until| *until > now),
        }
    }

    fn tell(&mut self, number: u64, pressed: bool, fate: Fate) {
        let told = Told { number, pressed, fate };
        self.pressing |= self.is_pressing(&told);
        if self.told.len() >= TOLD_MAX {
            self.told.remove(0);
        }
        self.told.push(told);
    }

    fn is_pressing(&self, told: &Told) -> bool {
        matches!(told.fate, Fate::Refused { .. }) || self.probe == Some(told.number)
    }

    fn drop_stale(&mut self, now: Millis) {
        let late_ms = CATCH_UP_MS.min(CATCH_UP_SLOTS * 60_000.0 / self.per_minute);
        while let Some(slot) = self.slots.front().filter(|slot| slot.at_ms < ms(now) - late_ms).copied() {
            self.slots.pop_front();
            if self.probe == Some(slot.number) {
                self.tell(slot.number, false, Fate::Lost);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "instants stay far below 2^52 milliseconds")]
const fn ms(at: Millis) -> f64 {
    at.0 as f64
}
