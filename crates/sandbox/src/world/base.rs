//! Conversation `i` as a pure function of the seed and `i`.
//!
//! The time line is laid so that a later index is a later update: each conversation owns one step of the span
//! before the end and lies somewhere in it. So the list by update time is the list of indices backwards, a
//! window of time is a range of indices, and nothing has to be sorted or kept. When a conversation was created
//! follows from its length, counted back from its last update.

use super::dialogues::Dialogues;
use super::ids;
use super::roster;
use super::script::Script;
use super::shape::{Shape, landmark};

/// How far the base reaches back.
const SPAN_MS: i64 = 300 * DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;

/// No conversation lives longer: the widest gap between `createdAt` and `updatedAt`.
pub(super) const LIFE_MS_MAX: i64 = 31 * DAY_MS;

/// A conversation's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    Closed,
    Pending,
    BulkSent,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Pending => "pending",
            Self::BulkSent => "bulk_sent",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Closed, Self::Pending, Self::BulkSent].into_iter().find(|one| one.name() == name)
    }

    /// Drift's `statusId` less one; `bulk_sent` has no documented number and counts as the fourth.
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Open => 0,
            Self::Closed => 1,
            Self::Pending => 2,
            Self::BulkSent => 3,
        }
    }
}

/// How a conversation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No message at all.
    Empty,
    /// One playbook message that nobody answered.
    Bulk,
    /// A bot and the contact.
    Bot,
    /// A bot, then a person.
    Handoff,
    /// The contact begins, a person answers.
    Direct,
    /// A loaded dialogue.
    Dialogue,
}

/// What is known of a conversation without its times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub index: u64,
    pub hash: u64,
    pub kind: Kind,
    pub status: Status,
    /// How many messages it has.
    pub count: u32,
    /// The message before which it lay closed for days; 0 when it never did.
    pub reopened_at: u32,
    /// Places in [`roster::WRITERS`].
    pub agents: [usize; 2],
    pub bot: usize,
}

/// A conversation's facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub plan: Plan,
    pub id: i64,
    /// The contact's slot in the base.
    pub slot: u64,
    pub contact_id: i64,
    pub inbox: Option<i64>,
    pub playbook: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The computed part of the world.
pub(super) struct Base {
    pub seed: u64,
    pub len: u64,
    pub ends_at: i64,
    step: i64,
    shape: Shape,
    pub dialogues: Option<Dialogues>,
}

impl Base {
    pub(super) fn new(seed: u64, len: u64, ends_at: i64, shape: Shape, dialogues: Option<Dialogues>) -> Self {
        let step = SPAN_MS / len.max(1).cast_signed();
        Self { seed, len, ends_at, step, shape, dialogues }
    }

    pub(super) const fn hash(&self, stream: u64, index: u64) -> u64 {
        ids::hash(self.seed, stream, index)
    }

    /// When conversation `index` was last updated: strictly rising with the index, before the end.
    pub(super) const fn updated_at(&self, index: u64) -> i64 {
        let jitter = (self.hash(3, index) % self.step.unsigned_abs()).cast_signed();
        self.ends_at - (self.len - index).cast_signed() * self.step + jitter
    }

    /// The indices of all conversations last updated in `from..=to`.
    pub(super) fn updated_between(&self, from: i64, to: i64) -> std::ops::Range<u64> {
        let start = self.first_updated_from(from);
        start..self.first_updated_from(to.saturating_add(1)).max(start)
    }

    fn first_updated_from(&self, at: i64) -> u64 {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.updated_at(middle) < at { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The status alone: one hash.
    pub(super) fn status(&self, index: u64) -> Status {
        self.status_of(index, self.hash(4, index))
    }

    fn status_of(&self, index: u64, hash: u64) -> Status {
        let quiet = self.has_quiet(index);
        match hash % 100 {
            0..=7 if quiet => Status::BulkSent,
            0..=25 => Status::Open,
            26..=37 => Status::Pending,
            _ => Status::Closed,
        }
    }

    const fn has_quiet(&self, index: u64) -> bool {
        self.shape.has_quiet() && self.dialogues.is_none() && landmark(index).is_none()
    }

    /// What conversation `index` consists of.
    pub(super) fn plan(&self, index: u64) -> Plan {
        let hash = self.hash(4, index);
        let status = self.status_of(index, hash);
        let kind = self.kind(index, hash, status);
        let count = match kind {
            Kind::Empty => 0,
            Kind::Bulk => 1,
            Kind::Dialogue => self.dialogues.as_ref().map_or(0, |dialogues| dialogues.turns(index)),
            _ => self.shape.messages(index, self.hash(5, index)),
        };
        let staffed = matches!(kind, Kind::Handoff | Kind::Direct);
        let reopened = staffed && count >= 8 && (hash >> 24).is_multiple_of(9);
        Plan {
            index,
            hash,
            kind,
            status,
            count,
            reopened_at: if reopened { count * 2 / 3 } else { 0 },
            agents: [roster::person_of(hash >> 32), roster::person_of(hash >> 38)],
            bot: roster::bot_of(hash >> 44),
        }
    }

    fn kind(&self, index: u64, hash: u64, status: Status) -> Kind {
        if self.dialogues.is_some() {
            return Kind::Dialogue;
        }
        if status == Status::BulkSent {
            return Kind::Bulk;
        }
        if self.has_quiet(index) && (hash >> 8).is_multiple_of(50) {
            return Kind::Empty;
        }
        match (hash >> 16) % 10 {
            0..=2 => Kind::Bot,
            3..=6 => Kind::Handoff,
            _ => Kind::Direct,
        }
    }

    /// The dialogue that conversation `index` was made from.
    pub(super) fn dialogue_of(&self, index: u64) -> Option<&str> {
        self.dialogues.as_ref()?.id(index)
    }

    /// The facts of conversation `index`.
    pub(super) fn head(&self, index: u64) -> Head {
        let plan = self.plan(index);
        let updated_at = self.updated_at(index);
        let lived: i64 = Script::new(self, &plan).map(|step| step.gap_ms).sum();
        let created_at = updated_at - lived - tail_ms(&plan);
        debug_assert!(updated_at - created_at <= LIFE_MS_MAX, "a life is bounded");
        let slot = self.contact_slot(index);
        let from_playbook = matches!(plan.kind, Kind::Bulk | Kind::Bot | Kind::Handoff);
        Head {
            id: ids::conversation(self.seed, index),
            slot,
            contact_id: ids::contact(self.seed, slot),
            inbox: (plan.hash >> 50 & 31 != 0)
                .then(|| *super::phrases::pick(&roster::INBOXES, plan.hash >> 55)),
            playbook: from_playbook.then(|| *super::phrases::pick(&roster::PLAYBOOKS, plan.hash >> 47)),
            plan,
            created_at,
            updated_at,
        }
    }
}

/// The time from the last message to the last update: closing takes a while.
pub(super) const fn tail_ms(plan: &Plan) -> i64 {
    match plan.status {
        Status::Closed => 20_000 + (plan.hash >> 20 & 0x3f_ffff).cast_signed(),
        _ if plan.count == 0 => 1_000,
        _ => 0,
    }
}
