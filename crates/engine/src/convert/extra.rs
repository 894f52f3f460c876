//! Building the `extra` text: raw JSON is copied, not parsed again.

use drift::wire::Extra;
use serde::Serialize;

/// A JSON object under construction.
pub(super) struct Rest {
    text: String,
}

impl Rest {
    /// Begin with the fields that had no name.
    pub(super) fn of(extra: &Extra) -> Self {
        let mut text = extra.to_json();
        text.pop();
        Self { text }
    }

    /// Add a field that is JSON already.
    pub(super) fn raw(mut self, name: &str, json: Option<&str>) -> Self {
        if let Some(json) = json {
            self.key(name);
            self.text.push_str(json);
        }
        self
    }

    /// Add a field by value; absent stays absent.
    pub(super) fn value<T: Serialize>(mut self, name: &str, value: Option<&T>) -> Self {
        if let Some(json) = value.and_then(|value| serde_json::to_string(value).ok()) {
            self.key(name);
            self.text.push_str(&json);
        }
        self
    }

    /// The object's text.
    pub(super) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_and_raw_ones_make_one_object() {
        let extra: Extra = serde_json::from_str(r#"{"novel":[1,2]}"#).unwrap();
        let text = Rest::of(&extra).raw("context", Some(r#"{"ip":"x"}"#)).value("flag", Some(&true)).finish();
        assert_eq!(text, r#"{"novel":[1,2],"context":{"ip":"x"},"flag":true}"#);
        let none = Rest::of(&Extra::default()).raw("context", None).value::<bool>("flag", None).finish();
        assert_eq!(none, "{}");
        assert_eq!(Rest::of(&Extra::default()).raw("a", Some("1")).finish(), r#"{"a":1}"#);
    }
}
