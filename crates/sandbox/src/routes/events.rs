//! The legacy collector on `event.api.drift.com`: events and people by the customer's own ids, without a token.
//!
//! It checks the form and answers; the world does not change, since nothing of the API shows these events.

use serde_json::Value;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;

/// Most objects of one call (Drift: HTTP API).
const EVENTS_MAX: usize = 600;

pub(super) fn one(sandbox: &Inner, call: &Call<'_>) -> Answered {
    check(sandbox, &call.json()?)?;
    Ok(Answer::done())
}

pub(super) fn many(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let body = call.json()?;
    let events = body.as_array().ok_or_else(|| Answer::invalid("expected an array"))?;
    if events.len() > EVENTS_MAX {
        return Err(Answer::invalid(format_args!("{} objects: at most {EVENTS_MAX}", events.len())));
    }
    events.iter().try_for_each(|event| check(sandbox, event))?;
    Ok(Answer::done())
}

fn check(sandbox: &Inner, event: &Value) -> Result<(), Answer> {
    let org = event["orgId"].as_i64().or_else(|| event["orgId"].as_str()?.parse().ok());
    if org != Some(sandbox.world.org_id()) {
        return Err(Answer::invalid("orgId is not this organization's"));
    }
    if event["userId"].is_null() && event["companyId"].is_null() {
        return Err(Answer::invalid("userId or companyId is required"));
    }
    Ok(())
}
