//! What happens: conversations change, processes die, and how the budget was used meanwhile.

use model::{Clock as _, Entropy as _, SeededEntropy};
use sandbox::world::{Change, Speaker, Tag};

use super::{Stage, unexpected};
use crate::failure::Failure;

/// Things happen in so many steps between two kills, with this pause in between, in milliseconds.
const STEPS: u64 = 20;
const STEP_MS: u64 = 100;
/// Webhooks under way at once before nothing more happens for a while.
const UNDER_WAY_MAX: usize = 2_000;

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Driven {
    pub(super) kills: u32,
    pub(super) seconds: f64,
    /// Conversations to which something happened.
    pub(super) changed: std::collections::BTreeSet<i64>,
}

impl Stage<'_> {
    /// Let everything happen.
    pub(super) async fn drive(&mut self) -> Result<Driven, Failure> {
        let clock = self.app.clock.clone();
        let began = clock.now();
        let dice = SeededEntropy::new(self.args.seed);
        let mut ids: Vec<i64> = self.sandbox.world().expected().collect();
        let mut driven = Driven::default();
        let rounds = u64::from(self.args.kills) + 1;
        for round in 0..rounds {
            let deadly = (round + 1 < rounds).then(|| dice.below(STEPS));
            for step in 0..STEPS {
                let until = self.args.events * (round * STEPS + step + 1) / (rounds * STEPS);
                self.happen(until, &dice, &mut ids, &mut driven)?;
                if deadly == Some(step) {
                    self.fleet.kill(usize::try_from(dice.below(1 << 16)).unwrap_or(0)).await?;
                    driven.kills += 1;
                }
                clock.sleep(STEP_MS).await;
                while self.sender.under_way() > UNDER_WAY_MAX {
                    clock.sleep(STEP_MS).await;
                }
            }
            if round == rounds / 2 {
                self.halfway().await?;
            }
        }
        self.fleet.going_on().await;
        driven.seconds = clock.now().since(began) as f64 / 1_000.0;
        Ok(driven)
    }

    /// Let things happen until there were so many events.
    fn happen(
        &self,
        until: u64,
        dice: &SeededEntropy,
        ids: &mut Vec<i64>,
        driven: &mut Driven,
    ) -> Result<(), Failure> {
        while self.sandbox.webhook_counts().events.values().sum::<u64>() < until {
            let conversation = ids[usize::try_from(dice.below(ids.len() as u64)).unwrap_or(0)];
            let (change, now) = (draw(conversation, dice), self.turned.now());
            // Nobody of the team has written yet where there is nothing to edit.
            let instead = Change::NewMessage { conversation, from: Speaker::Agent, text: None };
            let world = self.sandbox.world();
            let changed = world.change(&change, now).or_else(|_| world.change(&instead, now));
            let changed = changed.map_err(|error| unexpected(format!("the sandbox refuses: {error}")))?;
            if change.conversation().is_none() {
                ids.push(changed.conversation);
            }
            driven.changed.insert(changed.conversation);
        }
        Ok(())
    }

    async fn halfway(&mut self) -> Result<(), Failure> {
        if self.args.stop > 0 {
            self.app.output.note(&format!("one node is stopped for {} s", self.args.stop));
            self.fleet.stop(self.args.stop, self.app.clock.clone());
        }
        if let Some(command) = &self.args.halfway {
            self.app.output.note(command);
            let status = tokio::process::Command::new("sh").args(["-c", command]).status().await;
            if !status.is_ok_and(|status| status.success()) {
                return Err(unexpected(format!("\"{command}\" failed")));
            }
        }
        Ok(())
    }
}

/// Something that happens to a conversation and that the list of conversations shows.
fn draw(conversation: i64, dice: &SeededEntropy) -> Change {
    match dice.below(100) {
        0..5 => Change::NewConversation { contact: None, text: None },
        5..13 => {
            let status = ["open", "closed", "pending"][usize::try_from(dice.below(3)).unwrap_or(0)];
            Change::Status { conversation, status: status.to_owned() }
        }
        13..17 => {
            let name = format!("tag-{}", dice.below(20));
            Change::Tags { conversation, tags: vec![Tag { name, color: None }] }
        }
        17..20 => Change::EditMessage { conversation, message: None, text: None },
        20..45 => Change::NewMessage { conversation, from: Speaker::Agent, text: None },
        _ => Change::NewMessage { conversation, from: Speaker::Contact, text: None },
    }
}
