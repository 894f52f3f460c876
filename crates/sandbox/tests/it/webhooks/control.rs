//! The control routes, and choices that cannot be.

use sandbox::{DeliveryFaults, Options, Sandbox, WebhookOptions};
use serde_json::json;

use super::{bodies, collecting};
use crate::caller::{Caller, small};

#[tokio::test]
async fn options_are_set_by_name_and_read_with_the_counts() {
    let caller = collecting(WebhookOptions::default());
    let put = |body: serde_json::Value| {
        let caller = &caller;
        async move { caller.send("PUT", "/_sandbox/webhooks", "application/json", &body.to_string()).await }
    };
    assert_eq!(put(json!({"faults": {"lost_percent": 100.0}})).await.status, 200);
    assert_eq!(put(json!({"types": ["new_message"]})).await.status, 200);
    let read = caller.get("/_sandbox/webhooks").await.json();
    assert_eq!(read["options"]["faults"]["lost_percent"], 100.0);
    assert_eq!(read["options"]["types"], json!(["new_message"]));
    assert_eq!(read["options"]["collect"], true);
    assert_eq!(read["counts"]["answered"], 0);
    for (body, complaint) in [
        (json!({"url": "https://example.test/"}), "the webhook url must be an absolute http:// address"),
        (json!({"url": "nowhere"}), "the webhook url must be an absolute http:// address"),
        (json!({"types": ["invented"]}), "no webhook \"invented\""),
        (json!({"faults": {"lost_percent": 101}}), "lost_percent is 101"),
        (json!({"concurrent": 0}), "concurrent is 0"),
        (json!({"colour": 1}), "unknown field"),
    ] {
        let got = put(body).await;
        assert_eq!(got.status, 400, "{complaint}");
        assert!(got.text().contains(complaint.split('"').next().unwrap()), "{}", got.text());
    }
    caller.post("/_sandbox/reset", &json!({})).await;
    assert_eq!(caller.get("/_sandbox/webhooks").await.json()["options"]["types"], json!(null));
}

#[tokio::test]
async fn one_event_is_posted_on_request() {
    let caller = collecting(WebhookOptions::default());
    let path = "/_sandbox/webhooks";
    assert_eq!(caller.post(path, &json!({"type": "phone_captured"})).await.status, 200);
    assert_eq!(caller.post(path, &json!({"type": "new_message", "data": {"id": 5}})).await.status, 200);
    let told = bodies(&caller.sandbox.take_webhooks());
    assert_eq!(told[0]["data"]["phoneNumber"], "+15555550100");
    assert!(caller.sandbox.world().has_conversation(told[0]["data"]["conversationId"].as_i64().unwrap()));
    assert_eq!(told[1]["data"], json!({"id": 5}));
    for wrong in [json!({}), json!({"type": "new_message", "conversation": 5}), json!({"type": ""})] {
        assert_eq!(caller.post(path, &wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(Caller::new().post(path, &json!({"type": "new_message"})).await.status, 400);
}

#[tokio::test]
async fn calls_to_a_route_are_counted() {
    let caller = Caller::new();
    let (ids, _) = caller.page("/conversations/list?limit=3").await;
    for id in &ids {
        caller.get(&format!("/conversations/{id}")).await;
    }
    assert_eq!(caller.sandbox.calls("GET /conversations/{id}"), 3);
    assert_eq!(caller.sandbox.calls("GET /users/list"), 0);
}

#[test]
fn a_sandbox_with_webhooks_that_cannot_be_is_not_made() {
    let faults = DeliveryFaults { doubled_percent: -1.0, ..DeliveryFaults::default() };
    let options = Options { webhooks: WebhookOptions { faults, ..WebhookOptions::default() }, ..small() };
    let clock = std::sync::Arc::new(model::FakeClock::at(crate::caller::NOW));
    let made = Sandbox::new(options, clock, std::sync::Arc::new(model::SeededEntropy::new(1)));
    assert_eq!(made.err().unwrap().to_string(), "the webhooks are wrong: doubled_percent is -1: 0 to 100");
}
