//! How a claim is shared: which lane is asked next, and for how many jobs. It knows no database.
//!
//! The most urgent priority first. Within one every organization gets an equal part of what is left, round after round, and within
//! an organization every kind an equal part of that; who cannot use its part leaves it to the others.

use std::collections::{BTreeMap, VecDeque};

use model::OrgId;

use super::lanes::Lane;
use super::turn::Claim;
use crate::pauses::Pauses;

/// So many jobs of a lane are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) lane: Lane,
    pub(super) jobs: usize,
}

/// An organization's lanes of one priority that may hold more.
type Lanes = VecDeque<Lane>;

/// What may still be asked for.
pub(super) struct Shares {
    left: usize,
    per_org_max: usize,
    held: BTreeMap<OrgId, usize>,
    /// By priority.
    later: VecDeque<VecDeque<Lanes>>,
    /// Organizations that have not had their part in this round, and those that are in the next one.
    round: VecDeque<Lanes>,
    again: VecDeque<Lanes>,
    turn: Option<Part>,
}

/// An organization's part of a round.
struct Part {
    jobs: usize,
    unasked: Lanes,
    asked: Lanes,
}

impl Shares {
    /// Of lanes by priority, within one by organization, of kinds that the worker can run and that are not paused.
    pub(super) fn of(ask: &Claim, mut lanes: Vec<Lane>, pauses: &Pauses) -> Self {
        lanes
            .retain(|lane| ask.kinds.contains(&lane.kind.as_str()) && !pauses.contains(lane.org, &lane.kind));
        let of_org = |lanes: &[Lane]| -> Lanes { lanes.iter().cloned().collect() };
        let of_priority =
            |lanes: &[Lane]| lanes.chunk_by(|a, b| a.org == b.org).map(of_org).collect::<VecDeque<_>>();
        Self {
            left: ask.limit,
            per_org_max: ask.per_org_max,
            held: ask.held.clone(),
            later: lanes.chunk_by(|a, b| a.priority == b.priority).map(of_priority).collect(),
            round: VecDeque::new(),
            again: VecDeque::new(),
            turn: None,
        }
    }

    /// What is to be asked for next.
    pub(super) fn next(&mut self) -> Option<Share> {
        while self.left > 0 {
            if let Some(mut part) = self.turn.take() {
                if let Some(lane) = part.unasked.pop_front_if(|_| part.jobs > 0) {
                    let jobs = part.jobs.div_ceil(part.unasked.len() + 1);
                    self.turn = Some(part);
                    return Some(Share { lane, jobs });
                }
                part.asked.append(&mut part.unasked);
                if part.asked.front().is_some_and(|lane| self.room(lane.org) > 0) {
                    self.again.push_back(part.asked);
                }
            } else if let Some(unasked) = self.round.pop_front() {
                let room = unasked.front().map_or(0, |lane| self.room(lane.org));
                let jobs = room.min(self.left.div_ceil(self.round.len() + 1));
                self.turn = Some(Part { jobs, unasked, asked: Lanes::new() });
            } else if self.again.is_empty() {
                self.round = self.later.pop_front()?;
            } else {
                self.round = std::mem::take(&mut self.again);
            }
        }
        None
    }

    /// So many were there of what was asked for.
    pub(super) fn took(&mut self, share: Share, jobs: usize) {
        self.left = self.left.saturating_sub(jobs);
        *self.held.entry(share.lane.org).or_default() += jobs;
        if let Some(part) = &mut self.turn {
            part.jobs = part.jobs.saturating_sub(jobs);
            if jobs == share.jobs {
                part.asked.push_back(share.lane);
            }
        }
    }

