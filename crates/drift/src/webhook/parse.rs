//! From the bytes of a body to an event.

use model::{OrgId, Secret};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::event::Event;
use super::fields::Fields;
use super::subjects::{Subjects, payload};
use super::{EventError, EventFacts, EventKind, Identity};
use crate::wire::Extra;

/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Most levels of nesting: data within data, with a context and its location, is 5.
pub const DEPTH_MAX: usize = 64;
/// Most bytes of a type's name.
pub const TYPE_BYTES_MAX: usize = 128;

/// What the documentation lists, and what would be an id of the event if one ever came.
const TOP_LEVEL: [&str; 6] = ["type", "token", "orgId", "data", "id", "eventId"];
const EMPTY: &str = "{}";

pub(super) fn event(body: &[u8]) -> Result<Event<'_>, EventError> {
    let text = text(body)?;
    let top = Fields::read(text).map_err(|error| reason(&error, text, 0, EventError::NotAnObject))?;
    let spelled = spelled(&top)?;
    let kind = EventKind::of(&spelled);
    let raw = top.raw("data");
    let data_text = raw.map_or(EMPTY, RawValue::get);
    let start = raw.map_or(0, |raw| raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr()));
    let data = Fields::read(data_text)
        .map_err(|error| reason(&error, data_text, start, EventError::DataNotAnObject))?;
    let org = org(&top, &data)?;
    let payload = payload(&kind, data, data_text);
    let event_id = top.get::<String>("id").or_else(|| top.get("eventId")).filter(|id| !id.is_empty());
    let subjects = Subjects::read(&kind, &payload);
    Ok(Event {
        org,
        identity: Identity::of(&kind, org, event_id.as_deref(), &payload, &subjects),
        facts: EventFacts::read(&kind, &subjects, &payload),
        spelled,
        token: top.get::<String>("token").map(Secret::new),
        event_id,
        conversation: subjects.conversation,
        contact: subjects.contact,
        user: subjects.user,
        message: subjects.message,
        playbook: subjects.playbook,
        meeting: subjects.meeting,
        occurred_at: subjects.occurred_at,
        data: raw.unwrap_or_else(nothing),
        extra: extra(&top),
        kind,
    })
}

fn nothing<'a>() -> &'a RawValue {
    serde_json::from_str(EMPTY).expect("an empty object is JSON")
}

fn text(body: &[u8]) -> Result<&str, EventError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(EventError::TooLong);
    }
    if body.trim_ascii().is_empty() {
        return Err(EventError::Empty);
    }
    let text = std::str::from_utf8(body).map_err(|error| EventError::NotUtf8 { at: error.valid_up_to() })?;
    if depth(body) > DEPTH_MAX { Err(EventError::TooDeep) } else { Ok(text) }
}

/// The deepest nesting, by brackets outside of texts. Malformed JSON has one too; the reader tells of it afterwards.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most, mut at) = (0_usize, 0, 0);
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            b'"' => at = after_text(body, at),
            _ => {}
        }
    }
    most
}

/// Where it goes on after the quotation mark that ends a text. Texts are most of a body: they are stepped over many bytes at a time.
fn after_text(body: &[u8], mut at: usize) -> usize {
    while let Some(next) = body.get(at..).and_then(|rest| memchr::memchr2(b'\\', b'"', rest)) {
        at += next + 1;
        if body[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    body.len()
}

/// What is wrong with a text that was to be an object; `start` is where the text stands in the body.
fn reason(error: &serde_json::Error, text: &str, start: usize, not_an_object: EventError) -> EventError {
    match error.classify() {
        Category::Data => not_an_object,
        Category::Eof => EventError::EndsEarly { at: start + text.len() },
        Category::Syntax | Category::Io => {
            let before =
                text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            EventError::Malformed { at: start + before + error.column().saturating_sub(1) }
        }
    }
}

fn spelled(top: &Fields<'_>) -> Result<String, EventError> {
    let raw = top.raw("type").ok_or(EventError::NoType)?;
    let spelled: String = serde_json::from_str(raw.get()).map_err(|_| EventError::BadType)?;
    let fits =
        !spelled.is_empty() && spelled.len() <= TYPE_BYTES_MAX && !spelled.chars().any(char::is_control);
    if fits { Ok(spelled) } else { Err(EventError::BadType) }
}

/// The top level's, else that of `data`. A 0 in `data` was seen beside a true one at the top: it is none.
fn org(top: &Fields<'_>, data: &Fields<'_>) -> Result<OrgId, EventError> {
    let known = |fields: &Fields<'_>| fields.get::<OrgId>("orgId").filter(|org| org.0 > 0);
    let told = top.raw("orgId").is_some() || data.raw("orgId").is_some();
    let wrong = if told { EventError::BadOrg } else { EventError::NoOrg };
    known(top).or_else(|| known(data)).ok_or(wrong)
}

fn extra(top: &Fields<'_>) -> Extra {
    let unknown = top.iter().filter(|(name, _)| !TOP_LEVEL.contains(name));
    unknown.filter_map(|(name, raw)| Some((name.to_owned(), serde_json::from_str(raw.get()).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte.
    fn plain_depth(body: &[u8]) -> usize {
        let (mut now, mut most, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
        for byte in body {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_text => is_escaped = true,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => now += 1,
                b'}' | b']' if !in_text => now = now.saturating_sub(1),
                _ => {}
            }
            most = most.max(now);
        }
        most
    }

    proptest! {
        #[test]
        fn brackets_count_outside_of_texts_only(body in r#"[\[\]{}"\\a ]{0,200}"#) {
            prop_assert_eq!(depth(body.as_bytes()), plain_depth(body.as_bytes()));
        }
    }
}
