//! Several nodes on one budget against a leaky bucket, in virtual time: nothing sleeps, no task runs.

use std::collections::{BTreeMap, VecDeque};

use model::Millis;

use super::Priority;
use super::budget::{Given, Turn};
use super::hand::{Demand, Hand, Need};
use super::ledger::{Draw, Grant, Ledger};
use crate::RateHeaders;

const START: i64 = 1_785_000_000_000;
/// A call's way there and back, in milliseconds.
const LATENCY_MS: i64 = 40;

struct Bucket {
    per_minute: f64,
    capacity: f64,
    level: f64,
    at: i64,
}

impl Bucket {
    #[expect(clippy::cast_precision_loss, reason = "a few hours in milliseconds")]
    fn call(&mut self, at: i64) -> bool {
        self.level = (self.level - (at - self.at) as f64 * self.per_minute / 60_000.0).max(0.0);
        self.at = at;
        let fits = self.level + 1.0 <= self.capacity + 1e-9;
        self.level += if fits { 1.0 } else { 0.0 };
        fits
    }
}

/// One process.
struct Node {
    hand: Hand,
    priority: Priority,
    /// Callers that always want to call, each after its last answer.
    callers: usize,
    /// How far its clock is ahead of the true time.
    ahead_ms: i64,
    stopped_until: i64,
    waiting: VecDeque<Millis>,
    draw: Option<(i64, Draw, Option<Grant>)>,
    accepted: u32,
}

impl Node {
    fn demand(&self) -> Option<Demand> {
        let waiting = self.waiting.len();
        let since = *self.waiting.front()?;
        Some(Demand { waiting, most_urgent: waiting, priority: self.priority, since })
    }
}

struct Run {
    nodes: Vec<Node>,
    ledger: String,
    bucket: Bucket,
    now: i64,
    /// Milliseconds that half a draw takes, at most.
    store_ms: u64,
    /// Milliseconds by which a sleeper is woken late, at most.
    late_ms: u64,
    arrivals: VecDeque<(i64, usize, Given)>,
    answers: BTreeMap<(i64, u64), (usize, Given, bool)>,
    sent_at: Vec<i64>,
    refused: u32,
    draws: u64,
    random: u64,
}

