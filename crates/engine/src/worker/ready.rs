//! Jobs that are held and not yet started: the most urgent first, and among equals the organization that has the fewest
//! running.

use std::collections::{BTreeMap, VecDeque};

use model::OrgId;
use store::queue::ClaimedJob;

/// What is next.
#[derive(Default)]
pub(super) struct Ready {
    lanes: BTreeMap<(i64, OrgId), VecDeque<ClaimedJob>>,
    jobs: usize,
}

impl Ready {
    pub(super) fn len(&self) -> usize {
        self.jobs
    }

    pub(super) fn contains(&self, job: &ClaimedJob) -> bool {
        let lane = self.lanes.get(&(job.priority, job.org));
        lane.is_some_and(|jobs| jobs.iter().any(|held| held.job_id == job.job_id))
    }

    /// Take in claimed jobs, which come in their order.
    pub(super) fn extend(&mut self, jobs: Vec<ClaimedJob>) {
        self.jobs += jobs.len();
        for job in jobs {
            self.lanes.entry((job.priority, job.org)).or_default().push_back(job);
        }
    }

    /// The next to start, of an organization that has fewer than `per_org` running.
    pub(super) fn next(&mut self, running: &BTreeMap<OrgId, usize>, per_org: usize) -> Option<ClaimedJob> {
        let count = |org: &OrgId| running.get(org).copied().unwrap_or_default();
        let open = self.lanes.keys().filter(|(_, org)| count(org) < per_org);
        let lane = *open.min_by_key(|(priority, org)| (*priority, count(org)))?;
        let jobs = self.lanes.get_mut(&lane)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.lanes.remove(&lane);
        }
        self.jobs -= usize::from(job.is_some());
        job
    }

    /// How many of each organization are held here.
    pub(super) fn count(&self, held: &mut BTreeMap<OrgId, usize>) {
        for ((_, org), jobs) in &self.lanes {
            *held.entry(*org).or_default() += jobs.len();
        }
    }

    /// All of them, to be handed back.
    pub(super) fn take_all(&mut self) -> Vec<ClaimedJob> {
        self.jobs = 0;
        std::mem::take(&mut self.lanes).into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use model::{JobId, Millis, WorkerId};

    use super::*;

    fn job(priority: i64, org: i64, name: &str) -> ClaimedJob {
        ClaimedJob {
            job_id: JobId(name.to_owned()),
            org: OrgId(org),
            kind: "k".to_owned(),
            key: name.to_owned(),
            priority,
            payload: "{}".to_owned(),
            due_at: Millis(0),
            enqueued_at: Millis(0),
            signalled_at: Millis(0),
            signals: 1,
            attempt: 1,
            lease_number: 1,
            worker: WorkerId("w".to_owned()),
            claimed_at: Millis(0),
            trace: None,
        }
    }

    #[test]
    fn urgent_ones_first_then_whoever_has_fewer_running() {
        let mut ready = Ready::default();
        ready.extend(vec![job(0, 1, "a"), job(0, 1, "b"), job(0, 2, "c"), job(1, 3, "d"), job(0, 1, "e")]);
        let mut running = BTreeMap::new();
        let mut order = String::new();
        while let Some(job) = ready.next(&running, 2) {
            *running.entry(job.org).or_default() += 1;
            order += &job.key;
        }
        assert_eq!((order.as_str(), ready.len()), ("acbd", 1));
        assert_eq!(ready.take_all().len(), 1);
    }
}
