//! The figures, and what they come to.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::machine::Machine;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) seed: u64,
    pub(super) engine: &'static str,
    pub(super) processes: usize,
    pub(super) kills: u32,
    /// For so many seconds one process stood still, and then went on.
    pub(super) stood_still_seconds: u64,
    /// Latest that a webhook came, in seconds of the turned clock.
    pub(super) late_seconds_max: u64,
    /// How many times as fast the clocks of all went.
    pub(super) speed: u32,
    /// From the first event until everything was at rest.
    pub(super) seconds: f64,
    /// While things happened.
    pub(super) driven_seconds: f64,
    pub(super) events: u64,
    pub(super) changed_conversations: u64,
    pub(super) webhooks: Webhooks,
    pub(super) dead_letters: i64,
    pub(super) sweep: Sweep,
    pub(super) verified: bool,
    pub(super) differences: u64,
    pub(super) first_differences: Vec<String>,
    pub(super) delivered: Delivered,
    pub(super) refreshes_per_changed_conversation: f64,
    /// Calls that the sandbox's bucket refused.
    pub(super) refused_429: u64,
    pub(super) budget: Option<Budget>,
    /// Whether nothing was lost, doubled or out of order.
    pub(super) conserved: bool,
}

/// From the sandbox to the inbox.
#[derive(Debug, Serialize)]
pub(super) struct Webhooks {
    pub(super) never_sent: u64,
    pub(super) doubled: u64,
    pub(super) late: u64,
    pub(super) posts: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) unanswered: u64,
    pub(super) in_the_inbox: u64,
    pub(super) acknowledged_and_lost: u64,
}

/// What the last sweep found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sweep {
    pub(super) listed: i64,
    pub(super) differing: i64,
    pub(super) missed: i64,
}

/// From the change feed to the receiver.
#[derive(Debug, Default, Serialize)]
pub(super) struct Delivered {
    pub(super) changes: u64,
    pub(super) deliveries: u64,
    pub(super) never_delivered: u64,
    pub(super) out_of_order: u64,
    pub(super) ids_with_two_contents: u64,
    pub(super) with_another_content: u64,
}

/// How the budget was used while there was work.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Budget {
    pub(super) per_minute: u32,
    /// Seconds in which jobs waited throughout.
    pub(super) busy_seconds: f64,
    /// Calls made in them, against what the bucket let through.
    pub(super) used: f64,
}

impl Report {
    /// Whether nothing was lost, doubled or out of order.
    pub(super) fn judge(&self) -> bool {
        let Delivered { never_delivered, out_of_order, ids_with_two_contents, with_another_content, .. } =
            self.delivered;
        let wrong = self.webhooks.acknowledged_and_lost
            + self.differences
            + never_delivered
            + out_of_order
            + ids_with_two_contents
            + with_another_content;
        wrong == 0 && self.dead_letters == 0 && self.verified
    }

    pub(super) fn text(&self) -> String {
        let stood_still = match self.stood_still_seconds {
            0 => String::new(),
            seconds => format!("one stopped for {seconds} s, "),
        };
        let mut text = format!(
            "{}\n{}, {} processes, {} kills, {stood_still}{} events in {:.0} s, at rest after {:.0} s, seed {}\n\
             webhooks up to {} s late by clocks that go {} times as fast\n\n",
            self.machine.text(),
            self.engine,
            self.processes,
            self.kills,
            self.events,
            self.driven_seconds,
            self.seconds,
            self.seed,
            self.late_seconds_max,
            self.speed
        );
        let (webhooks, delivered) = (&self.webhooks, &self.delivered);
        let counts: [(&str, String); 16] = [
            ("events never sent", webhooks.never_sent.to_string()),
            ("events sent twice", webhooks.doubled.to_string()),
            ("posts", webhooks.posts.to_string()),
            ("posts acknowledged", webhooks.acknowledged.to_string()),
            ("posts refused, unanswered", format!("{}, {}", webhooks.refused, webhooks.unanswered)),
            ("events in the inbox", webhooks.in_the_inbox.to_string()),
            ("acknowledged and lost", webhooks.acknowledged_and_lost.to_string()),
            ("sweep: listed, missed", format!("{}, {}", self.sweep.listed, self.sweep.missed)),
            ("differences after it", self.differences.to_string()),
            ("dead letters", self.dead_letters.to_string()),
            ("changes, deliveries", format!("{}, {}", delivered.changes, delivered.deliveries)),
            ("changes never delivered", delivered.never_delivered.to_string()),
            ("out of order", delivered.out_of_order.to_string()),
            (
                "ids with two contents",
                (delivered.ids_with_two_contents + delivered.with_another_content).to_string(),
            ),
            ("refreshes a conversation", format!("{:.2}", self.refreshes_per_changed_conversation)),
            ("calls refused with 429", self.refused_429.to_string()),
        ];
        for (name, value) in counts {
            let _ = writeln!(text, "  {name:<28}{value:>14}");
        }
        if let Some(Budget { per_minute, busy_seconds, used }) = self.budget {
            let share = used * 100.0;
            let _ =
                writeln!(text, "  {share:.1}% of {per_minute} calls a minute in {busy_seconds:.0} busy s");
        }
        for difference in &self.first_differences {
            let _ = writeln!(text, "  differs: {difference}");
        }
        text + if self.conserved { "\nconserved\n" } else { "\nNOT conserved\n" }
    }
}
