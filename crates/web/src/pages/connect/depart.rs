//! Sending a browser to Drift: two texts are drawn, one to travel and one to stay.

use axum::response::{IntoResponse as _, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use store::access::Token;
use store::install::consents::{self, Consent};

use super::Connecting;
use crate::access::{Cookie, Meeting, set};
use crate::pages::Broken;

/// What became of the wish to go.
pub(super) enum Departure {
    /// On the way.
    Sent(Response),
    /// Too many consents are under way already.
    TooMany,
    /// There is no app to ask for.
    NoApp,
}

/// What a person is told in that case.
pub(super) const TOO_MANY: &str = "Too many consents are under way. Finish one of them, or wait ten minutes.";
/// And in that.
pub(super) const NO_APP: &str = "No Drift app is set up on this server.";

/// Wait for a consent, and send the browser to where it is given.
pub(super) async fn depart(
    connecting: &Connecting,
    meeting: &Meeting,
    consent: &Consent,
) -> Result<Departure, Broken> {
    let (access, install) = (&connecting.access, &connecting.install);
    let Some(client_id) = &install.client_id else { return Ok(Departure::NoApp) };
    // Both are new at every departure: what a browser held before, whoever gave it that, is good for nothing.
    let state = Token::generate("", access.entropy.as_ref());
    let browser = Token::generate("", access.entropy.as_ref());
    let mut tx = access.db.begin().await?;
    let begun = consents::begin(&mut tx, (&state, &browser), consent, access.clock.now()).await?;
    tx.commit().await?;
    if !begun {
        return Ok(Departure::TooMany);
    }
    let address =
        drift::oauth::authorize_url(&install.drift, client_id, &install.redirect_uri(), state.expose());
    let mut location = HeaderValue::try_from(address.as_str()).expect("an address is plain ASCII");
    location.set_sensitive(true);
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    set(response.headers_mut(), Cookie::Consent, meeting.https, &browser);
    Ok(Departure::Sent(response))
}
