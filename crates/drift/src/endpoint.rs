//! One file per endpoint: what is called, with what, and what comes back.
//!
//! All siblings have the same blocks in the same order: the path, what is sent, the function with its scope, limits,
//! errors and Drift's page, and how the answer is read where that is not plain. They describe calls and shapes; pace,
//! retries and tokens are [`Client`](crate::Client)'s. Each endpoint has the decoder for its own envelope, since a
//! dozen of them lack the `data` that Drift's convention promises.

mod accounts;
mod app;
mod contacts;
mod conversations;
mod events;
mod gdpr;
mod playbooks;
mod reports;
mod scim;
mod teams;
mod users;

pub use accounts::*;
pub use contacts::*;
pub use conversations::*;
pub use reports::*;
pub use scim::*;
pub use users::*;

use crate::DecodeError;
use crate::answer::Answer;
use crate::wire::{Done, Extra};

/// For calls that have nothing to give: any success is one, and a body that is empty or not JSON is no failure.
fn done(answer: &Answer) -> Result<Done, DecodeError> {
    let nothing = || Done { result: None, ok: None, extra: Extra::default() };
    Ok(answer.bare().unwrap_or_else(|_| nothing()))
}