impl Run {
    fn new(assumed: u32, per_minute: u32, capacity: u32, nodes: usize) -> Self {
        let node = |_| Node {
            hand: Hand::new(assumed),
            priority: Priority::Backfill,
            callers: 32,
            ahead_ms: 0,
            stopped_until: 0,
            waiting: VecDeque::new(),
            draw: None,
            accepted: 0,
        };
        Self {
            nodes: (0..nodes).map(node).collect(),
            ledger: String::new(),
            bucket: Bucket {
                per_minute: per_minute.into(),
                capacity: capacity.into(),
                level: 0.0,
                at: START,
            },
            now: START,
            store_ms: 5,
            late_ms: 5,
            arrivals: VecDeque::new(),
            answers: BTreeMap::new(),
            sent_at: Vec::new(),
            refused: 0,
            draws: 0,
            random: 1,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random += 1;
        model::entropy::mix(self.random) % bound
    }

    /// Let so many seconds pass; the part of the budget that was used, and how many were refused.
    fn seconds(&mut self, seconds: u32) -> (f64, u32) {
        let accepted = |run: &Self| run.nodes.iter().map(|node| node.accepted).sum::<u32>();
        let (before, refused_before) = (accepted(self), self.refused);
        let end = self.now + i64::from(seconds) * 1_000;
        while self.now < end {
            self.millisecond();
        }
        let used = f64::from(accepted(self) - before);
        (used / (self.bucket.per_minute * f64::from(seconds) / 60.0), self.refused - refused_before)
    }

    fn millisecond(&mut self) {
        self.now += 1;
        for index in 0..self.nodes.len() {
            self.step(index);
        }
        self.arrive();
        self.answer();
    }

    fn step(&mut self, index: usize) {
        let (store_ms, late_ms) = (self.store_ms, self.late_ms);
        let (halfway, late) = (self.below(store_ms) + 1, self.below(late_ms + 1));
        let node = &mut self.nodes[index];
        if self.now < node.stopped_until {
            return;
        }
        let own = Millis(self.now + node.ahead_ms);
        let here = self.answers.values().filter(|(at, ..)| *at == index).count()
            + self.arrivals.iter().filter(|(_, at, _)| *at == index).count();
        while node.waiting.len() + here < node.callers {
            node.waiting.push_back(own);
        }
        match &mut node.draw {
            Some((at, draw, grant)) if *at <= self.now => match grant.take() {
                None => {
                    let fresh = || Ledger::new(draw.assumed, own);
                    let mut ledger = serde_json::from_str(&self.ledger).unwrap_or_else(|_| fresh());
                    *grant = Some(ledger.draw(draw, own));
                    self.ledger = serde_json::to_string(&ledger).unwrap();
                    *at = self.now + i64::try_from(halfway).unwrap();
                    self.draws += 1;
                }
                Some(grant) => {
                    let (_, draw, _) = node.draw.take().unwrap();
                    node.hand.take(&draw, grant, own);
                }
            },
            Some(_) => {}
            None => {
                let demand = node.demand();
                if let Need::Now(draw) = node.hand.need(demand, own) {
                    node.draw = Some((self.now + i64::try_from(halfway).unwrap(), draw, None));
                }
            }
        }
        if late > 0 && late_ms > 0 {
            return;
        }
        while !node.waiting.is_empty() && node.hand.turn(own) == Some(Turn::Now) {
            let since = node.waiting.pop_front().unwrap();
            let given = node.hand.give(own, since);
            self.arrivals.push_back((self.now + LATENCY_MS / 2, index, given));
            self.sent_at.push(self.now);
        }
    }

    fn arrive(&mut self) {
        while self.arrivals.front().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, index, given) = self.arrivals.pop_front().unwrap();
            let taken = self.bucket.call(self.now);
            let number = self.below(u64::MAX);
            self.answers.insert((self.now + LATENCY_MS / 2, number), (index, given, taken));
        }
    }

    fn answer(&mut self) {
        while self.answers.first_key_value().is_some_and(|((at, _), _)| *at <= self.now) {
            let (_, (index, given, taken)) = self.answers.pop_first().unwrap();
            let jitter = self.below(1_000);
            let node = &mut self.nodes[index];
            if taken {
                node.accepted += 1;
                node.hand.accepted(given, &RateHeaders::default());
            } else {
                self.refused += 1;
                node.hand.refused(given, &RateHeaders::default(), jitter);
            }
        }
    }

    /// The most calls that were sent within any minute.
    fn most_in_a_minute(&self) -> usize {
        let mut from = 0;
        let most = self.sent_at.iter().enumerate().map(|(index, at)| {
            while self.sent_at[from] <= at - 60_000 {
                from += 1;
            }
            index + 1 - from
        });
        most.max().unwrap_or(0)
    }
}

#[test]
fn three_nodes_use_up_a_known_budget_without_a_refusal() {
    for (per_minute, capacity) in [(60, 5), (600, 5), (600, 10), (6_000, 20)] {
        for nodes in [1, 3, 8] {
            let mut run = Run::new(per_minute, per_minute, capacity, nodes);
            let seconds = if per_minute > 600 { 90 } else { 300 };
            let (used, refused) = run.seconds(seconds);
            let (most, draws) = (run.most_in_a_minute(), run.draws / u64::from(seconds));
            println!(
                "{nodes} nodes on {per_minute}, bucket of {capacity}: {used:.3} used, {refused} refused, \
                 at most {most} in a minute, {draws} draws a second"
            );
            assert!(used >= 0.95 && refused == 0, "{nodes} {per_minute} {used} {refused}");
            assert!(most <= per_minute as usize + 5, "{most} in a minute");
        }
    }
}

