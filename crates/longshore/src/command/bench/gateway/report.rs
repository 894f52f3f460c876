//! What was measured, for machines and for people.

use serde::Serialize;

use super::load::{Measured, Pace};
use crate::command::bench::machine::Machine;
use crate::command::bench::median::median;
use crate::command::bench::process::Usage;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) seconds: u64,
    pub(super) sizes: Vec<Size>,
}

#[derive(Debug, Serialize)]
pub(super) struct Size {
    pub(super) bytes: usize,
    pub(super) engines: Vec<Engine>,
}

/// What an engine did, in all rounds.
#[derive(Debug, Serialize)]
pub(super) struct Engine {
    engine: &'static str,
    /// Acknowledged a second against the same server answering without storing: the median of the rounds.
    ratio_not_storing: f64,
    /// Acknowledged a second against one commit for each event: the median of the rounds.
    ratio_each_alone: f64,
    rounds: Vec<Round>,
}

impl Engine {
    pub(super) fn of(engine: &'static str, rounds: Vec<Round>) -> Self {
        Self {
            engine,
            ratio_not_storing: median(rounds.iter().map(|round| round.ratio_not_storing)),
            ratio_each_alone: median(rounds.iter().map(|round| round.ratio_each_alone)),
            rounds,
        }
    }
}

/// What was measured once, one run after the other.
#[derive(Debug, Serialize)]
pub(super) struct Round {
    ratio_not_storing: f64,
    ratio_each_alone: f64,
    nothing: Run,
    alone: Run,
    committed: Vec<Run>,
    offered: Vec<Run>,
}

impl Round {
    /// The ratios are those of the last run of batches.
    pub(super) fn of(nothing: Run, alone: Run, committed: Vec<Run>, offered: Vec<Run>) -> Self {
        let capacity = committed.last().map_or(0.0, |run| run.acknowledged_per_second);
        Self {
            ratio_not_storing: capacity / nothing.acknowledged_per_second.max(1.0),
            ratio_each_alone: capacity / alone.acknowledged_per_second.max(1.0),
            nothing,
            alone,
            committed,
            offered,
        }
    }

    /// Its runs, each with its name.
    fn runs(&self) -> Vec<(String, &Run)> {
        let mut runs = vec![
            ("answered, not stored".to_owned(), &self.nothing),
            ("each committed alone".to_owned(), &self.alone),
        ];
        runs.extend(self.committed.iter().map(|run| ("batches, flat out".to_owned(), run)));
        let offered = |run: &Run| format!("{} % offered", run.offered_share.unwrap_or_default());
        runs.extend(self.offered.iter().map(|run| (offered(run), run)));
        runs
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Run {
    connections: usize,
    offered_share: Option<u64>,
    offered_per_second: Option<f64>,
    pub(super) acknowledged_per_second: f64,
    acknowledged: usize,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    refused_503: usize,
    refused_p99_ms: f64,
    refused_max_ms: f64,
    failed: u64,
    timed_out: u64,
    /// Acknowledged events that the database did not hold after the server was killed.
    lost: usize,
    server: Usage,
}

impl Run {
    pub(super) fn of(
        measured: &Measured,
        connections: usize,
        pace: Pace,
        server: Usage,
        lost: usize,
    ) -> Self {
        let (offered_share, offered_per_second) = match pace {
            Pace::FlatOut => (None, None),
            Pace::Offered { share, per_second } => (Some(share), Some(per_second)),
        };
        let (acknowledged, refused) = (&measured.acknowledged_us, &measured.refused_us);
        Self {
            connections,
            offered_share,
            offered_per_second,
            acknowledged_per_second: acknowledged.len() as f64 / measured.seconds,
            acknowledged: acknowledged.len(),
            p50_ms: quantile_ms(acknowledged, 500),
            p99_ms: quantile_ms(acknowledged, 990),
            p999_ms: quantile_ms(acknowledged, 999),
            refused_503: refused.len(),
            refused_p99_ms: quantile_ms(refused, 990),
            refused_max_ms: quantile_ms(refused, 1_000),
            failed: measured.failed,
            timed_out: measured.timed_out,
            lost,
            server,
        }
    }
}

/// The value that so many thousandths do not exceed; 0 of nothing.
fn quantile_ms(sorted_us: &[u64], thousandths: usize) -> f64 {
    let rank = (sorted_us.len() * thousandths).div_ceil(1_000);
    sorted_us.get(rank.saturating_sub(1)).map_or(0.0, |us| *us as f64 / 1_000.0)
}

impl Report {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}\n{} seconds each, after one that is not counted\n",
            self.machine.text(),
            self.seconds
        );
        for size in &self.sizes {
            for engine in &size.engines {
                text += &engine.text(size.bytes);
            }
        }
        text
    }
}

impl Engine {
    fn text(&self, bytes: usize) -> String {
        let Some(first) = self.rounds.first() else { return String::new() };
        let ratios = self.rounds.iter().map(|round| round.ratio_not_storing);
        let (least, most) =
            ratios.fold((f64::MAX, 0.0_f64), |(least, most), it| (least.min(it), most.max(it)));
        let mut text = format!(
            "\n{}, events of {bytes} bytes: {:.2} of not storing, {:.1} times each alone\n\
             medians of {} rounds, of which that of not storing had {least:.2} to {most:.2}; the most of 503 max, failed and lost\n\
             {:<22}{:>6}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>7}{:>6}{:>8}\n",
            self.engine,
            self.ratio_not_storing,
            self.ratio_each_alone,
            self.rounds.len(),
            "",
            "conn.",
            "acked/s",
            "p50 ms",
            "p99 ms",
            "p99.9",
            "503s",
            "503 p99",
            "503 max",
            "failed",
            "lost",
            "CPU s"
        );
        for (place, (what, run)) in first.runs().into_iter().enumerate() {
            let same = self.rounds.iter().filter_map(|round| Some(round.runs().get(place)?.1)).collect();
            text += &line(&what, run.connections, &same);
        }
        text
    }
}

/// The same run in all rounds.
fn line(what: &str, connections: usize, runs: &Vec<&Run>) -> String {
    let of = |value: fn(&Run) -> f64| median(runs.iter().map(|run| value(run)));
    let most = |value: fn(&Run) -> f64| runs.iter().map(|run| value(run)).fold(0.0, f64::max);
    format!(
        "{what:<22}{connections:>6}{:>10.0}{:>9.2}{:>9.2}{:>9.2}{:>9.0}{:>9.2}{:>9.2}{:>7.0}{:>6.0}{:>8.1}\n",
        of(|run| run.acknowledged_per_second),
        of(|run| run.p50_ms),
        of(|run| run.p99_ms),
        of(|run| run.p999_ms),
        of(|run| run.refused_503 as f64),
        of(|run| run.refused_p99_ms),
        most(|run| run.refused_max_ms),
        most(|run| (run.failed + run.timed_out) as f64),
        most(|run| run.lost as f64),
        of(|run| run.server.cpu_s),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let values: Vec<u64> = (1..=100).map(|value| value * 1_000).collect();
        assert_eq!(quantile_ms(&values, 500), 50.0);
        assert_eq!(quantile_ms(&values, 990), 99.0);
        assert_eq!(quantile_ms(&values, 1_000), 100.0);
        assert_eq!(quantile_ms(&[], 990), 0.0);
    }
}
