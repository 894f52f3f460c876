//! How far a run is: one value, always the newest, for whoever draws it.

use model::{Clock, Millis};
use serde::Serialize;
use tokio::sync::watch;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Asking what the token may do and how much there is.
    #[default]
    Preparing,
    /// Conversations with their messages.
    Messages,
    /// The bytes of attachments.
    Attachments,
    /// Participants, tags, playbook of each conversation.
    Details,
    /// Contacts met on the way.
    Contacts,
    /// Users, teams, accounts, playbooks, meetings, attribute definitions.
    Directories,
    /// Listing everything once more and comparing.
    Comparing,
    /// Verifying message for message.
    Verifying,
    /// Done.
    Finished,
}

impl Stage {
    /// The word for it in a progress line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Messages => "messages",
            Self::Attachments => "attachments",
            Self::Details => "details",
            Self::Contacts => "contacts",
            Self::Directories => "directories",
            Self::Comparing => "comparing",
            Self::Verifying => "verifying",
            Self::Finished => "finished",
        }
    }
}

/// The state of a run at one instant.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ProgressView {
    /// What is being done.
    pub stage: Stage,
    /// Items of this stage that are stored.
    pub done: u64,
    /// Items of this stage in all, where the API told.
    pub total: Option<u64>,
    /// Messages stored, or compared, so far.
    pub messages: u64,
    /// Calls made by this run, retries included.
    pub calls: u64,
    /// Calls that Drift refused with 429.
    pub refused_429: u64,
    /// The pace in force, calls a minute; `None` without a limit.
    pub per_minute: Option<f64>,
    /// Items of this stage a second, over the stage so far.
    pub per_second: f64,
    /// Milliseconds until this stage is done at that rate, where a total is known.
    pub eta_ms: Option<u64>,
}

/// Where a run writes its progress. Cheap to clone; without listeners it costs next to nothing.
#[derive(Debug, Clone)]
pub struct Progress {
    sender: watch::Sender<ProgressView>,
    began: std::sync::Arc<std::sync::Mutex<Millis>>,
}

impl Progress {
    /// A progress value and its first reader.
    #[must_use]
    pub fn new() -> (Self, watch::Receiver<ProgressView>) {
        let (sender, receiver) = watch::channel(ProgressView::default());
        (Self { sender, began: std::sync::Arc::default() }, receiver)
    }

    /// Begin a stage with what is known of its size.
    pub fn stage(&self, stage: Stage, total: Option<u64>, clock: &dyn Clock) {
        *self.began() = clock.now();
        tracing::info!(stage = stage.word(), total, "Beginning stage {}", stage.word());
        self.sender.send_modify(|view| {
            view.stage = stage;
            view.done = 0;
            view.total = total;
            view.per_second = 0.0;
            view.eta_ms = None;
            if matches!(stage, Stage::Preparing | Stage::Verifying) {
                view.messages = 0;
            }
        });
    }

    /// Count items (and messages) of the present stage as stored.
    pub fn add(&self, items: usize, messages: u64, clock: &dyn Clock) {
        let elapsed_ms = clock.now().since(*self.began()).max(1);
        self.sender.send_modify(|view| {
            view.done += items as u64;
            view.messages += messages;
            view.per_second = view.done as f64 * 1_000.0 / elapsed_ms as f64;
            view.eta_ms = view.total.and_then(|total| eta_ms(total, view.done, elapsed_ms.unsigned_abs()));
        });
    }

    /// Note the calls made so far and the pace in force.
    pub fn calls(&self, calls: u64, refused_429: u64, per_minute: Option<f64>) {
        self.sender.send_modify(|view| {
            view.calls = calls;
            view.refused_429 = refused_429;
            view.per_minute = per_minute;
        });
    }

    /// The newest value.
    #[must_use]
    pub fn view(&self) -> ProgressView {
        self.sender.borrow().clone()
    }

    fn began(&self) -> std::sync::MutexGuard<'_, Millis> {
        self.began.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn eta_ms(total: u64, done: u64, elapsed_ms: u64) -> Option<u64> {
    (done > 0).then(|| total.saturating_sub(done).saturating_mul(elapsed_ms) / done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::FakeClock;

    #[test]
    fn the_expected_end_follows_from_the_rate_so_far() {
        let clock = FakeClock::at(Millis(0));
        let (progress, receiver) = Progress::new();
        progress.stage(Stage::Messages, Some(400), &clock);
        clock.advance(10_000);
        progress.add(100, 1_200, &clock);
        let view = receiver.borrow();
        assert_eq!((view.done, view.messages, view.eta_ms), (100, 1_200, Some(30_000)));
        assert!((view.per_second - 10.0).abs() < f64::EPSILON);
    }
}
