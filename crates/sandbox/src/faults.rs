//! What goes wrong, when, and how often: faults on demand, repeatable from a seed.
//!
//! A [`FaultRule`] names a fault and the requests it falls on; a [`FaultProfile`] is a list of rules with a seed. Whether
//! a rule fires on request `n` is a function of the seed, the rule's place and `n`: two runs that send the same
//! requests in the same order meet the same faults. Random rules spare the calls that need no token (token exchange,
//! consent); a rule with a `path` that names them does not.

mod play;
mod preset;
mod read;
pub(crate) mod spoil;

use serde::{Deserialize, Serialize};

pub use play::{Faults, RuleState};
pub(crate) use play::{Play, Subject, fits};
pub use preset::PRESETS;

/// Rules a profile may hold.
pub const RULES_MAX: usize = 64;

/// One thing that can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// 429 `rate_limit`, with `Retry-After` when seconds are given.
    TooMany {
        /// Seconds for `Retry-After`.
        #[serde(default)]
        retry_after_s: Option<u32>,
    },
    /// A 5xx with Drift's error body.
    ServerError {
        /// 500 to 599.
        status: u16,
    },
    /// The answer waits on the clock; other faults of the same request still happen.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The request is carried out, and the connection closed in the middle of the answer.
    Cut,
    /// The request is carried out, and the answer's JSON ends early, with a `Content-Length` that agrees.
    Truncated,
    /// The request is carried out, and answered 200 with a page of HTML.
    WrongJson,
    /// Objects carry a field that no documentation knows; other faults of the same request still happen.
    UnknownField,
    /// The public app's token that the request carries expires just before.
    ExpiredToken,
    /// The token that the request carries is revoked just before, with its whole grant.
    RevokedToken,
    /// The conversation asked for vanishes just before: 404 for good, and gone from the lists.
    Vanish,
    /// Just before a further page of the conversation list, this many changes happen in the world, so that rows
    /// move under the cursor.
    MovingRows {
        /// Changes before each page.
        changes: u32,
    },
    /// A further page of the conversation list starts this many rows early.
    RepeatRows {
        /// Rows given twice.
        rows: u32,
    },
    /// A further page of the conversation list starts this many rows late. Nobody can ask for those rows again in
    /// the same walk: only a comparison with the counts can tell.
    SkipRows {
        /// Rows left out.
        rows: u32,
    },
}

impl Fault {
    /// The name in the log and in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many",
            Self::ServerError { .. } => "server_error",
            Self::Slow { .. } => "slow",
            Self::Cut => "cut",
            Self::Truncated => "truncated",
            Self::WrongJson => "wrong_json",
            Self::UnknownField => "unknown_field",
            Self::ExpiredToken => "expired_token",
            Self::RevokedToken => "revoked_token",
            Self::Vanish => "vanish",
            Self::MovingRows { .. } => "moving_rows",
            Self::RepeatRows { .. } => "repeat_rows",
            Self::SkipRows { .. } => "skip_rows",
        }
    }
}

/// A fault and the requests it falls on. Without filters it falls on every request that needs a token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultRule {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// On how many of a hundred matching requests it falls.
    pub percent: f64,
    /// Only on paths of this form; `*` stands for any characters, `/` among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only on the page of a list (conversations, messages) that starts at this row; 0 is the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_offset: Option<u64>,
    /// How many matching requests are spared first.
    #[serde(skip_serializing_if = "is_zero")]
    pub after: u64,
    /// How often it falls at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_max: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl FaultRule {
    /// The fault on every request.
    #[must_use]
    pub const fn always(fault: Fault) -> Self {
        Self { fault, percent: 100.0, path: None, page_offset: None, after: 0, count_max: None }
    }

    /// The fault on so many of a hundred requests.
    #[must_use]
    pub fn percent(fault: Fault, percent: f64) -> Self {
        Self { percent, ..Self::always(fault) }
    }

    /// The fault on the next request that matches, and then no more.
    #[must_use]
    pub fn once(fault: Fault) -> Self {
        Self { count_max: Some(1), ..Self::always(fault) }
    }

    /// Only on paths of this form.
    #[must_use]
    pub fn on(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// Only on the list page that starts at this row.
    #[must_use]
    pub fn at_page(self, offset: u64) -> Self {
        Self { page_offset: Some(offset), ..self }
    }

    /// Only after so many matching requests.
    #[must_use]
    pub fn after(self, requests: u64) -> Self {
        Self { after: requests, ..self }
    }

    /// At most so often.
    #[must_use]
    pub fn times(self, count_max: u64) -> Self {
        Self { count_max: Some(count_max), ..self }
    }

    /// What is wrong with the rule, if anything.
    fn complaint(&self) -> Option<String> {
        if !(0.0..=100.0).contains(&self.percent) {
            return Some(format!("percent is {}: expected 0 to 100", self.percent));
        }
        match self.fault {
            Fault::ServerError { status } if !(500..600).contains(&status) => {
                Some(format!("status of a server_error is {status}: expected 500 to 599"))
            }
            Fault::Slow { ms } if ms > SLOW_MS_MAX => Some(format!("slow is {ms} ms: at most {SLOW_MS_MAX}")),
            Fault::MovingRows { changes } if changes > CHANGES_MAX => {
                Some(format!("moving_rows is {changes} changes a page: at most {CHANGES_MAX}"))
            }
            _ => None,
        }
    }
}

/// Longest wait of one answer, in milliseconds.
const SLOW_MS_MAX: u64 = 600_000;
/// Most changes before one page.
const CHANGES_MAX: u32 = 1_000;

/// Rules, and the seed that their percentages are drawn from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultProfile {
    /// The same seed and requests meet the same faults.
    pub seed: u64,
    /// In order of precedence: of several faults that replace the answer, the first one wins.
    pub rules: Vec<FaultRule>,
}

impl FaultProfile {
    /// A profile without rules.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, rules: Vec::new() }
    }

    /// This profile with one rule more.
    #[must_use]
    pub fn with(mut self, rule: FaultRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// A profile by its name (see [`PRESETS`]); the error lists the names.
    pub fn preset(name: &str, seed: u64) -> Result<Self, String> {
        preset::rules(name).map(|rules| Self { seed, rules })
    }

    /// What is wrong with the profile, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        if self.rules.len() > RULES_MAX {
            return Some(format!("{} rules: at most {RULES_MAX}", self.rules.len()));
        }
        self.rules.iter().find_map(FaultRule::complaint)
    }
}
