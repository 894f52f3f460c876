//! When to try again, and how long to wait: pure functions of an answer's headers and of the attempt's number.

use http::{HeaderMap, StatusCode};
use model::{Entropy, Millis};

use crate::{RateHeaders, http_date};

/// Whether this status may pass by itself. 429 is not among them: it concerns everyone, and the pace waits for it.
pub(crate) const fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504)
}

/// Exponential backoff with full jitter: anything from 0 to the bound, which doubles with each attempt.
pub(crate) fn backoff_ms(attempt: u32, base_ms: u64, max_ms: u64, entropy: &dyn Entropy) -> u64 {
    let doublings = attempt.saturating_sub(1).min(30);
    let bound = base_ms.saturating_mul(1 << doublings).min(max_ms);
    entropy.below(bound.saturating_add(1))
}

/// What the headers say of the budget. Spellings: the common `X-RateLimit-*` with or without the inner hyphen, the
/// IETF drafts' `RateLimit-*`, and the combined `RateLimit: limit=…, remaining=…, reset=…`.
pub(crate) fn rate_headers(headers: &HeaderMap, now: Millis) -> RateHeaders {
    let mut found = RateHeaders { retry_after_ms: retry_after_ms(headers, now), ..RateHeaders::default() };
    let first = |names: [&str; 3]| names.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    if let Some(limit) = first(["x-ratelimit-limit", "x-rate-limit-limit", "ratelimit-limit"]) {
        found.limit =
            leading_number(limit).and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0);
        found.window_ms =
            parameter(limit, "w").map(|seconds| seconds.saturating_mul(1000)).filter(|ms| *ms > 0);
    }
    if let Some(remaining) = first(["x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining"])
    {
        found.remaining = leading_number(remaining).and_then(|number| u32::try_from(number).ok());
    }
    if let Some(reset) = first(["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"]) {
        found.reset_ms = instant_or_seconds(reset, now);
    }
    if let Some(combined) = headers.get("ratelimit").and_then(|value| value.to_str().ok()) {
        let number = |key| parameter(combined, key);
        found.limit = found.limit.or_else(|| number("limit").and_then(|limit| u32::try_from(limit).ok()));
        found.remaining =
            found.remaining.or_else(|| number("remaining").and_then(|left| u32::try_from(left).ok()));
        found.reset_ms =
            found.reset_ms.or_else(|| number("reset").map(|seconds| seconds.saturating_mul(1000)));
    }
    found
}

/// `Retry-After` in milliseconds, given in seconds or as an HTTP date; a date that has passed is 0.
#[must_use]
pub fn retry_after_ms(headers: &HeaderMap, now: Millis) -> Option<u64> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(ms) = decimal_seconds(text) {
        return Some(ms);
    }
    let at = http_date::parse(text)?;
    Some(u64::try_from(at.since(now)).unwrap_or(0))
}

/// Seconds from now, or an instant in epoch seconds or milliseconds, or an HTTP date: all are in use for resets.
fn instant_or_seconds(text: &str, now: Millis) -> Option<u64> {
    const EPOCH_SECONDS: u64 = 500_000_000;
    const EPOCH_MS: u64 = 1_000_000_000_000;
    let text = text.trim();
    let until =
        |ms: u64| u64::try_from(i64::try_from(ms).unwrap_or(i64::MAX).saturating_sub(now.0)).unwrap_or(0);
    match leading_number(text) {
        Some(number) if number >= EPOCH_MS => Some(until(number)),
        Some(number) if number >= EPOCH_SECONDS => Some(until(number.saturating_mul(1000))),
        Some(_) => decimal_seconds(text.split([';', ',']).next().unwrap_or(text)),
        None => http_date::parse(text).map(|at| u64::try_from(at.since(now)).unwrap_or(0)),
    }
}

/// `12` or `1.5` seconds in milliseconds.
fn decimal_seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction_ms = digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(fraction_ms)
}

fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The number after `key=` in a list such as `100, 100;w=60` or `limit=10, reset=5`.
fn parameter(text: &str, key: &str) -> Option<u64> {
    text.split([';', ',']).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case(key).then(|| leading_number(value))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    const NOW: Millis = Millis(784_111_777_000);

    fn read(pairs: &[(&'static str, &str)]) -> RateHeaders {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        rate_headers(&headers, NOW)
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(read(&[("retry-after", text)]).retry_after_ms, ms, "{text}")
        };
        check("3", Some(3_000));
        check("0.25", Some(250));
        check("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000));
        check("Sun, 06 Nov 1994 08:49:27 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }

    #[test]
    fn the_budget_is_read_in_several_spellings() {
        let plain = read(&[
            ("x-ratelimit-limit", "600"),
            ("x-ratelimit-remaining", "12"),
            ("x-ratelimit-reset", "30"),
        ]);
        assert_eq!((plain.limit, plain.remaining, plain.reset_ms), (Some(600), Some(12), Some(30_000)));
        assert_eq!(read(&[("x-rate-limit-reset", "784111787")]).reset_ms, Some(30_000 - 20_000));
        let drafted = read(&[("ratelimit-limit", "100, 100;w=10")]);
        assert_eq!((drafted.limit, drafted.window_ms), (Some(100), Some(10_000)));
        let combined = read(&[("ratelimit", "limit=100, remaining=50, reset=5")]);
        assert_eq!(
            (combined.limit, combined.remaining, combined.reset_ms),
            (Some(100), Some(50), Some(5_000))
        );
        assert_eq!(read(&[("x-ratelimit-limit", "many")]), RateHeaders::default());
    }

    #[test]
    fn backoff_doubles_up_to_its_bound_and_is_jittered() {
        let entropy = SeededEntropy::new(1);
        let draws =
            |attempt| (0..200).map(|_| backoff_ms(attempt, 500, 60_000, &entropy)).collect::<Vec<_>>();
        assert!(draws(1).iter().all(|ms| *ms <= 500));
        assert!(draws(3).iter().any(|ms| *ms > 1_500) && draws(3).iter().all(|ms| *ms <= 2_000));
        assert!(draws(60).iter().all(|ms| *ms <= 60_000));
    }
}
