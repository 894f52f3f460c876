//! Profiles with a name, for the command line and for people in a hurry.

use super::{Fault, FaultRule};

/// The names, with what each is for.
pub const PRESETS: &[(&str, &str)] = &[
    ("calm", "nothing goes wrong"),
    ("rough", "5 % 5xx, 2 % 429, 1 % cut, 1 % truncated, two expired tokens, rows that move"),
    (
        "hostile",
        "everything at once: a fifth of the answers fail, are late, cut, wrong or full of unknown fields",
    ),
    ("throttled", "every tenth call is refused with 429, half of them without Retry-After"),
    ("slow", "every answer takes 200 ms, every hundredth 5 s"),
    ("expiring", "the access token expires after 50, 150 and 400 calls"),
    ("moving", "five changes in the world before each further page of the conversation list"),
    ("quirks", "every object carries a field that no documentation knows"),
    ("vanishing", "one conversation in a hundred vanishes when its messages are asked for"),
    ("lost-page", "the page of the conversation list that starts at row 100 never comes: always 500"),
];

/// The rules of a preset, or a sentence that lists the names.
pub(super) fn rules(name: &str) -> Result<Vec<FaultRule>, String> {
    Ok(match name {
        "calm" => Vec::new(),
        "rough" => rough(),
        "hostile" => hostile(),
        "throttled" => throttled(),
        "slow" => vec![
            FaultRule::percent(Fault::Slow { ms: 4_800 }, 1.0),
            FaultRule::always(Fault::Slow { ms: 200 }),
        ],
        "expiring" => [50, 150, 400].map(expiry_after).into(),
        "moving" => vec![FaultRule::always(Fault::MovingRows { changes: 5 })],
        "quirks" => vec![FaultRule::always(Fault::UnknownField)],
        "vanishing" => vec![FaultRule::percent(Fault::Vanish, 1.0).on("/conversations/*/messages")],
        "lost-page" => {
            vec![FaultRule::always(Fault::ServerError { status: 500 }).on("/conversations/list").at_page(100)]
        }
        other => {
            let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            return Err(format!("no fault profile \"{other}\": expected {}", names.join(", ")));
        }
    })
}

fn expiry_after(requests: u64) -> FaultRule {
    FaultRule::once(Fault::ExpiredToken).after(requests)
}

fn server_errors(percent_each: f64) -> impl Iterator<Item = FaultRule> {
    [500, 502, 503, 504]
        .into_iter()
        .map(move |status| FaultRule::percent(Fault::ServerError { status }, percent_each))
}

fn rough() -> Vec<FaultRule> {
    let mut rules: Vec<FaultRule> = server_errors(1.25).collect();
    rules.extend([
        FaultRule::percent(Fault::Truncated, 1.0),
        FaultRule::percent(Fault::Cut, 1.0),
        FaultRule::percent(Fault::TooMany { retry_after_s: Some(1) }, 1.0),
        FaultRule::percent(Fault::TooMany { retry_after_s: None }, 1.0),
        expiry_after(200),
        expiry_after(700),
        FaultRule::always(Fault::MovingRows { changes: 3 }),
    ]);
    rules
}

fn throttled() -> Vec<FaultRule> {
    vec![
        FaultRule::percent(Fault::TooMany { retry_after_s: Some(1) }, 5.0),
        FaultRule::percent(Fault::TooMany { retry_after_s: None }, 5.0),
    ]
}

fn hostile() -> Vec<FaultRule> {
    let mut rules: Vec<FaultRule> = server_errors(2.5).collect();
    rules.extend(throttled());
    rules.extend([
        FaultRule::percent(Fault::Truncated, 3.0),
        FaultRule::percent(Fault::Cut, 3.0),
        FaultRule::percent(Fault::WrongJson, 2.0),
        FaultRule::percent(Fault::Slow { ms: 500 }, 3.0),
        FaultRule::percent(Fault::Vanish, 0.2),
        FaultRule::percent(Fault::RepeatRows { rows: 3 }, 10.0),
        FaultRule::always(Fault::MovingRows { changes: 10 }),
        FaultRule::always(Fault::UnknownField),
    ]);
    rules.extend([100, 300, 900].map(expiry_after));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::FaultProfile;

    #[test]
    fn every_preset_exists_and_is_sound() {
        for (name, _) in PRESETS {
            assert_eq!(FaultProfile::preset(name, 1).unwrap().complaint(), None, "{name}");
        }
        assert!(FaultProfile::preset("stormy", 1).unwrap_err().starts_with("no fault profile \"stormy\""));
    }
}
