//! Users, their teams, their booked meetings.

use model::Millis;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;

/// Most `userId`s of one call (Drift: Retrieving a user).
const IDS_MAX: usize = 20;
/// Meetings of an answer when the caller does not say.
const MEETINGS_DEFAULT: usize = 100;
/// Most meetings of an answer (Drift: Get booked meetings).
const MEETINGS_MAX: usize = 1_000;

pub(super) fn list(sandbox: &Inner, _: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.users()))
}

pub(super) fn get(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    sandbox.world.user(id).map(|json| Answer::data(&json)).ok_or_else(|| missing(id))
}

/// A map from id to user, not a list.
pub(super) fn by_id(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let of_one = |text: &str| {
        text.parse()
            .map_err(|_| Answer::invalid(format_args!("userId is \"{text}\": expected a whole number")))
    };
    let ids: Vec<i64> =
        call.queries("userId").take(IDS_MAX + 1).map(|text| of_one(&text)).collect::<Result<_, _>>()?;
    match ids.len() {
        0 => Err(Answer::invalid("userId is required")),
        count if count > IDS_MAX => Err(Answer::invalid(format_args!("more than {IDS_MAX} userIds"))),
        _ => Ok(Answer::data(&sandbox.world.users_by_id(&ids))),
    }
}

pub(super) fn update(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.query_needed("userId")?;
    Ok(Answer::data(&sandbox.world.update_user(id, &call.json()?, call.now)?))
}

pub(super) fn meetings(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let (min, max) = (call.query_needed("min_start_time")?, call.query_needed("max_start_time")?);
    let limit: usize = call.query_number("limit")?.unwrap_or(MEETINGS_DEFAULT);
    if limit > MEETINGS_MAX {
        return Err(Answer::invalid(format_args!("limit is {limit}: at most {MEETINGS_MAX}")));
    }
    Ok(Answer::data(&sandbox.world.meetings(Millis(min), Millis(max), limit, call.now)))
}

pub(super) fn teams(sandbox: &Inner, _: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.teams()))
}

pub(super) fn teams_of(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    sandbox.world.teams_of(id).map(|json| Answer::data(&json)).ok_or_else(|| missing(id))
}

fn missing(id: i64) -> Answer {
    Answer::not_found(format_args!("user {id}"))
}
