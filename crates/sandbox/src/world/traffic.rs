//! Random happenings, as on a working day.

use model::{Entropy, Millis};

use super::World;
use super::change::{Change, Changed, Speaker, Tag};
use super::roster::WRITERS;

/// The most happenings of one call.
const TRAFFIC_MAX: usize = 100_000;
/// Attempts to find a conversation that is still there.
const TRIES_MAX: usize = 8;
const STATUSES: [&str; 3] = ["open", "closed", "pending"];

impl World {
    /// Let `n` random things happen, of the kinds that Drift documents; at most 100,000 a call. Nothing vanishes,
    /// and no message is rewritten or erased behind the reader's back: those are asked for by name.
    pub fn traffic(&self, n: usize, entropy: &dyn Entropy, now: Millis) -> Vec<Changed> {
        let changes = (0..n.min(TRAFFIC_MAX)).filter_map(|_| self.happening(entropy));
        changes.filter_map(|change| self.change(&change, now).ok()).collect()
    }

    fn happening(&self, entropy: &dyn Entropy) -> Option<Change> {
        let draw = entropy.below(100);
        if draw < 12 {
            let contact = if entropy.below(2) == 0 { None } else { self.any_contact(entropy) };
            return Some(Change::NewConversation { contact, text: None });
        }
        let conversation = self.any_conversation(entropy)?;
        let text = None;
        Some(match draw {
            12..=44 => Change::NewMessage { conversation, from: Speaker::Contact, text },
            45..=64 => Change::NewMessage { conversation, from: Speaker::Agent, text },
            65..=70 => Change::NewMessage { conversation, from: Speaker::Bot, text },
            71..=74 => Change::NewMessage { conversation, from: Speaker::Note, text },
            75..=79 => Change::EditMessage { conversation, message: None, text },
            80 | 81 => Change::DeleteMessage { conversation, message: None },
            82..=91 => {
                let status = STATUSES[usize::try_from(entropy.below(3)).unwrap_or(0)].to_owned();
                Change::Status { conversation, status }
            }
            92..=94 => {
                let participants = (0..=entropy.below(3)).map(|_| member(entropy)).collect();
                Change::Participants { conversation, participants }
            }
            95..=97 => {
                let tag = Tag { name: format!("tag {}", entropy.below(9)), color: Some("2f80ed".to_owned()) };
                Change::Tags { conversation, tags: vec![tag] }
            }
            _ => Change::Meeting { conversation },
        })
    }

    /// Any conversation that is there, new ones more often: most traffic is on what is recent.
    fn any_conversation(&self, entropy: &dyn Entropy) -> Option<i64> {
        self.read(|view| {
            let len = view.base.len + view.overlay.new_len;
            for _ in 0..TRIES_MAX {
                let recent = entropy.below(2) == 0;
                let index = if recent {
                    len.checked_sub(1 + entropy.below(len.min(50)))?
                } else {
                    entropy.below(len)
                };
                let id = super::ids::conversation(view.base.seed, index);
                if view.index_of(id).is_some() {
                    return Some(id);
                }
            }
            None
        })
    }

    fn any_contact(&self, entropy: &dyn Entropy) -> Option<i64> {
        let conversation = self.any_conversation(entropy)?;
        self.read(|view| view.index_of(conversation).map(|index| view.row(index).contact_id))
    }
}

fn member(entropy: &dyn Entropy) -> i64 {
    WRITERS[usize::try_from(entropy.below(WRITERS.len() as u64)).unwrap_or(0)].id
}
