#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Reports: metrics of conversations, filtered.
//!
//! A metric without a value comes as `"NaN"`; a bare `NaN`, which is no JSON, and `null` are read the same.

use std::borrow::Cow;
use std::fmt;

use model::{ConversationId, Millis};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Field;
use super::open_enum::open_enum;
use super::shape::shape;

shape! {
    /// What a report gave. Neither paging nor a limit on rows is documented: compare `count` with the rows.
    pub struct Report {
        pub count: Option<i64>,
        #[serde(rename = "data")]
        pub rows: Vec<ReportRow>,
    }
}

shape! {
    /// One conversation's metrics, in the order they were asked for.
    #[serde(rename_all = "camelCase")]
    pub struct ReportRow {
        pub conversation_id: ConversationId,
        pub metrics: Metrics,
    }
}

/// Metrics by position; `None` where Drift has no value.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Metrics(pub Vec<Option<f64>>);

impl Field for Metrics {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Positions;
        impl<'de> Visitor<'de> for Positions {
            type Value = Vec<Option<f64>>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of metrics")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut metrics = Vec::new();
                while let Some(Metric(metric)) = seq.next_element()? {
                    metrics.push(metric);
                }
                Ok(metrics)
            }
        }
        deserializer.deserialize_seq(Positions).map(Self)
    }
}

struct Metric(Option<f64>);

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Maybe;
        impl Visitor<'_> for Maybe {
            type Value = Option<f64>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"NaN\" or null")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
                Ok(Some(f64::from(u8::from(truth))))
            }
            #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds lie far within 2^53")]
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Some(number as f64))
            }
            #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds lie far within 2^53")]
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Some(number as f64))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(number.is_finite().then_some(number))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let text = text.trim();
                if text.is_empty() {
                    return Ok(None);
                }
                let number: f64 = text.parse().map_err(|_| E::custom("a metric is a text, not a number"))?;
                Ok(number.is_finite().then_some(number))
            }
        }
        deserializer.deserialize_any(Maybe).map(Metric)
    }
}

/// The text with each bare `NaN`, `Infinity` and `-Infinity` outside of quotes replaced by `null`.
pub(crate) fn without_bare_nan(json: &[u8]) -> Cow<'_, [u8]> {
    const BARE: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    if !BARE.iter().any(|word| json.windows(word.len()).any(|window| window == *word)) {
        return Cow::Borrowed(json);
    }
    let (mut mended, mut at, mut quoted) = (Vec::with_capacity(json.len()), 0, false);
    while at < json.len() {
        let rest = &json[at..];
        let bare = BARE.iter().find(|word| !quoted && rest.starts_with(word));
        let (taken, put): (usize, &[u8]) = match (bare, rest) {
            (Some(word), _) => (word.len(), b"null"),
            (None, [b'\\', _, ..]) if quoted => (2, &rest[..2]),
            (None, _) => (1, &rest[..1]),
        };
        quoted ^= put == b"\"";
        mended.extend_from_slice(put);
        at += taken;
    }
    Cow::Owned(mended)
}

open_enum! {
    /// How a filter compares. Drift's page has more than could be seen.
    pub enum Operation {
        /// Lies between two values.
        Between = "BETWEEN",
        /// There is a value.
        HasProperty = "HAS_PROPERTY",
        /// Is one of some values.
        In = "IN",
    }
}

/// One condition on the conversations of a report. Several are presumably joined by "and".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filter {
    /// Drift's name of the property, such as `updatedAt`.
    pub property: String,
    /// How it is compared.
    pub operation: Operation,
    /// With what; none for operations on the property alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

impl Filter {
    /// The property lies between two days, `YYYY-MM-DD`. Time zone and inclusion of the end are not documented.
    #[must_use]
    pub fn between_days(property: &str, first: &str, last: &str) -> Self {
        Self::new(property, Operation::Between, vec![first.into(), last.into()])
    }

    /// The property lies between two instants.
    #[must_use]
    pub fn between(property: &str, first: Millis, last: Millis) -> Self {
        Self::new(property, Operation::Between, vec![first.0.into(), last.0.into()])
    }

    /// There is a value.
    #[must_use]
    pub fn has(property: &str) -> Self {
        Self::new(property, Operation::HasProperty, Vec::new())
    }

    /// The property is one of these.
    #[must_use]
    pub fn is_in(property: &str, values: Vec<Value>) -> Self {
        Self::new(property, Operation::In, values)
    }

    /// Any operation.
    #[must_use]
    pub fn new(property: &str, operation: Operation, values: Vec<Value>) -> Self {
        Self { property: property.to_owned(), operation, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_nan_becomes_null_and_quoted_text_stays() {
        for (from, to) in [
            (r#"[1,NaN,2]"#, r#"[1,null,2]"#),
            (r#"[-Infinity,Infinity]"#, r#"[null,null]"#),
            (r#"["NaN","a \" NaN"]"#, r#"["NaN","a \" NaN"]"#),
            (r#"["\\",NaN]"#, r#"["\\",null]"#),
            (r#"[1]"#, r#"[1]"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_bare_nan(from.as_bytes())), to);
        }
    }
}
