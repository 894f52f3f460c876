//! How an answer is spoilt: cut, shortened, replaced, or given fields that nobody knows.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

/// The field that no documentation knows.
pub(crate) const UNKNOWN_FIELD: &str = "sandboxNovelty";

/// What a proxy says in place of the API, with status 200.
pub(crate) const HTML: &str = "<!doctype html><html><head><title>Just a moment</title></head>\
    <body><h1>We are making things better</h1><p>Please come back in a few minutes.</p></body></html>";

/// The first part of the body, then an error: the server closes the connection, and in process the body fails.
pub(crate) fn cut(body: &Bytes) -> Body {
    let half = body.slice(..body.len() / 2);
    let broken = async {
        // One turn for the server to send what it has; with an error at once it would send nothing at all.
        tokio::task::yield_now().await;
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the sandbox cut the connection"))
    };
    Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(broken)))
}

/// The body without its end: between a tenth and nine tenths of it, never all.
pub(crate) fn truncated(body: &Bytes, draw: u64) -> Bytes {
    let tenths = 1 + usize::try_from(draw % 9).unwrap_or(0);
    body.slice(..(body.len() * tenths / 10).min(body.len().saturating_sub(1)))
}

/// The body with [`UNKNOWN_FIELD`] in every object that stands for a thing. Objects that are maps (users by id,
/// counts by status) stay as they are: a new key there would be a new entry, not a new field.
pub(crate) fn with_unknown_fields(body: &Bytes) -> Bytes {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            add_fields(&mut value);
            Bytes::from(value.to_string())
        }
        Err(_) => body.clone(),
    }
}

fn add_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_fields),
        Value::Object(fields) => {
            fields.values_mut().for_each(add_fields);
            let is_thing =
                ["id", "accountId", "playbookId", "slug", "name", "type", "conversationId", "more", "data"]
                    .iter()
                    .any(|key| fields.contains_key(*key));
            if is_thing {
                fields.insert(UNKNOWN_FIELD.to_owned(), json!({"since": 2027, "words": ["ab", null]}));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_get_a_new_field_and_maps_do_not() {
        let body = Bytes::from_static(br#"{"data":{"17":{"id":17}},"conversationCount":{"OPEN":1}}"#);
        let spoilt: Value = serde_json::from_slice(&with_unknown_fields(&body)).unwrap();
        assert!(spoilt["data"]["17"][UNKNOWN_FIELD].is_object());
        assert!(spoilt[UNKNOWN_FIELD].is_object());
        assert_eq!(spoilt["data"].as_object().unwrap().len(), 1);
        assert_eq!(spoilt["conversationCount"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_truncated_answer_is_never_whole() {
        let body = Bytes::from_static(b"{}");
        assert!((0..20).all(|draw| truncated(&body, draw).len() < 2));
        assert_eq!(truncated(&Bytes::new(), 3).len(), 0);
    }
}
