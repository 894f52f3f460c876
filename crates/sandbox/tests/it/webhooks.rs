//! The webhooks that the sandbox sends of what happens in it.

mod control;
mod events;
mod faults;
mod socket;

use model::Millis;
use sandbox::world::Change;
use sandbox::{Delivery, Options, WebhookOptions};
use serde_json::Value;

use crate::caller::{Caller, small};

/// A sandbox whose deliveries are taken in process.
fn collecting(webhooks: WebhookOptions) -> Caller {
    Caller::with(Options { webhooks: WebhookOptions { collect: true, ..webhooks }, ..small() })
}

impl Caller {
    /// Let one thing happen, and take what is told of it.
    fn told(&self, change: &Change) -> Vec<Value> {
        self.sandbox.world().change(change, self.now()).unwrap();
        bodies(&self.sandbox.take_webhooks())
    }

    fn now(&self) -> Millis {
        model::Clock::now(&self.clock)
    }

    /// A conversation that was just started, quietly.
    fn started(&self) -> i64 {
        let change = Change::NewConversation { contact: None, text: None };
        let id = self.sandbox.world().change(&change, self.now()).unwrap().conversation;
        drop(self.sandbox.take_webhooks());
        id
    }
}

fn bodies(deliveries: &[Delivery]) -> Vec<Value> {
    deliveries.iter().map(|delivery| serde_json::from_slice(&delivery.body).unwrap()).collect()
}

fn kinds(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["type"].as_str().unwrap()).collect()
}
