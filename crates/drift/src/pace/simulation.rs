//! The budget against a leaky bucket, in virtual time: nothing sleeps.

use std::collections::{BTreeMap, VecDeque};

use model::Millis;

use super::budget::{Budget, Given, Turn};
use crate::RateHeaders;

/// A service that drains `per_minute` calls a minute from a bucket that holds `capacity`.
struct Bucket {
    per_minute: f64,
    capacity: f64,
    level: f64,
    at_ms: f64,
    /// Whether it says when to come again, in whole seconds.
    retry_after: bool,
    /// Whether it counts by the minute of the clock instead of draining.
    by_the_minute: bool,
}

impl Bucket {
    fn new(per_minute: u32, capacity: u32) -> Self {
        let (per_minute, capacity) = (f64::from(per_minute), f64::from(capacity));
        Self { per_minute, capacity, level: 0.0, at_ms: 0.0, retry_after: false, by_the_minute: false }
    }

    /// Whether the call is taken, or after how many milliseconds it would be.
    fn call(&mut self, at_ms: f64) -> Result<(), f64> {
        if self.by_the_minute {
            let minute = (at_ms / 60_000.0).floor();
            if minute > (self.at_ms / 60_000.0).floor() {
                self.level = 0.0;
            }
            self.at_ms = at_ms;
            if self.level + 1.0 > self.per_minute {
                return Err((minute + 1.0) * 60_000.0 - at_ms);
            }
            self.level += 1.0;
            return Ok(());
        }
        let drained = (at_ms - self.at_ms) * self.per_minute / 60_000.0;
        self.level = (self.level - drained).max(0.0);
        self.at_ms = at_ms;
        if self.level + 1.0 > self.capacity + 1e-9 {
            return Err((self.level + 1.0 - self.capacity) * 60_000.0 / self.per_minute);
        }
        self.level += 1.0;
        Ok(())
    }
}

/// Callers who always want to call, each after its last answer.
struct Run {
    budget: Budget,
    bucket: Bucket,
    callers: usize,
    latency_ms: i64,
    /// Milliseconds by which a sleeper may be woken late.
    late_ms: i64,
    now: i64,
    free_since: VecDeque<i64>,
    on_their_way: BTreeMap<(i64, u64), (Given, Result<(), f64>)>,
    accepted: u32,
    refused: u32,
    draws: u64,
}

impl Run {
    fn new(assumed: u32, bucket: Bucket) -> Self {
        let callers = 64;
        Self {
            budget: Budget::new(Some(assumed), Millis(0)),
            bucket,
            callers,
            latency_ms: 40,
            late_ms: 0,
            now: 0,
            free_since: VecDeque::new(),
            on_their_way: BTreeMap::new(),
            accepted: 0,
            refused: 0,
            draws: 1,
        }
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.draws += 1;
        model::entropy::mix(self.draws) % bound
    }

    /// Let so many minutes pass; what happened in them alone.
    fn minutes(&mut self, minutes: i64) -> Tally {
        (self.accepted, self.refused) = (0, 0);
        let start = self.now;
        let end = start + minutes * 60_000;
        while self.free_since.len() + self.on_their_way.len() < self.callers {
            self.free_since.push_back(self.now);
        }
        while self.now < end {
            self.step();
        }
        let budget = self.bucket.per_minute * f64::from(u32::try_from(minutes).unwrap());
        let sent = f64::from(self.accepted + self.refused);
        Tally {
            used: f64::from(self.accepted) / budget,
            refused: f64::from(self.refused) / sent,
            refusals: self.refused,
        }
    }

