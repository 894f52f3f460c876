//! How far an export is: a line that moves on a terminal, one every ten seconds elsewhere, nothing under `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::Millis;
use sinks::ExportProgress;

use crate::app::App;
use crate::summary::number;

/// How often a line is written where there is no terminal, in milliseconds.
const LINE_EVERY_MS: i64 = 10_000;

/// Draws what it is told.
pub(super) struct Painter<'a> {
    app: &'a App,
    bar: Option<ProgressBar>,
    drawn_at: Millis,
}

impl<'a> Painter<'a> {
    pub(super) fn begin(app: &'a App) -> Self {
        let bar = (!app.output.is_quiet() && app.output.may_draw()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{prefix:>18} {spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { app, bar, drawn_at: app.clock.now() }
    }

    pub(super) fn told(&mut self, now: ExportProgress) {
        let step = now.step.replace('_', " ");
        if let Some(bar) = &self.bar {
            bar.set_prefix(step);
            bar.set_message(number(now.done));
            return bar.tick();
        }
        let at = self.app.clock.now();
        if at.since(self.drawn_at) >= LINE_EVERY_MS {
            self.drawn_at = at;
            self.app.output.note(&format!("{step}: {}", number(now.done)));
        }
    }
}

impl Drop for Painter<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
