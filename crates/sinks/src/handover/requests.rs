//! The shape that all writers of others' formats share: a conversation as the requests that make it there, in order.
//!
//! None of these systems takes conversations as a file; each documents calls that make one with its old times. So a line
//! holds those calls' bodies as they are to be sent. What only the other side can know (the id it gave a contact, the
//! agent who stands for a Drift user) is a reference, `{"$from": "contact"}` in a body and `{contact}` in a path. What
//! people wrote is always a text and never an object, so that nobody can write a reference.

use serde::Serialize;
use serde_json::{Value, json};

/// One conversation.
#[derive(Serialize)]
pub(crate) struct Plan {
    pub(crate) conversation_id: i64,
    pub(crate) requests: Vec<Request>,
}

/// One call.
#[derive(Serialize)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    body: Value,
    gives: Vec<Gives>,
}

/// What its answer gives to the calls after it.
#[derive(Serialize)]
pub(crate) struct Gives {
    name: &'static str,
    /// Where it stands in the answer, as a JSON pointer (RFC 6901).
    at: &'static str,
}

impl Request {
    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: "POST", path: path.into(), body, gives: Vec::new() }
    }

    /// The same, whose answer gives something.
    pub(crate) fn giving(mut self, name: &'static str, at: &'static str) -> Self {
        self.gives.push(Gives { name, at });
        self
    }
}

/// What an earlier answer, or whoever sends, gives.
pub(crate) fn from(name: &str) -> Value {
    json!({ "$from": name })
}

/// The agent who stands for a Drift user; without a user, for the team.
pub(crate) fn agent(user: Option<i64>) -> Value {
    user.map_or_else(|| from("agent"), |id| from(&format!("agent:{id}")))
}

/// An object without its nulls: these APIs take a missing field and refuse some nulls.
pub(crate) fn known(object: Value) -> Value {
    match object {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}

/// Seconds, from milliseconds.
pub(crate) fn seconds(at_ms: Option<i64>) -> Option<i64> {
    at_ms.map(|at| at.div_euclid(1000))
}