    fn step(&mut self) {
        let answer_at = self.on_their_way.keys().next().map(|(at, _)| *at);
        if self.free_since.is_empty() {
            return self.answer(answer_at.expect("everyone is on the way"));
        }
        match self.budget.turn(Millis(self.now)) {
            Turn::Now => self.send(),
            Turn::In(ms) => {
                #[expect(clippy::cast_possible_truncation, reason = "a wait of minutes")]
                let mut slot_at = self.now + (ms.ceil() as i64).max(1);
                if self.late_ms > 0 {
                    slot_at += i64::try_from(self.draw(u64::try_from(self.late_ms).unwrap() + 1)).unwrap();
                }
                match answer_at {
                    Some(answer_at) if answer_at <= slot_at => self.answer(answer_at),
                    _ => self.now = slot_at,
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hours in milliseconds")]
    fn send(&mut self) {
        let since = self.free_since.pop_front().expect("somebody is free");
        let given = self.budget.give(Millis(self.now), Millis(since));
        let taken = self.bucket.call(self.now as f64 + self.latency_ms as f64 / 2.0);
        let number = self.draw(u64::MAX);
        self.on_their_way.insert((self.now + self.latency_ms, number), (given, taken));
    }

    fn answer(&mut self, at: i64) {
        self.now = self.now.max(at);
        let (_, (given, taken)) = self.on_their_way.pop_first().expect("an answer is due");
        let now = Millis(self.now);
        match taken {
            Ok(()) => {
                self.accepted += 1;
                self.budget.accepted(given, &RateHeaders::default(), now);
            }
            Err(wait_ms) => {
                self.refused += 1;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a wait of seconds"
                )]
                let seconds = (wait_ms / 1000.0).ceil() as u64;
                let retry_after_ms = self.bucket.retry_after.then_some(seconds * 1000);
                let headers = RateHeaders { retry_after_ms, ..RateHeaders::default() };
                let jitter = self.draw(1000);
                self.budget.refused(given, &headers, jitter, now);
            }
        }
        self.free_since.push_back(self.now);
    }
}

#[derive(Debug)]
struct Tally {
    used: f64,
    refused: f64,
    refusals: u32,
}

#[test]
fn a_known_budget_is_used_up_without_a_refusal() {
    for per_minute in [60, 600, 6_000] {
        for capacity in [1, 2, 10, per_minute / 4, per_minute] {
            let mut run = Run::new(per_minute, Bucket::new(per_minute, capacity));
            let tally = run.minutes(10);
            println!("known {per_minute:>5}, bucket of {capacity:>5}: {tally:?}");
            assert!(tally.used >= 0.98 && tally.refusals == 0, "{per_minute} {capacity} {tally:?}");
        }
    }
}

#[test]
fn being_woken_late_costs_nothing_of_a_known_budget() {
    for (per_minute, late_ms) in [(60, 30), (600, 30), (6_000, 15), (30_000, 1)] {
        let mut run = Run::new(per_minute, Bucket::new(per_minute, 10));
        run.late_ms = late_ms;
        let tally = run.minutes(10);
        println!("known {per_minute:>5}, woken up to {late_ms} ms late: {tally:?}");
        assert!(tally.used >= 0.98 && tally.refusals == 0, "{per_minute} {tally:?}");
    }
}

#[test]
fn half_the_assumed_budget_is_found_and_used() {
    for assumed in [60, 120, 600, 6_000] {
        let per_minute = assumed / 2;
        for capacity in [1, 2, 5, 10, per_minute / 4, per_minute] {
            for (retry_after, late_ms) in [(false, 0), (true, 0), (false, 5), (true, 5)] {
                if capacity == 1 && assumed == 6_000 && late_ms > 0 {
                    continue; // Nothing can keep 20 ms apart what may be 5 ms late.
                }
                let mut run = Run::new(assumed, Bucket::new(per_minute, capacity));
                run.bucket.retry_after = retry_after;
                run.late_ms = late_ms;
                let tally = run.minutes(10);
                let case = format!("assumed {assumed}, bucket of {capacity}, {retry_after}, late {late_ms}");
                println!("{case}: {tally:?}");
                assert!(tally.refused < 0.02 && tally.used >= 0.90, "{case}: {tally:?}");
            }
        }
    }
}

#[test]
fn other_budgets_than_half_are_found_too() {
    for per_minute in [50, 150, 450, 540, 590] {
        let mut run = Run::new(600, Bucket::new(per_minute, 10));
        let finding = run.minutes(10);
        let found = run.minutes(10);
        println!("assumed 600, is {per_minute}: {finding:?}, then {found:?}");
        assert!(finding.refused < 0.03 && finding.used > 0.85, "{per_minute} {finding:?}");
        assert!(found.refused < 0.01 && found.used > 0.93, "{per_minute} {found:?}");
    }
}

#[test]
fn a_service_that_counts_by_the_minute_is_understood() {
    for (assumed, per_minute) in [(600, 600), (600, 300), (6_000, 3_000), (600, 450)] {
        for retry_after in [false, true] {
            let mut run = Run::new(assumed, Bucket::new(per_minute, 1));
            run.bucket.by_the_minute = true;
            run.bucket.retry_after = retry_after;
            let tally = run.minutes(10);
            println!(
                "by the minute, assumed {assumed}, is {per_minute}, retry-after {retry_after}: {tally:?}"
            );
            assert!(tally.refused < 0.02 && tally.used >= 0.88, "{assumed} {per_minute} {tally:?}");
        }
    }
}

#[test]
fn a_single_stall_costs_little_of_a_known_budget() {
    let mut run = Run::new(600, Bucket::new(600, 2));
    run.minutes(1);
    run.bucket.level += 1.5;
    let tally = run.minutes(10);
    println!("a stall: {tally:?}");
    assert!(tally.used >= 0.98 && tally.refusals <= 1, "{tally:?}");
}

#[test]
fn a_budget_that_grows_again_is_found_again() {
    let mut run = Run::new(600, Bucket::new(300, 20));
    run.minutes(10);
    run.bucket.per_minute = 600.0;
    let finding = run.minutes(10);
    let found = run.minutes(10);
    println!("grown: {finding:?}, then {found:?}");
    assert!(found.used >= 0.98 && found.refused < 0.02, "{found:?}");
}

#[test]
fn the_service_may_tell_its_budget() {
    let mut budget = Budget::new(Some(600), Millis(0));
    let tell = |budget: &mut Budget, limit, window_ms, reset_ms| {
        let given = budget.give(Millis(0), Millis(0));
        let headers = RateHeaders { limit: Some(limit), window_ms, reset_ms, ..RateHeaders::default() };
        budget.accepted(given, &headers, Millis(0));
        budget.snapshot(Millis(0), 0).per_minute.unwrap().round()
    };
    assert!((tell(&mut budget, 1_200, None, None) - 1_194.0).abs() < 0.5);
    assert!((tell(&mut budget, 60, None, Some(30_000)) - 60.0).abs() < 0.5);
    assert!((tell(&mut budget, 10, Some(1_000), None) - 597.0).abs() < 0.5);
    assert!((tell(&mut budget, 3_600, None, Some(1_800_000)) - 60.0).abs() < 0.5);
}

#[test]
fn what_remains_of_a_window_is_made_to_last() {
    let mut budget = Budget::new(Some(600), Millis(0));
    let mut now = Millis(0);
    // Somebody else uses the same budget: of a window that ends at 60 s only a little remains.
    for remaining in (0..80).rev() {
        while let Turn::In(_) = budget.turn(now) {
            now = now.plus(1);
        }
        let given = budget.give(now, now);
        let reset_ms = u64::try_from(60_000 - now.0).unwrap();
        budget.accepted(
            given,
            &RateHeaders { remaining: Some(remaining), reset_ms: Some(reset_ms), ..RateHeaders::default() },
            now,
        );
    }
    assert!((50_000..60_000).contains(&now.0), "the last call went out at {now}");
    assert!(matches!(budget.turn(now), Turn::In(ms) if ms >= (60_000 - now.0) as f64), "nothing remains");
    assert_eq!(budget.turn(Millis(60_001)), Turn::Now);
}

#[test]
fn the_remaining_of_a_leaky_bucket_holds_nobody_up() {
    let mut budget = Budget::new(Some(600), Millis(0));
    let mut now = Millis(0);
    for _ in 0..600 {
        while let Turn::In(ms) = budget.turn(now) {
            assert!(ms < 150.0);
            now = now.plus(1);
        }
        let given = budget.give(now, now.plus(-1_000));
        let headers = RateHeaders { remaining: Some(0), reset_ms: Some(1_000), ..RateHeaders::default() };
        budget.accepted(given, &headers, now);
    }
    assert!(now.0 < 62_000);
}

#[test]
fn many_refusals_of_one_burst_are_one_event() {
    let mut budget = Budget::new(Some(600), Millis(0));
    let burst: Vec<_> = (0..20).map(|_| budget.give(Millis(0), Millis(0))).collect();
    for given in burst {
        budget.refused(given, &RateHeaders::default(), 0, Millis(50));
    }
    let snapshot = budget.snapshot(Millis(50), 0);
    assert_eq!(snapshot.refused_429, 20);
    assert!((snapshot.per_minute.unwrap() - 298.5).abs() < 1.0, "{snapshot:?}");
    assert!(
        matches!(budget.turn(Millis(51)), Turn::In(ms) if ms > 400.0),
        "nobody sends until it may be tried again"
    );
}

#[test]
fn without_a_limit_nobody_waits_but_after_a_refusal() {
    let mut budget = Budget::new(None, Millis(0));
    for _ in 0..10_000 {
        assert_eq!(budget.turn(Millis(0)), Turn::Now);
        let given = budget.give(Millis(0), Millis(0));
        budget.accepted(given, &RateHeaders::default(), Millis(0));
    }
    let given = budget.give(Millis(0), Millis(0));
    let headers = RateHeaders { retry_after_ms: Some(3_000), ..RateHeaders::default() };
    budget.refused(given, &headers, 0, Millis(0));
    assert_eq!(budget.turn(Millis(1_000)), Turn::In(2_000.0));
    assert_eq!(budget.turn(Millis(3_000)), Turn::Now);
}

#[test]
fn a_clock_that_is_set_back_stops_nobody() {
    let mut budget = Budget::new(Some(600), Millis(7_200_000));
    budget.give(Millis(7_200_000), Millis(7_200_000));
    budget.give(Millis(7_200_200), Millis(7_200_200));
    assert!(matches!(budget.turn(Millis(3_600_000)), Turn::In(ms) if ms < 150.0));
    assert_eq!(budget.turn(Millis(3_600_150)), Turn::Now);
}
