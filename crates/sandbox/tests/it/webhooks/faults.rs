//! Events that come twice, late, in another order, or never.

use std::collections::BTreeSet;

use sandbox::{DeliveryFaults, WebhookOptions};

use super::collecting;

const EVENTS: usize = 400;

fn with(faults: DeliveryFaults) -> WebhookOptions {
    WebhookOptions { faults, ..WebhookOptions::default() }
}

#[test]
fn a_bad_day_doubles_shuffles_delays_and_loses() {
    let caller = collecting(with(DeliveryFaults::preset("rough", 3).unwrap()));
    for number in 0..EVENTS {
        caller.sandbox.post_webhook("conversation_push", &serde_json::json!({"conversationId": number}));
    }
    let counts = caller.sandbox.webhook_counts();
    assert!(counts.lost > 40 && counts.doubled > 60 && counts.late > 20, "{counts:?}");
    let waiting = EVENTS as u64 - counts.lost + counts.doubled;
    assert_eq!(counts.waiting, waiting);
    caller.clock.advance(2_000);
    let early = caller.sandbox.take_webhooks();
    let in_order = early.is_sorted_by_key(|delivery| delivery.event);
    assert!(!in_order && early.is_sorted_by_key(|delivery| delivery.due_at));
    assert!(caller.sandbox.next_webhook_at().is_some_and(|at| at > caller.now()));
    caller.clock.advance(3_602_000);
    let late = caller.sandbox.take_webhooks();
    assert_eq!((early.len() + late.len()) as u64, waiting);
    let events: BTreeSet<_> = early.iter().chain(&late).map(|delivery| delivery.event).collect();
    assert_eq!(events.len() as u64, EVENTS as u64 - counts.lost);
    assert_eq!(caller.sandbox.webhook_counts().taken, waiting);
    assert_eq!(caller.sandbox.next_webhook_at(), None);
}

#[test]
fn the_same_seed_gives_the_same_day() {
    let day = |seed| {
        let caller = collecting(with(DeliveryFaults::preset("rough", seed).unwrap()));
        caller.sandbox.world().traffic(200, &model::SeededEntropy::new(1), caller.now());
        caller.clock.advance(4_000_000);
        let taken = caller.sandbox.take_webhooks();
        taken.into_iter().map(|delivery| (delivery.event, delivery.due_at, delivery.body)).collect::<Vec<_>>()
    };
    assert_eq!(day(1), day(1));
    assert_ne!(day(1), day(2));
}

#[test]
fn without_faults_the_order_is_that_of_the_changes() {
    let caller = collecting(WebhookOptions::default());
    caller.sandbox.world().traffic(200, &model::SeededEntropy::new(1), caller.now());
    let taken = caller.sandbox.take_webhooks();
    assert!(taken.len() > 150 && taken.is_sorted_by_key(|delivery| delivery.event));
}
