//! What Drift posts, read.

mod bodies;
mod examples;
mod identity;
mod laws;
mod redaction;

use drift::webhook::Event;
use serde_json::{Value, json};

/// The event of a type with this `data`, posted for organization 4242.
fn event(kind: &str, data: Value) -> Event<'static> {
    let body = json!({"type": kind, "token": "vt-canary", "orgId": 4242, "data": data});
    Event::parse(body.to_string().leak().as_bytes()).unwrap()
}
