//! `POST /oauth2/token`: a code or a refresh token in, a pair out.
//!
//! Form-encoded with snake_case keys, as documented; JSON with camelCase keys, as Drift's samples of 2018 sent it, is
//! answered in camelCase too. Credentials stand in the body; an `Authorization` header is not looked at.

use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;
use crate::tokens::{NoPair, Pair};

/// The request, whichever way it was written.
#[derive(Default)]
struct Asked {
    client_id: String,
    client_secret: String,
    grant_type: String,
    code: String,
    refresh_token: String,
    redirect_uri: Option<String>,
}

/// How the request was written, which is how the answer will be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Snake,
    Camel,
}

/// The handler.
pub(crate) fn token(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let (asked, spelling) = read(call)?;
    check_client(sandbox, &asked)?;
    let pair = match asked.grant_type.as_str() {
        "authorization_code" => exchange(sandbox, &asked, call)?,
        "refresh_token" => sandbox
            .tokens
            .refresh(&asked.refresh_token, call.now, &*sandbox.entropy)
            .map_err(|why| dead("refresh token", why))?,
        other => return Err(Answer::invalid(format_args!("unsupported_grant_type: \"{other}\""))),
    };
    Ok(Answer::bare(body(sandbox, &pair, spelling).to_string()).with("cache-control", "no-store"))
}

fn exchange(sandbox: &Inner, asked: &Asked, call: &Call<'_>) -> Result<Pair, Answer> {
    // Drift's page does not ask for it here; a client that sends it must send the right one.
    if asked.redirect_uri.as_ref().is_some_and(|sent| *sent != sandbox.app().redirect_uri) {
        return Err(Answer::invalid("invalid_grant: redirect_uri is not the one saved for this app"));
    }
    let pair = sandbox.tokens.exchange(&asked.code, call.now, &*sandbox.entropy);
    pair.map_err(|why| dead("code", why))
}

fn check_client(sandbox: &Inner, asked: &Asked) -> Result<(), Answer> {
    let id = sandbox.options.client_id.as_bytes().ct_eq(asked.client_id.as_bytes());
    let secret = sandbox.options.client_secret.as_bytes().ct_eq(asked.client_secret.as_bytes());
    if bool::from(id & secret) {
        return Ok(());
    }
    Err(Answer::error(403, "authentication_error", "invalid_client: client_id or client_secret is wrong"))
}

fn dead(what: &str, why: NoPair) -> Answer {
    let reason = match why {
        NoPair::Unknown => "is unknown",
        NoPair::Used => "has been used or revoked",
        NoPair::Expired => "has expired",
    };
    Answer::error(403, "authentication_error", format_args!("invalid_grant: the {what} {reason}"))
}

fn body(sandbox: &Inner, pair: &Pair, spelling: Spelling) -> Value {
    let (org, seconds) = (sandbox.world.org_id(), sandbox.options.token_lifetime_ms / 1_000);
    match spelling {
        Spelling::Snake => json!({
            "access_token": pair.access,
            "refresh_token": pair.refresh,
            "expires_in": seconds,
            "token_type": "bearer",
            "orgId": org,
        }),
        Spelling::Camel => json!({
            "accessToken": pair.access,
            "refreshToken": pair.refresh,
            "expiresIn": seconds,
            "tokenType": "bearer",
            "orgId": org,
        }),
    }
}

fn read(call: &Call<'_>) -> Result<(Asked, Spelling), Answer> {
    let mut asked = Asked::default();
    if !call.content_type.starts_with("application/json") {
        form_urlencoded::parse(call.body).for_each(|(key, value)| asked.set(&key, value.into_owned()));
        return Ok((asked, Spelling::Snake));
    }
    let body = call.json()?;
    let fields = body.as_object().ok_or_else(|| Answer::invalid("expected an object"))?;
    for (key, value) in fields {
        asked.set(key, value.as_str().unwrap_or_default().to_owned());
    }
    let camel = fields.contains_key("clientId");
    Ok((asked, if camel { Spelling::Camel } else { Spelling::Snake }))
}

impl Asked {
    fn set(&mut self, key: &str, value: String) {
        match key {
            "client_id" | "clientId" => self.client_id = value,
            "client_secret" | "clientSecret" => self.client_secret = value,
            "grant_type" | "grantType" => self.grant_type = value,
            "code" => self.code = value,
            "refresh_token" | "refreshToken" => self.refresh_token = value,
            "redirect_uri" | "redirectUri" => self.redirect_uri = Some(value),
            _ => {}
        }
    }
}
