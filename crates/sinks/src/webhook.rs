//! Outgoing webhooks after Standard Webhooks 1.0: what they say, how they are signed, where they may go, and one attempt.
//!
//! A change of the feed goes in, one signed POST goes out, an [`Outcome`] comes back. When it is tried again, and what
//! was taken, is not known here: that is the engine's and the store's. `docs/outgoing-webhooks.md` is the
//! contract for whoever receives.

pub mod address;
pub mod payload;
pub mod secret;
mod send;
pub mod signature;

pub use address::{Reach, UrlError};
pub use secret::{SecretError, SigningSecret};
pub use send::{DEADLINE_MS, Delivery, Outcome, RETRY_AFTER_MS_MAX, send, transport};
