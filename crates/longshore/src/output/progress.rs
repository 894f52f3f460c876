//! How far a run is: a bar on a terminal, a line every ten seconds elsewhere, nothing under `--quiet`.

use std::sync::Arc;

use engine::progress::{ProgressView, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::Clock;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Output;
use super::table::{duration, grouped};

/// How often a bar is drawn, in milliseconds.
const DRAW_EVERY_MS: u64 = 200;
/// How often a line is written where there is no terminal, in milliseconds.
const LINE_EVERY_MS: u64 = 10_000;

/// Draws the newest progress until it is finished.
#[derive(Debug)]
pub(crate) struct Painter {
    task: Option<JoinHandle<()>>,
    bar: Option<ProgressBar>,
}

impl Painter {
    /// Begin to draw.
    pub(crate) fn begin(output: Output, view: watch::Receiver<ProgressView>, clock: Arc<dyn Clock>) -> Self {
        if output.is_quiet() {
            return Self { task: None, bar: None };
        }
        if !output.may_draw() {
            return Self { task: Some(tokio::spawn(write_lines(output, view, clock))), bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let task = tokio::spawn(draw(bar.clone(), view, clock));
        Self { task: Some(task), bar: Some(bar) }
    }

    /// Take the bar away.
    pub(crate) fn finish(mut self) {
        self.clear();
    }

    fn clear(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.clear();
    }
}

async fn draw(bar: ProgressBar, view: watch::Receiver<ProgressView>, clock: Arc<dyn Clock>) {
    let counted = ProgressStyle::with_template("{prefix:>12} [{bar:28}] {msg}");
    let uncounted = ProgressStyle::with_template("{prefix:>12} {spinner} {msg}");
    let (Ok(counted), Ok(uncounted)) = (counted, uncounted) else { return };
    let counted = counted.progress_chars("=> ");
    loop {
        let now = view.borrow().clone();
        bar.set_style(if now.total.is_some() { counted.clone() } else { uncounted.clone() });
        bar.set_length(now.total.unwrap_or_default());
        bar.set_position(now.done);
        bar.set_prefix(now.stage.word());
        bar.set_message(figures(&now));
        bar.tick();
        clock.sleep(DRAW_EVERY_MS).await;
    }
}

async fn write_lines(output: Output, view: watch::Receiver<ProgressView>, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(LINE_EVERY_MS).await;
        let now = view.borrow().clone();
        if now.stage != Stage::Finished {
            output.note(&format!("{}: {}", now.stage.word(), figures(&now)));
        }
    }
}

/// The figures of a progress line: how many of how many, how fast, how long still, at which pace.
fn figures(view: &ProgressView) -> String {
    let count = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let mut text = count(view.done);
    if let Some(total) = view.total {
        text += &format!(" of {}", count(total));
    }
    if view.per_second >= 0.05 {
        text += &format!(", {:.1}/s", view.per_second);
    }
    if let Some(eta_ms) = view.eta_ms.filter(|eta_ms| *eta_ms >= 1_000) {
        text += &format!(", {} left", duration(i64::try_from(eta_ms).unwrap_or(i64::MAX)));
    }
    if view.messages > 0 {
        text += &format!("; {} messages", count(view.messages));
    }
    text += &format!("; {} calls", count(view.calls));
    if let Some(per_minute) = view.per_minute {
        text += &format!(" at {per_minute:.0}/min");
    }
    if view.refused_429 > 0 {
        text += &format!(", {} refused", count(view.refused_429));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_line_tells_rate_budget_and_expected_end() {
        let view = ProgressView {
            stage: Stage::Messages,
            done: 1_250,
            total: Some(5_000),
            messages: 48_211,
            calls: 1_300,
            refused_429: 2,
            per_minute: Some(600.0),
            per_second: 9.93,
            eta_ms: Some(377_000),
        };
        assert_eq!(
            figures(&view),
            "1,250 of 5,000, 9.9/s, 6 min 17 s left; 48,211 messages; 1,300 calls at 600/min, 2 refused"
        );
        assert_eq!(figures(&ProgressView::default()), "0; 0 calls");
    }
}
