//! How much there is: what a complete copy must find.
//!
//! The base is counted once, when first asked (about 100 ns a conversation of a lifelike world); what the overlay
//! changed is worked out from its entries at each call, so nothing can get out of step.

use std::collections::HashSet;

use super::base::Base;
use super::contact::ContactState;
use super::ids;
use super::list::Blocks;
use super::script::Script;
use super::view::View;

/// Conversations by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    /// Status `open`.
    pub open: u64,
    /// Status `closed`.
    pub closed: u64,
    /// Status `pending`.
    pub pending: u64,
    /// Status `bulk_sent`; not shown by `/conversations/stats`.
    pub bulk_sent: u64,
}

/// What the world holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Conversations that are listed.
    pub conversations: u64,
    /// Their messages.
    pub messages: u64,
    /// Distinct contacts of those conversations that can be fetched.
    pub contacts: u64,
    /// Distinct contacts of those conversations that answer 404.
    pub contacts_missing: u64,
    /// Attachments of those messages.
    pub attachments: u64,
    /// The conversations by status.
    pub by_status: StatusCounts,
}

impl StatusCounts {
    const fn from_places([open, closed, pending, bulk_sent]: [u64; 4]) -> Self {
        Self { open, closed, pending, bulk_sent }
    }

    /// All together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.open + self.closed + self.pending + self.bulk_sent
    }
}

/// The base alone, without its statuses (those are in the blocks).
pub(super) fn count_base(base: &Base) -> Counts {
    let mut counts = Counts { conversations: base.len, ..Counts::default() };
    for index in 0..base.len {
        let plan = base.plan(index);
        counts.messages += u64::from(plan.count);
        counts.attachments += files(base, index);
        if base.contact_slot(index) == index {
            if base.is_missing(index) { counts.contacts_missing += 1 } else { counts.contacts += 1 }
        }
    }
    counts
}

fn files(base: &Base, index: u64) -> u64 {
    Script::new(base, &base.plan(index)).map(|step| step.files().unsigned_abs()).sum()
}

impl View<'_> {
    pub(super) fn stats(&self, blocks: &Blocks) -> StatusCounts {
        let mut places = [0_u64; 4];
        for block in blocks.of(self.base) {
            for (sum, count) in places.iter_mut().zip(block) {
                *sum += count;
            }
        }
        for &index in &self.overlay.displaced {
            places[self.base.status(index).place()] -= 1;
        }
        for entry in self.overlay.entries.values() {
            places[entry.row.status.place()] += 1;
        }
        StatusCounts::from_places(places)
    }

    pub(super) fn counts(&self, base_counts: &Counts, blocks: &Blocks) -> Counts {
        let mut counts = *base_counts;
        let mut affected = HashSet::new();
        for &index in &self.overlay.displaced {
            counts.conversations -= 1;
            counts.messages -= u64::from(self.base.plan(index).count);
            counts.attachments -= files(self.base, index);
            affected.insert(ids::contact(self.base.seed, self.base.contact_slot(index)));
        }
        for (&index, entry) in &self.overlay.entries {
            let facts = self.facts(index);
            counts.conversations += 1;
            counts.messages += facts.messages;
            counts.attachments += facts.attachments;
            affected.insert(entry.row.contact_id);
        }
        affected.extend(self.overlay.contacts.keys());
        let listed: HashSet<i64> = self.overlay.entries.values().map(|entry| entry.row.contact_id).collect();
        for contact in affected {
            self.recount_contact(&mut counts, contact, listed.contains(&contact));
        }
        counts.by_status = self.stats(blocks);
        counts
    }

    fn recount_contact(&self, counts: &mut Counts, contact: i64, in_entries: bool) {
        let slot = ids::contact_slot(self.base.seed, contact).filter(|&slot| self.base.has_contact(slot));
        if let Some(slot) = slot {
            if self.base.is_missing(slot) { counts.contacts_missing -= 1 } else { counts.contacts -= 1 }
        }
        let named = in_entries
            || slot.is_some_and(|slot| self.base.conversations_of(slot).any(|index| self.is_listed(index)));
        if named {
            let found = match self.overlay.contacts.get(&contact) {
                Some(state) => !matches!(state, ContactState::Deleted),
                None => slot.is_some_and(|slot| !self.base.is_missing(slot)),
            };
            if found { counts.contacts += 1 } else { counts.contacts_missing += 1 }
        }
    }
}
