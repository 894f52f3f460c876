//! How long conversations are.
//!
//! A lifelike world has a long tail, empty conversations and playbook messages nobody answered; a uniform one
//! is for benchmarks, where every conversation must weigh the same on average.

/// The most messages a generated conversation may have.
pub const MESSAGES_PER_CONVERSATION_MAX: u32 = 2_000;

/// The distribution of messages over conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape(Form);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lifelike,
    Uniform { min: u32, max: u32 },
}

impl Default for Shape {
    fn default() -> Self {
        Self::lifelike()
    }
}

impl Shape {
    /// About 12 messages on average: most conversations short, some empty, some at and above a page of 50.
    #[must_use]
    pub const fn lifelike() -> Self {
        Self(Form::Lifelike)
    }

    /// Every conversation has `min..=max` messages, all equally likely; none is empty or `bulk_sent`.
    /// Both ends are held within `1..=`[`MESSAGES_PER_CONVERSATION_MAX`].
    #[must_use]
    pub const fn uniform(min: u32, max: u32) -> Self {
        let max = clamp(max, 1, MESSAGES_PER_CONVERSATION_MAX);
        Self(Form::Uniform { min: clamp(min, 1, max), max })
    }

    /// Whether the world may hold conversations without an exchange (empty, `bulk_sent`).
    pub(super) const fn has_quiet(self) -> bool {
        matches!(self.0, Form::Lifelike)
    }

    /// The number of messages of a conversation with an exchange; `hash` is its share of randomness.
    pub(super) const fn messages(self, index: u64, hash: u64) -> u32 {
        match self.0 {
            Form::Uniform { min, max } => min + reduce(hash, max - min + 1),
            Form::Lifelike => match landmark(index) {
                Some(count) => count,
                None => match hash & 0xff {
                    0..=183 => 3 + reduce(hash, 9),
                    184..=236 => 10 + reduce(hash, 21),
                    _ => 20 + reduce(hash, 61),
                },
            },
        }
    }
}

/// Lengths around the page of 50 that must be met in any world of a few hundred conversations.
pub(super) const fn landmark(index: u64) -> Option<u32> {
    match index % 250 {
        17 => Some(50),
        42 => Some(51),
        99 => Some(100),
        140 => Some(101),
        180 => Some(120),
        201 => Some(237),
        _ => None,
    }
}

const fn reduce(hash: u64, bound: u32) -> u32 {
    (((hash >> 32) * bound as u64) >> 32) as u32
}

const fn clamp(value: u32, low: u32, high: u32) -> u32 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}
