//! Slices of the list by update time, newest first: the overlay's rows, then the base's backwards.
//!
//! An offset into the base is found without walking: the displaced indices are few and sorted, so the wanted
//! index is a search among them. Under a status filter whole blocks of the base are skipped by their counts, so
//! even the last page of a million costs one block's walk.

use std::sync::OnceLock;

use super::base::Base;
use super::view::{View, write_fields};

/// The longest slice.
pub(super) const LIST_LIMIT_MAX: usize = 1_000;
const BLOCK: u64 = 4_096;

/// A page of a list of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSlice {
    /// The rows as a JSON array.
    pub array: Vec<u8>,
    /// How many rows there are in it.
    pub count: usize,
    /// Whether rows follow.
    pub more: bool,
}

/// How many conversations of each status each block of the base has; counted once, when first asked.
#[derive(Default)]
pub(super) struct Blocks(OnceLock<Vec<[u64; 4]>>);

impl Blocks {
    pub(super) fn of(&self, base: &Base) -> &[[u64; 4]] {
        self.0.get_or_init(|| (0..base.len.div_ceil(BLOCK)).map(|block| count_block(base, block)).collect())
    }
}

fn block_range(base: &Base, block: u64) -> std::ops::Range<u64> {
    block * BLOCK..((block + 1) * BLOCK).min(base.len)
}

fn count_block(base: &Base, block: u64) -> [u64; 4] {
    let mut counts = [0; 4];
    for index in block_range(base, block) {
        counts[base.status(index).place()] += 1;
    }
    counts
}

impl View<'_> {
    /// The rows of a slice; `statuses` are Drift's numbers, none means all.
    pub(super) fn list(&self, blocks: &Blocks, offset: u64, limit: usize, statuses: &[u8]) -> ListSlice {
        let limit = limit.min(LIST_LIMIT_MAX);
        let mut indices = if statuses.is_empty() {
            self.all(offset, limit + 1)
        } else {
            self.filtered(blocks, offset, limit + 1, &wanted(statuses))
        };
        let more = indices.len() > limit;
        indices.truncate(limit);
        let mut array = Vec::with_capacity(2 + indices.len() * 144);
        array.push(b'[');
        for (at, &index) in indices.iter().enumerate() {
            if at > 0 {
                array.push(b',');
            }
            write_fields(&mut array, &self.row(index));
            array.push(b'}');
        }
        array.push(b']');
        ListSlice { array, count: indices.len(), more }
    }

    fn all(&self, offset: u64, limit: usize) -> Vec<u64> {
        let order = &self.overlay.order;
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX).min(order.len());
        let newest_first = order.iter().rev().map(|&(_, index)| index);
        let mut indices: Vec<u64> = newest_first.skip(skipped).take(limit).collect();
        if indices.len() < limit
            && let Some(start) = self.nth_of_base(offset - skipped as u64)
        {
            let missing = limit - indices.len();
            indices.extend((0..=start).rev().filter(|&index| self.is_listed(index)).take(missing));
        }
        indices
    }

    /// The `n`th listed index of the base, counted from the newest.
    fn nth_of_base(&self, n: u64) -> Option<u64> {
        let top = self.base.len.checked_sub(1)?.checked_sub(n)?;
        let displaced = &self.overlay.displaced;
        let last = displaced.len();
        // The k-th displaced index from the top plus k never rises with k, so "lies above the answer" is a prefix.
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = low + (high - low) / 2;
            if displaced[last - 1 - middle] + middle as u64 >= top { low = middle + 1 } else { high = middle }
        }
        top.checked_sub(low as u64)
    }

    /// Whether an index of the base stands in the list as computed.
    pub(super) fn is_listed(&self, index: u64) -> bool {
        self.overlay.displaced.is_empty() || self.overlay.displaced.binary_search(&index).is_err()
    }

    fn filtered(&self, blocks: &Blocks, mut offset: u64, limit: usize, wanted: &[bool; 4]) -> Vec<u64> {
        let mut indices = Vec::with_capacity(limit);
        for &(_, index) in self.overlay.order.iter().rev() {
            if wanted[self.row(index).status.place()] {
                if offset > 0 {
                    offset -= 1;
                } else if indices.len() < limit {
                    indices.push(index);
                }
            }
        }
        let counts = blocks.of(self.base);
        for block in (0..counts.len() as u64).rev() {
            if indices.len() >= limit {
                break;
            }
            let matching = self.matching(counts, block, wanted);
            if matching <= offset {
                offset -= matching;
                continue;
            }
            for index in block_range(self.base, block).rev() {
                if !wanted[self.base.status(index).place()] || !self.is_listed(index) {
                    continue;
                }
                if offset > 0 {
                    offset -= 1;
                } else if indices.len() < limit {
                    indices.push(index);
                } else {
                    break;
                }
            }
        }
        indices
    }

    fn matching(&self, counts: &[[u64; 4]], block: u64, wanted: &[bool; 4]) -> u64 {
        let place = usize::try_from(block).expect("a block of the counts");
        let computed: u64 =
            counts[place].iter().zip(wanted).filter(|(_, wanted)| **wanted).map(|(n, _)| n).sum();
        let range = block_range(self.base, block);
        let displaced = &self.overlay.displaced;
        let from = displaced.partition_point(|&index| index < range.start);
        let to = displaced.partition_point(|&index| index < range.end);
        let moved =
            displaced[from..to].iter().filter(|&&index| wanted[self.base.status(index).place()]).count();
        computed - moved as u64
    }
}

fn wanted(statuses: &[u8]) -> [bool; 4] {
    let mut wanted = [false; 4];
    for &status in statuses {
        if let Some(place) = wanted.get_mut(usize::from(status).wrapping_sub(1)) {
            *place = true;
        }
    }
    wanted
}