#[test]
fn what_a_dead_node_held_is_all_that_is_lost() {
    let mut run = Run::new(600, 600, 5, 3);
    run.seconds(60);
    run.nodes[0].stopped_until = i64::MAX;
    let (used, refused) = run.seconds(60);
    println!("one dead: {used:.3} used, {refused} refused");
    assert!(used >= 0.95 && refused == 0, "{used} {refused}");
}

#[test]
fn a_node_that_was_stopped_does_not_catch_up() {
    let mut run = Run::new(600, 600, 5, 3);
    run.seconds(60);
    run.nodes[0].stopped_until = run.now + 30_000;
    let (used, refused) = run.seconds(120);
    println!("one stopped: {used:.3} used, {refused} refused, {} in a minute", run.most_in_a_minute());
    assert!(used >= 0.95 && refused == 0, "{used} {refused}");
    assert!(run.most_in_a_minute() <= 605);
}

#[test]
fn a_node_that_alone_wants_calls_gets_them_all() {
    let mut run = Run::new(600, 600, 5, 3);
    (run.nodes[0].callers, run.nodes[1].callers) = (0, 0);
    let (used, refused) = run.seconds(120);
    assert!(used >= 0.95 && refused == 0, "{used} {refused}");
}

#[test]
fn urgent_callers_of_one_node_come_before_others_backfill() {
    let mut run = Run::new(600, 600, 5, 3);
    run.seconds(30);
    run.nodes[2].priority = Priority::Live;
    run.nodes.iter_mut().for_each(|node| node.accepted = 0);
    let (used, refused) = run.seconds(60);
    let live = run.nodes[2].accepted;
    println!("live got {live} of {:.0}; {refused} refused", used * 600.0);
    assert!(f64::from(live) >= 0.9 * used * 600.0 && used >= 0.95 && refused == 0, "{live} {used}");
}

#[test]
fn a_single_live_call_waits_for_little() {
    let mut run = Run::new(600, 600, 5, 3);
    (run.nodes[2].priority, run.nodes[2].callers) = (Priority::Live, 0);
    run.seconds(30);
    for _ in 0..20 {
        run.nodes[2].callers = 1;
        let (asked_at, before) = (run.now, run.nodes[2].accepted);
        while run.nodes[2].accepted == before {
            run.millisecond();
        }
        assert!(run.now - asked_at <= 1_000, "a live call took {} ms", run.now - asked_at);
        run.nodes[2].callers = 0;
        run.nodes[2].waiting.clear();
        run.seconds(2);
    }
}

#[test]
fn clocks_that_differ_neither_starve_anybody_nor_double_the_rate() {
    for ahead_ms in [50, 2_000, 3_600_000, -3_600_000] {
        let mut run = Run::new(600, 600, 5, 3);
        run.nodes[0].ahead_ms = ahead_ms;
        run.seconds(5);
        run.nodes.iter_mut().for_each(|node| node.accepted = 0);
        let (used, refused) = run.seconds(300);
        let each: Vec<_> = run.nodes.iter().map(|node| node.accepted).collect();
        println!("one clock {ahead_ms} ms ahead: {used:.3} used, {refused} refused, {each:?}");
        assert!(used >= 0.93 && refused <= 2, "{ahead_ms}: {used} {refused}");
        assert!(each.iter().all(|one| *one > 300), "{each:?}");
    }
}

#[test]
fn half_the_assumed_budget_is_found_together() {
    for capacity in [5, 10, 75] {
        let mut run = Run::new(600, 300, capacity, 3);
        let (used, refused) = run.seconds(600);
        let part = f64::from(refused) / run.sent_at.len() as f64;
        println!("half, bucket of {capacity}: {used:.3} used, {:.2} % refused", part * 100.0);
        assert!(used >= 0.90 && part < 0.02, "{capacity}: {used} {part}");
    }
}

#[test]
fn a_slow_store_costs_budget_but_never_exceeds_it() {
    let mut run = Run::new(600, 600, 5, 3);
    run.store_ms = 400;
    let (used, refused) = run.seconds(120);
    println!("a store of up to 800 ms: {used:.3} used, {refused} refused");
    assert!(refused == 0 && used > 0.5, "{used} {refused}");
}
