//! The consent page and the way back to the app (Drift: Authentication and scopes).
//!
//! Scopes come from the app's settings, never from the request. A wrong client or redirect address is told to the
//! person and never sent on: a redirect to an unknown place is how codes get stolen.

use http::StatusCode;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::pages;
use crate::sandbox::Inner;

/// What an app asks with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) response_type: String,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
}

/// What the admin says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Allow,
    Deny,
}

/// `GET /authorize`.
pub(crate) fn consent_page(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let (request, _) = read(call.query.as_bytes());
    check(sandbox, &request)?;
    Ok(Answer::page(StatusCode::OK, pages::consent(sandbox, &request)))
}

/// `POST /authorize`: the page's form. Sends the browser back to the app.
pub(crate) fn decide(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let (request, decision) = read(call.body);
    check(sandbox, &request)?;
    let decision = decision.ok_or_else(|| problem("The form says neither allow nor deny."))?;
    let back = callback(sandbox, &request, decision, call.now);
    Ok(Answer::page(StatusCode::SEE_OTHER, pages::way_back(&back)).with("location", back))
}

/// The address that the browser is sent back to.
pub(crate) fn callback(sandbox: &Inner, request: &Request, decision: Decision, now: model::Millis) -> String {
    let outcome = match decision {
        Decision::Deny => "error=access_denied".to_owned(),
        Decision::Allow => {
            let scopes = sandbox.app().scopes.public();
            format!("code={}", sandbox.tokens.issue_code(scopes, now, &*sandbox.entropy))
        }
    };
    let first = if request.redirect_uri.contains('?') { '&' } else { '?' };
    let mut back = format!("{}{first}{outcome}", request.redirect_uri);
    if let Some(state) = &request.state {
        back.push(if sandbox.options.second_question_mark { '?' } else { '&' });
        back.push_str("state=");
        back.extend(form_urlencoded::byte_serialize(state.as_bytes()));
    }
    back
}

/// Whether the request may be put before a person at all.
pub(crate) fn check(sandbox: &Inner, request: &Request) -> Result<(), Answer> {
    let known: bool = sandbox.options.client_id.as_bytes().ct_eq(request.client_id.as_bytes()).into();
    if !known {
        return Err(problem("No app has this client_id."));
    }
    if request.redirect_uri != sandbox.app().redirect_uri {
        return Err(problem("The redirect_uri is not the one saved for this app."));
    }
    if request.response_type != "code" {
        return Err(problem("The response_type must be code."));
    }
    Ok(())
}

fn problem(what: &str) -> Answer {
    Answer::page(StatusCode::BAD_REQUEST, pages::problem(what))
}

fn read(form: &[u8]) -> (Request, Option<Decision>) {
    let (mut request, mut decision) = (Request::default(), None);
    for (key, value) in form_urlencoded::parse(form) {
        match &*key {
            "response_type" => request.response_type = value.into_owned(),
            "client_id" => request.client_id = value.into_owned(),
            "redirect_uri" => request.redirect_uri = value.into_owned(),
            "state" => request.state = Some(value.into_owned()),
            "decision" if value == "allow" => decision = Some(Decision::Allow),
            "decision" if value == "deny" => decision = Some(Decision::Deny),
            _ => {}
        }
    }
    (request, decision)
}
