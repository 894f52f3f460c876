//! What may be kept of an event's `data` in the clear: ids, times, and words from Drift's own vocabularies.
//!
//! Everything is replaced unless it is known to be harmless: a field that appears tomorrow is hidden, not shown.

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// What stands in place of a text, a number or a name.
const MASK: &str = "***";
/// Most bytes of an id or a word that is kept, and of a field's name.
const WORD_BYTES_MAX: usize = 64;

/// Fields whose words are Drift's, not somebody's.
const WORDS: [&str; 10] = [
    "type",
    "status",
    "availability",
    "eventType",
    "authorType",
    "editType",
    "meetingSource",
    "meetingType",
    "style",
    "reportType",
];
/// Fields with an id that is text.
const TEXT_IDS: [&str; 3] = ["slug", "meetingSlug", "goalId"];
/// Fields with a number that is neither called an id nor an instant.
const NUMBERS: [&str; 9] = [
    "slotStart",
    "slotEnd",
    "timestamp",
    "lastUpdated",
    "participants",
    "addedParticipants",
    "removedParticipants",
    "start_date",
    "last_active",
];

/// The JSON of an event's `data` with ids and times kept, and all that may be anybody's replaced by `***`.
///
/// What cannot be read is replaced whole.
#[must_use]
pub fn redact(data: &RawValue) -> String {
    let value = serde_json::from_str(data.get()).map_or_else(|_| masked(), |value| cleaned("", value));
    value.to_string()
}

fn cleaned(name: &str, value: Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(number) => kept_number(name, &number).map_or_else(masked, Value::Number),
        Value::String(text) => kept_text(name, &text).map_or_else(masked, |()| Value::String(text)),
        Value::Array(elements) => elements.into_iter().map(|element| cleaned(name, element)).collect(),
        Value::Object(fields) if name == "diff" => Value::Object(change(fields)),
        Value::Object(fields) => Value::Object(object(fields)),
    }
}

fn object(fields: Map<String, Value>) -> Map<String, Value> {
    let clean = |(name, value): (String, Value)| {
        let value = cleaned(&name, value);
        (if is_name(&name) { name } else { MASK.to_owned() }, value)
    };
    fields.into_iter().map(clean).collect()
}

/// One change of a contact's attribute: which one is kept, what it was and is not.
fn change(fields: Map<String, Value>) -> Map<String, Value> {
    let attribute =
        fields.get("name").and_then(Value::as_str).filter(|name| is_name(name)).map(str::to_owned);
    let mut clean = object(fields);
    if let (Some(attribute), Some(name)) = (attribute, clean.get_mut("name")) {
        *name = Value::String(attribute);
    }
    clean
}

fn kept_number(name: &str, number: &Number) -> Option<Number> {
    let whole = number.is_i64() || number.is_u64();
    (whole && (is_id(name) || is_time(name) || NUMBERS.contains(&name))).then(|| number.clone())
}

fn kept_text(name: &str, text: &str) -> Option<()> {
    let digits = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let id = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let fits = text.len() <= WORD_BYTES_MAX;
    let kept = (is_id(name) || is_time(name)) && digits
        || WORDS.contains(&name) && word && fits
        || TEXT_IDS.contains(&name) && id && fits;
    kept.then_some(())
}

/// An id of Drift's. `externalId` is the customer's, and often an address.
fn is_id(name: &str) -> bool {
    (name == "id" || name.ends_with("Id")) && name != "externalId"
}

fn is_time(name: &str) -> bool {
    name.ends_with("At") || name.ends_with("_at")
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= WORD_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn masked() -> Value {
    Value::String(MASK.to_owned())
}
