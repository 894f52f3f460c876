//! SCIM: users with the envelopes and statuses of that standard (201 for a new one, 204 for a deletion).

use http::StatusCode;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;

/// All users, or those of one `filter=userName eq "…"`.
pub(super) fn list(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let filter = call.query("filter").unwrap_or_default();
    let user_name = filter.split_once(" eq ").map(|(_, value)| value.trim().trim_matches('"'));
    Ok(Answer::bare(sandbox.world.scim_users(user_name)))
}

pub(super) fn get(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.param(0);
    let found = sandbox.world.scim_user(&id).ok_or_else(|| Answer::not_found(format_args!("user {id}")))?;
    Ok(Answer::bare(found))
}

pub(super) fn create(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let user = sandbox.world.scim_create(&call.json()?, call.now)?;
    Ok(Answer::bare(user).status(StatusCode::CREATED))
}

pub(super) fn replace(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::bare(sandbox.world.scim_replace(&call.param(0), &call.json()?, call.now)?))
}

/// Setting `isActive` to false deletes the user: 204, as a deletion.
pub(super) fn patch(sandbox: &Inner, call: &Call<'_>) -> Answered {
    match sandbox.world.scim_patch(&call.param(0), &call.json()?, call.now)? {
        Some(user) => Ok(Answer::bare(user)),
        None => Ok(Answer::bare(Vec::new()).status(StatusCode::NO_CONTENT)),
    }
}

pub(super) fn delete(sandbox: &Inner, call: &Call<'_>) -> Answered {
    sandbox.world.scim_delete(&call.param(0))?;
    Ok(Answer::bare(Vec::new()).status(StatusCode::NO_CONTENT))
}
