//! What goes wrong between a change and whoever should hear of it.

use model::entropy::mix;
use serde::{Deserialize, Serialize};

/// Latest that a delivery may be made to come: a week.
const LATE_MS_MAX: u64 = 7 * 86_400_000;

/// Profiles with a name.
pub const DELIVERY_PRESETS: &[(&str, &str)] = &[
    ("calm", "every event arrives once, at once"),
    (
        "rough",
        "30 % come twice, all within 2 s of each other in any order, 10 % up to an hour late, 20 % never",
    ),
];

/// How deliveries fail. The default is that they do not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryFaults {
    /// Everything is drawn from this and the event's number.
    pub seed: u64,
    /// Of a hundred events, how many come twice.
    pub doubled_percent: f64,
    /// Each delivery waits up to so many milliseconds: those of one such window come in any order.
    pub shuffled_ms: u64,
    /// Of a hundred deliveries, how many come late.
    pub late_percent: f64,
    /// How late at least, in milliseconds.
    pub late_ms_min: u64,
    /// How late at most, in milliseconds.
    pub late_ms_max: u64,
    /// Of a hundred events, how many never come.
    pub lost_percent: f64,
}

/// What becomes of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fate {
    /// By how many milliseconds each of its deliveries is late; none when it is lost.
    pub(super) delays_ms: Vec<u64>,
    /// How many of them were made to come late.
    pub(super) late: u64,
}

impl DeliveryFaults {
    /// A profile by its name (see [`DELIVERY_PRESETS`]); the error lists the names.
    pub fn preset(name: &str, seed: u64) -> Result<Self, String> {
        match name {
            "calm" => Ok(Self { seed, ..Self::default() }),
            "rough" => Ok(Self {
                seed,
                doubled_percent: 30.0,
                shuffled_ms: 2_000,
                late_percent: 10.0,
                late_ms_min: 1_000,
                late_ms_max: 3_600_000,
                lost_percent: 20.0,
            }),
            other => {
                let names: Vec<&str> = DELIVERY_PRESETS.iter().map(|(name, _)| *name).collect();
                Err(format!("no profile of webhook faults \"{other}\": expected {}", names.join(", ")))
            }
        }
    }

    /// What is wrong with the profile, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let percents = [
            ("doubled_percent", self.doubled_percent),
            ("late_percent", self.late_percent),
            ("lost_percent", self.lost_percent),
        ];
        if let Some((name, value)) = percents.into_iter().find(|(_, value)| !(0.0..=100.0).contains(value)) {
            return Some(format!("{name} is {value}: 0 to 100"));
        }
        if self.late_ms_min > self.late_ms_max || self.late_ms_max.max(self.shuffled_ms) > LATE_MS_MAX {
            return Some(format!("late_ms_min to late_ms_max, and shuffled_ms, lie in 0 to {LATE_MS_MAX}"));
        }
        None
    }

    /// What becomes of event `number`.
    pub(super) fn fate(&self, number: u64) -> Fate {
        let draw = |stream: u64| mix(mix(self.seed ^ stream << 56).wrapping_add(number));
        if happens(draw(1), self.lost_percent) {
            return Fate { delays_ms: Vec::new(), late: 0 };
        }
        let copies = 1 + u64::from(happens(draw(2), self.doubled_percent));
        let mut fate = Fate { delays_ms: Vec::new(), late: 0 };
        for copy in 0..copies {
            let mut delay = draw(3 + copy) % (self.shuffled_ms + 1);
            if happens(draw(5 + copy), self.late_percent) {
                delay += self.late_ms_min + draw(7 + copy) % (self.late_ms_max - self.late_ms_min + 1);
                fate.late += 1;
            }
            fate.delays_ms.push(delay);
        }
        fate
    }
}

#[expect(clippy::cast_precision_loss, reason = "a draw of 53 bits has an exact fraction")]
fn happens(draw: u64, percent: f64) -> bool {
    ((draw >> 11) as f64) < percent / 100.0 * (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_many_events_the_shares_are_those_asked_for_and_the_same_again() {
        let faults = DeliveryFaults::preset("rough", 7).unwrap();
        let fates: Vec<Fate> = (0..20_000).map(|number| faults.fate(number)).collect();
        let lost = fates.iter().filter(|fate| fate.delays_ms.is_empty()).count();
        let doubled = fates.iter().filter(|fate| fate.delays_ms.len() == 2).count();
        let late: u64 = fates.iter().map(|fate| fate.late).sum();
        assert!((3_700..=4_300).contains(&lost), "{lost} of 20000 lost");
        assert!((4_500..=5_100).contains(&doubled), "{doubled} of the rest doubled");
        assert!((1_850..=2_310).contains(&late), "{late} late");
        assert_eq!(fates, (0..20_000).map(|number| faults.fate(number)).collect::<Vec<_>>());
        let latest = fates.iter().flat_map(|fate| &fate.delays_ms).max().unwrap();
        assert!((3_000_000..=3_602_000).contains(latest), "{latest}");
    }

    #[test]
    fn a_calm_day_delivers_once_and_at_once() {
        assert_eq!(DeliveryFaults::default().fate(5), Fate { delays_ms: vec![0], late: 0 });
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let with =
            |lost_percent, late_ms_min| DeliveryFaults { lost_percent, late_ms_min, ..Default::default() };
        assert!(with(100.5, 0).complaint().is_some() && with(f64::NAN, 0).complaint().is_some());
        assert!(with(0.0, 5).complaint().is_some() && with(100.0, 0).complaint().is_none());
    }
}
