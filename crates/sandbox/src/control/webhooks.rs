//! Where webhooks go, what became of them, and sending one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, ok, value};
use crate::answer::{Answer, Answered};
use crate::sandbox::Inner;
use crate::webhooks::{WEBHOOK_TYPES, example};

/// Longest name of a type that is not documented.
const TYPE_BYTES_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Post {
    #[serde(rename = "type")]
    kind: String,
    conversation: Option<i64>,
    data: Option<Value>,
}

pub(super) fn read(sandbox: &Inner) -> Answer {
    value(&json!({"options": sandbox.webhooks.options(), "counts": sandbox.webhooks.counts()}))
}

/// Sets what is named; the rest stays.
pub(super) fn set(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let named: Value = control.json()?;
    let mut options = json!(sandbox.webhooks.options());
    merge(&mut options, named);
    let options = serde_json::from_value(options)
        .map_err(|error| Answer::invalid(format_args!("the body: {error}")))?;
    sandbox.set_webhooks(options).map_err(Answer::invalid)?;
    Ok(ok())
}

/// An event that nothing in the world caused.
pub(super) fn post(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let Post { kind, conversation, data } = control.json()?;
    if !sandbox.webhooks.options().is_on() {
        return Err(Answer::invalid("no url is set: PUT {\"url\": \"http://…\"} first"));
    }
    if kind.is_empty() || kind.len() > TYPE_BYTES_MAX {
        return Err(Answer::invalid(format_args!("type: 1 to {TYPE_BYTES_MAX} bytes")));
    }
    let now = sandbox.clock.now();
    let data = data.or_else(|| example(&sandbox.world, &kind, conversation, now)).ok_or_else(|| {
        let types = WEBHOOK_TYPES.join(", ");
        Answer::invalid(format_args!("data is needed, or a conversation that is there and one of {types}"))
    })?;
    sandbox.webhooks.tell(&kind, data.to_string().as_bytes(), now);
    Ok(ok())
}

fn merge(into: &mut Value, named: Value) {
    match (into, named) {
        (Value::Object(into), Value::Object(named)) => {
            for (name, value) in named {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, named) => *into = named,
    }
}
