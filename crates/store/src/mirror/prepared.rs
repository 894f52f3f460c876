//! The part of applying that needs no database: hashing messages and rendering their text. Whoever fetches many
//! conversations at once does it there, side by side, and leaves to the one writer only what must be done in turn.

use std::borrow::Cow;

use model::record::{Message, Snapshot};

use crate::hash::{Encoder, Hash, clean};
use crate::text;

/// A snapshot, hashed and rendered.
#[derive(Debug, Clone)]
pub struct Prepared<'a> {
    snapshot: Cow<'a, Snapshot>,
    contents: Vec<Content>,
}

/// What is worked out of one message.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) hash: Hash,
    pub(crate) text: Option<String>,
}

impl Prepared<'static> {
    /// Prepare a snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let contents = contents(snapshot.messages.as_deref().unwrap_or_default());
        Self { snapshot: Cow::Owned(snapshot), contents }
    }
}

impl<'a> Prepared<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let contents = contents(snapshot.messages.as_deref().unwrap_or_default());
        Self { contents, snapshot: Cow::Borrowed(snapshot) }
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The messages with what was worked out of each, where messages were read.
    pub(crate) fn messages(&self) -> Option<impl Iterator<Item = (&Message, &Content)>> {
        self.snapshot.messages.as_ref().map(|messages| messages.iter().zip(&self.contents))
    }
}

/// Work out each message.
pub(crate) fn contents(messages: &[Message]) -> Vec<Content> {
    let mut encoder = Encoder::default();
    let content = |message: &Message| Content {
        hash: encoder.message(message),
        text: message.body.as_ref().map(|body| text::from_html(&clean(body.expose()))),
    };
    messages.iter().map(content).collect()
}
