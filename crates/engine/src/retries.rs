//! When a webhook that was not taken is tried again, and when it is given up.
//!
//! Two things fail differently. A *webhook* that a working receiver refuses has a schedule of its own, and an end. A
//! *receiver* that takes nothing is asked again less and less often, and its webhooks wait for it: none of their
//! attempts counts, so that an outage of four days gives nothing up. Pure functions, so that the tables in the
//! documentation can be held against them.

use model::{Entropy, Millis};
use store::effects::Effect;
use store::endpoints::Endpoint;

/// The wait after the first attempt that counts, the second, and so on, in milliseconds (Standard Webhooks: "Delivery
/// schedule").
pub(crate) const SCHEDULE_MS: [i64; 9] = [
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
/// The wait for a receiver that takes nothing is a quarter of the time it has been so, within these bounds.
const PAUSE_MS_MIN: i64 = 5 * SECOND_MS;
const PAUSE_MS_MAX: i64 = 15 * MINUTE_MS;
/// Waits are lengthened by up to a tenth.
const JITTER_SHARE: u64 = 10;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Whether the receiver has taken nothing since this webhook was first tried.
pub(crate) fn is_outage(endpoint: &Endpoint, effect: &Effect, now: Millis) -> bool {
    endpoint.failing_since.is_some_and(|since| since <= effect.first_at.unwrap_or(now))
}

/// Whether a webhook is given up by another attempt that counts.
pub(crate) const fn is_last(effect: &Effect) -> bool {
    effect.attempts >= SCHEDULE_MS.len() as i64
}

/// When an owed webhook may be tried, as far as it goes by its own attempts.
pub(crate) fn due_at(effect: &Effect) -> Option<Millis> {
    let last = usize::try_from(effect.attempts).ok()?.checked_sub(1)?;
    let wait_ms = SCHEDULE_MS[last.min(SCHEDULE_MS.len() - 1)];
    Some(effect.last_at?.plus(wait_ms))
}

/// How long a receiver that takes nothing is left alone, in milliseconds; longer where it asks for that.
pub(crate) fn pause_ms(failing_since: Millis, asked_ms: Option<u64>, now: Millis) -> i64 {
    let share_ms = (now.since(failing_since) / 4).clamp(PAUSE_MS_MIN, PAUSE_MS_MAX);
    share_ms.max(i64::try_from(asked_ms.unwrap_or(0)).unwrap_or(i64::MAX))
}

/// The instant, somewhat later, so that what waits for the same does not come at once.
pub(crate) fn jittered(at: Millis, now: Millis, entropy: &dyn Entropy) -> Millis {
    let wait_ms = u64::try_from(at.since(now)).unwrap_or(0);
    at.plus(i64::try_from(entropy.below(wait_ms / JITTER_SHARE + 1)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{EndpointId, OrgId, SeededEntropy};
    use store::effects::EffectState;
    use store::endpoints::EndpointState;

    fn effect(attempts: i64, first_at: Option<i64>, last_at: Option<i64>) -> Effect {
        Effect {
            consumer: "e".to_owned(),
            key: "1".to_owned(),
            seq: 1,
            lane: 1,
            conversation_id: None,
            state: EffectState::Owed,
            attempts,
            outside_id: None,
            first_at: first_at.map(Millis),
            last_at: last_at.map(Millis),
            error: None,
            trace: None,
        }
    }

    fn endpoint(failing_since: Option<i64>) -> Endpoint {
        Endpoint {
            org: OrgId(1),
            endpoint_id: EndpointId("e".to_owned()),
            url: String::new(),
            kinds: Vec::new(),
            state: EndpointState::Enabled,
            created_at: Millis(0),
            failures: 0,
            failing_since: failing_since.map(Millis),
            retry_at: None,
            disabled_at: None,
            error: None,
        }
    }

    #[test]
    fn the_schedule_lasts_three_days_and_ends() {
        assert_eq!(due_at(&effect(0, None, None)), None);
        assert_eq!(due_at(&effect(1, Some(0), Some(10))), Some(Millis(5_010)));
        assert_eq!(due_at(&effect(9, Some(0), Some(10))), Some(Millis(24 * HOUR_MS + 10)));
        assert_eq!(due_at(&effect(50, Some(0), Some(10))), Some(Millis(24 * HOUR_MS + 10)));
        assert!(!is_last(&effect(8, None, None)) && is_last(&effect(9, None, None)));
        let total_ms: i64 = SCHEDULE_MS.iter().sum();
        assert!((72 * HOUR_MS..96 * HOUR_MS).contains(&total_ms), "{total_ms}");
    }

    #[test]
    fn a_receiver_that_takes_nothing_is_not_the_webhooks_fault() {
        let now = Millis(100);
        assert!(!is_outage(&endpoint(None), &effect(3, Some(5), Some(9)), now));
        assert!(is_outage(&endpoint(Some(5)), &effect(3, Some(5), Some(9)), now));
        assert!(is_outage(&endpoint(Some(99)), &effect(0, None, None), now));
        assert!(!is_outage(&endpoint(Some(6)), &effect(3, Some(5), Some(9)), now), "it took one after");
    }

    #[test]
    fn a_receiver_is_asked_less_and_less_often() {
        let check = |failing_ms: i64, asked_ms: Option<u64>, expected: i64| {
            assert_eq!(pause_ms(Millis(0), asked_ms, Millis(failing_ms)), expected, "{failing_ms}");
        };
        check(0, None, 5 * SECOND_MS);
        check(MINUTE_MS, None, 15 * SECOND_MS);
        check(24 * HOUR_MS, None, 15 * MINUTE_MS);
        check(0, Some(60_000), MINUTE_MS);
        check(24 * HOUR_MS, Some(1_000), 15 * MINUTE_MS);
        let entropy = SeededEntropy::new(1);
        for _ in 0..100 {
            let at = jittered(Millis(1_100), Millis(100), &entropy);
            assert!((1_100..=1_200).contains(&at.0), "{at}");
            assert_eq!(jittered(Millis(50), Millis(100), &entropy), Millis(50));
        }
    }
}
