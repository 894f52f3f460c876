//! Looking at the world, and making things happen in it.

use serde::Deserialize;
use serde_json::json;

use super::{Control, ok, value};
use crate::answer::{Answer, Answered};
use crate::sandbox::Inner;
use crate::traffic::PER_MINUTE_MAX;
use crate::world::{Change, Changed};

/// Most changes of one call.
const CHANGES_MAX: u32 = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traffic {
    per_minute: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stir {
    changes: u32,
}

pub(super) fn counts(sandbox: &Inner) -> Answer {
    let counts = sandbox.world.counts();
    let status = counts.by_status;
    value(&json!({
        "org_id": sandbox.world.org_id(),
        "ends_at": sandbox.world.ends_at(),
        "conversations": counts.conversations,
        "messages": counts.messages,
        "contacts": counts.contacts,
        "contacts_missing": counts.contacts_missing,
        "attachments": counts.attachments,
        "by_status": {
            "open": status.open,
            "closed": status.closed,
            "pending": status.pending,
            "bulk_sent": status.bulk_sent,
        },
    }))
}

pub(super) fn change(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let change: Change = control.json()?;
    Ok(value(&changed(sandbox.world.change(&change, sandbox.clock.now())?)))
}

pub(super) fn traffic(sandbox: &Inner) -> Answer {
    value(&json!({"per_minute": sandbox.traffic.per_minute()}))
}

pub(super) fn set_traffic(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let Traffic { per_minute } = control.json()?;
    if per_minute > PER_MINUTE_MAX {
        return Err(Answer::invalid(format_args!("per_minute is {per_minute}: at most {PER_MINUTE_MAX}")));
    }
    sandbox.traffic.set(per_minute);
    Ok(ok())
}

pub(super) fn stir(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let Stir { changes } = control.json()?;
    if changes > CHANGES_MAX {
        return Err(Answer::invalid(format_args!("changes is {changes}: at most {CHANGES_MAX}")));
    }
    let happened = sandbox.world.traffic(changes as usize, &*sandbox.entropy, sandbox.clock.now());
    Ok(value(&json!({"changed": happened.into_iter().map(changed).collect::<Vec<_>>()})))
}

fn changed(changed: Changed) -> serde_json::Value {
    json!({"conversation": changed.conversation, "message": changed.message})
}
