//! How much a turn takes on: numbers in, numbers out. It knows no job and no database.
//!
//! As many jobs are held as run at once, and as many more as ended since the last turn: with slow jobs next to none lie ahead, with
//! instant ones many. What lies ahead of one organization must not keep another's jobs out: slots that are free are there for
//! whoever comes.

use crate::node::NodeLimits;
use crate::worker::IN_HAND_MAX;

/// Jobs that a turn settles or claims in no noticeable time: so many it settles also when somebody has called, and claims then.
const FEW: usize = 4;

/// What a worker has in hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Jobs that run.
    pub(super) running: usize,
    /// Those, and those that are next.
    pub(super) in_hand: usize,
    /// Runs that ended since the last turn.
    pub(super) ended: usize,
}

/// What a turn does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Whether it leaves what has ended to the next.
    pub(super) hurries: bool,
    /// How many it claims at the most.
    pub(super) limit: usize,
    /// How many of one organization may be held then.
    pub(super) per_org_max: usize,
}

impl Load {
    fn target(self, limits: &NodeLimits) -> usize {
        (limits.concurrency + self.ended).min(IN_HAND_MAX)
    }

    fn free(self, limits: &NodeLimits) -> usize {
        limits.concurrency.saturating_sub(self.running)
    }

    /// How many more may be held. What lies ahead while slots are free is of organizations that run as many as they may.
    pub(super) fn room(self, limits: &NodeLimits) -> usize {
        self.target(limits).saturating_sub(self.in_hand).max(self.free(limits))
    }
}

impl Plan {
    /// What to do; whoever has called is served at once, unless what has ended has been put off for long enough.
    pub(super) fn of(limits: &NodeLimits, load: Load, is_called: bool, is_late: bool) -> Self {
        let free = load.free(limits);
        if is_called && !is_late && free > 0 && load.ended > FEW {
            return Self { hurries: true, limit: free.min(FEW), per_org_max: limits.per_org.max(1) };
        }
        let per_org_max = load.target(limits) * limits.per_org / limits.concurrency.max(1);
        Self { hurries: false, limit: load.room(limits), per_org_max: per_org_max.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> NodeLimits {
        NodeLimits { concurrency: 32, per_org: 24, ..NodeLimits::default() }
    }

    fn load(running: usize, ahead: usize, ended: usize) -> Load {
        Load { running, in_hand: running + ahead, ended }
    }

    fn of(load: Load, is_called: bool, is_late: bool) -> (bool, usize, usize) {
        let plan = Plan::of(&limits(), load, is_called, is_late);
        (plan.hurries, plan.limit, plan.per_org_max)
    }

    #[test]
    fn as_many_are_held_as_run_and_as_ended() {
        assert_eq!(of(load(0, 0, 0), false, false), (false, 32, 24));
        assert_eq!(of(load(32, 0, 0), true, false), (false, 0, 24), "slow jobs: none ahead");
        assert_eq!(of(load(24, 0, 8), false, false), (false, 16, 30));
        assert_eq!(of(load(32, 224, 256), false, true), (false, 32, 216));
        assert_eq!(of(load(0, 0, 10_000), false, true).1, IN_HAND_MAX);
    }

    #[test]
    fn what_lies_ahead_of_one_leaves_the_free_slots_to_the_others() {
        assert_eq!(load(24, 18, 0).room(&limits()), 8);
        assert_eq!(load(32, 18, 0).room(&limits()), 0);
    }

    #[test]
    fn who_calls_does_not_wait_until_much_is_settled() {
        assert_eq!(of(load(24, 2, 16), true, false), (true, FEW, 24));
        assert_eq!(of(load(30, 2, 16), true, false), (true, 2, 24), "no more than are free");
        assert_eq!(of(load(24, 2, 16), false, false), (false, 22, 36), "nobody called");
        assert_eq!(of(load(24, 2, FEW), true, false), (false, 10, 27), "it is little");
        assert_eq!(of(load(24, 2, 16), true, true), (false, 22, 36), "it was put off before");
        assert_eq!(of(load(32, 2, 16), true, false), (false, 14, 36), "no slot is free");
    }
}
