//! `POST /app/token_info` and `POST /app/uninstall` (Drift: Get token information; App uninstall).

use serde_json::json;
use subtle::ConstantTimeEq;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;
use crate::tokens::Kind;

/// What is known of the token in the body. Top level, no `data`; `expires_in` is the token's whole life in
/// milliseconds, and 0 for one that lives until revoked. A dead or unknown token is an authentication error.
pub(crate) fn token_info(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let body = call.json()?;
    let asked = body["access_token"].as_str().or(body["accessToken"].as_str());
    let text = asked.ok_or_else(|| Answer::invalid("access_token is required"))?;
    let token = sandbox.tokens.check(text, call.now).map_err(|why| sandbox.bad_token(why))?;
    let app = match token.kind {
        Kind::Private => "sandbox-private-app",
        Kind::Public(_) => &sandbox.options.client_id,
    };
    let info = json!({
        "access_token": text,
        "authenticated_userid": format!("orgId:{}", sandbox.world.org_id()),
        "credential_id": app,
        "token_type": "bearer",
        "expires_in": token.lifetime_ms.unwrap_or(0),
        "created_at": token.created_at,
        "scope": token.scopes,
        "id": format!("token-{}", token.generation),
    });
    Ok(Answer::bare(info.to_string()).with("cache-control", "no-store"))
}

/// Ends the grant of the token that the call carries. Public apps only; credentials stand in the query.
pub(crate) fn uninstall(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.query("clientId").unwrap_or_default();
    let secret = call.query("clientSecret").unwrap_or_default();
    let id_fits = sandbox.options.client_id.as_bytes().ct_eq(id.as_bytes());
    let secret_fits = sandbox.options.client_secret.as_bytes().ct_eq(secret.as_bytes());
    if !bool::from(id_fits & secret_fits) {
        return Err(Answer::error(403, "authentication_error", "clientId or clientSecret is wrong"));
    }
    match call.token.map(|token| token.kind) {
        Some(Kind::Public(grant)) => {
            sandbox.tokens.end_grant(grant);
            Ok(Answer::done())
        }
        _ => Err(Answer::invalid("only a public app can be uninstalled")),
    }
}
