//! Contacts: by id, by address, by external id, and what may be written to them.

use http::StatusCode;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;

/// Contacts of an answer when the caller does not say; neither this nor the most is documented.
const LIMIT_DEFAULT: usize = 10;
/// Most contacts of an answer.
const LIMIT_MAX: usize = 100;
/// Most external ids of one call.
const IDS_MAX: usize = 100;

pub(super) fn get(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    let found = sandbox.world.contact(id).ok_or_else(|| Answer::not_found(format_args!("contact {id}")))?;
    Ok(Answer::data(&found))
}

/// By `email`, or by `idType=external` and `id`. Always a list; one by address carries a `Link` header, as Drift's
/// page shows it. How that link pages is not documented; ours leads to an empty last page.
pub(super) fn find(sandbox: &Inner, call: &Call<'_>) -> Answered {
    if call.query("idType").is_some_and(|kind| kind == "external") {
        let ids: Vec<String> = call.queries("id").take(IDS_MAX).map(Into::into).collect();
        return Ok(Answer::data(&sandbox.world.contacts_by_external(&ids)));
    }
    let Some(email) = call.query("email").filter(|email| !email.is_empty()) else {
        return Err(Answer::invalid("email, or idType=external with id, is required"));
    };
    if call.query("cursor").is_some() {
        return Ok(Answer::data(b"[]"));
    }
    let limit: usize = call.query_number("limit")?.unwrap_or(LIMIT_DEFAULT);
    let found = sandbox.world.contacts_by_email(&email, limit.clamp(1, LIMIT_MAX));
    let next = format!("<{}/contacts?{}&cursor=1>; rel='next'", call.origin, call.query);
    Ok(Answer::data(&found).with("link", next))
}

pub(super) fn create(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.create_contact(&call.json()?, call.now)?))
}

pub(super) fn update(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.update_contact(call.id()?, &call.json()?, call.now)?))
}

pub(super) fn normalize(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let kind = call.query("idType").unwrap_or_default();
    let id = call.query("id").ok_or_else(|| Answer::invalid("id is required"))?;
    Ok(Answer::data(&sandbox.world.normalize_contact(&kind, &id, &call.json()?, call.now)?))
}

/// 202, unlike every other success.
pub(super) fn delete(sandbox: &Inner, call: &Call<'_>) -> Answered {
    sandbox.world.delete_contact(call.id()?)?;
    Ok(Answer::done().status(StatusCode::ACCEPTED))
}

pub(super) fn timeline(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.timeline_event(&call.json()?, call.now)?))
}

pub(super) fn attributes(sandbox: &Inner, _: &Call<'_>) -> Answered {
    let properties = sandbox.world.contact_attributes();
    Ok(Answer::bare([b"{\"data\":{\"properties\":", &*properties, b"}}"].concat()))
}

pub(super) fn add_tags(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::data(&sandbox.world.add_contact_tags(call.id()?, &call.json()?, call.now)?))
}

pub(super) fn remove_tag(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let names = [call.param(1).into_owned()];
    Ok(Answer::data(&sandbox.world.remove_contact_tags(call.id()?, &names, call.now)?))
}

/// Names as `[{"name"}]` or as `["name"]`; which of them is not documented.
pub(super) fn remove_tags(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let body = call.json()?;
    let tags = body.as_array().ok_or_else(|| Answer::invalid("expected an array of tags"))?;
    let names: Vec<String> =
        tags.iter().filter_map(|tag| tag["name"].as_str().or(tag.as_str())).map(str::to_owned).collect();
    Ok(Answer::data(&sandbox.world.remove_contact_tags(call.id()?, &names, call.now)?))
}

pub(super) fn unsubscribe(sandbox: &Inner, call: &Call<'_>) -> Answered {
    sandbox.world.unsubscribe_emails(&call.json()?)?;
    Ok(Answer::done())
}
