//! Which faults fall on one request.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model::entropy::mix;
use serde::Serialize;

use super::{Fault, FaultProfile, FaultRule, RULES_MAX};

/// The faults of a running sandbox; may be changed while it serves.
#[derive(Debug)]
pub struct Faults {
    active: RwLock<Arc<Active>>,
    /// Whether there is any rule at all: a healthy sandbox looks no further.
    armed: AtomicBool,
}

#[derive(Debug, Default)]
struct Active {
    seed: u64,
    rules: Vec<Arc<Armed>>,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    matched: AtomicU64,
    fired: AtomicU64,
}

/// A rule with what it has met so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleState {
    /// The rule.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// Requests it was for.
    pub matched: u64,
    /// Requests it fell on.
    pub fired: u64,
}

/// What a request is, as far as faults care.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) number: u64,
    pub(crate) path: &'a str,
    /// Whether it needs no token.
    pub(crate) open: bool,
    /// Whether it carries a living token.
    pub(crate) token_alive: bool,
    /// Whether that token is a public app's.
    pub(crate) token_public: bool,
    /// The conversation in its path.
    pub(crate) conversation: Option<i64>,
    /// The first row of the page of a list it asks for.
    pub(crate) page_offset: Option<u64>,
    /// Whether that list is the conversation list.
    pub(crate) conversation_list: bool,
}

/// What falls on one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Play {
    /// The first fault that fired, for the log.
    pub(crate) name: Option<&'static str>,
    pub(crate) slow_ms: u64,
    /// Instead of the answer, or upon it.
    pub(crate) main: Option<Fault>,
    pub(crate) unknown_field: bool,
    /// [`Fault::ExpiredToken`] or [`Fault::RevokedToken`].
    pub(crate) token: Option<Fault>,
    /// Changes in the world before the page.
    pub(crate) changes: u32,
    /// Rows by which the page starts later, or earlier when negative.
    pub(crate) shift: i64,
    /// Randomness for how it is spoilt.
    pub(crate) draw: u64,
}

impl Faults {
    pub(crate) fn new(profile: FaultProfile) -> Self {
        let faults = Self { active: RwLock::default(), armed: AtomicBool::new(false) };
        faults.set(profile);
        faults
    }

    /// Put a profile in the place of all rules there are.
    pub fn set(&self, profile: FaultProfile) {
        let rules = profile.rules.into_iter().take(RULES_MAX).map(Armed::new).collect();
        self.replace(Active { seed: profile.seed, rules });
    }

    /// Add a rule before all others; false when there are [`RULES_MAX`] already.
    pub fn add(&self, rule: FaultRule) -> bool {
        let mut slot = self.active.write().unwrap_or_else(PoisonError::into_inner);
        if slot.rules.len() >= RULES_MAX {
            return false;
        }
        let rules = std::iter::once(Armed::new(rule)).chain(slot.rules.iter().cloned()).collect();
        *slot = Arc::new(Active { seed: slot.seed, rules });
        self.armed.store(true, Ordering::Release);
        true
    }

    /// Let this fault fall on the next request to a path of this form.
    pub fn once(&self, fault: Fault, path: &str) -> bool {
        self.add(FaultRule::once(fault).on(path))
    }

    /// Take all rules away.
    pub fn clear(&self) {
        self.replace(Active::default());
    }

    /// The rules with what they have met.
    #[must_use]
    pub fn states(&self) -> Vec<RuleState> {
        self.active().rules.iter().map(|armed| armed.state()).collect()
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    pub(crate) fn play(&self, subject: &Subject<'_>) -> Play {
        let active = self.active();
        let mut play = Play { draw: mix(active.seed ^ mix(subject.number)), ..Play::default() };
        for (place, armed) in active.rules.iter().enumerate() {
            let fault = armed.rule.fault;
            if play.takes(fault) && armed.fires(active.seed, place as u64, subject) {
                play.add(fault);
            }
        }
        play
    }

    fn active(&self) -> Arc<Active> {
        Arc::clone(&self.active.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, active: Active) {
        let armed = !active.rules.is_empty();
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(active);
        self.armed.store(armed, Ordering::Release);
    }
}

impl Play {
    /// Whether there is room for it: a request has one main fault, and its token ends once.
    fn takes(&self, fault: Fault) -> bool {
        match fault {
            Fault::ExpiredToken | Fault::RevokedToken => self.token.is_none(),
            Fault::Slow { .. } | Fault::UnknownField => true,
            Fault::MovingRows { .. } | Fault::RepeatRows { .. } | Fault::SkipRows { .. } => true,
            _ => self.main.is_none(),
        }
    }

    fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Slow { ms } => self.slow_ms += ms,
            Fault::UnknownField => self.unknown_field = true,
            Fault::ExpiredToken | Fault::RevokedToken => self.token = Some(fault),
            Fault::MovingRows { changes } => self.changes += changes,
            Fault::RepeatRows { rows } => self.shift -= i64::from(rows),
            Fault::SkipRows { rows } => self.shift += i64::from(rows),
            other => self.main = Some(other),
        }
        // What replaces or spoils the answer is the name worth reading; anything else only for want of that.
        if self.name.is_none() || self.main == Some(fault) || self.token == Some(fault) {
            self.name = Some(fault.name());
        }
    }
}