    fn room(&self, org: OrgId) -> usize {
        self.per_org_max.saturating_sub(self.held.get(&org).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::WorkerId;
    use proptest::prelude::*;

    use super::*;

    fn lane(priority: i64, org: i64, kind: &str) -> Lane {
        Lane { priority, org: OrgId(org), kind: kind.to_owned() }
    }

    fn ask(limit: usize, per_org_max: usize, held: &[(i64, usize)]) -> Claim {
        Claim {
            worker: WorkerId("w".to_owned()),
            limit,
            kinds: Arc::new(["a", "b"]),
            per_org_max,
            held: held.iter().map(|(org, jobs)| (OrgId(*org), *jobs)).collect(),
            after: OrgId(i64::MIN),
        }
    }

    /// What is taken of lanes in which so many jobs lie.
    fn taken(ask: &Claim, stock: &[(Lane, usize)]) -> Vec<(Lane, usize)> {
        let lanes = stock.iter().map(|(lane, _)| lane.clone()).collect();
        let mut taken: Vec<(Lane, usize)> = stock.iter().map(|(lane, _)| (lane.clone(), 0)).collect();
        let mut shares = Shares::of(ask, lanes, &Pauses::default());
        while let Some(share) = shares.next() {
            let place = stock.iter().position(|(lane, _)| *lane == share.lane).unwrap();
            let got = share.jobs.min(stock[place].1 - taken[place].1);
            taken[place].1 += got;
            shares.took(share, got);
        }
        taken.retain(|(_, jobs)| *jobs > 0);
        taken
    }

    #[test]
    fn each_gets_an_equal_part_and_leaves_what_it_cannot_use() {
        let stock = [(lane(0, 1, "a"), 5_000), (lane(0, 2, "a"), 2), (lane(0, 3, "a"), 1)];
        let expected = [(lane(0, 1, "a"), 6), (lane(0, 2, "a"), 2), (lane(0, 3, "a"), 1)];
        assert_eq!(taken(&ask(9, 9, &[]), &stock), expected);
        let expected = [(lane(0, 1, "a"), 1), (lane(0, 2, "a"), 2), (lane(0, 3, "a"), 1)];
        assert_eq!(taken(&ask(9, 7, &[(1, 6)]), &stock), expected, "what is held counts");
        assert_eq!(taken(&ask(2, 9, &[]), &stock), [(lane(0, 1, "a"), 1), (lane(0, 2, "a"), 1)]);
    }

    #[test]
    fn kinds_share_what_their_organization_gets_and_unknown_ones_stay() {
        let stock = [(lane(0, 1, "a"), 9), (lane(0, 1, "b"), 1), (lane(0, 1, "c"), 9), (lane(1, 1, "a"), 9)];
        assert_eq!(taken(&ask(4, 9, &[]), &stock), [(lane(0, 1, "a"), 3), (lane(0, 1, "b"), 1)]);
    }

    fn stocks() -> impl Strategy<Value = Vec<(Lane, usize)>> {
        let lanes = proptest::collection::btree_map((0..3_i64, 0..4_i64, 0..2_usize), 1..9_usize, 0..12);
        lanes.prop_map(|lanes| {
            let of = |((priority, org, kind), jobs)| (lane(priority, org, ["a", "b"][kind]), jobs);
            lanes.into_iter().map(of).collect()
        })
    }

    proptest! {
        #[test]
        fn as_much_is_taken_as_may_be_and_the_most_urgent_first(
            stock in stocks(), limit in 0..30_usize, per_org_max in 1..9_usize,
        ) {
            let taken = taken(&ask(limit, per_org_max, &[]), &stock);
            let of = |org: OrgId| taken.iter().filter(|(lane, _)| lane.org == org).map(|(_, jobs)| jobs).sum::<usize>();
            let all: usize = taken.iter().map(|(_, jobs)| jobs).sum();
            prop_assert!(all <= limit && (0..4).all(|org| of(OrgId(org)) <= per_org_max));
            for (lane, jobs) in &stock {
                let got = taken.iter().find(|(other, _)| other == lane).map_or(0, |(_, jobs)| *jobs);
                if got < *jobs && of(lane.org) < per_org_max {
                    prop_assert_eq!(all, limit, "something was left");
                    let later = taken.iter().any(|(other, _)| other.priority > lane.priority);
                    prop_assert!(!later, "something less urgent was taken");
                }
            }
        }
    }
}
