//! The control routes under `/_sandbox`: what a test or a person turns while the sandbox runs.
//!
//! JSON in, JSON out; not counted, not logged, not limited, without a token. They answer callers on the same machine
//! alone unless the options say otherwise.

mod faults;
mod log;
mod tokens;
mod webhooks;
mod world;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::{Answer, Answered};
use crate::door::Connection;
use crate::sandbox::Inner;

/// The path of the help.
pub(crate) const ROOT: &str = "/_sandbox";

/// Method, path below [`ROOT`], what it does.
const HELP: &[(&str, &str, &str)] = &[
    ("GET", "/", "this list"),
    (
        "GET",
        "/log",
        "requests, oldest first; ?path=/users/* &method= &status= &fault= &after=<number> &limit=",
    ),
    ("DELETE", "/log", "forget requests and totals"),
    ("GET", "/counts", "exact totals: by status, route and fault; tokens issued, refreshes"),
    ("GET", "/world", "what the world holds: conversations, messages, contacts, attachments, by status"),
    ("GET", "/faults", "the rules with what they have met, and the names of the presets"),
    ("PUT", "/faults", "set all rules: ?preset=rough&seed=7, or a profile {\"seed\", \"rules\": [rule, …]}"),
    (
        "POST",
        "/faults",
        "add one rule before the others: {\"fault\": \"cut\", \"path\", \"percent\", \"count_max\", …}",
    ),
    ("DELETE", "/faults", "take all rules away"),
    ("POST", "/change", "let one thing happen: {\"change\": \"new_message\", \"conversation\": 7}"),
    ("GET", "/traffic", "changes a minute in the background"),
    ("PUT", "/traffic", "set them: {\"per_minute\": 60}; 0 stops"),
    ("POST", "/traffic", "let random things happen now: {\"changes\": 10}"),
    ("GET", "/webhooks", "where webhooks go, how they fail, and what became of them"),
    (
        "PUT",
        "/webhooks",
        "set what is named: {\"url\": \"http://…\", \"types\": [\"new_message\"], \"faults\": {\"lost_percent\": 20}}",
    ),
    (
        "POST",
        "/webhooks",
        "send one: {\"type\": \"phone_captured\", \"conversation\"?: id, \"data\"?: {…}}; an example without data",
    ),
    ("GET", "/tokens", "how many tokens were issued and refreshed"),
    (
        "POST",
        "/tokens",
        "{\"action\": \"expire\"|\"revoke\", \"generation\"?: n} or {\"action\": \"issue\", \"scopes\"?}",
    ),
    (
        "POST",
        "/consent",
        "decide without a browser: {\"decision\": \"allow\"|\"deny\", \"state\"?}; gives the redirect",
    ),
    ("PUT", "/app", "the app's settings: {\"redirect_uri\"?, \"scopes\"?: \"contact_read user_read\"}"),
    ("GET", "/rate", "the rate limit"),
    (
        "PUT",
        "/rate",
        "set it: {\"per_minute\": 600, \"burst\": 10, \"headers\": true, \"retry_after\": true}",
    ),
    ("GET", "/time", "the sandbox's clock, in epoch milliseconds"),
    (
        "POST",
        "/reset",
        "faults, rate, traffic and webhooks as at the start; log empty. The world keeps its changes",
    ),
];

/// One control request.
pub(crate) struct Control<'a> {
    query: &'a str,
    body: &'a Bytes,
}

impl Control<'_> {
    fn query(&self, key: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.into_owned())
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Answer> {
        let parse = |text: String| {
            text.parse().map_err(|_| Answer::invalid(format_args!("{key} is \"{text}\": expected a number")))
        };
        self.query(key).map(parse).transpose()
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, Answer> {
        let body = if self.body.is_empty() { b"{}" } else { &self.body[..] };
        serde_json::from_slice(body).map_err(|error| Answer::invalid(format_args!("the body: {error}")))
    }
}

/// Answer a control request.
pub(crate) fn answer(sandbox: &Inner, parts: &Parts, body: &Bytes, connection: Connection) -> Answer {
    if !connection.is_local && !sandbox.options.control_from_anywhere {
        return Answer::error(403, "authentication_error", "control routes answer this machine alone");
    }
    let path = parts.uri.path().trim_start_matches(ROOT).trim_matches('/');
    let control = Control { query: parts.uri.query().unwrap_or_default(), body };
    route(sandbox, &parts.method, path, &control).unwrap_or_else(|refusal| refusal)
}

fn route(sandbox: &Inner, method: &Method, path: &str, control: &Control<'_>) -> Answered {
    match (method.as_str(), path) {
        ("GET", "") => Ok(help()),
        ("GET", "log") => log::read(sandbox, control),
        ("DELETE", "log") => {
            sandbox.log.clear();
            Ok(ok())
        }
        ("GET", "counts") => Ok(log::counts(sandbox)),
        ("GET", "world") => Ok(world::counts(sandbox)),
        ("POST", "change") => world::change(sandbox, control),
        ("GET", "traffic") => Ok(world::traffic(sandbox)),
        ("PUT", "traffic") => world::set_traffic(sandbox, control),
        ("POST", "traffic") => world::stir(sandbox, control),
        ("GET", "faults") => Ok(faults::read(sandbox)),
        ("PUT", "faults") => faults::set(sandbox, control),
        ("POST", "faults") => faults::add(sandbox, control),
        ("DELETE", "faults") => {
            sandbox.faults.clear();
            Ok(ok())
        }
        ("GET", "webhooks") => Ok(webhooks::read(sandbox)),
        ("PUT", "webhooks") => webhooks::set(sandbox, control),
        ("POST", "webhooks") => webhooks::post(sandbox, control),
        ("GET", "tokens") => Ok(tokens::read(sandbox)),
        ("POST", "tokens") => tokens::act(sandbox, control),
        ("POST", "consent") => tokens::consent(sandbox, control),
        ("PUT", "app") => tokens::set_app(sandbox, control),
        ("GET", "rate") => {
            Ok(value(&json!(&*sandbox.rate.read().unwrap_or_else(std::sync::PoisonError::into_inner))))
        }
        ("PUT", "rate") => {
            sandbox.set_rate(control.json()?);
            Ok(ok())
        }
        ("GET", "time") => Ok(value(&json!({"now": sandbox.clock.now()}))),
        ("POST", "reset") => {
            reset(sandbox);
            Ok(ok())
        }
        _ => Err(Answer::not_found(format_args!("{method} {ROOT}/{path}"))),
    }
}

fn help() -> Answer {
    let lines = HELP
        .iter()
        .map(|(method, path, what)| json!({"method": method, "path": format!("{ROOT}{path}"), "does": what}));
    value(&json!({"control": lines.collect::<Vec<Value>>()}))
}

fn reset(sandbox: &Inner) {
    sandbox.faults.set(sandbox.options.faults.clone());
    sandbox.set_rate(sandbox.options.rate.clone());
    sandbox.traffic.set(sandbox.options.traffic_per_minute);
    sandbox.webhooks.clear();
    // The options were sound at the start.
    let _ = sandbox.set_webhooks(sandbox.options.webhooks.clone());
    sandbox.log.clear();
}

fn ok() -> Answer {
    value(&json!({"ok": true}))
}

/// JSON with line breaks: people read it.
fn value(json: &Value) -> Answer {
    Answer::bare(format!("{json:#}\n"))
}
