//! Ending and issuing tokens, deciding consent, and the app's settings.

use serde::Deserialize;
use serde_json::json;

use super::{Control, ok, value};
use crate::answer::{Answer, Answered};
use crate::oauth::{Decision, Request, callback};
use crate::sandbox::Inner;
use crate::scope::ScopeSet;
use crate::tokens::draw;

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Expire { generation: Option<u32> },
    Revoke { generation: Option<u32> },
    Issue { scopes: Option<ScopeSet> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    decision: Decision,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    redirect_uri: Option<String>,
    scopes: Option<ScopeSet>,
}

pub(super) fn read(sandbox: &Inner) -> Answer {
    let tokens = &sandbox.tokens;
    value(
        &json!({"issued": tokens.generation(), "refreshes": tokens.refreshes(), "replays": tokens.replays()}),
    )
}

pub(super) fn act(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let now = sandbox.clock.now();
    Ok(match control.json()? {
        Action::Expire { generation } => value(&json!({"ended": sandbox.tokens.expire(generation, now)})),
        Action::Revoke { generation } => value(&json!({"ended": sandbox.tokens.revoke(generation)})),
        Action::Issue { scopes } => {
            let text = draw("sbx-pt-", &*sandbox.entropy);
            let scopes = scopes.unwrap_or(sandbox.app().scopes);
            let generation = sandbox.tokens.issue_private(&text, scopes, now);
            value(&json!({"token": text, "generation": generation, "scopes": scopes}))
        }
    })
}

/// What the consent page would do, without the page.
pub(super) fn consent(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let consent: Consent = control.json()?;
    let request = Request {
        response_type: "code".to_owned(),
        client_id: sandbox.options.client_id.clone(),
        redirect_uri: sandbox.app().redirect_uri,
        state: consent.state,
    };
    let back = callback(sandbox, &request, consent.decision, sandbox.clock.now());
    Ok(value(&json!({"redirect": back})))
}

pub(super) fn set_app(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let settings: Settings = control.json()?;
    sandbox.set_app(settings.redirect_uri, settings.scopes);
    Ok(ok())
}
