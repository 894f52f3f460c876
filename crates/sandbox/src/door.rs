//! The way of one request: count, token, bucket, faults, route, spoil, log.
//!
//! The order matters and is the same for every route. A bad token is told before anything else; a call that is refused
//! by the bucket does nothing; a fault that replaces the answer (429, 5xx) means that nothing was done, while one that
//! spoils it (cut, truncated, wrong) means that it was. The log gets one line, written when the answer is ready.

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::answer::{Answer, Answered, HTML, JSON};
use crate::bucket::Verdict;
use crate::call::{BODY_BYTES_MAX, Call, Host};
use crate::control;
use crate::faults::{Fault, Play, Subject, spoil};
use crate::log::{LogEntry, target};
use crate::routes::{self, Access, Budget, Route};
use crate::sandbox::Inner;
use crate::tokens::{Kind, Refused, Token};
use crate::world::Change;

/// What is known of the connection that a request came on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection {
    pub(crate) scheme: &'static str,
    /// Whether the caller is on this machine.
    pub(crate) is_local: bool,
}

impl Connection {
    pub(crate) const IN_PROCESS: Self = Self { scheme: "http", is_local: true };
}

/// Answer one request, whatever it is.
pub(crate) async fn answer(
    sandbox: &Inner,
    request: Request<Body>,
    connection: Connection,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        let message = format_args!("the body is longer than {BODY_BYTES_MAX} bytes, or ended early");
        return Answer::error(413, "validation_error", message).into_response(None);
    };
    let path = parts.uri.path();
    if path == control::ROOT || path.starts_with("/_sandbox/") {
        return control::answer(sandbox, &parts, &body, connection).into_response(None);
    }
    api(sandbox, &parts, &body, connection).await
}

/// What was found out about a request, for the log.
struct Seen {
    number: u64,
    route: &'static str,
    generation: Option<u32>,
    by_bucket: bool,
    play: Play,
}

async fn api(sandbox: &Inner, parts: &Parts, body: &Bytes, connection: Connection) -> Response<Body> {
    let number = sandbox.numbers.fetch_add(1, Ordering::Relaxed) + 1;
    let mut seen =
        Seen { number, route: "unknown", generation: None, by_bucket: false, play: Play::default() };
    let authority = authority(parts);
    let host = Host::of(authority);
    let path = parts.uri.path();
    let answer = match routes::find(host, &parts.method, path) {
        None => Answer::not_found(path),
        Some((route, params)) => {
            seen.route = route.name;
            let origin = format!("{}://{authority}", connection.scheme);
            let call = Call {
                host,
                origin: &origin,
                query: parts.uri.query().unwrap_or_default(),
                content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
                body,
                params,
                token: None,
                now: sandbox.clock.now(),
                shift: 0,
            };
            routed(sandbox, parts, route, call, &mut seen).await
        }
    };
    finish(sandbox, parts, answer, seen)
}

async fn routed(
    sandbox: &Inner,
    parts: &Parts,
    route: &'static Route,
    mut call: Call<'_>,
    seen: &mut Seen,
) -> Answer {
    let bearer = bearer(&parts.headers);
    let mut checked = check(sandbox, bearer, &call);
    seen.play = play(sandbox, parts.uri.path(), route, &call, checked, seen.number);
    if let (Some(fault), Ok(token)) = (seen.play.token, checked) {
        end_token(sandbox, fault, token, &call);
        checked = check(sandbox, bearer, &call);
    }
    seen.generation = match checked {
        Ok(token) => Some(token.generation),
        Err(Some(Refused::Expired(generation) | Refused::Revoked(generation))) => Some(generation),
        Err(_) => None,
    };
    if seen.play.slow_ms > 0 {
        sandbox.clock.sleep(seen.play.slow_ms).await;
        call.now = sandbox.clock.now();
    }
    admitted(sandbox, route, &mut call, checked, seen).unwrap_or_else(|refusal| refusal)
}

/// Everything after the faults are known: token, bucket, scope, faults that refuse, and the route's own work.
fn admitted(
    sandbox: &Inner,
    route: &Route,
    call: &mut Call<'_>,
    checked: Result<Token, Option<Refused>>,
    seen: &mut Seen,
) -> Answered {
    if route.access != Access::Open {
        call.token = Some(checked.map_err(|why| match why {
            Some(why) => sandbox.bad_token(why),
            None => sandbox.authentication_error("the Authorization header with a bearer token is missing"),
        })?);
    }
    let verdict = draw(sandbox, route.budget, call);
    if let Some(verdict) = verdict.filter(|verdict| verdict.refused_for_ms.is_some()) {
        seen.by_bucket = true;
        return Err(too_many(sandbox, verdict));
    }
    let answered = allowed(route, call).and_then(|()| worked(sandbox, route, call, seen.play));
    match verdict {
        Some(verdict) => answered
            .map(|answer| with_rate_headers(sandbox, answer, verdict))
            .map_err(|answer| with_rate_headers(sandbox, answer, verdict)),
        None => answered,
    }
}

/// A missing scope has the error type of a bad token, since Drift documents no other; the message tells.
fn allowed(route: &Route, call: &Call<'_>) -> Result<(), Answer> {
    match (route.access, call.token) {
        (Access::Scope(scope), Some(token)) if !token.scopes.has(scope) => {
            let message = format_args!("the access token lacks the scope {}", scope.name());
            Err(Answer::error(403, "authentication_error", message))
        }
        _ => Ok(()),
    }
}

