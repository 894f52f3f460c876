//! Data requests of a person. Only an organization's own private app may make them.

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;
use crate::tokens::Kind;

pub(super) fn retrieve(sandbox: &Inner, call: &Call<'_>) -> Answered {
    only_private(call)?;
    Ok(Answer::data(&sandbox.world.gdpr_retrieve(&call.json()?)?))
}

pub(super) fn delete(sandbox: &Inner, call: &Call<'_>) -> Answered {
    only_private(call)?;
    Ok(Answer::data(&sandbox.world.gdpr_delete(&call.json()?, call.now)?))
}

fn only_private(call: &Call<'_>) -> Result<(), Answer> {
    match call.token {
        Some(token) if token.kind == Kind::Private => Ok(()),
        _ => Err(Answer::error(403, "authentication_error", "only a private app may make data requests")),
    }
}
