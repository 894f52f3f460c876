//! What was measured, for machines and for people.

use serde::Serialize;

use super::load::{Measured, Pace};
use crate::command::bench::machine::Machine;
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

#[derive(Debug, Serialize)]
pub(super) struct Engine {
    pub(super) engine: &'static str,
    /// Acknowledged a second against the same server answering without storing.
    pub(super) ratio_not_storing: f64,
    /// Acknowledged a second against one commit for each event.
    pub(super) ratio_each_alone: f64,
    pub(super) nothing: Run,
    pub(super) alone: Run,
    pub(super) committed: Vec<Run>,
    pub(super) offered: Vec<Run>,
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
            for it in &size.engines {
                text += &format!(
                    "\n{}, events of {} bytes: {:.2} of not storing, {:.1} times each alone\n{:<22}{:>6}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>7}{:>6}{:>8}\n",
                    it.engine,
                    size.bytes,
                    it.ratio_not_storing,
                    it.ratio_each_alone,
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
                text += &line("answered, not stored", &it.nothing);
                text += &line("each committed alone", &it.alone);
                it.committed.iter().for_each(|run| text += &line("batches, flat out", run));
                for run in &it.offered {
                    text += &line(&format!("{} % offered", run.offered_share.unwrap_or_default()), run);
                }
            }
        }
        text
    }
}

fn line(what: &str, run: &Run) -> String {
    format!(
        "{what:<22}{:>6}{:>10.0}{:>9.2}{:>9.2}{:>9.2}{:>9}{:>9.2}{:>9.2}{:>7}{:>6}{:>8.1}\n",
        run.connections,
        run.acknowledged_per_second,
        run.p50_ms,
        run.p99_ms,
        run.p999_ms,
        run.refused_503,
        run.refused_p99_ms,
        run.refused_max_ms,
        run.failed + run.timed_out,
        run.lost,
        run.server.cpu_s,
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
