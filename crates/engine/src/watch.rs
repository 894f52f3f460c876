//! Whether the service is on its way out: judged by its certificate, by what its answers announce, and by how its calls
//! fare against the days before. Pure: the job that asks is `jobs::watch_vendor`.
//!
//! Whatever is found ends in the same proposal: make an archive while it can still be made.

use std::collections::BTreeMap;

use model::Millis;
use store::call_stats::CallCount;

/// The kind of notices about the service.
pub const NOTICE: &str = "vendor";

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// A certificate that ends within this time and was not renewed is a sign: renewals come a month ahead as a rule.
const CERTIFICATE_AHEAD_MS: i64 = 21 * DAY_MS;
/// The hours that are held against the days before.
const RECENT_MS: i64 = 6 * HOUR_MS;
/// The days before.
pub const BEFORE_MS: i64 = 7 * DAY_MS;
/// Fewer recent calls than this say nothing.
const CALLS_MIN: i64 = 50;
/// Hours in which a class of errors must have shown itself: one bad hour is no trend.
const HOURS_MIN: usize = 2;
/// A share below this is no matter.
const SHARE_MIN: f64 = 0.05;
/// How many times the share of the days before is too much.
const TIMES: f64 = 3.0;

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The notice's subject.
    pub subject: &'static str,
    /// The notice's text.
    pub message: String,
}

/// The subjects that [`judge`] and [`certificate`] may find: those not found are taken back.
pub const SUBJECTS: [&str; 6] = ["certificate", "errors", "401", "403", "404", "410"];

/// Judge the end of the host's certificate.
#[must_use]
pub fn certificate(end: Option<Millis>, now: Millis) -> Option<Finding> {
    let end = end.filter(|end| end.since(now) < CERTIFICATE_AHEAD_MS)?;
    let message = format!(
        "The certificate of Drift's API ends on {} and has not been renewed: make an archive now with \"longshore archive --full\"",
        day(end)
    );
    Some(Finding { subject: "certificate", message })
}

/// Hold the calls of the last hours against the days before, class by class.
#[must_use]
pub fn judge(counts: &[CallCount], now: Millis) -> Vec<Finding> {
    let (recent, before): (Vec<&CallCount>, Vec<&CallCount>) =
        counts.iter().partition(|count| now.since(count.hour) < RECENT_MS);
    let calls: i64 = recent.iter().map(|count| count.calls).sum();
    if calls < CALLS_MIN {
        return Vec::new();
    }
    let classes: [(&'static str, &[&str], &str); 5] = [
        ("errors", &["5xx", "garbled", "failed"], "fail"),
        ("401", &["401"], "are answered with 401 (not authorized)"),
        ("403", &["403"], "are answered with 403 (forbidden)"),
        ("404", &["404"], "are answered with 404 (not found)"),
        ("410", &["410"], "are answered with 410 (gone)"),
    ];
    let rises = classes.into_iter().filter_map(|(subject, words, what)| {
        let (now_share, then_share) = (share(&recent, words), share(&before, words));
        let is_rise = now_share >= SHARE_MIN && now_share >= TIMES * then_share && hours(&recent, words) >= HOURS_MIN;
        let message = format!(
            "{} of the calls to Drift's API {what} (last 6 hours; {} in the week before): make an archive now with \"longshore archive --full\"",
            percent(now_share),
            percent(then_share)
        );
        is_rise.then_some(Finding { subject, message })
    });
    rises.collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share is rounded anyway")]
fn share(counts: &[&CallCount], words: &[&str]) -> f64 {
    let all: i64 = counts.iter().map(|count| count.calls).sum();
    let some: i64 =
        counts.iter().filter(|count| words.contains(&count.outcome.as_str())).map(|count| count.calls).sum();
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

fn hours(counts: &[&CallCount], words: &[&str]) -> usize {
    let found = counts.iter().filter(|count| words.contains(&count.outcome.as_str()));
    let by_hour: BTreeMap<Millis, i64> = found.map(|count| (count.hour, count.calls)).collect();
    by_hour.len()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The day of an instant, as `2026-03-31`.
pub(crate) fn day(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use model::OrgId;

    use super::*;

    const NOW: Millis = Millis(1_785_000_000_000);

    fn count(hours_ago: i64, outcome: &str, calls: i64) -> CallCount {
        let hour = store::call_stats::hour_of(NOW.plus(-hours_ago * HOUR_MS));
        CallCount { org: OrgId(1), hour, outcome: outcome.into(), calls }
    }

    fn subjects(counts: &[CallCount]) -> Vec<&'static str> {
        judge(counts, NOW).into_iter().map(|found| found.subject).collect()
    }

    #[test]
    fn a_rise_over_the_days_before_is_found_and_a_bad_hour_is_not() {
        let calm = [count(30, "ok", 1_000), count(30, "404", 20), count(2, "ok", 100), count(2, "404", 3)];
        assert_eq!(subjects(&calm), [""; 0]);
        let bad_hour = [count(30, "ok", 1_000), count(2, "ok", 100), count(2, "5xx", 60)];
        assert_eq!(subjects(&bad_hour), [""; 0]);
        let mut rising = calm.to_vec();
        rising.extend([
            count(1, "404", 20),
            count(3, "404", 20),
            count(1, "5xx", 30),
            count(4, "failed", 30),
        ]);
        assert_eq!(subjects(&rising), ["errors", "404"]);
        assert_eq!(subjects(&[count(1, "410", 20), count(2, "410", 20)]), [""; 0], "too few calls to tell");
    }

    #[test]
    fn what_was_always_so_is_no_news() {
        let always = [
            count(30, "ok", 700),
            count(30, "404", 300),
            count(1, "ok", 70),
            count(1, "404", 15),
            count(2, "404", 15),
        ];
        assert_eq!(subjects(&always), [""; 0]);
    }

    #[test]
    fn a_certificate_is_told_of_three_weeks_ahead() {
        assert_eq!(certificate(Some(NOW.plus(40 * DAY_MS)), NOW), None);
        let found = certificate(Some(NOW.plus(10 * DAY_MS)), NOW).unwrap();
        assert!(found.message.contains("2026-08-04"), "{}", found.message);
        assert_eq!(certificate(None, NOW), None);
    }
}
