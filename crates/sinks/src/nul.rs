//! U+0000 in texts: databases cannot hold it, or cut a text off at it.

use std::borrow::Cow;

/// The text with U+FFFD for U+0000, as the store itself keeps what Drift sends.
pub(crate) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}
