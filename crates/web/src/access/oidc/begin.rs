//! Sending a browser to the provider.

use model::{Secret, SessionId, wiping};
use sha2::{Digest as _, Sha256};
use store::StoreError;
use store::access::Token;
use store::access::handovers::{self, Handover};
use url::Url;

use super::Oidc;
use super::provider::Bound;
use crate::access::Access;
use crate::access::next::Next;

/// Where a browser is sent, and what it keeps until it is back.
pub(crate) struct Begun {
    pub(crate) url: Url,
    pub(crate) browser: Token,
}

/// Begin. With a session, whoever has it is to show the provider something; without one, somebody signs in. `None`: the
/// provider cannot be reached, and nothing has begun.
pub(crate) async fn begin(
    access: &Access,
    oidc: &Oidc,
    session: Option<&SessionId>,
    next: &Next,
) -> Result<Option<Begun>, StoreError> {
    let state = Token::generate("", access.entropy.as_ref());
    let browser = Token::generate("", access.entropy.as_ref());
    let (nonce, verifier) = held(&browser);
    let bound = Bound { nonce: nonce.expose(), verifier: &verifier };
    let Ok(url) = oidc.address(state.expose(), bound, session.is_some()).await else { return Ok(None) };
    let handover =
        Handover { session: session.cloned(), next: next.as_str().to_owned(), begun_at: access.clock.now() };
    let mut tx = access.db.begin().await?;
    handovers::begin(&mut tx, (&state, &browser), &handover).await?;
    tx.commit().await?;
    Ok(Some(Begun { url, browser }))
}

/// Nonce and verifier: hashes of the browser's text, each under a word of its own. Neither tells the text or the other.
pub(super) fn held(browser: &Token) -> (Secret, Secret) {
    let of = |word: &str| {
        wiping(|| {
            let mut hash = Sha256::new();
            hash.update(word.as_bytes());
            hash.update(browser.expose().as_bytes());
            Secret::new(hex::encode(hash.finalize()))
        })
    };
    (of("longshore oidc nonce "), of("longshore oidc verifier "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonce_and_verifier_are_the_browsers_and_two() {
        let one = held(&Token::parse("one").unwrap());
        let other = held(&Token::parse("other").unwrap());
        assert_eq!(one.0.expose(), held(&Token::parse("one").unwrap()).0.expose());
        assert_ne!(one.0.expose(), one.1.expose());
        assert_ne!(one.0.expose(), other.0.expose());
        assert!((43..=128).contains(&one.1.expose().len()), "what PKCE takes");
    }
}
