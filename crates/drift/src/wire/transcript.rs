#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Transcripts in JSON. No page of Drift's shows the shape; three have been guessed at and all are read.

use model::{MessageId, Millis, Pii};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::shape::shape;
use super::{Field, Lazy, MessageKind};

shape! {
    /// One line of a transcript.
    #[serde(rename_all = "camelCase")]
    pub struct TranscriptLine {
        pub id: Option<MessageId>,
        pub body: Option<Pii<String>>,
        #[serde(rename = "type")]
        pub kind: Option<MessageKind>,
        /// An object as in messages, or a name.
        pub author: Option<Lazy<Value>>,
        pub created_at: Option<Millis>,
    }
}

/// A transcript, whichever of its three forms came: a list, `data` with a list, `data.messages`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct JsonTranscript {
    /// Its lines, in Drift's order.
    pub lines: Vec<TranscriptLine>,
}

impl<'de> Deserialize<'de> for JsonTranscript {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Value::deserialize(deserializer)?;
        for key in ["data", "messages"] {
            if let Some(inner) = found.get_mut(key) {
                found = inner.take();
            }
        }
        Vec::read(found).map(|lines| Self { lines }).map_err(serde::de::Error::custom)
    }
}