impl Armed {
    fn new(rule: FaultRule) -> Arc<Self> {
        Arc::new(Self { rule, matched: AtomicU64::new(0), fired: AtomicU64::new(0) })
    }

    fn state(&self) -> RuleState {
        RuleState {
            rule: self.rule.clone(),
            matched: self.matched.load(Ordering::Relaxed),
            fired: self.fired.load(Ordering::Relaxed),
        }
    }

    fn fires(&self, seed: u64, place: u64, subject: &Subject<'_>) -> bool {
        if !self.rule.is_for(subject) {
            return false;
        }
        if self.matched.fetch_add(1, Ordering::Relaxed) < self.rule.after {
            return false;
        }
        let draw = mix(seed ^ mix(subject.number.wrapping_add(place << 48)));
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let hundredth = (draw >> 11) as f64 / (1_u64 << 53) as f64 * 100.0;
        hundredth < self.rule.percent && self.may_fire_again()
    }

    fn may_fire_again(&self) -> bool {
        let count_max = self.rule.count_max.unwrap_or(u64::MAX);
        let rise = |fired: u64| (fired < count_max).then_some(fired + 1);
        self.fired.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rise).is_ok()
    }
}

impl FaultRule {
    fn is_for(&self, subject: &Subject<'_>) -> bool {
        let further_page = subject.conversation_list && subject.page_offset.is_some_and(|offset| offset > 0);
        let sort = match self.fault {
            Fault::ExpiredToken => subject.token_alive && subject.token_public,
            Fault::RevokedToken => subject.token_alive,
            Fault::Vanish => subject.conversation.is_some(),
            Fault::MovingRows { .. } | Fault::RepeatRows { .. } | Fault::SkipRows { .. } => further_page,
            _ => true,
        };
        let place = match &self.path {
            Some(pattern) => fits(pattern, subject.path),
            None => !subject.open,
        };
        sort && place && self.page_offset.is_none_or(|wanted| subject.page_offset == Some(wanted))
    }
}

/// Whether the text has the pattern's form; `*` stands for any characters.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_people_expect() {
        for (pattern, text, expected) in [
            ("/users/list", "/users/list", true),
            ("/users/list", "/users/list/x", false),
            ("/conversations/*/messages", "/conversations/12/messages", true),
            ("/conversations/*/messages", "/conversations/12/transcript", false),
            ("/conversations/*", "/conversations/list", true),
            ("*", "/", true),
            ("/a*a", "/a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_percentage_is_kept_and_is_the_same_every_time() {
        let profile = FaultProfile::new(3).with(FaultRule::percent(Fault::Cut, 5.0));
        let fired = |faults: &Faults| -> Vec<u64> {
            (1..=10_000)
                .filter(|number| {
                    faults.play(&Subject { number: *number, path: "/x", ..Subject::default() }).main.is_some()
                })
                .collect()
        };
        let first = fired(&Faults::new(profile.clone()));
        assert!((400..600).contains(&first.len()), "{}", first.len());
        assert_eq!(first, fired(&Faults::new(profile)));
    }

    #[test]
    fn a_rule_spares_and_ends_as_told() {
        let rule = FaultRule::always(Fault::ServerError { status: 503 }).on("/x").after(2).times(3);
        let faults = Faults::new(FaultProfile::new(1).with(rule));
        let hit = |number| faults.play(&Subject { number, path: "/x", ..Subject::default() }).main.is_some();
        let hits: Vec<bool> = (1..=7).map(hit).collect();
        assert_eq!(hits, [false, false, true, true, true, false, false]);
        assert_eq!((faults.states()[0].matched, faults.states()[0].fired), (7, 3));
    }
}
