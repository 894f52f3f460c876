//! The course of a conversation: who does what, and after how long.
//!
//! An iterator with a few words of state, walked once to sum the times and once to write the messages: cheaper
//! than keeping anything. One draw of randomness a message.

use model::entropy::mix;

use super::base::{Base, Kind, Plan};
use super::dialogues::Dialogues;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// A bot opens or asks on, with buttons.
    Greeting,
    /// The contact clicks the button of this number.
    Click(u8),
    /// A bot asks for an address.
    AskEmail,
    /// The contact gives it.
    GiveEmail,
    /// A bot calls a person.
    Handoff,
    /// The contact writes.
    Question,
    /// The contact thanks.
    Thanks,
    /// A person answers.
    Answer,
    /// A person leaves a private note.
    Note,
    /// A person replaces an earlier message, by its place.
    Replace(u32),
    /// A person deletes an earlier message, by its place.
    Delete(u32),
    /// A bot prompts the team (`private_prompt`).
    Prompt,
    /// A bot suggests an answer (`suggestion`).
    Suggestion,
    /// The contact's turn of a dialogue.
    UserTurn,
    /// The team's turn of a dialogue.
    SystemTurn,
}

/// Who a message is from; places in the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Contact,
    Writer(usize),
}

/// One message to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Its place, from 0.
    pub j: u32,
    pub act: Act,
    pub from: From,
    /// Time since the message before (since the creation, for the first).
    pub gap_ms: i64,
    pub hash: u64,
}

impl Step {
    /// How many files hang on it: on a message in two hundred or so, as in life.
    pub(super) const fn files(&self) -> i64 {
        match (self.act, self.hash >> 46 & 511) {
            (Act::Question | Act::Answer, 0 | 2) => 1,
            (Act::Question | Act::Answer, 1) => 2,
            _ => 0,
        }
    }

    /// Whether it has no text: a file alone, or a deletion.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.act, Act::Delete(_)) || (self.files() > 0 && self.hash >> 56 & 3 == 0)
    }
}

/// The messages of one conversation in order.
pub(super) struct Script<'a> {
    plan: &'a Plan,
    dialogues: Option<&'a Dialogues>,
    j: u32,
    /// The last thing a person said, which an edit may change.
    said: Option<u32>,
}

impl<'a> Script<'a> {
    pub(super) fn new(base: &'a Base, plan: &'a Plan) -> Self {
        Self { plan, dialogues: base.dialogues.as_ref(), j: 0, said: None }
    }

    fn act(&self, hash: u64) -> Act {
        let j = self.j;
        match (self.plan.kind, j) {
            (Kind::Bulk | Kind::Bot | Kind::Handoff, 0) => Act::Greeting,
            (Kind::Bot | Kind::Handoff, 1) => Act::Click(click(hash)),
            (Kind::Bot | Kind::Handoff, 2) => Act::AskEmail,
            (Kind::Bot | Kind::Handoff, 3) => Act::GiveEmail,
            (Kind::Handoff, 4) => Act::Handoff,
            (Kind::Bot, _) if j.is_multiple_of(2) => Act::Greeting,
            (Kind::Bot, _) => Act::Click(click(hash)),
            (Kind::Dialogue, _) => match self.dialogues {
                Some(dialogues) if dialogues.is_user(self.plan.index, j) => Act::UserTurn,
                _ => Act::SystemTurn,
            },
            (Kind::Direct, 0) => Act::Question,
            _ => self.exchange(hash),
        }
    }

    fn exchange(&self, hash: u64) -> Act {
        let last = self.j + 1 == self.plan.count;
        match (hash >> 40 & 127, self.said) {
            (0..=5, _) => Act::Note,
            (6 | 7, Some(said)) => Act::Replace(said),
            (8, Some(said)) => Act::Delete(said),
            (9, _) => Act::Prompt,
            (10, _) => Act::Suggestion,
            _ if !self.j.is_multiple_of(2) => Act::Answer,
            _ if last => Act::Thanks,
            _ => Act::Question,
        }
    }

    fn from(&self, act: Act, j: u32) -> From {
        let later = self.plan.reopened_at > 0 && j >= self.plan.reopened_at;
        match act {
            Act::Click(_) | Act::GiveEmail | Act::Question | Act::Thanks | Act::UserTurn => From::Contact,
            Act::Greeting | Act::AskEmail | Act::Handoff | Act::Prompt | Act::Suggestion => {
                From::Writer(self.plan.bot)
            }
            Act::SystemTurn if j % 4 == 1 => From::Writer(self.plan.bot),
            _ => From::Writer(self.plan.agents[usize::from(later)]),
        }
    }
}

impl Iterator for Script<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.j >= self.plan.count {
            return None;
        }
        let j = self.j;
        let hash = mix(self.plan.hash.wrapping_add(u64::from(j + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let act = self.act(hash);
        let from = self.from(act, j);
        if act == Act::Answer {
            self.said = Some(j);
        }
        self.j += 1;
        Some(Step { j, act, from, gap_ms: gap_ms(self.plan, j, act, hash), hash })
    }
}

fn click(hash: u64) -> u8 {
    u8::try_from(hash >> 12 & 3).expect("two bits fit").min(2)
}

fn gap_ms(plan: &Plan, j: u32, act: Act, hash: u64) -> i64 {
    if j == 0 {
        return draw(hash, 900);
    }
    if j == plan.reopened_at {
        return 86_400_000 + draw(hash, 8 * 86_400_000);
    }
    match act {
        Act::Greeting | Act::AskEmail | Act::Handoff | Act::Prompt | Act::Suggestion => 1 + draw(hash, 2_500),
        Act::Click(_) => 2_000 + draw(hash, 12_000),
        Act::Answer | Act::SystemTurn => 9_000 + draw(hash, 240_000),
        _ => 5_000 + draw(hash, 95_000),
    }
}

fn draw(hash: u64, bound: u64) -> i64 {
    (((hash & 0xffff_ffff) * bound) >> 32).cast_signed()
}
