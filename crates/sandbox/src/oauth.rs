//! Consent, tokens, and what is known of a token.
//!
//! Nobody is asked for a password: whoever opens the consent page is the organization's admin. Drift documents neither
//! the errors of the token endpoint nor what a refusal looks like to the app; ours are Drift's error form with the
//! words of RFC 6749 in front, and that standard's `error=access_denied` on the callback.

mod consent;
mod info;
mod token;

pub(crate) use consent::{Decision, Request, callback, consent_page, decide};
pub(crate) use info::{token_info, uninstall};
pub(crate) use token::token;
