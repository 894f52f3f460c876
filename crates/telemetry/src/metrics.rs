//! The closed list of everything that is measured, from which the struct, the registry and the page are made.
//!
//! Names are `longshore_<area>_<what>_<unit>`, with `_total` for what only counts up. Durations and ages are in seconds.

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::family::{Counter, Family, Gauge, Histogram, Real};

/// What every name begins with.
const PREFIX: &str = "longshore";
/// From a millisecond, which is what the clock tells, to ten seconds: a commit, an answer.
const SHORT_S: [f64; 12] = [0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0];
/// From five milliseconds to a day: a job, a delay.
const LONG_S: [f64; 15] =
    [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0, 86_400.0];
/// Items in a batch.
const ITEMS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

/// One line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// As it is scraped.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels' names, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

macro_rules! metric_type {
    (counter) => {
        Counter
    };
    (gauge) => {
        Gauge
    };
    (real) => {
        Real
    };
    (histogram $buckets:ident) => {
        Histogram
    };
}
macro_rules! metric_new {
    (counter) => {
        Counter::default
    };
    (gauge) => {
        Gauge::default
    };
    (real) => {
        Real::default
    };
    (histogram $buckets:ident) => {
        || Histogram::new($buckets)
    };
}
macro_rules! metric_kind {
    (counter) => {
        "counter"
    };
    (gauge) => {
        "gauge"
    };
    (real) => {
        "gauge"
    };
    (histogram $buckets:ident) => {
        "histogram"
    };
}
macro_rules! metric_name {
    (counter $name:ident) => {
        concat!("longshore_", stringify!($name), "_total")
    };
    ($kind:ident $name:ident) => {
        concat!("longshore_", stringify!($name))
    };
}

macro_rules! metrics {
    ($($name:ident($($label:literal),*): $kind:ident $($buckets:ident)? = $help:literal;)*) => {
        /// Every metric of the program.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            $(#[doc = $help] pub $name: metrics!(@type [$($label),*] $kind $($buckets)?),)*
        }

        impl Metrics {
            /// A set of its own: one for a process, or one for a test.
            #[must_use]
            pub fn new() -> Self {
                let mut registry = Registry::with_prefix(PREFIX);
                $(
                    let $name = metrics!(@new [$($label),*] $kind $($buckets)?);
                    metrics!(@register [$($label),*] registry, $name, $help);
                )*
                Self { registry, $($name),* }
            }
        }

        /// The list itself.
        pub const FAMILIES: &[Listed] = &[$(Listed {
            name: metric_name!($kind $name),
            kind: metric_kind!($kind $($buckets)?),
            labels: &[$($label),*],
            help: $help,
        }),*];
    };
    (@type [] $($kind:ident)+) => { metric_type!($($kind)+) };
    (@type [$($label:literal),+] $($kind:ident)+) => {
        Family<{ [$($label),+].len() }, metric_type!($($kind)+)>
    };
    (@new [] $($kind:ident)+) => { (metric_new!($($kind)+))() };
    (@new [$($label:literal),+] $($kind:ident)+) => { Family::new([$($label),+], metric_new!($($kind)+)) };
    (@register [] $registry:ident, $name:ident, $help:literal) => {
        $registry.register(stringify!($name), $help.trim_end_matches('.'), $name.clone());
    };
    (@register [$($label:literal),+] $registry:ident, $name:ident, $help:literal) => {
        $registry.register(stringify!($name), $help.trim_end_matches('.'), $name.inner.clone());
    };
}