fn worked(sandbox: &Inner, route: &Route, call: &mut Call<'_>, play: Play) -> Answered {
    match play.main {
        Some(Fault::TooMany { retry_after_s }) => {
            let refusal = Answer::error(429, "rate_limit", "too many requests");
            return Err(match retry_after_s {
                Some(seconds) => refusal.with("retry-after", seconds.to_string()),
                None => refusal,
            });
        }
        Some(Fault::ServerError { status }) => {
            return Err(Answer::error(status, "internal_error", "something went wrong on our side"));
        }
        Some(Fault::Vanish) => {
            // An id that is not there cannot vanish; the route says so in a moment.
            let _ = sandbox.world.change(&Change::Vanish { conversation: call.id()? }, call.now);
        }
        _ => {}
    }
    if play.changes > 0 {
        let entropy = model::SeededEntropy::new(play.draw);
        sandbox.world.traffic(play.changes as usize, &entropy, call.now);
    }
    call.shift = play.shift;
    (route.handler)(sandbox, call)
}

/// Spoil the answer as told, write the log's line, and make the response.
fn finish(sandbox: &Inner, parts: &Parts, mut answer: Answer, seen: Seen) -> Response<Body> {
    let (main, mut fault) = (seen.play.main, seen.play.name);
    let spoilable = answer.status.is_success() && answer.kind == JSON && !answer.body.is_empty();
    let mut body = None;
    if seen.play.unknown_field && spoilable {
        answer.body = spoil::with_unknown_fields(&answer.body);
    }
    match main {
        Some(Fault::Cut) if answer.status.is_success() => body = Some(spoil::cut(&answer.body)),
        Some(Fault::Truncated) if spoilable => answer.body = spoil::truncated(&answer.body, seen.play.draw),
        Some(Fault::WrongJson) if spoilable => {
            answer = Answer::new(StatusCode::OK, HTML, spoil::HTML);
        }
        // It was meant to be spoilt, and there was nothing to spoil.
        Some(Fault::Cut | Fault::Truncated | Fault::WrongJson) => {
            fault = seen.play.token.map(|token| token.name());
        }
        _ => {}
    }
    let entry = LogEntry {
        number: seen.number,
        at: sandbox.clock.now(),
        method: method_name(&parts.method),
        target: target(parts.uri.path(), parts.uri.query()),
        status: answer.status.as_u16(),
        fault,
        token: seen.generation,
    };
    sandbox.log.push(entry, seen.route, seen.by_bucket);
    answer.into_response(body)
}

fn check(sandbox: &Inner, bearer: Option<&str>, call: &Call<'_>) -> Result<Token, Option<Refused>> {
    bearer.ok_or(None).and_then(|text| sandbox.tokens.check(text, call.now).map_err(Some))
}

fn play(
    sandbox: &Inner,
    path: &str,
    route: &Route,
    call: &Call<'_>,
    checked: Result<Token, Option<Refused>>,
    number: u64,
) -> Play {
    if !sandbox.faults.is_armed() {
        return Play::default();
    }
    let is_list = route.name == "GET /conversations/list";
    let page_offset = match route.name {
        "GET /conversations/list" => routes::page_offset(sandbox.options.list_form, call),
        "GET /conversations/{id}/messages" => call.query_number("next").ok().map(Option::unwrap_or_default),
        _ => None,
    };
    let of_conversation = route.name.contains("/conversations/{id}");
    sandbox.faults.play(&Subject {
        number,
        path,
        open: route.access == Access::Open,
        token_alive: checked.is_ok(),
        token_public: checked.is_ok_and(|token| token.kind != Kind::Private),
        conversation: if of_conversation { call.id().ok() } else { None },
        page_offset,
        conversation_list: is_list,
    })
}

fn end_token(sandbox: &Inner, fault: Fault, token: Token, call: &Call<'_>) {
    match fault {
        Fault::RevokedToken => sandbox.tokens.revoke(Some(token.generation)),
        _ => sandbox.tokens.expire(Some(token.generation), call.now),
    };
}

fn draw(sandbox: &Inner, budget: Budget, call: &Call<'_>) -> Option<Verdict> {
    let general = || sandbox.bucket.draw(call.now);
    match budget {
        Budget::Free => None,
        Budget::General => Some(general()),
        Budget::Reports => {
            let verdict = general();
            if verdict.refused_for_ms.is_some() {
                Some(verdict)
            } else {
                Some(sandbox.reports_bucket.draw(call.now))
            }
        }
    }
}

fn too_many(sandbox: &Inner, verdict: Verdict) -> Answer {
    let refusal = Answer::error(429, "rate_limit", "too many requests");
    let refusal = with_rate_headers(sandbox, refusal, verdict);
    let retry_after = sandbox.rate.read().unwrap_or_else(PoisonError::into_inner).retry_after;
    match verdict.refused_for_ms {
        Some(ms) if retry_after => refusal.with("retry-after", ms.div_ceil(1_000).to_string()),
        _ => refusal,
    }
}

fn with_rate_headers(sandbox: &Inner, answer: Answer, verdict: Verdict) -> Answer {
    let wanted = sandbox.rate.read().unwrap_or_else(PoisonError::into_inner).headers;
    let Some(limit) = verdict.limit.filter(|_| wanted) else { return answer };
    answer
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-remaining", verdict.remaining.to_string())
        .with("x-ratelimit-reset", verdict.empty_in_ms.div_ceil(1_000).to_string())
}

/// HTTP/2 tells the host in the address, HTTP/1.1 in a header.
pub(crate) fn authority(parts: &Parts) -> &str {
    match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => {
            Some(header(&parts.headers, HOST.as_str())).filter(|host| !host.is_empty()).unwrap_or("localhost")
        }
    }
}

/// The bearer token. Some clients spell the scheme in lower case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, AUTHORIZATION.as_str()).split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn method_name(method: &Method) -> &'static str {
    ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|name| *name == method.as_str())
        .unwrap_or("OTHER")
}
