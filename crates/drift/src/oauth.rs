//! OAuth, as Drift does it (Drift: Authentication and Scopes): authorization code, form-encoded token endpoint,
//! client credentials in the body, field names in two spellings.

mod callback;
mod tokens;

use std::sync::Arc;

use model::Secret;
use url::Url;

pub use callback::{Callback, CallbackError};

use crate::call::Call;
use crate::exchange::{Core, Right};
use crate::{App, Config, DecodeError, Error, Pace, Priority, Seams, TokenPair};
use tokens::TokenAnswer;

/// Why there is no token pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The token endpoint refused for good: a used code, a wrong client secret, an exhausted refresh token.
    #[error("the token endpoint refused: {message}")]
    Refused {
        /// Its message, shortened.
        message: String,
    },
    /// The token endpoint refused the app itself: its id or its secret is wrong, whatever the tokens are.
    #[error("the token endpoint refused the app: {message}")]
    App {
        /// Its message, shortened.
        message: String,
    },
    /// The token endpoint's answer holds no token.
    #[error("the token endpoint's answer cannot be read: {0}")]
    Unreadable(DecodeError),
}

/// Where to send the admin who is to grant access: [`Config::authorize`] with its parameters.
///
/// `redirect_uri` must equal the one saved on the app's page; `state` comes back and must be compared.
#[must_use]
pub fn authorize_url(config: &Config, client_id: &str, redirect_uri: &str, state: &str) -> Url {
    let mut url = config.authorize.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", state);
    url
}

/// Trade the code from the callback for a token pair. A code works once.
///
/// # Errors
/// [`Error::OAuth`] when refused; [`Error::Exhausted`] when the endpoint cannot be reached.
pub async fn exchange_code(
    config: &Config,
    seams: &Seams,
    app: &App,
    code: &Secret,
    redirect_uri: &str,
) -> Result<TokenPair, Error> {
    config.check()?;
    let pace = Pace::new(config, Arc::clone(&seams.clock), Arc::clone(&seams.entropy));
    let core = Arc::new(Core::new(config.clone(), seams.clone(), pace));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect_uri),
        ("client_id", &app.client_id),
        ("client_secret", app.client_secret.expose()),
    ];
    ask(&core, &fields).await
}

/// Trade a refresh token for a new pair. A [`Client`](crate::Client) does this by itself.
///
/// # Errors
/// As for [`exchange_code`].
pub async fn refresh(
    config: &Config,
    seams: &Seams,
    app: &App,
    refresh: &Secret,
) -> Result<TokenPair, Error> {
    config.check()?;
    let pace = Pace::new(config, Arc::clone(&seams.clock), Arc::clone(&seams.entropy));
    refresh_with(&Arc::new(Core::new(config.clone(), seams.clone(), pace)), app, refresh).await
}

pub(crate) async fn refresh_with(core: &Arc<Core>, app: &App, refresh: &Secret) -> Result<TokenPair, Error> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.expose()),
        ("client_id", &app.client_id),
        ("client_secret", app.client_secret.expose()),
    ];
    ask(core, &fields).await
}

/// Ask the token endpoint, ahead of every other call: all others wait for it.
async fn ask(core: &Arc<Core>, fields: &[(&str, &str)]) -> Result<TokenPair, Error> {
    let call = Call::post("/oauth2/token").form(fields).idempotent(true).anonymous();
    let asked_at = core.seams.clock.now();
    let mut pair = None;
    let mut decode = |answer: &crate::answer::Answer| {
        pair = Some(answer.data_or_bare::<TokenAnswer>()?.pair(asked_at)?);
        Ok(())
    };
    let asked = core.run(&call, Right::Nobody, Priority::Live, &mut decode).await;
    let refused = |message| Error::OAuth(OAuthError::Refused { message });
    asked.map_err(|error| match error {
        Error::Api { status: 401 | 403, kind, message, .. } if is_of_app(&kind, &message) => {
            Error::OAuth(OAuthError::App { message })
        }
        Error::Validation { message, .. } => refused(message),
        Error::Api { status: 401 | 403, message, .. } => refused(message),
        Error::Decode { source, .. } => Error::OAuth(OAuthError::Unreadable(source)),
        other => other,
    })?;
    Ok(pair.expect("a call succeeds only after its answer was decoded"))
}

/// RFC 6749's word for a wrong client id or secret, as the type of the error or at the head of Drift's message.
fn is_of_app(kind: &str, message: &str) -> bool {
    kind == "invalid_client" || message.starts_with("invalid_client")
}