metrics! {
    gateway_requests("status"): counter = "Requests answered on the webhook paths, by status.";
    gateway_answer_seconds(): histogram SHORT_S = "Time from a webhook's headers to its answer.";
    gateway_events_received(): counter = "Events whose body was read.";
    gateway_events_verified(): counter = "Events whose verification token was right.";
    gateway_events_refused("reason"): counter = "Requests refused before anything was stored, by reason.";
    gateway_events_overload(): counter = "Events answered with 503 because too many waited for a commit.";
    gateway_events_failed(): counter = "Events answered with 503 because the commit failed.";
    gateway_events_waiting(): gauge = "Events that wait for a commit.";
    gateway_waiting_bytes(): gauge = "Bytes of the events that wait for a commit.";
    gateway_connections(): gauge = "Connections held open.";
    inbox_events_committed(): counter = "Events on disk and acknowledged.";
    inbox_events_deduplicated(): counter = "Events acknowledged and dropped, because the inbox had them.";
    inbox_events_unknown(): counter = "Events of a type that the program does not know, kept all the same.";
    inbox_commit_events(): histogram ITEMS = "Events that shared a commit.";
    inbox_commit_seconds(): histogram SHORT_S = "Time of a commit, from its first statement to the disk.";
    inbox_unrouted(): gauge = "Events that no router has read.";
    inbox_unrouted_age_seconds(): real = "Age of the oldest event that no router has read.";
    inbox_events_routed("outcome"): counter = "Events that a router has read, by outcome.";
    inbox_route_seconds(): histogram SHORT_S = "Time to route a batch of events.";

    queue_jobs("kind", "state"): gauge = "Jobs, by kind and state.";
    queue_due_age_seconds(): real = "How long the oldest due job has waited.";
    queue_jobs_claimed("kind"): counter = "Jobs taken to be run, by kind.";
    queue_jobs_completed("kind"): counter = "Jobs that ended well, by kind.";
    queue_jobs_retried("kind"): counter = "Jobs put back after a failure, by kind.";
    queue_jobs_buried("kind"): counter = "Jobs that became dead letters, by kind.";
    queue_jobs_handed_back("kind"): counter = "Jobs given back unrun when a worker stopped, by kind.";
    queue_leases_lost("kind"): counter = "Jobs whose work was thrown away because the lease had passed on, by kind.";
    queue_start_age_seconds("kind"): histogram LONG_S = "Time from due to started, by kind.";
    queue_run_seconds("kind"): histogram LONG_S = "Time a job ran, by kind.";
    queue_workers_reaped(): counter = "Workers whose lease ran out.";
    queue_pauses(): gauge = "Pauses in force.";

    refresh_runs("kind", "outcome"): counter = "Refreshes, by kind of job and outcome.";
    refresh_signals("kind"): counter = "Signals that refreshes answered, by kind of job.";
    mirror_conversations_applied(): counter = "Conversations written to the mirror.";
    mirror_changes(): counter = "Changes that refreshes appended to the feed.";
    mirror_facts("kind"): counter = "Facts kept that only an event told, by kind.";
    event_to_mirror_seconds(): histogram LONG_S = "Time from an event's receipt to the refresh that answered it.";

    sweep_runs("kind", "outcome"): counter = "Sweeps and comparisons, by kind and outcome.";
    sweep_listed(): counter = "Conversations that sweeps listed.";
    sweep_differing(): counter = "Listed conversations that the mirror held differently.";
    sweep_missed(): counter = "Differing conversations of which no event had told.";
    sweep_missed_ratio("org"): real = "Missed against differing conversations in the last sweep, by organization.";
    sweep_age_seconds("org"): real = "Time since the last sweep ended well, by organization.";

    consumer_lag_changes("org", "consumer"): gauge = "Changes not yet read, by organization and kind of consumer.";
    consumer_lag_seconds("org", "consumer"): real = "Age of the oldest change not yet read, by organization and kind of consumer.";
    consumer_changes_read("consumer"): counter = "Changes read, by kind of consumer.";
    effects_owed("consumer"): counter = "Effects that became owed, by kind of consumer.";
    effects_done("consumer"): counter = "Effects that were done, by kind of consumer.";
    effects_failed("consumer"): counter = "Effects given up, by kind of consumer.";
    effects_pending("consumer"): gauge = "Effects owed and not done, by kind of consumer.";
    delivery_attempts("class"): counter = "Outgoing webhooks sent, by class of answer.";
    delivery_seconds(): histogram LONG_S = "Time of an outgoing webhook, from its first byte to its answer.";
    change_to_effect_seconds(): histogram LONG_S = "Time from a change to its effect outside.";

    budget_slots_used("org"): counter = "Calls drawn from the budget, by organization.";
    budget_waiting("org"): gauge = "Calls that wait for the budget, by organization.";
    budget_wait_seconds(): histogram LONG_S = "Time a call waited for the budget.";
    budget_refused("org"): counter = "Calls that Drift answered with 429, by organization.";
    budget_per_minute("org"): real = "Calls a minute the budget lets through, by organization.";
    api_calls("outcome"): counter = "Calls to Drift, by outcome.";
    api_call_seconds(): histogram LONG_S = "Time of a call to Drift.";
    api_rate_headers(): counter = "Answers of Drift that told of a rate limit.";
    api_rate_limit("org"): gauge = "The limit that Drift's last answer told, by organization.";
    api_rate_remaining("org"): gauge = "Calls left as Drift's last answer told, by organization.";
    honey_touched(): gauge = "Times that honey tokens were read, or shown at a door.";
    use_alarms("kind"): counter = "Alarms of unusual use that this node raised, by kind.";
    use_uncounted(): counter = "Requests of known callers that were not counted, because too much waited to be written.";
    notices("kind"): gauge = "Notices for a person, by kind.";
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// What `/metrics` is served as.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Everything as OpenMetrics text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }

    /// The list as the table of the page about metrics.
    #[must_use]
    pub fn table() -> String {
        let rows = FAMILIES.iter().map(|it| {
            let labels: Vec<String> = it.labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{}` | {} | {} | {} |\n", it.name, it.kind, labels.join(", "), it.help)
        });
        format!("| name | type | labels | what it tells |\n|---|---|---|---|\n{}", rows.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::OrgId;

    use super::*;

    #[test]
    fn names_are_unique_and_say_their_unit() {
        let names: BTreeSet<&str> = FAMILIES.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for it in FAMILIES {
            assert_eq!(it.name.ends_with("_total"), it.kind == "counter", "{}", it.name);
            assert!(it.help.ends_with('.'), "{}", it.name);
        }
    }

    #[test]
    fn what_was_counted_is_in_the_text_under_its_listed_name() {
        let metrics = Metrics::new();
        metrics.gateway_events_received.inc_by(3);
        metrics.gateway_events_refused.of("token").inc();
        metrics.consumer_lag_changes.of(OrgId(7), "webhook").set(5);
        metrics.inbox_commit_seconds.observe(0.002);
        let text = metrics.encode();
        for line in [
            "longshore_gateway_events_received_total 3",
            "longshore_gateway_events_refused_total{reason=\"token\"} 1",
            "longshore_consumer_lag_changes{org=\"7\",consumer=\"webhook\"} 5",
            "longshore_inbox_commit_seconds_bucket{le=\"0.002\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        // A family with labels is told once it has a value.
        for it in FAMILIES.iter().filter(|it| it.labels.is_empty()) {
            assert!(
                text.contains(&format!("# TYPE {} {}", it.name.trim_end_matches("_total"), it.kind)),
                "{}",
                it.name
            );
        }
    }
}
