//! `GET /conversations/list` in both of its forms.
//!
//! Drift's two pages contradict each other (host, largest page, cursor). Both forms page over one list, newest update
//! first, so rows move while somebody reads: the cursor is a place in the list, not a row. The newer form's
//! `page_token` carries place, page size and statuses, since it keeps the page size of the first call; it ends with a
//! `links` without `next`. The older form's `pagination` is there only if more remains.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::answer::{Answer, Answered};
use crate::call::{Call, Host};
use crate::options::ListForm;
use crate::sandbox::Inner;

/// Rows of a page when the caller does not say.
const LIMIT_DEFAULT: usize = 25;
/// Most rows of a page of the newer form (Drift: List conversations).
const LIMIT_MAX_NEWER: usize = 100;
/// Most rows of a page of the older form (Drift: Listing conversations).
const LIMIT_MAX_OLDER: usize = 50;
/// Most `statusId`s of one call.
const STATUSES_MAX: usize = 16;

/// Where a page starts and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    offset: u64,
    limit: usize,
    statuses: Vec<u8>,
}

pub(super) fn list(sandbox: &Inner, call: &Call<'_>) -> Answered {
    if is_newer(sandbox.options.list_form, call) { newer(sandbox, call) } else { older(sandbox, call) }
}

/// The row that the page a call asks for starts at; for faults that fall on one page.
pub(crate) fn page_offset(form: ListForm, call: &Call<'_>) -> Option<u64> {
    let place = if is_newer(form, call) { newer_place(call) } else { older_place(call) };
    place.ok().map(|place| place.offset)
}

fn is_newer(form: ListForm, call: &Call<'_>) -> bool {
    match form {
        ListForm::Newer => true,
        ListForm::Older => false,
        ListForm::ByHost => call.host == Host::List || call.query("page_token").is_some(),
    }
}

fn newer(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let place = newer_place(call)?;
    let start = place.offset.saturating_add_signed(call.shift);
    let slice = sandbox.world.list(start, place.limit, &place.statuses);
    let origin = sandbox.options.public_url.as_deref().unwrap_or(call.origin).trim_end_matches('/');
    let mut links = json!({"self": link(origin, &place)});
    if slice.more {
        let offset = start.saturating_add(slice.count as u64);
        links["next"] = link(origin, &Place { offset, ..place }).into();
    }
    Ok(Answer::bare(
        [b"{\"data\":", &*slice.array, b",\"links\":", links.to_string().as_bytes(), b"}"].concat(),
    ))
}

fn newer_place(call: &Call<'_>) -> Result<Place, Answer> {
    match call.query("page_token") {
        Some(token) if !token.is_empty() => {
            read_token(&token).ok_or_else(|| Answer::invalid("page_token is not one of ours"))
        }
        _ => Ok(Place { offset: 0, limit: limit(call, LIMIT_MAX_NEWER)?, statuses: statuses(call)? }),
    }
}

fn older(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let place = older_place(call)?;
    let start = place.offset.saturating_add_signed(call.shift);
    let slice = sandbox.world.list(start, place.limit, &place.statuses);
    if !slice.more {
        return Ok(Answer::data(&slice.array));
    }
    let next = start.saturating_add(slice.count as u64);
    let pagination = format!(",\"pagination\":{{\"more\":true,\"next\":\"{next}\"}}}}");
    Ok(Answer::bare([b"{\"data\":", &*slice.array, pagination.as_bytes()].concat()))
}

fn older_place(call: &Call<'_>) -> Result<Place, Answer> {
    let offset = call.query_number("next")?.unwrap_or(0);
    Ok(Place { offset, limit: limit(call, LIMIT_MAX_OLDER)?, statuses: statuses(call)? })
}

fn limit(call: &Call<'_>, max: usize) -> Result<usize, Answer> {
    match call.query_number("limit")?.unwrap_or(LIMIT_DEFAULT) {
        0 => Err(Answer::invalid("limit is 0: expected at least 1")),
        limit if limit > max => Err(Answer::invalid(format_args!("limit is {limit}: at most {max}"))),
        limit => Ok(limit),
    }
}

/// `statusId` may be repeated; 1 open, 2 closed, 3 pending. None means all.
fn statuses(call: &Call<'_>) -> Result<Vec<u8>, Answer> {
    let of_one = |text: &str| match text.parse() {
        Ok(status @ 1..=3) => Ok(status),
        _ => Err(Answer::invalid(format_args!("statusId is \"{text}\": expected 1, 2 or 3"))),
    };
    let given = call.queries("statusId").filter(|text| !text.is_empty()).take(STATUSES_MAX);
    given.map(|text| of_one(&text)).collect()
}

fn link(origin: &str, place: &Place) -> String {
    format!("{origin}/conversations/list?page_token={}", write_token(place))
}

fn write_token(place: &Place) -> String {
    let statuses: Vec<String> = place.statuses.iter().map(u8::to_string).collect();
    URL_SAFE_NO_PAD.encode(format!("{}/{}/{}", place.offset, place.limit, statuses.join(",")))
}

fn read_token(token: &str) -> Option<Place> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let mut parts = text.splitn(3, '/');
    let offset = parts.next()?.parse().ok()?;
    let limit = parts.next()?.parse().ok().filter(|limit| (1..=LIMIT_MAX_NEWER).contains(limit))?;
    let statuses = parts.next()?.split(',').filter(|text| !text.is_empty());
    Some(Place { offset, limit, statuses: statuses.map(|text| text.parse().ok()).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_is_read_as_it_was_written() {
        let place = Place { offset: 1_200, limit: 100, statuses: vec![1, 3] };
        assert_eq!(read_token(&write_token(&place)), Some(place));
        assert_eq!(read_token("not/ours"), None);
        assert_eq!(read_token(&URL_SAFE_NO_PAD.encode("0/101/")), None);
    }
}
