//! What `Remaining` and `Reset` headers say, where they describe a fixed window.
//!
//! A window's end stands still while time passes. A leaky bucket's "reset" moves along with the calls, and its
//! "remaining" is small whenever calls come evenly; to wait for that would waste the budget. So the headers are
//! believed only once the end has been seen to stand still.

use serde::{Deserialize, Serialize};

/// How far two readings of a window's end may differ: headers are rounded to seconds.
const SAME_END_MS: f64 = 1_500.0;
/// For how long the end must have stood still.
const BELIEVED_AFTER_MS: f64 = 5_000.0;
/// Longest window that is waited for.
const WINDOW_MS_MAX: f64 = 15.0 * 60_000.0;

/// The window that the headers describe.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    end_ms: f64,
    since_ms: f64,
    believed: bool,
    remaining: u32,
    read_at_ms: f64,
}

impl Window {
    /// Take in what an answer said.
    pub(super) fn read(&mut self, now_ms: f64, remaining: u32, reset_ms: f64) {
        let end = now_ms + reset_ms.min(WINDOW_MS_MAX);
        let same = (end - self.end_ms).abs() <= SAME_END_MS;
        let rolled_over = now_ms + SAME_END_MS >= self.end_ms;
        if same {
            self.believed |= now_ms - self.since_ms >= BELIEVED_AFTER_MS;
        } else {
            self.believed &= rolled_over;
            self.since_ms = now_ms;
            self.end_ms = end;
        }
        self.remaining = remaining;
        self.read_at_ms = now_ms;
    }

    /// Milliseconds between slots that make what remains last until the window's end; 0 to say nothing.
    pub(super) fn spacing_ms(&self, now_ms: f64) -> f64 {
        if !self.believed || now_ms >= self.end_ms {
            return 0.0;
        }
        let left_ms = self.end_ms - self.read_at_ms;
        left_ms / (f64::from(self.remaining) + 1.0)
    }

    /// Until when nothing may be sent, because nothing remains.
    pub(super) fn closed_until_ms(&self, now_ms: f64) -> Option<f64> {
        (self.believed && self.remaining == 0 && now_ms < self.end_ms).then_some(self.end_ms)
    }
}
