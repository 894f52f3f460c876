#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Files on messages.

use bytes::Bytes;
use model::{AttachmentId, Pii};

use super::shape::shape;

shape! {
    /// A file on a message, without its bytes. No page of Drift's describes it.
    #[serde(rename_all = "camelCase")]
    pub struct AttachmentRef {
        pub id: AttachmentId,
        pub file_name: Option<Pii<String>>,
        pub mime_type: Option<String>,
        pub url: Option<Pii<String>>,
    }
}

/// A file's bytes, as the API gave them.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Which file it is.
    pub id: AttachmentId,
    /// The answer's `Content-Type`.
    pub content_type: Option<String>,
    /// The name in the answer's `Content-Disposition`.
    pub file_name: Option<Pii<String>>,
    /// The file.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment")
            .field("id", &self.id)
            .field("content_type", &self.content_type)
            .field("file_name", &self.file_name)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}
